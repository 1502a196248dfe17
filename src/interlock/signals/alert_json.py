"""One strict and bounded reading of JSON: what two readers could take differently is refused.

No key twice, no NaN, no lone half of a character, nothing after the end. What a reading may cost is
bounded before it begins: in bytes, in depth, in parts and in the length of each.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

BYTES_MAX: Final = 65_536
DEPTH_MAX: Final = 16
PARTS_MAX: Final = 2_048  # brackets, names and values of one body
TEXT_MAX: Final = 1_024  # bytes of one text as it is written
NUMBER_MAX: Final = 64  # characters of one number as it is written

# Possessive, so that a body can cost no more than its length.
_SPACE: Final = re.compile(rb"[ \t\n\r]*+")
_SPACES: Final = frozenset({b" ", b"\t", b"\n", b"\r"})
# No possessive groups: in Python 3.11.2 half a group counts, and "1." would be a number.
_TEXT: Final = re.compile(
    rb'"([^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})[^"\\\x00-\x1f]*+)*)"'
)
_NUMBER: Final = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_WORD: Final = re.compile(rb"true|false|null")
_ESCAPE: Final = re.compile(r'\\(["\\/bfnrt]|u[0-9A-Fa-f]{4})')
_WORDS: Final = {b"true": True, b"false": False, b"null": None}
_ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class JsonError(ValueError):
    """A body is not the JSON that is read here; the sentence has nothing of its values."""


@dataclass(frozen=True, slots=True)
class Written:
    """A number, exactly as it was written."""

    text: str


Value: TypeAlias = "str | Written | bool | list[Value] | dict[str, Value] | None"


class Scanner:
    """Reads a body from its beginning to its end, once.

    Args:
        body: All of it.

    Attributes:
        steps: Parts that were looked at so far.
    """

    def __init__(self, body: bytes) -> None:
        if len(body) > BYTES_MAX:
            raise JsonError(f"a body must be at most {BYTES_MAX} bytes, was {len(body)}")
        self._body = body
        self._at = 0
        self.steps = 0

    def whole(self) -> dict[str, Value]:
        """Return the one object that the body is.

        Raises:
            JsonError: It is not, or is not read here.
        """
        if self.peek() != b"{":
            raise JsonError("must be one JSON object")
        found = self._object(1)
        if self.peek():
            raise JsonError(f"must end with the object, and did not at byte {self._at}")
        return found

    def peek(self) -> bytes:
        """Return the next byte that is no space; nothing at the end."""
        byte = self._body[self._at : self._at + 1]
        if byte not in _SPACES:
            return byte
        match = _SPACE.match(self._body, self._at)
        assert match is not None
        self._at = match.end()
        return self._body[self._at : self._at + 1]

    def take(self, byte: bytes) -> None:
        """Read one byte that has to be there."""
        self._count()
        if self.peek() != byte:
            raise JsonError(f"must have {byte.decode()} at byte {self._at}, and did not")
        self._at += 1

    def text(self) -> str:
        """Read a text."""
        self._count()
        self.peek()
        found = _TEXT.match(self._body, self._at)
        if found is None:
            raise JsonError(
                f"must have a text in double quotes at byte {self._at}, without control "
                "characters, and did not"
            )
        self._at = found.end()
        if len(found[1]) > TEXT_MAX:
            raise JsonError(f"a text must be at most {TEXT_MAX} bytes, was {len(found[1])}")
        return _unescaped(found[1])

    def skip(self) -> None:
        """Pass over one value without reading it."""
        depth = 0
        while True:
            self._count()
            first = self.peek()
            if first in {b"{", b"["}:
                depth += 1
                self._at += 1
            elif first in {b"}", b"]"}:
                depth -= 1
                self._at += 1
            elif depth and first in {b",", b":"}:
                self._at += 1
            else:
                self._pass_scalar(first)
            if not 0 <= depth <= DEPTH_MAX:
                raise JsonError(f"must be at most {DEPTH_MAX} deep, and was not")
            if depth == 0:
                return

    def _pass_scalar(self, first: bytes) -> None:
        pattern = _TEXT if first == b'"' else _WORD if first in {b"t", b"f", b"n"} else _NUMBER
        found = pattern.match(self._body, self._at)
        if found is None:
            raise JsonError(f"must have a value at byte {self._at}, and did not")
        self._at = found.end()

    def _count(self) -> None:
        self.steps += 1
        if self.steps > PARTS_MAX:
            raise JsonError(f"must have at most {PARTS_MAX} parts, and had more")

    def _value(self, depth: int) -> Value:
        first = self.peek()
        if first == b'"':
            return self.text()
        if first == b"{":
            return self._object(depth + 1)
        if first == b"[":
            return self._list(depth + 1)
        self._count()
        word = _WORD.match(self._body, self._at)
        if word is not None:
            self._at = word.end()
            return _WORDS[word[0]]
        return self._number()

    def _number(self) -> Written:
        found = _NUMBER.match(self._body, self._at)
        if found is None:
            raise JsonError(f"must have a value at byte {self._at}, and did not")
        self._at = found.end()
        if len(found[0]) > NUMBER_MAX:
            raise JsonError(f"a number must be at most {NUMBER_MAX} characters")
        return Written(found[0].decode())

    def _object(self, depth: int) -> dict[str, Value]:
        found: dict[str, Value] = {}

        def member() -> None:
            name = self.text()
            if name in found:
                raise JsonError("must name each key once, and named one twice")
            self.take(b":")
            found[name] = self._value(depth)

        self._each(b"{", b"}", depth, member)
        return found

    def _list(self, depth: int) -> "list[Value]":
        found: list[Value] = []
        self._each(b"[", b"]", depth, lambda: found.append(self._value(depth)))
        return found

    def _each(self, begin: bytes, end: bytes, depth: int, member: Callable[[], None]) -> None:
        """Read what is between two brackets."""
        if depth > DEPTH_MAX:
            raise JsonError(f"must be at most {DEPTH_MAX} deep, and was not")
        self.take(begin)
        if self.peek() != end:
            member()
            while self.peek() == b",":
                self.take(b",")
                member()
        self.take(end)


def _unescaped(raw: bytes) -> str:
    """Return the text that was written; halves of characters are refused, by themselves or not.

    Raises:
        JsonError: It is not UTF-8, or has half a character.
    """
    try:
        text = raw.decode()
        if "\\" not in text:
            return text
        whole = _ESCAPE.sub(_character, text)
        return whole.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeError:
        raise JsonError("must be UTF-8 without halves of characters, and was not") from None


def _character(found: re.Match[str]) -> str:
    escape = found[1]
    return chr(int(escape[1:], 16)) if escape[0] == "u" else _ESCAPES.get(escape, escape)
