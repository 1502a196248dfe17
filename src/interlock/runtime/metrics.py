"""Numbers for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from interlock.kernel.codes import Kind
from interlock.kernel.reasons import Reason
from interlock.runtime.clock import NS_PER_S, Clock
from interlock.runtime.decide import Decided
from interlock.runtime.driver import Driver

_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5)


class Metrics:
    """Counts what is decided, and how long it takes until it is durable."""

    def __init__(self, clock: Clock) -> None:
        self.registry = CollectorRegistry()
        self._clock = clock
        self._commands = Counter(
            "interlock_commands_total",
            "Commands of the kernel",
            ["kind"],
            registry=self.registry,
        )
        self._refusals = Counter(
            "interlock_refusals_total",
            "Refused entries by the lowest failing rule",
            ["reason"],
            registry=self.registry,
        )
        self._durable = Histogram(
            "interlock_durable_seconds",
            "From a decision to its durable record",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._waiting: list[tuple[int, int]] = []

    def watch(self, decided: Decided) -> None:
        """Count what was decided."""
        for command in decided.commands:
            self._commands.labels(Kind(command.row["kind"]).name).inc()
            if command.row["kind"] == Kind.REFUSED:
                self._refusals.labels(Reason(command.row["code"]).name).inc()
        if decided.commands and decided.entries:
            self._waiting.append((decided.entries[-1].last_seq, self._clock.elapsed_ns()))

    def durable(self, seq: int) -> None:
        """Note what is durable now."""
        now_ns = self._clock.elapsed_ns()
        while self._waiting and self._waiting[0][0] <= seq:
            _, since_ns = self._waiting.pop(0)
            self._durable.observe((now_ns - since_ns) / NS_PER_S)

    def follow(self, driver: Driver) -> None:
        """Publish an engine's own numbers whenever somebody reads."""
        account = driver.engine.decider.state["account"][0]
        progress = driver.engine.progress
        inbox = driver.engine.inbox
        reads = {
            "equity_units": ("Equity in account units", lambda: float(account["equity_units"])),
            "open_orders": ("Orders that are open", lambda: float(account["open_orders"])),
            "open_positions": ("Positions held", lambda: float(account["open_positions"])),
            "latch_level": (
                "Strictest latch of the account",
                lambda: float(account["latch_level"]),
            ),
            "events": ("Events decided on", lambda: float(account["events"])),
            "durable_seq": ("Last durable record", lambda: float(progress.durable_seq)),
            "decided_seq": ("Last record decided", lambda: float(driver.engine.decider.seq)),
            "inbox_waiting": ("Rows in the inbox", lambda: float(len(inbox))),
            "inbox_conflated": ("Quotes replaced by newer ones", lambda: inbox.counts.conflated),
            "orders_sent": (
                "Requests that passed the last gate",
                lambda: driver.sender.traffic.sent,
            ),
            "orders_stopped": (
                "Requests that the last gate stopped",
                lambda: sum(driver.sender.traffic.stopped.values()),
            ),
        }
        for name, (text, read) in reads.items():
            Gauge(f"interlock_{name}", text, registry=self.registry).set_function(read)

    def text(self) -> str:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry).decode()
