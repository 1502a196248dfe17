"""What every process under a supervisor does: it tells what happens, and does not outlive it.

Nor does it leave its memory behind, in which there are secrets.
"""

import json
import os
import resource
import sys
import threading
from contextlib import suppress
from typing import Any, Final

LINE_MAX: Final = 65_000
GUARDIAN_GONE: Final = 70


def tell_line(event: str, facts: dict[str, Any]) -> None:
    """Write one event as a line of JSON to stdout; nobody has to read it."""
    line = json.dumps({"event": event, **facts}, default=str)
    with suppress(OSError, ValueError):
        sys.stdout.write(line[:LINE_MAX] + "\n")
        sys.stdout.flush()


def die_with(guardian: int) -> None:
    """End this process when the other end of a pipe is gone, whatever it is doing; -1 is none.

    However it ends, it writes no core: there are secrets in its memory.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if guardian < 0:
        return

    def wait() -> None:
        os.read(guardian, 1)
        os._exit(GUARDIAN_GONE)

    threading.Thread(target=wait, name="guardian", daemon=True).start()
