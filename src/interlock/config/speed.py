"""How fast stored bars are replayed: so many a second, so many times as fast as they came, max."""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from interlock.config.amounts import plain
from interlock.config.errors import PolicyError, bad_value, shown
from interlock.config.words import Text

WORDS: Final = "a speed such as 10bars/s, 1x, 60x or max"

_RATE_MIN: Final = Decimal("0.001")
_RATE_MAX: Final = Decimal(1_000_000)
_NUMBER: Final = r"([0-9]{1,9}(?:\.[0-9]{1,6})?)"
_BARS: Final = re.compile(_NUMBER + r" ?bars?/s")
_TIMES: Final = re.compile(_NUMBER + " ?x")
_NS_PER_SECOND: Final = 1_000_000_000


class SpeedKind(StrEnum):
    """What a speed is measured in."""

    BARS = "bars/s"
    TIMES = "x"
    MAX = "max"


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """How fast bars are replayed.

    Attributes:
        kind: What it is measured in.
        rate: Bars a second, or times as fast as they came; 0 for max.
    """

    kind: SpeedKind
    rate: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        assert (self.kind is SpeedKind.MAX) == (self.rate == 0)
        assert self.rate >= 0

    def __str__(self) -> str:
        """Return it as people write it."""
        return self.kind.value if self.kind is SpeedKind.MAX else f"{plain(self.rate)}{self.kind}"

    def wait_ns(self, apart_ns: int) -> int:
        """Return how long to wait between two bars; 0 is not at all.

        Args:
            apart_ns: How far apart they closed, >= 0.

        >>> read_speed("60x").wait_ns(60_000_000_000), read_speed("4bars/s").wait_ns(60_000_000_000)
        (1000000000, 250000000)
        """
        assert apart_ns >= 0
        match self.kind:
            case SpeedKind.MAX:
                return 0
            case SpeedKind.BARS:
                return int(_NS_PER_SECOND / self.rate)
            case SpeedKind.TIMES:
                return int(apart_ns / self.rate)


def _found(text: str) -> Speed | None:
    """Return the speed that ``text`` says, or None."""
    if text == SpeedKind.MAX:
        return Speed(kind=SpeedKind.MAX)
    for kind, pattern in ((SpeedKind.BARS, _BARS), (SpeedKind.TIMES, _TIMES)):
        found = pattern.fullmatch(text)
        if found is not None:
            rate = Decimal(found[1])
            return Speed(kind=kind, rate=rate) if _RATE_MIN <= rate <= _RATE_MAX else None
    return None


def _wrong(text: str) -> str:
    return (
        f"must be {WORDS} (numbers from {plain(_RATE_MIN)} to {plain(_RATE_MAX)}), "
        f"was {shown(text)}"
    )


def read_speed(text: str, source: str = "--speed") -> Speed:
    """Return the speed that ``text`` says.

    Args:
        text: ``10bars/s``, ``60x`` or ``max``.
        source: Who said it, for the message.

    Raises:
        PolicyError: It says none.

    >>> str(read_speed("10 bars/s")), str(read_speed("1.50x")), str(read_speed("max"))
    ('10bars/s', '1.5x', 'max')
    """
    speed = _found(text.strip())
    if speed is None:
        raise PolicyError(f"{source} {_wrong(text)}.")
    return speed


def _checked(text: str) -> str:
    """Return a speed as it is kept: two ways to write one are one."""
    speed = _found(text.strip())
    if speed is None:
        raise bad_value(_wrong(text))
    return str(speed)


SPEED: Final = Text(words=WORDS, check=_checked)
