"""Secrets that change, signatures, certificates, and what live trading asks for besides."""

import json
from pathlib import Path
from typing import Any

import pytest

from interlock.config.errors import PolicyError
from interlock.runtime.clock import NS_PER_S, ManualClock
from interlock.service.webhook.trust import WebhookSecrets
from tests.service.webhook.rig import OLD, SECRET, SPY, START_NS, Rig, code, run, signed, write


def test_two_secrets_count_while_one_takes_the_place_of_the_other(tmp_path: Path) -> None:
    """Put the old one aside, write the new one, tell the senders, remove the old one."""

    async def scenario(rig: Rig) -> None:
        write(rig.secret_file.with_name("webhook-secret.old"), OLD)
        rig.clock.advance(2 * NS_PER_S)
        for number, secret in enumerate((SECRET, OLD)):
            answer = await rig.post_far({**SPY, "id": number, "secret": secret})
            assert answer.status_code == 200

        rig.secret_file.with_name("webhook-secret.old").unlink()
        rig.clock.advance(2 * NS_PER_S)
        assert code(await rig.post_far({**SPY, "secret": OLD})) == "401 SECRET_WRONG"

    run(tmp_path, scenario)


def test_a_secret_that_others_can_read_counts_no_longer(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert (await rig.post_far({**SPY, "secret": SECRET})).status_code == 200
        rig.secret_file.chmod(0o644)
        rig.clock.advance(2 * NS_PER_S)

        assert code(await rig.post_far({**SPY, "secret": SECRET})) == "401 SECRET_WRONG"
        assert "nobody else may read it" in rig.webhook.state["secret_problem"]
        assert SECRET not in rig.webhook.state["secret_problem"]

    run(tmp_path, scenario)


@pytest.mark.parametrize("content", ["short", " " * 40, "", "two\nlines-of-something-long-enough"])
def test_nothing_starts_with_a_secret_that_is_none(tmp_path: Path, content: str) -> None:
    write(tmp_path / "webhook-secret", content)
    tmp_path.chmod(0o700)

    with pytest.raises(PolicyError) as error:
        WebhookSecrets(tmp_path, ManualClock()).check()
    assert content.strip() == "" or content not in str(error.value)


# --- signatures -------------------------------------------------------------------------------


def test_a_signature_is_of_every_byte_and_of_its_time(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        raw = json.dumps(SPY).encode()
        good = signed(raw)

        async def send(headers: dict[str, str], body: bytes = raw) -> Any:
            return await rig.far.post("/webhook", content=body, headers=headers)

        later = {**good, "X-Interlock-Timestamp": str(START_NS // NS_PER_S + 1)}
        cases = [
            (good, raw + b" "),
            (later, raw),
            ({**good, "X-Interlock-Signature": "sha256=" + "0" * 64}, raw),
            ({**good, "X-Interlock-Signature": good["X-Interlock-Signature"].upper()}, raw),
            ({**good, "X-Interlock-Signature": "ä"}, raw),
            ({**good, "X-Interlock-Signature": ""}, raw),
            ({**good, "X-Interlock-Timestamp": "1e9"}, raw),
            ({**good, "X-Interlock-Timestamp": "9" * 400}, raw),
            ({name: good[name] for name in list(good)[1:]}, raw),
            ({name: good[name] for name in (next(iter(good)), list(good)[2])}, raw),
            (signed(raw, secret=OLD), raw),
        ]
        for headers, body in cases:
            encoded = {name: value.encode() for name, value in headers.items()}
            assert code(await send(encoded, body)) == "401 SIGNATURE_WRONG"  # type: ignore[arg-type]
        assert (await send(good)).status_code == 200

    run(tmp_path, scenario)


@pytest.mark.parametrize(("away_s", "is_in"), [(-61, False), (-60, True), (60, True), (61, False)])
def test_a_signature_is_good_for_a_minute(tmp_path: Path, away_s: int, *, is_in: bool) -> None:
    async def scenario(rig: Rig) -> None:
        raw = json.dumps(SPY).encode()
        headers = signed(raw, at_ns=START_NS + away_s * NS_PER_S)
        answer = await rig.far.post("/webhook", content=raw, headers=headers)

        assert answer.status_code == 200 if is_in else code(answer) == "401 SIGNATURE_EXPIRED"

    run(tmp_path, scenario)


def test_a_replayed_signature_is_the_same_alert(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        raw = json.dumps(SPY).encode()
        headers = signed(raw, at_ns=START_NS + 59 * NS_PER_S)
        first = await rig.far.post("/webhook", content=raw, headers=headers)
        rig.clock.advance(110 * NS_PER_S)  # longer than equal alerts are one, within the signature
        again = await rig.far.post("/webhook", content=raw, headers=headers)

        assert first.json()["id"] == again.json()["id"]
        assert again.json()["duplicate"]
        await rig.settle(1)
        assert len(rig.engine.seen) == 1

    run(tmp_path, scenario)


def test_only_signed_alerts_where_that_is_asked_for(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        raw = json.dumps(SPY).encode()

        assert code(await rig.post_far({**SPY, "secret": SECRET})) == "401 SIGNATURE_WRONG"
        assert code(await rig.post_far(SPY, f"/webhook/{SECRET}")) == "401 SIGNATURE_WRONG"
        answer = await rig.far.post("/webhook", content=raw, headers=signed(raw))
        assert answer.status_code == 200
        assert (await rig.post({**SPY, "id": 1})).status_code == 200

    run(tmp_path, scenario, signature_required=True)


# --- where money is at stake ------------------------------------------------------------------


def test_live_takes_two_proofs_and_nobody_without_one(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        raw = json.dumps({**SPY, "secret": SECRET}).encode()

        assert code(await rig.post()) == "401 SECRET_NEEDED"
        assert code(await rig.post({**SPY, "secret": SECRET})) == "401 SECRET_NEEDED"
        assert code(await rig.post_far({**SPY, "secret": SECRET})) == "401 SECRET_NEEDED"
        assert code(await rig.post_far(SPY, f"/webhook/{SECRET}")) == "401 SECRET_NEEDED"
        answer = await rig.far.post("/webhook", content=raw, headers=signed(raw))
        assert answer.status_code == 200

    run(tmp_path, scenario, is_paper=False)


def test_live_takes_the_secret_from_a_known_source(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert (await rig.post_far({**SPY, "secret": SECRET})).status_code == 200
        assert code(await rig.post_far(SPY)) == "401 SECRET_NEEDED"

    run(tmp_path, scenario, is_paper=False, sources=["203.0.113.0/24"])


def test_a_certificate_is_believed_from_the_named_proxy_alone(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        said = {**SPY, "secret": SECRET}
        name = {"X-Client-Name": "webhook-server@tradingview.com"}

        assert code(await rig.post_far(said, headers=name)) == "403 CERTIFICATE_REFUSED"

    run(tmp_path, scenario, client_name="webhook-server@tradingview.com")


def test_a_certificate_has_its_name(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        said = {**SPY, "secret": SECRET}
        hop = {"X-Forwarded-For": "52.89.214.238"}

        for name in ("other", "", "webhook-server@tradingview.com.evil"):
            answer = await rig.post_far(said, headers={**hop, "X-Client-Name": name})
            assert code(answer) == "403 CERTIFICATE_REFUSED"
        assert code(await rig.post_far(said, headers=hop)) == "403 CERTIFICATE_REFUSED"
        good = {**hop, "X-Client-Name": "webhook-server@tradingview.com"}
        assert (await rig.post_far(said, headers=good)).status_code == 200
        assert code(await rig.post_far(SPY, headers=good)) == "401 SECRET_NEEDED"

    name = "webhook-server@tradingview.com"
    run(tmp_path, scenario, client_name=name, proxy="203.0.113.9")
