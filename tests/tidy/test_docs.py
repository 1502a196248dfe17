"""Documentation that can rot is tested."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "ARCHITECTURE.md", "CHANGELOG.md")
FIRST_SCREEN_LINES = 40
DECISION_LINES_MAX = 40


def pages() -> list[Path]:
    """Return every page of documentation."""
    return [*(ROOT / name for name in PAGES), *sorted((ROOT / "docs").rglob("*.md"))]


def is_there(reference: str) -> bool:
    """Say whether ``file`` or ``file::function`` is there."""
    file, _, name = reference.partition("::")
    path = ROOT / file
    return path.is_file() and (not name or f"def {name}(" in path.read_text())


def code_in(page: Path) -> Iterator[str]:
    """Yield each line of the fenced blocks that show a shell, and each inline code."""
    text = page.read_text()
    for kind, block in re.findall(r"(?ms)^ *```(\w*)\n(.*?)^ *```", text):
        if kind in {"", "sh", "bash", "console", "shell"}:
            for line in block.splitlines():
                yield line.strip().removeprefix("$ ")
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"(?ms)^ *```.*?^ *```", "", text))


# --- ARCHITECTURE.md --------------------------------------------------------------------------


def test_every_invariant_names_what_enforces_it() -> None:
    """An invariant without a test or a gate is a wish."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    invariants = [
        " ".join(x.split()) for x in re.split(r"\n\s*\n|\n(?=[-*] )", text) if "Invariant:" in x
    ]
    gates = (ROOT / "Makefile").read_text() + (ROOT / ".ci" / "run").read_text()
    assert invariants
    for invariant in invariants:
        found = re.search(r"\((gate|tests?): ([^()]+)\)\.?$", invariant)
        assert found, f"names no gate and no test: {invariant}"
        for reference in found[2].replace("`", "").split(", "):
            there = reference in gates if found[1] == "gate" else is_there(reference)
            assert there, f"{reference} does not exist: {invariant}"


# --- docs/reasons.md --------------------------------------------------------------------------


def test_every_refusal_is_documented() -> None:
    """The operator can look up every reason the kernel may give, and nothing that it cannot."""
    reason = importlib.import_module("interlock.kernel.reasons").Reason
    page = ROOT / "docs" / "reasons.md"
    assert page.exists(), "docs/reasons.md must hold a row per Reason"
    rows = re.findall(r"(?m)^\| `([A-Z0-9_]+)` \|", page.read_text())
    names = [x.name for x in reason if x.name != "NONE"]

    assert len(rows) == len(set(rows))
    assert set(names) - set(rows) == set(), "these have no row"
    assert set(rows) - set(names) == set(), "these rows have no Reason"


# --- commands ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def command_line() -> Any:
    """Return the root of the command line, as typer builds it."""
    typer_main = importlib.import_module("typer.main")
    return typer_main.get_command(importlib.import_module("interlock.cli").app)


def unknown_verb(command_line: Any, words: list[str]) -> str:
    """Return the first word that is no command where one is expected, or nothing."""
    here = command_line
    for word in words:
        below = getattr(here, "commands", {})
        if not below or word.startswith("-") or not re.fullmatch(r"[a-z-]+", word):
            return ""
        if word not in below:
            return word
        here = below[word]
    return ""


def test_every_command_in_the_documentation_exists(command_line: Any) -> None:
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
    wrong = []
    for page in pages():
        for code in code_in(page):
            words = (
                re.sub(r"^(\w+=\S+ +)+", "", code.removeprefix(".venv/bin/")).split("#")[0].split()
            )
            if words[:1] == ["interlock"] and unknown_verb(command_line, words[1:]):
                wrong.append(f"{page.relative_to(ROOT)}: {code}")
            if words[:1] == ["make"] and len(words) > 1 and words[1] not in targets:
                wrong.append(f"{page.relative_to(ROOT)}: {code}")

    assert wrong == []


def test_the_first_screen_shows_the_two_commands_before_any_other() -> None:
    top = "\n".join((ROOT / "README.md").read_text().splitlines()[:FIRST_SCREEN_LINES])
    block = re.search(r"(?ms)^```\w*\n(.*?)^```", top)

    assert block, "README.md must show the two commands first"
    assert re.findall(r"(?m)^make (\w+)", block[1])[:2] == ["run", "test"]


# --- everything -------------------------------------------------------------------------------


def test_links_lead_somewhere() -> None:
    wrong = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages()
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
        if "://" not in target and not (page.parent / target).exists()
    ]

    assert wrong == []


def test_decisions_are_numbered_and_short() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))

    assert [x.name[:5] for x in decisions] == [f"{n:04}-" for n in range(1, len(decisions) + 1)]
    for page in decisions:
        text = page.read_text()
        assert text.count("\n") <= DECISION_LINES_MAX, page.name
        for part in ("Context", "Choice", "Consequence", "What would change our mind"):
            assert f"**{part}.**" in text, f"{page.name} lacks {part}"


def test_the_first_heading_of_every_release_is_safety() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()

    for release in re.split(r"(?m)^## ", text)[1:]:
        assert re.findall(r"(?m)^### (.+)$", release)[:1] == ["Safety"], release.splitlines()[0]
