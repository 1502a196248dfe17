"""A rule that finds nothing when it should is worse than none: each must find its example."""

from tests.tidy import rules


def kernel(source: str, file: str = "kernel/gate.py") -> list[str]:
    """Return what the kernel's rule finds in a file that holds ``source``."""
    return list(rules.kernel_reaches_out(source, file))


def clock(source: str, *, stopwatch_allowed: bool = False) -> int:
    """Return how many clock reads are found."""
    return len(list(rules.reads_clock(source, stopwatch_allowed=stopwatch_allowed)))


def test_sizes_at_the_limit_and_one_beyond() -> None:
    line = "    x = 1\n"
    fits = "def f():\n" + '    """Three\n    lines\n    long."""\n' + line * 59
    public = "".join(f"    def m{n}(self): ...\n" for n in range(15))

    assert list(rules.oversize(fits)) == []
    assert len(list(rules.oversize(fits + line))) == 1
    assert list(rules.oversize("x = 1\n" * 400)) == []
    assert len(list(rules.oversize("x = 1\n" * 401))) == 1
    assert list(rules.oversize("class C:\n" + public + "    def _m(self): ...\n")) == []
    assert len(list(rules.oversize("class C:\n" + public + "    def m(self): ...\n"))) == 1


def test_inheritance_is_found_across_files() -> None:
    first = "class Venue: ...\nclass Port(Protocol): ...\n"

    assert list(rules.inherits([first, "class Paper(a.Venue): ..."])) == [
        "Paper inherits from Venue"
    ]
    assert (
        list(
            rules.inherits(["class FileError(ValueError): ...", "class LockError(FileError): ..."])
        )
        == []
    )
    assert list(rules.inherits([first, "class Paper(Port): ...", "class E(IntEnum): ..."])) == []


def test_the_kernel_imports_nothing_that_is_not_listed() -> None:
    for module in ("os", "time", "numpy.random", "interlock.data", "interlock.kernel_more"):
        assert kernel(f"import {module}"), module
        assert kernel(f"from {module} import x"), module
    assert kernel("from . import gate")
    assert kernel("import numba")
    assert not kernel("import numba", file=rules.THE_COMPILER)
    assert not kernel("import numpy as np\nfrom interlock.kernel.units import BP\n")


def test_the_kernel_computes_nothing_that_differs_between_machines() -> None:
    for banned in (
        "np.random.random()",
        "print(1)",
        "np.exp(x)",
        "np.uint64(1)",
        "x.sum()",
        "x**0.5",
    ):
        assert kernel(banned), banned
    assert kernel("from math import erf")
    assert kernel("from numpy import exp")
    assert not kernel("average = (low + high) / 2")
    assert kernel("math.lgamma(x)")
    assert not kernel("import math\nx = math.floor(math.sqrt(y))")
    assert not kernel("x = 2**40 + np.sqrt(y) * min(a, b) / max(c, d)")


def test_numba_and_the_decorator_are_found() -> None:
    assert list(rules.imports_numba("def f():\n    from numba.core import config\n"))
    assert not list(rules.imports_numba("import numbers"))
    assert list(rules.compiles("from interlock.kernel.compiled import compiled"))


def test_every_way_to_the_environment_is_found() -> None:
    ways = (
        "import os\nos.environ['A']",
        "os.getenv('A')",
        "from os import environ",
        "from os import getenv as g",
        "typer.Option(envvar='A')",
    )
    for way in ways:
        assert list(rules.reads_environment(way)), way
    assert not list(rules.reads_environment("import os\nos.cpu_count()"))


def test_every_way_to_the_clock_is_found() -> None:
    ways = (
        "time.time()",
        "time.time_ns()",
        "from time import monotonic",
        "datetime.now(UTC)",
        "datetime.datetime.now()",
        "date.today()",
    )
    for way in ways:
        assert clock(way), way
    assert clock("time.perf_counter()") == 1
    assert clock("time.perf_counter()", stopwatch_allowed=True) == 0
