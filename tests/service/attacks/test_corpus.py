"""Every attack of the corpus is made, refused as stated, and changes nothing."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.service.attacks import factor_cases, request_cases, session_cases
from tests.service.attacks.stage import Case, Stage, attacked, run

FAMILIES: dict[str, Sequence[Case]] = {
    "session": session_cases.CASES,
    "request": request_cases.CASES,
    "factor": factor_cases.CASES,
}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_attack_is_refused_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, family: str
) -> None:
    cases = FAMILIES[family]

    async def story(stage: Stage) -> list[str]:
        wrong = await attacked(stage, cases)
        assert stage.done == [case.name for case in cases]
        return wrong

    run(tmp_path, monkeypatch, story)
