"""Which store a journal is kept in: a file, or a PostgreSQL server named by a URL."""

from pathlib import Path
from typing import Final

from interlock.journal.port import Store
from interlock.journal.sqlite import SqliteStore

_SERVERS: Final = ("postgresql://", "postgres://")


def is_server(where: str | Path) -> bool:
    """Return whether a journal is kept by a server and not in a file.

    >>> is_server("postgresql://interlock@localhost/journal"), is_server("journal.db")
    (True, False)
    """
    return str(where).startswith(_SERVERS)


def open_store(where: str | Path, *, account: str, read_only: bool = False) -> Store:
    """Open a journal where it is kept; a new one is made unless it is only to be read.

    Args:
        where: Path of a file, or URL of a server. A password in it is never repeated.
        account: A server keeps a journal for each; a file holds one.
        read_only: Nothing is written, and an engine may be writing at the same time.

    Raises:
        JournalError: It may not be used.
    """
    if not is_server(where):
        return SqliteStore(Path(where), read_only=read_only)
    # A journal in a file needs no database driver, and should not wait for one to be loaded.
    from interlock.journal.postgres import open_postgres  # noqa: PLC0415

    return open_postgres(str(where), account=account, read_only=read_only)
