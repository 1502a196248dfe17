"""A backtest's folder is whole or not there, and says enough to be replayed."""

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from interlock.research import report, saved
from interlock.research.saved import (
    OutputError,
    check_out,
    folder_name,
    read_run,
    run_json,
    summary_json,
    write_results,
)
from tests.research.makers import World, bar, flat, run, write_bars

FILES = ["orders.parquet", "report.html", "run.json", "summary.json", "trades.parquet"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Return a run with one trade."""
    folder = tmp_path_factory.mktemp("saved")
    return run(folder, [write_bars(folder, [*flat(), bar(100), bar(102, high=104), bar(102)])])


def write(world: World, out: Path) -> None:
    """Write a run's folder."""
    finished = world.finished
    text = run_json(finished.inputs, finished.inputs_sha256, finished.digest)
    write_results(world.results, text, out, assumed_cost_bps=18.0)


def test_everything_is_written_and_nothing_else(world: World, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    write(world, out)

    assert sorted(path.name for path in out.iterdir()) == FILES
    assert [path.name for path in out.parent.iterdir()] == ["out"]
    assert pl.read_parquet(out / "trades.parquet").equals(world.results.trades)
    assert pl.read_parquet(out / "orders.parquet").equals(world.results.orders)
    assert (out / "summary.json").read_text() == summary_json(world.results.summary)


def test_an_earlier_backtest_is_replaced_as_a_whole(world: World, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(world, out)
    (out / "mine.txt").write_text("left behind")
    check_out(out)
    write(world, out)

    assert sorted(path.name for path in out.iterdir()) == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_of_something_else_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")

    with pytest.raises(OutputError, match="holds something else, and nothing was touched"):
        check_out(tmp_path)
    with pytest.raises(OutputError, match="was a file"):
        check_out(tmp_path / "thesis.txt")


def test_a_failure_leaves_what_was_there(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    write(world, out)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(report, "write_report", full)
    with pytest.raises(OutputError, match="No space left on device"):
        write(world, out)
    assert sorted(path.name for path in out.iterdir()) == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_being_interrupted_leaves_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(report, "write_report", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(world, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_what_a_run_was_made_of_is_read_back(world: World, tmp_path: Path) -> None:
    write(world, tmp_path / "out")
    found = read_run(tmp_path / "out")
    inputs = world.finished.inputs

    assert found.digest == world.finished.digest
    assert found.inputs_sha256 == world.finished.inputs_sha256
    assert found.rules.content() == inputs.rules.content()
    assert found.bars_sha256 == tuple(each.sha256().hex() for each in inputs.sets)
    assert found.request == replace(inputs.request)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": 99}, "must be of version 1, was 99"),
        ({"rules": "{}"}, "is not what a backtest writes"),
        ({"bars": None}, "is not what a backtest writes"),
        ({"cash": "much"}, "is not what a backtest writes"),
    ],
)
def test_a_spoilt_run_is_said_to_be_one(
    world: World, tmp_path: Path, change: dict[str, object], says: str
) -> None:
    write(world, tmp_path / "out")
    path = tmp_path / "out" / saved.RUN_NAME
    path.write_text(json.dumps(json.loads(path.read_text()) | change))

    with pytest.raises(OutputError, match=says):
        read_run(tmp_path / "out")


def test_another_folder_is_no_backtest(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"has no run\.json that can be read: No such file"):
        read_run(tmp_path)
    (tmp_path / "run.json").write_text("nonsense")
    with pytest.raises(OutputError, match="is not what a backtest writes"):
        read_run(tmp_path)


def test_a_folder_is_named_after_what_was_run(world: World) -> None:
    digest = world.finished.digest[:12]

    assert folder_name(world.results) == f"BTC_USDT-Scripted-{digest}"
    many = replace(world.results.summary, symbols=("BTC/USDT", "B", "C", "D", "E"))
    name = folder_name(replace(world.results, summary=many))
    assert name == f"BTC_USDT-B-C-and-2-Scripted-{digest}"
