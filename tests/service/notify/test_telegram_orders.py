"""The bot does what people it knows may have done, once, and hears nobody else."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from interlock.runtime.clock import NS_PER_S, SystemClock
from interlock.service.engine_client import EngineDown
from interlock.service.notify.alert import Alert
from interlock.service.notify.happenings import alerts_of
from tests.emulators.telegram import FakeTelegram, Sent, fake_telegram
from tests.service.notify.rig import ALICE, BOB, STRANGER, Rig, alert, code, rig

HASH = "ab" * 32


def now_s() -> int:
    """Return the time."""
    return SystemClock().now_ns() // NS_PER_S


@pytest.fixture
def telegram() -> Iterator[FakeTelegram]:
    """Yield a Bot API."""
    with fake_telegram() as fake:
        yield fake


@contextmanager
def bot(fake: FakeTelegram, **more: Any) -> Iterator[tuple[Rig, Any]]:
    """Yield a rig whose bot listens."""
    with rig() as made, made.running(fake=fake, **more) as notices:
        yield made, notices


def settled(fake: FakeTelegram, update: int) -> None:
    """Wait until an update was taken: the bot asks for those after it."""
    fake.wait(
        lambda it: any(
            method == "getUpdates" and int(asked.get("offset", 0)) > update
            for method, asked in it.calls
        )
    )


def proposal(expires_in_s: float = 120) -> Alert:
    """Return what is told of an entry that waits for a person."""
    now_ns = SystemClock().now_ns()
    says = {
        "id": "a-x1",
        "hash": HASH,
        "symbol": "BTC_USDT",
        "side": "BUY",
        "quantity": "0.5",
        "price_low": "99.50",
        "price_high": "100.50",
        "stop": "97.00",
        "worst_loss": "1.75 USD",
        "why": "The average crossed.",
        "strategy": "webhook",
        "asked_ns": now_ns,
        "expires_ns": now_ns + int(expires_in_s * 10**9),
        "answer": {"state": "WAITS_FOR_APPROVAL"},
    }
    return next(alerts_of([{"type": "note", "what": "proposal", "seq": 1, "says": says}]))


def asked(fake: FakeTelegram) -> Sent:
    """Wait for the question about an entry."""
    return fake.having("approve? BUY 0.5 BTC_USDT")


def test_looking(telegram: FakeTelegram) -> None:
    with bot(telegram):
        telegram.write("/status", user=ALICE)
        assert "equity 100,000.00" in telegram.having("paper (paper)").text
        telegram.write("/positions", user=ALICE)
        assert "NO STOP" in telegram.having("0.5 BTC_USDT").text
        telegram.write("/pnl", user=ALICE)
        telegram.having("realised: 10.00 USD")
        telegram.write("/help", user=ALICE)
        telegram.having("/kill MODE CODE REASON")
        telegram.write("hello?", user=ALICE)
        telegram.wait(lambda it: len(it.sent) == 5)


def test_whoever_may_not_look_is_told_so(telegram: FakeTelegram) -> None:
    with bot(telegram) as (made, _):
        telegram.write("/positions", user=BOB)
        telegram.having("needs the permission see_dashboard")
        telegram.write(f"/kill immediate {code()} because", user=BOB)
        telegram.having("needs the permission kill")
        assert made.denied() == ["NOT_PERMITTED"]  # alike: one row
        assert made.kill.kills == []


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"user": STRANGER}, "OTHER_CHAT"),
        ({"user": STRANGER, "chat": ALICE}, "OTHER_USER"),
        ({"user": ALICE, "chat": STRANGER}, "OTHER_CHAT"),
        ({"user": ALICE, "chat": ALICE, "kind": "group"}, "NOT_PRIVATE"),
        ({"user": ALICE, "chat": -100_123, "kind": "supergroup"}, "NOT_PRIVATE"),
        ({"user": ALICE, "chat": ALICE, "kind": "channel"}, "NOT_PRIVATE"),
        (
            {
                "user": ALICE,
                "forward_origin": {"type": "hidden_user", "date": 1, "sender_user_name": "x"},
            },
            "NOT_PRIVATE",
        ),
        ({"user": ALICE, "from": {"id": ALICE, "is_bot": True, "first_name": "b"}}, "NOT_PRIVATE"),
        ({"user": ALICE, "via_bot": {"id": 9, "is_bot": True, "first_name": "b"}}, "NOT_PRIVATE"),
    ],
)
def test_nobody_else_gets_an_answer(
    telegram: FakeTelegram, more: dict[str, Any], reason: str
) -> None:
    with bot(telegram) as (made, _):
        update = telegram.write(f"/kill immediate {code()} because", **more)
        settled(telegram, update)
        assert made.denied() == [reason]
        assert telegram.sent == []
        assert made.kill.kills == []


def test_updates_of_other_kinds_are_not_answered(telegram: FakeTelegram) -> None:
    with bot(telegram) as (made, _):
        edited = {
            "message_id": 1,
            "date": now_s(),
            "chat": {"id": ALICE, "type": "private"},
            "from": {"id": ALICE, "is_bot": False, "first_name": "a"},
            "text": "/pause",
        }
        settled(telegram, telegram.push(edited_message=edited))
        settled(
            telegram, telegram.push(channel_post={**edited, "chat": {"id": 1, "type": "channel"}})
        )
        settled(telegram, telegram.push(something_new={"x": 1}))
        assert made.kill.kills == []
        assert telegram.sent == []


@pytest.mark.parametrize("how", ["disabled", "unknown", "invited"])
def test_whoever_may_not_sign_in_may_do_nothing(telegram: FakeTelegram, how: str) -> None:
    with bot(telegram) as (made, _):
        values: dict[str, dict[str, Any]] = {
            "disabled": {"disabled": 1},
            "unknown": {"name": "mallory"},
            "invited": {"password_hash": None, "totp_secret": None},
        }
        made.change("alice", values[how])
        settled(telegram, telegram.write(f"/kill immediate {code()} because", user=ALICE))
        assert made.denied() == ["NOT_A_PERSON"]
        assert (made.kill.kills, telegram.sent) == ([], [])


def test_a_kill_takes_a_code_and_each_code_once(telegram: FakeTelegram) -> None:
    with bot(telegram) as (made, _):
        good = code()
        telegram.write("/kill immediate 000000 because", user=ALICE)
        telegram.having("this code is not right")
        telegram.write(f"/kill immediate {good} the news", user=ALICE)
        telegram.having("KILLED (immediate)")
        telegram.write(f"/kill graceful {good} again", user=ALICE)
        telegram.wait(lambda it: sum("not right" in text for text in it.texts()) == 2)
        assert made.kill.kills == [
            {"mode": "immediate", "reason": "the news", "who": "telegram:alice"}
        ]
        assert made.done("kill") == [("telegram:alice", "kill immediate", True)]
        assert made.denied() == ["CODE_REFUSED"]  # the same twice is one row


@pytest.mark.parametrize(
    "text",
    [
        "/kill",
        "/kill immediate",
        "/kill immediate 123456",
        "/kill now 123456 x",
        "/kill 123456 x y",
    ],
)
def test_a_kill_that_is_not_one_does_nothing(telegram: FakeTelegram, text: str) -> None:
    with bot(telegram) as (made, _):
        telegram.write(text, user=ALICE)
        telegram.having("It is /kill MODE CODE REASON")
        assert not made.kill.kills


def test_wrong_codes_end_the_guessing(telegram: FakeTelegram) -> None:
    with bot(telegram) as (made, _):
        for number in range(5):
            telegram.write(f"/kill immediate {number:06d} because", user=ALICE)
        telegram.write(f"/kill immediate {code()} because", user=ALICE)
        telegram.having("too many codes were wrong")
        assert made.kill.kills == []
        telegram.write("/pause it looks wrong", user=ALICE)
        telegram.having("KILLED (pause)")
        assert made.kill.kills[0]["reason"] == "it looks wrong"


def test_a_kill_that_is_not_confirmed_is_not_said_to_be_done(telegram: FakeTelegram) -> None:
    with bot(telegram) as (made, _):
        made.kill.result = "KILL_UNCONFIRMED"
        telegram.write(f"/kill immediate {code()} because", user=ALICE)
        assert "Next: /status" in telegram.having("KILL_UNCONFIRMED").text


def test_what_lay_at_telegram_for_long_is_not_done(telegram: FakeTelegram) -> None:
    with bot(telegram) as (made, _):
        telegram.write("/pause", user=ALICE, date=now_s() - 3_600)
        telegram.having("s late. Nothing was done.")
        assert made.kill.kills == []


def test_an_update_has_one_effect_also_after_a_restart(telegram: FakeTelegram) -> None:
    telegram.repeats = True  # as if Telegram had forgotten what it was told
    with rig() as made:
        with made.running(fake=telegram):
            telegram.write("/pause", user=ALICE)
            telegram.having("KILLED (pause)")
        with made.running(fake=telegram):
            telegram.write("/status", user=ALICE)
            telegram.having("equity")
        telegram.write("/pause", user=ALICE, update_id=1_001)  # forged: another with its number
        with made.running(fake=telegram):
            before = len(telegram.calls)
            telegram.wait(
                lambda it: sum(name == "getUpdates" for name, _ in it.calls[before:]) >= 2
            )
        assert len(made.kill.kills) == 1
        assert set(made.denied()) == {"REPEATED"}


def test_an_approval(telegram: FakeTelegram) -> None:
    with bot(telegram) as (made, notices):
        made.engine.answers["approve"] = {"state": "SUBMITTED", "orders": ["o-1"], "message": "ok"}
        notices.tell(proposal())
        question = asked(telegram)
        for words in ("99.50 to 100.50", "97.00", "1.75 USD", "The average crossed."):
            assert words in question.text
        telegram.tap(question.buttons["Approve"], user=ALICE, message=question.message)
        done = telegram.having("a-x1 approved by telegram:alice")
        assert done.is_edit
        assert "SUBMITTED" in done.text
        assert not done.buttons
        assert made.engine.asked == [
            {
                "ask": "approve",
                "id": "a-x1",
                "hash": HASH,
                "approve": True,
                "who": "telegram:alice",
                "reason": "by Telegram",
            }
        ]
        assert made.done("approval") == [("telegram:alice", "approve a-x1", True)]


def test_two_taps_have_one_effect(telegram: FakeTelegram) -> None:
    with bot(telegram) as (made, notices):
        notices.tell(proposal())
        question = asked(telegram)
        taps = [question.buttons["Approve"], question.buttons["Deny"]] * 10
        for data in taps:
            last = telegram.tap(data, user=ALICE, message=question.message)
        settled(telegram, last)
        assert [one["approve"] for one in made.engine.asked] == [True]
        assert made.denied() == ["BUTTON_GONE"]


def test_the_buttons_of_another_chat_go_with_it(telegram: FakeTelegram) -> None:
    with bot(telegram, chats=(str(ALICE), str(BOB))) as (made, notices):
        notices.tell(proposal())
        asked(telegram)
        telegram.wait(lambda it: sum("approve?" in text for text in it.texts()) == 2)
        first, second = [one for one in telegram.sent if "approve?" in one.text]
        assert first.buttons["Approve"] != second.buttons["Approve"]
        telegram.tap(first.buttons["Deny"], user=ALICE)
        telegram.having("a-x1 denied")
        telegram.tap(second.buttons["Approve"], user=ALICE)
        telegram.wait(lambda it: any("answered already" in text for _, text in it.answers))
        assert [one["approve"] for one in made.engine.asked] == [False]


def test_an_expired_button_does_nothing(telegram: FakeTelegram) -> None:
    with bot(telegram) as (made, notices):
        notices.tell(proposal(expires_in_s=-1))
        question = asked(telegram)
        telegram.tap(question.buttons["Approve"], user=ALICE)
        telegram.wait(lambda it: any("has expired" in text for _, text in it.answers))
        assert made.engine.asked == []


@pytest.mark.parametrize("data", ["approve:a-x1:yes", "", "x" * 60, "\u0430" * 20, "' OR 1=1"])
def test_a_forged_button_does_nothing(telegram: FakeTelegram, data: str) -> None:
    with bot(telegram) as (made, notices):
        notices.tell(proposal())
        asked(telegram)
        settled(telegram, telegram.tap(data, user=ALICE))
        assert made.engine.asked == []


def test_a_tap_of_somebody_else_does_nothing(telegram: FakeTelegram) -> None:
    with bot(telegram) as (made, notices):
        notices.tell(proposal())
        data = asked(telegram).buttons["Approve"]
        telegram.tap(data, user=STRANGER, chat=ALICE)
        telegram.tap(data, user=ALICE, chat=STRANGER)
        telegram.tap(data, user=ALICE, chat=ALICE, kind="group")
        settled(telegram, telegram.tap(data, user=BOB))
        assert made.engine.asked == []
        assert made.denied() == ["OTHER_USER", "OTHER_CHAT", "NOT_PRIVATE", "NOT_PERMITTED"]
        telegram.tap(data, user=ALICE)
        telegram.having("a-x1 approved")


def test_an_engine_that_is_not_there_leaves_the_button(telegram: FakeTelegram) -> None:
    with bot(telegram) as (made, notices):
        notices.tell(proposal())
        question = asked(telegram)
        made.engine.down = EngineDown("no engine answers here.")
        telegram.tap(question.buttons["Approve"], user=ALICE)
        telegram.having("nothing was done. no engine answers here.")
        made.engine.down = None
        telegram.tap(question.buttons["Approve"], user=ALICE)
        telegram.having("a-x1 approved")


def test_what_is_not_known_is_not_said_to_be_done(telegram: FakeTelegram) -> None:
    with bot(telegram) as (made, notices):
        notices.tell(proposal())
        question = asked(telegram)
        made.engine.down = EngineDown("no answer within 10 s.", may_have_arrived=True)
        telegram.tap(question.buttons["Approve"], user=ALICE)
        telegram.having("NOT KNOWN")
        made.engine.down = None
        telegram.tap(question.buttons["Approve"], user=ALICE)
        telegram.wait(lambda it: any("answered already" in text for _, text in it.answers))
        assert len(made.engine.asked) == 1


def test_what_the_engine_refuses_is_said(telegram: FakeTelegram) -> None:
    with bot(telegram) as (made, notices):
        notices.tell(proposal())
        made.engine.refuses = "a-x1 does not wait any more. Nothing was sent."
        telegram.tap(asked(telegram).buttons["Approve"], user=ALICE)
        telegram.having("does not wait any more")
        assert made.done("approval") == [("telegram:alice", "approve a-x1", False)]


def test_an_approval_that_was_answered_elsewhere_loses_its_buttons(telegram: FakeTelegram) -> None:
    with bot(telegram) as (_, notices):
        notices.tell(proposal())
        question = asked(telegram)
        says = {"id": "a-x1", "why": "nobody answered in time"}
        note = {"type": "note", "what": "approval_expired", "seq": 2, "says": says}
        for found in alerts_of([note]):
            notices.tell(found)

        def edits() -> list[Sent]:
            return [one for one in telegram.sent if one.is_edit and one.chat == question.chat]

        telegram.wait(lambda _: bool(edits()))
        (edit,) = edits()
        assert (edit.message, edit.buttons, "expired" in edit.text) == (question.message, {}, True)


def test_acknowledging_by_button_and_by_word(telegram: FakeTelegram) -> None:
    with bot(telegram) as (made, notices):
        notices.tell(alert(1))
        button = telegram.having("title 1").buttons["Acknowledge"]
        telegram.tap(button, user=BOB)
        telegram.wait(lambda it: any(text == "you may not" for _, text in it.answers))
        telegram.tap(button, user=ALICE)
        telegram.having("alert 1: telegram:alice looks after it.")
        notices.tell(alert(2))
        telegram.having("title 2")
        telegram.write("/ack 2", user=ALICE)
        telegram.having("alert 2: telegram:alice")
        for wrong in ("/ack", "/ack x", "/ack -1", "/ack \u0662", "/ack 99", f"/ack {'9' * 40}"):
            telegram.write(wrong, user=ALICE)
        telegram.having("There is no alert 99.")
        assert made.done("acknowledge") == [
            ("telegram:alice", "acknowledge alert 1", True),
            ("telegram:alice", "acknowledge alert 2", True),
        ]


def test_a_bot_that_only_speaks(telegram: FakeTelegram) -> None:
    with bot(telegram, commands=False) as (_, notices):
        notices.tell(proposal())
        assert asked(telegram).buttons == {}
        assert not any(name == "getUpdates" for name, _ in telegram.calls)
        assert not notices.telegram()["kill_switch_enabled"]
