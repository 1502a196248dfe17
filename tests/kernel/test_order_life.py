"""The life of an order: every report in every state, and what may not be is recorded."""

from typing import Any

import pytest

from interlock.kernel.codes import Kind, OrderState
from interlock.kernel.transitions import ILLEGAL, LEGAL, TERMINAL, is_terminal, next_state
from tests.kernel.helpers import Bench, plain
from tests.kernel.recount import check_all
from tests.kernel.story import check as tell

ENTRY = {
    OrderState.INTENT: "",
    OrderState.WORKING: "accepted entry |",
    OrderState.PARTIAL: "fill entry 40 @ 10000 | ...",
    OrderState.UNKNOWN: "unknown entry | ...",
    OrderState.PENDING_CANCEL: "halt KILL_GRACEFUL HALTED | ...",
}
STOP = {
    OrderState.INTENT: "",
    OrderState.WORKING: "accepted stop |",
    OrderState.PARTIAL: "fill stop 40 @ 9800 | ...",
    OrderState.UNKNOWN: "unknown stop | ...",
    OrderState.PENDING_CANCEL: "flat | ...",
}
REPORTS = {
    Kind.ACCEPTED: "accepted",
    Kind.REJECTED: "rejected",
    Kind.CANCELLED: "cancelled",
    Kind.EXPIRED: "expired",
    Kind.CANCEL_REJECTED: "cancel_rejected",
    Kind.OUTCOME_UNKNOWN: "unknown",
    Kind.ABSENT: "absent",
    Kind.AMENDED: "amended",
    Kind.AMEND_REJECTED: "amend_rejected",
}
COUNTERS = (
    "seq",
    "sub",
    "ts_ns",
    "events",
    "illegal_transitions",
    "unknown_reports",
    "late_rejects",
)
QUIET = "exits.target_method=TargetMethod.NONE"


def believed(bench: Bench) -> bytes:
    """Return everything but what counts events."""
    state: Any = bench.state.copy()
    for name in COUNTERS:
        state["account"][name] = 0
    return bytes(state.tobytes())


def check_report(bench: Bench, role: str, before: OrderState, kind: Kind) -> None:
    """Report one thing of an order, and compare with the table of transitions."""
    order_id = bench.order(0, role)["order_id"]
    assert bench.slot(order_id)["state"] == before
    untouched = believed(bench)
    legal = LEGAL.get((before, kind))
    if role == "entry" and kind in {Kind.AMENDED, Kind.AMEND_REJECTED}:
        legal = None  # nobody amends an entry
    words = "100 @ 9800" if kind == Kind.AMENDED else ""
    expected = "..." if legal is not None else "ALARM ILLEGAL_TRANSITION"
    tell(f"{REPORTS[kind]} {role} {words} | {expected}", bench=bench, every=check_all)
    if legal is None:
        assert believed(bench) == untouched
        assert bench.commands[0]["value"] == before * 64 + kind
        assert bench.read("account.illegal_transitions") == 1
        return
    assert bench.read("account.illegal_transitions") == 0
    open_ids = list(bench.state["orders"]["order_id"][0])
    if legal in TERMINAL:
        assert order_id not in open_ids
    else:
        assert bench.slot(order_id)["state"] == legal


@pytest.mark.parametrize("kind", REPORTS)
@pytest.mark.parametrize("before", ENTRY)
def test_every_report_of_an_entry_in_every_state(before: OrderState, kind: Kind) -> None:
    bench = tell(f"bar 10000 |\nbuy | SUBMIT entry buy 100\n{ENTRY[before]}", QUIET)

    check_report(bench, "entry", before, kind)


@pytest.mark.parametrize("kind", REPORTS)
@pytest.mark.parametrize("before", STOP)
def test_every_report_of_a_stop_in_every_state(before: OrderState, kind: Kind) -> None:
    opened = "bar 10000 |\nbuy | ...\nfill entry 100 @ 10000 | SUBMIT stop sell 100 at 9800"

    check_report(tell(f"{opened}\n{STOP[before]}", QUIET), "stop", before, kind)


@pytest.mark.parametrize("before", ENTRY)
def test_a_fill_can_follow_every_state(before: OrderState) -> None:
    """It is a fact, even if its acknowledgement never came or a cancel is on its way."""
    bench = tell(f"bar 10000 |\nbuy | SUBMIT entry buy 100\n{ENTRY[before]}", QUIET)
    order_id = bench.order(0, "entry")["order_id"]
    left = 60 if before == OrderState.PARTIAL else 100

    tell("fill entry 10 @ 10000 | ...", bench=bench, every=check_all)
    assert bench.slot(order_id)["state"] == LEGAL[before, Kind.FILL]
    assert bench.slot(order_id)["filled"] == 110 - left
    tell(f"fill entry {left - 10} @ 10000 | ...", bench=bench, every=check_all)
    assert order_id not in bench.state["orders"]["order_id"]
    assert bench.read("inst.position") == 100


def test_what_is_not_in_the_table_is_illegal() -> None:
    for before in OrderState:
        for kind in Kind:
            found = plain(next_state)(int(before), int(kind))
            assert found == LEGAL.get((before, kind), ILLEGAL), (before, kind)
    assert [x for x in OrderState if is_terminal(int(x))] == list(TERMINAL)


def test_nothing_follows_an_end() -> None:
    assert not {before for before, _ in LEGAL} & set(TERMINAL)


def test_an_acknowledgement_that_comes_late_changes_nothing() -> None:
    tell(
        """
        bar 10000              |
        buy                    | SUBMIT entry buy 100
        fill entry 40 @ 10000  | SUBMIT stop sell 40 at 9800
        accepted entry         |                             | inst.entry_buy=60
        fill entry 60 @ 10000  | AMEND stop 100 at 9800      | inst.entry_buy=0
        accepted entry         | ALARM UNKNOWN_ORDER         | account.unknown_reports=1
        """,
        QUIET,
        every=check_all,
    )


def test_a_fill_is_booked_once_by_its_id() -> None:
    """The venue repeats itself after a reconnect: the same trade, in an event of its own."""
    tell(
        """
        bar 10000                        |
        buy                              | SUBMIT entry buy 100
        fill entry 40 @ 10000 ext_lo=77  | ...
        fill entry 40 @ 10000 ext_lo=77  |     | inst.position=40 account.duplicate_fills=1
        fill entry 40 @ 10000 ext_lo=78  | ... | inst.position=80 account.duplicate_fills=1
        fill entry 10 @ 10000 ext_lo=78 ext_hi=2 | ... | inst.position=90
        """,
        QUIET,
        every=check_all,
    )


def test_a_fill_without_an_id_cannot_be_told_apart() -> None:
    tell(
        """
        bar 10000                               |
        buy                                     | SUBMIT entry buy 100
        fill entry 40 @ 10000 ext_lo=0 ext_hi=0 | ...
        fill entry 40 @ 10000 ext_lo=0 ext_hi=0 | ... | inst.position=80 account.duplicate_fills=0
        """,
        QUIET,
    )


def test_the_ids_of_old_fills_make_room_for_new_ones() -> None:
    """Four ids of one place are remembered; the fifth takes the place of the first."""
    story = "bar 10000 |\nbuy | ...\n"
    for trade in (1, 257, 513, 769, 1025):
        story += f"fill entry 10 @ 10000 ext_hi=0 ext_lo={trade} | ...\n"
    bench = tell(story, QUIET)

    tell("fill entry 10 @ 10000 ext_hi=0 ext_lo=257 |  | account.duplicate_fills=1", bench=bench)
    tell("fill entry 10 @ 10000 ext_hi=0 ext_lo=1 | ... | inst.position=60", bench=bench)


def test_an_overfill_is_booked_and_halts_its_symbol() -> None:
    """The others trade on; entries that rest on the symbol would be cancelled."""
    tell(
        """
        bar 10000                |
        bar 10000 instrument=1   |
        buy                      | SUBMIT entry buy 100
        fill entry 101 @ 10000   | ALARM OVERFILL; LATCHED OVERFILL HALTED on instrument 0
        | SUBMIT stop sell 101 at 9800 | inst.position=101 inst.latch_level=4
        buy instrument=1         | SUBMIT entry buy 100
        """,
        QUIET,
        every=check_all,
    )


def test_a_late_fill_is_booked_and_protected() -> None:
    """The order was cancelled and is gone; a fill that crossed the cancel is still a fact."""
    tell(
        """
        bar 10000             |
        buy                   | SUBMIT entry buy 100
        cancelled entry       |
        fill entry 30 @ 10000 | ALARM EXTERNAL_FILL; SUBMIT stop sell 30 at 9800 | inst.position=30
        """,
        QUIET + " exits.stop_max_ppm=20_000",
        every=check_all,
    )


def test_an_unknown_order_freezes_its_symbol_until_there_is_evidence() -> None:
    """It counts as filled in the worst case, and only what the venue says ends it."""
    tell(
        """
        bar 10000              |
        bar 10000 instrument=1 |
        buy                    | SUBMIT entry buy 100
        unknown entry | ALARM OUTCOME_UNKNOWN; LATCHED ORDER_UNKNOWN PAUSED on instrument 0 \
        | inst.unknown_orders=1 account.pending_units=1_000_000
        buy instrument=1       | SUBMIT entry buy 100
        unknown entry          | ALARM ILLEGAL_TRANSITION
        cancel_rejected entry  |
        absent entry           | RELEASED ORDER_UNKNOWN on instrument 0 \
        | inst.unknown_orders=0 inst.open_orders=0
        buy                    | SUBMIT entry buy 100
        """,
        QUIET,
        every=check_all,
    )


@pytest.mark.parametrize(
    ("evidence", "position"),
    [
        ("accepted entry | RELEASED ORDER_UNKNOWN on instrument 0", 0),
        ("rejected entry | RELEASED ORDER_UNKNOWN on instrument 0", 0),
        ("cancelled entry | RELEASED ORDER_UNKNOWN on instrument 0", 0),
        ("expired entry | RELEASED ORDER_UNKNOWN on instrument 0", 0),
        ("fill entry 100 @ 10000 | ...", 100),
    ],
)
def test_an_unknown_order_was_found(evidence: str, position: int) -> None:
    bench = tell(
        f"bar 10000 |\nbuy | SUBMIT entry buy 100\nunknown entry | ...\n{evidence}",
        QUIET,
        every=check_all,
    )

    assert bench.read("inst.position") == position
    assert bench.read("inst.latch_level") == 0


def test_two_unknown_orders_need_two_pieces_of_evidence() -> None:
    opened = "bar 10000 |\nbuy | ...\nfill entry 40 @ 10000 | SUBMIT stop sell 40 at 9800\n"
    bench = tell(opened + "unknown stop | ...", QUIET, every=check_all)
    entry = bench.slot(bench.order(0, "entry")["order_id"])
    entry["state"] = OrderState.PENDING_CANCEL

    tell(
        """
        unknown entry   | ALARM OUTCOME_UNKNOWN                  | inst.unknown_orders=2
        accepted stop   |                                        | inst.unknown_orders=1
        cancelled entry | RELEASED ORDER_UNKNOWN on instrument 0 | inst.unknown_orders=0
        """,
        bench=bench,
        every=check_all,
    )


def test_a_cancel_is_asked_for_once() -> None:
    """And the order counts as open until the venue says otherwise."""
    tell(
        """
        bar 10000                  |
        buy                        | SUBMIT entry buy 100
        halt KILL_GRACEFUL HALTED  | LATCHED KILL_GRACEFUL HALTED; CANCEL entry
        halt KILL_FILE HALTED      | LATCHED KILL_FILE HALTED | inst.entry_buy=100
        cancel_rejected entry      |
        halt LEASE_LOST HALTED     | LATCHED LEASE_LOST HALTED; CANCEL entry
        cancelled entry            |                          | inst.entry_buy=0
        """,
        every=check_all,
    )


def test_reports_of_orders_that_nobody_knows() -> None:
    tell(
        """
        accepted stray       | ALARM UNKNOWN_ORDER | account.unknown_reports=1
        cancelled stray      | ALARM UNKNOWN_ORDER | account.unknown_reports=2
        amend_rejected stray | ALARM UNKNOWN_ORDER | account.unknown_reports=3
        cancel_rejected stray | ALARM UNKNOWN_ORDER | account.unknown_reports=4
        cancel_rejected stray order_id=1_000_000 | ALARM UNKNOWN_ORDER | account.late_rejects=0
        """,
    )


def test_a_refusal_that_the_orders_end_overtook_is_no_alarm() -> None:
    """The stop filled while its amendment, and the entry while its cancel, was on the way."""
    tell(
        """
        bar 10000                  |
        buy                        | SUBMIT entry buy 100
        fill entry 40 @ 10000      | SUBMIT stop sell 40 at 9800
        accepted stop              |
        halt KILL_GRACEFUL HALTED  | LATCHED KILL_GRACEFUL HALTED; CANCEL entry
        fill entry 60 @ 10000      | AMEND stop 100 at 9800
        cancel_rejected entry      |                     | account.late_rejects=1
        fill stop 40 @ 9800        | SUBMIT stop sell 60 at 9800
        amend_rejected stop-1      |                     | account.late_rejects=2
        cancelled stop-1           | ALARM UNKNOWN_ORDER | account.unknown_reports=1
        """,
        QUIET,
        every=check_all,
    )


def test_an_amendment_below_what_is_filled_cannot_be() -> None:
    tell(
        """
        bar 10000              |
        buy                    | SUBMIT entry buy 100
        fill entry 100 @ 10000 | SUBMIT stop sell 100 at 9800
        accepted stop          |
        fill stop 40 @ 9800    |
        amended stop 40 @ 9800 | ALARM ILLEGAL_TRANSITION | inst.reduce_sell=60
        amended stop 41 @ 9800 | CANCEL stop              | inst.reduce_sell=1
        """,
        QUIET,
        every=check_all,
    )
