"""What is installed is exactly what was reviewed, from whichever index the machine is told of."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("runtime", "dev", "samples")


def lock_text(name: str) -> str:
    """Return a lock file's text."""
    return (ROOT / "requirements" / f"{name}.lock").read_text()


def pins(name: str) -> dict[str, str]:
    """Return everything that a lock installs: ``package ; marker`` and its entry."""
    entries = re.split(r"\n(?=\S)", re.sub(r"(?m)^\s*#.*\n?", "", lock_text(name)).strip())
    return {re.sub(r"==\S+", "", x.split("\\")[0]).strip(): x for x in entries}


def files_of(entry: str) -> list[str]:
    """Return the version and the hashes in an entry, whatever marker it has."""
    return re.findall(r"==[^\s;]+|sha256:[0-9a-f]{64}", entry)


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_index_and_no_address(name: str) -> None:
    assert not re.search(r"://|^\s*-(?!-hash)|--(?!hash=)", lock_text(name), re.MULTILINE)


@pytest.mark.parametrize("name", LOCKS)
def test_everything_in_a_lock_is_pinned_by_version_and_hash(name: str) -> None:
    for package, entry in pins(name).items():
        assert re.match(r"[a-z0-9-]+==\S+", entry), package
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), package


def test_what_is_tested_is_what_runs() -> None:
    """Both locks give a package that they share the same version and the same files.

    Of several versions of one package each is for its own marker. One that the runtime needs under
    a marker alone may be needed always by what tests it.
    """
    dev = pins("dev")
    for package, entry in pins("runtime").items():
        name = package.partition(" ;")[0]
        found = dev.get(package) or dev.get(name, "")
        assert files_of(found) == files_of(entry), package


def test_both_locks_can_install_the_tree_itself() -> None:
    """It is installed without build isolation, so what builds it must be there."""
    for name in ("runtime", "dev"):
        assert "setuptools" in pins(name), name


def test_every_file_of_the_package_is_in_the_wheel() -> None:
    """A shipped policy that is there in the tree and missing after installing would deny all."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    package_data = project["tool"]["setuptools"]["package-data"]
    packed = {
        path
        for package, patterns in package_data.items()
        for pattern in patterns
        for path in (ROOT / "src" / package.replace(".", "/")).glob(pattern)
    }
    there = {
        path
        for path in (ROOT / "src" / "interlock").rglob("*")
        if path.is_file() and path.suffix != ".py" and "__pycache__" not in path.parts
    }

    assert there - packed == set()
