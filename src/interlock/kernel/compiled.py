"""The one door to numba: every kernel function is compiled with the same strict options."""

from collections.abc import Callable
from typing import Any, Final, ParamSpec, TypeVar, cast

import numba
from numba.core import types

P = ParamSpec("P")
R = TypeVar("R")

_NARROW: Final = (types.IntEnumMember, types.Integer)


def _widened(argument: Any) -> Any:
    """Return the type a kernel function is compiled for when it is given ``argument``.

    Whole numbers are int64 wherever they come from: an enum member, a constant, an int32 field.
    Without this, numba compiles a function again for every kind of whole number it is called with.
    """
    plain = types.unliteral(argument)  # type: ignore[attr-defined]
    return types.int64 if isinstance(plain, _NARROW) else plain


def _compile(function: Callable[P, R], forceinline: bool) -> Callable[P, R]:
    """Compile with the kernel's options: the only place they stand."""
    wrapper: Any = numba.njit(
        cache=True,
        fastmath=False,
        error_model="python",
        boundscheck=True,
        no_cfunc_wrapper=True,  # nobody calls the kernel from C
        forceinline=forceinline,
    )(function)
    if hasattr(wrapper, "get_call_template"):  # not when NUMBA_DISABLE_JIT is set
        template = wrapper.get_call_template

        def widened_template(args: tuple[Any, ...], kws: dict[str, Any]) -> Any:
            return template(
                tuple(_widened(argument) for argument in args),
                {name: _widened(argument) for name, argument in kws.items()},
            )

        wrapper.get_call_template = widened_template
    return cast("Callable[P, R]", wrapper)


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` with the kernel's options, keeping its Python signature.

    ``fastmath`` reorders float sums; the ``numpy`` error model turns ``1 // 0`` into ``0``;
    without ``boundscheck`` an index past the end reads somebody else's memory. ``cache`` does
    not notice an edit in *another* kernel file, so the package's root names the cache folder
    after the sources of kernel and sim.
    """
    return _compile(function, forceinline=False)


def compiled_inline(function: Callable[P, R]) -> Callable[P, R]:
    """Compile likewise, into its callers: for the few functions that run on every bar."""
    return _compile(function, forceinline=True)
