"""Who watches an engine decide: the log, the metrics, the traces."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from interlock.app.recent import Recent
from interlock.app.session import Session
from interlock.runtime.clock import Clock
from interlock.runtime.decide import Decided
from interlock.runtime.logs import Journalist, open_log
from interlock.runtime.metrics import Metrics
from interlock.runtime.tracing import Tracing, open_tracer
from interlock.runtime.turns import Scale


class Watching(Protocol):
    """Is told of what is decided, and of how far it is durable."""

    def watch(self, decided: Decided) -> None:
        """Take notice; nothing of it is durable yet."""

    def durable(self, seq: int) -> None:
        """Everything up to ``seq`` is."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Observers:
    """Everybody who watches one engine.

    Attributes:
        journalist: Writes the log.
        metrics: Counts.
        recent: Keeps the last decisions, for whoever looks.
        all: They, and whoever else.
    """

    journalist: Journalist
    metrics: Metrics
    recent: Recent
    all: Sequence[Watching]

    def watch(self, decided: Decided) -> None:
        """Tell everybody what was decided."""
        for one in self.all:
            one.watch(decided)

    def durable(self, seq: int) -> None:
        """Tell everybody how far it is durable."""
        for one in self.all:
            one.durable(seq)


def open_observers(session: Session, scales: Sequence[Scale], clock: Clock) -> Observers:
    """Return those that the configuration asks for.

    Raises:
        JournalError: Traces are asked for, and their library is not installed.
    """
    system = session.configuration.system
    logs = system.logs
    log = open_log(
        session.home.logs, "engine", level=logs.level, max_mib=logs.max_mib, keep=logs.keep
    )
    journalist = Journalist(log, [one.symbol for one in scales])
    recent = Recent(scales)
    metrics = Metrics(clock)
    watching: list[Watching] = [journalist, metrics, recent]
    if system.telemetry.otlp_endpoint:
        tracer = open_tracer(system.telemetry.otlp_endpoint, system.account.name)
        watching.append(Tracing(tracer, clock))
    return Observers(journalist=journalist, metrics=metrics, recent=recent, all=watching)
