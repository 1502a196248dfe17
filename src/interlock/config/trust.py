"""Whom files and folders belong to, and who else may touch them: said before they are used."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from interlock.config.errors import PolicyError

PRIVATE_FILE: Final = 0o600
PRIVATE_FOLDER: Final = 0o700

_ANYONE_ELSE: Final = stat.S_IRWXG | stat.S_IRWXO
_WRITE_ELSE: Final = stat.S_IWGRP | stat.S_IWOTH
_SECRET_BYTES_MAX: Final = 4_096


def _status(path: Path) -> os.stat_result | str | None:
    """Return what is at ``path`` without following links, why it cannot be seen, or None."""
    try:
        return path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return f"{path}: cannot be read: {error.strerror}."


def _mode(status: os.stat_result) -> str:
    return f"{stat.S_IMODE(status.st_mode):04o} of user {status.st_uid}"


def folder_problems(path: Path) -> Iterator[str]:
    """Yield why a folder may not be used; nothing when it is not there."""
    status = _status(path)
    if isinstance(status, str):
        yield status
    elif status is not None:
        if stat.S_ISLNK(status.st_mode):
            yield (
                f"{path}: must be a folder, was a symbolic link: what it leads to could be changed "
                "under a running engine. Next: put the folder itself here."
            )
        elif not stat.S_ISDIR(status.st_mode):
            yield f"{path}: must be a folder, was a file. Next: move it away."
        elif status.st_uid != os.geteuid() or status.st_mode & _WRITE_ELSE:
            yield (
                f"{path}: must be a folder of this user that nobody else may write to, was mode "
                f"{_mode(status)}. Next: chmod 700 {path}"
            )


def file_problems(path: Path) -> Iterator[str]:
    """Yield why a private file or socket may not be used; nothing when it is not there."""
    status = _status(path)
    if isinstance(status, str):
        yield status
    elif status is not None:
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISSOCK(status.st_mode)):
            yield (
                f"{path}: must be a file, was a symbolic link, a folder or a device. "
                "Next: move it away."
            )
        elif status.st_uid != os.geteuid() or status.st_mode & _ANYONE_ELSE:
            yield (
                f"{path}: must be a file of this user that nobody else may read or write, was mode "
                f"{_mode(status)}. Next: chmod 600 {path}"
            )


def settings_file_problems(path: Path) -> Iterator[str]:
    """Yield why a file of settings may not be believed; nothing when it is not there.

    It may be a link, may be another user's if that is the administrator, and may be read by
    anybody. Who may write to it decides what may be traded.
    """
    try:
        status = path.stat()
    except (OSError, ValueError):
        return  # whoever reads it says why it cannot be read
    if status.st_uid not in {0, os.geteuid()} or status.st_mode & stat.S_IWOTH:
        yield (
            f"{path}: must be a file of this user or of root that not everybody may write to, was "
            f"mode {_mode(status)}. Next: chmod o-w {path}"
        )


def read_secret(path: Path) -> SecretStr:
    """Return what a file of mode 0600 or 0400 holds: one line, which nobody else can read.

    Raises:
        PolicyError: It cannot be read, is not this user's alone, or is not one line of text. The
            message never has any of its content.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise PolicyError(
            f"{path}: must be a file with a secret, and not a link, and could not be opened: "
            f"{reason}."
        ) from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        private = status.st_uid in {0, os.geteuid()} and not status.st_mode & _ANYONE_ELSE
        if not stat.S_ISREG(status.st_mode) or not private:
            raise PolicyError(
                f"{path}: a file with a secret must be this user's and nobody else may read it, "
                f"was mode {_mode(status)}. Next: chmod 600 {path}"
            )
        raw = file.read(_SECRET_BYTES_MAX + 1)
    try:
        text = raw.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        text = ""
    if not text or not text.isprintable() or len(raw) > _SECRET_BYTES_MAX:
        raise PolicyError(
            f"{path}: a file with a secret must be one line of text of at most "
            f"{_SECRET_BYTES_MAX} bytes, was something else."
        )
    return SecretStr(text)
