"""One number for a whole run: the same inputs give the same digest, always and everywhere."""

import hashlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

from interlock.kernel.codes import Kind
from interlock.kernel.records import Rows
from interlock.kernel.state import StateArray
from interlock.research.inputs import Inputs
from interlock.sim.host import Recording

_VERSION: Final = b"interlock run 1\0"
SCRATCH: Final = ("sizing", "view", "proposal", "verdicts", "masks")  # of the last decision
_BLOCK_ROWS: Final = 65_536


def canonical(array: NDArray[np.void]) -> NDArray[np.void]:
    """Return a copy in which every NaN has the same bits."""
    copy = array.copy()
    _same_nan(copy)
    return copy


def _same_nan(array: NDArray[np.void]) -> None:
    """Write the one NaN over every NaN of a record array, nested ones too."""
    if array.dtype.names is None:
        if array.dtype.kind == "f":
            array[np.isnan(array)] = np.nan
        return
    for name in array.dtype.names:
        _same_nan(array[name])


def state_bytes(state: StateArray) -> bytes:
    """Return what the kernel believes at the end, without the scratch of its last decision."""
    copy = canonical(state)
    for name in SCRATCH:
        copy[name] = np.zeros(1, dtype=copy.dtype)[name]
    return copy.tobytes()


def inputs_digest(inputs: Inputs) -> str:
    """Return SHA-256 of what goes in: bars, calendar, venue, cash and operator."""
    found = hashlib.sha256(_VERSION)
    for each in inputs.sets:
        found.update(each.sha256())
    found.update(canonical(inputs.facts).tobytes())
    found.update(canonical(inputs.world).tobytes())
    found.update(f"{inputs.cash_units}\0{inputs.request.operator}".encode())
    return found.hexdigest()


def _add_rows(found: "hashlib._Hash", table: Rows) -> None:
    for begin in range(0, len(table), _BLOCK_ROWS):
        found.update(canonical(table[begin : begin + _BLOCK_ROWS]).tobytes())


def run_digest(inputs: Inputs, inputs_sha256: str, recording: Recording) -> str:
    """Return SHA-256 of input, policy, commands, fills and final state, in hexadecimal."""
    found = hashlib.sha256(_VERSION)
    found.update(bytes.fromhex(inputs_sha256))
    found.update(inputs.rules.content())
    found.update(canonical(inputs.policy).tobytes())
    kinds = recording.log["kind"]
    _add_rows(found, recording.log[(kinds >= Kind.SUBMIT) | (kinds == Kind.FILL)])
    found.update(state_bytes(recording.state))
    return found.hexdigest()
