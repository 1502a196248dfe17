"""A bug is planted in a process of its own, or it says why it cannot be."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bugbank.bugs import (
    BUGS,
    PACKAGE,
    Bug,
    StaleError,
    all_bugs,
    changed,
    patched_sources,
    read_bug,
)
from tests.bugbank.page import PAGE
from tests.bugbank.planting import plant

ROOT = Path(__file__).parents[2]
ENTRIES_MIN = 50
TEXT = """\
Two is three
Pentium FDIV, 1994

What a machine added up
was wrong.

--- kernel/units.py
 def f() -> int:
-    return 2
+    return 3
@@
 def g() -> int:

-    return 2
"""
SOURCE = "X = 1\n\n\ndef f() -> int:\n    return 2\n\n\ndef g() -> int:\n\n    return 2\n"


def bug(text: str = TEXT) -> Bug:
    return read_bug("two_is_three", text)


def one_change(lines: str) -> Bug:
    return bug(f"Title\nSource\n\n--- kernel/units.py\n{lines}")


def in_a_process_of_its_own(code: str) -> str:
    """Return what Python prints that runs ``code``."""
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
    )
    return ran.stdout.strip()


# --- a file -----------------------------------------------------------------------------------


def test_a_file_says_what_happened_and_what_changes() -> None:
    found = bug()

    assert (found.name, found.title) == ("two_is_three", "Two is three")
    assert (found.source, found.story) == (
        "Pentium FDIV, 1994",
        "What a machine added up was wrong.",
    )
    assert [change.module for change in found.changes] == ["interlock.kernel.units"] * 2
    assert changed(found, "kernel/units.py", SOURCE) == (
        "X = 1\n\n\ndef f() -> int:\n    return 3\n\n\ndef g() -> int:\n\n"
    )


def test_a_file_that_is_not_named_stays_as_it_is() -> None:
    assert changed(bug(), "kernel/codes.py", SOURCE) == SOURCE


@pytest.mark.parametrize(
    "lines",
    [
        "-    return 4\n+    return 5\n",  # nowhere
        "-    return 2\n+    return 5\n",  # twice
        "-return 2\n+return 5\n",  # in the middle of a line
        " def f() -> int:\n",  # changes nothing
    ],
)
def test_a_change_fits_in_one_place_or_is_stale(lines: str) -> None:
    with pytest.raises(StaleError, match=r"two_is_three\.diff must fit kernel/units\.py"):
        changed(one_change(lines), "kernel/units.py", SOURCE)


def test_lines_without_a_mark_are_refused() -> None:
    with pytest.raises(StaleError, match="must begin with"):
        one_change("return 2\n")


def test_a_file_without_a_change_is_refused() -> None:
    with pytest.raises(StaleError, match="must have a title, a source and a change"):
        bug("Title\nSource\n")


def test_a_change_of_a_file_that_is_gone_is_stale() -> None:
    gone = bug("Title\nSource\n\n--- kernel/gone.py\n-a\n+b\n")

    with pytest.raises(StaleError, match=r"changes kernel/gone\.py, which is not there"):
        patched_sources(gone)


def test_what_is_compiled_runs_plain_with_a_bug_in_it() -> None:
    assert bug().is_plain
    assert not bug("Title\nSource\n\n--- runtime/link.py\n-a\n+b\n").is_plain


# --- a process --------------------------------------------------------------------------------


def test_a_planted_bug_is_in_what_is_imported_and_not_in_its_file() -> None:
    before = (PACKAGE / "kernel" / "units.py").read_bytes()

    said = in_a_process_of_its_own(
        "from tests.bugbank.bugs import read_bug\n"
        "from tests.bugbank.planting import plant\n"
        "plant(read_bug('b', 'T\\nS\\n\\n--- kernel/units.py\\n-BP_PPM: Final = 100\\n"
        "+BP_PPM: Final = 7\\n'))\n"
        "from interlock.kernel import units, costs\n"
        "print(units.BP_PPM, costs.BP_PPM, units.__file__)\n"
    )

    assert said == f"7 7 {PACKAGE / 'kernel' / 'units.py'}"
    assert (PACKAGE / "kernel" / "units.py").read_bytes() == before
    assert (
        in_a_process_of_its_own("from interlock.kernel import units; print(units.BP_PPM)") == "100"
    )


def test_nothing_is_planted_in_what_was_imported_already() -> None:
    importlib.import_module("interlock.kernel.units")
    late = bug("T\nS\n\n--- kernel/units.py\n-BP_PPM: Final = 100\n+BP_PPM: Final = 7\n")

    with pytest.raises(RuntimeError, match="must not be imported before two_is_three is planted"):
        plant(late)


# --- the bank ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(BUGS.glob("*")), ids=lambda path: path.stem)
def test_every_bug_fits_the_code_as_it_is(path: Path) -> None:
    found = read_bug(path.stem, path.read_text())

    assert path.suffix == ".diff"
    for file, text in patched_sources(found).values():
        compile(text, file, "exec")


def test_there_are_enough_of_them_and_none_twice() -> None:
    bugs = all_bugs()

    assert len(bugs) >= ENTRIES_MIN
    assert len({each.title for each in bugs}) == len(bugs)
    assert len({each.changes for each in bugs}) == len(bugs)


def test_the_page_has_a_row_for_every_bug() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")][2:]

    assert [row.split(" | ")[:2] for row in rows] == [
        [f"| {each.title}", each.source] for each in all_bugs()
    ]
