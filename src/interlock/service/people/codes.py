"""What is drawn by chance: tokens for machines, codes for people. Only digests of them are kept."""

import base64
import hashlib
import secrets
from typing import Final

TOKEN_BYTES: Final = 32  # 256 bits: nobody guesses it, so one round of SHA-256 keeps it
CODE_BYTES: Final = 16  # 128 bits, as letters that people can read to each other
ID_BYTES: Final = 8  # a name and no secret

_GROUP: Final = 5
_CODE_LETTERS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
_CODE_LENGTH: Final = 26


def new_token(prefix: str = "") -> str:
    """Return a secret for a program to keep."""
    return prefix + secrets.token_urlsafe(TOKEN_BYTES)


def new_id() -> str:
    """Return a name that nothing else has."""
    return secrets.token_hex(ID_BYTES)


def new_code() -> str:
    """Return a secret for a person to type: letters and the digits 2 to 7, in groups."""
    letters = base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode().rstrip("=")
    return "-".join(letters[at : at + _GROUP] for at in range(0, len(letters), _GROUP))


def plain_code(typed: str) -> str:
    """Return a typed code without what people put between its letters; "" when it is none.

    >>> plain_code("abcde fghij-klmno-pqrst-uvwxy-z")
    'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
    """
    letters = "".join(typed.replace("-", " ").split()).upper()
    return letters if len(letters) == _CODE_LENGTH and set(letters) <= _CODE_LETTERS else ""


def digest(kind: str, secret: str) -> str:
    """Return what is kept of a token or a code; one kind's is never another's."""
    raw = f"interlock {kind}\0{secret}".encode(errors="surrogatepass")
    return hashlib.sha256(raw).hexdigest()
