"""Parity: one recorded session through backtest, paper and journal, compared intent by intent.

Paper is what the journal says was decided. The journal's own replay has to decide the same, bit
for bit. The backtest gets the bars, the calendar and the operators from the journal, and has to
come to the same intents and fills by itself.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from interlock.journal.errors import JournalError
from interlock.journal.port import Store
from interlock.kernel.codes import Flag, Kind, OrderKind, Role
from interlock.kernel.reasons import Reason
from interlock.kernel.records import ROW, Row, Rows
from interlock.research.outside import Reader, Session
from interlock.research.replay import begin_replay
from interlock.research.rerun import rerun
from interlock.runtime.readable import Scale, scale_of, time_text
from interlock.runtime.replaying import ReplayError, Told

SHOWN_MAX: Final = 100  # of those that only one has
_INTENTS: Final = (int(Kind.SUBMIT), int(Kind.CANCEL), int(Kind.AMEND), int(Kind.REFUSED))
_IGNORED: Final = Flag.LAST | Flag.FUTURE  # how a report was told, not what was done

Key = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Where two sequences part for the first time.

    Attributes:
        place: Counted from 1.
        paper: What the session did there; nothing where it had come to its end.
        backtest: What the backtest does there.
    """

    place: int
    paper: str
    backtest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Two sequences, compared.

    Attributes:
        paper: How many the session had.
        backtest: How many the backtest has.
        same: How many both have.
        first: Where they part; None when they never do.
        only_paper: Those that only the session had, at most SHOWN_MAX.
        only_backtest: Those that only the backtest has, at most SHOWN_MAX.
        unfinished: Those at the very end of a recording that was broken off: one side had got
            further than the other. They are no difference.
    """

    paper: int
    backtest: int
    same: int
    first: Difference | None
    only_paper: tuple[str, ...]
    only_backtest: tuple[str, ...]
    unfinished: int

    @property
    def identical(self) -> bool:
        """Whether they are the same, one by one."""
        return self.first is None

    def lines(self, name: str) -> Iterator[str]:
        """Yield it for people."""
        verdict = "identical" if self.identical else "DIFFERENT"
        yield (
            f"{name:<10}{verdict}: {self.paper:,} on paper, {self.backtest:,} in the backtest, "
            f"{self.same:,} in both"
        )
        if self.unfinished:
            yield f"          {self.unfinished:,} at the very end, where the recording broke off"
        if self.first is None:
            return
        yield f"  first difference at number {self.first.place:,}:"
        yield f"    paper     {self.first.paper or 'nothing'}"
        yield f"    backtest  {self.first.backtest or 'nothing'}"
        for words, found in (("paper", self.only_paper), ("the backtest", self.only_backtest)):
            for one in found:
                yield f"  only in {words}: {one}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """A recorded session three times.

    Attributes:
        journal: Where it is.
        bars: How many there were.
        intents: Orders, cancels, amendments and refusals.
        fills: Of the venue.
        replay: Why the journal does not replay to its own intents; empty when it does.
        notes: What a backtest cannot know, and so has to differ by.
    """

    journal: str
    bars: int
    intents: Sides
    fills: Sides
    replay: str
    notes: tuple[str, ...]

    @property
    def identical(self) -> bool:
        """Whether all three are the same."""
        return self.intents.identical and self.fills.identical and not self.replay

    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return {**asdict(self), "identical": self.identical}

    def lines(self) -> Iterator[str]:
        """Yield it for people."""
        verdict = "are identical" if self.identical else "DIFFER"
        yield f"{self.journal}: backtest, paper and journal {verdict} over {self.bars:,} bars."
        yield from self.intents.lines("intents")
        yield from self.fills.lines("fills")
        yield f"{'replay':<10}{self.replay or 'identical: the journal replays bit for bit'}"
        yield from self.notes


def _intent_key(row: Row) -> Key:
    """Return what an intent is, whatever its number."""
    code = int(row["code"]) if row["kind"] == Kind.REFUSED else 0
    names = ("kind", "instrument", "side", "role", "order_kind", "qty", "price", "trigger")
    masks = ("mask_lo", "mask_hi", "ts_ns")
    return (*(int(row[name]) for name in names), code, *(int(row[name]) for name in masks))


def _fill_key(row: Row) -> Key:
    """Return what a fill is, whatever its number."""
    names = ("instrument", "side", "role", "qty", "price", "fee", "fee_asset", "ts_ns")
    return (*(int(row[name]) for name in names), int(row["flags"]) & ~int(_IGNORED))


def _text(row: Row, scales: Sequence[Scale], symbols: Sequence[str]) -> str:
    """Return an intent or a fill for people."""
    kind, scale = Kind(row["kind"]), scales[row["instrument"]]
    side = {1: "buy", -1: "sell"}.get(int(row["side"]), "")
    words = [time_text(int(row["ts_ns"])), kind.name, symbols[row["instrument"]], side]
    words.append(Role(row["role"]).name.lower())
    if row["order_kind"]:
        words.append(OrderKind(row["order_kind"]).name.lower())
    words.append(scale.quantity(int(row["qty"])))
    at = {name: int(row[name]) for name in ("price", "trigger")}
    words += [f"{name} {scale.price(ticks)}" for name, ticks in at.items() if ticks]
    if kind is Kind.REFUSED:
        words.append(Reason(row["code"]).name)
    if kind is Kind.FILL:
        words.append(f"fee {int(row['fee'])}")
    return " ".join(word for word in words if word)


class _Comparing:
    """Compares rows of the session with rows of the backtest.

    Args:
        scales: Of the instruments.
        symbols: Of the instruments.
        broken_off_ns: From when on one side may have got further; None for a whole recording.
    """

    def __init__(
        self, scales: Sequence[Scale], symbols: Sequence[str], broken_off_ns: int | None
    ) -> None:
        self._scales = scales
        self._symbols = symbols
        self._broken_off_ns = broken_off_ns

    def sides(self, paper: Rows, backtest: Rows, *, fills: bool) -> Sides:
        """Return how they differ."""
        key = _fill_key if fills else _intent_key
        theirs, ours = list(map(key, paper)), list(map(key, backtest))
        only_theirs, only_ours = Counter(theirs), Counter(ours)
        both = only_theirs & only_ours
        paper, lost = self._whole(paper, theirs, only_theirs - both)
        backtest, ahead = self._whole(backtest, ours, only_ours - both)
        theirs, ours = list(map(key, paper)), list(map(key, backtest))
        return Sides(
            paper=len(theirs) + lost,
            backtest=len(ours) + ahead,
            same=both.total(),
            first=self._first(paper, backtest, theirs, ours),
            only_paper=self._only(paper, theirs, both),
            only_backtest=self._only(backtest, ours, both),
            unfinished=lost + ahead,
        )

    def _whole(self, rows: Rows, keys: list[Key], alone: Counter[Key]) -> tuple[Rows, int]:
        """Return rows without those that only one side has at the end of a broken recording."""
        if self._broken_off_ns is None:
            return rows, 0
        kept = [
            place
            for place, key in enumerate(keys)
            if rows["ts_ns"][place] < self._broken_off_ns or key not in alone
        ]
        return rows[kept], len(rows) - len(kept)

    def _only(self, rows: Rows, keys: list[Key], both: Counter[Key]) -> tuple[str, ...]:
        left = both.copy()
        found: list[str] = []
        for row, key in zip(rows, keys, strict=True):
            if left[key] > 0:
                left[key] -= 1
            elif len(found) < SHOWN_MAX:
                found.append(_text(row, self._scales, self._symbols))
        return tuple(found)

    def _first(
        self, paper: Rows, backtest: Rows, theirs: list[Key], ours: list[Key]
    ) -> Difference | None:
        if theirs == ours:
            return None
        pairs = zip(theirs, ours, strict=False)
        shorter = min(len(theirs), len(ours))
        place = next((at for at, (one, other) in enumerate(pairs) if one != other), shorter)
        texts = [
            _text(rows[place], self._scales, self._symbols) if place < len(rows) else ""
            for rows in (paper, backtest)
        ]
        return Difference(place=place + 1, paper=texts[0], backtest=texts[1])


def _notes(session: Session) -> Iterator[str]:
    """Yield what a backtest cannot know."""
    if session.starts > 1:
        yield (
            f"The engine was started {session.starts:,} times. What a start found out by asking "
            "the venue has another time than its report would have had."
        )
    if session.abandoned:
        yield (
            f"{session.abandoned:,} orders were decided and never reached the venue, because the "
            "engine or its connection ended just then; nothing is sent twice. In the backtest "
            "they arrived."
        )


def _nobody(_events: int) -> None:
    """Tell nobody."""


def parity(store: Store, tell: Told = _nobody) -> Parity:
    """Compare a recorded session with its backtest and with its journal's own replay.

    Args:
        store: Opened for reading is enough.
        tell: Told now and then how many events of the journal are done; may raise to stop.

    Raises:
        JournalError: The journal cannot be replayed by this version of Interlock, or market data
            was dropped from it.
        StrategyError: The session's strategy is not there any more, or fails.
    """
    begun = begin_replay(store)
    if begun.after_seq > 0:
        raise JournalError(
            f"journal {store.name} must have all of its market data for a backtest of it, and some "
            "was dropped after its retention. Next: ask a backup from before."
        )
    reader = Reader(begun.tier, store.name)
    rows = reader.passing(begun.rows(store))
    replay = ""
    try:
        begun.replayer.run(rows, tell)
    except ReplayError as error:
        replay = str(error)
        reader = Reader(begun.tier, store.name)
        for _ in reader.passing(begun.rows(store)):
            pass
    session = reader.session
    found = rerun(
        session,
        store.name,
        cash_units=int(begun.genesis["cash_units"]),
        tier=begun.tier,
    )
    assert session.traded is not None
    instruments = session.traded.instruments
    comparing = _Comparing(
        [scale_of(one) for one in instruments],
        [one.symbol for one in instruments],
        None if session.ended else found.last_close_ns,
    )
    paper = np.frombuffer(bytes(session.decided), dtype=ROW)
    sides = [
        comparing.sides(
            paper[np.isin(paper["kind"], kinds)],
            found.log[np.isin(found.log["kind"], kinds)],
            fills=kinds != _INTENTS,
        )
        for kinds in (_INTENTS, (int(Kind.FILL),))
    ]
    return Parity(
        journal=store.name,
        bars=found.bars,
        intents=sides[0],
        fills=sides[1],
        replay=replay,
        notes=tuple(_notes(session)),
    )
