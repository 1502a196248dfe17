"""Two sources of the account's equity: our books and the venue's, from its desk to the latch."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from interlock.kernel.codes import Cause, Kind
from interlock.kernel.reasons import Reason
from interlock.runtime.clock import NS_PER_S
from interlock.runtime.entries import commands_of, events_of
from interlock.runtime.link import Phase
from interlock.venues.simulated.tells import tell_bytes
from tests.research.sessions import inputs_of, session_of
from tests.runtime.harness import InProcess
from tests.runtime.pair import ANSWER_NS, LOOK_NS, Pair, holding

LOOK_S = LOOK_NS / NS_PER_S
CAUSE = "EQUITY_MISMATCH"


def mismatches(pair: Pair) -> list[str]:
    """Return what was said of it so far."""
    return [one for one in pair.book.story(Kind.LATCHED, Kind.RELEASED) if CAUSE in one]


def equities(pair: Pair) -> list[int]:
    """Return every equity of the venue that was held against ours."""
    return [int(row["value"]) for row in pair.book.events(Kind.VENUE_EQUITY)]


def ours(pair: Pair) -> int:
    return int(pair.book.state["account"]["equity_units"])


def enters(pair: Pair) -> bool:
    """Return whether an entry is let through on another instrument."""
    pair.tell(pair.venue.bar(instrument=1))
    before = len(pair.requests())
    pair.signal(instrument=1)
    return len(pair.requests()) > before


# --- through a real desk ------------------------------------------------------------------------


def look(session: InProcess) -> None:
    """Let as much time pass as until the next look at the account, and let it be answered."""
    before = compared(session)
    session.clock.advance(10 * NS_PER_S)
    session.engine.tick()
    session.run_until(lambda: compared(session) > before)


def bars(session: InProcess) -> int:
    return int(session.engine.decider.state["account"]["bars"][0])


def compared(session: InProcess) -> int:
    """Return how often the venue's equity was held against ours."""
    return sum(
        int((events_of(row.entry)["kind"] == Kind.VENUE_EQUITY).sum())
        for row in session.store.read()
    )


def decided(session: InProcess, kind: Kind) -> list[tuple[int, int]]:
    """Return code and time of every command of a kind, in order."""
    return [
        (int(row["code"]), int(row["ts_ns"]))
        for entry in session.store.read()
        for row in commands_of(entry.entry)
        if row["kind"] == kind
    ]


def test_books_that_disagree_pause_entries_until_they_agree(tmp_path: Path) -> None:
    """Money that is missing at the venue, and that comes back, with orders that are real."""
    session = session_of(tmp_path, inputs_of(tmp_path, told={"buys": "3+15", "exits": "40"}))
    session.run_until(lambda: session.is_ready and bars(session) >= 1)
    cash = session.desk.exchange.venue["cash_units"]
    missing = int(cash[0]) // 100
    latches = session.engine.decider.state["account"]["latches"]

    cash -= missing
    look(session)
    assert latches[0] == 1
    session.run_until(lambda: bars(session) >= 6)
    assert [code for code, _ in decided(session, Kind.REFUSED)] == [Reason.ACCOUNT_LATCHED]
    assert decided(session, Kind.SUBMIT) == []

    look(session)
    assert latches[0] == 1, "it is still missing"
    cash += missing
    look(session)
    assert latches[0] == 0
    session.run()
    assert len(decided(session, Kind.REFUSED)) == 1
    assert len(decided(session, Kind.SUBMIT)) >= 1
    session.stop("ended")


def test_books_that_agree_are_compared_all_day_and_nothing_is_said(tmp_path: Path) -> None:
    """While a position is opened, held and closed."""
    session = session_of(tmp_path, inputs_of(tmp_path))
    session.run_until(lambda: session.is_ready and bars(session) >= 1)
    for number in range(2, 30):
        session.run_until(lambda count=number: bars(session) >= count)  # type: ignore[misc]
        look(session)
    assert int(session.engine.decider.state["account"]["trades"][0]) > 0
    assert compared(session) >= 28
    assert Cause.EQUITY_MISMATCH not in [code for code, _ in decided(session, Kind.LATCHED)]
    session.stop("ended")


# --- where the venue's word is missing ----------------------------------------------------------


def test_a_question_that_nobody_answers_says_nothing_of_the_money() -> None:
    """Neither that it is gone, nor, where it was, that it is back."""
    pair, _, _ = holding()
    before = equities(pair)
    pair.pass_time(LOOK_S * 3)
    assert equities(pair) == before
    assert mismatches(pair) == []

    pair.tell(pair.venue.account(equity=ours(pair) // 2))
    assert len(mismatches(pair)) == 1
    pair.pass_time(LOOK_S * 3)
    pair.engine.lost()
    pair.pass_time(LOOK_S)
    assert len(mismatches(pair)) == 1, "it is still set"


def wrong_equity(line: bytes, equity: Any) -> bytes:
    """Return an account with another word for its equity, or without one."""
    said = json.loads(line)
    if "equity_units" in said:
        if equity is None:
            del said["equity_units"]
        else:
            said["equity_units"] = equity
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode() + b"\n"


@pytest.mark.parametrize("equity", [None, "", "0", [], {}, False, 0.0, 1e9, 2**63])
def test_an_equity_that_cannot_be_read_is_no_zero(equity: Any) -> None:
    """The connection is given up; what was known before is all that is known."""
    pair = Pair().open()
    before = equities(pair)
    lines = tell_bytes(pair.venue.account({}), pair.symbols).splitlines(keepends=True)
    refused = [pair.engine.receive(wrong_equity(line, equity)) for line in lines]
    pair.pump()

    assert refused[-1] is not None
    assert equities(pair) == before
    assert mismatches(pair) == []


def test_half_an_answer_is_none() -> None:
    """The connection is lost in the middle of it; the next one begins with a whole one."""
    pair = Pair().open()
    before = equities(pair)
    wire = tell_bytes(pair.venue.account({}), pair.symbols)
    assert pair.engine.receive(wire[: len(wire) // 2]) is None
    pair.pump()
    pair.engine.lost()
    pair.greet()
    assert equities(pair) == before
    pair.tell(pair.venue.account({}))
    assert pair.phase() is Phase.READY
    assert equities(pair) == [*before, ours(pair)]


def test_an_account_that_is_said_to_be_empty_is_a_disagreement() -> None:
    """That is the venue's word, and no silence: entries pause, nothing is closed."""
    pair, stop, target = holding()
    pair.tell(pair.venue.account(equity=0))
    assert mismatches(pair) == [f"LATCHED {CAUSE} PAUSED"]
    assert not enters(pair)
    assert set(pair.book.orders()) == {stop.client_id, target.client_id}
    assert ours(pair) > 0, "our own books are not the venue's to write"


def test_books_are_not_taken_to_agree_while_positions_differ() -> None:
    """An equity of other positions is about something else: the latch stays as it was."""
    pair, _, _ = holding()
    pair.tell(pair.venue.account(equity=ours(pair) // 2))
    count = len(equities(pair))
    pair.tell(pair.venue.account({0: 7}))
    unmarked = pair.venue.account()
    unmarked.marks.clear()
    pair.tell(unmarked)
    assert len(equities(pair)) == count
    assert not enters(pair)
    pair.tell(pair.venue.account())
    assert mismatches(pair)[1:] == [f"RELEASED {CAUSE}"]
    assert enters(pair)


def test_the_tolerance_is_the_policys() -> None:
    """At it the books agree; one unit more and they do not."""
    pair = Pair("account.venue_equity_tolerance_ppm=1_000").open()
    theirs = ours(pair) - 99_900
    pair.tell(pair.venue.account({}, equity=theirs))
    assert mismatches(pair) == []
    pair.tell(pair.venue.account({}, equity=theirs - 1))
    assert len(mismatches(pair)) == 1


def test_a_disagreement_that_was_there_before_a_start_is_found_before_anything_is_opened() -> None:
    """The account is compared before it is traded on."""
    pair = Pair()
    pair.greet()
    assert not enters(pair)
    pair.tell(replace(pair.venue.account({}), equity_units=ours(pair) // 2))
    assert pair.phase() is Phase.READY
    assert mismatches(pair) == [f"LATCHED {CAUSE} PAUSED"]
    assert not enters(pair)
    assert ANSWER_NS < LOOK_NS
    pair.pass_time(LOOK_S)
    pair.tell(pair.venue.account({}))
    assert enters(pair)
