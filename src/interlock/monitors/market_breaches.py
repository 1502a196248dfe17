"""How the breakers on one instrument's market are breached."""

from collections.abc import Iterator
from typing import Final

from interlock.kernel.codes import Cause
from interlock.kernel.policy import PolicyArray
from interlock.kernel.records import Row, Rows
from interlock.kernel.units import PPM
from interlock.monitors.breach import Breach, Numbers, Story, over_instrument, story
from interlock.monitors.shadow import HELD, PRICE, Lane, bars, quote

NS_PER_MS: Final = 1_000_000
BATCH: Final = 256  # bars handed over at once
GROWTHS_MAX: Final = 64
CALM_BATCHES_MAX: Final = 1_000


def _market(
    breaker: Row, cause: Cause, near: Story, at: Story, calm: Story, numbers: Numbers
) -> Breach:
    """Return the breach of a breaker that watches one instrument's market."""
    return Breach(
        cause=cause,
        near=near,
        at=at,
        calm=calm,
        where=over_instrument(HELD),
        level=int(breaker["level"]),
        release=int(breaker["release"]),
        expects=lambda _: numbers,
        entry_on=HELD,
    )


def spread_breach(policy: PolicyArray) -> Breach:
    """Return the breach by a quote that is too wide."""
    breaker = policy[0]["account"]["breakers"][Cause.SPREAD]
    limit_ppm = max(int(breaker["limit"]), int(policy[0]["instruments"][0]["limits"]["spread_ppm"]))
    inside = limit_ppm * PRICE // (2 * PPM)
    outside = -(-(limit_ppm + 1) * PRICE // (2 * PPM))
    return _market(
        breaker,
        Cause.SPREAD,
        story(lambda: quote(HELD, inside)),
        story(lambda: quote(HELD, outside)),
        story(lambda: quote(HELD, inside)),
        (2 * outside * PPM // PRICE, int(breaker["limit"])),
    )


def range_breach(policy: PolicyArray) -> Breach:
    """Return the breach by a range that grows until it is too much of its baseline."""
    breaker = policy[0]["account"]["breakers"][Cause.ATR_SPIKE]
    spec = policy[0]["instruments"][0]
    warm = int(spec["atr_periods"]) + int(spec["atr_baseline_periods"])

    def is_wide(lane: Lane) -> bool:
        inst = lane.state["instruments"][0, HELD]
        return bool(float(inst["atr"]) * PPM > float(inst["atr_baseline"]) * int(breaker["limit"]))

    def near(_lane: Lane) -> Iterator[Rows]:
        for start in range(0, warm, BATCH):
            yield bars(HELD, min(BATCH, warm - start), PRICE)

    def at(lane: Lane) -> Iterator[Rows]:
        for growth in range(1, GROWTHS_MAX):
            if is_wide(lane):
                return
            yield bars(HELD, 1, PRICE, above=min(10 << growth, PRICE * 1_000))

    def calm(lane: Lane) -> Iterator[Rows]:
        for _ in range(CALM_BATCHES_MAX):
            if not is_wide(lane):
                return
            yield bars(HELD, 16, PRICE)

    numbers = (None, int(breaker["limit"]))
    return _market(breaker, Cause.ATR_SPIKE, near, at, calm, numbers)


def move_breach(breaker: Row) -> Breach:
    """Return the breach by a close that is too far from the one before."""
    limit_ppm = int(breaker["limit"])
    near_close = PRICE + PRICE * limit_ppm // PPM
    change = near_close * limit_ppm // PPM + 1
    return _market(
        breaker,
        Cause.PRICE_MOVE,
        story(lambda: bars(HELD, 1, PRICE), lambda: bars(HELD, 1, near_close)),
        story(lambda: bars(HELD, 1, near_close + change)),
        story(lambda: bars(HELD, 1, near_close + change)),
        (change * PPM // near_close, limit_ppm),
    )


def lag_breach(breaker: Row) -> Breach:
    """Return the breach by a bar that came too late; its lag waits in ``src_ts_ns``."""
    limit_ms = int(breaker["limit"])

    def late(lag_ns: int) -> Story:
        def tell(lane: Lane) -> Iterator[Rows]:
            lane.wait(lag_ns)
            row = bars(HELD, 1, PRICE)
            row["src_ts_ns"] = lag_ns
            yield row

        return tell

    return _market(
        breaker,
        Cause.FEED_LAG,
        late((limit_ms + 1) * NS_PER_MS - 1),
        late((limit_ms + 1) * NS_PER_MS),
        late(0),
        (limit_ms + 1, limit_ms),
    )
