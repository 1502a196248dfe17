"""What the checks of one world share: the journal told again, the venue's truth, and the world."""

import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

from interlock.research.simulator.checks import Violation
from interlock.research.simulator.invariants.facts import place_of
from interlock.research.simulator.invariants.retold import Retold
from interlock.research.simulator.oracle import Oracle, Unit
from interlock.runtime.ids import client_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from interlock.research.simulator.world import World

_VENUE: Final = "simulated"
_EXT: Final = struct.Struct(">qq")
Ext = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """What every check of one world may look at.

    Attributes:
        world: The machine, the far side, the clock.
        retold: What the journal says.
        oracle: What is true at the venue.
        symbols: Of the instruments, by number.
    """

    world: "World"
    retold: Retold
    oracle: Oracle
    symbols: tuple[str, ...]

    def name(self, order_id: int) -> str:
        """Return the name that an order of the journal has at its venue."""
        epoch = self.retold.epoch_at(place_of(order_id)[0])
        return client_name(epoch, order_id) if epoch else ""

    def ext(self, instrument: int, number: int, what: str = "") -> Ext:
        """Return the id that a trade is journaled once by, or a charge of ``what``."""
        symbol = what + self.symbols[instrument]
        said = "\0".join((_VENUE, self.world.setup.account, symbol, str(number)))
        high, low = _EXT.unpack(hashlib.sha256(said.encode()).digest()[:16])
        return high, low


def scene_of(world: "World") -> Scene:
    """Return a scene before anything has happened."""
    setup = world.setup
    specs = setup.policy["instruments"][0, : len(setup.scales)]
    units = [
        Unit(
            num=int(spec["unit_num"]),
            den=int(spec["unit_den"]),
            maker_ppm=int(spec["maker_ppm"]),
            taker_ppm=int(spec["taker_ppm"]),
        )
        for spec in specs
    ]
    return Scene(
        world=world,
        retold=Retold(cash_units=setup.cash_units, instruments=len(units)),
        oracle=Oracle(cash_units=setup.cash_units, units=units),
        symbols=tuple(one.symbol for one in setup.scales),
    )


def broken(number: int, sentence: str, **facts: object) -> NoReturn:
    """Say that an invariant does not hold.

    Raises:
        Violation: Always.
    """
    said: Mapping[str, object] = facts
    raise Violation(number, sentence, said)
