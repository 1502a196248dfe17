"""Explanations come from a process of its own, which is never left behind."""

import asyncio
from pathlib import Path

import pytest

from interlock.app.explaining import JournalExplainer
from interlock.service.problems import Problem


def problem_of(explainer: JournalExplainer, name: str) -> Problem:
    with pytest.raises(Problem) as caught:
        asyncio.run(explainer(name))
    return caught.value


def test_one_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERLOCK_HOME", str(tmp_path))

    found = problem_of(JournalExplainer(tmp_path, deadline_s=0.0), "o-1C7-2")

    assert (found.status, found.code) == (503, "LATE")
    assert found.message.endswith("interlock explain o-1C7-2")


@pytest.mark.parametrize("name", ["o-1C7-2", "--help"])
def test_what_is_not_in_the_journal_is_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """An option among the names is a name, too."""
    monkeypatch.setenv("INTERLOCK_HOME", str(tmp_path))
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")

    assert problem_of(JournalExplainer(tmp_path), name).status == 404
