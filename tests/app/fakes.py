"""A supervisor's surroundings without processes: children that end when they are told to."""

import signal
import socket
from collections import deque
from collections.abc import Callable, Sequence
from queue import Empty
from typing import Any

from interlock.app.launch import Launch, Ready, is_new, read_launch
from interlock.app.paper import Supervisor
from interlock.app.processes import Ended, Facts, Happening, Happenings, Looked, Signalled, Told

STATUS: Facts = {"ended": False}


class FakeChild:
    """A child that notes its signals; it ends when the test says so.

    Args:
        name: Its verb.
        arguments: Of the verb.
        pid: Its id.
        obey: Called when it is asked to end.
    """

    def __init__(
        self, name: str, arguments: Sequence[str], pid: int, obey: Callable[[], None]
    ) -> None:
        self.name = name
        self.arguments = list(arguments)
        self.pid = pid
        self.signals: list[int] = []
        self._obey = obey

    def signal(self, number: int) -> None:
        """Note it."""
        self.signals.append(number)
        if number == signal.SIGTERM:
            self._obey()

    def wait(self, timeout_s: float) -> bool:
        """Be gone."""
        return timeout_s > 0


class FakeScreen:
    """Remembers what it was shown."""

    look_s = 3_600.0

    def __init__(self, *, stays: bool = False) -> None:
        self.stays = stays
        self.gone = False
        self.said: list[tuple[str, Facts]] = []
        self.last: Facts | None = None
        self.code: int | None = None

    def is_gone(self) -> bool:
        """Return whether the terminal was closed."""
        return self.gone

    def begin(self, ready: Ready) -> None:
        """Be shown what is started."""
        assert ready.home.root.is_dir()

    def say(self, event: str, facts: Facts) -> None:
        """Remember it."""
        self.said.append((event, facts))

    def look(self, status: Facts | None, problem: str) -> None:
        """Look at nothing."""
        assert status is not None or problem

    def finish(self, last: Facts | None, code: int) -> None:
        """Remember how it ended."""
        self.last, self.code = last, code

    def events(self) -> list[str]:
        """Return the events that were shown, in order."""
        return [event for event, _ in self.said]


class Scripted:
    """Things that happen; when none is left, the script says what is next."""

    def __init__(self, next_step: Callable[[], None]) -> None:
        self._waiting: deque[Happening] = deque()
        self._next_step = next_step

    def put(self, item: Happening) -> None:
        """Add one."""
        self._waiting.append(item)

    def get(self, *, timeout: float) -> Happening:
        """Return the next one; no time passes."""
        assert timeout > 0
        if not self._waiting:
            self._next_step()
        if not self._waiting:
            raise Empty
        return self._waiting.popleft()


class World:
    """A supervisor over fake children, driven by a script. A watchdog ends when it is asked to.

    Args:
        script: Each step is called with this when nothing else is left to happen.
        stays: Whether the screen is a terminal.
        launch: What a person said.
        watchdog_obeys: Else the test says when it ends.
        listening: What a gateway would answer on; without it there is none.
    """

    def __init__(
        self,
        script: Sequence[Callable[["World"], None]],
        *,
        stays: bool = False,
        launch: Launch | None = None,
        watchdog_obeys: bool = True,
        listening: socket.socket | None = None,
    ) -> None:
        self.watchdog_obeys = watchdog_obeys
        self.screen = FakeScreen(stays=stays)
        self.children: list[FakeChild] = []
        self._script = list(script)
        self._now_s = 0.0
        settings, home, configuration = read_launch(launch or Launch())
        home.make()
        self.home = home
        self._happenings = Scripted(self._step)
        self.supervisor = Supervisor(
            Ready(
                launch=launch or Launch(),
                settings=settings,
                home=home,
                configuration=configuration,
                is_new=is_new(home, configuration),
            ),
            self.screen,
            listening=listening,
            start=self._start,
            now_s=lambda: self._now_s,
            happenings=self._happenings,
        )

    def run(self) -> int:
        """Run to the end of the script and of the supervisor."""
        return self.supervisor.run()

    def newest(self, name: str) -> FakeChild:
        """Return the child of a name that was started last."""
        return [child for child in self.children if child.name == name][-1]

    def started(self, name: str) -> int:
        """Return how often a child was started."""
        return sum(child.name == name for child in self.children)

    def ends(self, name: str, code: int, *errors: str) -> None:
        """Let the newest child of a name end."""
        child = self.newest(name)
        self._put(Ended(child=name, process=child.pid, code=code, errors=errors))

    def tells(self, event: str, **facts: Any) -> None:
        """Let the engine tell something."""
        self._put(Told(child="engine", event=event, facts=facts))

    def answers(self, **facts: Any) -> None:
        """Let the engine answer how it is."""
        self._put(Looked(status={**STATUS, **facts}))

    def signalled(self, number: int) -> None:
        """Let somebody signal the supervisor."""
        self._put(Signalled(number=number))

    def passes(self, seconds: float) -> None:
        """Let time pass."""
        self._now_s += seconds

    def _put(self, happening: Happening) -> None:
        self._happenings.put(happening)

    def _step(self) -> None:
        assert self._script, "the script is over, and the supervisor is not"
        self._script.pop(0)(self)

    def _start(
        self,
        name: str,
        arguments: Sequence[str],
        happenings: Happenings,
        inherited: Sequence[int],
    ) -> FakeChild:
        assert all(descriptor > 0 for descriptor in inherited)
        assert happenings is self._happenings

        def obey() -> None:
            if name == "gateway" or (name == "watchdog" and self.watchdog_obeys):
                self.ends(name, 0)

        child = FakeChild(name, arguments, pid=len(self.children) + 1, obey=obey)
        self.children.append(child)
        return child


def ends_when_asked(world: World, name: str, code: int = 0) -> None:
    """Let a child end if it was asked to."""
    assert signal.SIGTERM in world.newest(name).signals, name
    world.ends(name, code)
