"""Candles of an exchange's public interface, through ccxt: no key, no account, no order.

The library is an extra. It is imported here, once somebody asks for live data, and nowhere else.
"""

import importlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, Final

from interlock.data.file_names import PERPETUAL
from interlock.data.names import plain

TIMEOUT_S: Final = 10.0
PAGE_CANDLES: Final = 500  # asked for at once; exchanges that give fewer are asked again
RETRY_AFTER_S_MAX: Final = 3_600.0
PRICE_MAX: Final = 1e12
VOLUME_MAX: Final = 1e20  # of a coin that is worth a millionth of a cent

_NS_PER_MS: Final = 1_000_000
_FIELDS: Final = 6
_SPOT: Final = "spot"
_LINEAR: Final = "linear"


class CandleError(ValueError):
    """This exchange cannot be asked for this at all: a person has to change something."""


class LaterError(RuntimeError):
    """The exchange did not answer, or not sensibly: it may the next time.

    Attributes:
        wait_s: How long it wants to be left alone; 0 when it did not say.
    """

    def __init__(self, why: str, wait_s: float = 0.0) -> None:
        super().__init__(why)
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """One candle as the exchange told it, exactly."""

    open_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One market of the exchange.

    Attributes:
        symbol: As the configuration calls it.
        name: As ccxt does.
        base: What is bought.
        quote: What it is priced in.
        is_perpetual: Whether it is held on margin and pays funding; else it is bought outright.
        contract: How much of the base one contract is.
        price_step: None where the exchange names none that could be used.
        lot: Likewise.
        lot_min: Smallest order.
        notional_min: Likewise, in the quote.
    """

    symbol: str
    name: str
    base: str
    quote: str
    is_perpetual: bool
    contract: Decimal
    price_step: Decimal | None
    lot: Decimal | None
    lot_min: Decimal
    notional_min: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one question brought: candles by their opens, and how many were no candles."""

    candles: tuple[Candle, ...]
    garbage: int


class Candles:
    """The public interface of one exchange.

    Args:
        exchange: By its name in ccxt.
        timeframe: Of the candles, such as ``1m``.
        period_ns: The same.
        now_ns: The time of day, for answers that name a date.
        point: Changes the client before its first question: tests lead it to a server of theirs.

    Raises:
        CandleError: ccxt is not installed, or knows no such exchange or candles.
    """

    def __init__(
        self,
        exchange: str,
        timeframe: str,
        *,
        period_ns: int,
        now_ns: Callable[[], int],
        point: Callable[[Any], None] | None = None,
    ) -> None:
        self.exchange = exchange
        self.timeframe = timeframe
        self.period_ns = period_ns
        self._now_ns = now_ns
        self._client = _client_of(exchange, timeframe)
        if point is not None:
            point(self._client)
        self._client.timeout = int(TIMEOUT_S * 1_000)
        self._client.enableRateLimit = True
        self._client.enableLastResponseHeaders = True

    # --- markets ----------------------------------------------------------------------------------

    def listings(self, symbols: Sequence[str]) -> list[Listing]:
        """Return the markets of some symbols, in their order.

        Raises:
            CandleError: The exchange has no such market.
            LaterError: It could not be asked.
        """
        self._ask_only_for(symbols)
        markets = self._asked("its markets", self._client.load_markets)
        if not isinstance(markets, dict) or not markets:
            raise LaterError("it named no markets")
        return [self._listing(symbol, markets) for symbol in symbols]

    def _ask_only_for(self, symbols: Sequence[str]) -> None:
        """Leave out the lists of futures where nobody wants one: they are long."""
        wanted = self._client.options.get("fetchMarkets")
        types = wanted.get("types") if isinstance(wanted, dict) else None
        if isinstance(types, list) and _SPOT in types and not any(map(_is_perpetual, symbols)):
            wanted["types"] = [_SPOT]

    def _listing(self, symbol: str, markets: dict[str, Any]) -> Listing:
        kind = _LINEAR if _is_perpetual(symbol) else _SPOT
        pair = plain(symbol.partition(":")[0].upper().removesuffix(PERPETUAL))
        for name, market in markets.items():
            swap_or_spot = market.get("swap") if kind == _LINEAR else market.get(_SPOT)
            if not swap_or_spot or (kind == _LINEAR and not market.get(_LINEAR)):
                continue
            if plain(f"{market['base']}{market['quote']}") == pair:
                return _listing_of(symbol, name, market, self._client.precisionMode)
        raise CandleError(
            f"{self.exchange} must list {symbol} as a {'perpetual' if kind == _LINEAR else 'spot'} "
            "market, and did not. Next: correct data.live.symbols."
        )

    # --- candles ----------------------------------------------------------------------------------

    def since(self, listing: Listing, since_ns: int, count: int) -> Answer:
        """Return up to ``count`` candles that opened at ``since_ns`` or later, whatever is there.

        The last one may still be running.

        Raises:
            LaterError: The exchange did not answer sensibly.
        """
        raw = self._asked(
            f"candles of {listing.name}",
            lambda: self._client.fetch_ohlcv(
                listing.name, self.timeframe, since_ns // _NS_PER_MS, min(count, PAGE_CANDLES)
            ),
        )
        if not isinstance(raw, list):
            raise LaterError(f"candles of {listing.name} must be a list, was {_short(raw)}")
        found: dict[int, Candle] = {}
        garbage = 0
        for one in raw:
            candle = _candle(one, self.period_ns)
            if candle is None:
                garbage += 1
            elif candle.open_ns >= since_ns:
                found[candle.open_ns] = candle
        if garbage == len(raw) > 0:
            raise LaterError(f"candles of {listing.name} were none, such as {_short(raw[0])}")
        return Answer(candles=tuple(found[ns] for ns in sorted(found)), garbage=garbage)

    def asks(self, symbols: Sequence[str]) -> Callable[[int, int, int], Answer]:
        """Return what asks for candles of one of ``symbols`` by its place: see ``since``.

        The markets are asked for with the first question, so that nobody has to wait for them.
        """
        listings: list[Listing] = []

        def since(number: int, since_ns: int, count: int) -> Answer:
            if not listings:
                listings.extend(self.listings(symbols))
            return self.since(listings[number], since_ns, count)

        return since

    def _asked(self, what: str, ask: Callable[[], Any]) -> Any:
        """Ask, and turn whatever goes wrong into one kind of error."""
        self._client.last_response_headers = None
        try:
            return ask()
        except Exception as error:  # an answer may be anything, and so may what ccxt makes of it
            why = f"{what}: {type(error).__name__}: {_short(error)}"
            raise LaterError(why, self._wait_s()) from error

    def _wait_s(self) -> float:
        """Return how long the last answer asks to be left alone."""
        headers = self._client.last_response_headers or {}
        return retry_after_s(str(headers.get("Retry-After", "")), self._now_ns())


def retry_after_s(text: str, now_ns: int) -> float:
    """Return the seconds that a Retry-After header names, in either of its forms.

    Source: RFC 9110, 10.2.3.

    >>> retry_after_s("7", 0), retry_after_s("Thu, 01 Jan 1970 00:01:00 GMT", 0)
    (7.0, 60.0)
    >>> retry_after_s("soon", 0), retry_after_s("-5", 0)
    (0.0, 0.0)
    """
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return 0.0
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        seconds = (moment - datetime.fromtimestamp(now_ns / 1e9, tz=UTC)).total_seconds()
    if not math.isfinite(seconds):
        return 0.0
    return min(max(seconds, 0.0), RETRY_AFTER_S_MAX)


def _client_of(exchange: str, timeframe: str) -> Any:
    """Return ccxt's client of an exchange.

    Raises:
        CandleError: It is not to be had.
    """
    try:
        ccxt: Any = importlib.import_module("ccxt")
    except ImportError as error:
        raise CandleError(
            "live data must come through ccxt, which was not installed. "
            "Next: pip install 'interlock[live]', or data.source = \"replay\"."
        ) from error
    if exchange not in ccxt.exchanges:
        raise CandleError(
            f"data.live.exchange must be an exchange that ccxt {ccxt.__version__} knows, was "
            f"{exchange!r}. Next: correct it; python -c 'import ccxt; print(ccxt.exchanges)' lists "
            "them."
        )
    client = getattr(ccxt, exchange)()
    if not client.has.get("fetchOHLCV") or timeframe not in (client.timeframes or {}):
        known = ", ".join(client.timeframes or {}) or "none"
        raise CandleError(
            f"data.live.timeframe must be one that {exchange} has, was {timeframe!r}; it has "
            f"{known}. Next: choose one of them."
        )
    return client


def _is_perpetual(symbol: str) -> bool:
    return ":" in symbol or symbol.upper().endswith(PERPETUAL)


def _listing_of(symbol: str, name: str, market: dict[str, Any], mode: int) -> Listing:
    precision = market.get("precision") or {}
    limits = market.get("limits") or {}
    lot = _step(precision.get("amount"), mode)
    lot_min = _number((limits.get("amount") or {}).get("min")) or lot or Decimal(0)
    return Listing(
        symbol=symbol,
        name=name,
        base=str(market["base"]),
        quote=str(market["quote"]),
        is_perpetual=bool(market.get("swap")),
        contract=_number(market.get("contractSize")) or Decimal(1),
        price_step=_step(precision.get("price"), mode),
        lot=lot,
        lot_min=lot_min if lot is None else max(-(-lot_min // lot) * lot, lot),
        notional_min=_number((limits.get("cost") or {}).get("min")) or Decimal(0),
    )


_DECIMAL_PLACES: Final = 2  # ccxt.DECIMAL_PLACES
_TICK_SIZE: Final = 4  # ccxt.TICK_SIZE


def _step(value: object, mode: int) -> Decimal | None:
    """Return the step that ccxt's precision means; None where it means no fixed one.

    >>> _step(0.01, 4), _step(3, 2), _step(5, 3)
    (Decimal('0.01'), Decimal('0.001'), None)
    """
    number = _number(value)
    if number is None or number < 0:
        return None
    if mode == _DECIMAL_PLACES:
        return Decimal(1).scaleb(-int(number))
    return number if mode == _TICK_SIZE and number > 0 else None


def _number(value: object) -> Decimal | None:
    """Return a number of the exchange's as it was written, or None if it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        found = Decimal(str(value))
    except ArithmeticError:
        return None
    return found if found.is_finite() else None


def _candle(raw: object, period_ns: int) -> Candle | None:
    """Return a candle, or None if it cannot have happened."""
    if not isinstance(raw, list | tuple) or len(raw) < _FIELDS or type(raw[0]) is not int:
        return None
    open_ns = raw[0] * _NS_PER_MS
    prices = [_number(value) for value in raw[1:5]]
    volume = Decimal(0) if raw[5] is None else _number(raw[5])
    sound = [price for price in prices if price is not None and 0 < price < PRICE_MAX]
    if len(sound) < len(prices) or volume is None or not 0 <= volume < VOLUME_MAX:
        return None
    first, high, low, last = sound
    if (
        open_ns <= 0
        or open_ns % period_ns
        or not low <= min(first, last) <= max(first, last) <= high
    ):
        return None
    return Candle(open_ns=open_ns, open=first, high=high, low=low, close=last, volume=volume)


def _short(what: object) -> str:
    """Return the beginning of something, on one line."""
    text = " ".join(str(what).split())
    return text if len(text) <= 200 else f"{text[:197]}..."  # noqa: PLR2004 - a line's worth
