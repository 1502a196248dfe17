"""Makes a virtual environment for each peer, so that no peer's needs reach ours or another's."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.folders import ROOT, cache_folder

INSTALL_SECONDS_MAX: Final = 1_800
REASON_LINES: Final = 3


class EnvironmentMissingError(Exception):
    """The peer could not be installed here."""


def pins_path(name: str) -> Path:
    """Return the file that pins a peer and everything it needs, by version and hash."""
    return ROOT / "benchmarks" / "workers" / f"{name}.lock"


def peer_python(name: str) -> Path:
    """Return the interpreter of a peer's environment; make the environment when needed.

    It is kept under the user's cache folder, and made again when its pins have changed.

    Raises:
        EnvironmentMissingError: No pip, no network, or no such version for this Python.
    """
    folder = cache_folder() / "peers" / name
    python = folder / "bin" / "python"
    stamp = folder / "installed.txt"
    wanted = f"{sys.version}\n{pins_path(name).read_text()}"
    if stamp.is_file() and stamp.read_text() == wanted and python.exists():
        return python
    if folder.exists():
        shutil.rmtree(folder)
    # Without its own pip, because Debian keeps ensurepip in a package apart.
    _must([sys.executable, "-m", "venv", "--without-pip", str(folder)])
    pip = [_python_with_pip(), "-m", "pip", "--python", str(python), "--retries", "1"]
    quietly = ["--quiet", "--no-input", "--disable-pip-version-check"]
    pins = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", str(pins_path(name))]
    _must([*pip, "install", *quietly, *pins])
    stamp.write_text(wanted)
    return python


def _pythons() -> Iterator[str]:
    """Yield interpreters that may have pip, the one we were made from first."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    yield str(Path(sys.base_prefix) / "bin" / version)
    for name in (version, "python3"):
        found = shutil.which(name)
        if found:
            yield found


def _python_with_pip() -> str:
    for python in _pythons():
        try:
            answer = subprocess.run(
                [python, "-m", "pip", "--version"], capture_output=True, check=False
            )
        except OSError:
            continue
        if answer.returncode == 0:
            return python
    raise EnvironmentMissingError("pip must be there for some Python 3 here, was not")


def _must(command: list[str]) -> None:
    """Run a command; its last words become the error when it fails."""
    try:
        subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS_MAX
        )
    except subprocess.CalledProcessError as e:
        said = [line for line in e.stderr.splitlines() if line.startswith("ERROR")]
        why = " ".join((said or e.stderr.splitlines())[-REASON_LINES:])
        raise EnvironmentMissingError(why or f"exit code {e.returncode}") from e
    except (OSError, subprocess.TimeoutExpired) as e:
        raise EnvironmentMissingError(str(e)) from e
