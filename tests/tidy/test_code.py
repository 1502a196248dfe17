"""The house rules hold for every file; there is no list of exemptions."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import interlock
from tests.tidy import rules

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "interlock"
EVERYWHERE = ("src", "tests", "benchmarks", "tools")
THE_CLOCK = {"runtime/clock.py"}  # the one place that reads wall time
STOPWATCH_ROOMS = {"research", "ops", "app.py", "cli.py", "app", "cli"}


def python_files(*folders: Path) -> Iterator[Path]:
    """Yield the Python files under some folders, in order."""
    for folder in folders:
        yield from sorted(folder.rglob("*.py"))


def complaints(
    files: Iterable[Path], base: Path, rule: Callable[[str, str], Iterator[str]]
) -> list[str]:
    """Return ``file:line: what`` for everything that ``rule(text, file)`` finds."""
    found = []
    for path in files:
        file = path.relative_to(base).as_posix()
        found += [f"{file}:{what}" for what in rule(path.read_text(), file)]
    return found


def in_package(
    rule: Callable[[str, str], Iterator[str]], besides: Callable[[str], bool]
) -> list[str]:
    """Return what ``rule`` finds in the package, leaving out the files that ``besides`` names."""
    files = [x for x in python_files(PACKAGE) if not besides(x.relative_to(PACKAGE).as_posix())]
    return complaints(files, PACKAGE, rule)


def must_be_empty(found: list[str]) -> None:
    """Fail with one complaint per line."""
    assert not found, "\n" + "\n".join(found)


def room(file: str) -> str:
    """Return the first part of a file's path inside the package."""
    return file.split("/", maxsplit=1)[0]


def test_everything_fits_in_a_head() -> None:
    files = python_files(*(ROOT / folder for folder in EVERYWHERE))

    must_be_empty(complaints(files, ROOT, lambda text, _: rules.oversize(text)))


def test_no_class_inherits_from_a_class_of_ours() -> None:
    """A Protocol or nothing: what a method does is written where it is called from."""
    must_be_empty(list(rules.inherits(path.read_text() for path in python_files(PACKAGE))))


def test_the_kernel_touches_nothing_outside() -> None:
    files = list(python_files(PACKAGE / "kernel"))

    assert files
    must_be_empty(complaints(files, PACKAGE, rules.kernel_reaches_out))


def test_one_file_imports_numba() -> None:
    """So that bounds checks, exact sums and Python's division hold for every kernel function."""
    found = in_package(
        lambda text, _: rules.imports_numba(text), besides=lambda file: file == rules.THE_COMPILER
    )

    must_be_empty(found)


def test_machine_code_is_made_only_where_the_cache_is_named_after_the_sources() -> None:
    found = in_package(
        lambda text, _: rules.compiles(text),
        besides=lambda file: room(file) in interlock.COMPILED_ROOMS,
    )

    must_be_empty(found)


def test_one_room_reads_the_environment() -> None:
    """The package's root places the compiler's cache, which must happen before any import."""
    found = in_package(
        lambda text, _: rules.reads_environment(text),
        besides=lambda file: room(file) == "config" or file == "__init__.py",
    )

    must_be_empty(found)


def test_there_is_one_clock() -> None:
    """Time is an event; what reads a clock by itself cannot be replayed."""
    found = in_package(
        lambda text, file: rules.reads_clock(text, stopwatch_allowed=room(file) in STOPWATCH_ROOMS),
        besides=lambda file: file in THE_CLOCK,
    )

    must_be_empty(found)
