"""The verbs as people use them: what they print, where, and how they end."""

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

import interlock
from interlock.app import backtests as joined
from interlock.cli import app
from tests.research.makers import FREE, bar, flat, write_bars, write_strategy

SUMMARY = (
    *("bars", "instruments", "orders", "fills", "trades", "refusals", "exits", "equity_start"),
    *("equity_end", "return_pct", "max_drawdown_pct", "fees", "slippage", "sharpe", "digest"),
    *("elapsed_s", "bars_per_s"),
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a home of its own."""
    folder = tmp_path / "home"
    monkeypatch.setenv("INTERLOCK_HOME", str(folder))
    return folder


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    """Return a file of bars on which one trade reaches its target."""
    return write_bars(tmp_path, [*flat(), bar(100), bar(102, high=103.5), *flat(3, 102.0)])


@pytest.fixture
def options(tmp_path: Path) -> list[str]:
    """Return the options of a run with that trade."""
    policy = tmp_path / "policy.yaml"
    policy.write_text("\n".join(line.removeprefix("    ") for line in FREE.splitlines()))
    return ["--strategy", write_strategy(tmp_path), "--policy", str(policy)]


def call(*arguments: str | Path) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_backtest_prints_a_table_and_the_report_s_path_last(
    bars: Path, options: list[str], home: Path
) -> None:
    result = call("backtest", bars, *options)

    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    report = Path(lines[-1])
    assert report.is_file()
    assert report.parent.parent == home / "backtests"
    assert any(line.startswith("exits") and "TARGET 1" in line for line in lines)
    assert "Traceback" not in result.stderr


def test_json_is_the_summary_and_nothing_else(
    bars: Path, options: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = call("backtest", bars, *options, "--json", "--out", out)

    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert list(found)[: len(SUMMARY) + 1] == [*SUMMARY[:13], "funding", *SUMMARY[13:]]
    assert result.stdout == (out / "summary.json").read_text()
    assert found["exits"] == {"TARGET": 1}
    assert found["equity_end"] == 100_030.0
    assert pl.read_parquet(out / "trades.parquet")["pnl"].to_list() == [30.0]


def test_the_same_run_has_the_same_folder(bars: Path, options: list[str], home: Path) -> None:
    first, second = (call("backtest", bars, *options).stdout.splitlines()[-1] for _ in range(2))

    assert first == second
    assert len(list((home / "backtests").iterdir())) == 1


def test_a_digest_depends_on_nothing_around_the_process(
    bars: Path, options: list[str], tmp_path: Path
) -> None:
    """Not on hash seeds, not on the time zone, not on the language, not on the folder."""
    digests = set()
    for seed, zone, language in (("1", "Asia/Tokyo", "C"), ("2", "America/Denver", "de_DE.UTF-8")):
        told = {"PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": language}
        arguments = ["backtest", str(bars), *options, "--json", "--out", str(tmp_path / seed)]
        done = subprocess.run(
            [sys.executable, "-c", "from interlock.cli import main; main()", *arguments],
            env=os.environ | told,
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
        )
        digests.add(json.loads(done.stdout)["digest"])
    here = json.loads(call("backtest", bars, *options, "--json").stdout)["digest"]

    assert digests == {here}


BAD = """
    backtest nowhere.csv                     | nowhere.csv
    backtest empty.csv                       | empty.csv
    backtest words.csv                       | words.csv
    backtest {folder}                        | {folder}
    backtest sample:MSFT                     | a sample must be one of GOOG, EURUSD
    backtest {bars} --strategy ema_cros      | Did you mean ema_cross?
    backtest {bars} --strategy x.py:Y        | strategy file x.py must exist
    backtest {bars} --set strategy.fats=3    | Did you mean strategy.fast?
    backtest {bars} --set fast=3             | --set must be strategy.KEY=VALUE, was 'fast=3'
    backtest {bars} --set strategy.fast=x    | strategy.fast of strategy ema_cross must be a whole
    backtest {bars} --cash much              | --cash must be an amount such as 100000, was 'much'
    backtest {bars} --cash -1                | --cash must be above 0
    backtest {bars} --cash nan               | --cash must be above 0
    backtest {bars} --policy nowhere.yaml    | nowhere.yaml
    backtest {bars} --policy typo.yaml       | did you mean risk?
    backtest {bars} --breakers nowhere.toml  | nowhere.toml
    backtest {bars} --instruments no.yaml    | no.yaml
    backtest {bars} --blackouts no.yaml      | no.yaml
    backtest {bars} --time-zone Mars/Olympus | Mars/Olympus
    backtest {bars} --symbol A --symbol B    | --symbol must be there once per file
    backtest {bars} {bars}                   | each file must be another instrument
    backtest {bars} SPY-5m.csv               | BTC_USDT was in USDT and SPY in USD
    backtest {bars} --out words.csv          | --out must be a folder
    backtest {bars} --out .                  | holds something else, and nothing was touched
    backtest {bars} --operator robot         | robot
    backtest                                 | Missing argument
    backtest {bars} --speed 11               | No such option
    explain . o-1-1                          | must be the folder of a backtest
    explain . x                              | an id must be an order such as o-1C7-2
    lookahead {bars} --strategy ema_cros     | Did you mean ema_cross?
    lookahead nowhere.csv                    | nowhere.csv
    policy check nowhere.yaml                | nowhere.yaml
    policy check typo.yaml                   | did you mean risk?
    policy check bad_instruments.yaml        | is not a key
    policy check words.csv                   | must be a .yaml
    frobnicate                               | No such command
"""


@pytest.mark.parametrize("row", [line for line in BAD.splitlines() if line.strip()])
def test_bad_input_is_one_clear_message(
    row: str, bars: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On stderr, with exit code 2, without a stack trace, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.csv").touch()
    (tmp_path / "words.csv").write_text("to be or not to be\nthat is the question\n")
    (tmp_path / "typo.yaml").write_text("rsk: {max_drawdown: 0.1}\n")
    (tmp_path / "bad_instruments.yaml").write_text("version: 1\ninstruments: {A: {clas: fx}}\n")
    write_bars(tmp_path, flat(), "SPY-5m.csv")
    before = sorted(tmp_path.rglob("*"))
    command, says = (part.strip() for part in row.split("|"))
    names = {"bars": bars, "folder": tmp_path}

    result = call(*(word.format(**names) for word in command.split()))

    assert result.exit_code == 2, result.output
    assert says.format(**names) in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_bad_bars_are_refused_and_mended_when_asked(tmp_path: Path) -> None:
    lines = flat(60)
    lines[30] = "100,99,101,100,1000"  # high below low
    path = write_bars(tmp_path, lines)
    refused = call("backtest", path)

    assert refused.exit_code == 2
    assert "--repair" in refused.stderr
    mended = call("backtest", path, "--repair", "--json")
    assert mended.exit_code == 0, mended.stderr
    assert any("repaired" in note for note in json.loads(mended.stdout)["notes"])


def test_an_order_is_explained_from_the_folder(bars: Path, options: list[str]) -> None:
    folder = Path(call("backtest", bars, *options).stdout.splitlines()[-1]).parent
    name = pl.read_parquet(folder / "trades.parquet")["entry_order"][0]
    result = call("explain", folder, name)

    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith(f"{name} on BTC_USDT. It was sent")
    found = json.loads(call("explain", folder, name, "--json").stdout)
    assert found["trade"]["exit_reason"] == "TARGET"
    assert len(found["rules"]) == 74


def test_bars_that_changed_are_not_explained(bars: Path, options: list[str]) -> None:
    folder = Path(call("backtest", bars, *options).stdout.splitlines()[-1]).parent
    bars.write_text(bars.read_text().replace("103.5", "103.6"))
    result = call("explain", folder, "s-1")

    assert result.exit_code == 2
    assert f"{bars} must be as it was for the backtest" in result.stderr


def test_a_strategy_that_changed_is_not_explained(
    bars: Path, options: list[str], tmp_path: Path
) -> None:
    folder = Path(call("backtest", bars, *options).stdout.splitlines()[-1]).parent
    path = tmp_path / "scripted.py"
    path.write_text(path.read_text().replace('buys: str = "20"', 'buys: str = "19"'))
    result = call("explain", folder, "s-1")

    assert result.exit_code == 2
    assert "the strategy or Interlock itself changed since" in result.stderr


def test_instruments_that_changed_are_not_explained(
    bars: Path, options: list[str], home: Path, root: Path
) -> None:
    folder = Path(call("backtest", bars, *options).stdout.splitlines()[-1]).parent
    shipped = (root / "src/interlock/config/shipped/instruments.yaml").read_text()
    (home / "config").mkdir()
    changed = shipped.replace('lot_size: "0.00001"', 'lot_size: "0.001"')
    changed = changed.replace('quantity_min: "0.00001"', 'quantity_min: "0.001"')
    (home / "config" / "instruments.yaml").write_text(changed)
    result = call("explain", folder, "s-1")

    assert result.exit_code == 2
    assert "the instruments file, the calendar or the blackouts changed since" in result.stderr


SEES_THE_FUTURE = """
import polars as pl
from pydantic import BaseModel

from interlock.signals.signal import Signals


class Tomorrow(BaseModel, frozen=True, extra="forbid"):
    '''Buy before it rises.'''

    def signals(self, bars: pl.DataFrame) -> Signals:
        close = pl.col("close")
        return Signals.where(bars, buy=close.shift(-1) > close)
"""


def test_a_strategy_that_sees_the_future_is_found_out(tmp_path: Path) -> None:
    path = write_bars(tmp_path, [bar(100 + i % 5) for i in range(200)])
    strategy = tmp_path / "tomorrow.py"
    strategy.write_text(SEES_THE_FUTURE)
    result = call("lookahead", path, "--strategy", f"{strategy}:Tomorrow")

    assert result.exit_code == 1
    assert "The first bar that differs is 0, 2023-11-14T00:00:00Z" in result.stdout
    assert call("lookahead", path).exit_code == 0
    report = json.loads(
        call("lookahead", path, "--strategy", f"{strategy}:Tomorrow", "--json").stdout
    )
    assert report["reports"][0]["difference"]["index"] == 0


def test_the_shipped_rules_pass_their_own_check(root: Path) -> None:
    files = sorted((root / "src/interlock/config/shipped").iterdir())
    result = call("policy", "check", *(path for path in files if path.is_file()))

    assert result.exit_code == 0
    assert result.stdout.count("OK ") == 4


def test_being_interrupted_ends_with_130_and_says_how_far_it_was(
    bars: Path, options: list[str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(joined, "backtest", interrupted)
    result = call("backtest", bars, *options)

    assert result.exit_code == 130
    assert result.stderr.endswith("Interrupted: 0 of 26 bars were done; nothing was kept.\n")
    assert not home.exists()


def test_a_bug_keeps_its_stack_trace(
    bars: Path, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It must not look like something that the person did."""

    def broken(*_: object, **__: object) -> None:
        raise ValueError("not the person's doing")

    monkeypatch.setattr(joined, "backtest", broken)
    result = call("backtest", bars, *options)

    assert result.exit_code == 1
    assert isinstance(result.exception, ValueError)


def test_the_version_is_the_package_s() -> None:
    assert call("--version").stdout == f"interlock {interlock.__version__}\n"


VERBS = """
    | backtest | explain | lookahead | policy | policy check | run | engine | venue | status
    | reload | stop | replay | parity | journal | journal verify | journal show | journal export
    | journal snapshot
"""


@pytest.mark.parametrize("verb", VERBS.split("|"))
def test_every_verb_explains_itself(verb: str) -> None:
    result = call(*verb.split(), "--help")

    assert result.exit_code == 0
    assert "Usage:" in result.stdout


def test_help_imports_nothing_slow() -> None:
    """The compiler alone takes half a second to import."""
    code = (
        "import sys, interlock.cli; "
        "slow = {'numba', 'numpy', 'polars', 'pydantic', 'pandas', 'plotly', 'rich.console'}; "
        "print(sorted(slow & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_warming_says_whether_there_was_anything_to_do() -> None:
    call("warm")
    result = call("warm")

    assert result.exit_code == 0
    assert result.stdout == "The kernel was compiled already.\n"
