"""A slow, obvious backtest in plain Python, written from the documents and not from the code.

One dictionary per instrument, money as whole units, nothing shared with the kernel or the venue.
It knows one policy: a market entry, sized by the risk at its stop and by a share of equity; a stop
by the average true range, clamped; a target at a multiple of the risk; a time exit; an exit on the
opposite signal. Longs pay their notional, shorts post it.
"""

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

MILLION: Final = 1_000_000

Bar = dict[str, int]  # instrument, open, high, low, close
Trade = tuple[int, int, int, int, int, int, str]  # instrument side lots entry exit profit cause


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The policy, in the units of the documents."""

    cash: int = 10_000_000
    value: Fraction = Fraction(1)  # money per lot and tick
    lot: int = 1
    maker_ppm: int = 200
    taker_ppm: int = 400
    slippage_ppm: int = 500
    volatility_factor: float = 0.0
    impact_from: int = 0
    impact_ppm: float = 0.0
    risk_ppm: int = 20_000
    share_ppm: int = 200_000
    stop_atr: float = 1.5
    stop_min_ppm: int = 10_000
    stop_max_ppm: int = 50_000
    target: float = 2.0
    bars_held: int = 48
    opposite_exits: bool = True
    atr_bars: int = 14
    baseline_bars: int = 20


def up(number: Fraction) -> int:
    return math.ceil(number)


def down(number: Fraction) -> int:
    return math.floor(number)


@dataclass
class Reference:
    """An account that trades bars."""

    plan: Plan
    cash: int = field(init=False)
    fees: int = 0
    books: dict[int, dict[str, Any]] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)
    refused: int = 0
    rejected: int = 0

    def __post_init__(self) -> None:
        self.cash = self.plan.cash

    # --- what things are worth -------------------------------------------------------------

    def _cost(self, price: int, lots: int) -> int:
        return up(self.plan.value * price * lots)

    def _proceeds(self, price: int, lots: int) -> int:
        return down(self.plan.value * price * lots)

    def _fee(self, units: int, ppm: int) -> int:
        return up(Fraction(units * ppm, MILLION))

    def _slippage(self, book: dict[str, Any], units: int) -> int:
        """Return ppm: the base, more in a wide range, more for a large order; rounded up."""
        plan = self.plan
        base = float(plan.slippage_ppm)
        total = base
        if book["baseline"] > 0 and book["atr"] > book["baseline"]:
            total += base * plan.volatility_factor * (book["atr"] / book["baseline"] - 1.0)
        if plan.impact_from and units > plan.impact_from:
            total += plan.impact_ppm * (math.sqrt(units / plan.impact_from) - 1.0)
        return min(math.ceil(total), MILLION // 2)

    def _taken(self, book: dict[str, Any], side: int, price: int, lots: int) -> int:
        """Return what a taker pays or gets: the price, moved against him."""
        ppm = self._slippage(book, self._proceeds(price, lots))
        return max(price + side * up(Fraction(price * ppm, MILLION)), 1)

    def _open_value(self, book: dict[str, Any]) -> int:
        """Return what closing now would be worth, for the equity; rounded against us."""
        if book["side"] > 0:
            return self._proceeds(book["mark"], book["lots"])
        return int(book["received"]) - self._cost(book["mark"], book["lots"])

    def equity(self) -> int:
        return self.cash + sum(self._open_value(book) for book in self.books.values())

    def _posted(self) -> int:
        """Return the margin of open shorts: their whole value, at a leverage of one."""
        shorts = [book for book in self.books.values() if book["side"] < 0]
        return sum(self._cost(book["mark"], book["lots"]) for book in shorts)

    def _exposure(self) -> int:
        longs = [book for book in self.books.values() if book["side"] > 0]
        return self._posted() + sum(self._proceeds(book["mark"], book["lots"]) for book in longs)

    def _waiting(self) -> int:
        """Return what entries that have not filled yet hold back."""
        return sum(book["entry"]["held"] for book in self.books.values() if book["entry"])

    # --- the market ------------------------------------------------------------------------

    def book(self, instrument: int) -> dict[str, Any]:
        blank = {
            **dict.fromkeys(("side", "lots", "mark", "count", "price", "previous"), 0),
            **dict.fromkeys(("stop", "target", "held", "paid", "received", "fees"), 0),
            "atr": 0.0,
            "baseline": 0.0,
            "entry": None,
            "leaving": "",
        }
        return self.books.setdefault(instrument, blank)

    def bar(self, bar: Bar) -> None:
        """Live through one bar: its open, its path, its close."""
        book = self.book(bar["instrument"])
        if book["entry"]:
            self._enter(book, bar)
        elif book["leaving"]:
            price = self._taken(book, -book["side"], bar["open"], book["lots"])
            self._leave(bar, price, book["leaving"], self.plan.taker_ppm)
        elif book["side"]:
            self._gap(book, bar)
        if book["side"]:
            self._path(book, bar)
        self._close(book, bar)

    def _gap(self, book: dict[str, Any], bar: Bar) -> None:
        """Stop and target meet the open: a stop slips from it, a target is better than asked."""
        side, price = book["side"], bar["open"]
        if side * (price - book["stop"]) <= 0:
            self._leave(bar, self._taken(book, -side, price, book["lots"]), "STOP")
        elif book["target"] and side * (price - book["target"]) > 0:
            self._leave(bar, price, "TARGET")

    def _path(self, book: dict[str, Any], bar: Bar) -> None:
        """Meet the rest of the bar: the stop first, from its price or the open if that is worse."""
        side = book["side"]
        worst, best = (bar["low"], bar["high"]) if side > 0 else (bar["high"], bar["low"])
        if side * (worst - book["stop"]) <= 0:
            start = min(book["stop"], bar["open"]) if side > 0 else max(book["stop"], bar["open"])
            self._leave(bar, self._taken(book, -side, start, book["lots"]), "STOP")
        elif book["target"] and side * (best - book["target"]) > 0:
            self._leave(bar, book["target"], "TARGET", self.plan.maker_ppm)

    def _close(self, book: dict[str, Any], bar: Bar) -> None:
        """Learn the range, take the mark, and see whether the position is too old."""
        reach = bar["high"] - bar["low"]
        before = book["previous"]
        if before:
            reach = max(reach, abs(bar["high"] - before), abs(bar["low"] - before))
        book["count"] += 1
        book["atr"] += (reach - book["atr"]) / min(book["count"], self.plan.atr_bars)
        known = book["count"] - self.plan.atr_bars + 1
        if known > 0:
            weight = min(known, self.plan.baseline_bars)
            book["baseline"] += (book["atr"] - book["baseline"]) / weight
        book["previous"] = book["mark"] = bar["close"]
        if book["side"] and not book["leaving"]:
            book["held"] += 1
            if book["held"] >= self.plan.bars_held:
                book["leaving"] = "TIME"

    # --- trading ---------------------------------------------------------------------------

    def signal(self, instrument: int, side: int) -> None:
        """Act on a signal at a close: leave, enter, or refuse."""
        book = self.book(instrument)
        if book["side"] * side < 0:
            if self.plan.opposite_exits and not book["leaving"]:
                book["leaving"] = "SIGNAL"
            return
        entry = None
        if not book["side"] and not book["entry"]:
            entry = self._sized(book, side)
        if entry:
            book["entry"] = entry
        else:
            self.refused += 1

    def _sized(self, book: dict[str, Any], side: int) -> dict[str, int] | None:
        """Return the entry a signal asks for: the smaller of risk and share, if it can be paid."""
        plan, equity, mark = self.plan, self.equity(), book["mark"]
        if book["count"] < plan.atr_bars or equity <= 0:
            return None
        nearest = up(Fraction(mark * plan.stop_min_ppm, MILLION))
        farthest = down(Fraction(mark * plan.stop_max_ppm, MILLION))
        distance = min(max(math.floor(plan.stop_atr * book["atr"]), nearest), farthest)
        if plan.stop_atr * book["atr"] < 1 or not 0 < distance < mark:
            return None
        target = math.floor(plan.target * distance)
        largest = down(Fraction(equity * plan.share_ppm, MILLION))
        ppm = self._slippage(book, largest)
        price = max(mark + side * up(Fraction(mark * ppm, MILLION)), 1)
        trip_ppm = 2 * (plan.taker_ppm + ppm)
        at_risk = distance + up(Fraction(price * trip_ppm, MILLION))
        by_risk = down(down(Fraction(equity * plan.risk_ppm, MILLION)) / (plan.value * at_risk))
        dearest = price + up(Fraction(price * plan.taker_ppm, MILLION))
        by_share = down(largest / (plan.value * dearest))
        lots = min(by_risk, by_share) // plan.lot * plan.lot
        held = self._cost(price, lots)
        held += self._fee(held, plan.taker_ppm)
        free = self.cash - self._posted() - self._waiting()
        if side < 0:
            free = self.equity() - self._exposure() - self._waiting()
        if lots < 1 or held > free:
            return None
        if side < 0 and target >= mark:
            target = 0
        return {"side": side, "lots": lots, "held": held, "stop": distance, "target": target}

    def _enter(self, book: dict[str, Any], bar: Bar) -> None:
        """Fill a waiting entry at the open, if it can still be paid."""
        entry, book["entry"] = book["entry"], None
        side, lots = entry["side"], entry["lots"]
        price = self._taken(book, side, bar["open"], lots)
        units = self._cost(price, lots) if side > 0 else self._proceeds(price, lots)
        fee = self._fee(units, self.plan.taker_ppm)
        if side > 0 and units + fee > self.cash:
            self.rejected += 1
            return
        self.cash -= fee + (units if side > 0 else 0)
        self.fees += fee
        book.update(side=side, lots=lots, price=price, fees=fee, held=0, leaving="")
        book["paid" if side > 0 else "received"] = units
        book["stop"] = max(price - side * entry["stop"], 1)
        book["target"] = price + side * entry["target"] if entry["target"] else 0
        if side < 0 and entry["target"] >= price:
            book["target"] = 0

    def _leave(self, bar: Bar, price: int, cause: str, ppm: int = -1) -> None:
        """Close the whole position at a price and write the trade down."""
        book = self.books[bar["instrument"]]
        side, lots = book["side"], book["lots"]
        units = self._proceeds(price, lots) if side > 0 else self._cost(price, lots)
        fee = self._fee(units, self.plan.taker_ppm if ppm < 0 else ppm)
        gross = units - book["paid"] if side > 0 else book["received"] - units
        self.cash += (units if side > 0 else gross) - fee
        self.fees += fee
        profit = gross - fee - book["fees"]
        self.trades.append((bar["instrument"], side, lots, book["price"], price, profit, cause))
        book.update(side=0, lots=0, leaving="", paid=0, received=0)
