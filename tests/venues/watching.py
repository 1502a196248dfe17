"""A client of an emulated exchange, the time of both, and what is asked when."""

from interlock.kernel.records import Row
from interlock.runtime.clock import NS_PER_S
from interlock.venues.simulated.asking import Asking, Watched
from interlock.venues.simulated.candles import Candles
from tests.emulators.binance import Binance

MINUTE_NS = 60 * NS_PER_S
BEGIN_NS = 1_700_000_040 * NS_PER_S // MINUTE_NS * MINUTE_NS  # a minute begins
WATCHED = (Watched(price_digits=2, qty_digits=8), Watched(price_digits=5, qty_digits=4))
SYMBOLS = ("BTC_USDT", "DOGE_USDT")


class Watching:
    """One client of the emulator, the time, and what it said."""

    def __init__(self, far_side: Binance, symbols: tuple[str, ...] = SYMBOLS[:1]) -> None:
        self.far_side = far_side
        self.clock = far_side.clock
        self.said: list[str] = []
        self.client = client_of(far_side)
        self.asking = Asking(
            self.client.asks(symbols),
            WATCHED[: len(symbols)],
            period_ns=MINUTE_NS,
            exchange="binance",
            jitter=lambda: 0.0,
            tell=self.said.append,
        )
        self.asking.begin([BEGIN_NS] * len(symbols))

    def at(self, seconds: float) -> list[int]:
        """Set the time after the beginning, ask once, and return which minutes closed."""
        self.clock.advance(BEGIN_NS + round(seconds * NS_PER_S) - self.clock.now_ns())
        return [(int(row["value"]) - BEGIN_NS) // MINUTE_NS for row in self.round()]

    def round(self) -> list[Row]:
        return self.asking.round(self.clock.now_ns())

    def until_due(self) -> list[int]:
        """Let the time pass until something is asked again, and return which minutes closed."""
        return self.at((self.asking.due_ns() - BEGIN_NS) / NS_PER_S)


def client_of(far_side: Binance) -> Candles:
    return Candles(
        "binance",
        "1m",
        period_ns=MINUTE_NS,
        now_ns=far_side.clock.now_ns,
        point=far_side.point,
    )
