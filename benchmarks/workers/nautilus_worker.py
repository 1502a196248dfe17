"""nautilus_trader: event-driven, with a risk engine and an order life of its own.

Slippage is one tick, always, because its fill model knows no basis points: the equity ends
higher. A margin account, stop and target measured from the signal's close instead of the fill.
"""

import time
from decimal import Decimal

import nautilus_trader
import pandas as pd
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.backtest.models import FillModel
from nautilus_trader.config import LoggingConfig, RiskEngineConfig, StrategyConfig
from nautilus_trader.indicators import (
    AverageTrueRange,
    ExponentialMovingAverage,
    MovingAverageType,
)
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.events import OrderDenied, OrderRejected, PositionClosed, PositionOpened
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.trading.strategy import Strategy

from benchmarks.workers.common import COLUMNS, Bars, Outcome, Request, Rules, Run, serve

VENUE = Venue("SIM")


class Settings(StrategyConfig, frozen=True):  # type: ignore[misc, call-arg]
    """What one strategy trades, and by which rules."""

    instrument_id: InstrumentId
    bar_type: BarType
    rules: Rules


class Crossing(Strategy):  # type: ignore[misc]
    """The workload in this peer's words."""

    def __init__(self, config: Settings) -> None:
        super().__init__(config)
        rules = config.rules
        self.fast = ExponentialMovingAverage(rules.fast)
        self.slow = ExponentialMovingAverage(rules.slow)
        self.atr = AverageTrueRange(rules.atr_periods, MovingAverageType.WILDER)
        self.was_above = self.pending = False
        self.bar_number = self.trades = 0
        self.entered: int | None = None

    def on_start(self) -> None:
        """Subscribe."""
        self.instrument = self.cache.instrument(self.config.instrument_id)
        for indicator in (self.fast, self.slow, self.atr):
            self.register_indicator_for_bars(self.config.bar_type, indicator)
        self.subscribe_bars(self.config.bar_type)

    def on_bar(self, bar: Bar) -> None:
        """Judge one bar."""
        self.bar_number += 1
        is_above = self.fast.value > self.slow.value
        if self.entered is not None:
            if self.bar_number - self.entered >= self.config.rules.hold_bars:
                self.cancel_all_orders(self.config.instrument_id)
                self.close_all_positions(self.config.instrument_id)
                self.entered = None
        elif is_above and not self.was_above and not self.pending and self.slow.initialized:
            self.enter(bar.close.as_double())
        self.was_above = is_above

    def enter(self, close: float) -> None:
        """Send an entry with its stop and target."""
        rules, instrument = self.config.rules, self.instrument
        distance = rules.stop_atr * self.atr.value / close
        distance = min(max(distance, rules.stop_min), rules.stop_max)
        equity = self.portfolio.account(VENUE).balance_total(USDT).as_double()
        self.pending = True
        self.submit_order_list(
            self.order_factory.bracket(
                instrument_id=instrument.id,
                order_side=OrderSide.BUY,
                quantity=instrument.make_qty(rules.fraction * equity / close),
                sl_trigger_price=instrument.make_price(close * (1 - distance)),
                tp_price=instrument.make_price(close * (1 + rules.reward * distance)),
            )
        )

    def on_position_opened(self, _event: PositionOpened) -> None:
        """Remember when."""
        self.pending = False
        self.entered = self.bar_number

    def on_position_closed(self, _event: PositionClosed) -> None:
        """Count it."""
        self.entered = None
        self.trades += 1

    def on_order_rejected(self, _event: OrderRejected) -> None:
        """Be ready for the next signal."""
        self.pending = False

    def on_order_denied(self, _event: OrderDenied) -> None:
        """Be ready for the next signal."""
        self.pending = False


def pair(rules: Rules) -> CurrencyPair:
    """Return an instrument as fine as the bars."""
    symbol = Symbol("S00USDT")
    return CurrencyPair(
        instrument_id=InstrumentId(symbol, VENUE),
        raw_symbol=symbol,
        base_currency=BTC,
        quote_currency=USDT,
        price_precision=2,
        size_precision=6,
        price_increment=Price(1e-2, 2),
        size_increment=Quantity(1e-6, 6),
        min_quantity=Quantity(1e-6, 6),
        min_notional=Money(1, USDT),
        margin_init=Decimal("0.05"),
        margin_maint=Decimal("0.025"),
        maker_fee=Decimal(str(rules.fee)),
        taker_fee=Decimal(str(rules.fee)),
        ts_event=0,
        ts_init=0,
    )


def engine(rules: Rules, instrument: CurrencyPair) -> BacktestEngine:
    """Return a new engine; its logging is off."""
    made = BacktestEngine(
        BacktestEngineConfig(
            trader_id="BENCH-001",
            logging=LoggingConfig(bypass_logging=True),
            risk_engine=RiskEngineConfig(bypass=False),
            run_analysis=False,
        )
    )
    made.add_venue(
        VENUE,
        OmsType.NETTING,
        AccountType.MARGIN,
        [Money(rules.cash, USDT)],
        base_currency=USDT,
        fill_model=FillModel(prob_slippage=1.0, random_seed=1),
    )
    made.add_instrument(instrument)
    return made


def prepare(bars: Bars, request: Request) -> Run:
    """Make its bar objects; the run includes every signal, but not loading and sorting."""
    rules = request.rules
    instrument = pair(rules)
    bar_type = BarType.from_str(f"{instrument.id}-5-MINUTE-LAST-EXTERNAL")
    index = pd.DatetimeIndex(bars.ts_ns.view("M8[ns]"), tz="UTC", name="timestamp")
    frame = pd.DataFrame(dict(zip(COLUMNS, bars.columns[0], strict=True)), index=index)
    data = BarDataWrangler(bar_type, instrument).process(frame)

    def run() -> Outcome:
        made = engine(rules, instrument)
        strategy = Crossing(Settings(instrument_id=instrument.id, bar_type=bar_type, rules=rules))
        made.add_data(data, sort=True)
        made.add_strategy(strategy)
        begin = time.perf_counter()
        made.run()
        seconds = time.perf_counter() - begin
        equity = made.portfolio.account(VENUE).balance_total(USDT).as_double()
        made.dispose()
        return Outcome(seconds=seconds, trades=strategy.trades, equity_end=equity)

    return run


if __name__ == "__main__":
    serve(version=nautilus_trader.__version__, prepare=prepare)
