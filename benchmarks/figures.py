"""What a figure is: something measured, its bar, and whether it got there."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from benchmarks.text import short, table

HEADER: Final = ("figure", "measured", "bar", "verdict", "how")


class NotMeasuredError(Exception):
    """A figure could not be measured; the text says why."""


class Verdict(StrEnum):
    """How a figure stands to its bar."""

    REACHED = "PASS"
    FALLS_SHORT = "FALL SHORT"
    VOID = "VOID"  # it was not the same work
    NOT_MEASURED = "NOT MEASURED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table.

    Attributes:
        bar: The number to reach.
        more_is_better: The bar is a floor; else it is a ceiling.
        measured: None when it was not; ``how`` then says why.
        how: Whatever the reader needs to judge the number.
        void: Why the number means nothing; empty when it means something.
    """

    name: str
    unit: str
    bar: float
    more_is_better: bool = False
    measured: float | None = None
    how: str = ""
    void: str = ""

    @property
    def verdict(self) -> Verdict:
        """Judge the figure; a number that is not one does not pass."""
        if self.void:
            return Verdict.VOID
        if self.measured is None:
            return Verdict.NOT_MEASURED
        reached = self.measured >= self.bar if self.more_is_better else self.measured <= self.bar
        return Verdict.REACHED if reached else Verdict.FALLS_SHORT

    def facts(self) -> dict[str, object]:
        """Return the figure as JSON has it."""
        return {
            "figure": self.name,
            "measured": self.measured,
            "unit": self.unit,
            "bar": self.bar,
            "more_is_better": self.more_is_better,
            "verdict": self.verdict.value,
            "how": self.void or self.how,
        }

    def row(self) -> tuple[str, str, str, str, str]:
        """Return the figure as the table has it."""
        sign = ">=" if self.more_is_better else "<="
        measured = "-" if self.measured is None else f"{short(self.measured)} {self.unit}"
        bar = f"{sign} {short(self.bar)} {self.unit}"
        return self.name, measured, bar, self.verdict.value, self.void or self.how


def show(figures: Sequence[Figure]) -> str:
    """Return all figures as one table."""
    return table(HEADER, [figure.row() for figure in figures], align="<>><<")
