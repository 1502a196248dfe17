"""Telling systemd that this process is ready, alive and well (sd_notify(3))."""

import socket
from contextlib import suppress


class Notifier:
    """Says things to the service manager, if there is one that wants to hear.

    Args:
        address: Of its socket, a path or ``@`` and an abstract name; nothing when there is none.
    """

    def __init__(self, address: str) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address

    def say(self, *lines: str) -> None:
        """Send lines such as ``READY=1``; nobody has to listen."""
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
            peer.settimeout(0)
            peer.sendto("\n".join(lines).encode(), self._address)
