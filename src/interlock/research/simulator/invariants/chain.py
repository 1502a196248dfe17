"""The journal itself: its chain, that nothing durable is ever gone, and that it replays."""

import hashlib
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from interlock.journal.rows import Row
from interlock.kernel.policy import empty_policy
from interlock.kernel.state import StateArray, new_state
from interlock.research.simulator.invariants.scene import Scene, broken
from interlock.runtime.replaying import Replayer, ReplayError

if TYPE_CHECKING:
    from interlock.research.simulator.machine import Machine

_ROW: Final = b"interlock journal 1 row\0"
_BYTES: Final = b"interlock journal 1 bytes\0"
_HEADER: Final = struct.Struct(">qqqq")
_NONE: Final = hashlib.sha256(_BYTES).digest()
_NOTHING: Final = bytes(32)


def chained_hash(row: Row) -> bytes:
    """Return what a row has to hash to: domain, row before, header, body, payload and key."""
    entry = row.entry
    header = _HEADER.pack(entry.seq, entry.count, entry.ts_ns, int(entry.kind))
    parts = b"".join(
        hashlib.sha256(_BYTES + part).digest() if part else _NONE
        for part in (entry.body, entry.payload, entry.key)
    )
    return hashlib.sha256(_ROW + row.previous + header + parts).digest()


class Chain:
    """15: every row hashes over the one before, no number is left out, and none is ever lost."""

    def __init__(self, _scene: Scene) -> None:
        self._last: Row | None = None

    @property
    def seq(self) -> int:
        """The last that is durable."""
        return 0 if self._last is None else self._last.entry.last_seq

    def row(self, row: Row) -> None:
        """A row is durable."""
        previous = _NOTHING if self._last is None else self._last.hash
        if row.entry.seq != self.seq + 1:
            broken(15, "a number is left out or given twice", seq=row.entry.seq, after=self.seq)
        if row.previous != previous or row.hash != chained_hash(row):
            broken(15, "a row does not follow from the one before", seq=row.entry.seq)
        self._last = row

    def survivors(self, machine: "Machine") -> Sequence[Row]:
        """Return the rows that a crash left and nobody had been told of.

        Raises:
            Violation: What was durable is not there any more.
        """
        last = self._last
        if last is None:
            return list(machine.store.read(0))
        found = list(machine.store.read(last.entry.seq - 1))
        if not found or found[0].hash != last.hash:
            broken(15, "what was durable is not in the journal any more", seq=self.seq)
        return found[1:]


class Replay:
    """13 and 14: all of the journal replays to what the engine believes, snapshots or not."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        setup = scene.world.setup
        self._replayer = Replayer(
            empty_policy(setup.tier),
            new_state(setup.cash_units, setup.tier),
            setup.tier,
            where="simulated",
        )
        self._rows: list[Row] = []
        self._seq = 0
        self._is_due = False

    def row(self, row: Row) -> None:
        """A row is durable."""
        self._rows.append(row)
        self._seq = row.entry.last_seq

    def started(self, _machine: "Machine") -> None:
        """An engine went on from the journal: what it believes has to be looked at."""
        self._is_due = True

    def agreed(self, machine: "Machine") -> None:
        """Everything that the engine decided on is durable."""
        if self._is_due:
            self._is_due = False
            self.compare(machine)

    def quiesced(self) -> None:
        """Compare once more at the end, unless something was decided that is not durable."""
        machine = self._scene.world.machine
        if machine.engine.decider.seq == self._seq:
            self.compare(machine)

    def compare(self, machine: "Machine") -> None:
        """Replay what came since the last time, and compare every byte of the state."""
        try:
            self._replayer.run(self._rows)
        except ReplayError as error:
            broken(13, "the journal does not replay to what it says", why=str(error))
        self._rows = []
        believed = machine.engine.decider.state
        if self._replayer.state.tobytes() != believed.tobytes():
            names = _differing(self._replayer.state, believed)
            broken(14, "the engine believes what its journal does not say", differs=names)


def _differing(one: StateArray, other: StateArray) -> list[str]:
    """Return the parts of two states that differ, with what the one and the other say."""
    found = []
    for part in one.dtype.names or ():
        mine, theirs = one[part], other[part]
        for name in mine.dtype.names or ("",):
            ours, its = (mine[name], theirs[name]) if name else (mine, theirs)
            if ours.tobytes() != its.tobytes():
                place = tuple(int(x[0]) for x in (ours != its).nonzero())
                found.append(
                    f"{part}.{name}{list(place)}: {ours[place]} in the journal, {its[place]}"
                )
    return found
