"""What an alert may say, and the sentence that refuses everything else."""

import json
from typing import Any

import pytest

from interlock.signals.alert import Action, Alert, AlertError, Ping, read_alert
from interlock.signals.alert_secret import find_secret, is_ping


def read(content: str | bytes | dict[str, Any]) -> Alert:
    """Return the alert that a body says."""
    raw = json.dumps(content) if isinstance(content, dict) else content
    found = read_alert(raw.encode() if isinstance(raw, str) else raw)
    assert isinstance(found, Alert)
    return found


def refused(content: str | bytes | dict[str, Any]) -> str:
    """Return why a body is refused."""
    with pytest.raises(AlertError) as error:
        read(content)
    return str(error.value)


def test_the_shortest_alert() -> None:
    """Numbers may be in quotes: charts fill them in as text."""
    alert = read('{"symbol":"SPY","price":"450","action":"BUY"}')

    assert alert == Alert(action=Action.BUY, symbol="SPY", price="450")


def test_everything_that_an_alert_may_say() -> None:
    alert = read(
        {
            "ticker": "BINANCE:BTCUSDT",
            "side": "short",
            "qty": 0.010,
            "price": "5e4",
            "strategy": "ema cross",
            "id": 17,
            "time": "2026-11-21T14:30:00.5Z",
            "secret": "passed over",
            "sequence": "41",
            "prev_market_position": "LONG",
            "edge_bps": 25,
            "stop": "51000.00",
            "target": 48_000,
            "comment": "whatever {{comment}} said",
        }
    )

    assert alert == Alert(
        action=Action.SELL,
        symbol="BTC_USDT",
        quantity="0.01",
        price="50000",
        strategy="ema cross",
        id="17",
        time_ns=1_795_271_400_500_000_000,
        sequence=41,
        previous_position="long",
        edge_bps=25,
        stop="51000",
        target="48000",
    )


@pytest.mark.parametrize(
    "body",
    [
        '{"ticker": "SPY", "strategy": {"order": {"action": "buy", "contracts": 3}}}',
        '{"ticker": "SPY", "strategy.order.action": "buy", "strategy.order.contracts": "3"}',
        b"buy SPY contracts=3",
        b"  BUY\tSPY  qty=3\r\n",
    ],
)
def test_one_alert_in_many_forms(body: str | bytes) -> None:
    assert read(body) == Alert(action=Action.BUY, symbol="SPY", quantity="3")


@pytest.mark.parametrize("word", ["close", "EXIT", "Flat"])
def test_a_close_opens_nothing(word: str) -> None:
    alert = read({"symbol": "SPY", "action": word})

    assert (alert.action, alert.exit_only) == (Action.CLOSE, True)


def test_an_order_after_which_the_chart_is_flat_opens_nothing() -> None:
    """A strategy's alert says what it holds after the order: flat is a way out."""
    said = {"symbol": "SPY", "action": "sell", "market_position": "flat"}

    assert read(said).exit_only
    assert not read({**said, "market_position": "short"}).exit_only


def test_a_test_creates_nothing() -> None:
    assert isinstance(read_alert(b'{"test": "true"}'), Ping)
    assert isinstance(read_alert(b'{"test": true, "symbol": "SPY", "action": "buy"}'), Ping)
    assert read({"test": False, "symbol": "SPY", "action": "buy"}).symbol == "SPY"


def test_what_is_null_was_left_out() -> None:
    assert read({"symbol": "SPY", "action": "buy", "stop": None}).stop is None
    assert "symbol must be given" in refused({"symbol": None, "action": "buy"})


@pytest.mark.parametrize(
    ("value", "ns"),
    [
        ("2026-11-21T14:30:00Z", 1_795_271_400_000_000_000),
        ("2026-11-21T07:30:00-07:00", 1_795_271_400_000_000_000),
        ("2026-11-21 14:30:00.123456789Z", 1_795_271_400_123_456_789),
        (1_795_271_400, 1_795_271_400_000_000_000),
        ("1795271400000", 1_795_271_400_000_000_000),
    ],
)
def test_times(value: object, ns: int) -> None:
    assert read({"symbol": "SPY", "action": "buy", "time": value}).time_ns == ns


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"symbol": "S P Y"}, "symbol must be a symbol such as BTC_USDT"),
        ({"symbol": "SPY<script>"}, "symbol must be a symbol"),
        ({"symbol": 7}, "was another number"),
        ({"symbol": "A" * 65}, "at most 64 characters"),
        ({"action": "hold"}, "action must be one of buy, long, sell"),
        ({"action": ["buy"]}, "action must be one of"),
        ({"price": "0"}, "price must be a number above 0"),
        ({"price": -1}, "price must be a number above 0"),
        ({"price": ".5"}, "(0.5 and not .5"),
        ({"price": "1_000"}, "no spaces, commas or underscores"),
        ({"price": "1,000"}, "no spaces, commas or underscores"),
        ({"price": " 450"}, "no spaces"),
        ({"price": "NaN"}, "price must be a number"),
        ({"price": "Infinity"}, "price must be a number"),
        ({"price": "\uff11\uff12"}, "price must be a number"),
        ({"price": "٤٥٠"}, "price must be a number"),
        ({"price": "1e400"}, "price must be a number"),
        ({"price": "9" * 39}, "price must be a number"),
        ({"price": "0." + "0" * 37 + "1"}, "price must be a number"),
        ({"price": "0x10"}, "price must be a number"),
        ({"price": "0450"}, "price must be a number"),
        ({"price": ""}, "was nothing"),
        ({"price": True}, "was true or false"),
        ({"price": {"a": 1}}, "was an object"),
        ({"price": [450]}, "was a list"),
        ({"quantity": "1e19"}, "quantity must be a number"),
        ({"sequence": 1.5}, "sequence must be a whole number"),
        ({"sequence": -1}, "sequence must be a whole number from 0"),
        ({"edge_bps": "1e3"}, "edge_bps must be a whole number"),
        ({"prev_market_position": "up"}, "must be long, short or flat"),
        ({"id": ""}, "id must be 1 to 128 characters"),
        ({"id": "a" * 129}, "id must be 1 to 128 characters"),
        ({"id": "a\u202eb"}, "that can be printed"),
        ({"id": "a\x00b"}, "that can be printed"),
        ({"strategy": " x"}, "without spaces around"),
        ({"time": "yesterday"}, "time must be a time such as"),
        ({"time": "2026-02-30T00:00:00Z"}, "time must be a time such as"),
        ({"time": "2026-11-21T14:30:00"}, "time must be a time such as"),
        ({"time": "9999-12-31T23:59:59Z"}, "time must be a time such as"),
        ({"time": "0001-01-01T00:00:00+23:59"}, "time must be a time such as"),
        ({"test": "perhaps"}, "test must be true or false"),
        ({"ticker": "SPY"}, "symbol and ticker mean the same"),
        ({"leverage": 10}, "leverage is not a key"),
        ({"pricee": 10}, "did you mean price?"),
        ({"strategy": {"order": {"sides": "buy"}}}, "strategy.order.sides is not a key"),
        ({"strategy": {"order": {"action": "buy"}}}, "action and strategy.order.action mean"),
        ({"comment": {"a": 1}}, "comment must be text or a number"),
        ({"x\u2028\x1b[31m": 1}, "x\\u2028\\x1b[31m is not a key"),
    ],
)
def test_what_is_refused_and_why(changes: dict[str, Any], why: str) -> None:
    assert why in refused({"symbol": "SPY", "action": "buy", **changes})


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "must be JSON, or ACTION SYMBOL"),
        (b"{", "must have a text in double quotes at byte 1"),
        (b"[]", "must be one JSON object"),
        (b'"BUY"', "must be one JSON object"),
        (b"{} {}", "must end with the object"),
        (b'{"symbol": "SPY",}', "must have a text in double quotes"),
        (b'{"symbol": "SPY" "action": "buy"}', "must have }"),
        (b'{"symbol": SPY}', "must have a value"),
        (b'{"price": NaN}', "must have a value"),
        (b'{"price": -Infinity}', "must have a value"),
        (b'{"price": 01}', "must have }"),
        (b'{"price": 1.}', "must have }"),
        (b'{"price": +1}', "must have a value"),
        (b'{"price": 1_0}', "must have }"),
        (b'{"price": ' + b"1" * 65 + b"}", "a number must be at most 64 characters"),
        (b'{"symbol": "a", "symbol": "b"}', "must name each key once"),
        (b'{"symbol": "a", "\\u0073ymbol": "b"}', "must name each key once"),
        (b'{"a": "\\ud800"}', "without halves of characters"),
        (b'{"a": "\\udc00\\ud800"}', "without halves of characters"),
        (b'{"a": "\xff"}', "must be UTF-8"),
        (b'{"a": "\x01"}', "without control characters"),
        (b'{"a": "\\x41"}', "must have a text"),
        (b"{'a': 1}", "must have a text in double quotes"),
        (b'{"a": 1} // no', "must end with the object"),
        (b'\xef\xbb\xbf{"a": 1}', "must be JSON, or ACTION"),
        (b'{"a": ' * 17 + b"1" + b"}" * 17, "must be at most 16 deep"),
        (b'{"a": ' + b"[" * 60_000, "must be at most 16 deep"),
        (b'{"a": [' + b"1," * 3_000 + b"1]}", "must have at most 2048 parts"),
        (b'{"a": "' + b"x" * 1_025 + b'"}', "a text must be at most 1024 bytes"),
        (b'{"a": "' + b"x" * 70_000 + b'"}', "a body must be at most 65536 bytes"),
        (b"BTCUSDT Crossing 50000", "must be ACTION SYMBOL name=value"),
        (b"BUY", "must be JSON, or ACTION SYMBOL"),
        (b"BUY SPY 450", "has a name and a value"),
        (b"BUY SPY price=", "has a name and a value"),
        (b"BUY SPY price=1 price=2", "must name each value once"),
        (b"BUY SPY leverage=1", "leverage is not a key"),
        (b"action=BUY symbol=SPY", "must be JSON, or ACTION SYMBOL"),
        (b"BUY \xd0\xa1PY", "in plain letters"),
        (b"BUY SPY " + b"x" * 5_000, "at most 4096 bytes"),
        (b"symbol=SPY&action=BUY", "must be JSON, or ACTION SYMBOL"),
    ],
)
def test_bodies_that_are_none(body: bytes, why: str) -> None:
    assert why in refused(body)


def test_no_refusal_repeats_a_value() -> None:
    """What somebody sends may hold a secret, and what refuses it is logged."""
    for name in ("symbol", "action", "price", "time", "sequence", "test", "prev_market_position"):
        said = {"symbol": "SPY", "action": "buy", name: {"of": "hunter2"}}
        assert "hunter2" not in refused(said)
        assert "hunter2" not in refused({**said, name: "hunter2 hunter2 hunter2\x00"})
    assert "hunter2" not in refused(b'{"symbol": "hunter2')
    assert "hunter2" not in refused(b"hunter2 hunter2 hunter2")


# --- what is looked at before anybody knows who sent it ---------------------------------------


@pytest.mark.parametrize(
    ("body", "secret"),
    [
        (b'{"secret": "abc", "symbol": "SPY"}', b"abc"),
        (b'{"symbol": "SPY", "strategy": {"a": [1, {"secret": "no"}]}, "secret": "abc"}', b"abc"),
        (b'{"x": "\\"secret\\": \\"no\\"", "secret": "abc"}', b"abc"),
        (b'{"secret": "a\\u00e4\\"b"}', 'aä"b'.encode()),
        (b'{"\\u0073ecret": "abc"}', b"abc"),
        (b'{"secret": "first", "secret": "second"}', b"first"),
        (b'{"secret": "abc", ' + b"\xff" * 50_000, b"abc"),
        (b"BUY SPY price=1 secret=abc", b"abc"),
        (b"BUY SPY secret=a=b", b"a=b"),
        (b'{"symbol": "SPY"}', None),
        (b'{"secret": 7}', None),
        (b'{"secret": null}', None),
        (b'{"strategy": {"secret": "no"}}', None),
        (b'["secret", "abc"]', None),
        (b'{"a": 1 "secret": "abc"}', None),
        (b'{"a": ' + b"[" * 40_000, None),
        (b'{"a": "' + b"x" * 70_000, None),
        (b"", None),
        (b"secret", None),
        (b"\xff\xfe", None),
    ],
)
def test_the_secret_is_found_and_nothing_else_is_read(body: bytes, secret: bytes | None) -> None:
    assert find_secret(body) == secret


@pytest.mark.parametrize(
    ("body", "pings"),
    [
        (b'{"test":"true"}', True),
        (b' { "test" : true } \r\n', True),
        (b'{"test": "True"}', False),
        (b'{"test": "false"}', False),
        (b'{"test": true, "a": 1}', False),
        (b'{"test": true' + b" " * 60 + b"}", False),
        (b"", False),
    ],
)
def test_only_a_test_and_nothing_else_needs_no_secret(body: bytes, *, pings: bool) -> None:
    assert is_ping(body) is pings
