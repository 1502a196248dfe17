"""Files with a secret a line: addresses that whoever knows them may send to."""

import os
import stat
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from interlock.config.errors import PolicyError
from interlock.config.trust import PRIVATE_FILE, file_problems

BYTES_MAX: Final = 65_536
LINES_MAX: Final = 20

_ANYONE_ELSE: Final = stat.S_IRWXG | stat.S_IRWXO


def read_lines(path: Path) -> list[SecretStr]:
    """Return the lines of a file of mode 0600; none when there is no such file.

    Empty lines, and those that begin with #, are left out.

    Raises:
        PolicyError: Others can read it, or it is no text. The message has nothing of it.
    """
    if not os.path.lexists(path):
        return []
    problems = list(file_problems(path))
    if problems:
        raise PolicyError(*problems)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise PolicyError(f"{path}: cannot be read: {error.strerror}.") from None
    with os.fdopen(descriptor, "rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & _ANYONE_ELSE:
            raise PolicyError(
                f"{path}: nobody else may read it: its mode must be {PRIVATE_FILE:o}, was {mode:o}."
            )
        raw = file.read(BYTES_MAX + 1)
    try:
        lines = [line.strip() for line in raw.decode().splitlines()]
    except UnicodeDecodeError:
        raise PolicyError(f"{path}: must be text, was something else.") from None
    found = [SecretStr(line) for line in lines if line and not line.startswith("#")]
    if len(raw) > BYTES_MAX or len(found) > LINES_MAX:
        raise PolicyError(
            f"{path}: must have at most {LINES_MAX} lines and {BYTES_MAX} bytes, had more."
        )
    return found
