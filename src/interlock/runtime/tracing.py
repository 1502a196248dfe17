"""Spans for whoever collects traces: one for every decision, from its event to its durable record.

The library is an extra: a trace is for looking at, and nothing waits for it.
"""

from collections import deque
from dataclasses import dataclass
from typing import Any, Protocol

from interlock.journal.errors import JournalError
from interlock.kernel.codes import Kind
from interlock.runtime.clock import Clock
from interlock.runtime.decide import Decided
from interlock.runtime.entries import Said, events_of
from interlock.runtime.ids import order_name, signal_name


class TracerLike(Protocol):
    """What is used of OpenTelemetry's tracer."""

    def start_span(self, name: str, *, attributes: Said, start_time: int) -> Any:
        """Return a span that began at ``start_time``, ns since 1970."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    seq: int
    name: str
    facts: Said
    since_ns: int


class Tracing:
    """Writes a span for every event that caused something, once it is durable.

    Args:
        tracer: Where spans go.
        clock: For when.
    """

    def __init__(self, tracer: TracerLike, clock: Clock) -> None:
        self._tracer = tracer
        self._clock = clock
        self._waiting: deque[_Waiting] = deque()

    def watch(self, decided: Decided) -> None:
        """Begin the spans of what was decided."""
        now_ns = self._clock.now_ns()
        causes = {entry.seq: entry for entry in decided.entries}
        for seq in dict.fromkeys(int(command.row["seq"]) for command in decided.commands):
            event = events_of(causes[seq])[0]
            mine = [one.row for one in decided.commands if int(one.row["seq"]) == seq]
            facts: Said = {
                "interlock.seq": seq,
                "interlock.commands": [Kind(row["kind"]).name for row in mine],
                "interlock.orders": sorted(
                    {order_name(int(row["order_id"])) for row in mine if row["order_id"] != 0}
                ),
            }
            if event["kind"] == Kind.SIGNAL:
                facts["interlock.signal"] = signal_name(seq)
            name = f"decide {Kind(event['kind']).name.lower()}"
            self._waiting.append(_Waiting(seq, name, facts, now_ns))

    def durable(self, seq: int) -> None:
        """End the spans of what is durable now."""
        now_ns = self._clock.now_ns()
        while self._waiting and self._waiting[0].seq <= seq:
            one = self._waiting.popleft()
            span = self._tracer.start_span(one.name, attributes=one.facts, start_time=one.since_ns)
            span.end(end_time=max(now_ns, one.since_ns))


def open_tracer(endpoint: str, account: str) -> TracerLike:
    """Return a tracer that sends to an OTLP collector over HTTP, in the background.

    Raises:
        JournalError: The library is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - extra
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - extra
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - extra
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - extra
    except ImportError as error:
        raise JournalError(
            "telemetry.otlp_endpoint must be nothing where OpenTelemetry is not installed, was "
            f"{endpoint}. Next: pip install 'interlock[telemetry]'"
        ) from error
    named = Resource.create({"service.name": "interlock", "interlock.account": account})
    provider = TracerProvider(resource=named)
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer: TracerLike = provider.get_tracer("interlock")
    return tracer
