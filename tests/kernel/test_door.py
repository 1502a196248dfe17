"""The door: an event that cannot be handled is counted, and nothing else happens."""

from typing import Any

import numpy as np
import pytest

import interlock.kernel.compiled
from interlock.kernel.codes import Kind, OrderKind, OrderState, Role
from interlock.kernel.propose import resting_best
from interlock.kernel.records import new_out, rows
from interlock.kernel.replay import advance, replay
from interlock.kernel.state import new_state
from interlock.kernel.step import step
from tests.kernel.helpers import CASH, OUT, Bench, plain, says
from tests.kernel.story import check, event_of

PENDING = "bar 10000 |\nbuy | SUBMIT entry buy 100"
HUGE = 2**60
QUANTITY = 2**40


def check_garbage(line: str, story: str = PENDING, settings: str = "") -> None:
    """Give one event to an account with an entry under way: it is garbage and no more."""
    bench = check(story, settings)
    before: Any = bench.state.copy()
    assert bench.give(event_of(bench, line)) == []
    after: Any = bench.state.copy()
    assert after["account"]["garbage"] == before["account"]["garbage"] + 1, line
    for state in (before, after):
        state["account"]["garbage"] = state["account"]["sub"] = 0
    assert before.tobytes() == after.tobytes(), line


def check_handled(line: str, story: str = PENDING, settings: str = "") -> None:
    """Give one event: it is handled."""
    bench = check(story, settings)
    events = bench.read("account.events")
    bench.give(event_of(bench, line))
    assert bench.read("account.events") == events + 1, line


@pytest.mark.parametrize(
    "line",
    [
        "bar 10000 seq=2",  # handled already
        f"bar 10000 seq={2**50}",
        "bar 10000 ts_ns=1",  # before the last event
        f"bar 10000 ts_ns={2**62}",
        f"bar 10000 src_ts_ns={2**62}",
        "bar 10000 src_ts_ns=-1",
        "bar 10000 kind=0",
        "bar 10000 kind=32",  # for the venue alone
        "bar 10000 kind=64",  # a command
        "bar 10000 kind=-1",
        "bar 10000 instrument=3",
        "bar 10000 instrument=-1",
        "quote 9990 10010 instrument=3",
        "trade 10000 instrument=3",
        "buy instrument=3",
        "buy strategy=2",
        "buy strategy=-1",
        "buy side=2",
        "buy side=-2",
        "buy stop_ticks=-1",
        f"buy stop_ticks={QUANTITY + 1}",
        "buy target_ticks=-1",
        f"buy target_ticks={QUANTITY + 1}",
        f"buy edge_bps={QUANTITY}",
        f"buy edge_bps=-{QUANTITY}",
        "buy qty=-1",
        f"buy qty={QUANTITY + 1}",
        "buy price=-1",
        f"buy price={QUANTITY + 1}",
        "accepted stray instrument=3",
        "session_open instrument=3",
    ],
)
def test_events_that_name_nothing_or_come_out_of_order(line: str) -> None:
    check_garbage(line)


@pytest.mark.parametrize(
    "fields",
    [
        "side=0",
        "side=2",
        "qty=0",
        "qty=-1",
        f"qty={QUANTITY + 1} price=1",
        "price=0",
        "price=-1",
        f"price={QUANTITY + 1} qty=1",
        f"close={QUANTITY + 1}",  # the price before slippage
        f"qty={QUANTITY} price=1048576",
        f"qty={QUANTITY} price=1 close=1048576",
        f"fee={HUGE}",
        f"fee=-{HUGE}",
        "fee=1 fee_asset=2",
        "fee=-1 fee_asset=1",
        "fee=101 fee_asset=1",
    ],
)
def test_fills_that_the_ledger_cannot_book(fields: str) -> None:
    """A bust and a position that is found at the venue come through the same door."""
    check_garbage(f"fill entry 100 @ 10000 {fields}")
    check_garbage(f"bust buy 100 @ 10000 {fields}")
    check_garbage(f"adopted buy 100 @ 10000 {fields}")


@pytest.mark.parametrize(
    "line",
    [
        "adopted buy 100 @ 10000 strategy=2",
        "halt NONE HALTED",
        "halt DISK NONE",
        "halt DISK HALTED code=36",
        "halt DISK HALTED level=6",
        "halt DISK HALTED instrument=3",
        "halt DISK HALTED strategy=2",
        "halt DISK HALTED strategy=-2",
        "halt DISK HALTED strategy=0 instrument=0",
        "resume DISK code=36",
        "resume DISK code=-1",
        "timer code=-1",
        "timer strategy=2",
        "health DRIFT 1 code=0",
        "health DRIFT 1 code=12",
        f"health DRIFT {HUGE}",
        f"health DRIFT -{HUGE}",
        "health DRIFT 1 instrument=3",
        f"venue_equity {HUGE}",
        f"cash {HUGE}",
        f"cash -{HUGE}",
        f"cash {HUGE - CASH}",
        f"funding {HUGE - CASH}",
        f"funding -{HUGE}",
        "funding 1 instrument=3",
    ],
)
def test_controls_and_money_that_cannot_be(line: str) -> None:
    check_garbage(line)


@pytest.mark.parametrize("fields", ["qty=0", f"qty={QUANTITY + 1}", "price=-1", "trigger=-1"])
def test_amendments_that_cannot_be(fields: str) -> None:
    story = PENDING + "\nfill entry 100 @ 10000 | ..."

    check_garbage(f"amended stop 100 @ 9800 {fields}", story)
    check_garbage(f"amended stop 100 @ 9800 price={QUANTITY + 1}", story)
    check_garbage(f"amended stop 100 @ 9800 trigger={QUANTITY + 1}", story)


@pytest.mark.parametrize(
    "line",
    [
        f"bar 10000 seq={2**50 - 1}",
        f"bar 10000 ts_ns={2**62 - 1}",
        "buy side=0",
        f"buy stop_ticks={QUANTITY} target_ticks={QUANTITY} edge_bps={QUANTITY - 1}",
        f"fill entry 1 @ {QUANTITY}",
        "fill entry 100 @ 10000 fee=100 fee_asset=1",
        "adopted buy 100 @ 10000 strategy=-7",
        "halt DRIFT KILLED",
        "health DRIFT 1 strategy=1",
        f"cash {HUGE - CASH - 1}",
        f"cash -{HUGE - 1}",
        f"funding {HUGE - CASH - 1}",
        "day instrument=77",
        "policy_set instrument=77",
    ],
)
def test_what_is_just_inside_is_handled(line: str) -> None:
    check_handled(line)


def test_capital_and_cash_are_bounded_each() -> None:
    """After a loss of everything there is room for cash, but not for more capital."""
    check_garbage(f"cash {HUGE - CASH}", f"funding -{CASH} |")
    check_garbage(f"cash {HUGE - CASH - 1}", f"funding {CASH} |")


def test_no_index_is_negative() -> None:
    """Minus one would be the last event: a bug in the host, and it crashes."""
    bench = Bench()
    with pytest.raises(AssertionError):
        step(bench.policy, bench.state, rows(1), -1, OUT)


def test_a_replay_is_the_same_as_one_event_after_the_other() -> None:
    bench = check(PENDING + "\nfill entry 100 @ 10000 | ...\naccepted stop |\ntrade 10100 |")
    state = new_state(CASH)

    assert replay(bench.policy, state, np.concatenate(bench.events), OUT) == 3
    assert state.tobytes() == bench.state.tobytes()


def test_advancing_stops_at_each_event_that_causes_something() -> None:
    """And at the end; what is garbage counts as handled."""
    story = "\nfill entry 100 @ 10000 | ...\naccepted stop |\ntrade 10100 |\ntrade 10100 |"
    bench = check(PENDING + story)
    events = np.concatenate([*bench.events, bench.events[-1]])
    state, out = new_state(CASH), new_out()
    stops = []
    start = 0
    while start < len(events):
        index = advance(bench.policy, state, events, start, out)
        count = int(state["account"]["sub"][0])
        stops.append((index, [says(row) for row in out["rows"][0, :count]]))
        start = index + 1

    assert stops == [
        (2, ["SUBMIT entry buy 100"]),
        (3, ["SUBMIT stop sell 100 at 9800", "SUBMIT target sell 100 at 10400"]),
        (8, []),
    ]
    assert state["account"]["garbage"] == bench.state["account"]["garbage"] + 1
    state["account"]["garbage"] -= 1
    assert state.tobytes() == bench.state.tobytes()
    assert advance(bench.policy, state, events, 8, out) == 8


def test_advancing_begins_within_the_events() -> None:
    bench = Bench()
    for start in (-1, 2):
        with pytest.raises(AssertionError):
            advance(bench.policy, bench.state, rows(1), start, OUT)


def test_our_own_resting_entries_are_found() -> None:
    """The best of the other side: an entry that rests at a limit, not a stop or a target."""
    bench = check(PENDING)
    (order,) = (x for x in bench.state[0]["orders"] if x["order_id"] != 0)
    find = plain(resting_best)
    assert find(bench.state[0], 0, -1) == 0
    order["order_kind"], order["price"] = OrderKind.LIMIT, 9_990
    assert find(bench.state[0], 0, -1) == 9_990
    assert find(bench.state[0], 0, 1) == 0
    other = bench.state[0]["orders"][9]
    order["next"] = 10
    other["side"], other["order_kind"], other["role"] = 1, OrderKind.LIMIT, Role.ENTRY
    for price, best in ((9_980, 9_990), (9_995, 9_995)):
        other["price"] = price
        assert find(bench.state[0], 0, -1) == best
    order["role"] = other["role"] = Role.TARGET
    assert find(bench.state[0], 0, -1) == 0


@pytest.mark.parametrize(
    ("edge", "trades", "seen"),
    [(0.0, 0, 0), (30.0, 2, 15), (31.9, 2, 15), (-30.0, 2, -16), (0.0, 2, -1), (1e30, 1, 10**9)],
)
def test_a_measured_edge_is_rounded_toward_no(edge: float, trades: int, seen: int) -> None:
    bench = check("bar 10000 |")
    own = bench.state["strategies"][0, 0]
    own["edge_sum_bps"], own["trades"] = edge, trades

    check(f"buy | ... | view.strategy_edge_bps={seen}", bench=bench)


def test_an_edge_that_is_no_number_is_none() -> None:
    bench = check("bar 10000 |")
    own = bench.state["strategies"][0, 0]
    own["edge_sum_bps"], own["trades"] = float("nan"), 5

    check("buy | ... | view.strategy_edge_bps=0", bench=bench)


def test_whole_numbers_are_compiled_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An enum's member, a constant and an int32 field are all int64 to a kernel function."""

    class Wrapper:
        def get_call_template(self, args: Any, kws: Any) -> Any:
            return args, kws

    door: Any = interlock.kernel.compiled
    types = door.types
    monkeypatch.setattr(door.numba, "njit", lambda **_: lambda _: Wrapper())
    made = door.compiled(len)
    args, kws = made.get_call_template((types.int32, types.float64), {"kind": types.literal(5)})

    assert args == (types.int64, types.float64)
    assert kws == {"kind": types.int64}


def test_the_states_of_an_order_are_what_the_journal_says() -> None:
    """Never renumbered: what is stored means the same for ever."""
    assert [int(x) for x in OrderState] == list(range(12))
    assert int(Kind.SUBMIT) == 64
