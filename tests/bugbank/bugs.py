"""The bank: bugs that others had, each a small difference to our own code.

A bug is a file ``bugs/<name>.diff``: a title, where it comes from, what happened there, and the
lines that would give it to us. Its lines are exact: one that does not fit any more is stale, and
fails.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

BUGS: Final = Path(__file__).parent / "bugs"
PACKAGE: Final = Path(__file__).parents[2] / "src" / "interlock"
COMPILED: Final = ("kernel/", "sim/")  # rooms that are machine code unless they run plain
WORLD: Final = "research/simulator/"  # a change there is a switch of the world, and no bug
_FILE: Final = "--- "
_NEXT: Final = "@@"


class StaleError(Exception):
    """A bug does not fit the code any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Some lines of a file, and the lines that take their place; both end with a line's end."""

    file: str
    old: str
    new: str

    @property
    def module(self) -> str:
        """The module's full name."""
        return f"interlock.{self.file.removesuffix('.py').replace('/', '.')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """A bug that somebody had.

    Attributes:
        name: Of its file.
        title: What goes wrong, in one line.
        source: Where it was seen.
        story: What happened.
        changes: What gives it to us, and what switches the world to where it matters.
    """

    name: str
    title: str
    source: str
    story: str
    changes: tuple[Change, ...]

    @property
    def is_plain(self) -> bool:
        """Whether it has to run as plain Python: nothing is compiled again for a bug."""
        return any(change.file.startswith(COMPILED) for change in self.changes)

    @property
    def world(self) -> "Bug | None":
        """What is left of it where only the world is switched; None when that is nothing."""
        switches = tuple(change for change in self.changes if change.file.startswith(WORLD))
        return replace(self, changes=switches) if switches else None


def read_bug(name: str, text: str) -> Bug:
    """Return the bug that a file describes.

    Raises:
        StaleError: The file says nothing sensible.
    """
    head, *parts = f"\n{text}".split(f"\n{_FILE}")
    title, source, *story = [line.strip() for line in head.strip().splitlines()]
    changes: list[Change] = []
    for part in parts:
        file, _, lines = part.partition("\n")
        hunks = f"\n{lines}".split(f"\n{_NEXT}")
        changes += [_change(name, file.strip(), hunk.strip("\n")) for hunk in hunks]
    if not changes or not title or not source:
        raise StaleError(f"{name}.diff must have a title, a source and a change, and has not")
    return Bug(
        name=name,
        title=title,
        source=source,
        story=" ".join(" ".join(story).split()),
        changes=tuple(changes),
    )


def _change(name: str, file: str, hunk: str) -> Change:
    old, new = [], []
    for line in hunk.split("\n"):
        mark, text = line[:1], line[1:]
        if mark not in {"-", "+", " ", ""}:
            raise StaleError(f"{name}.diff: a line must begin with -, + or a space, was {line!r}")
        if mark != "+":
            old.append(f"{text}\n")
        if mark != "-":
            new.append(f"{text}\n")
    return Change(file=file, old="".join(old), new="".join(new))


def changed(bug: Bug, file: str, text: str) -> str:
    """Return a file's text with a bug in it.

    Raises:
        StaleError: A change does not fit, fits twice, or changes nothing.
    """
    for change in bug.changes:
        if change.file != file:
            continue
        places = f"\n{text}".count(f"\n{change.old}")
        if places != 1 or change.old == change.new:
            raise StaleError(
                f"{bug.name}.diff must fit {file} in one place and change it, fitted {places}: "
                f"{change.old.strip()!r}. Next: write the bug anew for the code as it is"
            )
        text = f"\n{text}".replace(f"\n{change.old}", f"\n{change.new}")[1:]
    return text


def all_bugs(folder: Path = BUGS) -> list[Bug]:
    """Return every bug of a folder, by name."""
    return [read_bug(path.stem, path.read_text()) for path in sorted(folder.glob("*.diff"))]


def patched_sources(bug: Bug) -> dict[str, tuple[Path, str]]:
    """Return the path and the changed text of every module that a bug changes, by its name.

    Raises:
        StaleError: It does not fit.
    """
    return {module: (path, changed(bug, file, path.read_text())) for module, file, path in _of(bug)}


def _of(bug: Bug) -> Iterator[tuple[str, str, Path]]:
    for change in bug.changes:
        path = PACKAGE / change.file
        if not path.is_file():
            raise StaleError(f"{bug.name}.diff changes {change.file}, which is not there")
        yield change.module, change.file, path
