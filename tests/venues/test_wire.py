"""The wire of the simulated venue: one line for every message, and nothing else is a message."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.kernel.codes import Kind
from interlock.kernel.records import Rows, rows
from interlock.venues.port import (
    Account,
    Amend,
    Beat,
    Cancel,
    Duplicate,
    Ended,
    Fenced,
    Found,
    Garbled,
    Market,
    Message,
    NewOrder,
    NotFound,
    Report,
    Turn,
    VenueOrder,
    VenueState,
    Welcome,
)
from interlock.venues.simulated.asks import (
    Ask,
    AskAccount,
    AskOrder,
    Done,
    Hello,
    ask_bytes,
    read_ask,
)
from interlock.venues.simulated.lines import LINE_BYTES_MAX, LineError, Symbols
from interlock.venues.simulated.rowlines import MARKET_KINDS, REPORT_KINDS, trade_ext
from interlock.venues.simulated.tells import tell_bytes
from interlock.venues.simulated.wire import SimulatedCodec

NAMES = ("GOOG", "EURUSD")
SYMBOLS = Symbols(NAMES)
INT32 = st.integers(-(2**31), 2**31 - 1)
INT64 = st.integers(-(2**63), 2**63 - 1)
COUNTS = st.integers(0, 2**63 - 1)
TIMES = st.integers(0, 2**62 - 1)
EPOCHS = st.integers(1, 2**63 - 1)
PLACES = st.integers(0, 1)
IDS = st.from_regex(r"[A-Za-z0-9._:-]{1,64}", fullmatch=True)
MAYBE_IDS = st.one_of(st.just(""), IDS)

NEW_ORDERS = st.builds(
    NewOrder,
    client_id=IDS,
    epoch=EPOCHS,
    instrument=PLACES,
    strategy=INT32,
    side=INT32,
    order_kind=INT32,
    role=INT32,
    flags=INT32,
    qty=INT64,
    price=INT64,
    trigger=INT64,
    peer_client_id=MAYBE_IDS,
    ts_ns=TIMES,
)
CANCELS = st.builds(Cancel, client_id=IDS, epoch=EPOCHS, instrument=PLACES, ts_ns=TIMES)
AMENDS = st.builds(
    Amend,
    client_id=IDS,
    epoch=EPOCHS,
    instrument=PLACES,
    qty=INT64,
    price=INT64,
    trigger=INT64,
    ts_ns=TIMES,
)
REQUESTS = st.one_of(NEW_ORDERS, CANCELS, AMENDS)
ASKS = st.one_of(
    REQUESTS,
    st.builds(Hello, epoch=EPOCHS, feed=COUNTS),
    st.builds(AskAccount),
    st.builds(AskOrder, client_id=IDS, instrument=PLACES),
    st.builds(Done, beat=COUNTS, spoke=st.booleans()),
)
NARROW = ("strategy", "side", "order_kind", "role", "flags", "code", "fee_asset", "level")
WIDE = (
    *("ts_ns", "src_ts_ns", "qty", "price", "trigger", "open", "high", "low", "close", "volume"),
    *("fee", "edge_bps", "has_edge", "stop_ticks", "target_ticks", "payload_id", "mask_lo"),
    *("mask_hi", "value", "limit"),
)


@st.composite
def rows_of(draw: st.DrawFn, kinds: frozenset[Kind]) -> Rows:
    found = rows(1)
    row = found[0]
    row["kind"] = draw(st.sampled_from(sorted(kinds)))
    row["instrument"] = draw(PLACES)
    for name in NARROW:
        row[name] = draw(INT32)
    for name in WIDE:
        row[name] = draw(INT64)
    if row["kind"] in MARKET_KINDS or row["kind"] in {Kind.FILL, Kind.FUNDING}:
        row["ext_lo"] = draw(st.integers(1, 2**63 - 1))
    return found


@st.composite
def reports(draw: st.DrawFn) -> Report:
    row = draw(rows_of(REPORT_KINDS))[0]
    client_id = "" if row["kind"] == Kind.FUNDING else draw(IDS)
    return Report(client_id=client_id, peer_client_id=draw(MAYBE_IDS), row=row)


@st.composite
def venue_orders(draw: st.DrawFn) -> VenueOrder:
    instrument = draw(PLACES)
    fills = draw(st.lists(rows_of(frozenset({Kind.FILL})), max_size=3))
    table = np.concatenate(fills) if fills else rows(0)
    table["instrument"] = instrument
    return VenueOrder(
        client_id=draw(IDS),
        instrument=instrument,
        state=draw(st.sampled_from(VenueState)),
        qty=draw(INT64),
        filled=draw(COUNTS),
        price=draw(INT64),
        trigger=draw(INT64),
        fills=table,
    )


BY_PLACE = st.dictionaries(PLACES, INT64)
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(Welcome, now_ns=COUNTS, replay=st.booleans(), ended=st.booleans()),
    st.builds(Fenced, epoch=COUNTS),
    reports(),
    st.lists(rows_of(MARKET_KINDS), min_size=1, max_size=3).map(
        lambda found: Market(rows=np.concatenate(found))
    ),
    st.builds(
        Beat, number=st.integers(1, 2**63 - 1), now_ns=COUNTS, strategies=st.sampled_from(Turn)
    ),
    st.builds(Ended, now_ns=COUNTS),
    st.builds(Found, order=venue_orders()),
    st.builds(NotFound, client_id=IDS, now_ns=COUNTS),
    st.builds(Duplicate, client_id=IDS),
    st.builds(
        Account,
        now_ns=COUNTS,
        orders=st.lists(venue_orders(), max_size=3).map(tuple),
        positions=BY_PLACE,
        marks=BY_PLACE,
        cash_units=INT64,
        equity_units=INT64,
        trades=COUNTS,
    ),
)


def told_of(table: Rows) -> Rows:
    """Return rows as the engine reads them: the number of a fill or a charge is its id."""
    found = table.copy()
    for row in found:
        if row["kind"] in {Kind.FILL, Kind.FUNDING}:
            symbol = NAMES[int(row["instrument"])]
            if row["kind"] == Kind.FUNDING:
                symbol = f"funding {symbol}"
            row["ext_hi"], row["ext_lo"] = trade_ext("paper", symbol, int(row["ext_lo"]))
    return found


def plain(value: Any) -> Any:
    """Return a message as something that can be compared."""
    if isinstance(value, np.void):
        return told_of(value.copy().reshape(1)).tobytes()
    if isinstance(value, np.ndarray):
        return told_of(value).tobytes()
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    if hasattr(value, "__slots__"):
        return type(value), [plain(getattr(value, name)) for name in value.__slots__]
    return value


def read_plain(value: Any) -> Any:
    """Return a message that was read as something that can be compared."""
    if isinstance(value, np.void | np.ndarray):
        return value.tobytes()
    if isinstance(value, tuple):
        return [read_plain(each) for each in value]
    if hasattr(value, "__slots__"):
        return type(value), [read_plain(getattr(value, name)) for name in value.__slots__]
    return value


@given(ASKS)
def test_what_an_engine_says_is_read_back_and_written_in_one_way_only(ask: Ask) -> None:
    line = ask_bytes(ask, SYMBOLS)
    assert read_ask(line, SYMBOLS) == ask
    assert line.count(b"\n") == 1
    assert line.isascii()
    content = json.loads(line)
    assert all(type(value) in {int, str, bool} for value in content.values())


@given(REQUESTS)
def test_the_last_gate_reads_back_what_was_written(request: NewOrder | Cancel | Amend) -> None:
    codec = SimulatedCodec(NAMES)
    wire = codec.request(request)
    assert codec.reads(wire) == request
    assert codec.reads(wire[:-1]) is None
    assert codec.reads(wire + wire) is None
    assert codec.reads(wire.replace(b":", b": ", 1)) is None


@given(st.lists(MESSAGES, max_size=4), st.data())
def test_what_the_venue_says_is_read_back_however_it_is_cut(
    messages: list[Message], data: st.DataObject
) -> None:
    wire = b"".join(tell_bytes(message, SYMBOLS) for message in messages)
    codec = SimulatedCodec(NAMES)
    found: list[Message] = []
    while wire:
        size = data.draw(st.integers(1, len(wire)))
        found += codec.receive(wire[:size])
        wire = wire[size:]
    assert [read_plain(message) for message in found] == [plain(each) for each in messages]


def test_v10_whole_numbers_keep_every_digit_and_others_are_refused() -> None:
    """Prices and quantities are ticks and lots; a float would lose the last digits of these."""
    order = NewOrder(
        client_id="a",
        epoch=1,
        instrument=0,
        strategy=0,
        side=1,
        order_kind=2,
        role=1,
        flags=0,
        qty=2**40 - 1,
        price=2**53 + 1,
        trigger=0,
        peer_client_id="",
        ts_ns=2**62 - 1,
    )
    line = ask_bytes(order, SYMBOLS)
    assert read_ask(line, SYMBOLS) == order
    for wrong in (b"9007199254740993.0", b"9.007e15", b'"9007199254740993"', b"true", b"null"):
        with pytest.raises(LineError):
            read_ask(line.replace(b"9007199254740993", wrong), SYMBOLS)
    with pytest.raises(LineError, match="price cannot be 9223372036854775808"):
        read_ask(line.replace(b"9007199254740993", b"9223372036854775808"), SYMBOLS)


DONE = b'{"beat":1,"spoke":true,"t":"done"}\n'


@pytest.mark.parametrize(
    "line",
    [
        b'{"beat":1, "spoke":true,"t":"done"}\n',
        b'{"spoke":true,"beat":1,"t":"done"}\n',
        b'{"beat":1,"beat":1,"spoke":true,"t":"done"}\n',
        b'{"beat":1,"spoke":1,"t":"done"}\n',
        b'{"beat":true,"spoke":true,"t":"done"}\n',
        b'{"beat":-1,"spoke":true,"t":"done"}\n',
        b'{"beat":NaN,"spoke":true,"t":"done"}\n',
        b'{"beat":1e0,"spoke":true,"t":"done"}\n',
        b'{"beat":1,"more":2,"spoke":true,"t":"done"}\n',
        b'{"spoke":true,"t":"done"}\n',
        b'{"beat":1,"spoke":true,"t":"dine"}\n',
        b'{"beat":1,"spoke":true,"t":["done"]}\n',
        b'{"beat":1,"spoke":true}\n',
        b'{"beat":1,"spoke":true,"t":"done"}\r\n',
        b'{"beat":' + b"9" * 5_000 + b',"spoke":true,"t":"done"}\n',
        b"[" * 60_000 + b"\n",
        b'["done"]\n',
        b"\xff\xfe\n",
        b"\x00\n",
        b"\n",
        b"",
        DONE[:-1],
        DONE * 2,
        b'{"client_id":"a\\ud800","symbol":"GOOG","t":"order"}\n',
        b'{"client_id":"a b","symbol":"GOOG","t":"order"}\n',
        b'{"client_id":"a","symbol":"MSFT","t":"order"}\n',
        b'{"client_id":"a","symbol":{},"t":"order"}\n',
        b'{"t":"account","t ":1}\n',
    ],
)
def test_a_line_that_is_written_differently_is_no_message(line: bytes) -> None:
    with pytest.raises(LineError):
        read_ask(line, SYMBOLS)


TOLD = [
    b'{"epoch":-1,"t":"fenced"}\n',
    b'{"now_ns":1,"number":0,"strategies":"no","t":"beat"}\n',
    b'{"now_ns":1,"number":1,"strategies":"perhaps","t":"beat"}\n',
    b'{"rows":[],"t":"market"}\n',
    b'{"rows":[1],"t":"market"}\n',
    b'{"rows":[{"kind":"bar","number":1,"symbol":"GOOG","volume":0}],"t":"market"}\n',
    b'{"rows":[{"kind":"bar","number":1,"seq":4,"symbol":"GOOG"}],"t":"market"}\n',
    b'{"rows":[{"kind":"bar","symbol":"GOOG"}],"t":"market"}\n',
    b'{"rows":[{"kind":"fill","number":1,"symbol":"GOOG"}],"t":"market"}\n',
    b'{"client_id":"a","peer_client_id":"","row":{"kind":"bar","number":1},"t":"report"}\n',
    b'{"client_id":"a","peer_client_id":"","row":{"kind":"fill","number":1},"t":"report"}\n',
    b'{"client_id":"a","peer_client_id":"","row":{"kind":"fill","symbol":"GOOG"},"t":"report"}\n',
    b'{"client_id":"","peer_client_id":"","row":{"kind":"accepted"},"t":"report"}\n',
    b'{"client_id":"a","peer_client_id":"","row":{"flags":4294967296,"kind":"accepted"},"t":"report"}\n',
    b'{"row":{"kind":"fill","number":1,"symbol":"GOOG"},"t":"fill"}\n{"epoch":1,"t":"fenced"}\n',
    (
        b'{"cash_units":0,"equity_units":0,"marks":{},"now_ns":0,"orders":1,"positions":{},'
        b'"t":"account","trades":0}\n'
    ),
    (
        b'{"cash_units":0,"equity_units":0,"marks":{"GOOG":1.5},"now_ns":0,"orders":0,"positions":{},'
        b'"t":"account","trades":0}\n'
    ),
    b"<html><body>502 Bad Gateway</body></html>\n",
    b"x" * LINE_BYTES_MAX,
]


@pytest.mark.parametrize("wire", TOLD)
def test_what_cannot_be_told_is_garbled_and_ends_the_connection(wire: bytes) -> None:
    codec = SimulatedCodec(NAMES)
    (garbled,) = codec.receive(wire)
    assert isinstance(garbled, Garbled)
    assert codec.receive(b'{"epoch":1,"t":"fenced"}\n') == []


@given(st.binary(max_size=300))
def test_hostile_bytes_never_raise(data: bytes) -> None:
    messages = SimulatedCodec(NAMES).receive(data + b"\n")
    assert all(isinstance(message, Garbled) for message in messages)
    assert len(messages) == 1
    assert SimulatedCodec(NAMES).reads(data) is None


@given(MESSAGES.map(lambda each: tell_bytes(each, SYMBOLS)), st.data())
def test_one_changed_byte_never_raises_and_never_reads_as_the_same(
    wire: bytes, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(wire) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != wire[at]))
    changed = wire[:at] + bytes([byte]) + wire[at + 1 :]
    found = [read_plain(each) for each in SimulatedCodec(NAMES).receive(changed)]
    assert not found or found != [read_plain(each) for each in SimulatedCodec(NAMES).receive(wire)]


def test_long_answers_are_told_in_lines_of_their_own() -> None:
    """An order with 5,000 fills is far beyond one line."""
    fills = rows(5_000)
    fills["kind"] = Kind.FILL
    fills["instrument"] = 0
    fills["ext_lo"] = np.arange(1, 5_001)
    fills["qty"] = 2**40
    order = VenueOrder(
        client_id="a",
        instrument=0,
        state=VenueState.WORKING,
        qty=1,
        filled=1,
        price=1,
        trigger=0,
        fills=fills,
    )
    wire = tell_bytes(Found(order=order), SYMBOLS)
    assert len(wire) > LINE_BYTES_MAX
    (found,) = SimulatedCodec(NAMES).receive(wire)
    assert isinstance(found, Found)
    assert len({(int(row["ext_hi"]), int(row["ext_lo"])) for row in found.order.fills}) == 5_000


def test_the_same_trade_has_another_id_in_another_account_or_symbol() -> None:
    ids = {
        trade_ext(account, symbol, trade)
        for account in ("paper", "other")
        for symbol in NAMES
        for trade in (1, 2, 12)
    }
    assert len(ids) == 12
