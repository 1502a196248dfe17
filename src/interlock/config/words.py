"""What a text in a settings file may be, and how a person is told.

As ``amounts`` for numbers: each kind of text knows its rule and says it in the same sentence that
refuses another, so that the page of keys and the messages cannot differ.
"""

import re
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Final, TypeAlias

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from interlock.config.amounts import plain
from interlock.config.errors import bad_value, closest, shown

TEXT_MAX: Final = 1_000  # characters; what is longer is not a name, a path or an address
LIST_MAX: Final = 512  # of a list; the kernel's larger tier has as many instruments
NUMBER_MAX: Final = Decimal(10**18)  # of a strategy's parameter, either way from 0
SAMPLE_PREFIX: Final = "sample:"

_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_SYMBOL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,31}")
_PARAMETER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_CLASS: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

Check: TypeAlias = Callable[[str], str]  # returns what is kept, or raises ``bad_value``


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Metadata of a field that is text; pydantic calls ``validated``.

    Attributes:
        words: What may be, as the page of keys says it.
        check: Returns the text that is kept, or raises the sentence that says why not.
    """

    words: str
    check: Check

    def validated(self, value: object) -> str:
        """Return the text that the model keeps."""
        if not isinstance(value, str):
            raise bad_value(f"must be {self.words}, was {shown(value)}")
        if len(value) > TEXT_MAX or not value.isprintable():
            raise bad_value(
                f"must be {self.words}, was {len(value)} characters, or some that cannot be "
                f"printed: at most {TEXT_MAX} may be"
            )
        return self.check(value)

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Replace pydantic's own text handling."""
        return core_schema.no_info_plain_validator_function(self.validated)


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """Metadata of a field that is a list of texts, each given once.

    Attributes:
        each: What one may be.
        words: What the list may be, as the page of keys says it.
    """

    each: Text
    words: str

    def validated(self, value: object) -> tuple[str, ...]:
        """Return the list that the model keeps, in its order."""
        if not isinstance(value, list | tuple):
            raise bad_value(f"must be {self.words}, was {shown(value)}")
        if len(value) > LIST_MAX:
            raise bad_value(f"must be {self.words}, at most {LIST_MAX} of them, was {len(value)}")
        found = tuple(self.each.validated(item) for item in value)
        twice = sorted({item for item in found if found.count(item) > 1})
        if twice:
            raise bad_value(f"must name each once, was {', '.join(map(shown, twice))} again")
        return found

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Replace pydantic's own list handling."""
        return core_schema.no_info_plain_validator_function(self.validated)


@dataclass(frozen=True, slots=True)
class Named:
    """Metadata of a table whose keys are names that somebody else knows: a strategy's parameters.

    Values are kept as text, as people write them in ``--set``: 12 and "12" are the same.
    """

    words: str = "a table of `name = value`"

    def validated(self, value: object) -> dict[str, str]:
        """Return the table that the model keeps."""
        if not isinstance(value, Mapping):
            raise bad_value(f"must be {self.words}, was {shown(value)}")
        found = {}
        for name, item in value.items():
            if not isinstance(name, str) or _PARAMETER.fullmatch(name) is None:
                raise bad_value(f"must have names such as fast, was {shown(name)}")
            found[name] = _written(name, item)
        return found

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Replace pydantic's own table handling."""
        return core_schema.no_info_plain_validator_function(self.validated)


def _written(name: str, value: object) -> str:
    """Return a parameter as people write it."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() if abs(value) < NUMBER_MAX:
            return str(value)
        case Decimal() if value.is_finite() and 1 / NUMBER_MAX < abs(value) < NUMBER_MAX:
            return plain(value)
        case Decimal() if value == 0:
            return "0"
        case str() if 0 < len(value) <= TEXT_MAX and value.isprintable():
            return value
        case _:
            raise bad_value(
                f"must have text, numbers, true or false as values, was {name} = {shown(value)}"
            )


# --- the kinds --------------------------------------------------------------------------------


def _slug(value: str) -> str:
    if _SLUG.fullmatch(value) is None:
        raise bad_value(
            "must be a name of a-z, 0-9, - and _, at most 32 characters that begin with a letter "
            f"or a digit, was {shown(value)}"
        )
    return value


def _symbol(value: str) -> str:
    if _SYMBOL.fullmatch(value) is None or ".." in value:
        raise bad_value(f"must have symbols such as BTC_USDT, was {shown(value)}")
    return value


def is_absolute(value: str) -> bool:
    """Return whether ``value`` is an absolute path that means what it says."""
    path = PurePosixPath(value)
    return path.is_absolute() and ".." not in path.parts and value == str(path)


def _path(value: str) -> str:
    if not is_absolute(value):
        raise bad_value(f"must be an absolute path without .. in it, was {shown(value)}")
    return value


def _path_or_nothing(value: str) -> str:
    return _path(value) if value else value


def _bars(value: str) -> str:
    name = value.removeprefix(SAMPLE_PREFIX)
    sample = name != value and _SLUG.fullmatch(name.lower()) is not None
    if not sample and not is_absolute(value):
        raise bad_value(
            f"must have absolute paths, or {SAMPLE_PREFIX} and a name, was {shown(value)}"
        )
    return value


def _strategy(value: str) -> str:
    path, colon, name = value.rpartition(":")
    if colon:
        if is_absolute(path) and path.endswith(".py") and _CLASS.fullmatch(name) is not None:
            return value
        raise bad_value(
            "must be the name of a built-in strategy, or an absolute path and a class such as "
            f"/home/me/mine.py:Mine, was {shown(value)}"
        )
    return _slug(value)


def _time_zone(value: str) -> str:
    try:
        zoneinfo.ZoneInfo(value)
    except (ValueError, KeyError, OSError):
        likely = closest(value, sorted(zoneinfo.available_timezones()))
        hint = f"; did you mean {likely}?" if likely is not None else ""
        raise bad_value(
            f"must be a time zone like America/Denver, was {shown(value)}{hint}"
        ) from None
    return value


SLUG: Final = Text(words="a name of a-z, 0-9, - and _", check=_slug)
PATH_OR_NOTHING: Final = Text(words="an absolute path, or nothing", check=_path_or_nothing)
PATHS: Final = Texts(
    each=Text(words="an absolute path", check=_path), words="a list of absolute paths"
)
BARS: Final = Texts(
    each=Text(words="a path", check=_bars),
    words=f"a list of absolute paths or {SAMPLE_PREFIX} and a name",
)
SYMBOLS: Final = Texts(each=Text(words="a symbol", check=_symbol), words="a list of symbols")
STRATEGY: Final = Text(
    words="a built-in strategy, or an absolute path and a class: `/home/me/mine.py:Mine`",
    check=_strategy,
)
TIME_ZONE: Final = Text(words="a time zone like America/Denver", check=_time_zone)
