"""A market of several instruments: prices that walk, and what a bad feed makes of them."""

from dataclasses import dataclass
from typing import Final

from interlock.kernel.codes import Feed, Kind
from interlock.kernel.records import Row, Rows, rows
from interlock.research.simulator.account import PERIOD_NS
from interlock.research.simulator.chance import Chance
from interlock.research.simulator.plan import Listed, Plan
from interlock.research.simulator.strikes import Strikes
from interlock.runtime.clock import NS_PER_S

PPM: Final = 1_000_000
PRICE_MIN: Final = 50
_KINDS: Final = {int(Feed.QUOTE): int(Kind.QUOTE), int(Feed.TRADE): int(Kind.TRADE)}
_JUMP: Final = 100
_DISTORTIONS: Final = ("data_crossed", "data_zero", "data_jump", "data_future", "data_old")


@dataclass(slots=True)
class _Walk:
    """One instrument's price, and the bar under way."""

    listed: Listed
    price: int
    open: int = 0
    high: int = 0
    low: int = 0
    volume: int = 0
    opened_ns: int = 0
    stale_until_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moved:
    """One tick of the market.

    Attributes:
        true: Shape (n,): what happened, as the exchange is told.
        told: Shape (m,): what the feed says, without numbers; in its order.
    """

    true: Rows
    told: Rows


class Market:
    """The prices of a world.

    Args:
        plan: Instruments.
        chance: Of the walk.
        strikes: Of the feed's faults.
    """

    def __init__(self, plan: Plan, chance: Chance, strikes: Strikes) -> None:
        self._walks = [_Walk(listed=one, price=one.price) for one in plan.instruments]
        self._random = chance.of("market")
        self._bad = chance.of("bad data")
        self._strikes = strikes

    def price(self, instrument: int) -> int:
        """Return an instrument's true price."""
        return self._walks[instrument].price

    def stop_telling(self, instrument: int, until_ns: int) -> None:
        """Let the feed be silent about an instrument."""
        self._walks[instrument].stale_until_ns = until_ns

    def tick(self, now_ns: int, moves: int) -> Moved:
        """Let prices move.

        Args:
            now_ns: The true time.
            moves: How often at most.
        """
        true: list[tuple[int, ...]] = []
        told: list[tuple[int, ...]] = []
        if self._strikes.now("data_burst"):
            moves *= 6
        for number, walk in enumerate(self._walks):
            for _ in range(1 + int(self._random.random() * moves)):
                self._move(walk)
                if walk.listed.feed == Feed.BAR:
                    self._bar(number, walk, now_ns, true, told)
                    break
                row = self._point(number, walk, now_ns)
                true.append(row)
                if walk.stale_until_ns <= now_ns:
                    told.append(row)
        return Moved(true=_table(true), told=self._feed(told))

    def _move(self, walk: _Walk) -> None:
        step = walk.listed.step_ppm
        drawn = self._random.random()
        moved = int(walk.price * step * (2.0 * drawn - 1.0)) // PPM
        walk.price = max(walk.price + moved + int(drawn * 1_000) % 3 - 1, PRICE_MIN)

    def _point(self, number: int, walk: _Walk, now_ns: int) -> tuple[int, ...]:
        """Return a quote or a trade at the price, as the fields of ``_table``."""
        price = walk.price
        volume = 5 + int(self._random.random() * 2_000)
        if walk.listed.feed == Feed.QUOTE:
            half = 1 + price // 10_000
            return (
                int(Kind.QUOTE),
                number,
                price - half,
                price + half,
                0,
                0,
                volume,
                now_ns,
                0,
                now_ns,
            )
        return (int(Kind.TRADE), number, 0, 0, 0, price, volume, now_ns, 0, now_ns)

    def _bar(
        self,
        number: int,
        walk: _Walk,
        now_ns: int,
        true: list[tuple[int, ...]],
        told: list[tuple[int, ...]],
    ) -> None:
        """Add to the bar under way, and tell it when it closes."""
        price = walk.price
        if walk.opened_ns == 0:
            walk.opened_ns = now_ns
            walk.open = walk.high = walk.low = price
            walk.volume = 0
        walk.high = max(walk.high, price)
        walk.low = min(walk.low, price)
        walk.volume += 5 + int(self._random.random() * 500)
        if now_ns - walk.opened_ns < PERIOD_NS:
            return
        shape = (walk.open, walk.high, walk.low, price, walk.volume)
        opened_ns, walk.opened_ns = walk.opened_ns, 0
        true.append((int(Kind.BAR_OPEN), number, *shape, opened_ns, 0, now_ns))
        true.append((int(Kind.BAR_PATH), number, *shape, opened_ns, 0, now_ns))
        if walk.stale_until_ns <= now_ns:
            told.append((int(Kind.BAR), number, *shape, now_ns, opened_ns, now_ns))

    # --- a bad feed -------------------------------------------------------------------------------

    def _feed(self, told: list[tuple[int, ...]]) -> Rows:
        if self._strikes.are_over:
            return _table(told)
        missing = self._strikes.among("data_gap", len(told))
        if missing:
            told = [row for place, row in enumerate(told) if place not in missing]
        table = _table(told)
        for fault in _DISTORTIONS:
            for place in self._strikes.among(fault, len(told)):
                self._distort(table[place], fault)
        return table

    def _distort(self, row: Row, fault: str) -> None:
        """Make a row wrong in one way."""
        prices = [name for name in ("open", "high", "low", "close") if row[name] > 0]
        if fault == "data_future":
            row["src_ts_ns"] += self._bad.choice((3, 60, 31_536_000)) * NS_PER_S
        elif fault == "data_old":
            row["src_ts_ns"] -= self._bad.choice((1, 5, 60)) * NS_PER_S
        elif fault == "data_crossed" and row["kind"] == Kind.QUOTE:
            row["open"], row["high"] = self._bad.choice(
                ((row["high"], row["open"]), (0, row["high"]), (row["open"], row["open"]))
            )
        elif fault == "data_zero":
            row[self._bad.choice(prices)] = self._bad.choice((0, -1, -row["high"]))
        elif fault == "data_jump":
            up = self._bad.random() < 0.5  # noqa: PLR2004 - even
            for name in prices:
                row[name] = row[name] * _JUMP if up else max(row[name] // _JUMP, 1)


_FIELDS: Final = (
    *("kind", "instrument", "open", "high", "low", "close", "volume"),
    *("src_ts_ns", "value", "ts_ns"),
)


def _table(found: list[tuple[int, ...]]) -> Rows:
    """Return rows of the fields of ``_FIELDS``, shape (n,)."""
    table = rows(len(found))
    if found:
        for name, column in zip(_FIELDS, zip(*found, strict=True), strict=True):
            table[name] = column
    return table
