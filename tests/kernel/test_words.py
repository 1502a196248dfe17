"""What the kernel may say is explained to the people who read it."""

import re
from enum import IntEnum
from pathlib import Path

import pytest

from interlock.kernel.codes import Cause, Exit, Level, Release
from interlock.kernel.reasons import MASK_BITS, REASON_MAX, Reason


@pytest.mark.parametrize("words", [Level, Release, Cause, Exit])
def test_every_word_of_an_operator_is_explained(words: type[IntEnum], root: Path) -> None:
    """One row each, in the order of the journal's numbers, and none that means nothing."""
    page = (root / "docs" / "breakers.md").read_text()
    table = page.split(f"| {words.__name__} |")[1].split("\n\n")[0]

    found = re.findall(r"(?m)^\| `([A-Z_]+)` \|", table)
    assert found == [x.name for x in words if x.name != "NONE"]


def test_reasons_are_explained_in_their_order(root: Path) -> None:
    page = (root / "docs" / "reasons.md").read_text()

    found = re.findall(r"(?m)^\| `([A-Z0-9_]+)` \|", page)
    assert found == [x.name for x in Reason if x > Reason.NONE]


def test_every_reason_has_its_bit() -> None:
    """Two words of 62 bits, and a verdict for each."""
    assert max(Reason) <= REASON_MAX == 2 * MASK_BITS
    assert len({int(x) for x in Reason}) == len(Reason)
