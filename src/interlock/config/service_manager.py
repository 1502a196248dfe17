"""What a service manager told this process in its environment (systemd.exec(5), sd_notify(3))."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

_US_PER_S = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceManager:
    """Whoever started this process.

    Attributes:
        notify_socket: Where it wants to hear of us; nothing when it does not.
        watchdog_s: It ends us when it hears nothing for so long; 0 when it does not watch.
    """

    notify_socket: str
    watchdog_s: float


def read_service_manager(environ: Mapping[str, str] | None = None) -> ServiceManager:
    """Return what ``environ`` (this process's, when not given) says of the service manager."""
    found = os.environ if environ is None else environ
    told = found.get("WATCHDOG_USEC", "")
    mine = found.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    watchdog_s = int(told) / _US_PER_S if told.isdecimal() and mine else 0.0
    return ServiceManager(notify_socket=found.get("NOTIFY_SOCKET", ""), watchdog_s=watchdog_s)
