"""The market of a simulated venue: told beat by beat, in the very order of ``sim.loop.run_tape``.

A beat is what the engine hears at once: reports that are due, or one row of the market. Between
two beats of a recording the venue waits, so that what the engine orders arrives where it would
have in a backtest. Where the feed is in a bar survives a crash like everything else.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, Protocol

import numpy as np

from interlock.kernel.codes import Kind
from interlock.kernel.records import ROW, Row, Rows
from interlock.venues.port import WARDEN_PREFIX, Report, Turn
from interlock.venues.simulated.exchange import Exchange

END_OF_TIME_NS: Final = 2**62 - 1
UNHEARD_MAX: Final = 1_024  # rows kept for an engine that comes back
CHARGES_MAX: Final = 1_024  # of funding that are told again to an engine that comes back
STRANGERS_MAX: Final = 1_024  # fills of orders that were not the engine's, likewise


class Source(Protocol):
    """Where closed bars and the calendar come from.

    A row is a BAR (``ts_ns`` and ``src_ts_ns`` its close, ``value`` its open), a QUOTE, a TRADE, a
    FUNDING rate, or one of the calendar. They come in the order of ``ts_ns``.
    """

    @property
    def is_recording(self) -> bool:
        """Whether it can wait for the engine, and lives in a time of its own."""

    @property
    def has_ended(self) -> bool:
        """Whether nothing will ever come after what was taken."""

    def seek(self, taken: int, place: bytes) -> None:
        """Go on after the first ``taken`` rows, when ``place`` was what it returns now."""

    def peek(self) -> Row | None:
        """Return the next row, None while there is none."""

    def take(self) -> Row | None:
        """Return the next row and go on to the one after it."""

    def place(self) -> bytes:
        """Return what a live source has to know to go on after what was taken."""


class Step(IntEnum):
    """Where in a row the feed is. Stored in the books: never renumber."""

    NEXT = 0
    OPEN = 1  # of a bar: reports until its open, then its open to the venue
    PATH = 2  # reports until its middle, then its path to the venue
    CLOSE = 3  # reports until its close, then the bar to the engine
    TURN = 4  # reports, then the strategies, until they have spoken
    FACT = 5  # reports until then, then the fact to the venue
    FACT_TOLD = 6  # reports, then the fact to the engine
    LAST = 7  # the reports that are still on their way
    ENDED = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Telling:
    """What one beat tells.

    Attributes:
        reports: Those that are due; of rows of the market there are none then.
        rows: Shape (n,), of the market.
        turn: Whether the strategies may speak.
        has_ended: There was nothing left, and this says so; it waits for no answer.
    """

    reports: tuple[Report, ...] = ()
    rows: Rows | None = None
    turn: Turn = Turn.NO
    has_ended: bool = False


_POINTS: Final = (int(Kind.QUOTE), int(Kind.TRADE), int(Kind.FUNDING))


class Feed:
    """Plays a source to an exchange and to an engine.

    Args:
        source: What happens.
        exchange: Where it happens.
        waits: Whether every beat waits for its answer.
        now_ns: The time of day, for a source that is no recording.
    """

    def __init__(
        self,
        source: Source,
        exchange: Exchange,
        *,
        waits: bool,
        now_ns: Callable[[], int] | None = None,
    ) -> None:
        assert waits <= source.is_recording
        self.now_ns = 0  # of the latest thing that was told
        self.number = 0  # of the latest row of the market that was told
        self.awaits = False
        self._source = source
        self._exchange = exchange
        self._waits = waits
        self._clock = now_ns
        self._queue: deque[Report] = deque()
        self._step = Step.NEXT
        self._taken = 0
        self._row: Row | None = None
        self._has_spoken = False
        self._unheard: deque[Row] = deque(maxlen=UNHEARD_MAX)
        self._again: Rows | None = None
        self._charges: deque[Row] = deque(maxlen=CHARGES_MAX)
        self._strangers: deque[Report] = deque(maxlen=STRANGERS_MAX)

    # --- what the venue does ----------------------------------------------------------------------

    @property
    def has_ended(self) -> bool:
        """Whether everything was told."""
        return self._step is Step.ENDED

    @property
    def upcoming(self) -> Row | None:
        """The row that the next beat begins with; None when one is under way, or none is there."""
        is_over = self._step is Step.NEXT or (self._step is Step.TURN and self._has_spoken)
        if not is_over or self._again is not None or self._is_due():
            return None
        return self._source.peek()

    def hear(self, reports: list[Report]) -> None:
        """Put reports on their way to the engine."""
        self._queue.extend(reports)
        self._charges.extend(each.row for each in reports if each.row["kind"] == Kind.FUNDING)
        self._strangers.extend(
            each
            for each in reports
            if each.row["kind"] == Kind.FILL and each.client_id.startswith(WARDEN_PREFIX)
        )

    def strangers(self) -> list[Report]:
        """Return the fills of wardens' orders, oldest first: no engine can ask for them by name.

        They are told to every engine that comes, before it compares positions; it takes each once.
        """
        return list(self._strangers)

    def done(self, *, spoke: bool) -> None:
        """Take the answer to the beat under way."""
        self.awaits = False
        self._unheard.clear()
        if spoke:
            self._has_spoken = True

    def resume(self, feed: int) -> None:
        """Begin with an engine that has journaled the rows up to number ``feed``.

        Reports on their way are dropped: the engine asks what became of its orders. A row that it
        has not journaled is told again; what it has, and these books have not yet, is caught up
        with in silence.
        """
        self._again = None
        self._queue.clear()
        self.awaits = False
        while self.number < feed:
            self._has_spoken = True
            if self.advance() is None:
                break
            self.awaits = False
            self._queue.clear()
        if not self._source.is_recording:
            self.number = max(self.number, feed)
        # Of no order, so that no engine can ask what became of them: it takes each of them once.
        self._queue.extend(
            Report(client_id="", peer_client_id="", row=row) for row in self._charges
        )
        missed = [row for row in self._unheard if row["ext_lo"] > feed]
        self._unheard = deque(missed, maxlen=UNHEARD_MAX)
        self._again = np.array(missed, dtype=ROW) if missed else None

    def advance(self) -> Telling | None:
        """Go on to the next beat; None when there is nothing to tell now."""
        assert not self.awaits
        if self._again is not None:
            # Live, each row has a beat: strategies judge a bar by what was known when it closed.
            count = len(self._again) if self._source.is_recording else 1
            again, rest = self._again[:count], self._again[count:]
            self._again = rest if len(rest) else None
            is_bar = again["kind"][-1] == Kind.BAR and self._step is Step.TURN
            return self._told(Telling(rows=again, turn=self._bar_turn() if is_bar else Turn.NO))
        while True:
            reports = self._take_due()
            if reports:
                self.now_ns = max(self.now_ns, *(int(each.row["ts_ns"]) for each in reports))
                return self._told(Telling(reports=reports))
            before = self._step
            telling = self._go_on()
            if telling is not None:
                return telling if telling.has_ended else self._told(telling)
            if self._step is before:
                return None

    def _told(self, telling: Telling) -> Telling:
        self.awaits = self._waits
        return telling

    # --- reports ----------------------------------------------------------------------------------

    def _is_due(self) -> bool:
        """Return whether a report reaches the engine by now."""
        return bool(self._queue) and self._queue[0].row["ts_ns"] <= self._until_ns()

    def _take_due(self) -> tuple[Report, ...]:
        """Return the reports that reach the engine by now, in the order they were made."""
        if not self._is_due():
            return ()
        until_ns = self._until_ns()
        found = []
        while self._queue and self._queue[0].row["ts_ns"] <= until_ns:
            found.append(self._queue.popleft())
        return tuple(found)

    def _until_ns(self) -> int:
        """Return up to when reports are delivered before the step in hand."""
        if self._clock is not None:
            return max(self._clock(), self.now_ns)
        if self._step in {Step.LAST, Step.ENDED}:
            return END_OF_TIME_NS
        if self._step in {Step.NEXT, Step.TURN}:
            return self.now_ns
        row = self._hand()
        close_ns = int(row["ts_ns"])
        if self._step is Step.OPEN:
            return int(row["value"])
        if self._step is Step.PATH:
            open_ns = int(row["value"])
            return open_ns + (close_ns - open_ns) // 2
        return close_ns

    # --- steps ------------------------------------------------------------------------------------

    def _hand(self) -> Row:
        assert self._row is not None
        return self._row

    def _bar_turn(self) -> Turn:
        """Return when the strategies speak on a bar: of a feed that does not wait, at once."""
        return Turn.IF_QUIET if self._waits else Turn.YES

    def _go_on(self) -> Telling | None:
        """Do the step in hand, now that what was due before it is told."""
        match self._step:
            case Step.NEXT:
                self._begin()
            case Step.OPEN:
                self.hear(self._exchange.market(self._beat_of_bar(Kind.BAR_OPEN)))
                self._step = Step.PATH
            case Step.PATH:
                self.hear(self._exchange.market(self._beat_of_bar(Kind.BAR_PATH)))
                self._step = Step.CLOSE
            case Step.CLOSE:
                self._step = Step.TURN
                self._has_spoken = not self._waits
                return self._tell(self._bar_turn())
            case Step.TURN:
                if not self._has_spoken:
                    return Telling(turn=Turn.YES)
                self._step = Step.NEXT
            case Step.FACT:
                row = self._hand()
                if row["kind"] in _POINTS:
                    self.hear(self._exchange.market(row.copy().reshape(1)))
                self._step = Step.FACT_TOLD
            case Step.FACT_TOLD:
                self._step = Step.NEXT
                if self._hand()["kind"] != Kind.FUNDING:
                    return self._tell(Turn.NO)
            case Step.LAST:
                self._step = Step.ENDED
                return Telling(has_ended=True)
            case Step.ENDED:
                pass
        return None

    def _begin(self) -> None:
        """Take the next row: a bar that touches nothing goes straight to its close."""
        row = self._source.take()
        if row is None:
            if self._source.has_ended:
                self._step = Step.LAST
            return
        self._taken += 1
        self._row = row.copy()
        if row["kind"] != Kind.BAR:
            self._step = Step.FACT
        elif self._exchange.is_quiet(row) and not self._queue:
            self._exchange.pass_quietly(row)
            self._step = Step.CLOSE
        else:
            self._step = Step.OPEN

    def _beat_of_bar(self, kind: Kind) -> Rows:
        """Return the bar in hand as the venue is told it, shape (1,)."""
        found: Rows = self._hand().copy().reshape(1)
        found["kind"] = kind
        found["src_ts_ns"] = found["value"]
        found["value"] = 0
        return found

    def _tell(self, turn: Turn) -> Telling:
        """Tell the row in hand to the engine, under the next number."""
        row = self._hand()
        self.number += 1
        row["ext_lo"] = self.number
        self.now_ns = max(self.now_ns, int(row["ts_ns"]))
        self._unheard.append(row)
        return Telling(rows=row.copy().reshape(1), turn=turn)

    # --- what survives ----------------------------------------------------------------------------

    def saved(self) -> Mapping[str, int | str | bytes]:
        """Return everything that has to be known to go on from here."""
        return {
            "feed_step": int(self._step),
            "feed_taken": self._taken,
            "feed_number": self.number,
            "feed_now_ns": self.now_ns,
            "feed_has_spoken": int(self._has_spoken),
            "feed_row": b"" if self._row is None else self._row.tobytes(),
            "feed_unheard": b"".join(row.tobytes() for row in self._unheard),
            "feed_charges": b"".join(row.tobytes() for row in self._charges),
            "feed_strangers": b"".join(each.row.tobytes() for each in self._strangers),
            "feed_stranger_names": "\n".join(each.client_id for each in self._strangers),
            "feed_place": self._source.place(),
        }

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Go on from what ``saved`` returned."""
        self._step = Step(saved["feed_step"])
        self._taken = saved["feed_taken"]
        self.number = saved["feed_number"]
        self.now_ns = saved["feed_now_ns"]
        self._has_spoken = bool(saved["feed_has_spoken"])
        kept = np.frombuffer(saved["feed_row"], dtype=ROW).copy()
        self._row = kept[0] if len(kept) else None
        self._unheard.extend(np.frombuffer(saved["feed_unheard"], dtype=ROW).copy())
        self._charges.extend(np.frombuffer(saved.get("feed_charges") or b"", dtype=ROW).copy())
        fills = np.frombuffer(saved.get("feed_strangers") or b"", dtype=ROW).copy()
        names = (saved.get("feed_stranger_names") or "").split("\n")
        self._strangers.extend(
            Report(client_id=name, peer_client_id="", row=row)
            for name, row in zip(names, fills, strict=False)
        )
        self._source.seek(self._taken, saved.get("feed_place") or b"")
