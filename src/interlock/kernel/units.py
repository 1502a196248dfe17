"""Units and exact arithmetic. Money and quantity are int64; nothing here rounds in our favour."""

from typing import Final

from interlock.kernel.compiled import compiled

PRICE_TICKS_MAX: Final = 2**40
QTY_LOTS_MAX: Final = 2**40
UNITS_MAX: Final = 2**60
PPM: Final = 1_000_000  # parts per million: 1 bp = 100 ppm, 1 % = 10,000 ppm
BP_PPM: Final = 100
LIMIT_NONE: Final = 2**61  # a limit that its owner switched off on purpose; an unset one is 0
NS_PER_SECOND: Final = 1_000_000_000
NS_PER_MINUTE: Final = 60 * NS_PER_SECOND
_LIMB: Final = 31
_LIMB_MASK: Final = 2**31 - 1
_NEAR_PRODUCT_MAX: Final = float(2**110)
_NEAR_DIVISOR_MAX: Final = 2**60
_NEAR_QUOTIENT_MAX: Final = float(2**60)
_WIDE_MAX: Final = 2**62


@compiled
def _wide_mul_div(a: int, b: int, c: int, up: bool) -> int:
    """Return a * b / c by 31-bit limbs and long division; all in [0, 2**62)."""
    a_hi = a >> _LIMB
    a_lo = a & _LIMB_MASK
    b_hi = b >> _LIMB
    b_lo = b & _LIMB_MASK
    low = a_lo * b_lo
    middle = a_hi * b_lo + (low >> _LIMB)
    carry = middle >> _LIMB
    middle = (middle & _LIMB_MASK) + a_lo * b_hi
    high = a_hi * b_hi + carry + (middle >> _LIMB)
    lower = ((middle & _LIMB_MASK) << _LIMB) | (low & _LIMB_MASK)
    assert high < c  # otherwise the quotient does not fit 62 bits
    remainder = high
    quotient = 0
    for bit in range(61, -1, -1):
        remainder = (remainder << 1) | ((lower >> bit) & 1)
        quotient <<= 1
        if remainder >= c:
            remainder -= c
            quotient |= 1
    if up and remainder > 0:
        quotient += 1
    return quotient


@compiled
def _any_mul_div(a: int, b: int, c: int, up: bool) -> int:
    """Return a * b / c for any sign and any 124-bit product, toward zero or away from it."""
    assert 0 < c < _WIDE_MAX
    assert -_WIDE_MAX < a < _WIDE_MAX
    assert -_WIDE_MAX < b < _WIDE_MAX
    quotient = _wide_mul_div(a=abs(a), b=abs(b), c=c, up=up)
    return -quotient if (a < 0) != (b < 0) else quotient


@compiled
def _is_near(a: int, b: int, c: int) -> bool:
    """Return whether ``_near_mul_div`` may be used."""
    if a < 0 or b < 0 or not 0 < c < _NEAR_DIVISOR_MAX:
        return False
    product = float(a) * float(b)
    return product < _NEAR_PRODUCT_MAX and product < _NEAR_QUOTIENT_MAX * float(c)


@compiled
def _near_mul_div(a: int, b: int, c: int, up: bool) -> int:
    """Return a * b / c by one float division and the remainder that puts it right.

    The float quotient misses by less than a * b / 2**50 / c, so the true remainder of the guess is
    below 2**62. As machine code both products may wrap; their difference, being small, does not.
    """
    c = int(c)
    quotient = int(float(a) * float(b) / float(c))
    remainder = int(a) * int(b) - quotient * c
    if remainder < 0 or remainder >= c:
        missed = remainder // c
        quotient += missed
        remainder -= missed * c
    if up and remainder > 0:
        quotient += 1
    return quotient


@compiled
def mul_div(a: int, b: int, c: int) -> int:
    """Return ``a * b / c`` rounded toward zero, exact for any 124-bit product.

    Args:
        a: Any sign, abs(a) < 2**62.
        b: Any sign, abs(b) < 2**62.
        c: > 0, < 2**62.

    Raises:
        AssertionError: An argument or the result is out of range; it never wraps.

    >>> mul_div(2**60, 3, 4) == 3 * 2**58
    True
    >>> mul_div(-7, 1, 2)
    -3
    """
    if _is_near(a=a, b=b, c=c):
        return _near_mul_div(a=a, b=b, c=c, up=False)
    return _any_mul_div(a=a, b=b, c=c, up=False)


@compiled
def mul_div_up(a: int, b: int, c: int) -> int:
    """Return ``a * b / c`` rounded away from zero; same domain as ``mul_div``.

    >>> mul_div_up(7, 1, 2), mul_div_up(-7, 1, 2), mul_div_up(8, 1, 2)
    (4, -4, 4)
    """
    if _is_near(a=a, b=b, c=c):
        return _near_mul_div(a=a, b=b, c=c, up=True)
    return _any_mul_div(a=a, b=b, c=c, up=True)


@compiled
def ppm_of(value: int, ppm: int) -> int:
    """Return ``value * ppm / 1e6`` rounded toward zero.

    >>> ppm_of(100_000_000, 50_000)
    5000000
    """
    return mul_div(a=value, b=ppm, c=PPM)
