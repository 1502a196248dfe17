"""Who may send an alert, in which form, and what everybody else is told."""

import json
from pathlib import Path
from typing import Any

import pytest

from interlock.runtime.clock import NS_PER_S
from tests.service.webhook.rig import SECRET, SPY, START_NS, Rig, code, run, signed

PING = {"test": "true"}


def test_the_first_curl_of_a_person_works(tmp_path: Path) -> None:
    """Without a secret, from this machine, under curl's own type of content."""

    async def scenario(rig: Rig) -> None:
        answer = await rig.client.post(
            "/webhook",
            content=json.dumps(SPY),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )

        assert answer.status_code == 200
        assert answer.json() == {
            "accepted": True,
            "id": answer.json()["id"],
            "state": "RECEIVED",
            "duplicate": False,
        }
        await rig.settle(1)
        assert rig.engine.seen == [
            {
                "id": answer.json()["id"],
                "received_ns": START_NS,
                "strategy": None,
                "symbol": "SPY",
                "side": "BUY",
                "exit_only": False,
                "quantity": None,
                "price": "450",
                "edge_bps": None,
                "stop": None,
                "target": None,
                "previous_position": None,
                "missed": None,
                "who": "webhook:127.0.0.1",
                "correlation": rig.engine.seen[0]["correlation"],
            }
        ]
        assert rig.audit.denials == []

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Origin": "https://evil.example"}, "401 SECRET_NEEDED"),
        ({"X-Forwarded-For": "127.0.0.1"}, "401 SECRET_NEEDED"),
        ({"Forwarded": "for=127.0.0.1"}, "401 SECRET_NEEDED"),
        ({"Via": "1.1 proxy"}, "401 SECRET_NEEDED"),
        ({"Sec-Fetch-Site": "cross-site"}, "401 SECRET_NEEDED"),
        ({"Host": "a.example"}, "401 SECRET_NEEDED"),
        ({"Host": "evil.example"}, "421 HOST_REFUSED"),
        (
            {"Origin": "https://a.b", "Content-Type": "application/x-www-form-urlencoded"},
            "415 WRONG_TYPE",
        ),
    ],
)
def test_a_page_or_a_proxy_is_not_the_user_of_this_machine(
    tmp_path: Path, headers: dict[str, str], expected: str
) -> None:
    async def scenario(rig: Rig) -> None:
        assert code(await rig.post(headers=headers)) == expected
        assert rig.webhook.inbox.backlog == 0

    run(tmp_path, scenario)


def test_a_forged_source_changes_nothing(tmp_path: Path) -> None:
    """Only the named proxy is believed, and of it only what it saw itself."""

    async def scenario(rig: Rig) -> None:
        for forged in ("127.0.0.1", "52.89.214.238"):
            for header in ("X-Forwarded-For", "X-Real-IP", "CF-Connecting-IP", "Forwarded"):
                answer = await rig.post_far({**SPY, "secret": SECRET}, headers={header: forged})
                assert code(answer) == "403 SOURCE_REFUSED"
        assert {one["ip"] for one in rig.audit.denials} == {"203.0.113.9"}

    run(tmp_path, scenario, sources=["tradingview"])


def test_a_source_is_believed_behind_the_named_proxy(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        said = {**SPY, "secret": SECRET}
        good = {"X-Forwarded-For": "6.6.6.6, 52.89.214.238"}
        bad = {"X-Forwarded-For": "52.89.214.238, 6.6.6.6"}

        assert (await rig.post_far(said, headers=good)).status_code == 200
        assert code(await rig.post_far(said, headers=bad)) == "403 SOURCE_REFUSED"
        assert code(await rig.post_far(said)) == "403 SOURCE_REFUSED"
        await rig.settle(1)
        assert rig.engine.seen[0]["who"] == "webhook:52.89.214.238"

    run(tmp_path, scenario, sources=["tradingview"], proxy="203.0.113.9")


def test_the_secret_may_be_in_three_places(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        raw = json.dumps({**SPY, "id": "3"}).encode()
        text = {"Content-Type": "text/plain; charset=utf-8"}
        answers = [
            await rig.post_far({**SPY, "id": "1"}, f"/webhook/{SECRET}"),
            await rig.post_far({**SPY, "id": "2", "secret": SECRET}),
            await rig.far.post("/webhook", content=raw, headers=signed(raw)),
            await rig.far.post("/webhook", content=f"BUY SPY id=4 secret={SECRET}", headers=text),
            await rig.far.post(
                f"/webhook/{SECRET}", content=json.dumps({**SPY, "id": "5"}), headers=text
            ),
        ]

        assert [one.status_code for one in answers] == [200] * 5
        await rig.settle(5)
        assert SECRET not in json.dumps(rig.engine.seen)
        assert SECRET not in json.dumps([one.json() for one in answers])

    run(tmp_path, scenario)


def test_the_secret_is_nowhere_on_the_disk(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.post_far({**SPY, "secret": SECRET})
        await rig.post_far({**SPY, "secret": "a-wrong-secret-that-somebody-tried"})
        await rig.post_far(SPY, "/webhook/a-wrong-token-that-somebody-tried")
        await rig.settle(1)

    run(tmp_path, scenario)

    for path in tmp_path.glob("gateway.db*"):
        raw = path.read_bytes()
        assert SECRET.encode() not in raw
        assert b"that-somebody-tried" not in raw


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        ("/webhook", SPY, "401 SECRET_NEEDED"),
        ("/webhook", {**SPY, "secret": ""}, "401 SECRET_WRONG"),
        ("/webhook", {**SPY, "secret": SECRET[:-1]}, "401 SECRET_WRONG"),
        ("/webhook", {**SPY, "secret": SECRET + "x"}, "401 SECRET_WRONG"),
        ("/webhook", {**SPY, "secret": "пароль"}, "401 SECRET_WRONG"),
        ("/webhook", {**SPY, "secret": [SECRET]}, "401 SECRET_NEEDED"),
        ("/webhook", {**SPY, "strategy": {"secret": SECRET}}, "401 SECRET_NEEDED"),
        ("/webhook/wrong", SPY, "401 SECRET_WRONG"),
        ("/webhook/%D0%BF%FF%00", SPY, "401 SECRET_WRONG"),
        (f"/webhook/{SECRET}x", {**SPY, "secret": SECRET}, "401 SECRET_WRONG"),
        (f"/webhook/{SECRET}", {**SPY, "secret": "wrong"}, "401 SECRET_WRONG"),
        (f"/webhook/{SECRET}/more", SPY, "404 NOT_FOUND"),
        (f"/webhook?token={SECRET}", SPY, "401 SECRET_NEEDED"),
    ],
)
def test_who_does_not_know_the_secret_gets_no_further(
    tmp_path: Path, path: str, content: dict[str, Any], expected: str
) -> None:
    async def scenario(rig: Rig) -> None:
        assert code(await rig.post_far(content, path)) == expected
        # Nothing of the body is read: what is wrong with it is not said either.
        broken = json.dumps({**content, "leverage": 10}).encode()
        headers = {"Content-Type": "application/json"}
        assert code(await rig.far.post(path, content=broken, headers=headers)) == expected
        assert rig.webhook.inbox.backlog == 0

    run(tmp_path, scenario)


def test_a_wrong_secret_is_wrong_from_this_machine_too(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert code(await rig.post({**SPY, "secret": "wrong"})) == "401 SECRET_WRONG"
        assert code(await rig.post(path="/webhook/wrong")) == "401 SECRET_WRONG"

    run(tmp_path, scenario)


def test_without_a_secret_on_this_machine_only_its_user_may_send(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        rig.secret_file.unlink()
        rig.clock.advance(2 * NS_PER_S)

        assert code(await rig.post_far({**SPY, "secret": ""})) == "401 SECRET_WRONG"
        assert code(await rig.post_far({**SPY, "secret": SECRET})) == "401 SECRET_WRONG"
        assert (await rig.post()).status_code == 200

    run(tmp_path, scenario)


# --- tests, kinds, amounts ----------------------------------------------------------------------


def test_a_ping_needs_no_secret_and_creates_nothing(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for answer in (await rig.post_far(PING), await rig.post(PING)):
            assert answer.status_code == 200
            assert answer.json()["accepted"] is True
            assert answer.json()["test"] is True
        longer = {**PING, "symbol": "SPY", "action": "buy"}
        assert code(await rig.post_far(longer)) == "401 SECRET_NEEDED"
        assert (await rig.post_far({**longer, "secret": SECRET})).json()["test"] is True
        assert rig.webhook.inbox.backlog == 0
        assert rig.engine.batches == []

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("kind", "is_taken"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ("APPLICATION/JSON", True),
        ("text/plain", True),
        ("text/plain; charset=US-ASCII", True),
        ("application/x-www-form-urlencoded", False),
        ("multipart/form-data; boundary=x", False),
        ("text/html", False),
        ("application/json; charset=utf-16", False),
        ("application/json, text/plain", False),
        ("", False),
    ],
)
def test_kinds_of_content(tmp_path: Path, kind: str, *, is_taken: bool) -> None:
    async def scenario(rig: Rig) -> None:
        answer = await rig.post_far({**SPY, "secret": SECRET}, headers={"Content-Type": kind})

        assert answer.status_code == 200 if is_taken else code(answer) == "415 WRONG_TYPE"

    run(tmp_path, scenario)


def test_a_packed_body_is_not_unpacked(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        answer = await rig.post_far({**SPY, "secret": SECRET}, headers={"Content-Encoding": "gzip"})
        assert code(answer) == "415 WRONG_TYPE"

    run(tmp_path, scenario)


def test_a_body_has_an_end(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        fits = {**SPY, "comment": "x" * 1_000, "secret": SECRET}
        assert (await rig.post_far(fits)).status_code == 200
        long = json.dumps(SPY).encode() + b" " * 65_536
        headers = {"Content-Type": "application/json"}
        assert (await rig.client.post("/webhook", content=long, headers=headers)).status_code == 413

        async def parts() -> Any:
            for _ in range(80):
                yield b" " * 1_024

        answer = await rig.client.post("/webhook", content=parts(), headers=headers)
        assert answer.status_code == 413

    run(tmp_path, scenario)


def test_one_source_cannot_take_the_others_share(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        answers = [await rig.post_far(PING) for _ in range(11)]

        assert [one.status_code for one in answers] == [200] * 10 + [429]
        assert code(answers[-1]) == "429 TOO_MANY"
        assert answers[-1].headers["Retry-After"] == "1"
        assert (await rig.post(PING)).status_code == 200
        rig.clock.advance(NS_PER_S)
        assert [(await rig.post_far(PING)).status_code for _ in range(6)] == [200] * 5 + [429]

    run(tmp_path, scenario, source_per_second=5, per_second=100)


def test_switched_off_is_off(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert code(await rig.post()) == "403 WEBHOOK_OFF"
        assert code(await rig.post_far({**SPY, "secret": SECRET})) == "403 WEBHOOK_OFF"

    run(tmp_path, scenario, enabled=False)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"price": "NaN"}, "422 BAD_ALERT"),
        ({"leverage": 3}, "422 BAD_ALERT"),
        ({"time": (START_NS - 49 * 3_600 * NS_PER_S) // NS_PER_S}, "422 TOO_OLD"),
        ({"time": START_NS // NS_PER_S + 301}, "422 NOT_YET"),
    ],
)
def test_what_cannot_be_understood_says_which_field(
    tmp_path: Path, changes: dict[str, Any], expected: str
) -> None:
    async def scenario(rig: Rig) -> None:
        answer = await rig.post({**SPY, **changes})

        assert code(answer) == expected
        assert answer.json()["error"]["field"] == next(iter(changes))
        assert [one["reason"] for one in rig.audit.denials] == [expected.split()[1]]
        assert rig.audit.denials[0]["action"] == "POST /webhook"
        assert rig.webhook.inbox.backlog == 0

    run(tmp_path, scenario)
