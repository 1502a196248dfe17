"""The second factor: codes of six digits that change every 30 s, each good for one use.

A code is believed in its own step, the one before and the one after, by this machine's clock. So it
lives for up to 90 s, and not 30 s: phones are off by a few seconds. That it is good for one use is
what keeps whoever saw it from using it.

Source:
    RFC 6238, section 5.2: one step of delay is recommended at most; an accepted code must not be
    accepted again.
"""

import hmac
from typing import Final

import pyotp
import segno

from interlock.runtime.clock import NS_PER_S

STEP_S: Final = 30
DRIFT_STEPS: Final = 1
DIGITS: Final = 6
ISSUER: Final = "Interlock"

_SCALE: Final = 4  # of the QR code: pixels for each of its dots


def new_secret() -> str:
    """Return a secret of 160 bits, as authenticators take it."""
    return pyotp.random_base32(length=32)


def step_of(now_ns: int) -> int:
    """Return the number of the step that a moment lies in."""
    return now_ns // NS_PER_S // STEP_S


def matching_step(secret: str, typed: str, now_ns: int, used_step: int) -> int | None:
    """Return the step whose code was typed, or None when it is none that may still be used.

    Args:
        secret: The person's.
        typed: What they typed, of any kind.
        now_ns: This moment, UTC.
        used_step: The last step a code of which was used; it and what lies before are used up.
    """
    code = typed.replace(" ", "").encode(errors="surrogatepass")
    now, codes = step_of(now_ns), pyotp.TOTP(secret, digits=DIGITS, interval=STEP_S)
    found = None
    for step in range(max(0, now - DRIFT_STEPS), now + DRIFT_STEPS + 1):
        # Every one is compared, so that the time it takes says nothing.
        same = hmac.compare_digest(codes.generate_otp(step).encode(), code)
        if same and step > used_step and found is None:
            found = step
    return found


def otpauth_uri(secret: str, name: str) -> str:
    """Return what an authenticator reads from a QR code."""
    return pyotp.TOTP(secret, digits=DIGITS, interval=STEP_S).provisioning_uri(
        name=name, issuer_name=ISSUER
    )


def qr_code(uri: str) -> str:
    """Return a picture of it, as a ``data:`` URI of SVG."""
    return segno.make(uri, error="m", micro=False).svg_data_uri(
        scale=_SCALE, dark="#000000", light="#ffffff"
    )
