"""Every attack of the corpus is made, refused as stated, and changes nothing; and all are counted.

A family is a table. Those of webhooks, of addresses and of rights are made by the tests beside what
they attack, which make every row of theirs too.
"""

from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import pytest

from interlock.service.doors import ROUTES
from interlock.service.permissions import GRANTS, Role
from tests.proof.attacks import test_configuration, test_stored_text
from tests.service.api.test_matrix import METHODS, Asker
from tests.service.attacks import factor_cases, injection_cases, request_cases, session_cases
from tests.service.attacks.ssrf_cases import ADDRESSES, URLS
from tests.service.attacks.stage import Case, Stage, attacked, run
from tests.service.attacks.webhook_cases import ATTACKS as WEBHOOKS

FAMILIES: Final[dict[str, Sequence[Case]]] = {
    "sessions": session_cases.CASES,
    "requests": request_cases.CASES,
    "second factors": factor_cases.CASES,
    "injections": injection_cases.CASES,
}
LEAST: Final = {
    "webhooks": 60,
    "addresses": 60,
    "injections": 40,
    "sessions": 40,
    "second factors": 30,
    "configuration": 50,
    "rights": 400,
    "requests": 60,
    "stored text": 40,
}
ALL: Final = 1_000


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


def refused_rights() -> list[str]:
    """Return who may not use which route: each is tried by the test of the matrix."""
    text = (files("interlock.service") / ROUTES).read_text()
    browser: Any = None
    askers = [
        Asker(role, browser, set(map(str, GRANTS[role])), is_person=True, is_stepped_up=stepped_up)
        for role in Role
        for stepped_up in (False, True)
    ]
    askers += [
        Asker("nobody", browser, set()),
        Asker("a program of this machine", browser, set(), is_here=True),
    ]
    found = []
    known: dict[str, set[str]] = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        route, _, access = line.partition(": ")
        method, _, path = route.partition(" ")
        known.setdefault(path, set()).add(method)
        found += [
            f"{asker.name} ({asker.is_stepped_up}) {route}"
            for asker in askers
            if not asker.may(access)
        ]
    found += [
        f"{method} {path}" for path in known for method in METHODS if method not in known[path]
    ]
    return found


def test_the_corpus_is_as_large_as_it_has_to_be() -> None:
    names = {
        **{family: [case.name for case in cases] for family, cases in FAMILIES.items()},
        "webhooks": [one.name for one in WEBHOOKS],
        "addresses": [*URLS, *(f"resolved: {name}" for name in ADDRESSES)],
        "rights": refused_rights(),
    }
    for family, found in names.items():
        twice = [name for name, count in Counter(found).items() if count > 1]
        assert not twice, f"{family}: {twice}"
    counts = {family: len(found) for family, found in names.items()}
    counts |= {"configuration": test_configuration.COUNT, "stored text": test_stored_text.COUNT}
    few = {family: count for family, count in counts.items() if count < LEAST[family]}
    assert not few
    assert counts.keys() == LEAST.keys()
    assert sum(counts.values()) >= ALL
