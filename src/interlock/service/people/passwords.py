"""Passwords: kept as argon2id, tried in a thread that steps back for everything else."""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from interlock.service.people.codes import new_token
from interlock.service.people.common_passwords import COMMON, ROWS, WORDS
from interlock.service.problems import Problem

LENGTH_MIN: Final = 12
LENGTH_MAX: Final = 128

# OWASP asks for at least 19 MiB and two passes, or 46 MiB and one; RFC 9106 (section 4) for 64 MiB
# and three passes where memory is short.
MEMORY_KIB: Final = 64 * 1_024
PASSES: Final = 3
LANES: Final = 1

WAITING_MAX: Final = 16
_PLACES: Final = 2  # how many times as many of those who are known may wait
_BUSY_S: Final = 2
_NICENESS: Final = 10
_REST_MIN: Final = 6
_PERIOD_MAX: Final = 6

_Found = TypeVar("_Found")


class Hasher:
    """Makes and tries password hashes, one after the other, and never more than a few wait.

    Args:
        memory_kib: Of each hash.
        passes: Over that memory.
        waiting_max: How many strangers may wait; whoever comes then is told to come later. So a
            flood of logins takes one thread of low priority and no more, and webhooks go on. For
            those who are known in some way there are as many places again: strangers do not keep
            them out.
    """

    def __init__(
        self,
        *,
        memory_kib: int = MEMORY_KIB,
        passes: int = PASSES,
        waiting_max: int = WAITING_MAX,
    ) -> None:
        self._hasher = argon2.PasswordHasher(
            time_cost=passes, memory_cost=memory_kib, parallelism=LANES, type=argon2.Type.ID
        )
        self._nobody = self._hasher.hash(new_token())
        self._waiting = 0
        self._waiting_max = waiting_max
        self._known_max = waiting_max * _PLACES
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="passwords", initializer=_step_back)

    async def hash(self, password: str) -> str:
        """Return what is kept of a password, of somebody who is known.

        Raises:
            Problem: 503, too many wait.
        """
        return await self._queued(self._known_max, self._hasher.hash, password)

    async def is_right(self, kept: str | None, password: str, *, is_known: bool = False) -> bool:
        """Return whether a password is the one that was kept; takes as long when none was.

        Args:
            kept: Of the person; None when there is nobody.
            password: As it was typed.
            is_known: Whether they have shown anything that a stranger has not.

        Raises:
            Problem: 503, too many wait.
        """
        waiting_max = self._known_max if is_known else self._waiting_max
        found = await self._queued(waiting_max, self._verify, kept or self._nobody, password)
        return found and bool(kept)

    def close(self) -> None:
        """Let go of the thread."""
        self._thread.shutdown()

    def _verify(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password.encode(errors="surrogatepass"))
        except (VerificationError, InvalidHashError):
            return False

    async def _queued(
        self, waiting_max: int, function: Callable[..., _Found], *arguments: str
    ) -> _Found:
        if self._waiting >= waiting_max:
            raise Problem(
                status=503,
                code="BUSY",
                message=f"too many sign in at once. Next: try again in {_BUSY_S} seconds.",
                headers={"retry-after": str(_BUSY_S)},
            )
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, function, *arguments)
        finally:
            self._waiting -= 1


def _step_back() -> None:
    """Let every other thread of this machine go first (setpriority(2): of a thread, on Linux)."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


def password_problem(password: str, name: str) -> str:
    """Return why a password may not be used; "" when it may.

    It is taken as it was typed, whatever it is made of. What counts is that it is long, and that it
    is not among the first that somebody would try.

    Args:
        password: As it was typed.
        name: Of the person.
    """
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX:
        return (
            f"a password must have {LENGTH_MIN} to {LENGTH_MAX} characters, was one of "
            f"{len(password)}. Next: take a sentence of your own."
        )
    if any("\ud800" <= letter <= "\udfff" for letter in password):
        return "a password must be of characters, was half of one in one place."
    if _is_common(password.casefold(), name.casefold()):
        return (
            "a password must not be among the first that others would try: one of the most common, "
            "a run of keys, or little more than your name or this program's, was one of these. "
            "Next: take a sentence of your own."
        )
    return ""


def _is_common(password: str, name: str) -> bool:
    """Return whether it is known, a pattern, or mostly a word that everybody would try first."""
    if password in COMMON or _is_pattern(password):
        return True
    rest = password
    for word in sorted({name, *WORDS}, key=len, reverse=True):
        if word:
            rest = rest.replace(word, "")
    return rest != password and (len(rest) < _REST_MIN or _is_pattern(rest))


def _is_pattern(text: str) -> bool:
    """Return whether it is a few characters over and over, or a run along the keyboard."""
    periods = range(1, _PERIOD_MAX + 1)
    if any(text == (text[:size] * len(text))[: len(text)] for size in periods):
        return True
    return any(text in row * 3 or text in row[::-1] * 3 for row in ROWS)
