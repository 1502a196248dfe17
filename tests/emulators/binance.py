"""Binance's public REST interface over a real socket: its wire format, and its bad days on request.

Source: "Market Data endpoints" and "General endpoints" of Binance's spot API documents (v3).
"""

import json
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from interlock.runtime.clock import ManualClock

MS_PER_MINUTE: Final = 60_000
INTERVALS: Final = {"1m": 1, "5m": 5, "1h": 60, "1d": 1_440}
LIMIT_MAX: Final = 1_000
EMPTY: Final = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """A spot market as exchangeInfo lists it."""

    base: str
    quote: str
    tick: str
    lot: str
    first_price: str

    @property
    def name(self) -> str:
        """As Binance calls it."""
        return self.base + self.quote

    def listed(self) -> dict[str, Any]:
        """Return what exchangeInfo says of it."""
        return {
            "symbol": self.name,
            "status": "TRADING",
            "baseAsset": self.base,
            "baseAssetPrecision": 8,
            "quoteAsset": self.quote,
            "quotePrecision": 8,
            "quoteAssetPrecision": 8,
            "orderTypes": ["LIMIT", "MARKET", "STOP_LOSS_LIMIT"],
            "icebergAllowed": True,
            "ocoAllowed": True,
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "filters": [
                {
                    "filterType": "PRICE_FILTER",
                    "minPrice": self.tick,
                    "maxPrice": "1000000.00000000",
                    "tickSize": self.tick,
                },
                {
                    "filterType": "LOT_SIZE",
                    "minQty": self.lot,
                    "maxQty": "9000.00000000",
                    "stepSize": self.lot,
                },
                {
                    "filterType": "NOTIONAL",
                    "minNotional": "5.00000000",
                    "applyMinToMarket": True,
                    "maxNotional": "9000000.00000000",
                    "applyMaxToMarket": False,
                    "avgPriceMins": 5,
                },
            ],
            "permissions": [],
            "permissionSets": [["SPOT"]],
        }


BTC: Final = Symbol(
    base="BTC", quote="USDT", tick="0.01000000", lot="0.00001000", first_price="60000.00"
)
DOGE: Final = Symbol(
    base="DOGE", quote="USDT", tick="0.00001000", lot="1.00000000", first_price="0.12345"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Misbehaviour:
    """The answer to one question, instead of the true one.

    Attributes:
        status: Of HTTP.
        headers: Such as Retry-After.
        body: JSON or not.
        holds: Whether it is held back until the emulator ends: the connection hangs.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = EMPTY
    holds: bool = False


def too_many(retry_after: str) -> Misbehaviour:
    """Return the answer to who asked too often."""
    return Misbehaviour(
        status=429,
        headers={"Retry-After": retry_after},
        body=b'{"code":-1003,"msg":"Too many requests."}',
    )


BROKEN: Final = Misbehaviour(status=503, body=b"<html>Service Temporarily Unavailable</html>")
GARBAGE: Final = Misbehaviour(body=b'[[1,"x"],"\xff", {]')
NONSENSE: Final = Misbehaviour(body=b'[[1700000000000,"-1","0","nan","1","1"],[null],7]')
HANGING: Final = Misbehaviour(holds=True)


class Binance:
    """The far side of ``ccxt.binance``.

    Args:
        clock: Its time of day.
        symbols: What it lists.
    """

    def __init__(self, clock: ManualClock, *symbols: Symbol) -> None:
        self.clock = clock
        self.symbols = {one.name: one for one in symbols or (BTC, DOGE)}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.faults: deque[Misbehaviour] = deque()  # the next answers to klines
        self.hidden: dict[int, int] = {}  # open, ms: how often it is left out
        self.revised: dict[int, str] = {}  # open, ms: another close
        self.over = Event()
        self.url = ""

    # --- what it knows ----------------------------------------------------------------------------

    def now_ms(self) -> int:
        """Return its time."""
        return self.clock.now_ns() // 1_000_000

    def candle(self, symbol: Symbol, open_ms: int, minutes: int) -> list[Any]:
        """Return one candle; the one of now is still running, and says less."""
        digits = len(symbol.tick.rstrip("0").partition(".")[2])
        units = round(float(symbol.first_price) * 10**digits)
        number = open_ms // (minutes * MS_PER_MINUTE)
        first = units + number % 7
        last = units + (number + 1) % 7
        running = open_ms + minutes * MS_PER_MINUTE > self.now_ms()
        last = first if running else last

        def price(value: int) -> str:
            return f"{value / 10**digits:.8f}"

        return [
            open_ms,
            price(first),
            price(max(first, last) + 2),
            price(min(first, last) - 2),
            self.revised.get(open_ms) or price(last),
            "1.50000000" if running else "12.34567000",
            open_ms + minutes * MS_PER_MINUTE - 1,
            "0.00000000",
            42,
            "0.00000000",
            "0.00000000",
            "0",
        ]

    def klines(self, asked: Mapping[str, str]) -> list[list[Any]] | None:
        """Return what /api/v3/klines does; None of a symbol that is not listed."""
        symbol = self.symbols.get(asked["symbol"])
        if symbol is None:
            return None
        minutes = INTERVALS[asked["interval"]]
        step_ms = minutes * MS_PER_MINUTE
        limit = min(int(asked.get("limit", "500")), LIMIT_MAX)
        newest_ms = self.now_ms() // step_ms * step_ms
        first_ms = newest_ms - (limit - 1) * step_ms
        if "startTime" in asked:
            first_ms = -(-int(asked["startTime"]) // step_ms) * step_ms
        opens = range(first_ms, min(newest_ms, first_ms + (limit - 1) * step_ms) + 1, step_ms)
        return [self.candle(symbol, ms, minutes) for ms in opens if not self._hides(ms)]

    def _hides(self, open_ms: int) -> bool:
        left = self.hidden.get(open_ms, 0)
        self.hidden[open_ms] = max(left - 1, 0)
        return left > 0

    def answer(self, path: str, asked: dict[str, str]) -> Misbehaviour:
        """Return the answer to a question."""
        self.asked.append((path, asked))
        content: Any = {"code": -1121, "msg": "Invalid symbol."}
        match path:
            case "/api/v3/ping":
                content = {}
            case "/api/v3/time":
                content = {"serverTime": self.now_ms()}
            case "/api/v3/exchangeInfo":
                content = {
                    "timezone": "UTC",
                    "serverTime": self.now_ms(),
                    "rateLimits": [],
                    "exchangeFilters": [],
                    "symbols": [one.listed() for one in self.symbols.values()],
                }
            case "/api/v3/klines":
                if self.faults:
                    return self.faults.popleft()
                content = self.klines(asked) or content
            case _:
                return Misbehaviour(status=404, body=b"<html>Not found</html>")
        status = 400 if isinstance(content, dict) and "code" in content else 200
        return Misbehaviour(status=status, body=json.dumps(content).encode())

    def count(self, path: str = "/api/v3/klines") -> int:
        """Return how often something was asked."""
        return sum(one == path for one, _ in self.asked)

    def point(self, client: Any) -> None:
        """Lead a ccxt client here."""
        api = client.urls["api"]
        for name, url in api.items():
            api[name] = url.replace("https://api.binance.com", self.url)
        client.rateLimit = 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, far_side: Binance) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.far_side = far_side


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        """Answer one question."""
        asked = urlsplit(self.path)
        answer = self.server.far_side.answer(asked.path, dict(parse_qsl(asked.query)))
        if answer.holds:
            self.server.far_side.over.wait()
            self.close_connection = True
            return
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json;charset=UTF-8")
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("x-mbx-used-weight-1m", "2")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


@contextmanager
def serving(far_side: Binance) -> Iterator[Binance]:
    """Let it listen on a free port of this machine."""
    with _Server(far_side) as server:
        far_side.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield far_side
        finally:
            far_side.over.set()
            server.shutdown()
            thread.join()
