"""Bodies: JSON that every reader reads alike, of a closed shape, or refused in a sentence."""

import asyncio
import json
from contextlib import suppress
from typing import Any

import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from interlock.service.problems import Problem
from interlock.service.reading import (
    BODY_MAX,
    CLOSED,
    DEPTH_MAX,
    known_query,
    parse_json,
    query_int,
    query_text,
    read_json,
)


class Order(BaseModel):
    """A body of a test."""

    model_config = CLOSED
    symbol: str = Field(max_length=8)
    quantity: int = 1


def request_of(body: bytes = b"", query: bytes = b"") -> Request:
    """Return a request with a body and a query."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {"type": "http", "method": "POST", "headers": [], "query_string": query}
    return Request(scope, receive)


def read(body: bytes) -> Order:
    """Return what a body says."""
    return asyncio.run(read_json(request_of(body), Order))


def refusal(body: bytes) -> tuple[int, str, str]:
    """Return how a body is refused."""
    with pytest.raises(Problem) as error:
        read(body)
    return error.value.status, error.value.code, error.value.message


def test_a_body_of_the_known_shape_is_read() -> None:
    assert read(b' {"symbol": "GOOG", "quantity": 5}\n') == Order(symbol="GOOG", quantity=5)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"GOOG"',
        b"{'symbol': 'GOOG'}",
        b'{"symbol": "GOOG",}',
        b'{"symbol": "GOOG"} {}',
        b'{"symbol": "GOOG", "symbol": "SPY"}',
        b'{"symbol": "GOOG", "quantity": NaN}',
        b'{"symbol": "GOOG", "quantity": Infinity}',
        b'{"symbol": "GOOG", "quantity": -Infinity}',
        b'{"symbol": "GOOG", "quantity": 1e999}',
        b'{"symbol": "GOOG", "quantity": 1_000}',
        b'{"symbol": "GOOG", "quantity": 01}',
        b'{"symbol": "GOOG", "quantity": +1}',
        b'{"symbol": "GOOG", "quantity": ' + b"9" * 39 + b"}",
        b'{"symbol": "GOOG", "quantity": ' + b"9" * 60_000 + b"}",
        '{"symbol": "GOOG", "quantity": \u0665}'.encode(),
        b'{"symbol": "\xff"}',
        b'{"symbol": "\xed\xa0\x80"}',
        b'{"symbol": "\\ud800"}',
        b'{"\\udfff": 1, "symbol": "GOOG"}',
        b'{"symbol": "a\\u0000b"}',
        b'{"symbol": "a\nb"}',
        b'\xef\xbb\xbf{"symbol": "GOOG"}',
        '{"symbol": "GOOG"}'.encode("utf-16"),
        b'{"symbol": ' + b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1) + b"}",
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b" " * (BODY_MAX + 1),
    ],
)
def test_what_could_be_read_in_two_ways_is_no_json(body: bytes) -> None:
    status, code, message = refusal(body)

    assert (status, code) == (400, "BAD_JSON")
    assert message.startswith("the body must ")
    assert len(message) < 120


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{}", "symbol: must be there."),
        (b'{"symbol": "GOOG", "side": 1}', "side: is not known here."),
        (b'{"symbol": 5}', "symbol: Input should be a valid string."),
        (b'{"symbol": "GOOG", "quantity": "5"}', "quantity: Input should be a valid integer."),
        (b'{"symbol": "GOOG", "quantity": 5.0}', "quantity: Input should be a valid integer."),
        (b'{"symbol": "GOOG", "quantity": true}', "quantity: Input should be a valid integer."),
        (b'{"symbol": "GOOG", "<b>": 1}', "(a name): is not known here."),
    ],
)
def test_what_has_another_shape_is_told_where(body: bytes, message: str) -> None:
    assert refusal(body) == (422, "BAD_CONTENT", message)


def test_what_was_sent_is_never_repeated() -> None:
    _, _, message = refusal(b'{"symbol": "hunter2hunter2"}')

    assert "hunter2" not in message


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(10**30), 10**30)
        | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
                inner,
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_json_that_others_write_is_read_as_it_is(content: Any) -> None:
    for escaped in (True, False):
        assert parse_json(json.dumps(content, ensure_ascii=escaped).encode()) == content


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with suppress(Problem):
        parse_json(raw)


def test_a_query_is_closed_too() -> None:
    request = request_of(query=b"limit=5&name=abc")
    known_query(request, {"limit", "name"})
    assert query_int(request, "limit", default=1, low=1, high=9) == 5
    assert query_int(request, "other", default=7, low=1, high=9) == 7
    assert query_text(request, "name", default="", pattern="[a-z]+") == "abc"
    assert query_text(request, "other", default="x", pattern="[a-z]+") == "x"
    with pytest.raises(Problem, match="may have limit, each once"):
        known_query(request, {"limit"})


@pytest.mark.parametrize("text", ["0", "10", "x", "", "5.0", "1e0", "+5", "%D9%A5", "9" * 500])
def test_a_number_of_a_query_is_one_in_its_range(text: str) -> None:
    with pytest.raises(Problem, match="from 1 to 9"):
        query_int(request_of(query=f"limit={text}".encode()), "limit", default=1, low=1, high=9)


def test_a_word_of_a_query_is_of_its_form_and_there_once() -> None:
    with pytest.raises(Problem, match="of the form"):
        query_text(request_of(query=b"name=A"), "name", default="", pattern="[a-z]+")
    with pytest.raises(Problem, match="each once"):
        known_query(request_of(query=b"a=1&a=2"), {"a"})
