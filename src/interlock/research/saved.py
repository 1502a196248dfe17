"""A backtest on disk: written whole or not at all, and read again to be replayed."""

import dataclasses
import json
import os
import shutil
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import interlock
from interlock.config.canonical import from_canonical
from interlock.config.errors import PolicyError
from interlock.data.bars import SAMPLE_PREFIX
from interlock.research.inputs import Inputs, Request, Rules
from interlock.research.results import Results, Summary

VERSION: Final = 1
SUMMARY_NAME: Final = "summary.json"
RUN_NAME: Final = "run.json"
REPORT_NAME: Final = "report.html"
_NAME_SYMBOLS: Final = 3  # in a folder's name
_DIGEST_DIGITS: Final = 12


class OutputError(ValueError):
    """The folder for the results cannot be written, or is not a backtest's."""


def summary_json(summary: Summary) -> str:
    """Return what ``summary.json`` holds."""
    return json.dumps(dataclasses.asdict(summary), indent=2, allow_nan=False) + "\n"


def folder_name(results: Results) -> str:
    """Return a name that says what was run and that the same run has again."""
    symbols = results.summary.symbols
    some = "-".join(symbols[:_NAME_SYMBOLS])
    if len(symbols) > _NAME_SYMBOLS:
        some += f"-and-{len(symbols) - _NAME_SYMBOLS}"
    words = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in some)
    return f"{words}-{results.strategy}-{results.summary.digest[:_DIGEST_DIGITS]}"


def _absolute(path: str | Path) -> str:
    text = str(path)
    return text if text.startswith(SAMPLE_PREFIX) else str(Path(text).absolute())


def _strategy_source(name: str) -> str:
    """Return a strategy's name with its file's full path."""
    path, colon, short = name.rpartition(":")
    return f"{Path(path).expanduser().absolute()}:{short}" if colon else name


def run_json(inputs: Inputs, inputs_sha256: str, digest: str) -> str:
    """Return what ``run.json`` holds: everything that a replay needs but the bars themselves."""
    request = inputs.request
    return (
        json.dumps(
            {
                "version": VERSION,
                "interlock": interlock.__version__,
                "kernel": interlock.numba_cache_dir().name,
                "digest": digest,
                "inputs_sha256": inputs_sha256,
                "bars": [
                    {"path": _absolute(name), "symbol": each.symbol, "sha256": each.sha256().hex()}
                    for name, each in zip(request.paths, inputs.sets, strict=True)
                ],
                "symbols": list(request.symbols),
                "strategy": _strategy_source(request.strategy),
                "parameters": list(request.parameters),
                "cash": str(request.cash),
                "operator": request.operator,
                "repair": request.repair,
                "time_zone": request.time_zone,
                "instruments": None
                if request.instruments is None
                else _absolute(request.instruments),
                "blackouts": None if request.blackouts is None else _absolute(request.blackouts),
                "rules": inputs.rules.content().decode(),
            },
            indent=2,
        )
        + "\n"
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What ``run.json`` says of a run.

    Attributes:
        folder: Where it was read.
        request: What was asked for.
        rules: The policy and the breakers that held.
        bars_sha256: By path as in the request.
        inputs_sha256: Hash of bars, calendar and venue.
        digest: Of the run.
        version: Of the Interlock that wrote it.
    """

    folder: Path
    request: Request
    rules: Rules
    bars_sha256: tuple[str, ...]
    inputs_sha256: str
    digest: str
    version: str


def _path_or_none(text: str | None) -> Path | None:
    return None if text is None else Path(text)


def read_run(folder: Path) -> Saved:
    """Return what a backtest's folder says of its run.

    Raises:
        OutputError: It is not the folder of a backtest, or another version wrote it.
    """
    path = folder / RUN_NAME
    try:
        found: Any = json.loads(path.read_bytes())
        policy, breakers = from_canonical(found["rules"].encode())
        if found["version"] != VERSION:
            raise OutputError(f"{path} must be of version {VERSION}, was {found['version']!r}.")
        return Saved(
            folder=folder,
            request=Request(
                paths=tuple(each["path"] for each in found["bars"]),
                strategy=found["strategy"],
                parameters=tuple(found["parameters"]),
                symbols=tuple(found["symbols"]),
                cash=Decimal(found["cash"]),
                operator=found["operator"],
                repair=found["repair"],
                time_zone=found["time_zone"],
                instruments=_path_or_none(found["instruments"]),
                blackouts=_path_or_none(found["blackouts"]),
            ),
            rules=Rules(policy=policy, breakers=breakers),
            bars_sha256=tuple(each["sha256"] for each in found["bars"]),
            inputs_sha256=found["inputs_sha256"],
            digest=found["digest"],
            version=found["interlock"],
        )
    except OSError as error:
        raise OutputError(
            f"{folder} must be the folder of a backtest, and has no {RUN_NAME} that can be read: "
            f"{error.strerror}. Next: interlock backtest ... --out {folder}"
        ) from error
    except (KeyError, TypeError, AttributeError, ArithmeticError, PolicyError) as error:
        raise OutputError(f"{path} is not what a backtest writes: {error}.") from error
    except json.JSONDecodeError as error:
        raise OutputError(f"{path} is not what a backtest writes: {error}.") from error


def check_out(out: Path) -> None:
    """Refuse a folder that holds something else than a backtest.

    Raises:
        OutputError: It does, or it is a file.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise OutputError(f"--out must be a folder, and {out} was a file. Next: another --out.")
    if any(out.iterdir()) and not (out / RUN_NAME).exists():
        raise OutputError(
            f"--out must be a new folder, an empty one, or that of an earlier backtest; {out} "
            "holds something else, and nothing was touched. Next: another --out."
        )


def _replace(new: Path, out: Path) -> None:
    """Put ``new`` in the place of ``out``; what was there goes only after that."""
    if out.exists() and any(out.iterdir()):
        old = new.with_name(f"{new.name}.old")
        out.rename(old)
        new.rename(out)
        shutil.rmtree(old)
    else:
        new.rename(out)


def write_results(results: Results, run: str, out: Path, *, assumed_cost_bps: float) -> None:
    """Write a backtest's folder: all of it, or nothing.

    Args:
        results: What was found.
        run: ``run_json``.
        out: The folder; checked by ``check_out``.
        assumed_cost_bps: What the policy assumes a round trip to cost, to compare with what it did.

    Raises:
        OutputError: It cannot be written.
    """
    from interlock.research.report import write_report  # noqa: PLC0415 - plotly is slow to import

    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise OutputError(
            f"{out} cannot be made: {error.strerror}. Next: another --out."
        ) from error
    try:
        new.chmod(0o755)
        results.trades.write_parquet(new / "trades.parquet")
        results.orders.write_parquet(new / "orders.parquet")
        (new / SUMMARY_NAME).write_text(summary_json(results.summary), encoding="utf-8")
        (new / RUN_NAME).write_text(run, encoding="utf-8")
        write_report(results, new / REPORT_NAME, assumed_cost_bps=assumed_cost_bps)
        _replace(new, out)
    except OSError as error:
        raise OutputError(
            f"{out} cannot be written: {os.strerror(error.errno or 0)}. Nothing was kept."
        ) from error
    finally:
        shutil.rmtree(new, ignore_errors=True)
