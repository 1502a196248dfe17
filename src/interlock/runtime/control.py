"""The engine's own door: a Unix socket for this user alone, one JSON line asked, one answered.

The command line, monitors and the gateway ask here. What changes something is answered only when
it is durable.
"""

import asyncio
import json
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

from interlock.runtime.asking import LINE_MAX, READ_TIMEOUT_S, AskError, Said, json_line

CONNECTIONS_MAX: Final = 64
_CREDENTIALS: Final = struct.Struct("3i")  # pid, uid, gid

Answer = Callable[[Said], Awaitable[Said]]


class Control:
    """Answers requests of this user's processes.

    Args:
        path: Of the socket; made for this user alone.
        answers: What can be asked, by name.
    """

    def __init__(self, path: Path, answers: Mapping[str, Answer]) -> None:
        self._path = path
        self._answers = dict(answers)
        self._open = 0

    async def serve(self) -> None:
        """Answer until cancelled."""
        self._path.unlink(missing_ok=True)
        mask = os.umask(0o177)
        try:
            server = await asyncio.start_unix_server(
                self._one, path=str(self._path), limit=LINE_MAX
            )
        finally:
            os.umask(mask)
        try:
            async with server:
                await server.serve_forever()
        finally:
            self._path.unlink(missing_ok=True)

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= CONNECTIONS_MAX and _is_ours(writer):
                await self._converse(reader, writer)
        except (TimeoutError, OSError, asyncio.LimitOverrunError, ValueError):
            pass  # whoever asked is gone, or wrote more than a line may have
        except asyncio.CancelledError:
            pass  # the door is shut, and nobody waits for this conversation
        finally:
            self._open -= 1
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            line = await asyncio.wait_for(reader.readline(), READ_TIMEOUT_S)
            if not line:
                return
            writer.write(json_line(await self._answer(line)))
            await writer.drain()

    async def _answer(self, line: bytes) -> Said:
        try:
            return {"ok": True, **await self._found(_parsed(line))}
        except AskError as error:
            return {"ok": False, "error": str(error)}

    async def _found(self, asked: Said) -> Said:
        answer = self._answers.get(str(asked.get("ask")))
        if answer is None:
            known = ", ".join(sorted(self._answers))
            raise AskError(f"ask must be one of {known}, was {asked.get('ask')!r}.")
        return await answer(asked)


def _parsed(line: bytes) -> dict[str, Any]:
    """Return the request in a line."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise AskError("a request must be one line of JSON.") from None
    if not isinstance(found, dict):
        raise AskError(f"a request must be an object, was {type(found).__name__}.")
    return found


def _is_ours(writer: asyncio.StreamWriter) -> bool:
    """Return whether a process of this user is at the other end."""
    peer = writer.get_extra_info("socket")
    raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(raw)
    return bool(uid == os.getuid())
