"""Signals that show a gap pause their strategy, and its exits still go."""

import json

import pytest

from interlock.journal.rows import RowKind
from tests.runtime.signalling import Desk


def latches(desk: Desk) -> dict[str, str]:
    """Return the latches that are set, and over what."""
    table = desk.pair.engine.decider.state["latches"][0]
    return {str(int(x["cause"])): str(int(x["scope_id"])) for x in table if x["cause"] == 28}


def test_a_gap_pauses_the_strategy_before_its_signal_is_judged() -> None:
    desk = Desk()
    found = desk.send(missed="alerts 4 to 6 never came")
    assert found["reason"] == "STRATEGY_LATCHED"
    assert latches(desk) == {"28": "1"}
    halts = [
        json.loads(x.payload)
        for x in desk.pair.entries
        if x.kind is RowKind.EVENT and x.payload and b"missed_alert" in x.payload
    ]
    assert [x["why"] for x in halts] == ["alerts 4 to 6 never came"]
    desk.send(missed="again")
    count = sum(b"missed_alert" in x.payload for x in desk.pair.entries)
    assert count == 1, "it is paused already"


def test_after_a_gap_exits_still_go() -> None:
    desk = Desk()
    desk.send()
    desk.fill()
    assert desk.send(side="CLOSE", missed="one is missing")["state"] == "SUBMITTED"


@pytest.mark.parametrize(
    ("claimed", "paused"), [("long", False), ("flat", True), ("short", True), (None, False)]
)
def test_a_position_that_the_sender_does_not_have_pauses_it(
    claimed: str | None, paused: bool
) -> None:
    desk = Desk()
    desk.send()
    desk.fill()
    desk.send(side="SELL", exit_only=True, previous_position=claimed)
    assert bool(latches(desk)) == paused


def test_an_order_on_its_way_may_count_as_filled_or_not() -> None:
    for claimed, paused in (("long", False), ("flat", False), ("short", True)):
        desk = Desk()
        desk.send()
        desk.send(side="CLOSE", previous_position=claimed)
        assert bool(latches(desk)) == paused, claimed
    desk = Desk()
    desk.send()
    desk.fill()
    desk.send(side="CLOSE")
    desk.cancelled()
    desk.send(previous_position="flat")
    assert not latches(desk), "the exit may have been filled"
