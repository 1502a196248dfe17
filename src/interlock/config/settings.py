"""Where this installation keeps its things. The only reader of the environment."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from interlock.config.errors import PolicyError

HOME_VARIABLE: Final = "INTERLOCK_HOME"
POLICY_NAME: Final = "risk_policy.yaml"
BREAKERS_NAME: Final = "circuit_breakers.toml"
INSTRUMENTS_NAME: Final = "instruments.yaml"
SYSTEM_NAME: Final = "interlock.toml"


class Settings(BaseModel):
    """What a process is told by its surroundings, read once at its start."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    home: Path = Field(description="Folder for journals, data and the user's own files.")

    def config_file(self, name: str, given: Path | None = None) -> Path | None:
        """Return the file to read: ``given``, else the one in the home, else None (shipped).

        A file in the home that cannot be read is still the one to read: to fall back to the
        shipped values would be to forget the user's limits without a word.
        """
        if given is not None:
            return given
        own = self.home / "config" / name
        return own if os.path.lexists(own) else None

    def make_home(self) -> Path:
        """Return the home, made for this user alone if it was not there.

        Raises:
            PolicyError: It cannot be made, or others may write to it.
        """
        try:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = self.home.stat()
        except OSError as error:
            raise PolicyError(
                f"{self.home}: the home cannot be made: {error.strerror}. Next: set "
                f"{HOME_VARIABLE} to a folder of yours."
            ) from error
        others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or others:
            raise PolicyError(
                f"{self.home}: the home must be a folder of this user that nobody else may "
                f"write to, was mode {stat.S_IMODE(status.st_mode):04o} of user {status.st_uid}. "
                f"Next: chmod 700 {self.home}"
            )
        return self.home


def _absolute(environ: Mapping[str, str], name: str) -> Path | None:
    """Return the folder that variable ``name`` holds, or None when it is not set."""
    value = environ.get(name, "")
    if not value:
        return None
    if not value.startswith("/") or "\0" in value:
        raise PolicyError(f"environment: {name} must be an absolute path, was {value!r}.")
    return Path(value)


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings in ``environ`` (this process's, when not given).

    The home is ``INTERLOCK_HOME``, else ``interlock`` under ``XDG_DATA_HOME``, else
    ``~/.local/share/interlock``.

    Raises:
        PolicyError: A variable is not a path, or there is no home at all.
    """
    known = os.environ if environ is None else environ
    own = _absolute(known, HOME_VARIABLE)
    if own is not None:
        return Settings(home=own)
    data = _absolute(known, "XDG_DATA_HOME")
    if data is not None:
        return Settings(home=data / "interlock")
    user = _absolute(known, "HOME")
    if user is not None:
        return Settings(home=user / ".local" / "share" / "interlock")
    raise PolicyError(f"environment: {HOME_VARIABLE} must be set, for HOME is not.")
