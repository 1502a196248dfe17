"""Secrets that the program makes for itself: each in a file that nobody else can read."""

import os
import secrets
from pathlib import Path
from typing import Final

from interlock.config.errors import PolicyError
from interlock.config.trust import PRIVATE_FILE

SECRET_BYTES: Final = 32  # 256 bits


def write_secret(path: Path, text: str) -> None:
    """Put one line into a file for this user alone: whole, or not at all.

    Raises:
        PolicyError: It cannot be written. The message has nothing of the text.
    """
    assert text.isprintable()
    assert text
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(draft, flags, PRIVATE_FILE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"{text}\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise PolicyError(f"{path}: cannot be written: {error.strerror}.") from error


def ensure_secret(path: Path) -> bool:
    """Make a secret of 256 bits unless there is one; return whether one was made.

    Raises:
        PolicyError: It cannot be written.
    """
    if os.path.lexists(path):
        return False
    write_secret(path, secrets.token_urlsafe(SECRET_BYTES))
    return True
