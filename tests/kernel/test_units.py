"""Exact arithmetic, worked by hand and against Python's own unbounded integers."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.kernel.units import LIMIT_NONE, UNITS_MAX, mul_div, mul_div_up, ppm_of
from tests.kernel.helpers import plain

WIDE = 2**62 - 1
wide = st.integers(-WIDE, WIDE) | st.sampled_from([0, 1, -1, 2**31, 2**31 - 1, WIDE, -WIDE])
divisors = st.integers(1, WIDE) | st.sampled_from([1, 2, 2**31, 2**31 - 1, WIDE])


def toward_zero(a: int, b: int, c: int) -> int:
    """Return a * b / c toward zero, the way Python does it without a bound."""
    quotient = abs(a) * abs(b) // c
    return -quotient if (a < 0) != (b < 0) else quotient


def away_from_zero(a: int, b: int, c: int) -> int:
    """Return a * b / c away from zero."""
    quotient = -(-abs(a) * abs(b) // c)
    return -quotient if (a < 0) != (b < 0) else quotient


def check(function: Callable[[int, int, int], int], table: str) -> None:
    """Compare ``a b c | result`` line by line."""
    for line in table.strip().splitlines():
        arguments, expected = line.split("|")
        a, b, c = (int(x) for x in arguments.split())
        assert function(a, b, c) == int(expected), line


def test_a_share_is_rounded_toward_zero() -> None:
    check(
        mul_div,
        """
         7  1 2 |  3
        -7  1 2 | -3
         7 -1 2 | -3
        -7 -1 2 |  3
         0  5 3 |  0
        """,
    )


def test_a_cost_is_rounded_away_from_zero() -> None:
    check(
        mul_div_up,
        """
         7  1 2 |  4
        -7  1 2 | -4
         8  1 2 |  4
         0  5 3 |  0
         1  1 4611686018427387903 | 1
        """,
    )


def test_a_product_of_120_bits_is_exact() -> None:
    """2^60 * 3 / 4 and its neighbours; the float estimate cannot tell these apart."""
    check(
        mul_div,
        """
        1152921504606846976 3 4                                       | 864691128455135232
        1152921504606846977 3 4                                       | 864691128455135232
        1152921504606846979 3 4                                       | 864691128455135234
        4611686018427387903 4611686018427387903 4611686018427387903   | 4611686018427387903
        4611686018427387903 4611686018427387902 4611686018427387903   | 4611686018427387902
        """,
    )


@given(wide, wide, divisors)
def test_the_whole_domain_agrees_with_pythons_integers(a: int, b: int, c: int) -> None:
    """Exactly, or it crashes because the result does not fit; it never wraps."""
    for function, expected in (
        (mul_div, toward_zero(a, b, c)),
        (mul_div_up, away_from_zero(a, b, c)),
    ):
        if abs(toward_zero(a, b, c)) <= WIDE:
            assert function(a, b, c) == expected
            assert plain(function)(a, b, c) == expected
        else:
            with pytest.raises(AssertionError):
                function(a, b, c)


@pytest.mark.parametrize(
    ("a", "b", "c"),
    [(2**62, 1, 1), (-(2**62), 1, 1), (1, 2**62, 1), (1, 1, 0), (1, 1, -1)],
)
def test_a_number_outside_the_domain_is_a_bug(a: int, b: int, c: int) -> None:
    with pytest.raises(AssertionError):
        mul_div(a, b, c)


def test_a_fraction_in_parts_per_million() -> None:
    """5 % of 100,000,000; and a limit that is off is larger than any amount of money."""
    assert ppm_of(100_000_000, 50_000) == 5_000_000
    assert ppm_of(1, 999_999) == 0
    assert LIMIT_NONE > UNITS_MAX
