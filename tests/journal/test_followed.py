"""What follows a journal reads the same from every kind of store."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from interlock.app.following import Follower
from interlock.journal.port import Store
from interlock.journal.sqlite import SqliteStore
from interlock.runtime.clock import ManualClock
from tests.journal.conftest import Opener
from tests.research.sessions import recording


class Kept:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []

    def begin(self, journal: str, genesis: Mapping[str, Any]) -> int:
        """Want everything."""
        assert journal
        assert genesis
        return 0

    def take(self, items: Sequence[dict[str, Any]], seq: int) -> int:
        """Keep it."""
        self.items += items
        return seq


def followed(open_store: Any) -> list[dict[str, Any]]:
    kept = Kept()
    follower = Follower(open_store, [kept], ManualClock())
    while follower.said()["seq"] == 0 or kept.items[-1]["seq"] < follower.said()["seq"]:
        follower.step()
        assert not follower.said()["why"]
    follower.step()
    follower.stop()
    return kept.items


def test_every_store_tells_the_same(tmp_path: Path, opener: Opener) -> None:
    folder = tmp_path / "recorded"
    folder.mkdir()
    with closing(recording(folder)) as recorded:
        rows = list(recorded.read())
    with closing(opener()) as store:
        store.append(rows)

    def open_copy() -> Store:
        return opener(read_only=True)

    def open_recorded() -> Store:
        return SqliteStore(folder / "home" / "journal.db", read_only=True)

    items = followed(open_copy)
    assert items == followed(open_recorded)
    assert items[-1]["what"] == "stop"
