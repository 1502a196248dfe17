"""The watchdog's process: the engine's file, the latch, a connection of its own, signs of life.

It reads no bars and opens no journal: what it needs is there while both are gone.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from interlock.app.child import die_with, tell_line
from interlock.app.launch import Launch, read_launch
from interlock.config.home import Home
from interlock.config.service_manager import read_service_manager
from interlock.config.watchdog import WatchdogSettings
from interlock.ops.judging import Rules
from interlock.ops.kill import Unreached, look_at_venue
from interlock.ops.notify import Notifier
from interlock.ops.watchdog import Places, Terms, Watchdog
from interlock.runtime.asking import AskError, ask
from interlock.runtime.clock import NS_PER_S, SystemClock
from interlock.runtime.logs import open_log
from interlock.venues.simulated.warden_wire import SimulatedWardenCodec

PING_S: Final = 1.0
VENUE_EVERY: Final = 5  # signs of life between two looks at the venue
LOUD: Final = frozenset({"incident", "incident_result", "incident_not_written"})
GIVE_UP: Final = signal.SIGUSR1  # the supervisor's: the engine stays down

Tell = Callable[[str, Mapping[str, Any]], None]


class _Errands:
    """Signs of life to the engine, and looks at the venue: in a thread, for both may hang."""

    def __init__(self, home: Home, clock: SystemClock, tell: Tell) -> None:
        self._home = home
        self._clock = clock
        self._tell = tell
        self._problem: str | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="errands", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Run no more of them."""
        self._over.set()

    def _run(self) -> None:
        rounds = 0
        while True:
            self._ping()
            if rounds % VENUE_EVERY == 0:
                self._look()
            rounds += 1
            if self._over.wait(PING_S):
                return

    def _ping(self) -> None:
        """Let the engine know; how it is itself, its file says."""
        with suppress(OSError, AskError, ValueError):
            ask(self._home.engine_socket, {"ask": "watch", "pid": os.getpid()}, PING_S)

    def _look(self) -> None:
        """Say when our own way to the venue is gone, and when it is there again."""
        found = look_at_venue(
            self._home.venue_socket, SimulatedWardenCodec(), self._clock, who="watchdog"
        )
        problem = found.why if isinstance(found, Unreached) else ""
        if problem != self._problem and (problem == "") != (self._problem == ""):
            event = "watchdog_venue_lost" if problem else "watchdog_venue_found"
            self._tell(event, {"why": problem} if problem else {})
        self._problem = problem


def terms_of(settings: WatchdogSettings) -> Terms:
    """Return when a watchdog acts, and how."""
    return Terms(
        rules=Rules(
            hang_ns=settings.hang_seconds * NS_PER_S,
            slow_disk_ns=settings.slow_disk_seconds * NS_PER_S,
            down_ns=settings.down_seconds * NS_PER_S,
        ),
        action=settings.action,
        stop_ppm=settings.stop_ppm,
    )


def run_watchdog(launch: Launch, *, guardian: int) -> int:
    """Watch the account of this home until told to end; return the exit code.

    Returns:
        0, or 1 when the venue has not shown that a stop was done.

    Raises:
        PolicyError: The files of settings, or the home, may not be used.
    """
    die_with(guardian)
    _, home, configuration = read_launch(launch)
    home.make()
    system, clock = configuration.system, SystemClock()
    if not system.watchdog.enabled:
        sys.stderr.write("watchdog.enabled is false in interlock.toml: nobody watches.\n")
        return 0
    log = open_log(
        home.logs,
        "watchdog",
        level=system.logs.level,
        max_mib=system.logs.max_mib,
        keep=system.logs.keep,
    )

    def tell(event: str, facts: Mapping[str, Any]) -> None:
        tell_line(event, dict(facts))
        if event in LOUD:
            words = ", ".join(f"{key} {value}" for key, value in facts.items() if value != "")
            sys.stderr.write(f"{event.replace('_', ' ')}: {words}\n")
            sys.stderr.flush()
        (log.warning if event in LOUD else log.info)(event, **facts)

    watchdog = Watchdog(
        Places(
            latch=home.latch,
            progress=home.progress,
            venue=home.venue_socket,
            incidents=home.incidents,
        ),
        SimulatedWardenCodec,
        terms_of(system.watchdog),
        clock,
        tell=tell,
        sleep=time.sleep,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: watchdog.end())
    signal.signal(GIVE_UP, lambda *_: watchdog.give_up())
    errands = _Errands(home, clock, tell)
    tell("watching", {"pid": os.getpid(), "action": system.watchdog.action})
    manager = read_service_manager()
    signs = _Signs(Notifier(manager.notify_socket), manager.watchdog_s, watchdog)
    is_done = watchdog.run(signs.give)
    errands.end()
    signs.end()
    return 0 if is_done else 1


class _Signs:
    """Tells the service manager that we are ready, that we run, and what we see."""

    def __init__(self, notifier: Notifier, watchdog_s: float, watchdog: Watchdog) -> None:
        self._notifier = notifier
        self._every_s = watchdog_s / 3 if watchdog_s > 0 else PING_S
        self._watchdog = watchdog
        self._said_s = -self._every_s
        self._status = ""
        notifier.say("READY=1")

    def give(self) -> None:
        """Give one when it is due."""
        now_s = time.perf_counter()
        judged = self._watchdog.judgement
        status = f"STATUS=engine {judged.health}: {judged.why}"
        if now_s - self._said_s >= self._every_s:
            self._said_s = now_s
            self._notifier.say("WATCHDOG=1", *([status] if status != self._status else []))
            self._status = status

    def end(self) -> None:
        """Say that we end."""
        self._notifier.say("STOPPING=1")
