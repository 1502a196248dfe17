"""A market that makes an engine busy: short bars of four instruments, thin volume, close stops.

Nothing in it is random but by its seed. Two instruments are bought with cash; two are held on
margin, so that they are sold short and pay funding.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from interlock.app.session import Session
from interlock.config.everything import read_everything
from interlock.config.home import home_of
from interlock.config.settings import Settings

SYMBOLS: Final = ("AAA_USDT", "BBB_USDT", "CCC_USDT", "DDD_USDT")
BEGIN_S: Final = 1_700_000_000 // 86_400 * 86_400
MINUTE_S: Final = 60
_PRICE: Final = 20_000  # ticks of a cent, where every walk begins
_STEP: Final = 60  # ticks that a bar moves at most

_INSTRUMENT: Final = """
  {symbol}:
    class: {kind}
    base: {base}
    quote: USDT
    price_digits: 2
    quantity_digits: 3
    tick_size: "0.01"
    lot_size: "0.001"
    quantity_min: "0.001"
    settle: {settle}
    calendar: 24/7
    time_zone: UTC
    shortable: true
    margin: true
    spread_assumed_ppm: 50
"""
_POLICY: Final = """
account: {currency: USDT}
position_sizing:
  method: fixed
  fixed_notional: 4000
  fixed_quantity: none
  risk_per_trade: 0.05
  max_position_pct: 0.50
  max_exposure_fraction: none
exits:
  stop_loss: {method: percentage, distance_fraction: 0.004, min_fraction: 0.001}
  take_profit: {method: risk_multiple, risk_multiple: 1.5}
  time_exit: {enabled: true, max_hold_periods: 12}
  volatility_exit: {enabled: false}
  trailing_stop: {enabled: true, atr_multiplier: 1.5}
  exit_on_opposite_signal: true
risk:
  max_daily_loss: none
  max_daily_loss_money: 10000000
  max_drawdown: none
  venue_equity_tolerance: 0.05
  allow_shorting: true
  allow_margin: true
limits:
  account:
    order_notional: none
    gross_notional: none
    net_notional: none
    leverage: 5
    open_orders: none
    open_positions: none
    orders: {per_second: none, per_minute: none, per_day: none}
  strategies:
    default:
      order_notional: none
      gross_notional: none
      open_orders: none
      open_positions: none
      orders: {per_second: none, per_minute: none, per_day: none}
  instruments:
    allowed: all
    default:
      order_quantity: none
      order_notional: none
      order_notional_min: 0
      position_quantity: none
      position_notional: none
      position_fraction: 1.0
      leverage: 5
      open_orders: none
      orders: {per_second: none, per_minute: none, per_day: none}
      repeats: {max_count: none, window_seconds: 60}
market: {bar_age_extra_seconds: 86400, sessions_enforced: false, collar_fraction: 0.5}
drift: {enabled: false}
simulation: {max_participation_fraction: 0.10, funding_interval_hours: 1}
strategies:
  default: {edge_required: false, margin: true, leverage: 2}
"""
_OFF: Final = "enabled = false\n"
_BREAKERS: Final = "".join(
    f"[circuit_breakers.{name}]\n{_OFF}"
    for name in (
        "drawdown",
        "consecutive_losses",
        "volatility.spread",
        "volatility.atr",
        "volatility.price_move",
        "latency.placement",
        "latency.fill",
        "order_rate",
        "system.disk",
        "system.memory",
        "system.reject_rate",
        "system.venue",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """The files of one market.

    Attributes:
        folder: Where they are.
        seed: What they were made by.
        bars: Of each instrument.
    """

    folder: Path
    seed: int
    bars: int

    def write(self) -> None:
        """Write them."""
        self.folder.mkdir()
        chance = random.Random(self.seed)  # noqa: S311 - no secret
        for symbol in SYMBOLS:
            lines = ["ts,open,high,low,close,volume", *_bars(chance, self.bars)]
            self._put(f"{symbol}-1m.csv", "\n".join(lines) + "\n")
        self._put("instruments.yaml", f"version: 1\ninstruments:{''.join(_instruments())}")
        self._put("risk_policy.yaml", _POLICY)
        self._put("circuit_breakers.toml", _BREAKERS)

    def _put(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)

    def changes(self) -> dict[str, object]:
        """Return what an engine on this market is configured with, beside what is shipped."""
        return {
            "data.bars": [str(self.folder / f"{symbol}-1m.csv") for symbol in SYMBOLS],
            "data.speed": "max",
            "strategy.parameters": {"fast": "2", "slow": "3", "long_only": "false"},
            "files.policy": str(self.folder / "risk_policy.yaml"),
            "files.breakers": str(self.folder / "circuit_breakers.toml"),
            "files.instruments": str(self.folder / "instruments.yaml"),
            "journal.ballast_mib": 1,
            "journal.snapshot_events": 1_000,
            "journal.anchor_events": 100,
            "engine.answer_timeout_ms": 300,
            "engine.reconcile_seconds": 1,
        }


def _bars(chance: random.Random, count: int) -> Iterator[str]:
    """Yield a walk that comes back to where it began, with wicks and little volume."""
    price = _PRICE
    for number in range(count):
        begin = price
        pull = (_PRICE - price) // 50
        price = begin + pull + chance.randint(-_STEP, _STEP)
        high = max(begin, price) + chance.randint(0, _STEP)
        low = min(begin, price) - chance.randint(0, _STEP)
        volume = chance.choice((0.5, 5, 40, 100, 400, 2_000))
        prices = ",".join(f"{each / 100:.2f}" for each in (begin, high, low, price))
        yield f"{BEGIN_S + MINUTE_S * number},{prices},{volume}"


def _instruments() -> Iterator[str]:
    for number, symbol in enumerate(SYMBOLS):
        margin = number >= 2
        yield _INSTRUMENT.format(
            symbol=symbol,
            base=symbol.partition("_")[0],
            kind="crypto_perpetual" if margin else "crypto",
            settle="margin" if margin else "cash",
        )


def session_in(home: Path, changes: Mapping[str, Any]) -> Session:
    """Return what every process of a session reads first, of this home."""
    settings = Settings(home=home)
    found = home_of(settings)
    configuration = read_everything(settings, changes=changes)
    found.make()
    return Session(
        settings=settings,
        home=found,
        config_file=None,
        changes=changes,
        configuration=configuration,
    )
