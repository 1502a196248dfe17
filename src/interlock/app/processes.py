"""Child processes: started, listened to, signalled, and started again a few times."""

import json
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Any, Final, Protocol, TypeAlias

Facts: TypeAlias = dict[str, Any]

STORE_FAILED: Final = 74  # EX_IOERR, of an engine: the journal's place refused
RESTARTS_MAX: Final = 3
RESTARTS_S: Final = 300.0
PAUSES_S: Final = (0.5, 2.0, 5.0)  # before each of them
ERRORS_KEPT: Final = 200  # lines of a child's stderr
LINE_MAX: Final = 65_536
_READERS_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A child told something: an event and its facts."""

    child: str
    event: str
    facts: Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A child is gone; everything it told came before this.

    Attributes:
        child: Its name.
        process: Its id.
        code: Its exit code; below 0 the signal that killed it.
        errors: What it wrote on stderr, the last lines.
    """

    child: str
    process: int
    code: int
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """The engine was asked how it is.

    Attributes:
        status: Its answer; None when there was none.
        problem: Why not.
    """

    status: Facts | None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signalled:
    """Somebody signalled this process."""

    number: int


Happening: TypeAlias = Told | Ended | Looked | Signalled


class Happenings(Protocol):
    """Where things that happen wait for the supervisor: a ``queue.SimpleQueue``."""

    def put(self, item: Happening) -> None:
        """Add one, from any thread or signal handler."""

    def get(self, *, timeout: float) -> Happening:
        """Return the next one; raises ``queue.Empty`` when there was none in time."""


def told_in(child: str, line: str) -> Told:
    """Return what a line on a child's stdout says: JSON with an event, or anything else."""
    try:
        facts = json.loads(line)
        event = str(facts.pop("event"))
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return Told(child=child, event="said", facts={"child": child, "text": line})
    return Told(child=child, event=event, facts=facts)


def ending(code: int) -> str:
    """Return how a process ended, for people.

    >>> ending(-9), ending(3)
    ('was killed by SIGKILL', 'ended with exit code 3')
    """
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


class Child:
    """One process of ours, from its start to its end.

    It is in a session of its own, so that Ctrl-C on the terminal reaches its supervisor alone.

    Args:
        name: The verb that it runs.
        arguments: Of the verb.
        happenings: Told what it says, and that it ended.
        pass_fds: Descriptors that it inherits.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        happenings: Happenings,
        *,
        pass_fds: Sequence[int],
    ) -> None:
        self.name = name
        self._happenings = happenings
        self._errors: deque[str] = deque(maxlen=ERRORS_KEPT)
        # -P: a file in the working folder must not take the place of a module.
        self._process = subprocess.Popen(  # noqa: S603 - this very program
            [sys.executable, "-P", "-m", "interlock", name, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            pass_fds=tuple(pass_fds),
            start_new_session=True,
        )
        self._ended = False
        threading.Thread(target=self._watch, name=f"{name} watcher", daemon=True).start()

    @property
    def pid(self) -> int:
        """Its id."""
        return self._process.pid

    def signal(self, number: int) -> None:
        """Send a signal; one that is gone already does not mind."""
        self._process.send_signal(number)

    def wait(self, timeout_s: float) -> bool:
        """Return whether it is gone within a time."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _watch(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        readers = [
            threading.Thread(target=_each_line, args=(stream, take), daemon=True)
            for stream, take in (
                (self._process.stdout, self._hear),
                (self._process.stderr, self._errors.append),
            )
        ]
        for reader in readers:
            reader.start()
        code = self._process.wait()
        for reader in readers:
            reader.join(_READERS_S)
        self._happenings.put(
            Ended(child=self.name, process=self.pid, code=code, errors=tuple(self._errors))
        )

    def _hear(self, line: str) -> None:
        self._happenings.put(told_in(self.name, line))


def _each_line(stream: IO[str], take: Callable[[str], None]) -> None:
    """Hand on each line of a stream until it ends; one that is too long goes in pieces."""
    with stream:
        while line := stream.readline(LINE_MAX):
            take(line.rstrip("\n"))


class Restarts:
    """How often one child was started again; after too often it stays down."""

    def __init__(self) -> None:
        self._times_s: deque[float] = deque()

    def pause_s(self, now_s: float) -> float | None:
        """Return how long to wait before another start; None when there shall be none."""
        while self._times_s and now_s - self._times_s[0] > RESTARTS_S:
            self._times_s.popleft()
        if len(self._times_s) >= RESTARTS_MAX:
            return None
        self._times_s.append(now_s)
        return PAUSES_S[len(self._times_s) - 1]
