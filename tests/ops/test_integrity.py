"""Verify, show, export and snapshot, of a journal as the engine writes it."""

import base64
import json
import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from interlock.journal.anchors import Anchor, Anchors
from interlock.journal.copying import copy_journal
from interlock.journal.errors import DamageError, JournalError
from interlock.journal.rows import Entry, Row, RowKind, row_hash
from interlock.journal.sqlite import SqliteStore
from interlock.journal.verify import verify
from interlock.kernel.codes import BUY, Kind, Level, OrderKind, Role
from interlock.kernel.reasons import Reason
from interlock.kernel.records import ROW
from interlock.ops.integrity import (
    Place,
    export_journal,
    rows_between,
    snapshot_journal,
    verify_journal,
)
from interlock.ops.readable_rows import row_said, row_text
from tests.journal.helpers import Tamperer, chain, entry, fill

BAD_NUMBER = 99


def record(kind: Kind, **fields: float) -> bytes:
    """Return one record of the kernel."""
    found = np.zeros(1, dtype=ROW)
    found["kind"] = kind
    for name, value in fields.items():
        found[name] = value
    return found.tobytes()


def a_session() -> list[Entry]:
    """Return what an engine might have written."""
    signal = record(Kind.SIGNAL, seq=3, side=BUY, score=0.5)
    submit = record(Kind.SUBMIT, seq=3, sub=1, order_kind=OrderKind.LIMIT, role=Role.ENTRY, qty=7)
    refused = record(Kind.REFUSED, seq=8, code=Reason.ACCOUNT_LATCHED, level=Level.PAUSED)
    bars = b"".join(record(Kind.BAR, seq=seq, close=100 + seq) for seq in range(4, 8))
    return [
        entry(1, kind=RowKind.GENESIS, body=b'{"id": "test"}'),
        entry(2, kind=RowKind.NOTE, body=b'{"what": "start"}'),
        entry(3, body=signal + submit, payload=json.dumps({"verdicts": "x" * 500}).encode()),
        entry(4, count=4, kind=RowKind.MARKET, body=bars),
        entry(8, body=record(Kind.SIGNAL, seq=8) + refused),
        entry(9, body=record(Kind.FILL, seq=9, fee=-3), key=b"fill 1"),
        entry(10, kind=RowKind.SNAPSHOT, body=b"a state", payload=b'{"layout": "00"}'),
    ]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Return a journal and a file of anchors, as a stopped engine leaves them."""
    store = SqliteStore(tmp_path / "journal.db")
    rows = fill(store, a_session())
    store.close()
    heads = tmp_path / "heads.jsonl"
    anchors = Anchors([heads], on_problem=lambda _: None)
    anchors.publish(anchor(rows, 3))
    anchors.publish(anchor(rows, 7))
    return Place(journal=tmp_path / "journal.db", anchors=(heads, tmp_path / "not there"))


def anchor(rows: list[Row], number: int) -> Anchor:
    row = rows[number - 1]
    return Anchor(
        journal=rows[0].hash, seq=row.entry.last_seq, hash=row.hash, epoch=1, ts_ns=number
    )


def tampered(place: Place, seq: int, column: str, value: object) -> None:
    tamperer = Tamperer(Path(place.journal))
    tamperer.change(seq, column, value)
    tamperer.close()


def files(folder: Path) -> set[str]:
    """Return what is in a folder, less what SQLite may leave beside a file that was read."""
    return {x.name for x in folder.iterdir() if not x.name.startswith("journal.db-")}


# --- verify -----------------------------------------------------------------------------------


def test_a_journal_is_verified_with_its_anchors(place: Place) -> None:
    found = verify_journal(place)

    assert (found.rows, found.records, found.anchors, found.anchored_seq) == (7, 10, 2, 10)


def test_a_damaged_journal_is_named(place: Place) -> None:
    tampered(place, 8, "ts_ns", 1)

    with pytest.raises(DamageError) as caught:
        verify_journal(place)
    assert (caught.value.damage, caught.value.seq) == ("edit", 8)


def test_an_anchor_on_any_volume_counts(place: Place) -> None:
    tamperer = Tamperer(Path(place.journal))
    tamperer.run("DELETE FROM rows WHERE seq = 10")
    tamperer.make_hashes_anew()
    tamperer.close()
    assert verify_journal(Place(journal=place.journal)).records == 9

    with pytest.raises(DamageError, match="rollback"):
        verify_journal(place)


# --- show -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("from_seq", "to_seq", "shown"),
    [(1, 1, [1]), (3, 4, [3, 4]), (5, 6, [4]), (7, 8, [4, 8]), (9, 99, [9, 10]), (1, 10, 7)],
)
def test_rows_are_shown_by_the_records_in_them(
    place: Place, from_seq: int, to_seq: int, shown: list[int] | int
) -> None:
    found = [row.entry.seq for row in rows_between(place, from_seq, to_seq)]

    assert found == shown or len(found) == shown


@pytest.mark.parametrize(("from_seq", "to_seq"), [(0, 1), (5, 4), (-3, -1)])
def test_records_are_asked_for_in_order(place: Place, from_seq: int, to_seq: int) -> None:
    with pytest.raises(JournalError, match="from 1 on and in order"):
        list(rows_between(place, from_seq, to_seq))


def test_a_record_that_is_not_there_is_told(place: Place) -> None:
    with pytest.raises(JournalError, match="has no record 11: it ends at 10"):
        list(rows_between(place, 11, 20))


def test_an_event_is_said_in_words(place: Place) -> None:
    (row,) = rows_between(place, 3, 3)
    said = row_said(row)

    assert said["kind"] == "EVENT"
    assert said["time"] == "1970-01-01T00:00:00.000003000Z"
    assert said["sound"] is True
    assert said["records"] == [
        {"kind": "SIGNAL", "side": "BUY", "seq": 3, "score": 0.5},
        {"kind": "SUBMIT", "sub": 1, "order_kind": "LIMIT", "role": "ENTRY", "seq": 3, "qty": 7},
    ]
    assert said["says"] == {"verdicts": "x" * 500}
    text = row_text(row)
    assert "SUBMIT  sub 1  order_kind LIMIT  role ENTRY  seq 3  qty 7" in text
    assert f"{'x' * 120}... (500 characters)" in text


def test_a_refusal_is_said_with_its_reason(place: Place) -> None:
    (row,) = rows_between(place, 8, 8)

    assert row_said(row)["records"][1] == {
        "kind": "REFUSED",
        "code": "ACCOUNT_LATCHED",
        "level": "PAUSED",
        "seq": 8,
    }


def test_batches_notes_keys_and_states_are_said(place: Place) -> None:
    genesis, note, _, batch, _, fill_row, state = (row_said(x) for x in rows_between(place, 1, 10))

    assert genesis["says"] == {"id": "test"}
    assert note["says"] == {"what": "start"}
    assert [x["close"] for x in batch["records"]] == [104, 105, 106, 107]
    assert fill_row["key"] == b"fill 1".hex()
    assert fill_row["records"] == [{"kind": "FILL", "seq": 9, "fee": -3}]
    assert (state["bytes"], state["says"]) == (7, {"layout": "00"})
    assert "records" not in state


def test_what_cannot_be_understood_is_said_all_the_same() -> None:
    """A person looks at a journal when it is damaged."""
    odd = record(Kind.LATCHED, code=BAD_NUMBER, side=5, level=77, score=float("nan"))
    entries = [
        entry(1, body=odd),
        entry(2, body=b"no record", payload=b"no json"),
        entry(3, body=record(Kind.BAR, code=3, score=float("inf")), payload=b"[1]"),
        entry(4, body=np.full(64, BAD_NUMBER, dtype=np.int32).tobytes(), payload=b"\xff"),
    ]
    latched, text, bar, unknown = (row_said(row) for row in chain(entries))

    assert latched["records"] == [
        {"kind": "LATCHED", "side": 5, "code": BAD_NUMBER, "level": 77, "score": "nan"}
    ]
    assert "records" not in text
    assert "says" not in text
    assert bar["records"] == [{"kind": "BAR", "code": 3, "score": "inf"}]
    assert "says" not in bar
    assert unknown["records"][0]["kind"] == BAD_NUMBER
    json.dumps([latched, text, bar, unknown], allow_nan=False)


def test_a_row_that_is_not_sound_is_marked(place: Place) -> None:
    tampered(place, 8, "ts_ns", 1)
    (row,) = rows_between(place, 8, 8)

    assert row_said(row)["sound"] is False
    assert "NOT SOUND" in row_text(row)


def test_a_dropped_body_is_said(place: Place) -> None:
    store = SqliteStore(Path(place.journal))
    store.drop_bodies(up_to_seq=10, before_ts_ns=10**9)
    store.close()
    (row,) = rows_between(place, 4, 4)

    assert "records" not in row_said(row)
    assert f"dropped, digest {row.dropped.hex()[:12]}" in row_text(row)


# --- export -----------------------------------------------------------------------------------


def test_an_export_holds_every_byte(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    written = export_journal(place, path)

    said = [json.loads(line) for line in path.read_text().splitlines()]
    previous = bytes(32)
    for each, original in zip(said, a_session(), strict=True):
        made = Entry(
            seq=each["seq"],
            count=each["count"],
            ts_ns=each["ts_ns"],
            kind=RowKind[each["kind"]],
            body=base64.b64decode(each["body"]),
            payload=base64.b64decode(each["payload"]),
            key=bytes.fromhex(each.get("key", "")),
        )
        assert made == original
        previous = row_hash(previous, made)
        assert each["hash"] == previous.hex()
    assert written.verified.records == 10
    assert written.size_bytes == path.stat().st_size
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_snapshot_is_a_journal_of_its_own(place: Place, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    folder.mkdir()
    path = folder / "copy.db"
    written = snapshot_journal(place, path)

    assert files(folder) == {"copy.db"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = verify_journal(Place(journal=path, anchors=place.anchors))
    assert (written.verified.head, written.verified.anchors) == (again.head, again.anchors)
    original, copy = (SqliteStore(x, read_only=True) for x in (Path(place.journal), path))
    assert list(original.read()) == list(copy.read())
    original.close()
    copy.close()


def test_a_snapshot_is_made_while_the_engine_writes(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interlock.journal.copying._GROUP_ROWS", 3)
    engine = SqliteStore(Path(place.journal))

    def write(seq: int) -> None:
        if seq == 3:
            fill(engine, [entry(11), entry(12, key=b"fill 2")])

    written = snapshot_journal(place, tmp_path / "copy.db", on_progress=write)
    assert written.verified.records == 12
    engine.close()


def test_dropped_bodies_stay_dropped_in_a_snapshot(place: Place, tmp_path: Path) -> None:
    store = SqliteStore(Path(place.journal))
    store.drop_bodies(up_to_seq=10, before_ts_ns=10**9)
    store.close()

    assert snapshot_journal(place, tmp_path / "copy.db").verified.dropped == 1


@pytest.mark.parametrize("make", [export_journal, snapshot_journal])
@pytest.mark.parametrize("there", ["journal.db", "other"])
def test_nothing_is_overwritten(
    place: Place, tmp_path: Path, make: Callable[..., object], there: str
) -> None:
    (tmp_path / "other").write_bytes(b"mine")
    before = (tmp_path / there).read_bytes()

    with pytest.raises(JournalError, match="is not overwritten"):
        make(place, tmp_path / there)
    assert (tmp_path / there).read_bytes() == before


@pytest.mark.parametrize("make", [export_journal, snapshot_journal])
def test_of_a_damaged_journal_nothing_is_written(
    place: Place, tmp_path: Path, make: Callable[..., object]
) -> None:
    tampered(place, 9, "payload", b"{}")
    before = files(tmp_path)

    with pytest.raises(DamageError) as caught:
        make(place, tmp_path / "copy")
    assert caught.value.seq == 9
    assert str(place.journal) in str(caught.value)
    assert files(tmp_path) == before


@pytest.mark.parametrize("make", [export_journal, snapshot_journal])
def test_a_copy_that_is_interrupted_leaves_nothing(
    place: Place, tmp_path: Path, make: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interlock.ops.integrity.PROGRESS_ROWS", 5)
    before = files(tmp_path)

    def stop(_seq: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(place, tmp_path / "copy", on_progress=stop)
    assert files(tmp_path) == before


def test_progress_of_an_export_is_told(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interlock.ops.integrity.PROGRESS_ROWS", 5)
    seen: list[int] = []
    export_journal(place, tmp_path / "copy", on_progress=seen.append)

    assert seen == [8]


def test_a_disk_that_refuses_the_name_leaves_nothing(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(tmp_path)

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(JournalError, match=r"could not write .*copy: the disk is full"):
        export_journal(place, tmp_path / "copy")
    assert files(tmp_path) == before


def test_a_copy_that_is_not_the_original_is_refused(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that says yes and writes nothing."""
    monkeypatch.setattr(SqliteStore, "append", lambda *_: None)
    store = SqliteStore(Path(place.journal), read_only=True)

    with pytest.raises(JournalError, match="must end at record 10, was 0"):
        copy_journal(store, tmp_path / "copy")
    assert verify(store).records == 10
    store.close()
