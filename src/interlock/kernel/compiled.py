"""The one door to numba: every kernel function is compiled with the same strict options."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` with the kernel's options, keeping its Python signature.

    ``fastmath`` reorders float sums; the ``numpy`` error model turns ``1 // 0`` into ``0``;
    without ``boundscheck`` an index past the end reads somebody else's memory. ``cache`` does
    not notice an edit in *another* kernel file, so the package's root names the cache folder
    after the sources of kernel and sim.
    """
    wrapper = numba.njit(cache=True, fastmath=False, error_model="python", boundscheck=True)
    return cast("Callable[P, R]", wrapper(function))
