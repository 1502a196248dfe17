"""What waits, and who goes first."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from interlock.kernel.codes import Kind
from interlock.kernel.records import Rows, rows
from interlock.runtime.inbox import Inbox, Lane, Room

SMALL = Room(report=4, operator=2, signal=3, market=5)
LANES = {
    "report": (Lane.REPORT, Kind.ACCEPTED),
    "operator": (Lane.OPERATOR, Kind.HALT),
    "signal": (Lane.SIGNAL, Kind.SIGNAL),
    "bar": (Lane.MARKET, Kind.BAR),
    "quote": (Lane.MARKET, Kind.QUOTE),
    "trade": (Lane.MARKET, Kind.TRADE),
    "day": (Lane.MARKET, Kind.DAY),
}


def row_of(word: str, number: int) -> tuple[Lane, Rows]:
    """Return one row of a word such as ``quote`` or ``quote1``, which names its instrument."""
    name, instrument = word.rstrip("0123456789"), word.lstrip("abcdefghijklmnopqrstuvwxyz")
    lane, kind = LANES[name]
    row = rows(1)
    row["kind"] = kind
    row["instrument"] = int(instrument or 0)
    row["ext_lo"] = number
    return lane, row


def check(inbox: Inbox, offered: str, taken: str) -> None:
    """Offer words with numbers from 1 and compare the numbers that are taken."""
    for number, word in enumerate(offered.split(), start=1):
        inbox.offer(*row_of(word, number))
    found = []
    while (each := inbox.take()) is not None:
        found += each.rows["ext_lo"].tolist()
    assert found == [int(number) for number in taken.split()]


def test_the_most_urgent_goes_first_and_lanes_keep_their_order() -> None:
    """Reports, operators, signals, market data."""
    check(Inbox(SMALL), "bar signal report operator bar report signal", "3 6 4 2 7 1 5")


def test_nothing_is_replaced_while_there_is_room() -> None:
    """A day without load is journaled in full."""
    check(Inbox(SMALL), "quote quote quote quote quote", "1 2 3 4 5")


def test_quotes_and_trades_are_replaced_by_newer_ones_of_their_symbol_under_load() -> None:
    """Each in the order of the feed, so that what is decided on last is what came last."""
    inbox = Inbox(SMALL)
    check(inbox, "quote quote1 bar trade bar quote quote trade", "2 3 5 7 8")
    assert inbox.counts.conflated == 3


def test_bars_and_the_calendar_are_never_dropped() -> None:
    """However many wait."""
    inbox = Inbox(SMALL)
    check(inbox, "bar bar day bar bar bar day bar", "1 2 3 4 5 6 7 8")
    assert inbox.counts.conflated == 0


def test_a_quote_that_was_taken_is_not_replaced() -> None:
    """The next one is another."""
    inbox = Inbox(SMALL)
    inbox.offer(*row_of("quote", 1))
    assert inbox.take() is not None
    check(inbox, "bar bar bar bar bar quote", "1 2 3 4 5 6")


def test_reports_are_taken_beyond_their_room() -> None:
    """Whoever fills the lane has to wait; nothing is lost meanwhile."""
    inbox = Inbox(SMALL)
    for number in range(9):
        assert inbox.offer(*row_of("report", number))
    assert inbox.is_full(Lane.REPORT)
    assert len(inbox) == 9


def test_operators_and_signals_are_turned_away_whole() -> None:
    """Half a request is none."""
    inbox = Inbox(SMALL)
    assert inbox.offer(Lane.OPERATOR, rows(2))
    assert not inbox.offer(Lane.OPERATOR, rows(1))
    assert not inbox.offer(Lane.SIGNAL, rows(4))
    assert (inbox.counts.turned_away, len(inbox)) == (5, 2)
    assert not inbox.is_full(Lane.SIGNAL)


def test_a_payload_belongs_to_the_first_of_its_rows() -> None:
    """Wherever that row is among those that are taken."""
    inbox = Inbox(Room())
    inbox.offer(Lane.OPERATOR, rows(2), b"{}")
    inbox.offer(Lane.REPORT, rows(3))
    taken = inbox.take()
    assert taken is not None
    assert (len(taken.rows), taken.payloads) == (5, {3: b"{}"})


def test_an_empty_inbox_gives_nothing() -> None:
    """Not an array without rows."""
    assert Inbox(Room()).take() is None


WORDS = st.sampled_from(
    [*LANES, "quote1", "quote2", "trade1", "bar1", "report1", "signal1", "operator1"]
)


@given(st.lists(st.one_of(WORDS, st.just("take")), max_size=60), st.integers(1, 7))
def test_nothing_is_lost_and_nothing_comes_twice(acts: list[str], count: int) -> None:
    """But for quotes and trades that a newer one took the place of; each lane keeps its order."""
    inbox = Inbox(SMALL)
    offered: dict[int, str] = {}
    taken: list[int] = []
    for number, word in enumerate(acts, start=1):
        if word == "take":
            found = inbox.take(count)
            taken += [] if found is None else found.rows["ext_lo"].tolist()
        elif inbox.offer(*row_of(word, number)):
            offered[number] = word
    while (found := inbox.take(count)) is not None:
        assert len(found.rows) <= count
        taken += found.rows["ext_lo"].tolist()
    assert len(taken) == len(set(taken))
    lost = set(offered) - set(taken)
    assert set(taken) <= set(offered)
    assert len(lost) == inbox.counts.conflated
    for number in lost:
        word = offered[number]
        assert word.startswith(("quote", "trade"))
        assert any(other > number and offered[other] == word for other in taken)
    for lane in Lane:
        of_lane = [number for number in taken if row_of(offered[number], 0)[0] is lane]
        assert of_lane == sorted(of_lane)


@given(st.lists(WORDS, max_size=80))
def test_market_data_stays_within_its_room_but_for_what_may_not_be_dropped(
    words: list[str],
) -> None:
    """Bounded by the room, the bars, and one quote and one trade of each symbol."""
    inbox = Inbox(SMALL)
    for number, word in enumerate(words, start=1):
        inbox.offer(*row_of(word, number))
    market = [word for word in words if row_of(word, 0)[0] is Lane.MARKET]
    kept = [word for word in market if not word.startswith(("quote", "trade"))]
    urgent = len(inbox) - sum(1 for _ in _market(inbox))
    assert len(inbox) - urgent <= max(SMALL.market, len(kept)) + 5


def _market(inbox: Inbox) -> list[int]:
    """Return the numbers of the market data that waits, without changing the rest."""
    taken = inbox.take(10_000)
    if taken is None:
        return []
    numbers = []
    for row in taken.rows:
        lane = Lane.MARKET if row["kind"] in {Kind.BAR, Kind.QUOTE, Kind.TRADE, Kind.DAY} else None
        if lane is not None:
            numbers.append(int(row["ext_lo"]))
        inbox.offer(lane or Lane.REPORT, np.array([row]))
    return numbers
