"""The socket to a venue: written to at once or not at all, read when there is something."""

import select
import socket
from pathlib import Path
from typing import Final

RECEIVED_MAX: Final = 262_144  # bytes at a time
WRITE_TIMEOUT_S: Final = 1.0
CONNECT_TIMEOUT_S: Final = 5.0


class Connection:
    """A Unix socket to the simulated venue.

    Bytes are handed to the system inside ``write``, so that whoever holds a lock around it knows
    that nothing leaves later.

    Args:
        path: Of the socket.
        timeout_s: How long it may take to connect.
    """

    def __init__(self, path: Path, timeout_s: float = CONNECT_TIMEOUT_S) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(timeout_s)
            self._socket.connect(str(path))
            self._socket.settimeout(0)
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """Return what an event loop waits on."""
        return self._socket.fileno()

    def read(self) -> bytes | None:
        """Return what came in; nothing at its end, None when there is nothing yet.

        Raises:
            OSError: The connection is gone.
        """
        try:
            return self._socket.recv(RECEIVED_MAX)
        except BlockingIOError:
            return None

    def write(self, data: bytes) -> None:
        """Hand all of it to the system.

        Raises:
            OSError: The connection is gone, or takes nothing: how much was heard is not known.
        """
        left = memoryview(data)
        while left:
            try:
                left = left[self._socket.send(left) :]
            except BlockingIOError:
                _, ready, _ = select.select([], [self._socket], [], WRITE_TIMEOUT_S)
                if not ready:
                    raise TimeoutError("the venue took no bytes for a second") from None

    def close(self) -> None:
        """Let go of it."""
        self._socket.close()
