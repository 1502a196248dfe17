"""The examples for people, in examples/ and in the manual, run and say what they claim to."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.signals.builtin import BUILT_IN
from interlock.signals.loading import load_strategy
from interlock.signals.lookahead import check_lookahead
from tests.signals.samples import bars_from, walk

NAME = f"{Path(__file__).parents[2] / 'examples' / 'my_strategy.py'}:BuyTheDip"


def test_the_example_runs_and_prints_its_numbers(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "examples/my_strategy.py"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "16 entries and 14 exits, the first:\nbar 40: BUY, stop 104.126" in done.stdout
    assert "said the same without later bars. Compared: 400 bars, 30 signals" in done.stdout


def test_the_example_on_bars_worked_by_hand() -> None:
    """From bar 2 the mean of three is 11, 12, 12.63, 12.63, 10.97: a dip at 4, below it at 5."""
    bars = bars_from([10, 11, 12, 13, 12.9, 12, 8])
    strategy = load_strategy(NAME, {"trend": 3, "dip": 1, "stop": 0.1, "reward": 2})

    found = strategy.signals(bars)

    assert [(int(i), str(found.signal(n))) for n, i in enumerate(found.index)] == [
        (4, "BUY, stop 11.61, target 15.48"),
        (5, "SELL, exit only"),
    ]


@given(seed=st.integers(0, 2**32), trend=st.integers(2, 30), dip=st.integers(1, 40))
def test_both_forms_of_the_example_agree(seed: int, trend: int, dip: int) -> None:
    strategy = load_strategy(NAME, {"trend": trend, "dip": dip})
    bars = bars_from(walk(200, seed))

    whole, steps = strategy.signals(bars), strategy.signals_bar_by_bar(bars)

    assert whole.index.tolist() == steps.index.tolist()
    assert whole.side.tolist() == steps.side.tolist()
    assert whole.stop.tolist() == pytest.approx(steps.stop.tolist(), nan_ok=True)


def test_the_example_does_not_look_ahead() -> None:
    report = check_lookahead(load_strategy(NAME), bars_from(walk(1_000)))

    assert report.passed, report.text()
    assert report.forms_compared
    assert report.signals > 20


def test_the_example_in_the_manual_is_a_strategy(root: Path, tmp_path: Path) -> None:
    block = re.search(r"(?ms)^```python\n(.*?)^```", (root / "docs" / "strategies.md").read_text())
    assert block
    (tmp_path / "theirs.py").write_text(block[1])

    report = check_lookahead(
        load_strategy(f"{tmp_path}/theirs.py:Breakout", {"bars": "10"}), bars_from(walk(1_000))
    )

    assert report.passed, report.text()
    assert report.proves


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_manual_lists_every_parameter_with_its_default(root: Path, name: str) -> None:
    row = re.search(rf"(?m)^\| `{name}` \|.*$", (root / "docs" / "strategies.md").read_text())
    assert row
    listed = row[0].rstrip(" |").rpartition("| ")[2]

    assert listed == ", ".join(
        f"`{one.name}` {one.default.removesuffix('.0')}" for one in load_strategy(name).parameters()
    )
