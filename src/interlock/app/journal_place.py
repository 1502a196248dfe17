"""Where an account's journal is: a file in the home, or a server."""

from pathlib import Path
from typing import Protocol
from urllib.parse import quote, urlsplit

from interlock.config.everything import Configuration
from interlock.config.home import Home
from interlock.config.trust import read_secret


class HasJournal(Protocol):
    """What says where a journal is: a session, or anything that was made of the same files."""

    @property
    def home(self) -> Home:
        """Where everything is."""

    @property
    def configuration(self) -> Configuration:
        """Everything that people wrote."""


def place_of(session: HasJournal) -> str | Path:
    """Return where a session's journal is: a file, or a server's URL with its password in it.

    Raises:
        PolicyError: The file of the password cannot be read, or others can read it.
    """
    settings = session.configuration.system.journal
    if not settings.url:
        return session.home.journal
    if not settings.password_file:
        return settings.url
    password = read_secret(Path(settings.password_file)).get_secret_value()
    parts = urlsplit(settings.url)
    user, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}:{quote(password, safe='')}@{host}").geturl()
