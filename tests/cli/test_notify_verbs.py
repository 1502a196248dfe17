"""A person tries the ways to themselves, and reads what came back."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from interlock.cli import app
from tests.emulators.telegram import TOKEN, FakeTelegram, Fault, fake_telegram


@pytest.fixture
def telegram() -> Iterator[FakeTelegram]:
    """Yield a Bot API."""
    with fake_telegram() as fake:
        yield fake


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, telegram: FakeTelegram) -> Path:
    """Return a home with a bot and its token."""
    root = tmp_path / "home"
    for folder in (root, root / "config", root / "secrets"):
        folder.mkdir(mode=0o700)
    (root / "config" / "interlock.toml").write_text(
        f'[telegram]\nenabled = true\nchats = ["7"]\napi_url = "{telegram.url}"\n'
    )
    token = root / "secrets" / "telegram-token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    monkeypatch.setenv("INTERLOCK_HOME", str(root))
    return root


def test_a_message_that_came(home: Path, telegram: FakeTelegram) -> None:
    assert home.is_dir()
    found = CliRunner().invoke(app, ["notify", "test"])
    assert (found.exit_code, found.stdout) == (0, "telegram:7: sent\n")
    assert [(one.chat, "Nothing happened" in one.text) for one in telegram.sent] == [(7, True)]


def test_a_message_that_did_not_come(home: Path, telegram: FakeTelegram) -> None:
    assert home.is_dir()
    telegram.faults.append(Fault(method="sendMessage", status=403, body={"ok": False}))
    found = CliRunner().invoke(app, ["notify", "test", "--channel", "telegram", "--json"])
    assert found.exit_code == 1
    (said,) = json.loads(found.stdout)
    assert said["channel"] == "telegram:7"
    assert "may not write to this chat" in said["problem"]
    assert TOKEN not in found.output


def test_a_channel_that_is_not_there(home: Path) -> None:
    assert home.is_dir()
    found = CliRunner().invoke(app, ["notify", "test", "--channel", "mail"])
    assert found.exit_code == 2
    assert "Known: telegram:7." in found.output


def test_a_token_that_others_can_read(home: Path) -> None:
    (home / "secrets" / "telegram-token").chmod(0o640)
    found = CliRunner().invoke(app, ["notify", "test"])
    assert found.exit_code == 2
    assert "chmod 600" in found.output
    assert TOKEN not in found.output
