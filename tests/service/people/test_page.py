"""docs/people.md says what the code does."""

import re
from pathlib import Path

from interlock.service.people import requests
from interlock.service.people.managing import PEOPLE_ONLY
from interlock.service.people.passwords import LENGTH_MAX, LENGTH_MIN, MEMORY_KIB, PASSES
from interlock.service.people.sessions import SESSIONS_MAX, WRONG_CODES_MAX
from interlock.service.people.throttle import Kind
from interlock.service.people.users import RECOVERY_CODES
from interlock.service.permissions import GRANTS, Permission, Role

PAGE = Path(__file__).parents[3] / "docs" / "people.md"


def roles_table() -> str:
    """Return what each role may do, as a table."""
    lines = [f"| | {' | '.join(Role)} |", f"| --- |{' --- |' * len(Role)}"]
    for permission in Permission:
        cells = ["yes" if permission in GRANTS[role] else "-" for role in Role]
        lines.append(f"| `{permission}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def test_the_table_of_roles_is_what_the_code_grants() -> None:
    made = re.search(r"(?s)must be here\. -->\n\n(.*?)\n\n<!-- End", PAGE.read_text())

    assert made
    assert made[1] == roles_table(), f"put this there:\n{roles_table()}"


def test_the_numbers_on_the_page_are_those_of_the_code() -> None:
    text = PAGE.read_text()

    assert f"{LENGTH_MIN} to {LENGTH_MAX} characters" in text
    assert f"{MEMORY_KIB >> 10} MiB in" in text
    assert PASSES == 3
    assert (RECOVERY_CODES, SESSIONS_MAX, WRONG_CODES_MAX) == (10, 10, 5)
    assert requests.EXPIRES_S == 3_600
    frees = [int(x) for x in re.findall(r"(?m)^\| [^|]*\| (\d+) \| 1 s", text)]
    assert frees == [Kind.PAIR.free, Kind.SOURCE.free, Kind.DEVICE.free, Kind.ACCOUNT.free]
    assert [kind.longest_s for kind in (Kind.PAIR, Kind.SOURCE, Kind.DEVICE, Kind.ACCOUNT)] == [
        900,
        60,
        300,
        900,
    ]


def test_what_only_people_may_do_is_named() -> None:
    said = re.search(r"No token holds (.*?):", PAGE.read_text().replace("\n", " "))

    assert said
    assert set(re.findall(r"`(\w+)`", said[1])) == set(PEOPLE_ONLY)
