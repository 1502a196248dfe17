"""Asking the engine how it is, again and again: it may not answer."""

import threading
from pathlib import Path
from typing import Final

from interlock.app.processes import Happenings, Looked
from interlock.runtime.asking import ask

ASK_S: Final = 1.0


class Looking:
    """Asks the engine how it is, again and again, in a thread of its own: it may not answer."""

    def __init__(self, socket: Path, every_s: float, happenings: Happenings) -> None:
        self._socket = socket
        self._every_s = every_s
        self._happenings = happenings
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="looking", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more."""
        self._over.set()

    def _run(self) -> None:
        while not self._over.wait(self._every_s):
            self._happenings.put(look(self._socket))


def look(socket: Path) -> Looked:
    """Ask an engine how it is."""
    try:
        return Looked(status=ask(socket, {"ask": "status"}, ASK_S))
    except TimeoutError:
        return Looked(status=None, problem=f"does not answer within {ASK_S:g} s")
    except (ConnectionError, FileNotFoundError):
        return Looked(status=None, problem="does not run")
    except (OSError, ValueError) as error:
        return Looked(status=None, problem=f"cannot be asked: {error}")
