"""A process that starts engines and venues by forking: real processes, without a second's wait.

It has imported everything and loaded the machine code, and never computes anything itself. One
line of JSON asks for something, one answers. Nothing of it outlives it.
"""

import ctypes
import functools
import json
import os
import select
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from interlock.app import engine as app
from interlock.app.engine import EngineOptions, run_engine
from interlock.app.session import Session, inputs_of, scales_of
from interlock.app.venue import _made_of
from interlock.config.speed import read_speed
from interlock.kernel.codes import Kind
from interlock.research.inputs import Inputs
from interlock.research.warming import warm
from interlock.venues.port import Capabilities
from interlock.venues.simulated.manners import Manners
from interlock.venues.simulated.server import Venue, serve
from interlock.venues.simulated.source import TapeSource
from interlock.venues.simulated.wire import SimulatedCodec
from tests.proof.kill_market import Market, session_in
from tests.proof.kill_points import Killer, Marks

_PARENT_DEATH: Final = 1  # prctl's PR_SET_PDEATHSIG
_START_S: Final = 20.0
_LINGER_S: Final = 600.0
_FAILED: Final = 3

Told = dict[str, Any]


def first_of(inputs: Inputs, count: int | None) -> TapeSource:
    """Return the recording, or no more than its first rows."""
    bars, facts = inputs.merged.bars, inputs.facts
    whole = TapeSource(bars, facts)
    if count is None:
        return whole
    taken = [row for row in (whole.take() for _ in range(count)) if row is not None]
    of_bars = sum(row["kind"] == Kind.BAR for row in taken)
    return TapeSource(bars[:of_bars], facts[: len(taken) - of_bars])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Running:
    """An engine, and where it says what it does."""

    pid: int
    marks: Marks
    told: Path
    began_s: float


class Server:
    """Starts processes over one home after the other."""

    def __init__(self) -> None:
        self._session: Session | None = None
        self._inputs: Inputs | None = None
        self._folder = Path()
        self._venue = 0
        self._engines: dict[str, _Running] = {}

    def do_life(self, asked: Told) -> Told:
        """Begin with a new home on a market."""
        self.do_end_venue({})
        self._folder = Path(asked["folder"])
        market = Market(folder=self._folder / "market", seed=asked["seed"], bars=asked["bars"])
        market.write()
        changes = {**market.changes(), **asked.get("changes", {})}
        self._session = session_in(self._folder / "home", changes)
        self._inputs = inputs_of(self._session, lambda _: None)
        warm(tier=self._inputs.tier)
        return {}

    # --- the venue --------------------------------------------------------------------------------

    def do_venue(self, asked: Told) -> Told:
        """Start the venue, and return when it listens."""
        session, inputs = self._made()
        assert self._venue == 0
        heard, said = os.pipe()
        venue = Venue(
            folder=session.home.venue,
            source=first_of(inputs, asked.get("last")),
            world=inputs.world,
            symbols=[one.symbol for one in scales_of(inputs)],
            cash_units=inputs.cash_units,
            tier=inputs.tier,
            made_of=_made_of(inputs),
            linger_s=_LINGER_S,
            speed=read_speed(asked.get("speed", "max")),
            manners=Manners(**asked.get("manners", {})),
            tell=lambda text: _say(said, text),
        )
        self._venue = self._fork("venue", lambda: serve(venue))
        os.close(said)
        try:
            if not select.select([heard], [], [], _START_S)[0] or not os.read(heard, 4_096):
                raise RuntimeError(f"the venue did not start: {self._errors('venue')}")
        finally:
            os.close(heard)
        return {"pid": self._venue}

    def do_end_venue(self, asked: Told) -> Told:
        """Kill the venue, or stop it as its owner would."""
        if self._venue:
            os.kill(self._venue, signal.SIGTERM if asked.get("gently") else signal.SIGKILL)
            os.waitpid(self._venue, 0)
            self._venue = 0
        return {}

    # --- the engine -------------------------------------------------------------------------------

    def do_engine(self, asked: Told) -> Told:
        """Run an engine until it is dead, one way or the other."""
        self.do_start(asked)
        return self.do_end(asked)

    def do_start(self, asked: Told) -> Told:
        """Start an engine.

        It is known by ``name``. One with another ``home`` is as on another machine, and speaks to
        the same venue.
        """
        name, home = asked.get("name", "home"), asked.get("home", "home")
        session, inputs = self._made()
        if home != "home":
            latch = session.home.latch  # a home without one, of an account with a past, is killed
            session = session_in(self._folder / home, session.changes)
            shutil.copy(latch, session.home.latch)
            same = replace(session.home, venue_socket=self._folder / "home/venue/venue.sock")
            session = replace(session, home=same)
        marks = Marks(self._folder / f"{name}.marks", new=True)
        told = self._folder / f"{name}.told"
        told.write_bytes(b"")
        point, count, seed = asked.get("point", ""), asked.get("count", 0), asked.get("seed", 0)
        by = signal.SIGSTOP if asked.get("stops") else signal.SIGKILL

        def engine() -> None:
            _use(inputs, asked.get("absence"))
            Killer(point, count, seed, marks, by).install()
            descriptor = os.open(told, os.O_WRONLY | os.O_APPEND)

            def tell(event: str, facts: Told) -> None:
                os.write(descriptor, json.dumps([event, facts]).encode() + b"\n")

            options = EngineOptions(stop_at_end=asked.get("stop_at_end", False))
            tell("why", {"why": str(run_engine(session, options, tell))})

        self._engines[name] = _Running(
            pid=self._fork(name, engine), marks=marks, told=told, began_s=time.monotonic()
        )
        return {"pid": self._engines[name].pid}

    def do_look(self, asked: Told) -> Told:
        """Return what is known of an engine that runs, or is stopped."""
        running = self._engines[asked["name"]]
        lines = running.told.read_bytes().splitlines()
        return {
            "hit": running.marks.was_hit,
            "sent_after": running.marks.sent_after,
            "told": [json.loads(line) for line in lines],
            "errors": self._errors(asked["name"]),
        }

    def do_stop(self, asked: Told) -> Told:
        """Stop all of an engine where it is."""
        running = self._engines[asked["name"]]
        os.kill(running.pid, signal.SIGSTOP)
        os.waitpid(running.pid, os.WUNTRACED)
        running.marks.hit()  # what left until then left while it held the account
        return {}

    def do_go_on(self, asked: Told) -> Told:
        """Let an engine that was stopped go on."""
        os.kill(self._engines[asked["name"]].pid, signal.SIGCONT)
        return {}

    def do_end(self, asked: Told) -> Told:
        """Wait for the end of an engine, bring it about when it is time, and say how it was."""
        name = asked.get("name", "home")
        running = self._engines.pop(name)
        status = self._watch(running, asked)
        self._engines[name] = running
        acknowledged = running.marks.acknowledged
        return {
            **self.do_look({"name": name}),
            "killed": os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL,
            "status": status,
            "seq": acknowledged.seq,
            "hash": acknowledged.hash.hex(),
            "venue_alive": self._is_venue_alive(),
        }

    def _watch(self, running: "_Running", asked: Told) -> int:
        """Wait for the end of an engine, and do what is planned until then."""
        plan = [
            (asked.get("venue_after_s"), lambda: self.do_end_venue({})),
            (asked.get("stop_after_s"), lambda: os.kill(running.pid, signal.SIGTERM)),
            (asked["after_s"], lambda: os.kill(running.pid, signal.SIGKILL)),
        ]
        handle = os.pidfd_open(running.pid)
        try:
            for after_s, act in sorted(_timed(plan), key=itemgetter(0)):
                left_s = max(running.began_s + after_s - time.monotonic(), 0.0)
                if select.select([handle], [], [], left_s)[0]:
                    break
                act()
        finally:
            os.close(handle)
        return os.waitpid(running.pid, 0)[1]

    # --- processes --------------------------------------------------------------------------------

    def _made(self) -> tuple[Session, Inputs]:
        assert self._session is not None
        assert self._inputs is not None
        return self._session, self._inputs

    def _fork(self, name: str, body: Callable[[], None]) -> int:
        """Return the pid of a child that runs ``body`` and ends when it does, or when we do."""
        log = self._folder / f"{name}.err"
        pid = os.fork()
        if pid:
            return pid
        status = _FAILED
        try:
            ctypes.CDLL(None).prctl(_PARENT_DEATH, signal.SIGKILL)
            nothing = os.open(os.devnull, os.O_RDWR)
            errors = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            for source, target in ((nothing, 0), (nothing, 1), (errors, 2)):
                os.dup2(source, target)
            body()
            status = 0
        except BaseException:  # noqa: BLE001 - it is this process's end, and whoever asked reads it
            traceback.print_exc()
        finally:
            os._exit(status)

    def _errors(self, name: str) -> str:
        path = self._folder / f"{name}.err"
        return path.read_text()[-6_000:] if path.exists() else ""

    def _is_venue_alive(self) -> bool:
        if not self._venue:
            return False
        pid, _ = os.waitpid(self._venue, os.WNOHANG)
        if pid:
            self._venue = 0
        return not pid


def _timed(
    plan: Sequence[tuple[float | None, Callable[[], object]]],
) -> Iterator[tuple[float, Callable[[], object]]]:
    for after_s, act in plan:
        if after_s is not None:
            yield after_s, act


def _say(descriptor: int, text: str) -> None:
    """Tell whoever started the venue; later nobody listens."""
    try:
        os.write(descriptor, text.encode() + b"\n")
    except BrokenPipeError:
        sys.stderr.write(f"{text}\n")


def _use(inputs: Inputs, absence: list[int] | None) -> None:
    """Take what was read and loaded before the fork, which is what would be read and loaded."""
    replaced: Told = {"inputs_of": lambda _session, _tell: inputs, "warm": lambda **_: None}
    if absence is not None:
        wait_ms, answers = absence
        told = Capabilities(native_oco=True, absence_wait_ms=wait_ms, absence_answers=answers)
        replaced["SimulatedCodec"] = functools.partial(SimulatedCodec, capabilities=told)
    for name, value in replaced.items():
        setattr(app, name, value)


def main() -> None:
    """Answer until nobody asks any more."""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PARENT_DEATH, signal.SIGKILL)
    server = Server()
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = getattr(server, f"do_{asked['do']}")(asked)
        except Exception:  # noqa: BLE001 - whoever asked is told
            answer = {"failed": traceback.format_exc()}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
