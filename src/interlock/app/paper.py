"""The supervisor: starts venue, engine, watchdog and gateway, and looks after them until stopped.

It decides nothing about trading and keeps nothing. When it dies, however it dies, all of them end
too: they hold one end of a pipe whose other end is here alone.
"""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any, Final, Protocol

from interlock.app.charges import (
    ENGINE,
    GATEWAY,
    GATEWAY_STOP_S,
    GIVE_UP,
    PAUSE_S,
    STOP_EXTRA_S,
    VENUE,
    VENUE_STOP_S,
    WATCHDOG,
    WATCHDOG_STOP_S,
    Charge,
    Starter,
    arguments_of,
    start_child,
)
from interlock.app.launch import Ready
from interlock.app.looking import Looking
from interlock.app.processes import (
    RESTARTS_MAX,
    RESTARTS_S,
    STORE_FAILED,
    Ended,
    Facts,
    Happening,
    Happenings,
    Looked,
    Signalled,
    Told,
    ending,
)
from interlock.runtime.asking import AskError, ask

REFUSED: Final = 2
HURRIED: Final = 130
TICK_S: Final = 0.1
ENGINE_STOPS: Final = "the engine stops"  # why an engine that ends lets go of its venue
RELOAD_S: Final = 30.0
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Screen(Protocol):
    """Whoever shows a person what goes on."""

    @property
    def stays(self) -> bool:
        """Whether it stays after a recording has ended, until somebody stops it."""

    @property
    def look_s(self) -> float:
        """How often it wants to know how the engine is."""

    def is_gone(self) -> bool:
        """Return whether nobody can see it any more."""

    def begin(self, ready: Ready) -> None:
        """Show what is started."""

    def say(self, event: str, facts: Facts) -> None:
        """Show something that happened."""

    def look(self, status: Facts | None, problem: str) -> None:
        """Show how the engine is, or that it does not answer."""

    def finish(self, last: Facts | None, code: int) -> None:
        """Show how it ended, and what the journal says at its end."""


class Supervisor:
    """Up to four processes and who looks at them.

    Args:
        ready: What they are started with.
        screen: Whoever looks.
        listening: Where the gateway answers: held here, so that nobody takes it while the gateway
            is started again. None is no gateway.
        start: Starts a child.
        now_s: A stopwatch.
        happenings: Where everything that happens waits.
    """

    def __init__(
        self,
        ready: Ready,
        screen: Screen,
        *,
        listening: socket.socket | None = None,
        start: Starter = start_child,
        now_s: Callable[[], float] = time.perf_counter,
        happenings: Happenings | None = None,
    ) -> None:
        self._ready = ready
        self._screen = screen
        self._start_child = start
        self._now_s = now_s
        self._happenings: Happenings = SimpleQueue() if happenings is None else happenings
        self._listening = listening
        self._venue = Charge(VENUE)
        self._engine = Charge(ENGINE)
        self._watchdog = Charge(WATCHDOG)
        self._gateway = Charge(GATEWAY)
        self._guardian = -1
        self._code: int | None = None  # while it stops: what it ends with
        self._done = False
        self._was_going = False  # the engine has spoken to the venue at least once
        self._refusals: set[tuple[str, ...]] = set()
        self._reload_wanted = False
        self._has_ended = False
        self._last: Facts | None = None

    def run(self) -> int:
        """Run until everything has ended; return the exit code."""
        guardian, mine = os.pipe()
        self._guardian = guardian
        self._screen.begin(self._ready)
        looking = Looking(self._ready.home.engine_socket, self._screen.look_s, self._happenings)
        try:
            with _signals_to(self._happenings):
                self._start(self._venue)
                self._start(self._engine)
                if self._ready.configuration.system.watchdog.enabled:
                    self._start(self._watchdog)
                if self._listening is not None:
                    self._start(self._gateway)
                looking.start()
                while not self._done:
                    self._next()
        finally:
            looking.stop()
            self._kill_all()
            os.close(mine)
            os.close(guardian)
        assert self._code is not None
        self._screen.finish(self._last, self._code)
        return self._code

    # --- what happens -------------------------------------------------------------------------

    def _next(self) -> None:
        """Take the next thing that happens, and mind the time."""
        with suppress(Empty):
            self._take(self._happenings.get(timeout=TICK_S))
        self._mind_time()

    def _take(self, happening: Happening) -> None:
        match happening:
            case Told():
                self._hear(happening)
            case Looked():
                self._look(happening)
            case Ended():
                self._mourn(happening)
            case Signalled():
                self._obey(happening.number)

    def _hear(self, told: Told) -> None:
        if told.event == "stopped":
            self._last = {"ended": self._has_ended, **told.facts}
            return
        self._was_going |= told.event == "connected"
        self._gateway.was_ready |= told.event == "gateway_ready"
        if told.event == "disconnected" and told.facts.get("why") == ENGINE_STOPS:
            return
        self._screen.say(told.event, told.facts)

    def _look(self, looked: Looked) -> None:
        if looked.status is not None:
            self._has_ended = bool(looked.status["ended"])
        self._screen.look(looked.status, looked.problem)
        if looked.status is not None and self._reload_wanted:
            self._reload_wanted = False
            self._reload()

    def _obey(self, number: int) -> None:
        """Do what a signal asks for. A terminal that was closed says SIGHUP too, and means stop."""
        if number == signal.SIGHUP and not self._screen.is_gone():
            self._reload_wanted = True  # an engine that still starts would die of it
            return
        if self._code is None:
            self._screen.say("stopping", {"why": signal.Signals(number).name})
            self._stop(0)
        elif number == signal.SIGINT:
            self._screen.say("hurried", {})
            self._code = HURRIED
            self._kill_all()

    def _reload(self) -> None:
        """Ask the engine to read its rules again, beside everything else."""

        def reload() -> None:
            socket = self._ready.home.engine_socket
            event, facts = "reloaded", Facts()
            try:
                facts = ask(socket, {"ask": "reload"}, RELOAD_S)
            except (OSError, AskError) as error:
                event, facts = "reload_refused", {"why": str(error)}
            self._happenings.put(Told(child=ENGINE, event=event, facts=facts))

        threading.Thread(target=reload, name="reload", daemon=True).start()

    # --- starting and ending ------------------------------------------------------------------

    @property
    def _charges(self) -> tuple[Charge, ...]:
        """All of them, in the order in which they are stopped."""
        return self._gateway, self._watchdog, self._engine, self._venue

    def _charge(self, name: str) -> Charge:
        return next(charge for charge in self._charges if charge.name == name)

    def _start(self, charge: Charge) -> None:
        listen = -1 if self._listening is None else self._listening.fileno()
        arguments = arguments_of(
            charge.name, self._ready.launch, stays=self._screen.stays, listen=listen
        )
        inherited = (self._guardian, listen) if charge is self._gateway else (self._guardian,)
        charge.due_s = None
        charge.process = self._start_child(charge.name, arguments, self._happenings, inherited)

    def _mourn(self, ended: Ended) -> None:
        """A child is gone: find out what that means."""
        charge = self._charge(ended.child)
        if charge.process is None or charge.process.pid != ended.process:
            return
        charge.process = None
        charge.kill_s = None
        if self._code is not None:
            self._go_on_stopping(ended)
        elif charge.was_ready:
            self._start_again(charge, ended)  # whatever it is now: no reason to stop trading
        elif ended.code == REFUSED or (ended.code == STORE_FAILED and not self._was_going):
            self._say_refused(ended)
            self._stop(REFUSED)
        elif ended.child == ENGINE and ended.code == 0:
            self._stop(0)
        else:
            self._start_again(charge, ended)

    def _say_refused(self, ended: Ended) -> None:
        """Show what a child refused, once where both say the same."""
        if ended.errors not in self._refusals:
            self._refusals.add(ended.errors)
            self._screen.say("refused", {"child": ended.child, "errors": list(ended.errors)})

    def _start_again(self, charge: Charge, ended: Ended) -> None:
        facts = {"child": ended.child, "how": ending(ended.code), "errors": list(ended.errors)}
        pause_s = charge.restarts.pause_s(self._now_s())
        if pause_s is None and charge.is_dispensable:
            pause_s = PAUSE_S
        if pause_s is None:
            minutes = RESTARTS_S / 60
            more = {"restarts": RESTARTS_MAX, "minutes": minutes}
            self._screen.say("stays_down", {**facts, **more})
            if charge is self._engine and self._watchdog.process is not None:
                self._watchdog.process.signal(GIVE_UP)
            self._stop(1)
            return
        self._screen.say("starts_again", {**facts, "pause_s": pause_s})
        charge.due_s = self._now_s() + pause_s

    def _stop(self, code: int) -> None:
        """End the gateway, and the watchdog, that it takes no end for a hang; then the rest."""
        self._code = code
        for charge in self._charges:
            charge.due_s = None
        self._stop_next()

    def _stop_next(self) -> None:
        """End the next one that is left, and this when there is none."""
        stop_s = self._ready.configuration.system.engine.stop_seconds + STOP_EXTRA_S
        within_s = {
            GATEWAY: GATEWAY_STOP_S,
            WATCHDOG: WATCHDOG_STOP_S,
            ENGINE: stop_s,
            VENUE: VENUE_STOP_S,
        }
        for charge in self._charges:
            if charge.process is not None:
                if charge.kill_s is None:
                    self._ask_to_end(charge, within_s[charge.name])
                return
        self._done = True

    def _ask_to_end(self, charge: Charge, within_s: float) -> None:
        assert charge.process is not None
        charge.kill_s = self._now_s() + within_s
        charge.process.signal(signal.SIGTERM)

    def _go_on_stopping(self, ended: Ended) -> None:
        """One of them is gone, as it should; one that broke instead is not passed over."""
        if ended.code == REFUSED:
            self._say_refused(ended)
            self._code = self._code or REFUSED
        elif ended.code not in {0, -signal.SIGTERM} and self._code == 0:
            facts = {"child": ended.child, "how": ending(ended.code), "errors": list(ended.errors)}
            self._screen.say("ended_badly", facts)
            self._code = 1
        self._stop_next()

    def _mind_time(self) -> None:
        now_s = self._now_s()
        for charge in reversed(self._charges):
            if charge.due_s is not None and now_s >= charge.due_s:
                self._start(charge)
            if charge.kill_s is not None and now_s >= charge.kill_s:
                charge.kill_s = None
                if charge.process is not None:
                    self._screen.say("killed", {"child": charge.name})
                    self._code = self._code or 1
                    charge.process.signal(signal.SIGKILL)

    def _kill_all(self) -> None:
        for charge in self._charges:
            if charge.process is not None:
                charge.process.signal(signal.SIGKILL)
                charge.process.wait(VENUE_STOP_S)


@contextmanager
def _signals_to(happenings: Happenings) -> Iterator[None]:
    """Hand signals on as things that happen, for as long as the block lasts."""

    def take(number: int, _frame: FrameType | None) -> None:
        happenings.put(Signalled(number=number))  # a SimpleQueue: it may be in use right now

    before: dict[int, Any] = {number: signal.signal(number, take) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
