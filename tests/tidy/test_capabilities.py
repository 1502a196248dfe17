"""docs/capabilities.md says what exists; what it claims, a named test holds."""

import re
from pathlib import Path
from typing import Final, NamedTuple

ROOT = Path(__file__).parents[2]
IDS_PER_AREA: Final = {
    "A": 8,
    "B": 10,
    "C": 8,
    "D": 7,
    "E": 5,
    "F": 8,
    "G": 4,
    "H": 3,
    "I": 5,
    "J": 7,
    "K": 6,
    "L": 8,
}
STATES: Final = {"built", "part", "planned"}


class Row(NamedTuple):
    """One capability as the page shows it."""

    id: str
    what: str
    state: str
    tests: tuple[str, ...]


def rows() -> list[Row]:
    """Return the page's table rows, in its order."""
    text = (ROOT / "docs" / "capabilities.md").read_text()
    found = re.findall(r"(?m)^\| ([A-Z]\d+) \| (.*?) \| (.*?) \| (.*?) \|$", text)
    return [Row(a, b, c, tuple(re.findall(r"`([^`]+)`", d))) for a, b, c, d in found]


def test_every_capability_has_one_row_in_order() -> None:
    expected = [f"{area}{n}" for area, last in IDS_PER_AREA.items() for n in range(1, last + 1)]

    assert [row.id for row in rows()] == expected


def test_what_is_built_names_its_tests_and_what_is_planned_has_none() -> None:
    for row in rows():
        assert row.state in STATES, row
        assert bool(row.tests) == (row.state != "planned"), row


def test_the_tests_that_hold_a_capability_exist() -> None:
    """``file`` or ``file::test``; a test that was renamed is missed here, not by a user."""
    for row in rows():
        for reference in row.tests:
            file, _, name = reference.partition("::")
            path = ROOT / file
            assert file.startswith("tests/"), f"{row.id}: {reference}"
            assert path.is_file(), f"{row.id}: {reference}"
            assert not name or f"def {name}(" in path.read_text(), f"{row.id}: {reference}"
