"""Every latch and every file of state is damaged in turn: the next start is halted, or refuses.

Most starts are made in this process, up to where the venue would be spoken to; the ones that say
most are made by `interlock run`, with real processes, and must not open anything.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from interlock.config.home import Home
from tests.app.test_paper_run import WAIT_S, started
from tests.proof.halting import (
    DAMAGES,
    copy_of,
    entries_in,
    killed_home,
    start_in_process,
    write_config,
)

ROUND_MAX: Final = 6  # orders for each bar: a stop, its target, a way out, and the pair again
IS_ROOT: Final = os.geteuid() == 0
REFUSES_ALWAYS: Final = ("readable by all", "of another user", "a folder", "a link")
CONTENTS: Final = ("empty", "cut in half", "random bytes", "missing")

# What comes of damage to the content, file by file. Nothing that is lost with the last three is
# needed: the first is a copy of heads whose journal is there, the others are made anew.
EXPECTED: Final = {
    "latch.json": dict.fromkeys(CONTENTS, "starts HALTED"),
    "journal.db": dict.fromkeys(CONTENTS, "refuses"),
    "journal.db-wal": dict.fromkeys(CONTENTS, "refuses"),
    "journal.db-shm": dict.fromkeys(CONTENTS, "starts PAUSED"),
    "anchors/heads.jsonl": dict.fromkeys(CONTENTS, "starts PAUSED") | {"random bytes": "refuses"},
    "engine.lock": dict.fromkeys(CONTENTS, "starts PAUSED"),
    "venue/venue.lock": dict.fromkeys(CONTENTS, "starts PAUSED"),
    "progress": dict.fromkeys(CONTENTS, "starts PAUSED"),
    "ballast": dict.fromkeys(CONTENTS, "starts PAUSED"),
}
FILES: Final = (*EXPECTED, "venue/venue.db")


@dataclass(frozen=True)
class Base:
    """An account that was killed while it held a position."""

    home: Home
    config: Path
    entries: int


@pytest.fixture(scope="module")
def base() -> Iterator[Base]:
    """Make the account once: every test damages a copy."""
    folder = Path(tempfile.mkdtemp(prefix="interlock-"))
    (folder / "told").mkdir()
    config = write_config(folder / "told")
    home = killed_home(folder, config)
    yield Base(home, config, entries_in(home))
    shutil.rmtree(folder)


def damage(home: Home, file: str, how: str) -> None:
    """Damage a file of a home."""
    if how == "of another user" and not IS_ROOT:
        pytest.skip("only root can give a file away")
    DAMAGES[how](home.root / file)


def test_an_intact_home_waits_for_its_venue_and_for_nothing_else(base: Base) -> None:
    """PAUSED: no entry before the account is reconciled. That is what an ordinary start says."""
    assert base.entries >= 1
    with copy_of(base.home) as home:
        assert start_in_process(home, base.config) == "starts PAUSED"


@pytest.mark.parametrize("how", CONTENTS)
@pytest.mark.parametrize("file", EXPECTED)
def test_damaged_content_halts_or_refuses(base: Base, file: str, how: str) -> None:
    with copy_of(base.home) as home:
        damage(home, file, how)
        found = start_in_process(home, base.config)
    expected = EXPECTED[file][how]
    assert found.startswith(expected)
    if expected == "refuses":
        assert "Trading stays off. Next: " in found


@pytest.mark.parametrize("how", REFUSES_ALWAYS)
@pytest.mark.parametrize("file", FILES)
def test_a_file_that_others_could_have_changed_is_refused(base: Base, file: str, how: str) -> None:
    """It says which one, and what to do."""
    with copy_of(base.home) as home:
        damage(home, file, how)
        found = start_in_process(home, base.config)
        assert found.startswith(f"refuses: {home.root / file}: must be a file")
    assert "Next: " in found


def test_damaged_settings_are_refused(base: Base) -> None:
    """Nothing starts under other rules than those that were written down."""
    config = base.config.with_name("damaged.toml")
    for how in ("cut in half", "random bytes"):
        shutil.copy(base.config, config)
        if how == "cut in half":
            config.write_text(config.read_text()[: len(config.read_text()) * 2 // 5])
        else:
            DAMAGES[how](config)
        with copy_of(base.home) as home:
            assert start_in_process(home, config).startswith(f"refuses: {config}")


# --- real processes ---------------------------------------------------------------------------


def run(home: Home, config: Path, for_s: float = WAIT_S) -> tuple[int, list[dict[str, Any]]]:
    """Run an account to the end of its recording; return the exit code and what was told.

    One that does not come to the end is asked to stop after ``for_s``.
    """
    with started(home, "--config", str(config), "--speed", "max") as process:
        try:
            out, _ = process.communicate(timeout=for_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=WAIT_S)
    return process.returncode, [json.loads(line) for line in out.splitlines()]


def test_an_intact_account_goes_on_trading(base: Base) -> None:
    """Otherwise the ones below would prove nothing."""
    with copy_of(base.home) as home:
        code, told = run(home, base.config)
        assert (code, told[-1]["event"]) == (0, "finished")
        assert entries_in(home) > base.entries


@pytest.mark.parametrize("how", ["random bytes", "missing"])
def test_a_run_without_its_latch_opens_nothing(base: Base, how: str) -> None:
    """It reconciles, keeps the stop of what it holds, and takes no entry to the end."""
    with copy_of(base.home) as home:
        damage(home, "latch.json", how)
        code, told = run(home, base.config)
        last = told[-1]
        assert (code, last["event"]) == (0, "finished")
        assert ("KILL_FILE", "HALTED") in [(one["cause"], one["level"]) for one in last["latches"]]
        assert entries_in(home) == base.entries


def test_a_run_without_its_journal_refuses(base: Base) -> None:
    with copy_of(base.home) as home:
        damage(home, "journal.db", "missing")
        code, told = run(home, base.config)
    (refused,) = [one for one in told if one["event"] == "refused"]
    assert code != 0
    assert refused["child"] == "engine"
    assert "an older journal is in its place" in " ".join(refused["errors"])
    assert "connected" not in [one["event"] for one in told]


@pytest.mark.parametrize("how", CONTENTS)
def test_a_run_whose_venue_lost_its_book_opens_nothing(base: Base, how: str) -> None:
    """The journal says that something is held, and the venue does not: nobody can explain it."""
    with copy_of(base.home) as home:
        damage(home, "venue/venue.db", how)
        damage(home, "venue/venue.db-wal", how)
        _, told = run(home, base.config, for_s=8.0)
        assert told[-1]["event"] == "finished"
        assert entries_in(home) == base.entries
        counts = told[-1]["counts"]
        assert counts["submitted"] <= ROUND_MAX * counts["bars"], "what is refused is hurried"
