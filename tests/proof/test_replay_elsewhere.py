"""A journal says the same wherever it is replayed: other hash seed, time zone and language."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.proof.journal_session import fast_folder
from tests.proof.kill_life import server

SEED: Final = 514
BARS: Final = 400
KILLS_S: Final = (0.7, 0.9)
END_S: Final = 60.0
ELSEWHERE: Final = (
    {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C"},
    {"PYTHONHASHSEED": "1", "TZ": "Asia/Kathmandu", "LC_ALL": "C.UTF-8"},
    {"PYTHONHASHSEED": "4294967295", "TZ": "America/St_Johns", "LC_ALL": "tr_TR.UTF-8"},
    {"PYTHONHASHSEED": "random", "TZ": "Pacific/Chatham", "LC_ALL": "de_DE.UTF-8"},
)
_REPLAY: Final = """
import json, locale, sys
from pathlib import Path
from interlock.journal.sqlite import SqliteStore
from interlock.research.replay import verify_replay
try:
    locale.setlocale(locale.LC_ALL, "")
except locale.Error:  # a machine need not have every language
    pass
found = verify_replay(SqliteStore(Path(sys.argv[1]), read_only=True))
print(json.dumps([found.digest, found.events, found.commands, found.fills, found.snapshots]))
"""


@pytest.fixture(scope="module")
def journal(root: Path) -> Iterator[Path]:
    """Return the journal of a session that was killed twice and then ran to its end."""
    with fast_folder() as folder, server(root) as client:
        place = folder / "life"
        place.mkdir()
        client.ask("life", folder=str(place), seed=SEED, bars=BARS)
        client.ask("venue", last=4 * BARS // 2)
        for after_s in KILLS_S:
            killed = client.ask("engine", after_s=after_s)
            assert killed["killed"], killed
        ended = client.ask("engine", after_s=END_S, stop_at_end=True)
        assert ended["status"] == 0, ended
        yield place / "home" / "journal.db"


def replayed(journal: Path, where: dict[str, str]) -> list[object]:
    """Return what a fresh process says of the journal."""
    done = subprocess.run(
        [sys.executable, "-c", _REPLAY, str(journal)],
        env={**os.environ, **where},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[object] = json.loads(done.stdout)
    return found


def test_a_real_session_replays_to_the_same_digest_everywhere(journal: Path) -> None:
    found = [replayed(journal, where) for where in ELSEWHERE]

    digest, events, commands, fills, snapshots = found[0]
    assert [each == found[0] for each in found] == [True] * len(ELSEWHERE)
    assert len(str(digest)) == 64
    assert min(map(int, map(str, (events, commands, fills)))) > 100
    assert int(str(snapshots)) > 0
