"""Where one request ends and the next begins, read so strictly that no two readers disagree.

It knows no sockets and no time: bytes go in, whole requests come out, each written anew in one
plain form. Whatever has more than one reading (RFC 9112 leaves some) is refused, and nothing after
it is read.
"""

import re
from dataclasses import dataclass
from typing import Final

HEAD_MAX: Final = 16_384
BODY_MAX: Final = 65_536
HEADERS_MAX: Final = 100
TARGET_MAX: Final = 4_096

_END: Final = b"\r\n\r\n"
_CRLF: Final = b"\r\n"
_REQUEST: Final = re.compile(rb"([A-Z]{1,16}) (/[!\"$-~]*) HTTP/1\.([01])")
_OTHER_VERSION: Final = re.compile(rb".* HTTP/[02-9]\.[0-9]")
_NAME: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE: Final = re.compile(rb"[\t -~\x80-\xff]*")
_LENGTH: Final = re.compile(rb"[0-9]{1,10}")
_CHUNK: Final = re.compile(rb"[0-9A-Fa-f]{1,8}")
_CHUNK_LINE_MAX: Final = 10  # its end among them
# What belongs to the connection and not to the request: read here, and written anew or not at all.
_OF_THE_HOP: Final = frozenset(
    {
        b"connection",
        b"content-length",
        b"expect",
        b"http2-settings",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_ONCE: Final = frozenset(
    {
        b"authorization",
        b"content-length",
        b"content-type",
        b"cookie",
        b"expect",
        b"host",
        b"origin",
        b"transfer-encoding",
        b"x-interlock",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """One request, all of it.

    Attributes:
        raw: In its plain form: no chunks, one length.
        method: As it was sent.
        target: Path and query.
    """

    raw: bytes
    method: bytes
    target: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The beginning of a request whose body is not here yet.

    Attributes:
        target: Path and query.
        is_known: Whether it names somebody: a cookie or a token.
        wants_go_on: Whether the client waits to be told that it may send the body.
    """

    target: bytes
    is_known: bool
    wants_go_on: bool


class FramingError(ValueError):
    """Bytes that are no request; nothing after them is read.

    Args:
        status: Of the answer: 400, 413, 417, 431 or 505.
        why: A word for metrics.
    """

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class RequestReader:
    """Reads requests out of the bytes of one connection, one after the other."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._searched = 0  # nothing before it ends a head
        self._head: Head | None = None
        self._lines: list[bytes] = []
        self._method = b""
        self._left: int | None = None  # bytes of a body with a length; None is chunks
        self._body = bytearray()
        self._in_chunk = -1  # bytes left of a chunk; -1 between two

    @property
    def has_begun(self) -> bool:
        """Whether a part of a request is here."""
        return self._head is not None or bool(self._data)

    @property
    def waiting(self) -> int:
        """How many bytes wait to be read."""
        return len(self._data)

    @property
    def head(self) -> Head | None:
        """The request whose body is still on its way."""
        return self._head

    def feed(self, data: bytes) -> None:
        """Take bytes."""
        self._data += data

    def next(self) -> Whole | None:
        """Return the next whole request; None when more is needed.

        Raises:
            FramingError: There is none, and there will be none.
        """
        if self._head is None and not self._read_head():
            return None
        assert self._head is not None
        is_over = self._read_chunks() if self._left is None else self._read_length()
        if not is_over:
            return None
        return self._whole(self._head)

    # --- the head -----------------------------------------------------------------------------

    def _read_head(self) -> bool:
        while self._data.startswith(_CRLF):
            del self._data[:2]  # RFC 9112, 2.2: an empty line before a request is passed over
            self._searched = 0
        end = self._data.find(_END, max(0, self._searched - len(_END)))
        if end < 0:
            if len(self._data) > HEAD_MAX:
                raise FramingError(431, "head")
            self._check_begun()
            self._searched = len(self._data)
            return False
        if end + len(_END) > HEAD_MAX:
            raise FramingError(431, "head")
        lines = bytes(self._data[:end]).split(_CRLF)
        del self._data[: end + len(_END)]
        self._searched = 0
        self._take_head(lines)
        return True

    def _check_begun(self) -> None:
        """Refuse early what cannot become a request: another protocol, lines that end otherwise."""
        first = bytes(self._data[:1])
        if first and not first.isalpha() and first != b"\r":
            raise FramingError(400, "request line")
        if self._data.find(b"\n\n", max(0, self._searched - 1)) >= 0:
            raise FramingError(400, "line end")

    def _take_head(self, lines: list[bytes]) -> None:
        request = _REQUEST.fullmatch(lines[0])
        if request is None:
            status = 505 if _OTHER_VERSION.fullmatch(lines[0]) else 400
            raise FramingError(status, "request line")
        if len(lines) - 1 > HEADERS_MAX:
            raise FramingError(431, "headers")
        method, target, minor = request.groups()
        if len(target) > TARGET_MAX:
            raise FramingError(414, "target")
        if b"%00" in target:
            raise FramingError(400, "target")
        headers = _headers(lines[1:])
        seen = dict(headers)
        if b"host" not in seen and minor == b"1":
            raise FramingError(400, "host")
        self._begin_body(seen, is_old=minor == b"0")
        expect = seen.get(b"expect")
        if expect is not None and expect.lower() != b"100-continue":
            raise FramingError(417, "expect")
        self._method = method
        self._lines = [lines[0]]
        self._lines += [b"%b: %b" % pair for pair in headers if pair[0] not in _OF_THE_HOP]
        if _says_close(headers):
            self._lines.append(b"connection: close")
        self._head = Head(
            target=target,
            is_known=b"cookie" in seen or b"authorization" in seen,
            wants_go_on=expect is not None and minor == b"1",
        )

    def _begin_body(self, seen: dict[bytes, bytes], *, is_old: bool) -> None:
        """Find out how the body ends."""
        self._body = bytearray()
        self._in_chunk = -1
        coding = seen.get(b"transfer-encoding")
        length = seen.get(b"content-length")
        if coding is not None:
            if length is not None or is_old or coding.lower() != b"chunked":
                raise FramingError(400, "transfer-encoding")
            self._left = None
            return
        if length is not None and _LENGTH.fullmatch(length) is None:
            raise FramingError(400, "content-length")
        self._left = int(length or b"0")
        if self._left > BODY_MAX:
            raise FramingError(413, "body")

    # --- the body -----------------------------------------------------------------------------

    def _read_length(self) -> bool:
        assert self._left is not None
        part = self._data[: self._left]
        del self._data[: self._left]
        self._body += part
        self._left -= len(part)
        return self._left == 0

    def _read_chunks(self) -> bool:
        while True:
            if self._in_chunk < 0:
                size = self._chunk_size()
                if size is None:
                    return False
                if len(self._body) + size > BODY_MAX:
                    raise FramingError(413, "body")
                if size == 0:
                    return self._is_last()
                self._in_chunk = size
            if len(self._data) < self._in_chunk + 2:
                return False
            if self._data[self._in_chunk : self._in_chunk + 2] != _CRLF:
                raise FramingError(400, "chunk")
            self._body += self._data[: self._in_chunk]
            del self._data[: self._in_chunk + 2]
            self._in_chunk = -1

    def _chunk_size(self) -> int | None:
        """Return the size of the chunk that begins here; None when its line is not whole.

        The line of the last one stays, until the end after it is here too.
        """
        end = self._data.find(_CRLF, 0, _CHUNK_LINE_MAX)
        if end < 0:
            if len(self._data) >= _CHUNK_LINE_MAX:
                raise FramingError(400, "chunk")  # extensions too: nobody needs them
            return None
        line = bytes(self._data[:end])
        if _CHUNK.fullmatch(line) is None:
            raise FramingError(400, "chunk")
        size = int(line, 16)
        if size > 0:
            del self._data[: end + 2]
        return size

    def _is_last(self) -> bool:
        """Return whether the end after the last chunk is here; what it trails is refused."""
        start = self._data.find(_CRLF) + 2
        rest = bytes(self._data[start : start + 2])
        if not _CRLF.startswith(rest):
            raise FramingError(400, "trailer")
        if len(rest) < 2:  # noqa: PLR2004 - CR LF
            return False
        del self._data[: start + 2]
        return True

    def _whole(self, head: Head) -> Whole:
        lines = self._lines
        if self._body or self._left is None:
            lines.append(b"content-length: %d" % len(self._body))
        raw = _CRLF.join(lines) + _END + bytes(self._body)
        self._head = None
        self._lines = []
        self._body = bytearray()
        return Whole(raw=raw, method=self._method, target=head.target)


def _headers(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    """Return names in small letters, and values without what surrounds them."""
    found: list[tuple[bytes, bytes]] = []
    seen: set[bytes] = set()
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or _NAME.fullmatch(name) is None or _VALUE.fullmatch(value) is None:
            raise FramingError(400, "header")
        name = name.lower()
        if name in seen and name in _ONCE:
            raise FramingError(400, "header twice")
        seen.add(name)
        found.append((name, value.strip(b" \t")))
    return found


def _says_close(headers: list[tuple[bytes, bytes]]) -> bool:
    tokens = b",".join(value for name, value in headers if name == b"connection")
    return b"close" in (token.strip().lower() for token in tokens.split(b","))
