"""House rules that no off-the-shelf linter knows, as functions from source text to complaints."""

import ast
from collections.abc import Iterable, Iterator
from typing import Final

FILE_LINES_MAX: Final = 400
FUNCTION_LINES_MAX: Final = 60  # docstring not counted
PUBLIC_METHODS_MAX: Final = 15

# An allow-list, so that a new way to reach the world is refused by default.
KERNEL_MAY_IMPORT: Final = {
    "__future__",
    "collections",
    "collections.abc",
    "dataclasses",
    "enum",
    "functools",
    "interlock.kernel",
    "math",
    "numpy",
    "numpy.typing",
    "typing",
}
MATH_IS_EXACT = {"sqrt", "floor", "ceil", "trunc", "fabs", "copysign"}
MATH_IS_EXACT |= {"isnan", "isfinite", "isinf", "nan", "inf"}
THE_COMPILER: Final = "kernel/compiled.py"  # the one file that imports numba
REACHES_OUT = {"random", "objmode", "print", "open", "input", "eval", "exec", "__import__"}
REACHES_OUT |= {"load", "save", "savez", "fromfile", "tofile", "memmap", "loadtxt", "genfromtxt"}
UNSIGNED: Final = {"uint8", "uint16", "uint32", "uint64", "uintp", "uint"}
# The last bit of these depends on the machine's mathematics library, and the order in which
# NumPy and numba add up is not the same.
INEXACT = {"exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "power", "float_power"}
INEXACT |= {"sin", "cos", "tan", "sinh", "cosh", "tanh", "cbrt", "hypot"}
INEXACT |= {"sum", "mean", "std", "var", "dot", "matmul", "cumsum", "average"}

READS_ENVIRONMENT: Final = {"os.environ", "os.environb", "os.getenv", "os.getenvb"}
READS_CLOCK: Final = {
    "time.time",
    "time.time_ns",
    "time.monotonic",
    "time.monotonic_ns",
    "time.clock_gettime",
    "time.clock_gettime_ns",
    "time.localtime",
    "time.gmtime",
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
}
STOPWATCH: Final = {"time.perf_counter", "time.perf_counter_ns"}

Functions = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.AST) -> Iterator[Functions]:
    """Yield every function and method, nested ones too."""
    for node in ast.walk(tree):
        if isinstance(node, Functions):
            yield node


def classes(tree: ast.AST) -> Iterator[ast.ClassDef]:
    """Yield every class, nested ones too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield node


def imports(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    """Yield (line, module, name) of every import; the name is empty for a whole module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, ""
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.lineno, "." * node.level + (node.module or ""), alias.name


def last_two(node: ast.AST) -> str:
    """Return ``b.c`` for ``a.b.c`` and for ``b.c``, else nothing."""
    if not isinstance(node, ast.Attribute):
        return ""
    owner = getattr(node.value, "attr", getattr(node.value, "id", ""))
    return f"{owner}.{node.attr}"


def body_lines(function: Functions) -> int:
    """Return a function's length without its docstring."""
    assert function.end_lineno is not None
    lines = function.end_lineno - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        assert first.end_lineno is not None
        lines -= first.end_lineno - first.lineno + 1
    return lines


def oversize(text: str) -> Iterator[str]:
    """Find files, functions and classes that do not fit in a head."""
    lines = text.count("\n")
    if lines > FILE_LINES_MAX:
        yield f"1: a file has at most {FILE_LINES_MAX} lines, was {lines}"
    tree = ast.parse(text)
    for function in functions(tree):
        lines = body_lines(function)
        if lines > FUNCTION_LINES_MAX:
            yield (
                f"{function.lineno}: a function has at most {FUNCTION_LINES_MAX} lines, "
                f"{function.name} was {lines}"
            )
    for owner in classes(tree):
        public = [
            x.name for x in owner.body if isinstance(x, Functions) and not x.name.startswith("_")
        ]
        if len(public) > PUBLIC_METHODS_MAX:
            yield (
                f"{owner.lineno}: a class has at most {PUBLIC_METHODS_MAX} public methods, "
                f"{owner.name} had {len(public)}"
            )


def inherits(texts: Iterable[str]) -> Iterator[str]:
    """Find classes that inherit from a class of ours; a Protocol is a shape and may be named.

    An error may be a kind of another error, so that whoever catches the one catches both: it has
    nothing but a message to inherit.
    """
    found = [owner for text in texts for owner in classes(ast.parse(text))]
    bases = {
        owner.name: {getattr(base, "attr", getattr(base, "id", "")) for base in owner.bases}
        for owner in found
    }
    ours = {name for name, its_bases in bases.items() if "Protocol" not in its_bases}
    for name, its_bases in bases.items():
        for base in sorted(its_bases & ours):
            if name.endswith("Error") and base.endswith("Error"):
                continue
            yield f"{name} inherits from {base}"


def kernel_reaches_out(text: str, file: str) -> Iterator[str]:
    """Find what the kernel may not import, call or compute with."""
    tree = ast.parse(text)
    allowed = KERNEL_MAY_IMPORT | ({"numba", "numba.core"} if file == THE_COMPILER else set())
    for line, module, name in imports(tree):
        if module not in allowed and not module.startswith("interlock.kernel."):
            yield f"{line}: the kernel does not import {module}"
        if name in INEXACT or (module == "math" and name and name not in MATH_IS_EXACT):
            yield f"{line}: {module}.{name} differs between machines"
    for node in ast.walk(tree):
        name = getattr(node, "attr", getattr(node, "id", ""))
        inexact = isinstance(node, ast.Attribute) and name in INEXACT
        if inexact or name in REACHES_OUT or name in UNSIGNED:
            yield f"{getattr(node, 'lineno', 0)}: {name} is banned in the kernel"
        owner, _, of_math = last_two(node).partition(".")
        if owner == "math" and of_math not in MATH_IS_EXACT:
            yield f"{getattr(node, 'lineno', 0)}: math.{of_math} differs between machines"
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            whole = all(
                isinstance(side, ast.Constant) and isinstance(side.value, int)
                for side in (node.left, node.right)
            )
            if not whole:
                yield f"{node.lineno}: a power in the kernel has two whole constants; use sqrt or *"


def imports_numba(text: str) -> Iterator[str]:
    """Find imports of numba: one decorator holds its options."""
    for line, module, _ in imports(ast.parse(text)):
        if module.split(".")[0] == "numba":
            yield f"{line}: numba is imported by {THE_COMPILER} alone"


def compiles(text: str) -> Iterator[str]:
    """Find uses of the decorator, whose machine code the cache folder must be named after."""
    for line, module, name in imports(ast.parse(text)):
        if module == "interlock.kernel.compiled" and name == "compiled":
            yield f"{line}: machine code is made in the rooms of interlock.COMPILED_ROOMS alone"


def reads_environment(text: str) -> Iterator[str]:
    """Find reads of environment variables, by name or by an option of the command line."""
    tree = ast.parse(text)
    for line, module, name in imports(tree):
        if f"{module}.{name}" in READS_ENVIRONMENT:
            yield f"{line}: the environment is read in config/ alone"
    for node in ast.walk(tree):
        if last_two(node) in READS_ENVIRONMENT:
            yield f"{getattr(node, 'lineno', 0)}: the environment is read in config/ alone"
        if isinstance(node, ast.keyword) and node.arg == "envvar":
            yield f"{node.lineno}: the environment is read in config/ alone"


def reads_clock(text: str, *, stopwatch_allowed: bool) -> Iterator[str]:
    """Find reads of the clock; a stopwatch for progress and speed is another matter."""
    banned = READS_CLOCK if stopwatch_allowed else READS_CLOCK | STOPWATCH
    tree = ast.parse(text)
    for line, module, name in imports(tree):
        if f"{module}.{name}" in banned:
            yield f"{line}: {module}.{name} reads a clock"
    for node in ast.walk(tree):
        if last_two(node) in banned:
            yield f"{getattr(node, 'lineno', 0)}: {last_two(node)} reads a clock"
