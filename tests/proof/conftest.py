"""What the slow proof needs from outside the tree; where it is missing, the proof says so."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

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


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Return a browser. Its driver keeps the thread's event loop: only one module at a time."""
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()
