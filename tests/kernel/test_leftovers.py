"""Between two trades: what is left of the one before, and positions that come without a plan."""

from tests.kernel.recount import check_all
from tests.kernel.story import check as tell
from tests.kernel.test_protection import OPENED, QUIET, STOPPED


def check(story: str, settings: str = "") -> None:
    """Tell a story and count again after each event."""
    tell(story, settings, every=check_all)


def test_orders_of_the_trade_before_protect_nothing() -> None:
    """Flat, and a stranger buys again while the old stop is on its way out."""
    check(
        STOPPED
        + """
        fill stray sell 100 @ 10000 | ALARM EXTERNAL_FILL; CLOSED EXTERNAL 0; CANCEL stop
        fill stray buy 50 @ 10000   | ALARM EXTERNAL_FILL | inst.position=50 inst.unprotected=1
        accepted stop               |                     | inst.unprotected=1
        cancelled stop              | SUBMIT stop sell 50 at 9800
        accepted stop               |                     | inst.unprotected=0
        """,
        QUIET,
    )


def test_the_other_leg_of_a_pair_protects_no_trade_after_it() -> None:
    """The venue takes it down by itself, but a stranger was faster: now we ask for it too."""
    check(
        OPENED
        + """
        fill target 100 @ 10400   | CLOSED TARGET 40000
        fill stray buy 50 @ 10000 | ALARM EXTERNAL_FILL; CANCEL stop | inst.unprotected=1
        cancelled stop            | SUBMIT stop sell 50 at 9800
        """
    )


def test_no_entry_meets_what_is_left_of_the_trade_before() -> None:
    """The other leg of the pair is still on its way out."""
    check(
        OPENED
        + """
        fill target 100 @ 10400 | CLOSED TARGET 40000
        buy                     | REFUSED entry ALREADY_IN_POSITION
        cancelled stop          |
        buy                     | SUBMIT entry buy 100
        """
    )


def test_a_fill_through_zero_by_our_own_order_gets_a_plan_of_its_own() -> None:
    """An overfill of the stop: what is short now is protected as the policy says, and halted."""
    check(
        STOPPED
        + """
        fill stop 130 @ 9800 | CLOSED STOP -20000; ALARM OVERFILL
        | LATCHED OVERFILL HALTED on instrument 0; SUBMIT stop buy 30 at 9996
        """,
        QUIET,
    )


def test_a_stop_that_is_accepted_when_its_position_is_gone_is_cancelled() -> None:
    check(
        """
        bar 10000              |
        buy                    | SUBMIT entry buy 100
        fill entry 100 @ 10000 | SUBMIT stop sell 100 at 9800; SUBMIT target sell 100 at 10400
        fill target 100 @ 10400 | CLOSED TARGET 40000
        accepted stop          | CANCEL stop
        cancelled stop         |                    | inst.open_orders=0
        """
    )


def test_a_position_without_a_plan_gets_the_stop_of_the_policy() -> None:
    """The farthest one where no better is known: a range of 50 % at 10,000 is 5,000."""
    check(
        "fill stray buy 10 @ 10000 | ALARM EXTERNAL_FILL; SUBMIT stop sell 10 at 9800",
        QUIET,
    )
    check(
        "fill stray sell 10 @ 10000 | ALARM EXTERNAL_FILL; SUBMIT stop buy 10 at 15000",
        QUIET + " exits.stop_method=StopMethod.ATR exits.stop_atr=2.0",
    )
