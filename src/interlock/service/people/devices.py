"""Browsers that somebody has signed in from before: their failures are counted apart.

So nobody who only knows a name can make its owner wait at a browser that they use. Knowing the
secret of one is no way in: it only says which count a try belongs to.

Source:
    OWASP, "Slow Down Online Guessing Attacks with Device Cookies".
"""

from typing import Final

from sqlalchemy import Connection, delete, insert, select

from interlock.runtime.clock import NS_PER_S
from interlock.service.people.codes import digest, new_token
from interlock.service.tables_people import devices

KNOWN_S: Final = 90 * 24 * 3_600
DEVICES_MAX: Final = 20  # of one person; the oldest is forgotten when another comes

_SECRET: Final = "device"  # noqa: S105 - the word that digests of these are made with


def device_name(token: str) -> str:
    """Return what a browser's failures are counted under."""
    return digest(_SECRET, token)


def is_known(connection: Connection, user_id: int, token: str, now_ns: int) -> bool:
    """Return whether somebody has signed in from a browser before."""
    condition = (
        (devices.c.token_digest == device_name(token))
        & (devices.c.user_id == user_id)
        & (devices.c.expires_ns > now_ns)
    )
    return connection.execute(select(devices).where(condition)).one_or_none() is not None


def remember(connection: Connection, user_id: int, now_ns: int) -> str:
    """Return a secret for a browser that somebody signed in from for the first time."""
    connection.execute(delete(devices).where(devices.c.expires_ns <= now_ns))
    mine = select(devices.c.token_digest).where(devices.c.user_id == user_id)
    old = mine.order_by(devices.c.made_ns.desc()).limit(-1).offset(DEVICES_MAX - 1)
    connection.execute(delete(devices).where(devices.c.token_digest.in_(old)))
    token = new_token()
    connection.execute(
        insert(devices).values(
            token_digest=device_name(token),
            user_id=user_id,
            made_ns=now_ns,
            expires_ns=now_ns + KNOWN_S * NS_PER_S,
        )
    )
    return token


def forget_devices(connection: Connection, user_id: int) -> None:
    """Know none of somebody's browsers any more."""
    connection.execute(delete(devices).where(devices.c.user_id == user_id))
