"""What a page tells people to type can be typed: the verb, its options, and their values."""

import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("docs/runbooks/kill-switch.md", "docs/safety.md", "docs/watchdog.md")


def lines_of(page: Path) -> Iterator[str]:
    """Yield everything in a page that is typed as ``interlock`` and a verb."""
    text = page.read_text()
    yield from re.findall(r"(?m)^\$ (interlock .+?)(?: +# .*)?$", text)
    yield from re.findall(r"`(interlock [a-z][^`\n]*)`", text)


def parse(root: Any, line: str) -> None:
    """Parse a line down to its verb, and run nothing; raises what a person would be told."""
    command, words = root, shlex.split(line)[1:]
    while getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    command.make_context("interlock", words)


@pytest.mark.parametrize("page", PAGES)
def test_every_line_can_be_typed(page: str) -> None:
    """An option that was renamed is missed here, and not at three in the morning."""
    root = importlib.import_module("typer.main").get_command(
        importlib.import_module("interlock.cli").app
    )
    lines = list(lines_of(ROOT / page))
    assert lines
    for line in lines:
        parse(root, line)


def test_a_wrong_option_is_seen() -> None:
    """The test above would find one."""
    root = importlib.import_module("typer.main").get_command(
        importlib.import_module("interlock.cli").app
    )
    with pytest.raises(Exception, match="No such option"):
        parse(root, "interlock kill --hard")
