"""What the gate would say of an order that nobody sends: asked of the engine, changes nothing."""

import json
from decimal import Decimal
from typing import Any, Final, Literal

from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, ValidationError, field_validator

from interlock.runtime.asking import AskError
from interlock.service.api.parts import Engine, Said
from interlock.service.doors import Access, Door
from interlock.service.permissions import Permission
from interlock.service.problems import Problem
from interlock.service.reading import CLOSED, parse_json

ASK_S: Final = 3.0
DIGITS_MAX: Final = 20  # before and behind the point
_ACCESS: Final = Access(needs=Permission.PROBE, loopback=True, reads=True)
_FIRST: Final = ("allowed", "would_trade_now", "reason_code", "reason")  # of what is read first
_NUMBERS: Final = (
    *("price", "quantity", "leverage"),
    *("account_equity", "total_margin_exposure", "daily_loss_pct"),
)


class ProbeAsked(BaseModel):
    """An order by its numbers, which may be text; and perhaps another account than the real one."""

    model_config = CLOSED

    symbol: str = Field(min_length=1, max_length=64)
    side: Literal["BUY", "SELL"]
    price: Decimal
    quantity: Decimal
    is_margin: bool = False
    leverage: Decimal | None = None
    trade_on_margin_from_watchlist: bool | None = None
    account_equity: Decimal | None = None
    total_margin_exposure: Decimal | None = None
    daily_loss_pct: Decimal | None = None

    @field_validator(*_NUMBERS, mode="before")
    @classmethod
    def _number(cls, value: object) -> object:
        """Take a number as it was written; a text has to be one in plain digits."""
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, str):
            whole, _, part = value.removeprefix("-").partition(".")
            plain = all(one in "0123456789" for one in whole + part)
            if not plain or not whole or value.endswith("."):
                raise ValueError("must be a number in digits and at most one point")
        if not isinstance(value, str | int | Decimal):
            raise ValueError("must be a number")  # noqa: TRY004 - what pydantic turns into a 422
        number = Decimal(value)
        places = number.as_tuple()
        assert isinstance(places.exponent, int)
        if abs(places.exponent) > DIGITS_MAX or abs(number) >= Decimal(10) ** DIGITS_MAX:
            raise ValueError(f"must have at most {DIGITS_MAX} digits before and behind the point")
        return number


class Probed(BaseModel):
    """What the gate would say.

    Attributes:
        allowed: The verdict of the rules about risk alone.
        would_trade_now: Whether the whole gate would let it through this instant.
        reason_code: RISK_GUARD_BLOCKED, or nothing.
        reason: A sentence that names rule, value and limit; nothing when it is allowed.
        rules: Every rule with value, limit and verdict.
        latches: What holds trading back, as far as it is about this order.
        assumptions: What was taken for granted.
    """

    allowed: bool
    would_trade_now: bool
    reason_code: str
    reason: str
    rules: list[dict[str, Any]]
    latches: list[dict[str, Any]]
    assumptions: list[str]


def add_probe_routes(door: Door, engine: Engine) -> None:
    """Add the one."""

    @door.route(
        "POST",
        "/api/risk/probe",
        _ACCESS,
        response_model=Probed,
        responses={400: {"model": Probed, "description": "The rules about risk refuse it."}},
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": _schema()}},
            }
        },
    )
    async def probe(request: Request) -> JSONResponse:
        """What the gate would say of an order. Nothing is sent, and nothing is changed."""
        asked = _read(await request.body())
        try:
            found = await engine.ask("probe", timeout_s=ASK_S, **asked)
        except AskError as error:
            raise Problem(status=400, code="BAD_PROBE", message=str(error)) from error
        first = {name: found[name] for name in _FIRST}
        return JSONResponse({**first, **found}, status_code=200 if found["allowed"] else 400)


def _read(raw: bytes) -> Said:
    """Return what the engine is asked; raises Problem."""
    parse_json(raw)  # closed: no key twice, no NaN, no nesting without end
    try:
        # Read again, this time with every digit of a number as it was written.
        content = json.loads(raw, parse_float=Decimal)
        asked = ProbeAsked.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"] if part in ProbeAsked.model_fields)
        raise Problem(
            status=422,
            code="BAD_CONTENT",
            message=f"{place or 'the body'}: {str(first['msg'])[:200]}.",
        ) from None
    said = asked.model_dump(exclude_none=True)
    return {
        name: f"{value:f}" if isinstance(value, Decimal) else value for name, value in said.items()
    }


def _schema() -> Said:
    """Return what may be sent, for the description of the API."""
    number = {"anyOf": [{"type": "number"}, {"type": "string"}]}
    found = ProbeAsked.model_json_schema()
    for name in _NUMBERS:
        found["properties"][name] = {**number, "title": name}
    return found
