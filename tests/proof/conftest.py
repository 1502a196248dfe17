"""What the slow proof needs from outside the tree; where it is missing, the proof says so."""

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of real market data: INTERLOCK_SHARED, or ``../shared``."""
    folder = Path(os.environ.get("INTERLOCK_SHARED") or ROOT.parent / "shared")
    if not (folder / "data").is_dir():
        pytest.skip(f"needs real market data, and {folder}/data is not there (INTERLOCK_SHARED)")
    return folder / "data"


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of Debian's browser."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("needs a browser to look at the report, and chromium is not installed")
    return path
