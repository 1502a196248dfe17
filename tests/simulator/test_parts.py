"""The parts of a simulated world, each by itself."""

from pathlib import Path

import pytest

from interlock.journal.rows import EMPTY, Entry, Row, RowKind, chained
from interlock.journal.sqlite import SqliteStore
from interlock.journal.verify import verify
from interlock.kernel.codes import Kind
from interlock.research.simulator.chance import Chance, happens
from interlock.research.simulator.faults import ALL
from interlock.research.simulator.market import Market
from interlock.research.simulator.network import Network, Wire
from interlock.research.simulator.plan import draw
from interlock.research.simulator.points import Crash, Fuse
from interlock.research.simulator.schedule import Schedule, WorldClock
from interlock.research.simulator.strikes import Strikes
from interlock.research.simulator.volume import Volume
from interlock.runtime.clock import NS_PER_S

# --- chance -------------------------------------------------------------------------------------


def test_one_fault_less_changes_nothing_about_the_others() -> None:
    """Else a failure that was shrunk would be another one."""
    plan = draw(7, ALL)
    less = draw(7, ALL - {"data_gap", "venue_partial"})
    assert less.rates_ppm == plan.rates_ppm
    assert less.instruments == plan.instruments
    assert less.cash_units == plan.cash_units
    many = [Strikes(each, Chance(7)).among("net_duplicate", 2_000) for each in (plan, less)]
    assert many[0] == many[1] != []


def test_occasions_one_by_one_and_many_at_once_are_the_same() -> None:
    """Whichever way they are counted."""
    plan = draw(3, ALL)
    one, many = Strikes(plan, Chance(3)), Strikes(plan, Chance(3))
    singly = [place for place in range(3_000) if one.now("data_zero")]
    at_once = [*many.among("data_zero", 1_000)]
    at_once += [1_000 + place for place in many.among("data_zero", 2_000)]
    assert singly == at_once != []
    assert one.count == many.count


def test_a_rate_is_what_it_says_on_average() -> None:
    """Within what chance allows."""
    plan = draw(5, ALL)
    strikes = Strikes(plan, Chance(5))
    found = len(strikes.among("data_old", 400_000))
    assert found == pytest.approx(400_000 * plan.rates_ppm["data_old"] / 1e6, rel=0.1)
    stream = Chance(1).of("a test")
    assert sum(happens(stream, 250_000) for _ in range(10_000)) == pytest.approx(2_500, rel=0.1)
    assert not happens(stream, 0)


def test_faults_that_are_over_strike_no_more() -> None:
    """A world has to settle."""
    strikes = Strikes(draw(5, ALL), Chance(5))
    strikes.are_over = True
    assert not strikes.among("data_old", 10_000)
    assert not any(strikes.now("data_old") for _ in range(1_000))


# --- time ---------------------------------------------------------------------------------------


def test_what_is_due_together_happens_in_the_order_it_was_planned() -> None:
    """And time does not pass before it is asked to."""
    clock = WorldClock(1)
    schedule = Schedule(clock)
    done: list[str] = []
    schedule.after(NS_PER_S, lambda: done.append("second"))
    schedule.after(0, lambda: done.append("now"))
    schedule.after(NS_PER_S, lambda: done.append("third"))
    assert schedule.has_due()
    for _ in range(3):
        schedule.go_on()
    assert done == ["now", "second", "third"]
    assert clock.elapsed_ns() == NS_PER_S


def test_a_clock_may_be_wrong_while_time_goes_on() -> None:
    """The venue's is right, and the stopwatch does not mind."""
    clock = WorldClock(10 * NS_PER_S)
    clock.set_off(-5 * NS_PER_S)
    clock.advance(NS_PER_S)
    assert clock.now_ns() == 6 * NS_PER_S
    assert clock.true_ns() == 11 * NS_PER_S
    assert clock.elapsed_ns() == NS_PER_S


# --- the disk -----------------------------------------------------------------------------------


def _rows(store: SqliteStore, count: int) -> list[Row]:
    head = store.head()
    kind = RowKind.GENESIS if head == EMPTY else RowKind.NOTE
    found = []
    for _ in range(count):
        row = chained(Entry(seq=head.seq + 1, count=1, ts_ns=1, kind=kind, body=b"{}"), head)
        head, kind = type(head)(seq=row.entry.last_seq, hash=row.hash), RowKind.NOTE
        found.append(row)
    return found


@pytest.mark.parametrize("seed", range(12))
def test_what_was_acknowledged_is_there_after_the_power_was_cut(seed: int, tmp_path: Path) -> None:
    """Whatever became of the rest."""
    tmp_path.chmod(0o700)
    chance = Chance(seed).of("the power")
    fuse = Fuse()
    volume = Volume(tmp_path, f"parts-{seed}", fuse)
    try:
        acknowledged = EMPTY
        for _ in range(4):
            store = SqliteStore(volume.path, vfs=volume.vfs)
            volume.check()
            assert verify(store).head.seq >= acknowledged.seq if store.head() != EMPTY else True
            store.append(_rows(store, chance.randint(1, 5)))
            acknowledged = store.head()
            fuse.armed = chance.choice(("writing", "before_sync", "after_sync"))
            with pytest.raises(Exception, match="journal"):
                store.append(_rows(store, 3))
            with pytest.raises(Crash):
                volume.check()
            volume.kill()
            with pytest.raises(Exception, match="journal"):
                store.append(_rows(store, 1))
            store._connection.close()
            volume.revive(power=chance)
    finally:
        volume.close()


# --- the network --------------------------------------------------------------------------------


class _End:
    """Remembers what it hears."""

    def __init__(self) -> None:
        self.heard = b""
        self.is_gone = False

    def hear(self, wire: Wire, data: bytes) -> None:
        """Take bytes."""
        assert wire.number == 1
        self.heard += data

    def hung_up(self, wire: Wire) -> None:
        """Take note."""
        assert wire.number == 1
        self.is_gone = True


def _wire() -> tuple[Wire, _End, _End, Schedule, Network]:
    clock = WorldClock(1)
    schedule = Schedule(clock)
    strikes = Strikes(draw(1, frozenset()), Chance(1))
    network = Network(schedule, clock, Chance(1), strikes, lambda _: None)
    near, far = _End(), _End()
    return network.connect(near, far), near, far, schedule, network


def test_bytes_arrive_in_order_however_long_each_takes() -> None:
    """It is one connection."""
    wire, near, far, schedule, network = _wire()
    for number in range(50):
        wire.write(b"%d " % number)
        wire.tell(b"%d " % -number)
    while network.under_way:
        schedule.go_on()
    assert far.heard.split() == [b"%d" % number for number in range(50)]
    assert near.heard.split() == [b"%d" % -number for number in range(50)]


def test_a_reset_loses_what_is_on_its_way_in_and_nothing_of_what_left() -> None:
    """The venue may still hear what an engine that is gone has said."""
    wire, near, far, schedule, network = _wire()
    wire.write(b"an order")
    wire.tell(b"a report")
    wire.reset()
    while network.under_way or not far.is_gone:
        schedule.go_on()
    assert (near.heard, far.heard) == (b"", b"an order")
    assert near.is_gone
    with pytest.raises(BrokenPipeError):
        wire.write(b"more")


# --- the market ---------------------------------------------------------------------------------


def test_a_market_is_told_as_it_is_unless_a_fault_exists() -> None:
    """True prices are sound at any rate, and told ones unless data faults exist."""
    for faults in (frozenset[str](), ALL):
        plan = draw(11, faults)
        chance = Chance(11)
        market = Market(plan, chance, Strikes(plan, chance))
        bad = 0
        for tick in range(1, 400):
            moved = market.tick(plan.tick_ns * tick, 3)
            for row in moved.true:
                assert max(row["high"], row["close"]) > 0
            for row in moved.told:
                if row["kind"] == Kind.QUOTE:
                    bad += not 0 < row["open"] < row["high"]
                else:
                    bad += row["close"] <= 0
        assert (bad > 0) == bool(faults)
