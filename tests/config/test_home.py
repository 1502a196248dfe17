"""The home: every place named once, made for one user alone, and refused otherwise."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from interlock.config.errors import PolicyError
from interlock.config.home import SOCKET_PATH_MAX, Home, home_of, write_first_config
from interlock.config.load import read_system
from interlock.config.settings import SYSTEM_NAME, Settings
from interlock.config.trust import read_secret, settings_file_problems
from tests.config.samples import SYSTEM


def a_home(folder: Path) -> Home:
    """Return a home in a short folder, made."""
    home = home_of(Settings(home=folder / "h"))
    home.make()
    return home


def refused(home: Home) -> tuple[str, ...]:
    """Return why a home may not be used."""
    with pytest.raises(PolicyError) as error:
        home.make()
    assert tuple(home.problems()) == error.value.problems
    return error.value.problems


def test_the_first_run_makes_folders_that_nobody_else_can_enter(tmp_path: Path) -> None:
    home = home_of(Settings(home=tmp_path / "deep" / "home"))
    assert not (tmp_path / "deep").exists()

    old = os.umask(0)
    try:
        home.make()
    finally:
        os.umask(old)

    for folder in home.folders:
        assert folder.stat().st_mode & 0o777 == 0o700
    home.make()
    home.check()


def test_every_place_is_in_the_home_and_is_named_once() -> None:
    home = home_of(Settings(home=Path("/h")))
    places = [*home.folders, *home.files]

    assert len(places) == len(set(places))
    assert all(place.is_relative_to("/h") for place in places)
    assert str(home.journal) == "/h/journal.db"
    assert str(home.heads) == "/h/anchors/heads.jsonl"
    assert str(home.venue_socket) == "/h/venue/venue.sock"


def test_sockets_of_a_home_with_a_long_path_are_in_a_short_folder(tmp_path: Path) -> None:
    """The system keeps 108 bytes for a socket's path."""
    long = tmp_path / ("x" * 90)
    home, other = (home_of(Settings(home=path)) for path in (long, long / "other"))

    home.make()
    try:
        assert home.sockets != home.root
        assert home.sockets.stat().st_mode & 0o777 == 0o700
        assert home_of(Settings(home=long)) == home
        assert home.sockets != other.sockets
        for path in (home.engine_socket, home.venue_socket):
            assert len(os.fsencode(path)) <= SOCKET_PATH_MAX
            with socket.socket(socket.AF_UNIX) as listening:
                listening.bind(str(path))
            path.unlink()
    finally:
        home.sockets.rmdir()


@pytest.mark.parametrize("length", [SOCKET_PATH_MAX - 1, SOCKET_PATH_MAX, SOCKET_PATH_MAX + 1])
def test_the_limit_is_that_of_the_system(length: int) -> None:
    root = Path("/h" + "x" * (length - len("/h/venue/venue.sock")))
    path = home_of(Settings(home=root)).venue_socket

    assert (path == root / "venue" / "venue.sock") == (length <= SOCKET_PATH_MAX)
    assert len(os.fsencode(path)) <= SOCKET_PATH_MAX


# --- what is refused --------------------------------------------------------------------------


def as_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def as_shared(path: Path) -> None:
    path.chmod(0o777)


def as_file(path: Path) -> None:
    path.rmdir()
    path.write_text("")


@pytest.mark.parametrize("name", ["logs", "venue", "config", "anchors", "archive"])
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            as_link,
            (
                "must be a folder, was a symbolic link: what it leads to could be changed under a "
                "running engine. Next: put the folder itself here."
            ),
        ),
        (as_file, "must be a folder, was a file. Next: move it away."),
        (
            as_shared,
            (
                "must be a folder of this user that nobody else may write to, was mode 0777 of "
                "user {uid}. Next: chmod 700 {path}"
            ),
        ),
    ],
)
def test_a_folder_that_others_can_change_is_refused(
    tmp_path: Path, name: str, change: Callable[[Path], None], problem: str
) -> None:
    home = a_home(tmp_path)
    path = home.root / name

    change(path)

    assert refused(home) == (f"{path}: {problem.format(uid=os.geteuid(), path=path)}",)


def test_a_home_that_is_a_link_is_refused(tmp_path: Path) -> None:
    home = a_home(tmp_path)
    as_link(home.root)

    assert refused(home)[0].startswith(f"{home.root}: must be a folder, was a symbolic link")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602, 0o700 | 0o010])
def test_a_file_that_others_can_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    home = a_home(tmp_path)
    for path in (home.journal, home.latch):
        path.write_bytes(b"")
        path.chmod(mode)

    assert refused(home) == tuple(
        f"{path}: must be a file of this user that nobody else may read or write, was mode "
        f"{mode:04o} of user {os.geteuid()}. Next: chmod 600 {path}"
        for path in (home.journal, home.latch)
    )


def test_a_journal_that_is_a_link_is_refused(tmp_path: Path) -> None:
    home = a_home(tmp_path)
    home.journal.symlink_to("/dev/null")

    assert refused(home) == (
        (
            f"{home.journal}: must be a file, was a symbolic link, a folder or a device. "
            "Next: move it away."
        ),
    )


def test_what_belongs_to_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = a_home(tmp_path)
    home.journal.write_bytes(b"")
    home.journal.chmod(0o600)
    really = Path.lstat

    def anothers(path: Path) -> os.stat_result:
        """Say that these are somebody else's: only root can give a file away."""
        found = really(path)
        owner = 12_345 if path in {home.journal, home.logs} else found.st_uid
        return os.stat_result((*found[:4], owner, *found[5:10]))

    monkeypatch.setattr(Path, "lstat", anothers)
    found = refused(home)

    assert [problem.split(":")[0] for problem in found] == [str(home.logs), str(home.journal)]
    assert all("of user 12345" in problem for problem in found)


def test_a_home_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    with pytest.raises(PolicyError, match=r"file/h: cannot be (made|read): Not a directory"):
        home_of(Settings(home=tmp_path / "file" / "h")).make()


# --- the configuration that it wrote ----------------------------------------------------------


def test_the_first_run_writes_the_users_own_configuration(tmp_path: Path) -> None:
    home = a_home(tmp_path)

    path = write_first_config(home)

    assert path == home.config / SYSTEM_NAME
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in home.config.iterdir()] == [SYSTEM_NAME]
    loaded = read_system(path)
    assert loaded.model == SYSTEM
    assert loaded.defaulted == ()


def test_a_configuration_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    home = a_home(tmp_path)
    own = home.config / SYSTEM_NAME
    own.symlink_to(tmp_path / "gone")

    assert write_first_config(home) is None
    assert own.is_symlink()

    own.unlink()
    own.write_text('[data]\nspeed = "max"')
    assert write_first_config(home) is None
    assert own.read_text() == '[data]\nspeed = "max"'


def test_a_configuration_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    home = home_of(Settings(home=tmp_path))

    with pytest.raises(PolicyError, match=r"interlock\.toml: cannot be written: No such file"):
        write_first_config(home)


# --- secrets and settings ---------------------------------------------------------------------


def test_a_secret_is_one_line_of_a_private_file_and_cannot_be_printed(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("canary\n")
    path.chmod(0o400)

    secret = read_secret(path)

    assert secret.get_secret_value() == "canary"
    assert "canary" not in f"{secret} {secret!r}"


@pytest.mark.parametrize(
    ("content", "mode", "problem"),
    [
        ("canary", 0o640, "nobody else may read it, was mode 0640"),
        ("canary", 0o604, "nobody else may read it, was mode 0604"),
        ("", 0o600, "must be one line of text of at most 4096 bytes, was something else."),
        ("canary\ncanary", 0o600, "must be one line of text"),
        ("canary\0", 0o600, "must be one line of text"),
        ("canary" * 1_000, 0o600, "must be one line of text"),
    ],
)
def test_a_secret_that_others_can_read_is_refused_and_never_repeated(
    tmp_path: Path, content: str, mode: int, problem: str
) -> None:
    path = tmp_path / "password"
    path.write_text(content)
    path.chmod(mode)

    with pytest.raises(PolicyError) as error:
        read_secret(path)

    assert problem in str(error.value)
    assert "canary" not in str(error.value)


def test_a_secret_is_never_read_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("canary")
    (tmp_path / "real").chmod(0o600)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    os.mkfifo(tmp_path / "queue", 0o600)

    for name in ("link", "queue", "missing"):
        with pytest.raises(PolicyError, match="a secret"):
            read_secret(tmp_path / name)


@pytest.mark.parametrize(
    ("mode", "fine"), [(0o600, True), (0o644, True), (0o664, True), (0o666, False), (0o602, False)]
)
def test_settings_that_everybody_may_write_to_are_not_believed(
    tmp_path: Path, mode: int, fine: bool
) -> None:
    path = tmp_path / SYSTEM_NAME
    path.write_text("")
    path.chmod(mode)

    assert (list(settings_file_problems(path)) == []) == fine
    assert not list(settings_file_problems(tmp_path / "missing"))
