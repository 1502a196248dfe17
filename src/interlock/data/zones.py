"""Time zones by name."""

from zoneinfo import ZoneInfo


def find_zone(name: str) -> ZoneInfo | None:
    """Return a time zone by its IANA name, or None if there is none.

    >>> find_zone("America/Denver"), find_zone("Mars/Olympus")
    (zoneinfo.ZoneInfo(key='America/Denver'), None)
    """
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        return None
