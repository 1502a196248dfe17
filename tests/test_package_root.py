"""What importing the package does before anything else can run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import interlock

SOURCE = Path(interlock.__file__).parent
IMPORT_MS_MAX = 15.0
HEAVY = ("numba", "numpy", "polars", "pydantic", "typer", "rich", "importlib.metadata", "tempfile")


def python(code: str, *flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in a fresh interpreter that knows nothing but ``environment``."""
    return subprocess.run(
        [sys.executable, *flags, "-c", code],
        env={"PATH": os.defpath} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def cache_dir(code: str = "import interlock", **environment: str) -> Path:
    """Return NUMBA_CACHE_DIR as ``code`` leaves it in a fresh interpreter."""
    done = python(f"{code}; import os; print(os.environ['NUMBA_CACHE_DIR'])", **environment)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


@pytest.mark.parametrize("flag", ["-O", "-OO"])
def test_optimised_python_is_refused(flag: str) -> None:
    """Without assertions the kernel would accept what it must crash on."""
    done = python("import interlock", flag)

    assert done.returncode == 1
    assert "assertions must be on" in done.stderr
    assert "Traceback" not in done.stderr


def test_importing_the_root_is_cheap(tmp_path: Path) -> None:
    """Every command pays for it, --help included, beyond the three that they all need."""
    code = (
        "import hashlib, pathlib, sys, time, typing;"
        "before = set(sys.modules); start = time.perf_counter();"
        "import interlock; print((time.perf_counter() - start) * 1e3);"
        "print(*set(sys.modules) - before)"
    )
    runs = [python(code, HOME=str(tmp_path)).stdout.splitlines() for _ in range(5)]

    assert min(float(run[0]) for run in runs) < IMPORT_MS_MAX
    assert not set(HEAVY) & set(runs[0][1].split())


def test_the_cache_is_in_the_users_cache_folder(tmp_path: Path) -> None:
    in_home = cache_dir(HOME=str(tmp_path))
    in_xdg = cache_dir(HOME=str(tmp_path), XDG_CACHE_HOME=str(tmp_path / "xdg"))

    assert in_home.parent == tmp_path / ".cache" / "interlock"
    assert in_xdg == tmp_path / "xdg" / "interlock" / in_home.name
    assert in_home.stat().st_mode & 0o777 == 0o700


def test_without_a_usable_home_the_cache_is_private_in_the_temporary_folder(tmp_path: Path) -> None:
    """As under systemd's ProtectHome, where numba alone would fail to import."""
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    for home in ({}, {"HOME": str(blocked)}, {"HOME": ""}):
        found = cache_dir(TMPDIR=str(tmp_path), **home)
        assert found.parent == tmp_path / f"interlock-{os.getuid()}"
        assert found.parent.stat().st_mode & 0o777 == 0o700


def test_a_folder_prepared_by_somebody_else_is_not_used(tmp_path: Path) -> None:
    """Its content would be run as code."""
    trap = tmp_path / f"interlock-{os.getuid()}"
    trap.mkdir()
    trap.chmod(0o777)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    assert trap not in cache_dir(TMPDIR=str(tmp_path)).parents
    trap.rmdir()
    trap.symlink_to(elsewhere)
    assert trap not in cache_dir(TMPDIR=str(tmp_path)).parents
    assert not list(elsewhere.iterdir())


def test_a_given_folder_is_kept_and_still_named_by_the_sources(tmp_path: Path) -> None:
    """A service's own cache folder survives an update, and must not bring old code back."""
    found = cache_dir(NUMBA_CACHE_DIR=str(tmp_path))

    assert found.parent == tmp_path
    assert found.name.startswith(interlock.CACHE_NAME_PREFIX)


def test_a_program_we_start_uses_the_same_folder(tmp_path: Path) -> None:
    first = cache_dir(HOME=str(tmp_path))

    assert cache_dir(HOME=str(tmp_path), NUMBA_CACHE_DIR=str(first)) == first


def test_switches_of_the_compiler_change_the_name(tmp_path: Path) -> None:
    """NUMBA_BOUNDSCHECK=0 makes other machine code from the same sources."""
    names = {
        cache_dir(HOME=str(tmp_path)).name,
        cache_dir(HOME=str(tmp_path), NUMBA_BOUNDSCHECK="0").name,
        cache_dir(HOME=str(tmp_path), NUMBA_OPT="1").name,
    }

    assert len(names) == 3


def test_numba_imported_first_is_told_too(tmp_path: Path) -> None:
    done = python(
        "import numba, interlock; print(numba.config.CACHE_DIR)", NUMBA_CACHE_DIR=str(tmp_path)
    )

    assert done.stdout.strip() == str(cache_dir(NUMBA_CACHE_DIR=str(tmp_path)))


@pytest.mark.parametrize("room", interlock.COMPILED_ROOMS)
@pytest.mark.parametrize("change", ["edit", "add", "rename"])
def test_any_change_of_a_compiled_room_changes_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: str, change: str
) -> None:
    """An order limit of 10 stayed in force after it became 100: numba missed the edit."""
    for name in interlock.COMPILED_ROOMS:
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / "limit.py").write_text("LIMIT = 10\n")
    monkeypatch.setattr(interlock, "__file__", str(tmp_path / "__init__.py"))
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    before = interlock.numba_cache_dir()
    assert interlock.numba_cache_dir() == before
    file = tmp_path / room / "deep" / "limit.py"
    if change == "edit":
        file.write_text("LIMIT = 99\n")
    elif change == "add":
        file.with_name("more.py").write_text("")
    else:
        file.rename(file.with_name("limits.py"))

    assert interlock.numba_cache_dir() != before
