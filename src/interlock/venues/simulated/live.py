"""A live market as the source of a simulated venue: bars as they close, asked for again and again.

The questions are asked in a thread of its own, so that the venue never waits for an exchange.
"""

import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from queue import Empty, SimpleQueue
from typing import Final

import numpy as np

from interlock.data.merge import Bars
from interlock.kernel.codes import Kind
from interlock.kernel.records import Row, Rows, rows
from interlock.venues.simulated.asking import NS_PER_S, Asking
from interlock.venues.simulated.source import bar_row

BUSY_S: Final = 0.02  # the shortest sleep
IDLE_S: Final = 0.25  # the longest: a clock that was set may have made something due

Charges = Callable[[int, int], Rows]  # FUNDING by ts_ns, from one time to before another


def no_charges(_from_ns: int, _to_ns: int) -> Rows:
    """Charge nothing: what is bought outright pays no funding."""
    return rows(0)


@dataclass(slots=True, kw_only=True)
class _Place:
    """What was taken.

    Attributes:
        closes: Of the last bar of each instrument; 0 before the first.
        funded_ns: Until when funding was charged; 0 before the first bar.
        funded_rows: How many charges of exactly then were taken.
    """

    closes: list[int]
    funded_ns: int = 0
    funded_rows: int = 0

    def written(self) -> bytes:
        """Return it as the books keep it."""
        return json.dumps(asdict(self)).encode()


@dataclass(slots=True)
class _Worker:
    """The thread, and what it has found."""

    found: "SimpleQueue[Row]" = field(default_factory=SimpleQueue)
    stop: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None
    failure: BaseException | None = None


class LiveBars:
    """The bars that are known already, then every bar as it closes.

    Args:
        asking: For bars that are not known yet.
        known: Shape (n,), dtype ``data.merge.BAR``, by close: the history.
        instruments: How many are watched.
        now_ns: The time of day.
        charges: Funding between two times.
    """

    def __init__(
        self,
        asking: Asking,
        known: Bars,
        *,
        instruments: int,
        now_ns: Callable[[], int],
        charges: Charges = no_charges,
    ) -> None:
        self._asking = asking
        self._known = known
        self._now_ns = now_ns
        self._charges = charges
        self._place = _Place(closes=[0] * instruments)
        self._coming: deque[Row] = deque()
        self._worker = _Worker()

    @property
    def is_recording(self) -> bool:
        """False: it waits for nobody."""
        return False

    @property
    def has_ended(self) -> bool:
        """False: there is always another bar."""
        return False

    def seek(self, taken: int, place: bytes) -> None:
        """Go on after what was taken when ``place`` was what ``place()`` returned."""
        assert taken >= 0
        assert self._worker.thread is None
        if place:
            self._place = _Place(**json.loads(place))

    def place(self) -> bytes:
        """Return what was taken."""
        return self._place.written()

    def peek(self) -> Row | None:
        """Return the next row, None while there is none.

        Raises:
            BaseException: Whatever ended the thread that asks.
        """
        self._start()
        while not self._coming:
            try:
                row = self._worker.found.get_nowait()
            except Empty:
                if self._worker.failure is not None:
                    raise self._worker.failure from None
                return None
            self._add(row)
        return self._coming[0]

    def take(self) -> Row | None:
        """Return the next row and go on to the one after it."""
        row = self.peek()
        if row is None:
            return None
        self._coming.popleft()
        place, ts_ns = self._place, int(row["ts_ns"])
        if row["kind"] == Kind.FUNDING:
            place.funded_rows = place.funded_rows + 1 if ts_ns == place.funded_ns else 1
            place.funded_ns = ts_ns
            return row
        place.closes[int(row["instrument"])] = ts_ns
        if ts_ns > place.funded_ns:
            place.funded_ns, place.funded_rows = ts_ns, 0
        return row

    def _add(self, row: Row) -> None:
        """Put a bar in line, after the funding that fell due before it closed."""
        close_ns = int(row["ts_ns"])
        if close_ns <= self._place.closes[int(row["instrument"])]:
            return
        place = self._place
        if 0 < place.funded_ns < close_ns:
            self._coming.extend(self._charges(place.funded_ns, close_ns)[place.funded_rows :])
        self._coming.append(row)

    # --- the thread -------------------------------------------------------------------------------

    def _start(self) -> None:
        """Begin to ask: when somebody wants rows, and it is known where to go on."""
        if self._worker.thread is not None:
            return
        closes = np.array(self._place.closes)
        for bar in self._known:
            number = int(bar["instrument"])
            if bar["close_ns"] > closes[number]:
                self._worker.found.put(bar_row(bar))
                closes[number] = bar["close_ns"]
        assert closes.all(), "every instrument has a history"
        self._asking.begin(closes.tolist())
        thread = threading.Thread(target=self._run, name="live bars", daemon=True)
        self._worker.thread = thread
        thread.start()

    def _run(self) -> None:
        worker = self._worker
        try:
            while not worker.stop.is_set():
                for row in self._asking.round(self._now_ns()):
                    worker.found.put(row)
                wait_s = (self._asking.due_ns() - self._now_ns()) / NS_PER_S
                worker.stop.wait(min(max(wait_s, BUSY_S), IDLE_S))
        except BaseException as error:  # noqa: BLE001 - raised again where rows are wanted
            worker.failure = error

    def close(self) -> None:
        """Ask no more."""
        self._worker.stop.set()
