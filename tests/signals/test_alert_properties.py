"""Whatever is sent, reading it ends in an alert or in one kind of refusal, and costs its length."""

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.data.pairs import known_symbol, spelled
from interlock.signals.alert import Alert, AlertError, Ping, read_alert
from interlock.signals.alert_json import PARTS_MAX, JsonError, Scanner, Written
from interlock.signals.alert_secret import find_secret, is_ping

AMOUNT = st.decimals(min_value="0.00000001", max_value=10**12, places=8)
WORDS = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2000, categories=("L", "N", "P")), min_size=1
)
ALERT = st.fixed_dictionaries(
    {"symbol": st.sampled_from(["SPY", "BTC_USDT", "BRK.B"]), "action": st.just("buy")},
    optional={
        "quantity": AMOUNT.map(str),
        "price": AMOUNT.map(float),
        "strategy": WORDS.filter(lambda text: len(text) <= 64),
        "id": WORDS.filter(lambda text: len(text) <= 128),
        "time": st.integers(10**9, 2 * 10**9),
        "sequence": st.integers(0, 2**53),
        "prev_market_position": st.sampled_from(["long", "short", "flat"]),
        "edge_bps": st.integers(-100_000, 100_000),
        "secret": WORDS,
    },
)
PIECES = [
    *(b"{", b"}", b"[", b"]", b":", b",", b'"', b"\\", b"\\u", b"d800", b'"secret"', b"true"),
    *(b"null", b"NaN", b"1e9999", b"-", b"0", b".", b" ", b"\x00", b"\xff", b"BUY", b"SPY="),
    *(b'"symbol"', b'"action"', b'"price"', b'"a":', b'"a":1,', b"secret="),
]
FRAGMENTS = st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join)
BODIES = st.one_of(st.binary(max_size=300), FRAGMENTS, st.text(max_size=200).map(str.encode))


def looked_at(body: bytes) -> None:
    """Do everything that is done to a body; only the one refusal may come of it."""
    secret = find_secret(body)
    assert secret is None or isinstance(secret, bytes)
    pings = is_ping(body)
    try:
        found = read_alert(body)
    except AlertError as error:
        sentence = str(error)
    else:
        assert isinstance(found, Ping) or not pings
        return
    assert sentence.endswith((".", "?"))
    assert sentence.isprintable()
    assert not pings


@given(BODIES)
def test_nothing_but_the_one_refusal_is_ever_raised(body: bytes) -> None:
    looked_at(body)


@given(ALERT, st.data())
def test_a_mutated_alert_is_an_alert_or_refused(
    content: dict[str, Any], data: st.DataObject
) -> None:
    body = bytearray(json.dumps(content).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        match data.draw(st.sampled_from(["flip", "cut", "twice", "put"])):
            case "flip":
                body[at] ^= 1 << data.draw(st.integers(0, 7))
            case "cut":
                del body[at : at + data.draw(st.integers(1, 8))]
            case "twice":
                body[at:at] = body[at : at + data.draw(st.integers(1, 40))]
            case _:
                body[at:at] = data.draw(FRAGMENTS)
        if not body:
            break
    looked_at(bytes(body))


@given(ALERT)
def test_what_was_said_is_what_is_read(content: dict[str, Any]) -> None:
    alert = read_alert(json.dumps(content).encode())

    assert isinstance(alert, Alert)
    assert alert.symbol == content["symbol"]
    assert alert.strategy == content.get("strategy")
    assert alert.id == content.get("id")
    assert alert.sequence == content.get("sequence")
    assert alert.edge_bps == content.get("edge_bps")
    for name in ("quantity", "price"):
        written = getattr(alert, name)
        assert (written is None) == (name not in content)
        assert written is None or float(written) == float(content[name])


@given(ALERT)
def test_the_secret_is_the_one_that_was_said(content: dict[str, Any]) -> None:
    secret = content.get("secret")

    assert find_secret(json.dumps(content).encode()) == (
        None if secret is None else secret.encode()
    )


@given(ALERT, ALERT)
def test_equal_content_means_equal_alerts(one: dict[str, Any], other: dict[str, Any]) -> None:
    alerts = [read_alert(json.dumps(each).encode()) for each in (one, other)]
    said = [
        {k: v for k, v in each.items() if k not in {"id", "time", "secret"}}
        for each in (one, other)
    ]
    contents = [alert.content() for alert in alerts if isinstance(alert, Alert)]

    assert (contents[0] == contents[1]) or said[0] != said[1]
    assert contents[0] == contents[0]


JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=20) | st.integers(-(10**18), 10**18),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)


def plain(value: Any) -> Any:
    """Return a value with its numbers as numbers."""
    if isinstance(value, Written):
        return int(value.text)
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


@given(content=st.dictionaries(st.text(max_size=8), JSON, max_size=5), escaped=st.booleans())
def test_a_body_means_what_the_standard_library_says(
    *, content: dict[str, Any], escaped: bool
) -> None:
    try:
        raw = json.dumps(content, ensure_ascii=escaped).encode()
    except UnicodeEncodeError:
        return  # half a character, which has no UTF-8
    try:
        found = Scanner(raw).whole()
    except JsonError as error:
        why = str(error)
    else:
        assert plain(found) == json.loads(raw)
        return
    assert "halves" in why or "deep" in why


@given(FRAGMENTS)
def test_what_is_read_here_every_reader_reads_alike(body: bytes) -> None:
    """Never laxer than the standard library: no two programs may see two alerts in one body."""
    try:
        found = Scanner(body).whole()
    except JsonError:
        return
    assert list(found) == list(json.loads(body))


# --- what it costs ----------------------------------------------------------------------------


def lines_run(function: Callable[[bytes], Any], body: bytes) -> int:
    """Return how many lines of Python a call runs: its cost, on any machine alike."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        assert frame is not None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function(body)
    except AlertError:
        pass
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(
    "shape",
    [
        lambda n: b'{"a":' + b"[" * n,
        lambda n: b'{"a":' * n,
        lambda n: b'{"a":[' + b"1," * n,
        lambda n: b'{"a":"' + b"\\u0041" * n,
        lambda n: b'{"a":"' + b"\\" * n,
        lambda n: b'{"a":' + b"9" * n,
        lambda n: b'{"a":' + b"-" * n,
        lambda n: b'{"a":1' + b" " * n,
        lambda n: b'{"' + b"a" * n,
        lambda n: b"".join(b'"k%d":1,' % i for i in range(n // 8)).join((b"{", b"")),
        lambda n: b"BUY SPY " + b"a=b " * (n // 4),
        lambda n: b"BUY SPY a=" + b"=" * n,
        lambda n: b"{" + b'"' * n,
        lambda n: b" " * n,
        lambda n: b"\xff" * n,
    ],
)
def test_no_body_costs_more_than_its_length(shape: Callable[[int], bytes]) -> None:
    """Four times as long is at most some four times as dear, and soon not dearer at all."""
    for function in (find_secret, is_ping, read_alert):
        costs = [lines_run(function, shape(n)[:65_536]) for n in (1_000, 4_000, 16_000, 64_000)]
        for shorter, longer in pairwise(costs):
            assert longer <= 4.5 * shorter + 200
        assert costs[-1] <= 40 * PARTS_MAX


@given(BODIES)
def test_steps_are_bounded(body: bytes) -> None:
    scanner = Scanner(body)
    with suppress(JsonError):
        scanner.whole()
    assert scanner.steps <= min(len(body) + 1, PARTS_MAX + 1)


# --- symbols ----------------------------------------------------------------------------------


@given(st.text(max_size=64))
def test_any_symbol_has_a_spelling_and_one_alone(text: str) -> None:
    once = spelled(text)

    assert spelled(once) == once
    assert known_symbol(text, []) is None


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ("BINANCE:BTCUSDT", "BTC_USDT"),
        ("BTC-USDT", "BTC_USDT"),
        ("btcusdt", "BTC_USDT"),
        ("BTCUSDT.P", "BTC_USDT_PERP"),
        ("BTC/USDT:USDT", "BTC_USDT_PERP"),
        ("OANDA:EURUSD", "EURUSD"),
        ("EUR_USD", "EURUSD"),
        ("AMEX:SPY", "SPY"),
        ("DOGEUSDT", None),
        ("", None),
    ],
)
def test_which_of_our_symbols_is_meant(written: str, known: str | None) -> None:
    """A perpetual is never its coin, nor the other way round."""
    assert known_symbol(written, ["BTC_USDT", "BTC_USDT_PERP", "EURUSD", "SPY"]) == known
    assert known_symbol("BTCUSDT.P", ["BTC_USDT"]) is None
    assert known_symbol("BTCUSDT", ["BTC_USDT_PERP"]) is None
