"""What-if: every decision of a recording, judged again at its moment by other rules."""

from pathlib import Path

import pytest

from interlock.journal.errors import JournalError
from interlock.journal.port import Store
from interlock.research.what_if import Change, Judged, Outcome, WhatIf, change_of, what_if
from tests.research.makers import FREE, rules_of
from tests.research.sessions import inputs_of, recording, session_of

ONLY_ETH = FREE + "    limits: {instruments: {allowed: [ETH_USDT]}}\n"
FAR_STOP = FREE.replace(
    "exits:", "exits:\n      stop_loss: {method: percentage, distance_fraction: 0.04}", 1
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Return the journal of a session with two trades and two refusals."""
    return recording(tmp_path_factory.mktemp("what_if"))


def changes(found: WhatIf) -> list[str]:
    """Return what changed, in order."""
    return [one.change.value for one in found.changed]


def test_the_rules_that_held_change_nothing(store: Store) -> None:
    found = what_if(store, rules_of())

    assert found.decisions == 4
    assert found.changed == ()
    assert found.counts == {Change.UNCHANGED.value: 4}


def test_a_symbol_that_is_not_allowed_is_refused_now(store: Store) -> None:
    found = what_if(store, rules_of(ONLY_ETH))

    assert changes(found) == ["refused now", "refused now"]
    assert found.refusals == {"SYMBOL_NOT_ALLOWED": 2}
    # What was refused still is, for one more reason.
    assert found.counts[Change.REASONS.value] == 2
    first = found.changed[0]
    assert first.recorded.outcome is Outcome.SENT
    assert first.other_text == "refused: SYMBOL_NOT_ALLOWED"
    assert first.symbol == "BTC_USDT"
    assert first.recorded_text == "10.00000000 BTC, stop 1.50 away, target 3.00 away"


def test_half_the_money_is_half_the_quantity(store: Store) -> None:
    found = what_if(store, rules_of(FREE.replace("1000", "500")))

    assert changes(found) == ["sized differently", "sized differently"]
    assert [one.other.quantity * 2 for one in found.changed] == [
        one.recorded.quantity for one in found.changed
    ]


def test_another_stop_is_a_difference_though_the_quantity_is_the_same(store: Store) -> None:
    found = what_if(store, rules_of(FAR_STOP))

    sized = [one for one in found.changed if one.change is Change.SIZED]
    assert [(one.recorded.quantity == one.other.quantity) for one in sized] == [True, True]
    assert all(one.other.stop == 400 for one in sized)


def test_what_was_refused_for_want_of_a_stop_is_allowed_with_one(store: Store) -> None:
    """After three bars the range is not known, but a share of the price is."""
    found = what_if(store, rules_of(FAR_STOP))

    assert found.changed[0].change is Change.ALLOWED
    assert found.changed[0].recorded.reasons[0] == "STOP_MISSING"
    assert found.changed[0].other.quantity > 0


def test_the_recording_is_left_as_it_was(store: Store) -> None:
    before = [row.hash for row in store.read()]

    first = what_if(store, rules_of(ONLY_ETH))

    assert [row.hash for row in store.read()] == before
    assert what_if(store, rules_of(ONLY_ETH)) == first


def test_it_tells_how_far_it_is(store: Store) -> None:
    told: list[int] = []

    found = what_if(store, rules_of(), told.append)

    assert told == sorted(told)
    assert 0 < told[-1] <= found.events


def test_a_start_that_does_not_say_what_was_traded_cannot_be_asked(tmp_path: Path) -> None:
    session = session_of(tmp_path, inputs_of(tmp_path))
    session.setup.said.pop("traded")
    session.run()

    with pytest.raises(JournalError, match="must say at its start what was traded"):
        what_if(session.store, rules_of())


def test_it_is_printed_with_its_totals_and_what_it_cannot_say(store: Store) -> None:
    found = what_if(store, rules_of(ONLY_ETH))
    lines = list(found.lines(most=1))

    assert lines[0].endswith("4 decisions under the other rules.")
    assert "  SYMBOL_NOT_ALLOWED          2" in lines
    assert "... and 1 more." in lines
    assert "judged by itself" in lines[-1]
    assert found.as_json()["refusals"] == {"SYMBOL_NOT_ALLOWED": 2}


SENT = Judged(outcome=Outcome.SENT, quantity=5, stop=2)
REFUSED = Judged(outcome=Outcome.REFUSED, reasons=("CASH_SHORT",))
CLOSED = Judged(outcome=Outcome.CLOSED)


@pytest.mark.parametrize(
    ("recorded", "other", "change"),
    [
        (SENT, SENT, Change.UNCHANGED),
        (SENT, REFUSED, Change.REFUSED),
        (CLOSED, REFUSED, Change.REFUSED),
        (REFUSED, SENT, Change.ALLOWED),
        (REFUSED, CLOSED, Change.OTHER),
        (SENT, CLOSED, Change.OTHER),
        (CLOSED, CLOSED, Change.UNCHANGED),
        (SENT, Judged(outcome=Outcome.SENT, quantity=5, stop=3), Change.SIZED),
        (REFUSED, Judged(outcome=Outcome.REFUSED, reasons=("BLACKOUT",)), Change.REASONS),
    ],
)
def test_a_change_has_one_name(recorded: Judged, other: Judged, change: Change) -> None:
    assert change_of(recorded, other) is change
