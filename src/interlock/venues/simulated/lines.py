"""Lines: the one way in which a message is written, and a strict reader of them.

A message is one line of JSON with sorted keys, no spaces, whole numbers and plain ASCII. What is
written differently is no message, even if JSON allows it: so there is exactly one line for every
message, and bytes can be compared instead of meanings.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

LINE_BYTES_MAX: Final = 65_536  # its end included
INT64_MAX: Final = 2**63 - 1
TS_NS_MAX: Final = 2**62 - 1

_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_SHOWN: Final = 80  # characters of a bad value in a message

Content = dict[str, Any]
Check = Callable[[object], bool]


class LineError(ValueError):
    """Bytes that are no message."""


def write_line(content: Mapping[str, object]) -> bytes:
    r"""Return the line for a message.

    >>> write_line({"t": "done", "beat": 7, "spoke": True})
    b'{"beat":7,"spoke":true,"t":"done"}\n'
    """
    line = _encoded(content)
    assert len(line) <= LINE_BYTES_MAX
    return line


def _encoded(content: object) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def read_line(line: bytes) -> Content:
    """Return what a line says, its end included.

    Raises:
        LineError: It is not written as ``write_line`` would.
    """
    if len(line) > LINE_BYTES_MAX:
        raise LineError(f"a line must be at most {LINE_BYTES_MAX} bytes, was {len(line)}")
    try:
        content = json.loads(line.decode("ascii"))
        written = _encoded(content)
    except (ValueError, RecursionError) as error:
        raise LineError(f"a line must be JSON, was {shown(line)}") from error
    if not isinstance(content, dict) or written != line:
        raise LineError(f"a line must be one JSON object in its canonical form, was {shown(line)}")
    return content


def shown(value: object) -> str:
    """Return a value for a message, cut where it gets long."""
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


class LineBuffer:
    """What came in and is not a whole line yet."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the lines that are whole now, each with its end.

        Raises:
            LineError: After them, the line under way is longer than any message.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            yield line + b"\n"
        if len(self._rest) >= LINE_BYTES_MAX:
            raise LineError(f"a line must be at most {LINE_BYTES_MAX} bytes")


# --- fields -----------------------------------------------------------------------------------


def whole(low: int, high: int = INT64_MAX) -> Check:
    """Return the check for a whole number in a range; a boolean is none."""

    def check(value: object) -> bool:
        return type(value) is int and low <= value <= high

    return check


def is_flag(value: object) -> bool:
    """Return whether a value is true or false."""
    return type(value) is bool


def is_client_id(value: object) -> bool:
    """Return whether a value can be an order's name."""
    return type(value) is str and _CLIENT_ID.fullmatch(value) is not None


def is_client_id_or_nothing(value: object) -> bool:
    """Return whether a value can be an order's name, or says that there is none."""
    return value == "" or is_client_id(value)


def is_text(value: object) -> bool:
    """Return whether a value is text."""
    return type(value) is str


def is_object(value: object) -> bool:
    """Return whether a value is an object."""
    return type(value) is dict


def is_list(value: object) -> bool:
    """Return whether a value is a list."""
    return type(value) is list


def check_fields(content: Content, checks: Mapping[str, Check]) -> None:
    """Refuse an object that lacks a field, has one too many, or a value that cannot be.

    Raises:
        LineError: It is so.
    """
    if content.keys() != checks.keys():
        names = ", ".join(sorted(checks))
        raise LineError(f"a message must have {names}, was {shown(sorted(content))}")
    for name, check in checks.items():
        if not check(content[name]):
            raise LineError(f"{name} cannot be {shown(content[name])}")


class Symbols:
    """Names of the instruments, by their numbers.

    Args:
        names: One each, all different.
    """

    def __init__(self, names: Sequence[str]) -> None:
        assert names
        self.names = tuple(names)
        self._numbers = {name: number for number, name in enumerate(names)}
        assert len(self._numbers) == len(names)

    def name(self, number: int) -> str:
        """Return the name of an instrument."""
        assert 0 <= number < len(self.names)
        return self.names[number]

    def number(self, name: object) -> int:
        """Return the number of an instrument.

        Raises:
            LineError: It is not traded here.
        """
        number = self._numbers.get(name) if type(name) is str else None
        if number is None:
            raise LineError(f"symbol must be one of this venue's, was {shown(name)}")
        return number
