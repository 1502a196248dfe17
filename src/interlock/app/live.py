"""Live data of an exchange: what both processes have to know before the first bar closes.

The bars that closed lately are fetched once and written into the home, with what the exchange says
of its markets. From there they are read like every other file of bars: so both processes know the
same instruments, periods and digits.
"""

import fcntl
import io
import json
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from functools import partial
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Any, Final

import polars as pl
import yaml

from interlock.app.listed import described, known_as
from interlock.config.errors import PolicyError
from interlock.config.risk_policy import RiskPolicy
from interlock.config.system import LiveData, SystemConfig
from interlock.config.trust import PRIVATE_FILE, PRIVATE_FOLDER, folder_problems
from interlock.data.blackouts import load_blackouts
from interlock.data.calendars import boundaries
from interlock.data.file_names import PERPETUAL
from interlock.data.instruments import Instrument, load_instruments, read_yaml
from interlock.data.periods import span_text
from interlock.kernel.records import Rows
from interlock.research.inputs import Inputs, instruments_file
from interlock.runtime.clock import NS_PER_S, Clock, SystemClock
from interlock.runtime.schedule import Plan, Schedule
from interlock.venues.simulated.asking import MARGIN_NS
from interlock.venues.simulated.candles import (
    Candle,
    CandleError,
    Candles,
    LaterError,
    Listing,
)

if TYPE_CHECKING:
    from interlock.app.session import Session

LIVE: Final = "live"
BARS: Final = 500  # of each instrument
BARS_MIN: Final = 2  # a period is told from two
ATTEMPTS: Final = 3
PAUSE_S: Final = 5.0
FRESH_S: Final = 60  # what another process fetched so lately is not fetched again
KEPT_S: Final = 86_400  # what is older is no place to begin from without the exchange

_FOLDER: Final = "live"
_ABOUT: Final = "about.json"
_INSTRUMENTS: Final = "instruments.yaml"
_LOCK: Final = "lock"

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What was fetched.

    Attributes:
        paths: A file of bars for each symbol, in the order of the configuration.
        symbols: As the instruments file calls them.
        instruments: The instruments file: the user's, and what the exchange says of the others.
    """

    paths: tuple[Path, ...]
    symbols: tuple[str, ...]
    instruments: Path


def symbol_of(written: str) -> str:
    """Return the symbol of an instrument, however its pair is separated.

    >>> symbol_of("btc/usdt"), symbol_of("BTC_USDT"), symbol_of("BTC/USDT:USDT")
    ('BTC_USDT', 'BTC_USDT', 'BTC_USDT_PERP')
    """
    pair, colon, _ = written.upper().partition(":")
    pair = pair.replace("/", "_").replace("-", "_")
    return pair + PERPETUAL if colon and not pair.endswith(PERPETUAL) else pair


def open_candles(system: SystemConfig, clock: Clock) -> Candles:
    """Return the public interface of the configured exchange.

    Raises:
        CandleError: It is not to be had.
    """
    live = system.data.live
    return Candles(live.exchange, live.timeframe, period_ns=live.period_ns, now_ns=clock.now_ns)


def _folder(root: Path) -> Path:
    """Return the folder of the home, made for this user alone.

    Raises:
        PolicyError: Others may write to it.
    """
    folder = root / _FOLDER
    folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    problems = tuple(folder_problems(folder))
    if problems:
        raise PolicyError(*problems)
    return folder


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time fetch; the other finds what it brought."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(folder / _LOCK, flags, PRIVATE_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(path: Path, content: bytes) -> None:
    """Write a file for this user alone: it appears whole or not at all."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE_FILE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


# --- what was fetched before ----------------------------------------------------------------------


def _asked_for(live: LiveData) -> dict[str, Any]:
    return {
        "exchange": live.exchange,
        "timeframe": live.timeframe,
        "symbols": list(map(symbol_of, live.symbols)),
    }


def _age_s(folder: Path, live: LiveData, now_ns: int) -> float | None:
    """Return how old the files of the same question are; None when there are none."""
    try:
        about = json.loads((folder / _ABOUT).read_bytes())
        fetched_ns = int(about.pop("fetched_ns"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if about != _asked_for(live):
        return None
    return abs(now_ns - fetched_ns) / NS_PER_S


def _history(folder: Path, live: LiveData) -> History:
    symbols = tuple(map(symbol_of, live.symbols))
    return History(
        paths=tuple(folder / f"{symbol}-{live.timeframe}.parquet" for symbol in symbols),
        symbols=symbols,
        instruments=folder / _INSTRUMENTS,
    )


# --- fetching -------------------------------------------------------------------------------------


def fetch_history(
    session: "Session",
    tell: Told,
    *,
    clock: Clock | None = None,
    candles: Callable[[], Candles] | None = None,
    pause: Callable[[float], None] = sleep,
) -> History:
    """Fetch the bars that closed lately, unless another process just did.

    Where the exchange cannot be reached, bars of the same day are gone on from, and it is told:
    nothing is opened on old data, and what is held stays looked after. A recording never takes the
    place of live data.

    Args:
        session: What it was told.
        tell: Told what is done.
        clock: The time of day.
        candles: Opens the exchange's public interface.
        pause: Waits.

    Raises:
        PolicyError: The exchange cannot be asked for this, or cannot be reached.
        InstrumentError: The instruments file.
    """
    clock = clock or SystemClock()
    system = session.configuration.system
    live = system.data.live
    folder = _folder(session.home.root)
    with _alone(folder):
        age_s = _age_s(folder, live, clock.now_ns())
        if age_s is not None and age_s <= FRESH_S:
            return _history(folder, live)
        try:
            client = open_candles(system, clock) if candles is None else candles()
            _fetch(session, folder, client, clock, tell, pause)
        except CandleError as error:
            raise PolicyError(str(error)) from error
        except LaterError as error:
            if age_s is None or age_s > KEPT_S:
                raise PolicyError(
                    f'exchange {live.exchange} must be reachable for data.source = "live", and '
                    f"was not, {ATTEMPTS} times: {error}. Nothing was started. Next: check the "
                    'network, or data.source = "replay".'
                ) from error
            tell(
                f"{live.exchange} could not be reached ({error}): going on from bars fetched "
                f"{age_s / 60:.0f} min ago; nothing is opened before fresh ones come"
            )
        return _history(folder, live)


def _fetch(
    session: "Session",
    folder: Path,
    client: Candles,
    clock: Clock,
    tell: Told,
    pause: Callable[[float], None],
) -> None:
    """Fetch everything, then write everything."""
    live = session.configuration.system.data.live
    tell(f"asking {live.exchange} for its markets")
    listings = _patiently(partial(client.listings, list(map(symbol_of, live.symbols))), pause)
    bars: list[list[Candle]] = []
    for listing in listings:
        tell(f"fetching {BARS} bars of {live.timeframe} of {listing.symbol} from {live.exchange}")
        bars.append(_patiently(partial(_closed, client, listing, clock), pause))
        if len(bars[-1]) < BARS_MIN:
            raise CandleError(
                f"{live.exchange} must have at least {BARS_MIN} closed bars of {listing.symbol} in "
                f"the last {BARS} of {live.timeframe}, had {len(bars[-1])}. Next: a longer "
                "data.live.timeframe, or another symbol."
            )
    firsts = [each[0].close for each in bars]
    known = _write_instruments(session, folder, listings, firsts)
    for path, candles, instrument in zip(_history(folder, live).paths, bars, known, strict=True):
        _write(path, _parquet(candles, instrument.price_digits))
    about = {**_asked_for(live), "fetched_ns": clock.now_ns()}
    _write(folder / _ABOUT, json.dumps(about).encode())


def _patiently(ask: Callable[[], Any], pause: Callable[[float], None]) -> Any:
    """Ask a few times."""
    for _ in range(ATTEMPTS - 1):
        try:
            return ask()
        except LaterError as error:
            pause(max(PAUSE_S, error.wait_s))
    return ask()


def _closed(client: Candles, listing: Listing, clock: Clock) -> list[Candle]:
    """Return the last closed candles."""
    period_ns = client.period_ns
    now_ns = clock.now_ns()
    next_ns = (now_ns // period_ns - BARS) * period_ns
    found: list[Candle] = []
    while next_ns + period_ns <= now_ns:
        answer = client.since(listing, next_ns, BARS + 1)
        if not answer.candles:
            break
        found += answer.candles
        next_ns = answer.candles[-1].open_ns + period_ns
    newest_ns = found[-1].open_ns if found else 0
    return [
        each
        for each in found
        if each.open_ns + period_ns <= now_ns
        and (each.open_ns < newest_ns or each.open_ns + period_ns + MARGIN_NS <= now_ns)
    ]


def _parquet(candles: Sequence[Candle], digits: int) -> bytes:
    """Return a file of bars, with prices of as many digits as the instrument has."""

    def price(value: Decimal) -> float:
        return float(value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN))

    frame = pl.DataFrame(
        {
            "ts": pl.Series([each.open_ns for each in candles], dtype=pl.Datetime("ns", "UTC")),
            "open": [price(each.open) for each in candles],
            "high": [price(each.high) for each in candles],
            "low": [price(each.low) for each in candles],
            "close": [price(each.close) for each in candles],
            "volume": [float(each.volume) for each in candles],
        }
    )
    written = io.BytesIO()
    frame.write_parquet(written)
    return written.getvalue()


def _write_instruments(
    session: "Session", folder: Path, listings: Sequence[Listing], firsts: Sequence[Decimal]
) -> list[Instrument]:
    """Write the instruments file of this run; return the instruments of ``listings``.

    The user's file comes first. What it does not know is described as the exchange does, once: an
    account goes on with the digits that it began with.
    """
    system = session.configuration.system
    given = Path(system.files.instruments) if system.files.instruments else None
    users = instruments_file(session.settings, given)
    known = load_instruments(users)
    content: Any = read_yaml(users)
    target = folder / _INSTRUMENTS
    before: Any = read_yaml(target) if target.exists() else {"instruments": {}}
    for listing, first in zip(listings, firsts, strict=True):
        if known_as(listing.symbol, known) is None:
            entry = before["instruments"].get(listing.symbol)
            content["instruments"][listing.symbol] = entry or described(
                system.data.live.exchange, listing, first
            )
    _write(target, yaml.safe_dump(content, sort_keys=False).encode())
    known = load_instruments(target)
    found = [known_as(listing.symbol, known) for listing in listings]
    assert all(found)
    return [one for one in found if one is not None]


# --- what is made of it ---------------------------------------------------------------------------


def check_periods(inputs: Inputs, live: LiveData) -> None:
    """Refuse bars whose period is not the one that was asked for.

    Raises:
        PolicyError: An exchange leaves out candles of a market that hardly trades.
    """
    wrong = [each for each in inputs.sets if each.period_ns != live.period_ns]
    if wrong:
        steps = ", ".join(f"{each.symbol}: {span_text(each.period_ns)}" for each in wrong)
        raise PolicyError(
            f"bars of {live.exchange} must be {live.timeframe} apart, was {steps}: these trade too "
            "seldom. Next: a longer data.live.timeframe, or other symbols."
        )


def plan_of(inputs: Inputs, rules: RiskPolicy) -> Plan:
    """Return the calendar of the instruments of a run, by some rules.

    Raises:
        BlackoutError: The calendar of blackouts.
        CalendarError: An unknown calendar.
    """
    zone, path = rules.account.time_zone, inputs.request.blackouts
    blackouts = () if path is None else load_blackouts(path, time_zone=zone)

    def plan(start_ns: int, end_ns: int) -> Rows:
        return boundaries(
            inputs.instruments,
            start_ns,
            end_ns,
            account_time_zone=zone,
            session_start=rules.account.day_start,
            blackouts=blackouts,
        )

    return plan


def schedule_of(session: "Session", inputs: Inputs, *, since_ns: int) -> Schedule | None:
    """Return what tells an engine its calendar; None for a recording, which tells its own.

    Args:
        session: What it was told.
        inputs: Of the run.
        since_ns: The time of the journal's last event.
    """
    if session.configuration.system.data.source != LIVE:
        return None
    always_open = [one.always_open for one in inputs.instruments]
    return Schedule(plan_of(inputs, inputs.rules.policy), always_open, since_ns=since_ns)
