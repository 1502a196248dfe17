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
_PRODUCT_SAFE: Final = 4.0e18  # below 2**62, with room for the rounding of the float product
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
    negative = (a < 0) != (b < 0)
    a = abs(a)
    b = abs(b)
    if float(a) * float(b) < _PRODUCT_SAFE:
        product = a * b
        quotient = product // c
        if up and quotient * c != product:
            quotient += 1
    else:
        quotient = _wide_mul_div(a=a, b=b, c=c, up=up)
    return -quotient if negative else quotient


@compiled
def _float_quotient(product: int, c: int) -> int:
    """Return product / c, rounded down, for 0 <= product < 2**62 and c > 0.

    A float division is several times faster than one of int64; what it misses is put right.
    """
    quotient = int(float(product) / float(c))
    remainder = product - quotient * c
    if remainder < 0 or remainder >= c:
        quotient += remainder // c
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
    >>> int(mul_div(-7, 1, 2))
    -3
    """
    if a >= 0 and b >= 0 and c > 0 and float(a) * float(b) < _PRODUCT_SAFE:
        return _float_quotient(product=a * b, c=c)
    return _any_mul_div(a=a, b=b, c=c, up=False)


@compiled
def mul_div_up(a: int, b: int, c: int) -> int:
    """Return ``a * b / c`` rounded away from zero; same domain as ``mul_div``.

    >>> int(mul_div_up(7, 1, 2)), int(mul_div_up(-7, 1, 2)), int(mul_div_up(8, 1, 2))
    (4, -4, 4)
    """
    if a >= 0 and b >= 0 and c > 0 and float(a) * float(b) < _PRODUCT_SAFE:
        quotient = _float_quotient(product=a * b, c=c)
        return quotient + 1 if quotient * c != a * b else quotient
    return _any_mul_div(a=a, b=b, c=c, up=True)


@compiled
def ppm_of(value: int, ppm: int) -> int:
    """Return ``value * ppm / 1e6`` rounded toward zero.

    >>> ppm_of(100_000_000, 50_000)
    5000000
    """
    return mul_div(a=value, b=ppm, c=PPM)
