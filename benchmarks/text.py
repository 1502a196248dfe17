"""Numbers and tables as people read them."""

from collections.abc import Sequence
from typing import Final

_STEPS: Final = ((1e9, " G"), (1e6, " M"), (1e3, " k"))
_SIGNIFICANT: Final = 3


def short(number: float) -> str:
    """Return three significant digits and a unit prefix.

    >>> [short(x) for x in (153_800_000, 7_204, 99_960, 0.01234, 12.0, 0)]
    ['154 M', '7.20 k', '100 k', '0.0123', '12.0', '0']
    """
    if number == 0:
        return "0"
    number = float(f"{number:.{_SIGNIFICANT}g}")
    for size, unit in _STEPS:
        if abs(number) >= size:
            return _digits(number / size) + unit
    return _digits(number)


def last_words(said: str) -> str:
    r"""Return the last line that says something; of a traceback, the error.

    >>> last_words("Traceback:\n  somewhere\nValueError: no\n\n")
    'ValueError: no'
    """
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _digits(number: float) -> str:
    """Return three significant digits without an exponent."""
    return f"{number:#.{_SIGNIFICANT}g}".removesuffix(".")


def table(header: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> str:
    """Return columns, each aligned to the left (``<``) or to the right (``>``).

    >>> print(table(("peer", "bars/s"), [("a", "154 M"), ("longer", "7.20 k")], align="<>"))
    peer    bars/s
    ------  ------
    a        154 M
    longer  7.20 k
    """
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        "  ".join(
            f"{cell:{side}{width}}" for cell, side, width in zip(line, align, widths, strict=True)
        ).rstrip()
        for line in lines
    )
