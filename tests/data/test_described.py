"""Instruments written into a journal come back as they were, and nothing else is read."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import interlock.config
from interlock.data.described import from_json, to_json
from interlock.data.errors import InstrumentError
from interlock.data.inference import infer_instrument
from interlock.data.instruments import Instrument, load_instruments

SHARE = infer_instrument("SPY", price_digits=2, price_first=400.0)
SHIPPED = Path(interlock.config.__path__[0]) / "shipped" / "instruments.yaml"


@pytest.mark.parametrize("one", list(load_instruments(SHIPPED).values()), ids=lambda x: x.symbol)
def test_every_shipped_instrument_comes_back(one: Instrument) -> None:
    assert from_json(to_json(one)) == one


def test_amounts_keep_every_digit() -> None:
    one = replace(SHARE, notional_min=Decimal("0.1000000000000000000001"), notes=("a", "b"))

    assert from_json(to_json(one)) == one
    assert str(from_json(to_json(one)).notional_min) == "0.1000000000000000000001"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kind", "shares"),
        ("settle", "cash"),
        ("tick", 0),
        ("tick", True),
        ("lot", "1"),
        ("multiplier", 1),
        ("multiplier", "one"),
        ("shortable", 1),
        ("notes", "one"),
        ("spread_assumed_ppm", -1),
    ],
)
def test_what_nobody_wrote_is_refused(name: str, value: Any) -> None:
    with pytest.raises(InstrumentError, match="description of instrument SPY must be one"):
        from_json({**to_json(SHARE), name: value})


def test_a_missing_or_unknown_field_is_refused() -> None:
    wrongs: list[object] = [{**to_json(SHARE), "colour": 1}, {"symbol": "SPY"}, [], None]

    for wrong in wrongs:
        with pytest.raises(InstrumentError, match="a described instrument must have symbol"):
            from_json(wrong)
