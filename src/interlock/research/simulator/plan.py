"""What a seed draws before anything happens: instruments, rules, limits, and which faults exist."""

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from interlock.kernel.codes import Feed, Settle
from interlock.research.simulator import faults
from interlock.research.simulator.chance import Chance
from interlock.runtime.clock import NS_PER_MS, NS_PER_S
from interlock.runtime.stopping import StopRules

START_NS: Final = 1_700_000_000 * NS_PER_S
FEW_PPM: Final = 5_000
MANY_PPM: Final = 60_000
ORDERS_MORE: Final = 4  # there are many rows and few orders
SELDOM_NS: Final = 30 * NS_PER_S
OFTEN_NS: Final = 5 * NS_PER_S
CRASH_NS: Final = 12 * NS_PER_S

# Struck at every occasion there is, with a rate; all others happen by themselves now and then.
BY_OCCASION: Final = frozenset(
    {
        *("net_cut", "net_garbled", "net_drop_ask", "net_drop_tell", "net_duplicate"),
        *("net_unordered", "net_overtaken", "net_replayed"),
        *("venue_rejects", "venue_keeps", "venue_refuses_change", "venue_late_fill"),
        *("venue_changed_trade", "venue_unknown", "venue_late_answer"),
        *("data_gap", "data_crossed", "data_zero", "data_jump", "data_future", "data_old"),
        *("data_burst", "crash_again", "power"),
    }
)
# Each of these ends a connection or asks for a person.
_RARE: Final = frozenset({"net_cut", "net_garbled", "venue_changed_trade"})
_PER_EVENT: Final = frozenset({"crash_again", "power"})
_STOPPING: Final = frozenset(
    {"kill_immediate", "kill_graceful", "kill_pause", "latch_broken", "venue_changed_trade"}
)
_OFTEN: Final = frozenset({"people_clear", "people_resume"})
_STARTING: Final = frozenset({"people_clear", "people_resume"})


class Rules(StrEnum):
    """Whose manners the venue has."""

    PLAIN = "plain"
    BINANCE = "binance"  # ids may be used again once an order is over; not found early
    CRYPTOCOM = "cryptocom"  # cancel-all is queued; a refusal may come as an error
    IBKR = "ibkr"  # a reset every night; fills are told late; acknowledged twice


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An instrument.

    Attributes:
        feed: codes.Feed.
        settle: codes.Settle.
        price: Ticks, where it begins.
        step_ppm: How far it moves in a tick of the market.
        native_oco: Whether its pairs cancel each other at the venue.
    """

    symbol: str
    feed: int
    settle: int
    price: int
    step_ppm: int
    native_oco: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One seed's world.

    Attributes:
        seed: Everything else follows from it.
        faults: Those that exist.
        rates_ppm: Of faults that strike by occasion.
        every_ns: Of those that happen by themselves: the mean time between two.
        rules: The venue's manners.
        instruments: Two to six.
        cash_units: What the account begins with.
        participation_ppm: Of a row's volume that our fills may be; 0 for no cap.
        moves: So often at most an instrument moves in a tick.
        tick_ns: The market moves so often.
        signal_ppm: How often a trader has an idea at a tick of the market.
        group: Rows wait for each other up to so many before they are written.
        snapshot_events: A snapshot after so many.
        tight: Whether limits are reached often.
        breakers: Whether circuit breakers are on.
        stops: What may stop the engine by itself.
    """

    seed: int
    faults: frozenset[str]
    rates_ppm: dict[str, int]
    every_ns: dict[str, int]
    rules: Rules
    instruments: tuple[Listed, ...]
    cash_units: int
    participation_ppm: int
    tick_ns: int
    moves: int
    signal_ppm: int
    group: int
    snapshot_events: int
    tight: bool
    breakers: bool
    stops: StopRules


def _listed(chance: random.Random, number: int, *, native_oco: bool) -> Listed:
    margined = chance.random() < 0.5  # noqa: PLR2004 - even
    return Listed(
        symbol=f"S{number}",
        feed=int(chance.choice((Feed.QUOTE, Feed.QUOTE, Feed.TRADE, Feed.BAR))),
        settle=int(Settle.MARGIN if margined else Settle.CASH),
        price=chance.randrange(2_000, 60_000),
        step_ppm=chance.choice((200, 600, 1_500)),
        native_oco=native_oco,
    )


def _drawn(chance: Chance, allowed: frozenset[str] | None) -> frozenset[str]:
    """Return which faults exist: about half of all, or the ones that were asked for."""
    stream = chance.of("faults")
    share = stream.choice((0.15, 0.35, 0.6))
    drawn = frozenset(name for name in sorted(faults.ALL) if stream.random() < share)
    if drawn & _STOPPING and stream.random() < 0.8:  # noqa: PLR2004 - else little happens after it
        drawn |= _STARTING
    return drawn if allowed is None else allowed


def draw(seed: int, allowed: frozenset[str] | None = None) -> Plan:
    """Return what a seed draws.

    Args:
        seed: Of everything.
        allowed: The faults that exist; None draws them too.
    """
    chance = Chance(seed)
    exist = _drawn(chance, allowed)
    rates: dict[str, int] = {}
    every: dict[str, int] = {}
    for name in sorted(faults.ALL):
        stream = chance.of(f"rate {name}")
        if name in _PER_EVENT:
            rates[name] = stream.choice((100_000, 250_000, 500_000))
        elif name in BY_OCCASION:
            rate = stream.randrange(FEW_PPM, MANY_PPM)
            if name in _RARE:
                rate //= 10
            elif not name.startswith("data"):
                rate *= ORDERS_MORE
            rates[name] = rate
        else:
            most_ns = OFTEN_NS if name in _OFTEN else SELDOM_NS
            if name == "crash":
                most_ns = CRASH_NS
            every[name] = stream.randrange(most_ns // 5, most_ns)
    stream = chance.of("plan")
    native_oco = stream.random() < 0.6  # noqa: PLR2004 - most venues can
    participation_ppm = stream.choice((100_000, 400_000))
    return Plan(
        seed=seed,
        faults=exist,
        rates_ppm=rates,
        every_ns=every,
        rules=stream.choice(list(Rules)),
        instruments=tuple(
            _listed(stream, number, native_oco=native_oco) for number in range(stream.randint(2, 5))
        ),
        cash_units=stream.choice((20_000_000, 100_000_000, 1_000_000_000)),
        participation_ppm=participation_ppm if "venue_partial" in exist else 0,
        tick_ns=stream.choice((100, 200, 300)) * NS_PER_MS,
        moves=stream.choice((4, 8, 16)),
        signal_ppm=stream.choice((300_000, 600_000, 900_000)),
        group=stream.choice((1, 4, 16)),
        snapshot_events=stream.choice((300, 700, 1_500)),
        tight=stream.random() < 0.3,  # noqa: PLR2004 - now and then
        breakers=stream.random() < 0.5,  # noqa: PLR2004 - even
        stops=StopRules(
            graceful_ns=stream.choice((4, 12)) * NS_PER_S,
            absent_ns=stream.choice((0, 3)) * NS_PER_S,
        ),
    )
