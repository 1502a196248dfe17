"""What this room refuses: each error says what, where, expected, found, and what to do next."""

from typing import Final


class BarError(ValueError):
    """A file of bars cannot be used as it is. Nothing was changed."""


class InstrumentError(ValueError):
    """An instrument, or the file of instruments, does not make sense."""


class CalendarError(ValueError):
    """A trading calendar is unknown."""


class BlackoutError(ValueError):
    """A blackout calendar cannot be used as it is."""


DATA_ERRORS: Final = (BarError, InstrumentError, CalendarError, BlackoutError)
