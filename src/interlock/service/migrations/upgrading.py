"""Brings a database up to date, step by step, inside the transaction of whoever opened it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

_FOLDER: Final = Path(__file__).parent


class UnknownRevisionError(ValueError):
    """A database is of a step that is not among ours; the message is its name."""


def upgrade(connection: Connection) -> None:
    """Apply every step that was not yet; all or none, as the caller's transaction ends.

    Raises:
        UnknownRevisionError: It is of a newer Interlock.
    """
    steps = ScriptDirectory(_FOLDER, version_locations=[_FOLDER / "versions"])

    def missing(heads: tuple[str, ...], _context: MigrationContext) -> Iterator[Any]:
        known = {step.revision for step in steps.walk_revisions()}
        for head in heads:
            if head not in known:
                raise UnknownRevisionError(head)
        newest_first = list(steps.iterate_revisions("head", heads or "base"))
        for step in reversed(newest_first):
            yield MigrationStep.upgrade_from_script(steps.revision_map, step)

    # SQLite's changes of tables are part of a transaction like any other.
    context = MigrationContext.configure(
        connection, opts={"fn": missing, "transactional_ddl": True}
    )
    with Operations.context(context):
        context.run_migrations()
