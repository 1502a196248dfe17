"""Numbers as programs read them: text with every digit, so that nothing is lost to a float."""


def amount(units: int) -> str:
    """Return money as text with every digit, so that nothing is lost to a float.

    >>> amount(123_456_789), amount(-5)
    ('1.23456789', '-0.00000005')
    """
    return written(units, 8)


def written(value: int, digits: int) -> str:
    """Return value / 10^digits as text, with every digit.

    >>> written(12_500, 3), written(7, 0)
    ('12.500', '7')
    """
    sign = "-" if value < 0 else ""
    whole, part = divmod(abs(value), 10**digits)
    return f"{sign}{whole}.{part:0{digits}d}" if digits else f"{sign}{whole}"
