"""Strategies by name and parameters by key: every mistake has its sentence."""

import os
import sys
from pathlib import Path

import pytest

from interlock.signals.frames import StrategyError
from interlock.signals.loading import load_strategy, warm
from interlock.signals.parameters import read_settings
from tests.signals.samples import bars_from

GOOD = """
from __future__ import annotations

from typing import ClassVar, Literal

import polars as pl
from pydantic import BaseModel, Field, field_validator

from interlock.signals.signal import Signals


class Rising(BaseModel, frozen=True, extra="forbid"):
    '''Buy a rise.'''

    edge_required: ClassVar[bool] = True
    bars: int = Field(ge=1)
    mode: Literal["fast", "slow"] = "fast"
    floor: float | None = None
    above: float = Field(default=0.5, gt=0, lt=1)
    even: int = 2
    only: Literal["close"] = "close"

    @field_validator("even")
    @classmethod
    def _is_even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("must be even")
        return value

    def signals(self, bars: pl.DataFrame) -> Signals:
        return Signals.where(bars, buy=pl.col("close") > pl.col("close").shift(self.bars))


class Loose(BaseModel):
    '''Accepts any key.'''

    def signals(self, bars: pl.DataFrame) -> Signals:
        return Signals.at([], 1)


class Empty(BaseModel, frozen=True, extra="forbid"):
    '''Does nothing.'''


class Plain:
    '''Has no parameters that could be checked.'''


NUMBER = 7
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return somebody's file of strategies."""
    path = tmp_path / "theirs.py"
    path.write_text(GOOD)
    return path


def refused(name: str, **values: object) -> str:
    """Return why a strategy is refused."""
    with pytest.raises(StrategyError) as error:
        load_strategy(name, values)
    return str(error.value)


def test_a_class_in_a_file_is_a_strategy(file: Path) -> None:
    strategy = load_strategy(f"{file}:Rising", {"bars": "2", "mode": "slow", "floor": "1.5"})

    assert strategy.name == "Rising"
    assert strategy.source == f"{file}:Rising"
    assert strategy.edge_required
    assert strategy.signals(bars_from([1, 2, 3, 4])).index.tolist() == [2, 3]
    assert [(one.name, one.default, one.allowed) for one in strategy.parameters()] == [
        ("bars", "", "a whole number at least 1"),
        ("mode", "'fast'", "one of fast, slow"),
        ("floor", "nothing", "a number or nothing"),
        ("above", "0.5", "a number above 0 and below 1"),
        ("even", "2", "a whole number"),
        ("only", "'close'", "close"),
    ]


def test_an_edited_file_is_read_again(file: Path) -> None:
    load_strategy(f"{file}:Rising", {"bars": 1})
    file.write_text(GOOD.replace("shift(self.bars)", "shift(3)"))

    strategy = load_strategy(f"{file}:Rising", {"bars": 1})

    assert strategy.signals(bars_from([1, 2, 3, 4, 5])).index.tolist() == [3, 4]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("ema_cros", "was 'ema_cros'. Did you mean ema_cross?"),
        ("nothing_like_it", "rsi_reversion, or path/to/file.py:ClassName, was 'nothing_like_it'."),
        ("theirs.py", "strategy theirs.py must name its class too. Next: --strategy theirs.py:"),
        ("no/such.py:Rising", "strategy file no/such.py must exist, and was not found."),
    ],
)
def test_a_name_that_leads_nowhere(name: str, why: str) -> None:
    assert why in refused(name)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Risin", "must have a class 'Risin', and had none. Did you mean Rising?"),
        ("Zebra", "and had none. Strategies in it: Rising."),
        ("Loose", "Loose must be declared with frozen=True and extra='forbid'"),
        ("Empty", "Empty must have a method signals(self, bars) or start(self), or both"),
        ("Plain", "Plain must be a class of the form class NAME(BaseModel, frozen=True"),
        ("NUMBER", "NUMBER must be a class of the form"),
    ],
)
def test_a_class_that_is_no_strategy(file: Path, name: str, why: str) -> None:
    assert why in refused(f"{file}:{name}")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("\nx = 1\ny = nope\n", "theirs.py line 3: NameError: name 'nope' is not defined"),
        ("def f(:\n", "theirs.py line 1: SyntaxError: "),
        ("import no_such_module_at_all", "theirs.py line 1: ModuleNotFoundError: No module"),
        ("raise SystemExit(3)", "theirs.py line 1: SystemExit: 3"),
        ("raise ValueError('one\\ntwo')", "theirs.py line 1: ValueError: one."),
        ("import json\njson.loads('x')", "theirs.py line 2: JSONDecodeError: "),
        ("", "must have a class 'Rising', and had none. It has no strategy."),
    ],
)
def test_a_file_that_cannot_be_run_says_where_on_one_line(file: Path, text: str, why: str) -> None:
    file.write_text(text)

    said = refused(f"{file}:Rising")

    assert why in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (
            {"fsat": "12"},
            "of strategy ema_cross. Did you mean strategy.fast? Its parameters: fast, slow,",
        ),
        (
            {"fast": "ten"},
            "fast of strategy ema_cross must be a whole number from 1 to 100000, was 'ten'.",
        ),
        ({"fast": "12.5"}, "must be a whole number from 1 to 100000, was '12.5'."),
        ({"fast": "0"}, "must be a whole number from 1 to 100000, was '0'."),
        ({"long_only": "perhaps"}, "long_only of strategy ema_cross must be true or false, was"),
        (
            {"fast": "30"},
            "strategy ema_cross: fast must be less than slow, was 30 and 26.",
        ),
    ],
)
def test_a_parameter_that_is_wrong(values: dict[str, object], why: str) -> None:
    assert why in refused("ema_cross", **values)


def test_every_wrong_parameter_is_named_at_once() -> None:
    assert len(refused("ema_cross", fast="x", slow="y", zebra="1").splitlines()) == 3


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({}, "strategy.bars of strategy Rising must be set to a whole number at least 1, and was"),
        ({"bars": "1", "mode": "fats"}, "mode of strategy Rising must be one of fast, slow, was"),
        ({"bars": "1", "floor": "nan"}, "floor of strategy Rising must be a finite number, was"),
        ({"bars": "1", "even": "3"}, "strategy.even of strategy Rising: must be even, was '3'."),
    ],
)
def test_a_parameter_of_theirs_that_is_wrong(
    file: Path, values: dict[str, object], why: str
) -> None:
    assert why in refused(f"{file}:Rising", **values)


def test_the_levels_of_a_reversion_have_an_order() -> None:
    assert "oversold must be below exit" in refused("rsi_reversion", oversold="60")
    assert "must be a number from 0 to 100, was 'inf'" in refused("rsi_reversion", exit="inf")


def test_settings_are_read_as_they_are_written() -> None:
    assert read_settings(["strategy.fast=5", " strategy.mode = a=b "]) == {
        "fast": "5",
        "mode": "a=b",
    }


@pytest.mark.parametrize(
    "item", ["fast=5", "strategy.fast", "strategy.=5", "strategy.fast=", "", "policy.fast=5"]
)
def test_a_setting_of_another_form_is_refused(item: str) -> None:
    with pytest.raises(StrategyError, match=r"^--set must be strategy\.KEY=VALUE, was") as error:
        read_settings([item])

    assert repr(item) in str(error.value)


def test_a_setting_twice_is_refused() -> None:
    with pytest.raises(StrategyError, match="must be there once, was '1' and then '2'"):
        read_settings(["strategy.fast=1", "strategy.fast=2"])


def test_warming_up_runs_every_built_in() -> None:
    warm()


def test_an_edit_within_the_same_second_is_what_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python's own cache tells files apart by second and size: it would run the code before."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = tmp_path / "edited.py"
    for default in ("0.5", "0.7"):
        path.write_text(GOOD.replace("default=0.5", f"default={default}"))
        os.utime(path, (1_000_000_000, 1_000_000_000))
        found = {
            one.name: one for one in load_strategy(f"{path}:Rising", {"bars": "1"}).parameters()
        }
        assert found["above"].default == default
