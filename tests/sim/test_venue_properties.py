"""Whatever is sent and whatever the market does: no lot and no unit appears or disappears."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from interlock.kernel.codes import BUY, SELL, Flag, Kind, OrderKind
from interlock.kernel.records import Rows, rows
from tests.sim.auditor import CASH_ONLY, Auditor

IDS = st.integers(1, 9)
LOTS = st.integers(1, 60)
PRICES = st.integers(1, 120)
FLAGS = st.sampled_from(
    [0, 0, Flag.MARGIN, Flag.REDUCE_ONLY, Flag.MARGIN | Flag.REDUCE_ONLY, Flag.MARGIN]
)


@st.composite
def submits(draw: st.DrawFn) -> Rows:
    row = rows(1)
    row["kind"] = Kind.SUBMIT
    row["instrument"] = draw(st.integers(0, 1))
    row["order_id"] = draw(IDS)
    row["peer_id"] = draw(st.integers(0, 9))
    row["side"] = draw(st.sampled_from([BUY, BUY, SELL]))
    row["order_kind"] = draw(st.sampled_from(OrderKind))
    row["qty"] = draw(LOTS)
    row["price"] = draw(PRICES)
    row["trigger"] = draw(PRICES)
    row["flags"] = draw(FLAGS)
    if row["instrument"][0] == CASH_ONLY:
        row["flags"] &= ~int(Flag.MARGIN)
    return row


@st.composite
def controls(draw: st.DrawFn) -> Rows:
    row = rows(1)
    row["kind"] = draw(st.sampled_from([Kind.CANCEL, Kind.AMEND]))
    row["instrument"] = draw(st.integers(0, 1))
    row["order_id"] = draw(IDS)
    row["qty"] = draw(st.integers(-1, 60))
    row["price"] = draw(st.integers(-1, 120))
    row["trigger"] = draw(st.integers(-1, 120))
    return row


@st.composite
def points(draw: st.DrawFn) -> Rows:
    row = rows(1)
    row["kind"] = draw(st.sampled_from([Kind.QUOTE, Kind.TRADE, Kind.FUNDING]))
    row["instrument"] = draw(st.integers(0, 1))
    row["open"] = draw(st.integers(0, 120))
    row["high"] = draw(st.integers(0, 120))
    row["close"] = draw(PRICES)
    row["volume"] = draw(st.integers(0, 300))
    row["value"] = draw(st.integers(-9, 9)) * 10_000_000
    return row


@st.composite
def bars(draw: st.DrawFn) -> Rows:
    """Return the two beats of a bar that can have happened, its first price and its path."""
    row = rows(2)
    row["kind"] = [Kind.BAR_OPEN, Kind.BAR_PATH]
    row["instrument"] = draw(st.integers(0, 1))
    reach = draw(st.sampled_from([0, 3, 119]))  # a narrow bar leaves more orders untouched
    lowest = draw(st.integers(1, 120 - reach))
    prices = draw(st.lists(st.integers(lowest, lowest + reach), min_size=4, max_size=4))
    row["open"], row["close"] = prices[:2]
    row["high"], row["low"] = max(prices), min(prices)
    row["volume"] = draw(st.integers(0, 300))
    return row


ACTIONS = st.one_of(submits(), submits(), controls(), points(), bars(), bars())


@given(
    actions=st.lists(ACTIONS, min_size=5, max_size=60),
    participation_ppm=st.sampled_from([0, 0, 100_000]),
    latency_ns=st.sampled_from([0, 0, 4, 14, 70]),
    fee_ppm=st.sampled_from([0, 2_500]),
    in_base=st.booleans(),
)
def test_books_kept_from_the_reports_are_the_venues(
    actions: list[Rows], participation_ppm: int, latency_ns: int, fee_ppm: int, *, in_base: bool
) -> None:
    """A bar lasts ten nanoseconds, a command and a quote take one each."""
    auditor = Auditor(participation_ppm, latency_ns, fee_ppm, in_base)
    clock_ns = 100
    for action in actions:
        action["src_ts_ns"] = clock_ns
        clock_ns += 10 if len(action) > 1 else 1
        action["ts_ns"] = clock_ns if len(action) > 1 else action["src_ts_ns"]
        if len(action) > 1:
            auditor.bar(action)
        else:
            auditor.give(action)


@given(raw=st.binary(min_size=256, max_size=256), instrument=st.integers(-2, 70))
def test_a_command_of_garbage_is_refused_or_is_an_order(raw: bytes, instrument: int) -> None:
    """Any bytes at all, as a submit, a cancel or an amendment, never stop the venue."""
    auditor = Auditor()
    row = np.frombuffer(raw, dtype=rows(1).dtype).copy()
    row["instrument"] = instrument
    row["ts_ns"] = 100
    for kind in (Kind.SUBMIT, Kind.CANCEL, Kind.AMEND):
        row["kind"] = kind
        if instrument in {0, 1}:
            auditor.give(row)
        else:
            auditor.refuse(row)
