"""Codes that let somebody choose a password and an authenticator, the first one among them.

The first one is made at a start while no administrator can sign in, and is in a file that only the
user of this system who runs Interlock can read. There is no account and no password before that.
"""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, delete, insert, update

from interlock.config.secret_files import write_secret
from interlock.runtime.clock import NS_PER_S, Clock
from interlock.service.database import Database
from interlock.service.people.codes import digest, new_code, plain_code
from interlock.service.people.users import admins
from interlock.service.tables_people import enrolments

VALID_S: Final = 24 * 3_600
CODE: Final = "invitation"  # digests of these are made with this word


def invite_in(connection: Connection, user_id: int | None, now_ns: int) -> str:
    """Return a code for somebody; those from before work no more.

    Args:
        connection: May write.
        user_id: Whose it is; None is whoever becomes the first administrator.
        now_ns: It works for a day from then on.
    """
    mine = enrolments.c.user_id.is_(None) if user_id is None else enrolments.c.user_id == user_id
    connection.execute(delete(enrolments).where(mine))
    code = new_code()
    connection.execute(
        insert(enrolments).values(
            code_digest=digest(CODE, plain_code(code)),
            user_id=user_id,
            expires_ns=now_ns + VALID_S * NS_PER_S,
        )
    )
    return code


def offer_first_code(database: Database, clock: Clock, file: Path) -> Path | None:
    """Write a fresh code into ``file`` while no administrator can sign in; return where it is.

    When there is one, the file and the code in it are taken away.

    Raises:
        PolicyError: The file cannot be written.
    """
    with database.begin() as connection:
        if admins(connection):
            connection.execute(
                update(enrolments)
                .where(enrolments.c.user_id.is_(None), enrolments.c.used_ns.is_(None))
                .values(used_ns=clock.now_ns())
            )
            code = None
        else:
            code = invite_in(connection, None, clock.now_ns())
    if code is None:
        file.unlink(missing_ok=True)
        return None
    write_secret(file, code)
    return file
