"""Names of orders and signals that people can read and type, and the names that venues get.

An order is ``o-`` and the sequence number of the event that caused it, in Crockford's base 32, and
its place among that event's commands; a signal is ``s-`` and its sequence number. A venue gets
``i-`` and the engine's epoch before the same two numbers: an epoch never comes again, so neither
does a name, not even after an old backup of the journal was restored.

Source: Douglas Crockford, "Base 32", crockford.com/base32.html.
"""

from dataclasses import dataclass
from typing import Final, Literal

from interlock.kernel.records import SUBS

DIGITS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES: Final = {digit: value for value, digit in enumerate(DIGITS)} | {"O": 0, "I": 1, "L": 1}
_SEQ_MAX: Final = 2**50  # as in the kernel
_ALLOWED: Final = "an order such as o-1C7-2, or a signal such as s-1C7"


class IdError(ValueError):
    """Text that is no id, or an id that nothing in the run has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Id:
    """What an id says.

    Attributes:
        kind: What it names.
        seq: Sequence number of the event.
        sub: Of an order: its place among the commands of that event, from 1; else 0.
    """

    kind: Literal["order", "signal"]
    seq: int
    sub: int = 0

    def __str__(self) -> str:
        """Return it as people write it."""
        if self.kind == "order":
            return f"o-{base32(self.seq)}-{base32(self.sub)}"
        return f"s-{base32(self.seq)}"

    @property
    def order_id(self) -> int:
        """The kernel's number of an order."""
        return self.seq * SUBS + self.sub


def base32(number: int) -> str:
    """Return a number in Crockford's base 32.

    >>> base32(0), base32(31), base32(32), base32(1_000_000)
    ('0', 'Z', '10', 'YGJ0')
    """
    assert number >= 0
    digits = DIGITS[number % 32]
    while number >= len(DIGITS):
        number //= len(DIGITS)
        digits = DIGITS[number % 32] + digits
    return digits


def order_name(order_id: int) -> str:
    """Return the id of the kernel's order.

    >>> order_name(1_000_000 * 4096 + 2)
    'o-YGJ0-2'
    """
    return str(Id(kind="order", seq=order_id // SUBS, sub=order_id % SUBS))


def signal_name(seq: int) -> str:
    """Return the id of the signal with this sequence number."""
    return str(Id(kind="signal", seq=seq))


def _number(text: str) -> int:
    """Return what base 32 digits say; capitals do not matter, and O, I, L are 0, 1, 1."""
    number = 0
    for digit in text.upper():
        number = number * len(DIGITS) + _VALUES[digit]
        if number >= _SEQ_MAX:
            raise KeyError(text)
    return number


def client_name(epoch: int, order_id: int) -> str:
    """Return the name of an order at its venue, at most 31 characters of A-Z, 0-9, i and ``-``.

    >>> client_name(1_700_000_000, 1_000_000 * 4096 + 2)
    'i-1JN7W80-YGJ0-2'
    """
    assert epoch > 0
    return f"i-{base32(epoch)}-{base32(order_id // SUBS)}-{base32(order_id % SUBS)}"


def read_client_name(text: str) -> tuple[int, int] | None:
    """Return the epoch and the order id in a client name; None when it is not one of ours.

    >>> read_client_name("i-1JN7W80-YGJ0-2") == (1_700_000_000, 1_000_000 * 4096 + 2)
    True
    """
    letter, *parts = text.split("-")
    if letter != "i" or len(parts) != 3 or not all(parts):  # noqa: PLR2004 - epoch, seq, sub
        return None
    try:
        epoch, seq, sub = map(_number, parts)
    except KeyError:
        return None
    if epoch == 0 or not 0 < sub < SUBS or client_name(epoch, seq * SUBS + sub) != text:
        return None
    return epoch, seq * SUBS + sub


def read_id(text: str) -> Id:
    """Return what an id says.

    Raises:
        IdError: It is none.

    >>> read_id("o-ygjo-2").order_id == 1_000_000 * 4096 + 2
    True
    """
    letter, *parts = text.strip().split("-")
    try:
        numbers = [_number(part) for part in parts if part]
    except KeyError:
        numbers = []
    if len(numbers) == len(parts):
        if letter in {"o", "O"} and len(parts) == 2 and 0 < numbers[1] < SUBS:  # noqa: PLR2004
            return Id(kind="order", seq=numbers[0], sub=numbers[1])
        if letter in {"s", "S"} and len(parts) == 1:
            return Id(kind="signal", seq=numbers[0])
    raise IdError(f"an id must be {_ALLOWED}, was {text!r}. Next: take one from orders.parquet.")
