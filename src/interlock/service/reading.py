"""Reads what others sent: JSON of a closed shape, and nothing that two readers could read apart."""

import json
import math
import re
from collections.abc import Collection
from typing import Any, Final, TypeVar

from fastapi import Request
from pydantic import BaseModel, ConfigDict, ValidationError

from interlock.service.problems import Problem

BODY_MAX: Final = 65_536
DEPTH_MAX: Final = 16
DIGITS_MAX: Final = 38
CLOSED: Final = ConfigDict(extra="forbid", strict=True, frozen=True)  # of every model of a request

_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
_SHOWN: Final = re.compile(r"[A-Za-z0-9_]{1,64}")

Model = TypeVar("Model", bound=BaseModel)


class _BadJsonError(ValueError):
    """Why bytes are not JSON as it is read here."""


def parse_json(raw: bytes) -> Any:
    """Return what JSON says.

    Raises:
        Problem: It is not JSON, or JSON that somebody else could read otherwise: a key twice, NaN,
            numbers or nesting without end, characters that do not exist.
    """
    if len(raw) > BODY_MAX:
        raise _bad_json(f"must be at most {BODY_MAX} bytes")
    try:
        text = raw.decode()
        _check_depth(text)
        found = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_whole,
            parse_float=_fraction,
            parse_constant=_constant,
        )
        _check_text(found)
    except _BadJsonError as error:
        raise _bad_json(str(error)) from None
    except UnicodeDecodeError:
        raise _bad_json("must be UTF-8") from None
    except (ValueError, RecursionError):
        raise _bad_json("must be JSON") from None
    return found


async def read_json(request: Request, model: type[Model]) -> Model:
    """Return the body of a request as a closed model.

    Raises:
        Problem: It is not JSON (400), or says something else than the model (422).
    """
    found = parse_json(await request.body())
    if not isinstance(found, dict):
        raise _bad_json("must be an object")
    try:
        # As Python, not as JSON: what was read above is what is judged.
        return model.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise Problem(
            status=422,
            code="BAD_CONTENT",
            message=f"{_place(first['loc'])}: {_sentence(first)}.",
        ) from None


def known_query(request: Request, names: Collection[str]) -> None:
    """Refuse a query that has other names than these, or one of them twice."""
    seen = [name for name, _ in request.query_params.multi_items()]
    if len(seen) != len(set(seen)) or not set(seen) <= set(names):
        words = ", ".join(sorted(names)) or "nothing"
        raise _bad_query(f"the query may have {words}, each once.")


def query_int(request: Request, name: str, *, default: int, low: int, high: int) -> int:
    """Return a number of the query.

    Raises:
        Problem: It is none, or out of its range.
    """
    text = request.query_params.get(name)
    if text is None:
        return default
    if _INTEGER.fullmatch(text) is None or not low <= int(text) <= high:
        raise _bad_query(f"{name} must be a whole number from {low} to {high}.")
    return int(text)


def query_text(request: Request, name: str, *, default: str, pattern: str) -> str:
    """Return a word of the query.

    Args:
        request: Whose query.
        name: In the query.
        default: When it is not there.
        pattern: What all of it must be, as a linear regular expression.

    Raises:
        Problem: It is something else.
    """
    text = request.query_params.get(name)
    if text is None:
        return default
    if re.fullmatch(pattern, text) is None:
        raise _bad_query(f"{name} must be of the form {pattern}.")
    return text


def _bad_json(why: str) -> Problem:
    return Problem(status=400, code="BAD_JSON", message=f"the body {why}.")


def _bad_query(message: str) -> Problem:
    return Problem(status=400, code="BAD_QUERY", message=message)


def _place(location: tuple[int | str, ...]) -> str:
    """Return where something is; names that somebody made up are not repeated."""
    words = [
        str(part) if isinstance(part, int) or _SHOWN.fullmatch(part) else "(a name)"
        for part in location
    ]
    return ".".join(words) or "the body"


def _sentence(error: Any) -> str:
    """Return what was wrong, without what was sent."""
    kind = str(error["type"])
    if kind == "missing":
        return "must be there"
    if kind == "extra_forbidden":
        return "is not known here"
    return str(error["msg"])[:200]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _BadJsonError("must have each key once")
    return found


def _whole(text: str) -> int:
    if len(text) > DIGITS_MAX:
        raise _BadJsonError(f"must have numbers of at most {DIGITS_MAX} digits")
    return int(text)


def _fraction(text: str) -> float:
    number = float(text)
    if len(text) > DIGITS_MAX or not math.isfinite(number):
        raise _BadJsonError(f"must have finite numbers of at most {DIGITS_MAX} digits")
    return number


def _constant(_text: str) -> Any:
    raise _BadJsonError("must have no NaN and no Infinity")


def _check_depth(text: str) -> None:
    """Refuse nesting before a parser follows it."""
    if text.count("[") + text.count("{") <= DEPTH_MAX:
        return
    depth, is_text, is_escaped = 0, False, False
    for one in text:
        if is_text:
            if is_escaped:
                is_escaped = False
            elif one == "\\":
                is_escaped = True
            elif one == '"':
                is_text = False
        elif one == '"':
            is_text = True
        elif one in "[{":
            depth += 1
            if depth > DEPTH_MAX:
                raise _BadJsonError(f"must be nested at most {DEPTH_MAX} deep")
        elif one in "]}":
            depth -= 1


def _check_text(found: Any) -> None:
    """Refuse halves of characters and zero bytes: what stores text stops at them."""
    if isinstance(found, dict):
        for key, value in found.items():
            _check_text(key)
            _check_text(value)
    elif isinstance(found, list):
        for value in found:
            _check_text(value)
    elif isinstance(found, str):
        if "\0" in found or not _is_whole(found):
            raise _BadJsonError("must have text of whole characters, and no zero bytes")


def _is_whole(text: str) -> bool:
    """Return whether a text has no half of a character, which cannot be written anywhere."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
