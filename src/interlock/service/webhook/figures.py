"""Numbers of the webhook, for Prometheus."""

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3)


class WebhookFigures:
    """Counts alerts by what became of them at the door.

    Args:
        registry: Of the gateway.
        waiting: Returns how many alerts the engine has said nothing of.
    """

    def __init__(self, registry: CollectorRegistry, waiting: Callable[[], int]) -> None:
        self._results = Counter(
            "interlock_webhook_requests_total",
            "Webhook requests: accepted, duplicate, ping, or the code of the refusal",
            ["result"],
            registry=registry,
        )
        self._seconds = Histogram(
            "interlock_webhook_kept_seconds",
            "How long it took until an alert was on the disk",
            buckets=_SECONDS,
            registry=registry,
        )
        gauge = Gauge(
            "interlock_webhook_waiting",
            "Alerts that the engine has not answered",
            registry=registry,
        )
        gauge.set_function(waiting)

    def count(self, result: str) -> None:
        """Count a request; ``result`` is one of our own words."""
        self._results.labels(result).inc()

    def kept(self, seconds: float) -> None:
        """Note how long an alert took to be kept."""
        self._seconds.observe(seconds)
