"""The children of a supervisor: their names, how each is started, how long it may take to end."""

import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from interlock.app.launch import Launch
from interlock.app.processes import Child, Happenings, Restarts

VENUE: Final = "venue"
ENGINE: Final = "engine"
WATCHDOG: Final = "watchdog"
GATEWAY: Final = "gateway"
GIVE_UP: Final = signal.SIGUSR1  # to the watchdog: nobody starts the engine again
VENUE_STOP_S: Final = 5.0
STOP_EXTRA_S: Final = 2.0  # of an engine, to write the last snapshot
WATCHDOG_STOP_S: Final = 20.0  # it brings a stop to its end that is under way
GATEWAY_STOP_S: Final = 5.0
PAUSE_S: Final = 60.0  # of those without whom trading goes on, when they broke too often


class Process(Protocol):
    """What a supervisor needs of a child."""

    @property
    def pid(self) -> int:
        """Its id."""

    def signal(self, number: int) -> None:
        """Send a signal."""

    def wait(self, timeout_s: float) -> bool:
        """Return whether it is gone within a time."""


Starter = Callable[[str, Sequence[str], Happenings, Sequence[int]], Process]


def start_child(
    name: str, arguments: Sequence[str], happenings: Happenings, inherited: Sequence[int]
) -> Process:
    """Start a process that ends when we do: the first descriptor that it inherits is the pipe."""
    told = [*arguments, "--guardian", str(inherited[0])]
    return Child(name, told, happenings, pass_fds=inherited)


@dataclass(slots=True)
class Charge:
    """One child, as the supervisor knows it.

    Attributes:
        name: Its verb.
        process: None while there is none.
        due_s: When it is started again.
        kill_s: When it is killed if it does not end by itself.
        was_ready: Whether it ever said that it is.
        restarts: How often it was started again.
    """

    name: str
    process: Process | None = None
    due_s: float | None = None
    kill_s: float | None = None
    was_ready: bool = False
    restarts: Restarts = field(default_factory=Restarts)

    @property
    def is_dispensable(self) -> bool:
        """Whether trading goes on without it, in its own way, until it is there again."""
        return self.name in {WATCHDOG, GATEWAY}


def arguments_of(name: str, launch: Launch, *, stays: bool, listen: int) -> list[str]:
    """Return the options of a child.

    Args:
        name: Its verb.
        launch: What a person said.
        stays: Whether the engine stays after its recording has ended.
        listen: The socket that the gateway answers on.
    """
    if name in {WATCHDOG, GATEWAY}:
        launch = replace(launch, speed=None, data=(), strategy=None)
    arguments = launch.arguments()
    if name == ENGINE:
        arguments += ["--loosen"] if launch.loosen else []
        arguments += [] if stays else ["--stop-at-end"]
    if name == GATEWAY:
        arguments += ["--listen", str(listen)]
    return arguments
