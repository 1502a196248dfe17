"""An alert is kept before it is answered, known again, and counted among those of its strategy."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from interlock.runtime.clock import NS_PER_S
from interlock.service.webhook import desk, inbox
from interlock.service.webhook.arrivals import Arrival
from interlock.service.webhook.recent import recent_webhooks, webhook_by_id
from interlock.signals.alert import Action, Alert
from tests.service.webhook.rig import SPY, START_NS, Rig, run

HOUR_NS = 3_600 * NS_PER_S


async def sent(rig: Rig, *contents: dict[str, Any]) -> list[dict[str, Any]]:
    """Send alerts one after the other; return the answers."""
    answers = [await rig.post(one) for one in contents]
    assert [one.status_code for one in answers] == [200] * len(contents)
    return [one.json() for one in answers]


def test_the_first_wins_and_its_resend_gets_the_same_answer(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        said = {**SPY, "id": "a-1"}
        first, again = await sent(rig, said, said)
        await rig.settle(1)
        (later,) = await sent(rig, {**said, "price": "451"})

        assert first == {**again, "duplicate": False}
        assert again["duplicate"]
        assert later == {**again, "state": "SUBMITTED"}
        assert len(rig.engine.seen) == 1

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        ({}, True),
        ({"id": "2"}, False),
        ({"strategy": "other"}, False),
        ({"time": "2026-11-21T14:29:59Z"}, True),
    ],
)
def test_an_id_names_an_alert_of_its_strategy(
    tmp_path: Path, other: dict[str, Any], *, is_same: bool
) -> None:
    async def scenario(rig: Rig) -> None:
        first, second = await sent(rig, {**SPY, "id": "1"}, {**SPY, "id": "1", **other})

        assert second["duplicate"] is is_same
        assert (first["id"] == second["id"]) is is_same

    run(tmp_path, scenario)


def test_an_id_of_another_order_is_no_resend(tmp_path: Path) -> None:
    """A way out that carries the id of the way in must not be lost without a word."""

    async def scenario(rig: Rig) -> None:
        await sent(rig, {**SPY, "id": "1"})
        answer = await rig.post({**SPY, "id": "1", "action": "SELL"})

        assert answer.status_code == 409
        assert answer.json()["error"]["code"] == "ID_REUSED"
        await rig.settle(1)
        assert len(rig.engine.seen) == 1

    run(tmp_path, scenario)


def test_alerts_that_differ_in_their_time_alone_are_two(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        times = ("2026-11-21T14:30:00Z", "2026-11-21T14:30:01Z", "2026-11-21T15:30:00+01:00")
        answers = await sent(rig, *({**SPY, "time": time} for time in times))

        assert [one["duplicate"] for one in answers] == [False, False, True]
        assert answers[2]["id"] == answers[0]["id"]
        rig.clock.advance(40 * HOUR_NS)
        (again,) = await sent(rig, {**SPY, "time": times[0]})
        assert again["duplicate"], "an alert is known again for longer than a day"

    run(tmp_path, scenario)


def test_equal_ones_without_a_name_are_one_for_half_a_minute(tmp_path: Path) -> None:
    """A chart sends again three times, five seconds apart, when it gets no answer."""

    async def scenario(rig: Rig) -> None:
        answers = await sent(rig, SPY)
        for _ in range(3):
            rig.clock.advance(8 * NS_PER_S)
            answers += await sent(rig, SPY)
        assert [one["duplicate"] for one in answers] == [False, True, True, True]
        assert len({one["id"] for one in answers}) == 1

        rig.clock.advance(7 * NS_PER_S)
        (next_one,) = await sent(rig, SPY)
        assert not next_one["duplicate"]
        assert next_one["id"] != answers[0]["id"]

    run(tmp_path, scenario)


def test_nearly_equal_ones_are_two(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        near: list[dict[str, Any]] = [
            SPY,
            {**SPY, "price": "450.01"},
            {**SPY, "action": "SELL"},
            {**SPY, "stop": 440},
        ]
        same: list[dict[str, Any]] = [
            {**SPY, "price": "450.00"},
            {**SPY, "symbol": "AMEX:SPY"},
            {**SPY, "action": "buy"},
        ]
        answers = await sent(rig, *near, *same)

        assert [one["duplicate"] for one in answers] == [False] * 4 + [True] * 3
        await rig.settle(4)

    run(tmp_path, scenario)


def test_twenty_at_once_are_one(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        said = {**SPY, "id": "only"}
        answers = await asyncio.gather(*(rig.post(said) for _ in range(20)))
        bodies = [one.json() for one in answers]

        assert sorted(one["duplicate"] for one in bodies) == [False] + [True] * 19
        assert len({one["id"] for one in bodies}) == 1
        bodies = [one.json() for one in await asyncio.gather(*(rig.post() for _ in range(20)))]
        assert sorted(one["duplicate"] for one in bodies) == [False] + [True] * 19
        await rig.settle(2)
        assert len(rig.engine.seen) == 2

    run(tmp_path, scenario)


def test_all_of_it_is_known_after_a_restart(tmp_path: Path) -> None:
    contents = ({**SPY, "id": "1"}, {**SPY, "time": "2026-11-21T14:30:00Z"}, SPY)
    before: list[dict[str, Any]] = []

    async def first(rig: Rig) -> None:
        before.extend(await sent(rig, *contents))
        await rig.settle(3)

    async def second(rig: Rig) -> None:
        after = await sent(rig, *contents)
        assert [one["id"] for one in after] == [one["id"] for one in before]
        assert all(one["duplicate"] for one in after)
        await rig.settle(0)
        assert rig.engine.seen == []

    run(tmp_path, first)
    run(tmp_path, second)


def test_old_ones_are_forgotten_and_waiting_ones_are_not(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await sent(rig, {**SPY, "id": "old"})
        await rig.settle(1)
        rig.engine.is_down = True
        await sent(rig, {**SPY, "id": "waits"})
        rig.clock.advance(49 * HOUR_NS)
        await sent(rig, {**SPY, "id": "new"})

        kept = recent_webhooks(rig.database)
        assert [one["named"] for one in kept] == ["new", "waits"]
        assert [one["state"] for one in kept] == ["RECEIVED", "RECEIVED"]
        rig.engine.is_down = False
        await rig.settle(3)

    run(tmp_path, scenario)


def test_an_alert_is_known_for_as_long_as_it_may_be_sent(tmp_path: Path) -> None:
    """Also one whose sender's clock was ahead: it is too old before it is forgotten."""

    async def scenario(rig: Rig) -> None:
        said = {**SPY, "time": START_NS // NS_PER_S + 300}
        await sent(rig, said)
        await rig.settle(1)
        rig.clock.advance(48 * HOUR_NS + 300 * NS_PER_S)
        (again,) = await sent(rig, said)
        assert again["duplicate"]
        rig.clock.advance(1)
        assert (await rig.post(said)).json()["error"]["code"] == "TOO_OLD"

    run(tmp_path, scenario)


def test_people_see_what_became_of_an_alert(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        (answer,) = await sent(rig, {**SPY, "id": "1", "strategy": "mine"})
        await rig.settle(1)
        found = webhook_by_id(rig.database, answer["id"])

        assert found is not None
        assert found["state"] == "SUBMITTED"
        assert found["verdict"] == {"id": answer["id"], "state": "SUBMITTED"}
        assert (found["symbol"], found["strategy"], found["side"]) == ("SPY", "mine", "BUY")
        assert found["answered_ns"] == START_NS
        assert webhook_by_id(rig.database, "none") is None

    run(tmp_path, scenario)


# --- sequences --------------------------------------------------------------------------------


def test_a_gap_in_a_sequence_is_told_with_the_next_alert(tmp_path: Path) -> None:
    """Each strategy counts for itself, and goes on counting where it was before a restart."""

    def alert(sequence: int, strategy: str | None = None) -> dict[str, Any]:
        said = {**SPY, "id": f"{strategy}-{sequence}", "sequence": sequence}
        return said if strategy is None else {**said, "strategy": strategy}

    async def first(rig: Rig) -> None:
        await sent(rig, alert(7), alert(8), alert(0, "other"), alert(8), alert(10))
        await rig.settle(4)
        assert [one["missed"] for one in rig.engine.seen] == [
            None,
            None,
            None,
            "alerts of strategy webhook must come in sequence: 9 never came.",
        ]

    async def second(rig: Rig) -> None:
        await sent(rig, alert(14), alert(15), alert(1, "other"), alert(3), alert(4))
        await rig.settle(5)
        assert [one["missed"] for one in rig.engine.seen] == [
            "alerts of strategy webhook must come in sequence: 11 to 13 never came.",
            None,
            None,
            (
                "alerts of strategy webhook must come in sequence: after 15 came 3, which is late "
                "or another counting."
            ),
            None,
        ]

    run(tmp_path, first)
    run(tmp_path, second)


def test_the_position_that_an_alert_believes_in_is_handed_over(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await sent(rig, {**SPY, "prev_market_position": "flat"})
        await rig.settle(1)
        assert rig.engine.seen[0]["previous_position"] == "flat"

    run(tmp_path, scenario)


# --- a disk that fails ------------------------------------------------------------------------


def test_what_is_not_durable_is_not_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(rig: Rig) -> None:
        begin = rig.database.begin

        @contextmanager
        def failing() -> Iterator[Connection]:
            with begin() as connection:
                yield connection
                raise OperationalError("COMMIT", {}, OSError("disk full"))

        monkeypatch.setattr(rig.database, "begin", failing)
        answer = await rig.post({**SPY, "id": "1", "sequence": 1})
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "NOT_KEPT"
        assert answer.headers["Retry-After"] == "5"

        monkeypatch.setattr(rig.database, "begin", begin)
        (again,) = await sent(rig, {**SPY, "id": "1", "sequence": 1})
        assert not again["duplicate"]
        await rig.settle(1)
        assert len(rig.engine.seen) == 1

    run(tmp_path, scenario)


def test_a_sender_that_gave_up_waiting_is_answered_from_what_was_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk stalls, the chart sends again: one order, and the answer of the first."""

    async def scenario(rig: Rig) -> None:
        monkeypatch.setattr(desk, "KEEP_S", 0.05)
        with rig.database.begin():  # nobody else writes meanwhile
            stalled = await rig.post({**SPY, "id": "1"})
        assert stalled.status_code == 503
        assert "it is kept once" in stalled.json()["error"]["message"]

        monkeypatch.undo()
        (again,) = await sent(rig, {**SPY, "id": "1"})
        assert again["duplicate"]
        await rig.settle(1)
        assert len(rig.engine.seen) == 1

    run(tmp_path, scenario)


def test_too_much_that_waits_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(rig: Rig) -> None:
        monkeypatch.setattr(inbox, "BACKLOG_MAX", 3)
        rig.engine.is_down = True
        await sent(rig, *({**SPY, "id": number} for number in range(3)))
        answer = await rig.post({**SPY, "id": "more"})
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "BACKLOG"

        rig.engine.is_down = False
        await rig.settle(3)
        await sent(rig, {**SPY, "id": "more"})

    run(tmp_path, scenario)


# --- names ------------------------------------------------------------------------------------


def arrival(**alert: Any) -> Arrival:
    """Return an alert that came."""
    said = Alert(action=Action.BUY, symbol="SPY", **alert)
    return Arrival(alert=said, received_ns=START_NS, who="webhook:a", correlation="c")


def test_what_an_alert_is_called_never_changes() -> None:
    """Names are in people's databases and journals: another way to make them is another order."""
    assert arrival(id="1").name(7) == "b1b8f78535914dd2be4480e70877869f"
    assert arrival(time_ns=START_NS).name(7) == "255e5d4430873f38b20a2b6748310bd8"
    assert arrival().name(7) == "0930a4f2ebb78549a8d1803aff5836d9"
    assert arrival().name(7) != arrival().name(8)
    assert arrival(id="1").name(7) == arrival(id="1").name(8)
    assert len(json.dumps(arrival(id="x" * 128, strategy="y" * 64).signal(1, None))) < 1_000
