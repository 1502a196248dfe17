"""A home in which an engine was killed while it held a position, and ways to damage its files."""

import os
import random
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from unittest import mock

from interlock.app import engine
from interlock.app.driving import Ready
from interlock.app.engine import EngineOptions, run_engine
from interlock.app.refusals import REFUSALS
from interlock.app.session import open_session
from interlock.config.home import Home, home_of
from interlock.config.settings import Settings
from interlock.journal.opening import open_store
from interlock.kernel.codes import Kind, Level, Role
from interlock.kernel.records import ROW_BYTES
from interlock.runtime.asking import ask
from interlock.runtime.entries import commands_of
from interlock.runtime.stopping import Stopping, StopRules
from tests.app.test_paper_run import is_free, soon, started, until
from tests.research.makers import bar, flat, write_bars, write_strategy

ROUND: Final = 20  # bars from one entry to the next; a position is held for half of them
ROUNDS: Final = 6
STRANGER: Final = 12_345  # a user that nobody is

Damage = Callable[[Path], None]


class Started(Exception):  # noqa: N818 - what happened, not what went wrong
    """The engine would have gone on to the venue."""


def _random(path: Path) -> None:
    content = random.Random(path.name).randbytes(max(path.stat().st_size, 64))  # noqa: S311
    path.write_bytes(content)


def _directory(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir(mode=0o700)


def _link(path: Path) -> None:
    real = path.with_name(path.name + ".real")
    if path.exists():
        path.rename(real)
    path.symlink_to(real)


DAMAGES: Final[dict[str, Damage]] = {
    "empty": lambda path: os.truncate(path, 0),
    "cut in half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "random bytes": _random,
    "readable by all": lambda path: path.chmod(0o644),
    "of another user": lambda path: os.chown(path, STRANGER, STRANGER),
    "a folder": _directory,
    "a link": _link,
    "missing": lambda path: path.unlink(missing_ok=True),
}


def write_config(folder: Path) -> Path:
    """Write what is traded: an entry every ROUND bars, left half way to the next."""
    data = write_bars(folder, [*flat(), *([bar(100)] * (ROUND * ROUNDS))])
    buys = "+".join(str(ROUND * number) for number in range(1, ROUNDS + 1))
    exits = "+".join(str(ROUND * number + ROUND // 2) for number in range(1, ROUNDS + 1))
    path = folder / "interlock.toml"
    path.write_text(
        f'[data]\nbars = ["{data}"]\n[strategy]\nname = "{write_strategy(folder)}"\n'
        f'parameters = {{buys = "{buys}", exits = "{exits}"}}\n[watchdog]\nenabled = false\n'
    )
    return path


def killed_home(folder: Path, config: Path) -> Home:
    """Run an account in ``folder`` until it holds something, and kill all of it.

    Args:
        folder: A short path: sockets are in it.
        config: What is traded.
    """
    home = home_of(Settings(home=folder / "home"))
    with started(home, "--config", str(config), "--speed", "20bars/s") as process:
        until(process, "connected")
        soon(lambda: int(ask_status(home).get("counts", {}).get("bars", 0)) > 1)
        process.send_signal(signal.SIGTERM)
        process.communicate()
    with started(home, "--config", str(config), "--speed", "20bars/s") as process:
        until(process, "connected")
        soon(lambda: bool(ask_status(home).get("positions")))
        os.kill(int(ask_status(home)["pid"]), signal.SIGKILL)
        process.kill()
    soon(lambda: is_free(home))
    return home


def ask_status(home: Home) -> dict[str, Any]:
    """Return how the engine is; nothing while it does not answer."""
    try:
        return ask(home.engine_socket, {"ask": "status"})
    except OSError:
        return {}


@contextmanager
def copy_of(home: Home) -> Iterator[Home]:
    """Yield a home that is the same, at a short path."""
    folder = Path(tempfile.mkdtemp(prefix="interlock-"))
    try:
        shutil.copytree(
            home.root, folder / "home", ignore=shutil.ignore_patterns("*.sock"), symlinks=True
        )
        yield home_of(Settings(home=folder / "home"))
    finally:
        shutil.rmtree(folder)


def entries_in(home: Home) -> int:
    """Return how many entries the journal of a home has asked for."""
    store = open_store(home.journal, account="paper", read_only=True)
    try:
        found = 0
        for row in store.read():
            has_commands = len(row.entry.body) > ROW_BYTES
            for command in commands_of(row.entry) if has_commands else ():
                found += bool(command["kind"] == Kind.SUBMIT and command["role"] == Role.ENTRY)
        return found
    finally:
        store.close()


def start_in_process(home: Home, config: Path) -> str:
    """Start an engine up to where it would speak to the venue; say what came of it.

    Returns:
        ``starts``, ``starts HALTED`` or another level of the account, or ``refuses: `` and what
        it said.
    """
    level = ""

    def drive(ready: Ready, **_: object) -> None:
        nonlocal level
        begun = ready.begun.engine
        Stopping(begun, ready.latch, ready.clock, StopRules(graceful_ns=1, absent_ns=0)).look()
        level = Level(int(begun.decider.state["account"]["latch_level"][0])).name
        raise Started

    with (
        mock.patch.dict(os.environ, {"INTERLOCK_HOME": str(home.root)}),
        mock.patch.object(engine, "drive", drive),
    ):
        try:
            session = open_session(config, {})
            run_engine(session, EngineOptions(), lambda _event, _facts: None)
        except Started:
            return f"starts {level}"
        except REFUSALS as error:
            return f"refuses: {error}"
    raise AssertionError("an engine ended by itself")
