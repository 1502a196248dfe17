"""Numbers of the gateway itself, for Prometheus."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class GatewayMetrics:
    """Counts requests, connections and what is asked of the engine. Others add their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "interlock_gateway_requests_total",
            "Requests by route and class of status",
            ["route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "interlock_gateway_request_seconds",
            "From the last byte of a request to the end of its answer",
            ["route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._open = Gauge(
            "interlock_gateway_connections", "Connections that are open", registry=self.registry
        )
        self._cut = Counter(
            "interlock_gateway_connections_cut_total",
            "Connections that were cut, by reason",
            ["why"],
            registry=self.registry,
        )
        self._asks = Histogram(
            "interlock_gateway_engine_ask_seconds",
            "How long the engine took to answer",
            ["ask", "result"],
            buckets=_SECONDS,
            registry=self.registry,
        )

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count an answer; a route is its template, never what somebody wrote."""
        self._requests.labels(route, f"{status // 100}xx").inc()
        self._seconds.labels(route).observe(seconds)

    def connections(self, number: int) -> None:
        """Note how many connections are open."""
        self._open.set(number)

    def cut(self, why: str) -> None:
        """Count a connection that was cut."""
        self._cut.labels(why).inc()

    def asked(self, ask: str, result: str, seconds: float) -> None:
        """Count a question to the engine."""
        self._asks.labels(ask, result).observe(seconds)

    def text(self) -> str:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry).decode()
