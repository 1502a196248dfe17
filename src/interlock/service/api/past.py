"""Routes about what happened: orders, fills, trades, signals, equity and bars."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, Final

from fastapi import Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from interlock.service.api.explaining import ID, no_such
from interlock.service.api.looks import Signal
from interlock.service.api.pages import (
    Bars,
    Equity,
    Fill,
    FillPage,
    LatchPage,
    OneOrder,
    Order,
    OrderPage,
    SignalPage,
    Trade,
    TradePage,
)
from interlock.service.api.parts import Parts, Projection, Said
from interlock.service.api.present import LOOKS
from interlock.service.api.queries import (
    BEFORE,
    LIMIT,
    NOTHING,
    OF_SYMBOL,
    SYMBOL,
    Number,
    Query,
    Text,
    described,
    fits,
    media,
)
from interlock.service.api.sheets import csv_text
from interlock.service.doors import Door
from interlock.service.problems import Problem

EXPORT_ROWS: Final = 100_000
PAGE_ROWS: Final = 500
FILLS_SHOWN: Final = 500  # beside the bars of an instrument
CSV: Final = "text/csv"

_PAGE: Final = Query(LIMIT, BEFORE, OF_SYMBOL)
_ORDERS: Final = Query(
    LIMIT,
    BEFORE,
    OF_SYMBOL,
    Text(name="state", pattern="open|all", default="all", says="Only those that are open, or all."),
)
_LATCHES: Final = Query(LIMIT, BEFORE)
_EQUITY: Final = Query(
    Number(name="points", default=500, low=2, high=5_000, says="At most so many moments.")
)
_BARS: Final = Query(Number(name="n", default=300, low=1, high=2_000, says="At most so many bars."))

Read = Callable[..., Said]


def add_past_routes(door: Door, parts: Parts) -> None:
    """Add them."""
    projection = parts.projection

    @door.route(
        "GET",
        "/api/orders",
        LOOKS,
        response_model=OrderPage,
        openapi_extra=described(query=_ORDERS),
    )
    async def orders(request: Request) -> Said:
        """Orders, the newest first."""
        asked = _ORDERS.read(request)
        state = "open" if asked.pop("state") == "open" else None
        return await _page(projection.orders, asked, state=state)

    @door.route(
        "GET", "/api/fills", LOOKS, response_model=FillPage, openapi_extra=described(query=_PAGE)
    )
    async def fills(request: Request) -> Said:
        """Fills, the newest first."""
        return await _page(projection.fills, _PAGE.read(request))

    @door.route(
        "GET", "/api/trades", LOOKS, response_model=TradePage, openapi_extra=described(query=_PAGE)
    )
    async def trades(request: Request) -> Said:
        """Positions that are over, the newest first."""
        return await _page(projection.trades, _PAGE.read(request))

    @door.route(
        "GET",
        "/api/signals",
        LOOKS,
        response_model=SignalPage,
        openapi_extra=described(query=_PAGE),
    )
    async def signals(request: Request) -> Said:
        """What strategies and webhooks wanted, the newest first, and what was decided."""
        return await _page(projection.signals, _PAGE.read(request))

    _add_series(door, projection)
    _add_exports(door, projection)
    _add_single(door, projection)


def _add_series(door: Door, projection: Projection) -> None:
    """Add what charts are made of."""

    @door.route(
        "GET", "/api/equity", LOOKS, response_model=Equity, openapi_extra=described(query=_EQUITY)
    )
    async def equity(request: Request) -> Said:
        """What the account was worth, the oldest first."""
        points = _EQUITY.read(request)["points"]
        return {"points": await asyncio.to_thread(projection.equity, points)}

    @door.route(
        "GET",
        "/api/bars/{symbol}",
        LOOKS,
        response_model=Bars,
        openapi_extra=described(query=_BARS),
    )
    async def bars(request: Request, symbol: str) -> Said:
        """The newest bars of an instrument, the oldest first, and what was traded in them."""
        asked = _BARS.read(request)
        found: list[Said] = []
        if fits(SYMBOL, symbol):
            found = await asyncio.to_thread(projection.bars, symbol, asked["n"])
        if not found:
            raise Problem(
                status=404, code="NO_BARS", message="no bars of this instrument are known."
            )
        since_ns = int(found[0]["ts_ns"])
        page = await asyncio.to_thread(projection.fills, FILLS_SHOWN, None, symbol)
        recent = [each for each in page["items"] if each["ts_ns"] >= since_ns]
        stops = await asyncio.to_thread(projection.stops, symbol, since_ns)
        return {"symbol": symbol, "bars": found, "fills": recent, "stops": stops}


def _add_single(door: Door, projection: Projection) -> None:
    """Add what is looked up by its id, and the latches that were."""

    @door.route("GET", "/api/orders/{name}", LOOKS, response_model=OneOrder)
    async def order(request: Request, name: str) -> Said:
        """An order with everything that happened to it."""
        NOTHING.read(request)
        found = await asyncio.to_thread(projection.order, name) if fits(ID, name) else None
        if found is None:
            raise no_such()
        return found

    @door.route("GET", "/api/signals/{name}", LOOKS, response_model=Signal)
    async def signal(request: Request, name: str) -> Said:
        """A signal with every verdict on it."""
        NOTHING.read(request)
        found = await asyncio.to_thread(projection.signal, name) if fits(ID, name) else None
        if found is None:
            raise no_such()
        return found

    @door.route(
        "GET",
        "/api/latches/history",
        LOOKS,
        response_model=LatchPage,
        openapi_extra=described(query=_LATCHES),
    )
    async def latches(request: Request) -> Said:
        """Latches that were set and released, the newest first."""
        asked = _LATCHES.read(request)
        return await asyncio.to_thread(projection.latches, asked["limit"], asked["before"] or None)


def _add_exports(door: Door, projection: Projection) -> None:
    """Add the tables for spreadsheets."""
    tables: tuple[tuple[str, type[BaseModel], Read], ...] = (
        ("orders", Order, projection.orders),
        ("fills", Fill, projection.fills),
        ("trades", Trade, projection.trades),
    )
    for name, model, read in tables:
        _add_export(door, name, model, read)


def _add_export(door: Door, name: str, model: type[BaseModel], read: Read) -> None:
    columns = list(model.model_fields)

    @door.route(
        "GET",
        f"/api/{name}/export.csv",
        LOOKS,
        name=f"export_{name}",
        summary=f"All {name} as a table for spreadsheets, at most {EXPORT_ROWS:,} of them.",
        response_class=StreamingResponse,
        responses=media(CSV, "A table, RFC 4180."),
    )
    async def export(request: Request) -> StreamingResponse:
        NOTHING.read(request)
        first = await asyncio.to_thread(read, PAGE_ROWS, None)  # what fails, fails before it begins
        return attached(_export(columns, read, first), CSV, f"interlock-{name}.csv")


def attached(parts: AsyncIterator[str], kind: str, name: str) -> StreamingResponse:
    """Return an answer that a browser keeps as a file and never shows."""
    return StreamingResponse(
        (part.encode("utf-8", "backslashreplace") async for part in parts),
        media_type=f"{kind}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def _export(columns: list[str], read: Read, page: Said) -> AsyncIterator[str]:
    """Yield a table page by page: nobody holds all of it."""
    heading = csv_text(columns, ())
    yield heading
    for _ in range(EXPORT_ROWS // PAGE_ROWS):
        rows: Iterable[Said] = page["items"]
        yield csv_text(columns, rows)[len(heading) :]
        before = page["next"]
        if before is None:
            return
        page = await asyncio.to_thread(read, PAGE_ROWS, before)


async def _page(read: Read, asked: dict[str, Any], **more: Any) -> Said:
    """Return a page."""
    before, symbol = asked["before"] or None, asked["symbol"] or None
    return await asyncio.to_thread(read, asked["limit"], before, symbol, **more)
