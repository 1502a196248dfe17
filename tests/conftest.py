"""Settings for every test."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]

# check: the same examples every run, so that a red pull request is its author's doing.
# plain: fewer of them, because without machine code the kernel is a hundred times slower.
# fuzz:  new examples every night; a failure prints the line that reproduces it.
# The deadline is off because the first call of a compiled function includes its compilation.
settings.register_profile("check", derandomize=True, deadline=None)
settings.register_profile("plain", derandomize=True, deadline=None, max_examples=25)
settings.register_profile("fuzz", max_examples=20_000, deadline=None, print_blob=True)
settings.load_profile("plain" if os.environ.get("NUMBA_DISABLE_JIT") == "1" else "check")


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the folder that holds README.md."""
    return ROOT
