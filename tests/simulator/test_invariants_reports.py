"""Reports and latches: each check fires on what was planted, and not without."""

import pytest

from interlock.kernel.codes import (
    SELL,
    Alarm,
    Cause,
    Flag,
    Kind,
    Level,
)
from interlock.research.simulator.invariants.latching import Released, Tripped
from interlock.research.simulator.invariants.reports import (
    Alarmed,
    BoundedFill,
    Evidence,
    FillOnce,
)
from interlock.research.simulator.invariants.strange import StrangeTrade
from interlock.runtime.clock import NS_PER_S
from tests.simulator.stage import Stage, breaks, entered, latch, release, row, submit

# --- 5, 6, 7, 33: reports -------------------------------------------------------------------------


def test_a_trade_is_journaled_once() -> None:
    """5."""
    stage = Stage(FillOnce)
    order = entered(stage)
    fill = stage.traded(order)
    stage.event(fill)
    with breaks(5, "twice"):
        stage.event(fill.copy())


@pytest.mark.parametrize(
    ("name", "value"), [("qty", 20), ("price", 1_005), ("side", SELL), ("fee", 0), ("ext_lo", 5)]
)
def test_a_trade_is_journaled_as_it_was(name: str, value: int) -> None:
    stage = Stage(FillOnce)
    fill = stage.traded(entered(stage))
    fill[name] = value
    with breaks(5):
        stage.event(fill)


def test_a_trade_is_journaled_for_its_own_order() -> None:
    stage = Stage(FillOnce)
    order = entered(stage)
    other = stage.enter(instrument=1)
    fill = stage.traded(order)
    fill["order_id"] = other
    with breaks(5, "another order"):
        stage.event(fill)


def test_a_strangers_trade_belongs_to_no_order() -> None:
    stage = Stage(FillOnce)
    entered(stage)
    stage.event(stage.traded(0))


def test_a_fill_beyond_the_quantity_is_told_and_halts() -> None:
    """6."""
    alarm = row(Kind.ALARM, code=int(Alarm.OVERFILL), instrument=0)
    latch = row(Kind.LATCHED, code=int(Cause.OVERFILL), instrument=0, level=int(Level.HALTED))
    for commands, is_broken in (((alarm, latch), False), ((alarm,), True), ((latch,), True)):
        stage = Stage(BoundedFill)
        fill = stage.traded(entered(stage), qty=20)
        if is_broken:
            with breaks(6):
                stage.event(fill, *commands)
        else:
            stage.event(fill, *commands)
    stage = Stage(BoundedFill)
    order = entered(stage)
    stage.fill(order, qty=7)
    with breaks(6):
        stage.fill(order, qty=4)


@pytest.mark.parametrize("kind", [Kind.REJECTED, Kind.CANCELLED, Kind.EXPIRED])
def test_an_order_that_rests_is_not_over(kind: Kind) -> None:
    """7. Whatever timer ran out."""
    stage = Stage(Evidence)
    order = entered(stage)
    with breaks(7, "rests at the venue"):
        stage.report(kind, order)


@pytest.mark.parametrize("kind", [Kind.CANCELLED, Kind.EXPIRED])
def test_an_order_that_the_venue_ended_is_over(kind: Kind) -> None:
    stage = Stage(Evidence)
    order = entered(stage)
    ended = row(kind, instrument=0, flags=int(Flag.LAST))
    stage.all.venue_fact([stage.told(order, ended)])
    stage.report(kind, order)


def test_an_order_is_absent_when_it_never_came() -> None:
    stage = Stage(Evidence)
    stage.begin()
    order = stage.enter()
    request = stage.request(order, submit())
    stage.report(Kind.ABSENT, order)  # nobody had lost sight of it: it changes nothing
    stage.report(Kind.OUTCOME_UNKNOWN, order)
    stage.report(Kind.ABSENT, order)
    with breaks(7, "arrives"):
        stage.arrive(request)


def test_an_order_that_came_is_not_absent() -> None:
    stage = Stage(Evidence)
    order = entered(stage)
    stage.report(Kind.OUTCOME_UNKNOWN, order)
    with breaks(7):
        stage.report(Kind.ABSENT, order)


def test_an_order_that_was_filled_was_not_for_nothing() -> None:
    stage = Stage(Evidence)
    order = entered(stage)
    stage.traded(order, qty=4)
    cancelled = row(Kind.CANCELLED, instrument=0, flags=int(Flag.LAST))
    stage.all.venue_fact([stage.told(order, cancelled)])
    with breaks(7, "was filled"):
        stage.report(Kind.REJECTED, order)


def test_what_a_person_has_to_know_is_said() -> None:
    """33. A lost order, a stranger's fill, a halt."""
    lost = row(Kind.ALARM, code=int(Alarm.OUTCOME_UNKNOWN), instrument=0)
    held = row(Kind.LATCHED, code=int(Cause.ORDER_UNKNOWN), instrument=0, level=int(Level.PAUSED))
    for commands, is_broken in (((lost, held), False), ((held,), True), ((lost,), True)):
        stage = Stage(Alarmed)
        order = entered(stage)
        if is_broken:
            with breaks(33):
                stage.report(Kind.OUTCOME_UNKNOWN, order, *commands)
        else:
            stage.report(Kind.OUTCOME_UNKNOWN, order, *commands)
            stage.report(Kind.OUTCOME_UNKNOWN, order)

    stage = Stage(Alarmed)
    entered(stage)
    stage.event(stage.traded(0), row(Kind.ALARM, code=int(Alarm.EXTERNAL_FILL), instrument=0))
    with breaks(33):
        stage.event(stage.traded(0))

    stage = Stage(Alarmed)
    stage.begin()
    halt = {"code": int(Cause.KILL_PAUSE), "level": int(Level.PAUSED)}
    stage.event(row(Kind.HALT, **halt), row(Kind.LATCHED, **halt))
    stage.event(row(Kind.HALT, **halt))
    with breaks(33):
        stage.event(row(Kind.HALT, **(halt | {"instrument": 1})))


# --- 10 and 26: latches ---------------------------------------------------------------------------


def test_a_latch_waits_for_its_person() -> None:
    for cause, by in ((Cause.DAILY_LOSS, Kind.QUOTE), (Cause.SAFE_MODE, Kind.HALT)):
        stage = Stage(Released)
        stage.begin()
        latch(stage, by, cause)
        with breaks(26, "no person"):
            release(stage, Kind.TIMER, cause)
        stage = Stage(Released)
        stage.begin()
        latch(stage, by, cause)
        release(stage, Kind.RESUME, cause)


def test_a_person_speaks_of_one_latch_alone() -> None:
    stage = Stage(Released)
    stage.begin()
    latch(stage, Kind.HALT, Cause.SAFE_MODE)
    latch(stage, Kind.HALT, Cause.SAFE_MODE, instrument=0)
    stage.event(row(Kind.RESUME, code=int(Cause.SAFE_MODE), instrument=0))
    with breaks(26, "no person"):
        release(stage, Kind.TIMER, Cause.SAFE_MODE)


def test_a_latch_waits_for_its_pause() -> None:
    for seconds, is_broken in ((5, False), (4, True)):
        stage = Stage(Released)
        stage.begin()
        latch(stage, Kind.QUOTE, Cause.SPREAD, instrument=0)
        stage.clock.advance(seconds * NS_PER_S)
        if is_broken:
            with breaks(26, "pause"):
                release(stage, Kind.TIMER, Cause.SPREAD, instrument=0)
        else:
            release(stage, Kind.TIMER, Cause.SPREAD, instrument=0)


def test_a_symbol_waits_until_no_order_is_unknown() -> None:
    stage = Stage(Released)
    order = entered(stage)
    held = row(Kind.LATCHED, code=int(Cause.ORDER_UNKNOWN), instrument=0, level=int(Level.PAUSED))
    stage.report(Kind.OUTCOME_UNKNOWN, order, held)
    free = row(Kind.RELEASED, code=int(Cause.ORDER_UNKNOWN), instrument=0)
    with breaks(26, "unknown"):
        stage.event(row(Kind.TIMER), free.copy())
    stage = Stage(Released)
    order = entered(stage)
    stage.report(Kind.OUTCOME_UNKNOWN, order, held.copy())
    stage.report(Kind.ACCEPTED, order, free.copy())


def test_what_was_never_set_is_not_released() -> None:
    stage = Stage(Released)
    stage.begin()
    with breaks(26, "not set"):
        release(stage, Kind.RESUME, Cause.SAFE_MODE)


def test_a_loss_sets_its_latch_at_that_very_event() -> None:
    """26. Half of ten million units are lost: the day's limit."""
    tripped = row(Kind.LATCHED, code=int(Cause.DAILY_LOSS), level=int(Level.HALTED))
    for commands in ((), (tripped,)):
        stage = Stage(Tripped)
        stage.begin()
        stage.fill(stage.enter(instrument=1, qty=15_100), instrument=1, qty=15_100, fee=0)
        for _ in range(2):
            stage.quote(1, 1, 3)
        fall = row(Kind.QUOTE, instrument=1, open=1, high=3)
        if commands:
            stage.event(fall, *commands)
        else:
            with breaks(26, "DAILY_LOSS"):
                stage.event(fall)


def test_a_trade_that_is_told_twice_and_not_the_same_halts_its_symbol() -> None:
    """5. Nobody can say which of the two is true."""
    line = b'{"row":{"kind":"fill","number":1,"price":1000,"qty":%d},"t":"report"}\n'
    for qty, is_halted, is_broken in ((10, False, False), (11, True, False), (11, False, True)):
        stage = Stage(StrangeTrade)
        stage.machine.wire = stage.machine.is_frozen = None
        stage.fill(entered(stage))
        stage.all.said(b"cut off}\n" + line % qty + line[:40])
        if is_halted:
            latch(stage, Kind.HALT, Cause.IMPOSSIBLE_STATE, instrument=0)
        stage.clock.advance(10 * NS_PER_S)
        for _ in range(16):
            if is_broken and stage.all._steps % 16 == 15:
                with breaks(5, "not the same"):
                    stage.all.stepped()
            else:
                stage.all.stepped()
