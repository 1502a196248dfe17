"""The route that explains an order or a signal: one at a time, and what was explained is kept."""

import asyncio
from collections import OrderedDict
from typing import Final

from fastapi import Request

from interlock.runtime.clock import NS_PER_S, Clock
from interlock.service.api.looks import Explanation
from interlock.service.api.parts import Explainer, Parts, Said
from interlock.service.api.present import LOOKS
from interlock.service.api.queries import NOTHING, fits
from interlock.service.doors import Door
from interlock.service.problems import Problem

ID: Final = r"[osi]-[0-9A-Za-z]{1,16}(-[0-9A-Za-z]{1,16}){0,2}"
KEPT: Final = 64
KEPT_NS: Final = 30 * NS_PER_S  # an order that is open goes on
WAITING_MAX: Final = 4


class Explaining:
    """Has orders and signals explained, one after the other.

    Args:
        explain: Reads the whole journal, in a process of its own.
        clock: Measures how old what was explained is.
    """

    def __init__(self, explain: Explainer, clock: Clock) -> None:
        self._explain = explain
        self._clock = clock
        self._kept: OrderedDict[str, tuple[int, Said]] = OrderedDict()
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def of(self, name: str) -> Said:
        """Return everything about an order or a signal.

        Raises:
            Problem: There is none of that id, or too many people ask.
        """
        if not fits(ID, name):
            raise no_such()
        found = self._fresh(name)
        if found is not None:
            return found
        if self._waiting >= WAITING_MAX:
            raise Problem(
                status=503,
                code="BUSY",
                message="other explanations are being made. Next: ask again in some seconds.",
                headers={"Retry-After": "5"},
            )
        self._waiting += 1
        try:
            async with self._turn:
                found = self._fresh(name)
                if found is None:
                    found = await self._explain(name)
                    self._keep(name, found)
        finally:
            self._waiting -= 1
        return found

    def _fresh(self, name: str) -> Said | None:
        found = self._kept.get(name)
        if found is None or self._clock.elapsed_ns() - found[0] > KEPT_NS:
            return None
        return found[1]

    def _keep(self, name: str, found: Said) -> None:
        self._kept[name] = (self._clock.elapsed_ns(), found)
        self._kept.move_to_end(name)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)


def no_such() -> Problem:
    """Return that nothing has such an id."""
    return Problem(
        status=404, code="NO_SUCH_ID", message="no order and no signal of this account has this id."
    )


def add_explain_routes(door: Door, parts: Parts) -> None:
    """Add it."""
    explaining = Explaining(parts.explain, parts.clock)

    @door.route("GET", "/api/explain/{name}", LOOKS, response_model=Explanation)
    async def explain(request: Request, name: str) -> Said:
        """Why an order was sent or a signal refused: every rule, value and limit."""
        NOTHING.read(request)
        return await explaining.of(name)
