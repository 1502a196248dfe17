"""The points that have to be passed sometimes, and who notices them."""

from interlock.config.latch import killed
from interlock.kernel.codes import SELL, Cause, Exit, Kind, Level, Role
from interlock.kernel.reasons import Reason
from interlock.kernel.records import SUBS
from interlock.research.simulator.invariants import noticing
from interlock.research.simulator.invariants.noticing import Noticing
from interlock.research.simulator.sometimes import HITS_MIN, POINTS, too_seldom
from tests.simulator.stage import Stage, row, stop_order


def stage() -> Stage:
    """Return a stage on which points are noticed."""
    return Stage(others=lambda scene: [Noticing(scene)])


def test_there_are_more_than_ninety() -> None:
    assert len(POINTS) >= 90
    assert all(sentence == sentence.strip().rstrip(".") for sentence in POINTS.values())


def test_what_is_passed_too_seldom_is_named() -> None:
    seen = dict.fromkeys(POINTS, HITS_MIN)
    assert too_seldom(seen) == {}
    seen["expired"] = HITS_MIN - 1
    del seen["funding"]
    assert too_seldom(seen) == {"expired": HITS_MIN - 1, "funding": 0}


def test_every_table_names_points_that_there_are() -> None:
    for table in (noticing._CLOSED, noticing._REFUSED, noticing._LATCHED):
        assert set(table.values()) <= set(POINTS)


def test_the_life_of_an_order_is_noticed() -> None:
    here = stage()
    here.begin()
    order = here.enter()
    here.fill(order, qty=4)
    here.report(Kind.ACCEPTED, order)
    here.report(Kind.OUTCOME_UNKNOWN, order)
    here.fill(order, qty=6)
    here.report(Kind.CANCEL_REJECTED, order)
    seen = here.all.seen()
    for name in ("fill_before_ack", "fill_partial", "ack_after_fill", "unknown_entry"):
        assert seen[name] == 1
    for name in ("fill_of_unknown_whole", "fill_last_part", "cancel_refused_late", "cash_settled"):
        assert seen[name] >= 1
    assert set(seen) <= set(POINTS)


def test_a_kill_is_noticed_with_what_it_meets() -> None:
    here = stage()
    here.begin()
    here.enter(instrument=1)
    here.fill(here.enter())
    halt = {"code": int(Cause.KILL_IMMEDIATE), "level": int(Level.KILLED)}
    here.event(row(Kind.HALT, **halt), row(Kind.LATCHED, **halt))
    here.all.kill(killed(mode="immediate", reason="", who="", ts_ns=1), confirmed=True)
    here.machine.is_up = False
    here.all.kill(killed(mode="pause", reason="", who="", ts_ns=1), confirmed=True)
    seen = here.all.seen()
    for name in ("kill_met_entry", "kill_met_position", "kill_met_bare", "kill_while_down"):
        assert seen[name] == 1
    assert seen["kill_again"] == 2
    assert "kill_met_unknown" not in seen


def test_refusals_closes_and_the_end_are_noticed() -> None:
    here = stage()
    here.begin()
    both = row(
        Kind.REFUSED,
        instrument=0,
        mask_lo=1 << (Reason.ACCOUNT_LATCHED - 1),
        mask_hi=1 << (Reason.DATA_STALE - 63),
    )
    here.event(row(Kind.SIGNAL, instrument=0, strategy=0), both)
    order = here.enter()
    here.fill(order)
    seq = here.event(row(Kind.TIMER), stop_order())
    closed = row(Kind.CLOSED, instrument=0, code=int(Exit.STOP))
    here.event(here.traded(seq * SUBS + 1, side=SELL), closed)
    here.all.quiesced()
    seen = here.all.seen()
    for name in ("refused_account_held", "refused_stale", "closed_by_stop", "settled_flat"):
        assert seen[name] == 1
    assert seen["settled_running"] == 1


def test_a_stop_that_is_changed_or_placed_again_is_noticed() -> None:
    here = stage()
    here.begin()
    here.fill(here.enter())
    seq = here.event(row(Kind.TIMER), stop_order())
    stop = seq * SUBS + 1
    amend = {"instrument": 0, "order_id": stop, "side": SELL, "role": int(Role.STOP)}
    here.event(row(Kind.TIMER), row(Kind.AMEND, qty=20, **amend))
    here.event(row(Kind.TIMER), row(Kind.AMEND, qty=10, trigger=960, **amend))
    here.report(Kind.EXPIRED, stop, stop_order())
    seen = here.all.seen()
    assert (seen["stop_grew"], seen["stop_moved"], seen["stop_again"]) == (1, 1, 1)
    assert seen["expired"] == 1
