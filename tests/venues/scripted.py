"""A market and a script of orders that do not depend on what is heard: for crashes of the venue.

``python -m tests.venues.scripted FOLDER`` serves that market, to be killed.
"""

import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from interlock.kernel.codes import BUY, SELL, Flag, OrderKind, Role
from interlock.sim.host import Tape
from interlock.sim.world import WorldArray
from interlock.venues.port import Amend, Cancel, Message, NewOrder, NotFound, Request
from interlock.venues.simulated.ledger import Ledger
from interlock.venues.simulated.server import Venue, serve
from tests.sim.tapes import CASH, SECOND_NS, tape_of, worlds
from tests.venues.caller import venue_with

BARS: Final = 240
SEED: Final = 20_240_611
Script = dict[int, list[Request]]


def market() -> Tape:
    """Return bars of two instruments that wander, with quotes and funding between."""
    chance = random.Random(SEED)  # noqa: S311 - a script, no secret
    lines = []
    price = [10_000, 500]
    for at in range(BARS):
        which = at % 2
        opened = price[which]
        closed = max(opened + chance.randint(-opened // 50, opened // 50), 50)
        high = max(opened, closed) + chance.randint(0, opened // 100)
        low = min(opened, closed) - chance.randint(0, opened // 100)
        price[which] = closed
        start = 60 * (at // 2)
        volume = chance.choice([10, 200, 4_000])
        lines.append(f"{which} {start} {start + 60} {opened} {high} {low} {closed} {volume}")
    facts = " ".join(
        f"{second}:{chance.choice(['FUNDING:3000000', 'DAY', 'SESSION_OPEN'])}"
        for second in range(37, 30 * BARS, 611)
    )
    return tape_of("\n".join(lines), facts=facts)


def world_of() -> WorldArray:
    """Return a venue that is slow, costs something, and fills in parts."""
    words = "instrument.taker_ppm=700 instrument.maker_ppm=-200 costs.slippage_base_ppm=300"
    _, world = worlds(words, (7, 11))
    world["instruments"]["participation_ppm"] = 300_000
    return world


def script() -> Script:
    """Return what is asked after each bar."""
    chance = random.Random(SEED + 1)  # noqa: S311 - a script, no secret
    found: Script = {}
    names: list[tuple[str, int]] = []
    for bar in range(1, BARS, 2):
        ts_ns = 60 * SECOND_NS * (1 + (bar - 1) // 2)
        count = chance.choice([0, 0, 1, 2])
        asked: list[Request] = [_new(chance, names, ts_ns) for _ in range(count)]
        if names and chance.random() < 0.3:
            name, instrument = chance.choice(names)
            asked.append(Cancel(client_id=name, epoch=1, instrument=instrument, ts_ns=ts_ns))
        if names and chance.random() < 0.3:
            name, instrument = chance.choice(names)
            asked.append(
                Amend(
                    client_id=name,
                    epoch=1,
                    instrument=instrument,
                    qty=chance.randint(1, 300),
                    price=0,
                    trigger=0,
                    ts_ns=ts_ns,
                )
            )
        if asked:
            found[bar] = asked
    return found


def _new(chance: random.Random, names: list[tuple[str, int]], ts_ns: int) -> NewOrder:
    instrument = chance.randint(0, 1)
    middle = 10_000 if instrument == 0 else 500
    kind = chance.choice([OrderKind.MARKET, OrderKind.LIMIT, OrderKind.STOP])
    peer = ""
    if names and chance.random() < 0.2:
        peer = chance.choice([name for name, _ in names[-5:]])
    name = f"n-{len(names)}"
    names.append((name, instrument))
    return NewOrder(
        client_id=name,
        epoch=1,
        instrument=instrument,
        strategy=0,
        side=chance.choice([BUY, SELL]),
        order_kind=kind,
        role=Role.ENTRY,
        flags=chance.choice([0, Flag.MARGIN, Flag.MARGIN | Flag.REDUCE_ONLY]),
        qty=chance.randint(1, 300),
        price=middle + chance.randint(-middle // 20, middle // 20),
        trigger=middle + chance.randint(-middle // 20, middle // 20),
        peer_client_id=peer,
        ts_ns=ts_ns,
    )


def to_repeat(asked: list[Request], order: Callable[[str], Message]) -> list[Request]:
    """Return what has to be asked again after a crash: an order only if the venue has it not."""
    return [
        request
        for request in asked
        if not isinstance(request, NewOrder) or isinstance(order(request.client_id), NotFound)
    ]


def venue(folder: Path) -> Venue:
    """Return the venue of this market."""
    return venue_with(folder, market(), world_of())


def books(ledger: Ledger) -> dict[str, Any]:
    """Return everything that has to be the same whatever happened on the way."""
    orders = ledger._execute("SELECT * FROM orders ORDER BY number")
    fills = ledger._execute("SELECT client_id, row FROM reports WHERE kind = 7 ORDER BY id")
    return {"orders": orders, "fills": fills, "cash": CASH}


if __name__ == "__main__":
    serve(venue(Path(sys.argv[1])))
