"""Where a request ends: read in one way, in whatever pieces it comes, or refused."""

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.service.framing import (
    BODY_MAX,
    HEAD_MAX,
    HEADERS_MAX,
    FramingError,
    RequestReader,
    Whole,
)

GET = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /webhook HTTP/1.1\r\nHost: a\r\n"


def read(data: bytes, step: int = 0) -> list[Whole]:
    """Return every whole request in some bytes, fed in pieces."""
    reader = RequestReader()
    found = []
    for start in range(0, len(data), step or len(data)):
        reader.feed(data[start : start + (step or len(data))])
        while (whole := reader.next()) is not None:
            found.append(whole)
    return found


def refused(data: bytes) -> int:
    """Return the status with which bytes are refused, in one piece and in the smallest."""
    statuses = set()
    for step in (0, 1):
        with pytest.raises(FramingError) as error:
            read(data, step)
        statuses.add(error.value.status)
    assert len(statuses) == 1
    return statuses.pop()


@pytest.mark.parametrize("step", [0, 1, 7])
def test_a_request_is_whole_when_all_of_it_is_here(step: int) -> None:
    body = b'{"symbol":"GOOG","action":"BUY"}'
    length = POST + b"Content-Length: %d\r\n\r\n" % len(body) + body
    chunks = POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\n" + body[:5] + b"\r\n"
    chunks += b"%X\r\n" % (len(body) - 5) + body[5:] + b"\r\n0\r\n\r\n"
    found = read(length + GET + chunks, step)

    plain = b"POST /webhook HTTP/1.1\r\nhost: a\r\ncontent-length: 32\r\n\r\n" + body
    assert [one.raw for one in found] == [plain, GET.replace(b"Host", b"host"), plain]
    assert [one.method for one in found] == [b"POST", b"GET", b"POST"]
    assert found[1].target == b"/healthz"


def test_nothing_is_whole_before_its_last_byte() -> None:
    for data in (GET, POST + b"Content-Length: 2\r\n\r\n{}"):
        assert read(data[:-1]) == []
    chunked = POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    assert all(read(chunked[:length]) == [] for length in range(1, len(chunked)))


def test_what_belongs_to_the_connection_stays_there() -> None:
    (found,) = read(
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, CLOSE\r\nUpgrade: h2c\r\n"
        b"HTTP2-Settings: AAMAAABk\r\nTE: trailers\r\nX-Thing:  kept \r\n\r\n"
    )

    assert found.raw == b"GET / HTTP/1.1\r\nhost: a\r\nx-thing: kept\r\nconnection: close\r\n\r\n"


def test_who_waits_to_be_told_to_go_on_is_known() -> None:
    reader = RequestReader()
    reader.feed(POST + b"Content-Length: 5\r\nExpect: 100-continue\r\nCookie: a=b\r\n\r\n")

    assert reader.next() is None
    assert reader.head is not None
    assert reader.head.wants_go_on
    assert reader.head.is_known
    reader.feed(b"12345")
    whole = reader.next()
    assert whole is not None
    assert b"expect" not in whole.raw
    assert reader.head is None


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        # Two lengths, two codings, or both: RFC 9112, 6.3, and every smuggling since 2005.
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked", 400),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 5", 400),
        (b"Content-Length: 5\r\nContent-Length: 6", 400),
        (b"Content-Length: 5\r\nContent-Length: 5", 400),
        (b"Content-Length: 5, 5", 400),
        (b"Content-Length: +5", 400),
        (b"Content-Length: -1", 400),
        (b"Content-Length: 0x5", 400),
        (b"Content-Length: 5_0", 400),
        (b"Content-Length: \xd9\xa5", 400),
        (b"Content-Length:", 400),
        (b"Content-Length: 99999999999999999999", 400),
        (b"Content-Length : 5", 400),
        (b" Content-Length: 5", 400),
        (b"X: a\r\n Content-Length: 5", 400),
        (b"X: a\r\n\tfolded", 400),
        (b"Transfer-Encoding: chunked, chunked", 400),
        (b"Transfer-Encoding: identity", 400),
        (b"Transfer-Encoding: gzip, chunked", 400),
        (b"Transfer-Encoding: xchunked", 400),
        (b"Transfer-Encoding: \x0bchunked", 400),
        (b"Transfer-Encoding : chunked", 400),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x", 400),
        (b"X: a\nContent-Length: 5", 400),
        (b"X: a\rContent-Length: 5", 400),
        (b"X: a\x00b", 400),
        (b"X\x00Y: a", 400),
        (b"X Y: a", 400),
        (b": a", 400),
        (b"nothing", 400),
        (b"Host: b", 400),
        (b"Cookie: a=1\r\nCookie: b=2", 400),
        (b"Authorization: a\r\nAuthorization: b", 400),
        (b"Origin: a\r\nOrigin: b", 400),
        (b"Content-Length: 65537", 413),
        (b"Expect: 200-ok\r\nContent-Length: 1", 417),
        (b"X: " + b"a" * HEAD_MAX, 431),
        (b"\r\n".join(b"X-%d: a" % n for n in range(HEADERS_MAX)), 431),
    ],
)
def test_headers_that_mean_two_things_are_refused(lines: bytes, status: int) -> None:
    assert refused(POST + lines + b"\r\n\r\n") == status


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET / HTTP/2.0", 505),
        (b"PRI * HTTP/2.0", 505),
        (b"GET / HTTP/0.9", 505),
        (b"GET / HTTP/1.2", 400),
        (b"GET /", 400),
        (b"get / HTTP/1.1", 400),
        (b"GET  / HTTP/1.1", 400),
        (b"GET / HTTP/1.1 ", 400),
        (b"GET /a b HTTP/1.1", 400),
        (b"GET\t/ HTTP/1.1", 400),
        (b"GET http://a/ HTTP/1.1", 400),
        (b"CONNECT a:443 HTTP/1.1", 400),
        (b"OPTIONS * HTTP/1.1", 400),
        (b"GET /\xff HTTP/1.1", 400),
        (b"GET /a#b HTTP/1.1", 400),
        (b"GET /a%00b HTTP/1.1", 400),
        (b"GET /" + b"a" * 5_000 + b" HTTP/1.1", 414),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),  # TLS to a port without it
        (b"{}", 400),
    ],
)
def test_a_line_that_is_no_request_is_refused(line: bytes, status: int) -> None:
    assert refused(line + b"\r\nHost: a\r\n\r\n") == status


def test_a_request_without_a_host_is_refused_unless_it_is_old() -> None:
    assert refused(b"GET / HTTP/1.1\r\n\r\n") == 400
    assert len(read(b"GET / HTTP/1.0\r\n\r\n")) == 1
    assert refused(b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") == 400


def test_lines_that_end_otherwise_are_refused_before_they_wait_for_an_end() -> None:
    assert refused(b"GET / HTTP/1.1\nHost: a\n\n") == 400


@pytest.mark.parametrize(
    ("chunks", "status"),
    [
        (b"5\r\nab", None),
        (b"5\r\nabcdef\r\n0\r\n\r\n", 400),  # longer than it says
        (b"5\nabcde\n0\n\n", 400),
        (b"5;x=y\r\nabcde\r\n0\r\n\r\n", 400),
        (b"0x5\r\nabcde\r\n0\r\n\r\n", 400),
        (b"+5\r\nabcde\r\n0\r\n\r\n", 400),
        (b" 5\r\nabcde\r\n0\r\n\r\n", 400),
        (b"5 \r\nabcde\r\n0\r\n\r\n", 400),
        (b"\r\n", 400),
        (b"-1\r\n", 400),
        (b"FFFFFFFFF\r\n", 400),
        (b"FFFFFFFF\r\n", 413),
        (b"10001\r\n", 413),
        (b"8000\r\n" + b"a" * 0x8000 + b"\r\n8001\r\n", 413),
        (b"0\r\nContent-Length: 5\r\n\r\n", 400),  # a trailer
        (b"0\r\nGET / HTTP/1.1\r\n\r\n", 400),
        (b"0\r\n\rX", 400),
    ],
)
def test_chunks_are_what_they_say_or_refused(chunks: bytes, status: int | None) -> None:
    data = POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks
    if status is None:
        assert read(data) == []
    else:
        assert refused(data) == status


def test_a_body_may_be_as_long_as_the_limit() -> None:
    body = b"a" * BODY_MAX
    (one,) = read(POST + b"Content-Length: %d\r\n\r\n" % BODY_MAX + body)
    (other,) = read(
        POST + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % BODY_MAX + body + b"\r\n0\r\n\r\n", 999
    )
    assert one.raw == other.raw
    assert one.raw.endswith(b"\r\n\r\n" + body)


class Second:
    """What a second parser makes of bytes."""

    def __init__(self) -> None:
        self.url = b""
        self.body = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.ended = 0

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.ended += 1


NAMES = st.sampled_from(
    ["Content-Length", "Transfer-Encoding", "Host", "X", "Connection", "Upgrade", "Expect", "TE"]
)
VALUES = st.sampled_from(
    ["0", "1", "5", "chunked", "a", "", "close", "websocket", "100-continue", "keep-alive, x", " 5"]
)
ENDS = st.sampled_from(["\r\n", "\r\n", "\r\n", "\n", "\r"])
BODIES = st.sampled_from(
    [b"", b"a", b"aaaaa", b"5\r\nabcde\r\n0\r\n\r\n", b"0\r\n\r\n", b"1\r\na\r\n0\r\n\r\n", GET]
)


@given(
    headers=st.lists(st.tuples(NAMES, VALUES, ENDS), max_size=5),
    bodies=st.lists(BODIES, max_size=3),
)
def test_a_second_parser_finds_exactly_one_request_in_what_was_found_whole(
    headers: list[tuple[str, str, str]], bodies: list[bytes]
) -> None:
    head = "".join(f"{name}: {value}{end}" for name, value, end in headers)
    data = POST + head.encode() + b"\r\n" + b"".join(bodies)
    try:
        found = read(data)
    except FramingError:
        return
    assert read(data, 1) == found
    for one in found:
        seen = Second()
        httptools.HttpRequestParser(seen).feed_data(one.raw)
        assert seen.ended == 1
        assert seen.url == one.target
        assert one.raw.endswith(seen.body)


@given(st.binary(max_size=300), st.integers(1, 50))
def test_any_bytes_are_read_alike_in_any_pieces(data: bytes, step: int) -> None:
    def outcome(step: int) -> list[Whole | str]:
        reader = RequestReader()
        found: list[Whole | str] = []
        whole = b"POST / HTTP/1.1\r\nHost: a\r\n" + data
        for start in range(0, len(whole), step):
            reader.feed(whole[start : start + step])
            try:
                while (one := reader.next()) is not None:
                    found.append(one)
            except FramingError:
                return [*found, "refused"]
        return found

    assert outcome(step) == outcome(1_000)
