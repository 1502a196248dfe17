"""Signals from outside: each is decided on once, and what a person approved is what is sent."""

from typing import Any, Final

from interlock.journal.rows import Entry, Row, RowKind
from interlock.kernel.codes import Kind, Role
from interlock.research.simulator.invariants.scene import Scene, broken
from interlock.runtime.entries import commands_of, events_of, is_signal_key, said_by, signal_key
from interlock.runtime.signal_said import decimal_of

_OVER: Final = frozenset({"approval_expired", "approval_denied", "approval_refused"})


def entries_of(entry: Entry) -> list[Any]:
    """Return the entries that an event asks for."""
    commands = commands_of(entry)
    return [x for x in commands if x["kind"] == Kind.SUBMIT and x["role"] == Role.ENTRY]


class Ingress:
    """25: of one id there is at most one decision, and an order from outside has one signal."""

    def __init__(self, _scene: Scene | None = None) -> None:
        self._keys: set[bytes] = set()
        self._ids: set[str] = set()

    def row(self, row: Row) -> None:
        """A row is durable."""
        entry = row.entry
        if not entry.key or not is_signal_key(entry.key):
            return
        if entry.key in self._keys:
            broken(25, "one signal from outside was decided on twice", seq=entry.seq)
        self._keys.add(entry.key)
        if entry.kind is not RowKind.EVENT:
            return
        (event,) = events_of(entry)
        said = said_by(entry)
        if event["kind"] != Kind.SIGNAL or entry.key != signal_key(event):
            broken(25, "what has a signal's key is no signal", seq=entry.seq)
        if "approval" not in said and not said.get("id"):
            broken(25, "a signal from outside does not say which it is", seq=entry.seq)
        if said.get("id") and entries_of(entry):
            if said["id"] in self._ids:
                broken(25, "two orders come from one signal", id=said["id"])
            self._ids.add(said["id"])


class ApprovalBinding:
    """27: what was approved is what is sent: once, in time, by the hash that was shown.

    Args:
        scene: Of the world; None where the digits of quantities are given instead.
        digits: Of quantities, by instrument.
    """

    def __init__(self, scene: Scene | None = None, digits: tuple[int, ...] = ()) -> None:
        if scene is not None:
            digits = tuple(one.qty_digits for one in scene.world.setup.scales)
        self._digits = digits
        self._open: dict[str, dict[str, Any]] = {}

    def row(self, row: Row) -> None:
        """A row is durable."""
        entry = row.entry
        if entry.kind is RowKind.NOTE:
            self._note(said_by(entry))
        elif entry.kind is RowKind.EVENT and is_signal_key(entry.key):
            said = said_by(entry)
            if "approval" in said:
                self._approved(entry, said["approval"])

    def _note(self, said: dict[str, Any]) -> None:
        what = said.get("what")
        if what == "proposal":
            self._open[said["id"]] = said
        elif what in _OVER and self._open.pop(said["id"], None) is None:
            broken(27, "an approval is over that did not wait", id=said["id"])

    def _approved(self, entry: Entry, answer: dict[str, Any]) -> None:
        """See that an approved signal is the one that was shown, and that it is sent as shown."""
        shown = self._open.pop(answer["id"], None)
        if shown is None:
            broken(27, "what was approved did not wait any more", id=answer["id"])
        if answer["hash"] != shown["hash"]:
            broken(27, "what was approved is another order than was shown", id=answer["id"])
        for order in entries_of(entry):
            digits = self._digits[int(order["instrument"])]
            side = "BUY" if order["side"] > 0 else "SELL"
            sent = (side, decimal_of(int(order["qty"]), digits))
            if sent != (shown["side"], shown["quantity"]):
                broken(27, "another order was sent than was approved", id=answer["id"], sent=sent)
