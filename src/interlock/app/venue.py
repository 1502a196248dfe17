"""The process of the simulated venue: a recording or a live market, the rules, its own books."""

import hashlib
import secrets
import sys
from collections.abc import Callable

from interlock.app.child import die_with
from interlock.app.live import LIVE, open_candles, symbol_of
from interlock.app.session import Session, inputs_of, scales_of
from interlock.config.errors import PolicyError
from interlock.config.system import LiveData
from interlock.research.inputs import Inputs, funded, funding_rows
from interlock.research.warming import warm
from interlock.runtime.clock import Clock, SystemClock
from interlock.venues.simulated.asking import Asking, Watched
from interlock.venues.simulated.candles import CandleError, Candles
from interlock.venues.simulated.live import LiveBars
from interlock.venues.simulated.pace import ALL_IT_CAN
from interlock.venues.simulated.server import Venue, serve
from interlock.venues.simulated.source import TapeSource


def _made_of(inputs: Inputs) -> str:
    """Return what the venue's account lives on: the bars, what they are of, and its first cash."""
    found = hashlib.sha256(f"{inputs.cash_units} {inputs.tier}".encode())
    for each in inputs.sets:
        found.update(f" {each.symbol} ".encode())
        found.update(each.sha256())
    return found.hexdigest()


def account_of(inputs: Inputs, live: LiveData) -> str:
    """Return what a live account at the simulated venue lives on."""
    told = [f"{LIVE} {live.exchange} {live.timeframe} {inputs.cash_units} {inputs.tier}"]
    told += [f"{one.symbol} {one.price_digits} {one.qty_digits}" for one in inputs.instruments]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def live_source(
    session: Session,
    inputs: Inputs,
    tell: Callable[[str], None],
    clock: Clock,
    candles: Candles | None = None,
) -> LiveBars:
    """Return the bars that were fetched, and then those that close.

    Raises:
        CandleError: The exchange cannot be asked for this.
    """
    system = session.configuration.system
    live = system.data.live
    client = open_candles(system, clock) if candles is None else candles
    rules = inputs.rules.policy
    places = [
        place
        for place, one in enumerate(inputs.instruments)
        if funded(rules, inputs.strategy.name, one)
    ]
    watched = [
        Watched(price_digits=one.price_digits, qty_digits=one.qty_digits)
        for one in inputs.instruments
    ]
    asking = Asking(
        client.asks(list(map(symbol_of, live.symbols))),
        watched,
        period_ns=live.period_ns,
        exchange=live.exchange,
        jitter=secrets.SystemRandom().random,
        tell=tell,
    )
    return LiveBars(
        asking,
        inputs.merged.bars,
        instruments=len(watched),
        now_ns=clock.now_ns,
        charges=lambda from_ns, to_ns: funding_rows(rules, places, from_ns, to_ns - 1),
    )


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _nothing(_what: str) -> None:
    """Tell nobody."""


def run_venue(session: Session, guardian: int = -1) -> None:
    """Run the simulated venue until nobody needs it.

    Args:
        session: What it was told.
        guardian: A pipe whose other end is held by whoever watches over this process, or -1.

    Raises:
        REFUSALS: Something that a person has to look at.
    """
    die_with(guardian)
    inputs = inputs_of(session, _nothing)
    warm(tier=inputs.tier)
    system = session.configuration.system
    clock = SystemClock()
    is_live = system.data.source == LIVE
    try:
        source = live_source(session, inputs, _tell, clock) if is_live else _recording(inputs)
        serve(
            Venue(
                folder=session.home.venue,
                socket=session.home.venue_socket,
                source=source,
                world=inputs.world,
                symbols=[one.symbol for one in scales_of(inputs)],
                cash_units=inputs.cash_units,
                tier=inputs.tier,
                made_of=account_of(inputs, system.data.live) if is_live else _made_of(inputs),
                speed=ALL_IT_CAN if is_live else system.data.pace,
                linger_s=float(system.venue.linger_seconds),
                clock=clock.now_ns if is_live else None,
                tell=_tell,
            )
        )
    except CandleError as error:
        raise PolicyError(str(error)) from error


def _recording(inputs: Inputs) -> TapeSource:
    """Return the bars that are replayed, and the calendar between them."""
    return TapeSource(inputs.merged.bars, inputs.facts)
