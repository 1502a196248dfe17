"""Does a strategy see the future? Its signals must not change when later bars are taken away.

The signals on the whole frame are compared with those of the bar-by-bar form, which gets one bar
at a time, and with those on the first bars only, cut at many places. A strategy that uses a later
bar, be it by a shift, a centred window, or an average of the whole column, says something else
on a bar near such a cut.
"""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from interlock.signals.frames import as_bars, ts_ns_of, when
from interlock.signals.signal import Signals
from interlock.signals.strategy import Strategy

Progress = Callable[[int, int], None]  # bars done, bars to do

CUTS_RANDOM: Final = 200
SIGNALS_CUT: Final = 100  # at the start of the frame, and as many anywhere
CUT_AFTER: Final = (0, 1, 2, 3)  # bars from a signal's bar to the end of the shortened frame
BARS_MAX: Final = 20_000_000  # in all shortened frames together, so that the time is bounded
BARS_SLOW_MAX: Final = 1_000_000  # the same where every bar is a call
TICK_BARS: Final = 4_096
TOLERANCE: Final = 1e-9  # relative, of stop, target, edge and score; sides are compared exactly


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first bar on which two runs of one strategy differ.

    Attributes:
        index: The number of the bar, from 0.
        ts_ns: Its time, UTC.
        whole: What the strategy said with all bars before it.
        other: What it said in the run of ``form``.
        form: ``bar by bar``, or ``with the first N bars only``.
    """

    index: int
    ts_ns: int
    whole: str
    other: str
    form: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LookaheadReport:
    """What the check found.

    Attributes:
        strategy: Its name.
        bars: In the frame.
        signals: On the whole frame.
        cuts: Shortened frames that were compared.
        forms_compared: True when the author wrote both forms and they were compared.
        difference: The first bar that differs, or None.
    """

    strategy: str
    bars: int
    signals: int
    cuts: int
    forms_compared: bool
    difference: Difference | None

    @property
    def passed(self) -> bool:
        """Whether nothing differed. Without a single signal that means little: see ``proves``."""
        return self.difference is None

    @property
    def proves(self) -> bool:
        """Whether there was anything that could have differed."""
        return self.signals > 0 and self.cuts > 0

    def text(self) -> str:
        """Return the finding in sentences."""
        found = self.difference
        forms = ", and the bar-by-bar form" if self.forms_compared else ""
        done = f"{self.bars} bars, {self.signals} signals, {self.cuts} shortened frames{forms}"
        if found is not None:
            return (
                f"strategy {self.strategy} must say the same without later bars, and did not. "
                f"The first bar that differs is {found.index}, {when(found.ts_ns)}: with all bars "
                f"it said {found.whole}; {found.form} it said {found.other}. Compared: {done}. "
                "A backtest of it would be worth nothing. Next: look for shift(-n), centred "
                "windows, and values taken over a whole column."
            )
        if not self.proves:
            return (
                f"strategy {self.strategy} gave no signal that could be compared ({done}): this "
                "proves nothing. Next: try it on more bars."
            )
        return f"strategy {self.strategy} said the same without later bars. Compared: {done}."


def check_lookahead(
    strategy: Strategy,
    frame: pl.DataFrame,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> LookaheadReport:
    """Compare a strategy's signals with those it gives when it cannot see later bars.

    Args:
        strategy: From ``load_strategy``.
        frame: Bars; a few thousand with some signals find most mistakes.
        seed: Of the places to cut at.
        progress: Told now and then how many bars are done, and how many there are to do.

    Raises:
        StrategyError: The strategy failed, on the whole frame or on a shortened one.
    """
    bars = as_bars(frame)
    whole = strategy.signals(bars)
    cuts = _cuts(bars.height, whole, seed, BARS_MAX if strategy.vectorised else BARS_SLOW_MAX)
    both = strategy.vectorised and strategy.bar_by_bar
    work = sum(cuts) + (bars.height if both else 0)
    done = 0
    found: list[Difference] = []

    def tick(count: int) -> None:
        if progress is not None and count % TICK_BARS == 0:
            progress(done + count, work)

    if both:
        found += _compared(bars, whole, strategy.signals_bar_by_bar(bars, tick), None)
        done += bars.height
    for cut in cuts:
        found += _compared(bars, whole, strategy.signals(bars.head(cut)), cut)
        done += cut
        if progress is not None:
            progress(done, work)
    return LookaheadReport(
        strategy=strategy.name,
        bars=bars.height,
        signals=whole.index.size,
        cuts=len(cuts),
        forms_compared=both,
        difference=min(found, key=lambda one: one.index, default=None),
    )


def _cuts(count: int, whole: Signals, seed: int, bars_max: int) -> list[int]:
    """Return the lengths of the shortened frames, increasing, ``bars_max`` bars in all.

    The first signals come first: frames cut there are short, so that many of them can be afforded.
    """
    chance = random.Random(seed)  # noqa: S311 - a sample, not a secret
    at = whole.index.tolist()
    late = chance.sample(at, min(SIGNALS_CUT, len(at)))
    anywhere = chance.sample(range(1, max(count, 1)), min(CUTS_RANDOM, max(count - 1, 0)))
    places = (
        signal + after
        for group in (at[:SIGNALS_CUT], late)
        for signal in group
        for after in CUT_AFTER
    )
    chosen: set[int] = set()
    total = 0
    for wanted, total_max in ((_within(places, count), bars_max // 2), (anywhere, bars_max)):
        for cut in wanted:
            if cut not in chosen and total + cut <= total_max:
                chosen.add(cut)
                total += cut
    return sorted(chosen)


def _within(places: Iterable[int], count: int) -> Iterator[int]:
    """Yield the places that leave at least one bar and take at least one away."""
    return (place for place in places if 0 < place < count)


def _compared(
    bars: pl.DataFrame, whole: Signals, other: Signals, cut: int | None
) -> list[Difference]:
    """Return the first difference before ``cut``, if there is one."""
    kept = whole.index.size if cut is None else int(np.searchsorted(whole.index, cut))
    common = min(kept, other.index.size)
    same = _same(whole, other, common)
    place = common if same.all() else int(np.argmin(same))
    sides = [
        (signals.index[place], signals) if place < size else None
        for signals, size in ((whole, kept), (other, other.index.size))
    ]
    there = [side for side in sides if side is not None]
    if not there:
        return []
    index = int(min(number for number, _ in there))
    said = [
        str(side[1].signal(place)) if side is not None and side[0] == index else "nothing"
        for side in sides
    ]
    form = "bar by bar" if cut is None else f"with the first {cut} bars only"
    ts_ns = int(ts_ns_of(bars)[index])
    return [Difference(index=index, ts_ns=ts_ns, whole=said[0], other=said[1], form=form)]


def _same(one: Signals, two: Signals, count: int) -> NDArray[np.bool_]:
    """Return which of the first ``count`` signals are the same."""
    same = np.ones(count, dtype=np.bool_)
    for name in ("index", "side", "exit_only"):
        same &= getattr(one, name)[:count] == getattr(two, name)[:count]
    for name in ("edge_bps", "stop", "target", "score"):
        same &= np.isclose(
            getattr(one, name)[:count],
            getattr(two, name)[:count],
            rtol=TOLERANCE,
            atol=0.0,
            equal_nan=True,
        )
    return same
