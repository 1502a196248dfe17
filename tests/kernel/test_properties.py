"""What holds whatever happens: limits, replay, and that nonsense changes nothing."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from interlock.kernel.codes import Alarm, Cause, Flag, Kind, OrderState, Release, Role
from interlock.kernel.records import ROW, ROW_BYTES, Rows
from tests.kernel.chance import HONEST, Action, actions, play
from tests.kernel.helpers import INSTRUMENTS, Bench
from tests.kernel.recorded import SEEDS, digest_of
from tests.kernel.recount import check_all
from tests.kernel.test_books_balance import WATCHED

LIMITS = """
    sizing.fixed_lots=500 sizing.exposure_ppm=90_000 sizing.position_ppm=60_000
    account.limits.gross_notional_units=9_000_000 account.limits.net_notional_units=6_000_000
    account.limits.open_positions=2 account.limits.open_orders=5
    account.limits.exposure_ppm=80_000 account.limits.leverage_ppm=1_000_000
    instrument.limits.position_lots=450 instrument.limits.position_notional_units=5_000_000
    strategy.limits.gross_notional_units=7_000_000 costs.slippage_base_ppm=500
"""
COUNTERS = ("garbage", "sub")


def check_entries(bench: Bench) -> None:
    """Compare the worst case with the limits, whenever an entry was let through."""
    sent = [x for x in bench.commands if x["kind"] == Kind.SUBMIT and x["role"] == Role.ENTRY]
    if not sent:
        return
    account = bench.state["account"][0]
    gross = account["gross_units"] + account["pending_units"]
    assert gross <= 9_000_000
    assert gross <= account["equity_units"]
    exposed = account["exposure_units"] + account["pending_exposure_units"]
    assert exposed * 1_000_000 <= account["equity_units"] * 80_000
    assert account["open_positions"] + account["pending_positions"] <= 2
    for order in sent:
        side = int(order["side"])
        buys = account["pending_buy_units"]
        in_flight = buys if side > 0 else account["pending_units"] - buys
        least = -side * int(account["net_units"])
        assert abs(account["net_units"] + side * in_flight) <= max(6_000_000, least)
        inst = bench.state["instruments"][0, int(order["instrument"])]
        assert abs(inst["position"]) + inst["entry_buy"] + inst["entry_sell"] <= 450
        assert abs(inst["value_units"]) + inst["pending_units"] <= 5_000_000
        own = bench.state["strategies"][0, int(order["strategy"])]
        assert own["gross_units"] + own["pending_units"] <= 7_000_000


@given(actions)
def test_what_is_let_through_never_exceeds_a_limit_in_the_worst_case(told: list[Action]) -> None:
    """Positions and everything in flight, as if it were filled, by an honest venue."""
    play(Bench(LIMITS), told, every=check_entries, kinds=HONEST)


def check_reducing(bench: Bench) -> None:
    """No order of ours that reduces asks for more than there is, nor for the wrong side."""
    for row in bench.commands:
        if row["kind"] not in {Kind.SUBMIT, Kind.AMEND} or row["role"] == Role.ENTRY:
            continue
        inst = bench.state["instruments"][0, int(row["instrument"])]
        if inst["position"] == 0:
            continue  # it closed within the same event
        assert row["side"] * inst["position"] < 0
        left = row["qty"]
        if row["kind"] == Kind.AMEND:
            left = left - bench.slot(row["order_id"])["filled"]
        else:
            assert row["flags"] & Flag.REDUCE_ONLY
        assert 0 < left <= abs(inst["position"])


@given(actions)
def test_what_reduces_never_flips(told: list[Action]) -> None:
    """Even when each of them fills whole: a pair counts once, an exit waits for its turn."""
    before = [0] * INSTRUMENTS

    def every(bench: Bench) -> None:
        check_reducing(bench)
        filled = bench.events[-1][0]
        now = [int(x) for x in bench.state["instruments"]["position"][0, :INSTRUMENTS]]
        for index in range(INSTRUMENTS):
            if filled["kind"] == Kind.FILL and before[index] * now[index] < 0:
                told_so = [x["code"] for x in bench.commands if x["kind"] == Kind.ALARM]
                assert Alarm.OVERFILL in told_so
        before[:] = now

    play(Bench(), told, every=every, kinds=HONEST)


@given(actions)
def test_a_replay_gives_the_same_bytes(told: list[Action]) -> None:
    """The same events from the start: the same commands and the same state, to the last byte."""
    first: list[bytes] = []
    bench = play(Bench(), told, every=lambda x: first.extend(row.tobytes() for row in x.commands))
    again, second = Bench(), []
    for event in bench.events[1:]:
        again.give(event)
        second += [row.tobytes() for row in again.commands]

    assert first == second
    assert bench.state.tobytes() == again.state.tobytes()


def repeated(bench: Bench) -> None:
    """Tell the last fill once more, as after a reconnect: nothing changes but what counts."""
    told = bench.events[-1]
    handled = told["seq"][0] == bench.read("account.seq")
    if told["kind"][0] not in {Kind.FILL, Kind.BUST} or not handled:
        return
    before = bench.state.copy()
    again = bench.blank(told["kind"][0])
    for name in set(ROW.names or ()) - {"seq", "ts_ns", "src_ts_ns"}:
        again[name] = told[name]
    assert bench.give(again) == []
    account = before["account"]
    account["duplicate_fills"] += 1
    account["events"] += 1
    account["sub"] = 0
    account["seq"], account["ts_ns"] = again["seq"], again["ts_ns"]
    assert bench.state.tobytes() == before.tobytes()


@given(actions)
def test_a_fill_that_is_told_twice_is_booked_once(told: list[Action]) -> None:
    """Whatever the order is by then: found, ended, or a trade that was taken back."""
    play(Bench(), told, every=repeated)


IN_FLIGHT = (
    "pending_units",
    "pending_buy_units",
    "pending_exposure_units",
    "pending_cash_units",
    "pending_margin_units",
    "pending_positions",
    "open_orders",
)


def end_of(bench: Bench, order: Any, lost: bool) -> Rows:
    """Return a report that an open order ends with, or that it is lost sight of before."""
    event = bench.blank(Kind.CANCELLED)
    event["instrument"] = order["instrument"]
    event["order_id"] = order["order_id"]
    unknown = order["state"] == OrderState.UNKNOWN
    left = int(order["qty"] - order["filled"])
    held = bench.state["instruments"]["position"][0, int(order["instrument"])]
    if order["flags"] & Flag.REDUCE_ONLY:
        left = min(left, -int(order["side"]) * int(held))
    if lost and not unknown:
        event["kind"] = Kind.OUTCOME_UNKNOWN
    elif order["flags"] & Flag.REDUCE_ONLY and left > 0:
        event["kind"] = Kind.FILL
        event["side"], event["qty"], event["price"] = order["side"], left, 10_000
    elif unknown:
        event["kind"] = Kind.ABSENT
    return event


@given(actions, st.lists(st.booleans(), min_size=1))
def test_nothing_is_held_for_orders_that_ended(told: list[Action], lost: list[bool]) -> None:
    """Every order ends, some of them by evidence after nobody knew: no total remembers them."""
    bench = play(Bench(), told, every=check_all, kinds=HONEST)
    for turn in range(500):
        left = [x for x in bench.state[0]["orders"] if x["order_id"] != 0]
        if not left:
            break
        left.sort(key=lambda x: (x["flags"] & Flag.REDUCE_ONLY, x["order_id"]))
        bench.give(end_of(bench, left[0], lost[turn % len(lost)]))
        check_all(bench)
    state = bench.state[0]

    assert {name: int(state["account"][name]) for name in IN_FLIGHT} == dict.fromkeys(IN_FLIGHT, 0)
    for table in ("instruments", "strategies"):
        assert not state[table]["pending_units"].any()
        assert not state[table]["open_orders"].any()
    for name in ("entry_buy", "entry_sell", "reduce_buy", "reduce_sell", "unknown_orders"):
        assert not state["instruments"][name].any(), name
    latches = state["latches"][: state["account"]["latches"]]
    ours = latches["release"] == Release.CONDITION  # what a person set waits for a person
    assert Cause.ORDER_UNKNOWN not in latches["cause"][ours]


@given(actions, st.integers(0, 60))
def test_what_was_handled_already_is_not_handled_again(told: list[Action], back: int) -> None:
    """Any end of the journal once more: it only counts as garbage."""
    bench = play(Bench(), told, every=lambda _: None)
    before = believed(bench)

    for event in bench.events[-back:]:
        assert bench.give(event) == []
    assert believed(bench) == before


def believed(bench: Bench) -> bytes:
    """Return everything but what counts rubbish."""
    state = bench.state.copy()
    for name in COUNTERS:
        state["account"][name] = 0
    return bytes(state.tobytes())


def warmed() -> Bench:
    """Return a bench with a position and its orders, and every breaker on."""
    bench = Bench(WATCHED)
    play(bench, [(0, 0, 50, 50), (4, 0, 1, 2), (8, 0, 1, 0), (6, 0, 0, 0)], every=lambda _: None)
    return bench


rubbish = st.binary(min_size=ROW_BYTES, max_size=ROW_BYTES)


@given(st.lists(rubbish, max_size=5))
def test_random_bytes_change_nothing(rows: list[bytes]) -> None:
    """They count as garbage, and nobody crashes."""
    bench = warmed()
    before = believed(bench)
    for data in rows:
        event: Rows = np.frombuffer(data, dtype=ROW).copy()
        event["seq"] = min(
            event["seq"][0], bench.read("account.seq")
        )  # else it could mean something
        garbage = bench.read("account.garbage")
        assert bench.give(event) == []
        assert believed(bench) == before
        assert bench.read("account.garbage") == garbage + 1


edges = st.sampled_from(
    [
        0,
        1,
        -1,
        2,
        100,
        10_000,
        2**31,
        2**40,
        2**40 + 1,
        2**60 - 1,
        2**60,
        2**62,
        2**63 - 1,
        -(2**63),
    ]
)
fields = st.dictionaries(
    st.sampled_from([x for x in ROW.names or () if x not in {"kind", "seq", "ts_ns"}]), edges
)


@given(st.lists(st.tuples(st.integers(0, 75), st.integers(-2, 4), fields), max_size=6))
def test_rows_of_wild_numbers_keep_the_books(rows: list[tuple[int, int, dict[str, int]]]) -> None:
    """Whatever the numbers: a row is handled or it is garbage, nothing crashes, all adds up."""
    bench = warmed()
    for kind, instrument, values in rows:
        event = bench.blank(kind)
        event["instrument"] = instrument
        for name, value in values.items():
            bits = np.iinfo(ROW[name]) if name != "score" else None
            event[name] = value if bits is None else min(max(value, bits.min), bits.max)
        events, before = bench.read("account.events"), believed(bench)
        bench.give(event)
        if bench.read("account.events") == events:
            assert believed(bench) == before
        check_all(bench)


def test_machine_code_and_plain_python_agree(root: Path) -> None:
    """The same sessions in another process: no machine code, other hashes, another time zone."""
    environment = dict(os.environ, NUMBA_DISABLE_JIT="1", PYTHONHASHSEED="7", TZ="Asia/Tokyo")
    other = subprocess.run(
        [sys.executable, "-m", "tests.kernel.recorded"],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert other.stdout.split() == [digest_of(seed) for seed in SEEDS]


def test_the_bench_is_warm() -> None:
    """What the tests of nonsense begin with is an account in the middle of its life."""
    bench = warmed()

    assert bench.read("inst.position") != 0
    assert OrderState.WORKING in bench.state["orders"]["state"]
