"""Orders that nobody can name any more after a crash or a lost connection, and that are found."""

import pytest

from interlock.kernel.codes import Kind
from interlock.kernel.state import new_state
from tests.kernel.helpers import CASH, Bench
from tests.kernel.recount import check_all
from tests.kernel.story import check as tell
from tests.kernel.test_protection import OPENED, QUIET, STOPPED

LOST = "ALARM OUTCOME_UNKNOWN; LATCHED ORDER_UNKNOWN PAUSED on instrument 0"
FOUND = "RELEASED ORDER_UNKNOWN on instrument 0"
FLAT = "ALARM EXTERNAL_FILL; CLOSED EXTERNAL 0; CANCEL target; CANCEL stop"
ENTRY = """
    bar 10000              |
    buy                    | SUBMIT entry buy 100
    accepted entry         |
"""
HALT = "halt KILL_GRACEFUL HALTED"
HALTED = "LATCHED KILL_GRACEFUL HALTED; CANCEL entry"


def check(story: str, settings: str = QUIET, bench: Bench | None = None) -> Bench:
    """Tell a story and count again after each event."""
    return tell(story, settings, bench=bench, every=check_all)


def test_a_journal_without_a_policy_lets_nothing_in() -> None:
    """The levels of the breakers are not worked out yet; what comes without us gets its stop."""
    bench = Bench(QUIET)
    bench.state = new_state(CASH)
    check(
        """
        bar 10000                 |
        buy                       | REFUSED entry POLICY_NOT_SET
        fill stray buy 10 @ 10000 | ALARM EXTERNAL_FILL; SUBMIT stop sell 10 at 9800
        fill stop 10 @ 9800       | CLOSED STOP -2000
        policy_set                |
        buy                       | SUBMIT entry buy 100
        """,
        bench=bench,
    )


# --- an order that worked and is not named any more -------------------------------------------


def test_an_entry_that_worked_and_is_missing_counts_as_if_it_were_there() -> None:
    check(
        ENTRY
        + f"""
        unknown entry  | {LOST} | inst.unknown_orders=1 inst.entry_buy=100
        | | account.pending_units=1_000_000
        absent entry   | {FOUND} | inst.unknown_orders=0 inst.entry_buy=0
        | | account.pending_units=0 account.pending_cash_units=0
        buy            | SUBMIT entry buy 100
        """
    )


def test_an_entry_that_was_filled_in_part_and_is_missing() -> None:
    """What is proved absent is the rest; what was bought stays bought."""
    check(
        ENTRY
        + f"""
        fill entry 40 @ 10000 | SUBMIT stop sell 40 at 9800
        accepted stop         |
        unknown entry         | {LOST}
        absent entry          | {FOUND} | inst.position=40 inst.entry_buy=0
        """
    )


def test_a_stop_that_is_missing_protects_nothing_until_it_is_found() -> None:
    check(
        STOPPED
        + f"""
        unknown stop  | {LOST}  | inst.unprotected=1
        accepted stop | {FOUND} | inst.unprotected=0
        unknown stop  | {LOST}  | inst.unprotected=1
        absent stop   | {FOUND}; SUBMIT stop sell 100 at 9800 | inst.unprotected=1
        accepted stop |         | inst.unprotected=0
        """
    )


def test_a_stop_that_fills_while_it_is_missing_is_found() -> None:
    check(
        STOPPED
        + f"""
        unknown stop         | {LOST}
        fill stop 60 @ 9800  | {FOUND} | inst.position=40
        fill stop 40 @ 9800  | CLOSED STOP -20000 | inst.unprotected=0
        """
    )


def test_a_missing_order_of_no_position_leaves_nothing_unprotected() -> None:
    """The other leg of the pair; nothing is held any more."""
    check(
        OPENED
        + f"""
        fill target 100 @ 10400 | CLOSED TARGET 40000
        unknown stop            | {LOST} | inst.unprotected=0
        absent stop             | {FOUND}
        buy                     | SUBMIT entry buy 100
        """,
        "",
    )


# --- amendments that were on their way --------------------------------------------------------

AMENDING = """
    bar 10000             |
    buy                   | SUBMIT entry buy 100
    fill entry 30 @ 10000 | SUBMIT stop sell 30 at 9800
    accepted stop         |
    fill entry 70 @ 10000 | AMEND stop 100 at 9800
"""


def test_an_amendment_that_was_lost_with_its_order_is_asked_again() -> None:
    check(
        AMENDING
        + f"""
        unknown stop            | {LOST}
        bar 10000               |
        accepted stop           | {FOUND}; AMEND stop 100 at 9800
        bar 10000               |
        amended stop 100 @ 9800 |                | inst.reduce_sell=100
        """
    )


def test_an_amendment_that_arrived_finds_its_order() -> None:
    check(
        AMENDING
        + f"""
        unknown stop            | {LOST}   | inst.unprotected=1
        amend_rejected stop     |          | inst.unknown_orders=1
        amended stop 90 @ 9800  | {FOUND}; AMEND stop 100 at 9800 | inst.unprotected=0
        amended stop 100 @ 9800 |          | inst.reduce_sell=100
        """
    )


def test_a_stop_that_moved_meanwhile_is_moved_when_it_is_found() -> None:
    check(
        STOPPED
        + f"""
        unknown stop          | {LOST}
        bar 10200             |  | inst.stop_price=10000
        accepted stop         | {FOUND}; AMEND stop 100 at 10000
        """,
        QUIET + " exits.break_even_enabled=1 exits.break_even_multiple=1.0",
    )


def test_an_amendment_that_overtook_the_acknowledgement_protects() -> None:
    check(
        """
        bar 10000              |
        buy                    | SUBMIT entry buy 100
        fill entry 30 @ 10000  | SUBMIT stop sell 30 at 9800
        fill entry 70 @ 10000  | AMEND stop 100 at 9800 | inst.unprotected=1
        amended stop 100 @ 9800 |                       | inst.unprotected=0
        """
    )


# --- cancels that were on their way -----------------------------------------------------------


@pytest.mark.parametrize("found", ["accepted entry", "fill entry 10 @ 10000"])
def test_a_cancel_that_was_lost_with_its_entry_is_asked_again(found: str) -> None:
    """A halted account keeps no entry resting; and it asks once."""
    bench = check(ENTRY + f"{HALT} | {HALTED}\nunknown entry | ...\n{found} | ...")
    asked = [x for x in bench.commands if x["kind"] == Kind.CANCEL]
    assert [x["order_id"] for x in asked] == [bench.order(0, "entry")["order_id"]]
    check("cancelled entry | | inst.entry_buy=0", bench=bench)


def test_a_cancel_that_was_lost_is_asked_again_though_nothing_is_halted_any_more() -> None:
    """It was wanted gone: nobody decided since that it may rest."""
    check(
        ENTRY
        + f"""
        {HALT}                | {HALTED}
        unknown entry         | {LOST}
        resume KILL_GRACEFUL  | RELEASED KILL_GRACEFUL
        cancel_rejected entry |         | inst.unknown_orders=1
        accepted entry        | {FOUND}; CANCEL entry
        cancelled entry       |
        """
    )


def test_an_exit_asks_again_for_the_stop_it_waits_for() -> None:
    check(
        STOPPED
        + f"""
        flat            | CANCEL stop
        unknown stop    | {LOST}
        accepted stop   | {FOUND}; CANCEL stop
        unknown stop    | {LOST}
        amended stop 100 @ 9800 | {FOUND}; CANCEL stop
        unknown stop    | {LOST}
        fill stop 30 @ 9800     | {FOUND}; CANCEL stop
        cancelled stop  | SUBMIT exit sell 70
        """
    )


@pytest.mark.parametrize("leg", ["stop", "target"])
@pytest.mark.parametrize("found", ["accepted", "amended"])
def test_what_is_found_resting_with_nothing_to_close_is_cancelled(leg: str, found: str) -> None:
    """Of a pair that the venue itself should have taken down: nobody asked for it yet."""
    other = "target" if leg == "stop" else "stop"
    words = "100 @ 9800" if found == "amended" else ""
    bench = check(
        OPENED
        + f"""
        unknown {leg}                | {LOST}
        fill {other} 100 @ 10000     | CLOSED {other.upper()} 0
        {found} {leg} {words}        | {FOUND}; CANCEL {leg}
        cancelled {leg}              |
        """,
        "",
    )
    assert bench.read("account.open_orders") == 0


def test_a_stop_that_is_larger_than_what_is_left_does_not_rest_on() -> None:
    """A stranger sold a part while nobody could name the stop, and the rest filled."""
    check(
        STOPPED
        + f"""
        unknown stop               | {LOST}
        fill stray sell 40 @ 10000 | ALARM EXTERNAL_FILL
        fill stop 60 @ 9800        | {FOUND}; CLOSED STOP -12000; CANCEL stop
        cancelled stop             |  | inst.reduce_sell=0
        """
    )
