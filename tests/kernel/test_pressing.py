"""What a kill wants and a venue refuses: asked for again as time passes, and never at once."""

from tests.kernel.recount import check_all
from tests.kernel.story import check as tell
from tests.kernel.test_protection import OPENED, QUIET, STOPPED

KILLED = """
    halt KILL_IMMEDIATE KILLED | LATCHED KILL_IMMEDIATE KILLED; CANCEL stop
    cancelled stop             | SUBMIT exit sell 100
"""
RESTING = """
    bar 10000      |
    buy            | SUBMIT entry buy 100
    accepted entry |
"""


def check(story: str, settings: str = QUIET) -> None:
    """Tell a story and count again after each event."""
    tell(story, settings, every=check_all)


def test_an_exit_that_is_refused_under_a_kill_waits_behind_its_stop() -> None:
    """Before, it was sent again as fast as the venue refused it."""
    check(
        STOPPED
        + KILLED
        + """
        rejected exit after=0           | SUBMIT stop sell 100 at 9800 | inst.exit_code=0
        accepted stop after=0           |
        fill stray buy 5 @ 10000 after=0 | ALARM EXTERNAL_FILL; AMEND stop 105 at 9800
        bar 10000 instrument=1          |
        quote 9999 10001                |                              | inst.unprotected=0
        bar 10000                       | CANCEL stop
        cancelled stop                  | SUBMIT exit sell 105
        """
    )


def test_time_alone_presses_an_exit_on_under_a_kill() -> None:
    """No bar may ever come; and the time of events stands still after a clock went wrong."""
    check(
        STOPPED
        + KILLED
        + """
        rejected exit after=0 | SUBMIT stop sell 100 at 9800
        accepted stop after=0 |
        timer after=0         | CANCEL stop
        cancelled stop        | SUBMIT exit sell 100
        fill exit 100 @ 9990  | CLOSED FLATTENED -1000
        timer                 |
        """
    )


def test_a_stop_whose_cancel_was_refused_is_asked_for_again_by_time() -> None:
    """Whatever began the exit: nothing has to be killed for that."""
    check(
        STOPPED
        + """
        flat                 | CANCEL stop
        timer                |
        cancel_rejected stop |
        timer                | CANCEL stop
        timer                |
        cancelled stop       | SUBMIT exit sell 100
        """
    )


def test_a_position_that_neither_stops_nor_leaves_is_not_pressed_in_a_loop() -> None:
    """The venue refuses the stop and the way out; before, each refusal sent the other one."""
    check(
        """
        bar 10000              |
        buy                    | SUBMIT entry buy 100
        fill entry 100 @ 10000 | SUBMIT stop sell 100 at 9800
        rejected stop after=0  | ALARM UNPROTECTED; LATCHED UNPROTECTED PAUSED on instrument 0
        | SUBMIT exit sell 100
        rejected exit after=0  | SUBMIT stop sell 100 at 9800
        rejected stop after=0  | ALARM UNPROTECTED | inst.unprotected=1
        bar 10000              | SUBMIT stop sell 100 at 9800
        rejected stop after=0  | ALARM UNPROTECTED; SUBMIT exit sell 100
        fill exit 100 @ 9990   | CLOSED FLATTENED -1000; RELEASED UNPROTECTED on instrument 0
        """
    )


def test_a_pair_that_is_refused_whole_is_not_placed_in_a_loop() -> None:
    """A venue that lost the position refuses stop, target and the way out, as often as asked."""
    for ends in ("bar 10000", "timer after=0"):
        check(
            OPENED
            + f"""
            halt KILL_IMMEDIATE KILLED  | ...
            cancelled stop              |
            cancelled target            | SUBMIT exit sell 100
            rejected exit after=0       | SUBMIT stop sell 100 at 9800
            | SUBMIT target sell 100 at 10400
            rejected stop after=0       | ALARM UNPROTECTED
            | LATCHED UNPROTECTED PAUSED on instrument 0
            rejected target after=0     |
            quote 9999 10001            |
            {ends}                      | SUBMIT stop sell 100 at 9800
            | SUBMIT target sell 100 at 10400; CANCEL stop; CANCEL target
            rejected stop after=0       |
            rejected target after=0     | SUBMIT exit sell 100
            """,
            "",
        )


def test_time_places_a_stop_again_that_neither_rested_nor_was_left() -> None:
    """Nothing is killed: the position keeps its plan, and its stop is tried again."""
    check(
        """
        bar 10000              |
        buy                    | SUBMIT entry buy 100
        fill entry 100 @ 10000 | SUBMIT stop sell 100 at 9800
        rejected stop          | ...
        rejected exit          | SUBMIT stop sell 100 at 9800
        rejected stop          | ALARM UNPROTECTED
        timer                  | SUBMIT stop sell 100 at 9800
        accepted stop          | RELEASED UNPROTECTED on instrument 0
        timer                  |
        """
    )


def test_a_trade_after_one_that_could_not_leave_leaves_at_once() -> None:
    check(
        STOPPED
        + KILLED
        + """
        rejected exit after=0                | SUBMIT stop sell 100 at 9800
        accepted stop after=0                |
        fill stop 100 @ 9800 after=0         | CLOSED STOP -20000
        fill stray buy 10 @ 10000 after=0    | ALARM EXTERNAL_FILL; SUBMIT stop sell 10 at 9800
        | CANCEL stop
        """
    )


def test_an_entry_whose_cancel_was_refused_is_asked_for_again() -> None:
    """By the next bar of its instrument, or by time; and not by what is of another one."""
    for level in ("HALTED", "KILLED"):
        check(
            RESTING
            + f"""
            halt DISK {level}      | LATCHED DISK {level}; CANCEL entry
            bar 10000              |
            cancel_rejected entry  |
            bar 10000 instrument=1 |
            quote 9999 10001       |
            bar 10000              | CANCEL entry
            cancel_rejected entry  |
            timer                  | CANCEL entry
            cancelled entry        | | inst.entry_orders=0
            timer                  |
            """
        )


def test_an_order_that_nobody_can_name_is_not_cancelled_again_and_again() -> None:
    """Before, every event that caused anything sent one more."""
    check(
        RESTING
        + """
        halt KILL_GRACEFUL HALTED | LATCHED KILL_GRACEFUL HALTED; CANCEL entry
        unknown entry             | ALARM OUTCOME_UNKNOWN
        | LATCHED ORDER_UNKNOWN PAUSED on instrument 0
        bar 10000                 |
        timer                     |
        halt DISK WARNED          | LATCHED DISK WARNED
        cancel_rejected entry     |
        timer                     |
        accepted entry            | RELEASED ORDER_UNKNOWN on instrument 0; CANCEL entry
        """
    )


def test_a_paused_account_keeps_what_rests() -> None:
    check(
        RESTING
        + """
        halt KILL_PAUSE PAUSED | LATCHED KILL_PAUSE PAUSED
        bar 10000              |
        timer                  |
        """
    )


def test_an_engine_that_nobody_watches_is_released_when_somebody_does() -> None:
    """A person cannot: nobody would watch any more than before."""
    check("""
        bar 10000             |
        halt WATCHDOG PAUSED  | LATCHED WATCHDOG PAUSED
        buy                   | REFUSED entry ACCOUNT_LATCHED
        resume WATCHDOG       |
        timer WATCHDOG        | RELEASED WATCHDOG
        buy                   | SUBMIT entry buy 100
    """)
