"""What is measured of a live market through a real venue: nothing that a healthy one trips over."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock.app import live as live_module
from interlock.kernel.codes import Cause, Kind, Metric
from interlock.kernel.records import Row
from interlock.runtime.clock import NS_PER_S, ManualClock
from interlock.runtime.entries import events_of
from interlock.runtime.vitals import Vitals
from tests.emulators.binance import Binance, serving
from tests.venues.test_live_session import BARS, BEGIN_NS, Trading, World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(live_module, "BARS", BARS)
    with serving(Binance(ManualClock(BEGIN_NS))) as far_side:
        yield World(far_side, tmp_path)


def health(trading: Trading) -> list[Row]:
    """Return every measurement that was told."""
    return [
        row for entry in trading.entries for row in events_of(entry) if row["kind"] == Kind.HEALTH
    ]


def test_a_healthy_live_market_is_measured_and_trips_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A simulated venue knows of a fill when the bar has closed in which it happened."""
    session = world.session(lag=False)
    trading = Trading(world, world.inputs(session, monkeypatch), session)
    vitals = Vitals(trading.engine, trading.clock, machine=dict)
    trading.engine.remind = vitals.mind
    for _ in range(4):
        trading.pass_minute()
        trading.engine.tick()  # asks for the account
        trading.settle()
        trading.clock.advance(2 * NS_PER_S)
        trading.engine.tick()
        trading.settle()
    trading.source.close()

    told = {Metric(row["code"]) for row in health(trading)}
    assert told >= {
        Metric.VENUE_UNAVAILABLE,
        Metric.CLOCK_OFFSET_MS,
        Metric.PLACEMENT_MS,
        Metric.FILL_MS,
        Metric.DATA_QUALITY_PPM,
    }
    fills = [
        row for entry in trading.entries for row in events_of(entry) if row["kind"] == Kind.FILL
    ]
    assert len(fills) > 0
    assert {Cause(row["code"]) for row in trading.commands(Kind.LATCHED)} <= {Cause.RECONCILIATION}
    said = vitals.said()
    assert abs(said["clock_offset_ms"]) <= 100
    assert said["placement_ms"] <= 100
    assert said["fill_ms"] == 0
    assert said["data_quality_ppm"] == 1_000_000
