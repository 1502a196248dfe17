"""What happens while an account runs, in sentences; and how it ends."""

from pathlib import Path

import pytest
from rich.console import Console

from interlock.app.launch import Launch, Ready, read_launch
from interlock.cli.banner import banner_lines
from interlock.cli.run_screens import Watching
from interlock.cli.run_summary import progress_line, summary_lines
from interlock.cli.run_words import sentence
from interlock.config.secret_files import ensure_secret
from tests.cli.statuses import LATCH, POSITION, Said, status

RECOVERED: Said = {
    "clean": False,
    "records": 1_234,
    "snapshot": 1_000,
    "replayed_events": 230,
    "orders_without_answer": 2,
    "took_ms": 85,
}


@pytest.mark.parametrize(
    ("event", "facts", "says"),
    [
        (
            "recovered",
            RECOVERED,
            (
                "recovered from a crash: 1,234 records, 230 events replayed since the snapshot, "
                "2 orders without an answer are asked about, took 85 ms"
            ),
        ),
        (
            "recovered",
            RECOVERED
            | {"clean": True, "snapshot": 0, "replayed_events": 1, "orders_without_answer": 0},
            (
                "recovered from a graceful stop: 1,234 records, 1 event replayed since the "
                "beginning, no order is without an answer, took 85 ms"
            ),
        ),
        (
            "starts_again",
            {"child": "engine", "how": "was killed by SIGKILL", "pause_s": 0.5, "errors": ["boom"]},
            "the engine was killed by SIGKILL; it is started again in 0.5 s\n  engine: boom",
        ),
        ("refused", {"child": "venue", "errors": ["No.", "Next: yes."]}, "No.\nNext: yes."),
        (
            "breakers_proved",
            {"proved": 37, "failed": {}, "took_ms": 90, "worked_us": 5_000},
            "37 breaker proofs held, in an account that does not exist",
        ),
        (
            "breakers_not_proved",
            {"proved": 36, "failed": {"DISK": "it did not trip."}},
            (
                "BREAKERS THAT FAILED THEIR PROOF. Next: interlock kill --mode pause, and look "
                "why:\n  DISK: it did not trip."
            ),
        ),
        (
            "reloaded",
            {"changes": ["risk.max_drawdown: 0.05 -> 0.04 (tighter)"], "next_start": ["data.bars"]},
            (
                "1 changed and hold from now on:\n  risk.max_drawdown: 0.05 -> 0.04 (tighter)\n"
                "these wait for the next start:\n  data.bars"
            ),
        ),
        ("reloaded", {"changes": [], "next_start": []}, "nothing changed in the files of rules"),
        ("something_new", {"a": 1}, "something new: a 1"),
        ("recovered", {"of": "another version"}, "recovered: of another version"),
        ("said", {"child": "engine", "text": "a\x1b[2Jb"}, "engine: a?[2Jb"),
    ],
)
def test_each_event_is_a_sentence(event: str, facts: Said, says: str) -> None:
    assert sentence(event, facts) == says


def test_a_line_of_progress_says_how_far_and_how_well() -> None:
    assert progress_line(status(level="PAUSED")) == (
        "2023-11-14 22:13 UTC: 537 of 2,148 bars (25%), equity 100,123.45 USD (day -12.50), "
        "0 positions, 1 trade, 2 refusals, PAUSED"
    )


def last(**changes: object) -> Said:
    """Return what a journal says at its end."""
    return status(
        journal="/home/journal.db",
        cash_begun=100_000 * 10**8,
        refusals={"SPREAD": 2},
        stopped="asked",
        **changes,
    )


def test_a_summary_says_what_there_is_and_what_to_do_next() -> None:
    text = "\n".join(summary_lines(last(positions=[POSITION], latches=[LATCH])))

    assert "equity     100,123.45 USD, began with 100,000.00 (+123.45)" in text
    assert "refusals   2: SPREAD 2" in text
    assert "still open 12 GOOG at 418.47, stop 410.00" in text
    assert "in force   PAUSED: spread of GOOG" in text
    assert "journal    /home/journal.db, 1,234 records" in text
    for verb in ("journal verify", "replay --verify", "status", "run (goes on)"):
        assert f"interlock {verb}" in text


def test_a_summary_of_a_recording_that_ended_names_how_to_begin_again() -> None:
    ended = "\n".join(summary_lines(last() | {"stopped": "ended"}))
    before = "\n".join(summary_lines(last() | {"stopped": "ended", "ended_before": True}))

    assert ended.startswith("The recording has ended.")
    assert before.startswith("The recording of this home had ended before")
    assert "interlock run --again" in ended
    assert "interlock run --again" in before


def test_a_journal_without_a_snapshot_still_has_a_summary() -> None:
    short = {"account": "a", "mode": "paper", "currency": "USD", "journal": "j", "seq": 3}

    assert summary_lines({**short, "stopped": ""})[0] == "journal    j, 3 records"


def test_the_banner_says_mode_account_data_and_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERLOCK_HOME", str(tmp_path / "home"))
    launch = Launch(speed="60x")
    settings, home, configuration = read_launch(launch)
    ready = Ready(
        launch=launch, settings=settings, home=home, configuration=configuration, is_new=True
    )
    text = "\n".join(banner_lines(ready))

    assert ": PAPER TRADING\n" in text
    assert "no real money can move" in text
    assert "paper: new, begins with 100,000" in text
    assert "replay of sample:GOOG at 60x" in text
    assert "a daily loss of 5 % or 1,350 USD, and 5 % below the highest equity" in text
    assert f"{home.root}/journal.db" in text
    assert all(len(line) <= 100 for line in text.splitlines() if str(tmp_path) not in line)
    assert "curl" not in text, "without a gateway there is nobody to send anything to"


@pytest.mark.parametrize(
    ("data", "symbol"),
    [
        ('bars = ["sample:GOOG"]', "GOOG"),
        ('bars = ["/data/BTC_USDT-5m.parquet"]', "BTC_USDT"),
        ('bars = ["/data/BTC_USDT-5m.parquet"]\nsymbols = ["XBT"]', "XBT"),
        ('source = "live"', "BTC_USDT"),
    ],
)
def test_the_banner_says_how_to_reach_the_gateway_and_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: str, symbol: str
) -> None:
    monkeypatch.setenv("INTERLOCK_HOME", str(tmp_path / "home"))
    config = tmp_path / "interlock.toml"
    config.write_text(f"[data]\n{data}\n")
    launch = Launch(config_file=config)
    settings, home, configuration = read_launch(launch)
    home.make()
    ensure_secret(home.webhook_secret)
    ready = Ready(
        launch=launch,
        settings=settings,
        home=home,
        configuration=configuration,
        is_new=True,
        address="http://127.0.0.1:5001",
    )
    text = "\n".join(banner_lines(ready))

    assert "dashboard   http://127.0.0.1:5001\n" in text
    alert = f"""curl -d '{{"symbol":"{symbol}","action":"BUY"}}' http://127.0.0.1:5001/webhook"""
    assert alert in text
    assert f"the one-time code in {home.admin_code}" in text
    assert str(home.webhook_secret) in text
    assert home.webhook_secret.read_text().strip() not in text
    home.gateway_db.touch(0o600)
    assert "one-time code" not in "\n".join(banner_lines(ready))


def test_what_the_gateway_tells_has_words() -> None:
    ready = sentence("gateway_ready", {"pid": 1, "address": "http://127.0.0.1:5001"})
    assert ready == "dashboard and webhook answer at http://127.0.0.1:5001"
    assert "/home/secrets/admin-code" in sentence(
        "first_code", {"path": "/home/secrets/admin-code"}
    )


def test_the_live_view_says_where_the_dashboard_is() -> None:
    """The banner is behind it while it is drawn."""
    console = Console(width=100, height=12, force_terminal=False)
    for address, begins in (("http://127.0.0.1:5001", "dashboard http"), ("", "Ctrl-C stops")):
        watching = Watching(console, "Ctrl-C stops gracefully")
        watching.begin(address)
        with console.capture() as capture:
            console.print(watching)
        assert capture.get().splitlines()[-1].startswith(f"{begins}")
