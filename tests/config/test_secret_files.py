"""Secrets that the program makes: long, whole, and for this user alone."""

import base64
import os
import stat
from pathlib import Path

import pytest

from interlock.config.errors import PolicyError
from interlock.config.home import home_of
from interlock.config.secret_files import SECRET_BYTES, ensure_secret, write_secret
from interlock.config.settings import Settings
from interlock.config.trust import read_secret


def test_a_secret_is_made_once_and_is_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "webhook-secret"
    before = os.umask(0)
    try:
        assert ensure_secret(path)
    finally:
        os.umask(before)
    first = read_secret(path).get_secret_value()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(base64.urlsafe_b64decode(first + "=")) >= SECRET_BYTES
    assert not ensure_secret(path)
    assert read_secret(path).get_secret_value() == first
    assert ensure_secret(tmp_path / "other")
    assert read_secret(tmp_path / "other").get_secret_value() != first
    assert sorted(one.name for one in tmp_path.iterdir()) == ["other", "webhook-secret"]


def test_a_secret_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "admin-code"
    write_secret(path, "first")
    write_secret(path, "second")

    assert path.read_text() == "second\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_draft_that_somebody_put_there_is_not_followed(tmp_path: Path) -> None:
    aim = tmp_path / "aim"
    (tmp_path / f".secret.{os.getpid()}").symlink_to(aim)
    write_secret(tmp_path / "secret", "text")

    assert not aim.exists()
    assert (tmp_path / "secret").read_text() == "text\n"


def test_a_folder_that_is_not_there_is_a_sentence_without_the_secret(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be written") as refused:
        write_secret(tmp_path / "none" / "secret", "hunter2")
    assert "hunter2" not in str(refused.value)


def test_a_home_whose_secrets_others_can_read_is_refused(tmp_path: Path) -> None:
    home = home_of(Settings(home=tmp_path / "home"))
    home.make()
    ensure_secret(home.webhook_secret)
    home.check()
    other = home.secrets / "telegram-token"
    for path in (home.webhook_secret, home.admin_code, home.gateway_db, home.audit_log, other):
        path.touch()
        path.chmod(0o640)
        with pytest.raises(PolicyError, match=f"chmod 600 {path}"):
            home.make()
        path.chmod(0o600)
    home.secrets.chmod(0o770)
    with pytest.raises(PolicyError, match=f"chmod 700 {home.secrets}"):
        home.make()
