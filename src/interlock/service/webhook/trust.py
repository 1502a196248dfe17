"""Who may send alerts: the secret, signatures made with it, and where it is kept.

Comparisons take as long for a wrong answer as for a right one, and never fail on odd bytes.
"""

import hashlib
import hmac
import os
import re
from pathlib import Path
from typing import Final

from interlock.config.errors import PolicyError
from interlock.config.trust import folder_problems, read_secret
from interlock.runtime.clock import NS_PER_S, Clock

SECRET_FILE: Final = "webhook-secret"  # noqa: S105 - a file's name
OLD_SECRET_FILE: Final = "webhook-secret.old"  # noqa: S105 - as above
SECRET_MIN: Final = 24  # characters; ours have 43
SIGNATURE: Final = "x-interlock-signature"
TIMESTAMP: Final = "x-interlock-timestamp"

_LOOKED_NS: Final = NS_PER_S  # how often the files are looked at
_SIGNED: Final = re.compile(r"(?:sha256=)?([0-9a-f]{64})")
_SECONDS: Final = re.compile(r"[0-9]{1,12}")

_Seen = tuple[int, int, int] | None  # of a file: inode, size, time of change


class WebhookSecrets:
    """The secret that alerts need, and while it is changed the one before it.

    Both are files of the home: ``webhook-secret``, and ``webhook-secret.old`` as long as some
    sender has not been told the new one. They are read again when they change.

    Args:
        folder: Where they are.
        clock: Tells when to look again.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._paths = (folder / SECRET_FILE, folder / OLD_SECRET_FILE)
        self._seen: tuple[_Seen, ...] | None = None
        self._looked_ns = 0
        self._secrets: tuple[bytes, ...] = ()
        self.problem = ""  # why no secret is accepted although there is a file; "" when all is well

    def check(self) -> None:
        """Read the files; one that others could read or change is refused.

        Raises:
            PolicyError: A file that is there cannot be used.
        """
        problems = tuple(folder_problems(self._folder))
        if problems:
            raise PolicyError(*problems)
        self._secrets = tuple(map(_read, filter(os.path.lexists, self._paths)))

    def accepted(self) -> tuple[bytes, ...]:
        """Return every secret that counts now: none when a file cannot be used."""
        now_ns = self._clock.elapsed_ns()
        if self._seen is None or now_ns - self._looked_ns >= _LOOKED_NS:
            self._looked_ns = now_ns
            seen = tuple(map(_seen, self._paths))
            if seen != self._seen:
                self._seen = seen
                self._read_again()
        return self._secrets

    def _read_again(self) -> None:
        try:
            self.check()
            self.problem = ""
        except PolicyError as error:
            self._secrets = ()
            self.problem = str(error)

    def is_secret(self, given: bytes) -> bool:
        """Return whether somebody knows a secret."""
        digest = hashlib.sha256(given).digest()
        found = [
            hmac.compare_digest(hashlib.sha256(one).digest(), digest) for one in self.accepted()
        ]
        return any(found)

    def is_signature(self, signature: str, timestamp: str, body: bytes) -> bool:
        """Return whether somebody who knows a secret signed a body and a time.

        Args:
            signature: HMAC-SHA256 in hexadecimal, with or without ``sha256=`` before it.
            timestamp: As it was sent: what is signed is this, a period, and the body.
            body: Every byte of it.
        """
        match = _SIGNED.fullmatch(signature)
        given = bytes.fromhex(match[1]) if match is not None else b""
        message = timestamp.encode("utf-8", "surrogatepass") + b"." + body
        found = [
            hmac.compare_digest(hmac.digest(one, message, "sha256"), given)
            for one in self.accepted()
        ]
        return any(found)


def signed_ns(timestamp: str) -> int | None:
    """Return the time of a signature, which is written in seconds since 1970.

    >>> signed_ns("1700000000"), signed_ns("1.7e9")
    (1700000000000000000, None)
    """
    return int(timestamp) * NS_PER_S if _SECONDS.fullmatch(timestamp) else None


def _read(path: Path) -> bytes:
    secret = read_secret(path).get_secret_value()
    if len(secret) < SECRET_MIN or secret.isspace():
        raise PolicyError(
            f"{path}: a webhook's secret must have at least {SECRET_MIN} characters, had "
            f"{len(secret)}. Next: remove the file, and the next start makes one."
        )
    return secret.encode()


def _seen(path: Path) -> _Seen:
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_ctime_ns
