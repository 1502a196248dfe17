"""Asking a running engine: the light end of its door, without anything that is slow to load."""

import json
import socket
from pathlib import Path
from typing import Any, Final

LINE_MAX: Final = 65_536
READ_TIMEOUT_S: Final = 5.0

Said = dict[str, Any]


class AskError(ValueError):
    """A request that cannot be done; its sentence is the answer."""


def json_line(content: Said) -> bytes:
    """Return a request or an answer as it goes over the socket."""
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def ask(path: Path, request: Said, timeout_s: float = READ_TIMEOUT_S) -> Said:
    """Ask a running engine.

    Raises:
        OSError: There is none, or it does not answer.
        AskError: It refused.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.settimeout(timeout_s)
        peer.connect(str(path))
        peer.sendall(json_line(request))
        data = b""
        while not data.endswith(b"\n"):
            part = peer.recv(LINE_MAX)
            if not part:
                raise ConnectionError("the engine hung up")
            data += part
    answer: Said = json.loads(data)
    if not answer.pop("ok"):
        raise AskError(str(answer["error"]))
    return answer
