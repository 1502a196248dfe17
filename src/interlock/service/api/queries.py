"""What a query may say: described for the API's description, and read strictly."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request
from pydantic import BaseModel

from interlock.service.reading import known_query, query_int, query_text

SEQ_MAX: Final = 2**50
SYMBOL: Final = r"[A-Za-z0-9][A-Za-z0-9._/-]{0,31}"
WORD: Final = r"[A-Za-z][A-Za-z0-9_]{0,31}"
ACTOR: Final = r"[a-z]{1,16}(:[A-Za-z0-9._@-]{1,64})?"
CORRELATION: Final = r"[A-Za-z0-9._-]{1,64}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A whole number of a query; left out, it is ``default``."""

    name: str
    default: int
    low: int
    high: int
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A word of a query; left out, it is ``default``."""

    name: str
    pattern: str
    says: str
    default: str = ""


class Query:
    """Everything that the query of a route may say: each once, and nothing else.

    Args:
        fields: What it may say.
    """

    def __init__(self, *fields: Number | Text) -> None:
        self._fields = fields

    def read(self, request: Request) -> dict[str, Any]:
        """Return what a query says.

        Raises:
            Problem: It says something else, or says it in another way.
        """
        known_query(request, [each.name for each in self._fields])
        return {each.name: _value(request, each) for each in self._fields}

    def described(self) -> list[dict[str, Any]]:
        """Return it as OpenAPI has it."""
        return [
            {
                "name": each.name,
                "in": "query",
                "required": False,
                "description": each.says,
                "schema": _schema(each),
            }
            for each in self._fields
        ]


NOTHING: Final = Query()
LIMIT: Final = Number(name="limit", default=100, low=1, high=500, says="At most so many.")
BEFORE: Final = Number(
    name="before",
    default=0,
    low=0,
    high=SEQ_MAX,
    says="The cursor `next` of the page before; 0 or left out is the newest page.",
)
OF_SYMBOL: Final = Text(name="symbol", pattern=SYMBOL, says="Only this instrument.")


def described(*, query: Query = NOTHING, body: type[BaseModel] | None = None) -> dict[str, Any]:
    """Return what a route takes, for ``openapi_extra``."""
    found: dict[str, Any] = {}
    if query.described():
        found["parameters"] = query.described()
    if body is not None:
        schema = body.model_json_schema()
        found["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
    return found


def media(name: str, says: str, binary: str = "string") -> Mapping[int | str, dict[str, Any]]:
    """Return the description of an answer that is no JSON, for ``responses``."""
    return {200: {"description": says, "content": {name: {"schema": {"type": binary}}}}}


def fits(pattern: str, text: str) -> bool:
    """Return whether all of a text is of a form."""
    return re.fullmatch(pattern, text) is not None


def _value(request: Request, field: Number | Text) -> int | str:
    if isinstance(field, Number):
        return query_int(request, field.name, default=field.default, low=field.low, high=field.high)
    return query_text(request, field.name, default=field.default, pattern=field.pattern)


def _schema(field: Number | Text) -> dict[str, Any]:
    if isinstance(field, Number):
        return {
            "type": "integer",
            "minimum": field.low,
            "maximum": field.high,
            "default": field.default,
        }
    return {"type": "string", "pattern": f"^(?:{field.pattern})$"}
