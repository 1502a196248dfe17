"""Routes about backtests: those that were written into the home, and their reports.

A report is a page with its own script. It is served so that its script runs as nobody: sandboxed,
of an origin that is nobody's, with no way to the session or to any other address.
"""

import asyncio
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response

from interlock.runtime.moments import rfc3339
from interlock.service.api.pages import Backtest, BacktestPage
from interlock.service.api.parts import Parts, Said
from interlock.service.api.queries import NOTHING, fits, media
from interlock.service.doors import Access, Door
from interlock.service.permissions import Permission
from interlock.service.problems import Problem

NAME: Final = r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}"
SUMMARY: Final = "summary.json"
REPORT: Final = "report.html"
SUMMARY_MAX: Final = 1 << 20
REPORT_MAX: Final = 64 << 20
FOLDERS_MAX: Final = 500
SEES: Final = Access(needs=Permission.SEE_RESEARCH)
SANDBOX: Final = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; connect-src 'none'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """The folder of backtests. Nothing in it is followed to anywhere else. It blocks.

    Attributes:
        folder: With a folder for each.
    """

    folder: Path

    def all(self) -> list[Said]:
        """Return what there is of each, the newest first."""
        try:
            names = sorted(each.name for each in self.folder.iterdir())
        except OSError:
            return []  # nobody wrote one yet
        found = [self._about(name) for name in names if fits(NAME, name)]
        kept = [each for each in found if each is not None]
        kept.sort(key=lambda each: (-each[0], str(each[1]["name"])))
        return [said for _, said in kept[:FOLDERS_MAX]]

    def one(self, name: str) -> Said | None:
        """Return what there is of one; None when there is none of that name."""
        found = self._about(name) if fits(NAME, name) else None
        return None if found is None else found[1]

    def report(self, name: str) -> bytes | None:
        """Return its page; None when there is none."""
        return self._read(name, REPORT, REPORT_MAX) if fits(NAME, name) else None

    def _about(self, name: str) -> tuple[int, Said] | None:
        raw = self._read(name, SUMMARY, SUMMARY_MAX)
        if raw is None:
            return None
        try:
            summary: Any = json.loads(raw)
            written = (self.folder / name / SUMMARY).lstat().st_mtime_ns
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(summary, dict):
            return None
        has_report = (self.folder / name / REPORT).is_file()
        said = {
            "name": name,
            "modified": rfc3339(written),
            "has_report": has_report,
            "summary": summary,
        }
        return written, said

    def _read(self, name: str, file: str, bytes_max: int) -> bytes | None:
        """Return a file of a backtest; None when it, or its folder, is not one of ours."""
        try:
            root = os.open(self.folder, _FOLDER)
            try:
                folder = os.open(name, _FOLDER, dir_fd=root)
            finally:
                os.close(root)
            try:
                descriptor = os.open(file, _FILE, dir_fd=folder)
            finally:
                os.close(folder)
        except OSError:
            return None
        with os.fdopen(descriptor, "rb") as opened:
            status = os.fstat(opened.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
                return None
            raw = opened.read(bytes_max + 1)
        return raw if len(raw) <= bytes_max else None


def add_backtest_routes(door: Door, parts: Parts) -> None:
    """Add them."""
    runs = Runs(folder=parts.backtests)

    @door.route("GET", "/api/backtests", SEES, response_model=BacktestPage)
    async def listed(request: Request) -> Said:
        """The backtests in the home, the newest first."""
        NOTHING.read(request)
        return {"items": await asyncio.to_thread(runs.all)}

    @door.route("GET", "/api/backtests/{name}", SEES, response_model=Backtest)
    async def one(request: Request, name: str) -> Said:
        """One backtest: everything that its summary has."""
        NOTHING.read(request)
        found = await asyncio.to_thread(runs.one, name)
        if found is None:
            raise _no_such()
        return found

    @door.route(
        "GET",
        "/api/backtests/{name}/report",
        SEES,
        response_class=Response,
        responses=media("text/html", "The report, sandboxed."),
    )
    async def report(request: Request, name: str) -> Response:
        """The report of a backtest, as a page whose script can reach nothing."""
        NOTHING.read(request)
        raw = await asyncio.to_thread(runs.report, name)
        if raw is None:
            raise _no_such()
        return Response(
            raw,
            media_type="text/html; charset=utf-8",
            headers={"Content-Security-Policy": SANDBOX, "X-Frame-Options": "SAMEORIGIN"},
        )


def _no_such() -> Problem:
    return Problem(status=404, code="NO_BACKTEST", message="there is no backtest of this name.")
