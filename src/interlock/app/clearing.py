"""Looking at what is killed, and letting an account go on: only ever through its engine."""

import os
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from typing import Any, Final

from interlock.app.kill_reports import Found, last_report
from interlock.app.kill_venue import CLEAR_S, VENUE, VenueHere
from interlock.app.killing import ANSWER_S, latch_said, who_asks
from interlock.config.errors import PolicyError
from interlock.config.home import Home, home_of
from interlock.config.latch import Latch, LatchState, one_line
from interlock.config.latch_file import LatchFile
from interlock.config.settings import read_settings
from interlock.runtime.asking import AskError, ask
from interlock.runtime.clock import NS_PER_S, SystemClock

CLEAR_ANSWER_S: Final = 10.0
RECONCILE_S: Final = 20.0  # to see that what a watchdog left behind is gone
_PAUSE_S: Final = 0.2

Told = Callable[[str], None]


class NotRunningError(ValueError):
    """What was asked for needs an engine, and none runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KillStatus:
    """How a home is, as far as kills go.

    Attributes:
        latch: What the file says.
        is_set: Whether anything stops it: the file, or a latch in the engine.
        engine: The latches that kills set in it; None when none answers.
        venue: What it shows.
        last: The last report of a kill.
    """

    latch: dict[str, Any]
    is_set: bool
    engine: list[dict[str, Any]] | None
    venue: Found
    last: dict[str, Any] | None

    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return asdict(self)


def status() -> KillStatus:
    """Return how the home is; nothing is changed."""
    home = home_of(read_settings())
    clock = SystemClock()
    latch = _latch_of(home, clock)
    engine: list[dict[str, Any]] | None = None
    with suppress(OSError, ValueError):
        found = ask(home.engine_socket, {"ask": "status"}, ANSWER_S)["latches"]
        engine = [one for one in found if str(one["cause"]).startswith("KILL_")]
    return KillStatus(
        latch=latch_said(latch),
        is_set=latch.is_set or bool(engine),
        engine=engine,
        venue=VenueHere(home, clock, lambda _: None).look(),
        last=last_report(home),
    )


def _latch_of(home: Home, clock: SystemClock) -> Latch:
    """Return what the latch says; clear in a home where nothing was ever started."""
    traces = (home.latch, home.engine_lock, home.journal)
    if not any(os.path.lexists(path) for path in traces):
        return Latch(state=LatchState.CLEAR)
    with closing(LatchFile(path=home.latch, stopwatch_ns=clock.elapsed_ns)) as file:
        return file.read()


def clear(reason: str, tell: Told) -> dict[str, Any]:
    """Let the engine clear what was killed, and return its answer.

    What a watchdog left resting at the venue is withdrawn first: nobody could explain it.

    Raises:
        PolicyError: There is no reason.
        AskError: It refused: the account is not reconciled.
        NotRunningError: No engine runs: nobody can say that the account is reconciled.
        TimeoutError: It does not answer.
    """
    _check_reason(reason)
    home = home_of(read_settings())
    clock = SystemClock()
    latch = _latch_of(home, clock)
    words = {"reason": one_line(reason), "who": who_asks()}
    venue = VenueHere(home, clock, tell)
    left = venue.left_behind()
    if left:
        tell(f"venue {VENUE}: {left} orders that a watchdog left are withdrawn")
        venue.withdraw(CLEAR_S)
    until_ns = clock.elapsed_ns() + int(RECONCILE_S * NS_PER_S)
    while True:
        try:
            return _ask(home, {"ask": "clear", "seen_ns": latch.ts_ns, **words})
        except AskError as error:
            if not left or "reconciled" not in str(error) or clock.elapsed_ns() > until_ns:
                raise
            time.sleep(_PAUSE_S)


def resume(cause: str | None, of: str | None, reason: str | None) -> dict[str, Any]:
    """Let the engine release a latch that waits for a person, or name those that are set.

    Raises:
        PolicyError: There is no reason.
        AskError: It refused.
        NotRunningError: No engine runs.
        TimeoutError: It does not answer.
    """
    home = home_of(read_settings())
    if cause is None:
        return _ask(home, {"ask": "resume"})
    _check_reason(reason or "")
    words = {"reason": one_line(reason or ""), "who": who_asks()}
    return _ask(home, {"ask": "resume", "cause": cause, "of": of, **words})


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise PolicyError("--reason must say why, was nothing. Nothing was changed.")


def _ask(home: Home, request: dict[str, Any]) -> dict[str, Any]:
    try:
        return ask(home.engine_socket, request, CLEAR_ANSWER_S)
    except TimeoutError:
        raise
    except OSError as error:
        raise NotRunningError(
            f"no engine runs in {home.root}, and only one can say that the account is as its venue "
            "says. Next: interlock run, which starts halted, and then this again."
        ) from error
