"""Interlock: trading automation in which nothing moves unless every condition holds.

Importing the package does two things before any other module can run. It refuses ``python -O``,
which would silently delete the kernel's assertions. And it tells numba where to keep machine
code: in a folder named after everything that code is made from, because numba itself does not
notice an edit in another file and would go on running yesterday's limit
(docs/decisions/0001-compile-cache-named-by-hash.md).
"""

import hashlib
import os
import stat
import sys
from pathlib import Path
from typing import Final

__version__: Final = "0.1.0"

COMPILED_ROOMS: Final = ("kernel", "sim")  # the only rooms whose functions are machine code
CACHE_NAME_PREFIX: Final = "kernel-"
_CACHE_VARIABLE: Final = "NUMBA_CACHE_DIR"
_COMPILER_PACKAGES: Final = ("numba", "numpy", "llvmlite")


def _installed_version(package: str) -> str:
    """Return the version in the name of the package's metadata folder.

    ``importlib.metadata`` would say the same and costs more than everything else here together.
    """
    for entry in sys.path:
        for folder in Path(entry).glob(f"{package}-*.dist-info"):
            return folder.name.removeprefix(f"{package}-").removesuffix(".dist-info")
    from importlib import metadata  # noqa: PLC0415 - slow, and hardly ever needed

    return metadata.version(package)


def _sources_hash() -> str:
    """Return 16 hexadecimal digits that change whenever the machine code may change."""
    found = hashlib.sha256(sys.version.encode())
    for package in _COMPILER_PACKAGES:
        found.update(f"\0{package} {_installed_version(package)}".encode())
    for name in sorted(os.environ):
        # NUMBA_BOUNDSCHECK=0, for one, overrides the kernel's own options.
        if name.startswith("NUMBA_") and name != _CACHE_VARIABLE:
            found.update(f"\0{name}={os.environ[name]}".encode())
    package_root = Path(__file__).parent
    for room in COMPILED_ROOMS:
        for path in sorted((package_root / room).rglob("*.py")):
            source = path.read_bytes()
            found.update(f"\0{path.relative_to(package_root)} {len(source)}\0".encode())
            found.update(source)
    return found.hexdigest()[:16]


def _made_private(folder: Path) -> bool:
    """Make ``folder`` and say whether only this user can write to it.

    What lies in it is loaded as code, so a folder that somebody else prepared is no use.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
    except (OSError, ValueError):
        return False
    return (
        stat.S_ISDIR(status.st_mode)
        and status.st_uid == os.getuid()
        and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        and os.access(folder, os.W_OK | os.X_OK)
    )


def _cache_bases() -> list[Path]:
    """Return the folders that may hold the cache, best first."""
    given = os.environ.get(_CACHE_VARIABLE)
    if given:
        # A program that we start inherits our answer, and must not nest its own inside it.
        folder = Path(given)
        return [folder.parent if folder.name.startswith(CACHE_NAME_PREFIX) else folder]
    bases = []
    cache_home = os.environ.get("XDG_CACHE_HOME", "")
    if cache_home.startswith("/"):
        bases.append(Path(cache_home) / "interlock")
    home = os.environ.get("HOME", "")
    if home.startswith("/"):
        bases.append(Path(home) / ".cache" / "interlock")
    return bases


def numba_cache_dir() -> Path:
    """Return the folder for machine code made from exactly these sources, and make it.

    It is ``kernel-<hash>`` under NUMBA_CACHE_DIR where that is set, else under
    ``$XDG_CACHE_HOME/interlock`` or ``~/.cache/interlock``, else (no home, read-only home) under
    a folder of this user alone in the system's temporary folder.
    """
    name = CACHE_NAME_PREFIX + _sources_hash()
    for base in _cache_bases():
        if _made_private(base / name):
            return base / name
    import tempfile  # noqa: PLC0415 - slow, and hardly ever needed

    base = Path(tempfile.gettempdir()) / f"interlock-{os.getuid()}"
    if _made_private(base) and _made_private(base / name):
        return base / name
    return Path(tempfile.mkdtemp(prefix="interlock-"))


def _start() -> None:
    """Refuse an unsafe interpreter and place the cache before numba looks for it."""
    if not __debug__:
        raise SystemExit(
            "interlock cannot start: assertions must be on, was python -O or PYTHONOPTIMIZE. "
            "The kernel's last checks are assertions, and without them a wrong number becomes "
            "an order. Next: run it again without -O and with PYTHONOPTIMIZE unset."
        )
    folder = str(numba_cache_dir())
    os.environ[_CACHE_VARIABLE] = folder
    numba = sys.modules.get("numba")
    if numba is not None:  # imported before us: it has read the environment already
        numba.config.CACHE_DIR = folder


_start()
