"""Explains an order or a signal in a process of its own: it reads the whole journal.

That process is ``interlock explain``, so that people and programs are told the same.
"""

import asyncio
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from interlock.service.api.explaining import no_such
from interlock.service.problems import Problem

DEADLINE_S: Final = 60.0
ANSWER_MAX: Final = 4 << 20
REFUSED: Final = 2  # the exit code of a verb that was asked what cannot be answered


class JournalExplainer:
    """Explains what is in the home's journal.

    Args:
        home: The home; the process finds it as this one did.
        deadline_s: How long it may take.
    """

    def __init__(self, home: Path, deadline_s: float = DEADLINE_S) -> None:
        self._home = home
        self._deadline_s = deadline_s

    async def __call__(self, name: str) -> dict[str, Any]:
        """Return the explanation.

        Raises:
            Problem: The journal has none of that id, or it took too long.
        """
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "interlock", "explain", "--json", "--", name),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=self._home,
            limit=ANSWER_MAX,
        )
        try:
            async with asyncio.timeout(self._deadline_s):
                raw, _ = await process.communicate()
        except TimeoutError:
            raise Problem(
                status=503,
                code="LATE",
                message=f"the explanation took longer than {self._deadline_s:g} s. Next: "
                f"interlock explain {name}",
            ) from None
        finally:
            await _end(process)
        if process.returncode == REFUSED:
            raise no_such()
        return _read(raw, process.returncode)


def _read(raw: bytes, code: int | None) -> dict[str, Any]:
    """Return what the process said."""
    try:
        found: dict[str, Any] = json.loads(raw)
    except ValueError:
        raise Problem(
            status=503,
            code="NOT_EXPLAINED",
            message=f"the explanation could not be made, and ended with {code}.",
        ) from None
    return found


async def _end(process: asyncio.subprocess.Process) -> None:
    """See that it is gone, whatever happened."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
