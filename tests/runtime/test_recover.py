"""Recovering: a journal says the same whatever is replayed of it, and damage is named."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.journal.errors import JournalError
from interlock.journal.rows import Entry, RowKind
from interlock.kernel.codes import Kind
from interlock.kernel.records import ROW, ROW_BYTES
from interlock.runtime import replaying
from interlock.runtime.entries import commands_of, events_of, json_bytes, said_by, said_entry
from interlock.runtime.recover import bars_in, recover
from interlock.runtime.replaying import Remembered, ReplayError
from tests.runtime.day import Kept, Session, recovered
from tests.runtime.pair import Pair


@pytest.fixture(scope="module")
def session() -> Session:
    """Return a day."""
    return Session()


def without_snapshots(entries: list[Entry]) -> list[Entry]:
    """Return a journal in which nothing may be begun from, numbers and all."""
    return [
        replace(entry, kind=RowKind.NOTE, body=b"{}", payload=b"")
        if entry.kind in {RowKind.SNAPSHOT, RowKind.SEGMENT}
        else entry
        for entry in entries
    ]


def test_a_crash_after_any_entry_recovers_to_what_was_believed_then(session: Session) -> None:
    """From the last snapshot and its tail, from the beginning, and as it was while it ran."""
    compared = 0
    for count in range(2, len(session.entries) + 1):
        entries = session.entries[:count]
        quick = recovered(entries)
        whole = recovered(without_snapshots(entries))
        assert quick.state.tobytes() == whole.state.tobytes()
        assert quick.policy.tobytes() == whole.policy.tobytes()
        assert quick.canonical == whole.canonical
        for name in ("starts", "policy_seq", "feed", "seq", "ts_ns"):
            assert getattr(quick.remembered, name) == getattr(whole.remembered, name), name
        assert quick.waiting == whole.waiting
        live = session.states.get(entries[-1].last_seq)
        if live is not None:
            compared += 1
            assert quick.state.tobytes() == live
    assert compared > 10
    assert quick.state.tobytes() == session.pair.engine.decider.state.tobytes()
    assert quick.snapshot_seq > 0
    assert whole.snapshot_seq == 0


def test_what_is_replayed_is_told(session: Session) -> None:
    """How many events so far, and every event in its order."""
    told: list[int] = []
    found = recover(Kept(without_snapshots(session.entries)), told.append)  # type: ignore[arg-type]
    assert found is not None
    assert told == [found.remembered.events]
    count = sum(len(events_of(entry)) for entry in session.entries)
    assert found.remembered.events == count
    assert found.remembered.commands == sum(len(commands_of(entry)) for entry in session.entries)
    assert found.remembered.feed == 5


def test_a_long_journal_is_replayed_in_pieces(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a fixed size, so that memory does not grow with it."""
    monkeypatch.setattr(replaying, "CHUNK_EVENTS", 3)
    told: list[int] = []
    found = recover(Kept(session.entries[:1] + session.entries[1:]), told.append)  # type: ignore[arg-type]
    assert found is not None
    assert len(told) >= 2
    assert found.state.tobytes() == session.pair.engine.decider.state.tobytes()


def test_orders_without_an_answer_are_counted(session: Session) -> None:
    """A person should hear of them."""
    assert recovered(session.entries).waiting == 3


def test_an_empty_journal_says_nothing() -> None:
    """There is nothing to recover."""
    assert recover(Kept([])) is None  # type: ignore[arg-type]


def test_a_journal_that_is_not_ours_is_refused(session: Session) -> None:
    """It begins with something else."""
    with pytest.raises(JournalError, match="must begin with its genesis, was NOTE"):
        recovered(session.entries[1:])


def test_a_later_format_is_refused_by_name(session: Session) -> None:
    """It says what to do."""
    genesis = session.entries[0]
    said = {**said_by(genesis), "format": 2}
    later = replace(genesis, body=json_bytes(said))
    with pytest.raises(JournalError, match=r"of format 1 or older, was 2\. Next: use the version"):
        recovered([later, *session.entries[1:]])


def test_a_snapshot_of_another_layout_is_passed_over(session: Session) -> None:
    """Everything is replayed, and it is compared with nothing."""
    entries = [
        replace(entry, payload=json_bytes({**said_by(entry), "layout": "another"}), body=b"?")
        if entry.kind in {RowKind.SNAPSHOT, RowKind.SEGMENT}
        else entry
        for entry in session.entries
    ]
    found = recovered(entries)
    assert found.snapshot_seq == 0
    assert found.state.tobytes() == session.pair.engine.decider.state.tobytes()
    assert found.remembered.snapshots == 0


def test_a_snapshot_that_says_something_else_is_named(session: Session) -> None:
    """One that is replayed over is compared."""
    first = next(entry for entry in session.entries if entry.kind is RowKind.SNAPSHOT)
    last = next(entry for entry in session.entries if entry.kind is RowKind.SEGMENT)
    entries = [
        replace(entry, body=last.body) if entry is first else entry
        for entry in session.entries
        if entry is not last
    ]
    head = entries[: entries.index(replace(first, body=last.body)) + 1]
    whole = [*head, replace(last, seq=head[-1].last_seq + 1, payload=b'{"layout":"another"}')]
    with pytest.raises(ReplayError, match=f"at record {first.seq} to the state of its snapshot"):
        recovered(whole)


DECISIONS = st.integers(0, 10**6)


@settings(max_examples=200)
@given(DECISIONS, st.integers(0, 10**6), st.integers(0, 7))
def test_one_altered_bit_of_a_command_is_named(which: int, place: int, bit: int) -> None:
    """Whichever bit of whichever command."""
    entries = list(SESSION.entries)
    decided = [at for at, entry in enumerate(entries) if len(commands_of(entry))]
    at = decided[which % len(decided)]
    body = bytearray(entries[at].body)
    room = len(body) - ROW_BYTES
    body[ROW_BYTES + place % room] ^= 1 << bit
    entries[at] = replace(entries[at], body=bytes(body))
    with pytest.raises(ReplayError, match=f"must replay at record {entries[at].seq} to"):
        recovered(without_snapshots(entries))


SESSION = Session()


@settings(max_examples=60)
@given(DECISIONS, st.sampled_from(["one less", "none", "one more", "twice"]))
def test_a_command_that_is_missing_or_too_many_is_named(which: int, how: str) -> None:
    """The journal and the kernel say the same, or nothing is started."""
    entries = list(SESSION.entries)
    events = [at for at, entry in enumerate(entries) if entry.kind is RowKind.EVENT]
    decided = [at for at in events if len(commands_of(entries[at]))]
    at = (events if how == "one more" else decided)[
        which % len(events if how == "one more" else decided)
    ]
    body = entries[at].body
    changed = {
        "one less": body[:-ROW_BYTES],
        "none": body[:ROW_BYTES],
        "one more": body + bytes(ROW_BYTES),
        "twice": body + body[ROW_BYTES:],
    }[how]
    entries[at] = replace(entries[at], body=changed)
    with pytest.raises(ReplayError, match=f"record {entries[at].seq} to .* was written by build"):
        recovered(without_snapshots(entries))


def test_many_commands_are_cut_short_in_a_message() -> None:
    """Four are named."""
    rows = np.zeros(6, dtype=ROW)
    rows["kind"] = Kind.CANCEL
    rows["kind"][1] = 99
    said = replaying._words(rows.tobytes())
    assert said.startswith("CANCEL qty 0 price 0 trigger 0, 99 qty 0")
    assert said.endswith(" and 2 more")


def test_what_processes_said_is_remembered() -> None:
    """The last start, and whether it stopped; anything else is passed over."""
    kept = Remembered()
    found = [kept.stopped]
    said: list[dict[str, object]] = [
        {"what": "start", "epoch": 4, "build": "b"},
        {"what": "something else"},
        {"what": "stop", "why": "asked"},
    ]
    for seq, content in enumerate(said, start=2):
        kept.note(said_entry(RowKind.NOTE, seq, 1, content))
        found.append(kept.stopped)
    assert found == [True, False, False, True]
    assert (kept.starts, kept.said["build"]) == ([(2, 4)], "b")


def test_bars_are_found_for_the_strategies(session: Session) -> None:
    """All of them, in their order."""
    rows = [row for part in bars_in(Kept(session.entries).read()).bars for row in part]
    assert [int(row["ext_lo"]) for row in rows] == [1, 2, 3, 4, 5]


def test_market_data_that_was_dropped_is_named_and_not_guessed(session: Session) -> None:
    """Its digest keeps the chain whole; what it said is gone."""
    first = next(entry for entry in session.entries if entry.kind is RowKind.MARKET)
    entries = [replace(entry, body=b"") if entry is first else entry for entry in session.entries]
    with pytest.raises(ReplayError, match=f"over record {first.seq}: its market data was dropped"):
        recovered(without_snapshots(entries))
    assert recovered(entries).state.tobytes() == session.pair.engine.decider.state.tobytes()
    rows = [row for part in bars_in(Kept(entries).read()).bars for row in part]
    assert [int(row["ext_lo"]) for row in rows] == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("last", "unseen"), [("bar", [2]), ("trade", []), ("signal", []), ("order", [2])]
)
def test_a_bar_on_which_nothing_was_proposed_yet_is_still_to_be_seen(
    last: str, unseen: list[int]
) -> None:
    """The engine may have ended between the two; what the feed told after it says it did not."""
    pair = Pair().open()
    pair.tell(pair.venue.bar(), pair.venue.bar())
    if last == "trade":
        trade = pair.venue.bar()
        trade.rows["kind"] = Kind.TRADE
        pair.tell(trade)
    elif last == "signal":
        pair.signal()
    elif last == "order":
        pair.tell(pair.venue.account())
    shown = bars_in(Kept(pair.entries).read())
    assert shown.unseen["ext_lo"].tolist() == unseen
    seen = [int(row["ext_lo"]) for part in shown.bars for row in part]
    assert [*seen, *unseen] == [1, 2]


def test_a_snapshot_that_is_replayed_over_is_compared(session: Session) -> None:
    """Only the last one may be begun from; those before it have to be what replaying comes to."""
    last = next(entry for entry in session.entries if entry.kind is RowKind.SEGMENT)
    other = replace(last, payload=json_bytes({**said_by(last), "layout": "another"}))
    found = recovered([other if entry is last else entry for entry in session.entries])
    assert (found.snapshot_seq, found.remembered.snapshots) == (0, 1)
    assert found.state.tobytes() == session.pair.engine.decider.state.tobytes()
