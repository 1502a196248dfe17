"""What to ask an exchange for, when, and what of its answers is a closed bar.

It waits for nothing and is told the time; whoever hosts it sleeps until something is due.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Final

from interlock.kernel.codes import Kind
from interlock.kernel.records import Row, rows
from interlock.kernel.units import PRICE_TICKS_MAX, QTY_LOTS_MAX
from interlock.venues.simulated.candles import Answer, Candle, LaterError

NS_PER_S: Final = 1_000_000_000
SOON_NS: Final = NS_PER_S // 2  # after a bar should have closed it is asked for
MARGIN_NS: Final = 2 * NS_PER_S  # after it, a candle is closed although no later one is there
GAP_ASKS: Final = 3  # a candle that was left out is asked for so often
PATIENCE_S: Final = (0.5, 1.0, 1.0, 2.0, 4.0, 8.0, 15.0)  # between questions that brought nothing
BACKOFF_S: Final = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)  # after questions that failed
JITTER: Final = 0.5  # of a pause: how much of it is left to chance

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """How the numbers of one instrument are written.

    Attributes:
        price_digits: A price unit is 10^-price_digits.
        qty_digits: Likewise.
    """

    price_digits: int
    qty_digits: int


@dataclass(slots=True, kw_only=True)
class Counts:
    """What came, and what was not taken.

    Attributes:
        taken: Bars.
        old: Candles that were told before, or are older than the last.
        revised: Those of them that said something else than the first time.
        garbage: What was no candle.
        rounded: Prices that were finer than the instrument's.
        missing: Bars that the exchange left out, however often it was asked.
        failed: Questions without a sensible answer.
    """

    taken: int = 0
    old: int = 0
    revised: int = 0
    garbage: int = 0
    rounded: int = 0
    missing: int = 0
    failed: int = 0


@dataclass(slots=True, kw_only=True)
class _Series:
    """How far one instrument's candles are."""

    next_ns: int  # the open of the one that comes next
    due_ns: int = 0  # when it is asked for
    last: Candle | None = None
    gap_asks: int = 0
    quiet_asks: int = 0
    failures: int = 0


class Asking:
    """What to ask, when, and what of the answers is a closed bar.

    Args:
        since: Returns candles of an instrument from a time on (``candles.Candles.asks``).
        watched: The instruments, by their numbers.
        period_ns: Length of a bar.
        exchange: Its name, for people.
        jitter: Chance: from 0 to 1.
        tell: What happens, for people.
    """

    def __init__(
        self,
        since: Callable[[int, int, int], Answer],
        watched: Sequence[Watched],
        *,
        period_ns: int,
        exchange: str,
        jitter: Callable[[], float],
        tell: Told,
    ) -> None:
        self.counts = Counts()
        self._since = since
        self._watched = tuple(watched)
        self._period_ns = period_ns
        self._exchange = exchange
        self._jitter = jitter
        self._tell = tell
        self._series: list[_Series] = []
        self._silent_until_ns = 0
        self._is_away = False

    def begin(self, next_ns: Sequence[int]) -> None:
        """Begin with the bars that open then; one for each instrument."""
        self._series = [_Series(next_ns=each) for each in next_ns]

    def round(self, now_ns: int) -> list[Row]:
        """Ask for what is due; return the bars that closed, by their closes."""
        found: list[Row] = []
        for number, series in enumerate(self._series):
            if now_ns < max(series.due_ns, self._silent_until_ns):
                continue
            if now_ns < series.next_ns + self._period_ns + SOON_NS:
                series.due_ns = series.next_ns + self._period_ns + SOON_NS
                continue
            found += self._ask(number, series, now_ns)
        found.sort(key=lambda row: (int(row["ts_ns"]), int(row["instrument"])))
        return found

    def due_ns(self) -> int:
        """Return when there is something to ask again."""
        return max(min(series.due_ns for series in self._series), self._silent_until_ns)

    # --- one question -----------------------------------------------------------------------------

    def _ask(self, number: int, series: _Series, now_ns: int) -> list[Row]:
        watched = self._watched[number]
        count = (now_ns - series.next_ns) // self._period_ns + 2
        try:
            answer = self._since(number, self._asks_from(series), count + 1)
        except LaterError as error:
            self._put_off(series, error, now_ns)
            return []
        series.failures = 0
        self.counts.garbage += answer.garbage
        closed = self._closed(series, answer.candles, now_ns)
        series.quiet_asks = 0 if closed else series.quiet_asks + 1
        self._note_silence(series, now_ns)
        pause_s = PATIENCE_S[min(series.quiet_asks, len(PATIENCE_S) - 1)]
        due_ns = series.next_ns + self._period_ns + SOON_NS
        series.due_ns = max(due_ns, now_ns + self._pause_ns(pause_s))
        found = [self._row(number, watched, candle) for candle in closed]
        return [row for row in found if row is not None]

    def _note_silence(self, series: _Series, now_ns: int) -> None:
        """Say that bars stay away, and that they come again; once each."""
        if series.quiet_asks >= len(PATIENCE_S) and not self._is_away:
            self._is_away = True
            late_s = (now_ns - series.next_ns - self._period_ns) / NS_PER_S
            self._tell(f"{self._exchange} answers without a bar that closed {late_s:.0f} s ago")
        elif series.quiet_asks == 0 and self._is_away:
            self._is_away = False
            self._tell(f"{self._exchange} answers again")

    def _asks_from(self, series: _Series) -> int:
        """Return from when on candles are asked for: the last one too, to see if it was revised."""
        return series.next_ns if series.last is None else series.last.open_ns

    def _put_off(self, series: _Series, error: LaterError, now_ns: int) -> None:
        """Ask again later: all of them when the exchange wants to be left alone."""
        self.counts.failed += 1
        pause_ns = self._pause_ns(BACKOFF_S[min(series.failures, len(BACKOFF_S) - 1)])
        series.failures += 1
        asked_ns = int(error.wait_s * NS_PER_S)
        series.due_ns = now_ns + max(pause_ns, asked_ns)
        if asked_ns:
            self._silent_until_ns = max(self._silent_until_ns, now_ns + asked_ns)
        if not self._is_away:
            self._is_away = True
            wait_s = max(pause_ns, asked_ns) / NS_PER_S
            self._tell(f"{self._exchange} did not answer ({error}); asked again in {wait_s:.1f} s")

    def _pause_ns(self, pause_s: float) -> int:
        """Return a pause of which a part is left to chance, so that not all ask at once."""
        return int(pause_s * (1 - JITTER * self._jitter()) * NS_PER_S)

    # --- what is a closed bar ---------------------------------------------------------------------

    def _closed(self, series: _Series, candles: Sequence[Candle], now_ns: int) -> list[Candle]:
        """Return the candles that are closed and come next, and go on to the one after them.

        A candle is closed when a later one is there, or a margin after its end; never before its
        end by our clock.
        """
        found = []
        newest_ns = max((each.open_ns for each in candles), default=0)
        for candle in candles:
            if candle.open_ns < series.next_ns:
                self._note_old(series, candle)
                continue
            end_ns = candle.open_ns + self._period_ns
            if now_ns < end_ns or (candle.open_ns == newest_ns and now_ns < end_ns + MARGIN_NS):
                break
            if candle.open_ns > series.next_ns and not self._passes_gap(series, candle):
                break
            series.next_ns = end_ns
            series.last = candle
            series.gap_asks = 0
            found.append(candle)
        return found

    def _note_old(self, series: _Series, candle: Candle) -> None:
        """Count a candle that was told before; what was told stays as it was."""
        last = series.last
        if last is None or candle.open_ns != last.open_ns:
            self.counts.old += 1
        elif candle != last:
            self.counts.revised += 1
            series.last = candle

    def _passes_gap(self, series: _Series, candle: Candle) -> bool:
        """Return whether candles that were left out have been asked for often enough."""
        series.gap_asks += 1
        if series.gap_asks < GAP_ASKS:
            return False
        self.counts.missing += (candle.open_ns - series.next_ns) // self._period_ns
        return True

    # --- numbers ----------------------------------------------------------------------------------

    def _row(self, number: int, watched: Watched, candle: Candle) -> Row | None:
        """Return a candle as a row of kind BAR; None if its numbers are beyond what is traded."""
        prices = (candle.open, candle.high, candle.low, candle.close)
        units = [self._price(price, watched.price_digits) for price in prices]
        if not all(1 <= each <= PRICE_TICKS_MAX for each in units):
            self.counts.garbage += 1
            return None
        lots = candle.volume.scaleb(watched.qty_digits).to_integral_value(ROUND_FLOOR)
        row: Row = rows(1)[0]
        row["kind"] = Kind.BAR
        row["instrument"] = number
        row["ts_ns"] = row["src_ts_ns"] = candle.open_ns + self._period_ns
        row["value"] = candle.open_ns
        for name, value in zip(("open", "high", "low", "close"), units, strict=True):
            row[name] = value
        row["volume"] = min(int(lots), QTY_LOTS_MAX)
        self.counts.taken += 1
        return row

    def _price(self, price: Decimal, digits: int) -> int:
        """Return a price in units; one that is finer goes to the nearest, and is counted."""
        scaled = price.scaleb(digits)
        whole = scaled.to_integral_value(ROUND_HALF_EVEN)
        if whole != scaled:
            self.counts.rounded += 1
        return int(whole)
