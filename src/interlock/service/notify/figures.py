"""Numbers of the notifier, for Prometheus."""

from prometheus_client import Counter, Histogram

from interlock.service.metrics import GatewayMetrics

_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0)


class Figures:
    """Counts what got through, and how long it took.

    Args:
        metrics: Has the registry; None counts nothing.
    """

    def __init__(self, metrics: GatewayMetrics | None) -> None:
        self._alerts: Counter | None = None
        self._seconds: Histogram | None = None
        if metrics is not None:
            self._alerts = Counter(
                "interlock_alerts_delivered",
                "Alerts that a channel took.",
                ["channel"],
                registry=metrics.registry,
            )
            self._seconds = Histogram(
                "interlock_alert_delivery_seconds",
                "From an alert until a channel took it.",
                ["channel"],
                buckets=_BUCKETS,
                registry=metrics.registry,
            )

    def delivered(self, channel: str, count: int, seconds: float) -> None:
        """Count a message."""
        if self._alerts is not None and self._seconds is not None:
            self._alerts.labels(channel).inc(count)
            self._seconds.labels(channel).observe(seconds)
