"""An instrument as JSON and back: what a journal keeps, so that it can be read without its files.

Amounts are text with every digit, so that what comes back is what was written.
"""

from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from interlock.data.errors import InstrumentError
from interlock.data.instruments import Instrument, InstrumentClass
from interlock.kernel.codes import Settle

_TEXT: Final = ("symbol", "base", "quote", "calendar", "time_zone")
_WHOLE: Final = ("price_digits", "qty_digits", "tick", "lot", "lot_min", "spread_assumed_ppm")
_PPM: Final = ("maker_ppm", "taker_ppm")
_FLAGS: Final = ("shortable", "margin", "known")
_AMOUNTS: Final = ("notional_min", "multiplier")
_NAMES: Final = tuple(field.name for field in fields(Instrument))


def to_json(instrument: Instrument) -> dict[str, Any]:
    """Return an instrument as JSON can hold it.

    >>> from interlock.data.inference import infer_instrument
    >>> share = infer_instrument("SPY", price_digits=2, price_first=400.0)
    >>> from_json(to_json(share)) == share
    True
    """
    found = {name: getattr(instrument, name) for name in _NAMES}
    found["kind"] = instrument.kind.value
    found["settle"] = instrument.settle.name
    found["notes"] = list(instrument.notes)
    for name in _AMOUNTS:
        found[name] = str(found[name])
    return found


def _has(content: Mapping[str, Any], names: tuple[str, ...], *types: type) -> bool:
    """Return whether every value under these names is of one of the types, and no other."""
    return all(type(content[name]) in types for name in names)


def from_json(content: object) -> Instrument:
    """Return what ``to_json`` wrote.

    Raises:
        InstrumentError: It did not write this, or another version of it did.
    """
    if not isinstance(content, dict) or set(content) != set(_NAMES):
        found = ", ".join(sorted(map(str, content))) if isinstance(content, dict) else content
        raise InstrumentError(
            f"a described instrument must have {', '.join(_NAMES)}, was {found}. Next: read it "
            "with the version of Interlock that wrote it."
        )
    notes = content["notes"]
    sound = (
        _has(content, _TEXT + _AMOUNTS + ("kind", "settle"), str)
        and _has(content, _WHOLE, int)
        and _has(content, _PPM, int, type(None))
        and _has(content, _FLAGS, bool)
        and isinstance(notes, list)
        and all(type(note) is str for note in notes)
    )
    if not sound:
        raise _not_ours(content, "a value was of another type")
    try:
        amounts = {name: Decimal(content[name]) for name in _AMOUNTS}
        changed: dict[str, Any] = {
            "kind": InstrumentClass(content["kind"]),
            "settle": Settle[content["settle"]],
            "notes": tuple(notes),
        }
        return Instrument(**{**content, **amounts, **changed})
    except (ValueError, KeyError, InvalidOperation, AssertionError) as error:
        raise _not_ours(content, str(error) or "a number was out of its range") from error


def _not_ours(content: Mapping[str, Any], why: str) -> InstrumentError:
    return InstrumentError(
        f"the description of instrument {content['symbol']} must be one that Interlock wrote, was "
        f"{dict(content)}: {why}."
    )
