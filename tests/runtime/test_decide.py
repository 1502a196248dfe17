"""Deciding, and what is written of it: entries say exactly what the kernel was given and said."""

import hashlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.journal.errors import JournalError
from interlock.journal.rows import Entry, RowKind
from interlock.kernel.codes import BUY, Kind
from interlock.kernel.policy import SMALL
from interlock.kernel.records import ROW_BYTES, Rows, new_out, rows
from interlock.kernel.state import new_state
from interlock.kernel.step import step
from interlock.runtime.decide import Decided, Decider
from interlock.runtime.entries import (
    BATCH_ROWS,
    commands_of,
    event_entry,
    events_of,
    fill_key,
    json_bytes,
    layout_digest,
    market_entry,
    policy_of,
    policy_payload,
    said_by,
    said_entry,
    snapshot_entry,
    state_of,
    verdicts_of,
)
from tests.kernel.helpers import CASH, open_policy
from tests.runtime.scripts import BEGIN_NS, PRICE

MIDDLE: tuple[int, int, int] = (512, 64, 4_096)


def decider_of(seq: int = 1) -> Decider:
    """Return the kernel under an open policy, which is set."""
    decider = Decider(open_policy(), new_state(CASH), seq=seq, ts_ns=BEGIN_NS)
    decider.set_policy(open_policy(), b"{}", BEGIN_NS)
    return decider


def bars(count: int, after_ns: int = 0) -> Rows:
    """Return bars a second apart."""
    found = rows(count)
    found["kind"] = Kind.BAR
    found["instrument"] = 0
    found["ts_ns"] = BEGIN_NS + after_ns + np.arange(count) * 10**9
    found["src_ts_ns"] = found["ts_ns"]
    for name in ("open", "high", "low", "close"):
        found[name] = PRICE
    return found


def one(kind: Kind, ts_ns: int = BEGIN_NS, **fields: int) -> Rows:
    """Return one row."""
    row = rows(1)
    row["kind"] = kind
    row["ts_ns"] = row["src_ts_ns"] = ts_ns
    for name, value in fields.items():
        row[name] = value
    return row


def signal(ts_ns: int = BEGIN_NS) -> Rows:
    """Return a proposal to buy."""
    return one(Kind.SIGNAL, ts_ns, instrument=0, strategy=0, side=BUY)


# --- stamping ---------------------------------------------------------------------------------


def test_numbers_have_no_gaps_and_time_never_falls() -> None:
    """Whatever the rows say."""
    decider = decider_of()
    table = bars(3)
    table["ts_ns"] -= [0, 10**12, 0]
    decided = decider.decide(table)
    (entry,) = decided.entries
    found = events_of(entry)
    assert found["seq"].tolist() == [3, 4, 5]
    assert (np.diff(found["ts_ns"]) >= 0).all()
    assert (entry.seq, entry.count, entry.last_seq) == (3, 3, 5)
    assert decider.seq == 5
    assert decider.next_seq() == 6
    assert decider.ts_ns == int(found["ts_ns"][-1])


def test_time_goes_on_from_what_the_state_says() -> None:
    """A decider over an older clock is not younger than its state."""
    state = new_state(CASH)
    state["account"]["ts_ns"] = BEGIN_NS + 7
    assert Decider(open_policy(), state, seq=9, ts_ns=5).ts_ns == BEGIN_NS + 7


def test_market_data_that_causes_nothing_is_one_entry_of_at_most_256() -> None:
    """And what is no market data is an entry of its own."""
    decided = decider_of().decide(bars(600))
    assert [entry.count for entry in decided.entries] == [256, 256, 88]
    assert {entry.kind for entry in decided.entries} == {RowKind.MARKET}
    table = np.concatenate([bars(2), one(Kind.DAY), bars(1), one(Kind.SESSION_OPEN, instrument=1)])
    decided = decider_of().decide(table)
    assert [entry.kind.name for entry in decided.entries] == ["MARKET", "EVENT", "MARKET", "EVENT"]


def test_an_event_and_its_commands_are_one_entry() -> None:
    """They commit together or not at all; what came with it, or judged it, is its payload."""
    decider = decider_of()
    decided = decider.decide(np.concatenate([bars(1), signal(), bars(1, 10**9)]))
    _, entry, _ = decided.entries
    (command,) = commands_of(entry)
    assert command["kind"] == Kind.SUBMIT
    assert len(entry.body) == 2 * ROW_BYTES
    assert command.tobytes() == decided.commands[0].row.tobytes()
    assert verdicts_of(entry) is not None


def test_a_payload_that_came_with_an_event_stays_with_it() -> None:
    """Of one that did nothing, and of a signal, beside what that was judged by."""
    decider = decider_of()
    decider.decide(bars(1))
    table = np.concatenate([signal(), one(Kind.DAY)])
    decided = decider.decide(table, {0: b'{"a":1}', 1: b'{"b":2}'})
    judged, day = decided.entries
    assert said_by(judged)["a"] == 1
    assert verdicts_of(judged) is not None
    assert said_by(day) == {"b": 2}


def test_a_policy_holds_from_its_own_entry_on() -> None:
    """The entry carries the record and the text it was made from."""
    decider = decider_of()
    policy = open_policy("sizing.fixed_lots=7")
    decided = decider.set_policy(policy, b'{"lots":7}', BEGIN_NS)
    (entry,) = decided.entries
    assert events_of(entry)["kind"][0] == Kind.POLICY_SET
    assert policy_of(entry, SMALL).tobytes() == policy.tobytes()
    said = said_by(entry)
    assert said["digest"] == hashlib.sha256(b'{"lots":7}').hexdigest()
    assert said["canonical"] == '{"lots":7}'
    decider.decide(bars(1))
    found = decider.decide(signal())
    assert found.commands[0].row["qty"] == 7
    assert decider.state["account"]["policy_seq"][0] == entry.seq


def test_a_replayed_venue_hears_of_an_order_when_its_instrument_was_told() -> None:
    """As in the backtest: the time of the event for its own instrument, else the stamped one."""
    decider = decider_of()
    decider.decide(bars(1))
    late = decider.decide(signal(BEGIN_NS - 10**9))
    (command,) = late.commands
    assert command.told_ns == BEGIN_NS - 10**9
    assert command.row["ts_ns"] > command.told_ns


KINDS = st.sampled_from(["bar", "bar2", "jump", "quote", "signal", "sell", "day", "halt", "resume"])


def table_of(words: list[str], start_ns: int) -> Rows:
    """Return rows of words, a second apart."""
    found = []
    for at, word in enumerate(words):
        now_ns = start_ns + at * 10**9
        if word.startswith(("bar", "jump")):
            row = bars(1)
            row["ts_ns"] = row["src_ts_ns"] = now_ns
            row["instrument"] = 1 if word == "bar2" else 0
            if word == "jump":
                row["close"] = row["low"] = PRICE * 9 // 10
        elif word == "quote":
            row = one(Kind.QUOTE, now_ns, instrument=2, open=99, high=101)
        elif word in {"signal", "sell"}:
            row = signal(now_ns)
            row["side"] = BUY if word == "signal" else -BUY
        elif word == "day":
            row = one(Kind.DAY, now_ns)
        else:
            kind = Kind.HALT if word == "halt" else Kind.RESUME
            row = one(kind, now_ns, code=3, level=3)
        found.append(row)
    return np.concatenate(found)


@given(st.lists(st.lists(KINDS, min_size=1, max_size=12), max_size=6))
def test_entries_are_exactly_what_the_kernel_was_given_and_said(days: list[list[str]]) -> None:
    """Read back, they make the same state and the same commands, one event at a time."""
    decider = decider_of()
    decided = [
        decider.decide(table_of(words, BEGIN_NS + 10**11 * day)) for day, words in enumerate(days)
    ]
    policy, state, out = open_policy(), new_state(CASH), new_out()
    set_ = one(Kind.POLICY_SET)
    set_["seq"] = 2
    step(policy, state, set_, 0, out)
    seq = 2
    commands: list[bytes] = []
    for entry in (entry for each in decided for entry in each.entries):
        assert entry.seq == seq + 1
        seq = entry.last_seq
        assert entry.count <= BATCH_ROWS
        events = events_of(entry).copy()
        assert int(events["ts_ns"][0]) == entry.ts_ns
        for place in range(len(events)):
            count = step(policy, state, events, place, out)
            found = out["rows"][0, :count].tobytes()
            assert found == commands_of(entry).tobytes()
            commands.append(found)
    assert seq == decider.seq
    assert state.tobytes() == decider.state.tobytes()
    told = b"".join(command.row.tobytes() for each in decided for command in each.commands)
    assert told == b"".join(commands)


# --- entries ----------------------------------------------------------------------------------


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
def test_a_fill_is_kept_once_by_its_trade(high: int, low: int) -> None:
    """Another trade has another key; a fill without an id has none."""
    row = one(Kind.FILL, ext_hi=high, ext_lo=low)[0]
    entry = event_entry(row, rows(0))
    assert entry.key == fill_key(row)
    assert (entry.key == b"") == (high == low == 0)
    other = row.copy()
    other["ext_lo"] ^= 1
    assert fill_key(other) != entry.key
    row["kind"] = Kind.ACCEPTED
    assert event_entry(row, rows(0)).key == b""


def test_an_entry_of_something_else_has_no_events() -> None:
    """Nor commands."""
    note = said_entry(RowKind.NOTE, 1, 5, {"what": "start"})
    assert len(events_of(note)) == len(commands_of(note)) == 0
    assert len(commands_of(market_entry(bars(2)))) == 0
    assert said_by(note) == {"what": "start"}
    assert said_by(market_entry(bars(2))) == {}


@given(
    st.dictionaries(st.text(max_size=5), st.one_of(st.integers(), st.text(), st.none()), max_size=5)
)
def test_what_is_said_is_read_back(content: dict[str, object]) -> None:
    """One object has one text."""
    entry = said_entry(RowKind.GENESIS, 1, 5, content)
    assert said_by(entry) == content
    again = json.loads(json_bytes(content))
    assert json_bytes(dict(reversed(again.items()))) == entry.body


def test_a_snapshot_is_the_state_and_what_else_has_to_be_remembered() -> None:
    """Byte for byte."""
    decider = decider_of()
    decider.decide(np.concatenate([bars(5), signal()]))
    entry = snapshot_entry(RowKind.SEGMENT, 9, BEGIN_NS, decider.state, {"feed": 3})
    assert state_of(entry, SMALL).tobytes() == decider.state.tobytes()
    assert said_by(entry) == {"feed": 3}
    assert len(entry.body) < len(decider.state.tobytes()) // 10


def test_a_snapshot_or_a_policy_of_another_size_is_refused_by_name() -> None:
    """Another version of Interlock wrote it."""
    decider = decider_of()
    entry = snapshot_entry(RowKind.SNAPSHOT, 9, BEGIN_NS, decider.state, {})
    with pytest.raises(JournalError, match=r"the snapshot at 9 must be .* another version"):
        state_of(entry, MIDDLE)
    (policy,) = decider.set_policy(open_policy(), b"{}", BEGIN_NS).entries
    with pytest.raises(JournalError, match="the policy in the journal must be whole records"):
        policy_of(policy, MIDDLE)


def test_the_layouts_digest_knows_the_capacities() -> None:
    """And is the same every time."""
    assert layout_digest(SMALL) == layout_digest(SMALL)
    assert layout_digest(SMALL) != layout_digest(MIDDLE)
    assert len(layout_digest(SMALL)) == 16


def test_a_policys_payload_is_small() -> None:
    """Most of a policy is nothing."""
    assert len(policy_payload(open_policy(), b"{}")) < 20_000


def test_kinds_of_entries_are_not_mixed_up() -> None:
    """A state is no note, a note no snapshot, and an empty batch nothing."""
    with pytest.raises(AssertionError):
        said_entry(RowKind.EVENT, 1, 1, {})
    with pytest.raises(AssertionError):
        snapshot_entry(RowKind.NOTE, 1, 1, new_state(CASH), {})
    with pytest.raises(AssertionError):
        market_entry(rows(0))
    assert isinstance(Decided(entries=[], commands=[]).entries, list)
    assert Entry(seq=4, count=3, ts_ns=1, kind=RowKind.MARKET, body=b"").last_seq == 6
