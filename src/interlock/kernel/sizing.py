"""How many lots an entry asks for: the smallest of the method and every limit, rounded down."""

from typing import Final

from interlock.kernel.codes import SizingMethod
from interlock.kernel.compiled import compiled
from interlock.kernel.records import Row
from interlock.kernel.units import PPM, QTY_LOTS_MAX, UNITS_MAX, mul_div

_LOTS_FLOAT_MAX: Final = float(QTY_LOTS_MAX)


@compiled
def lots_of(units: int, price: int, spec: Row) -> int:
    """Return how many lots ``units`` of money are at ``price`` ticks, rounded down."""
    if units <= 0 or price <= 0:
        return 0
    per_lot = price * spec["unit_num"]
    if float(units) * float(spec["unit_den"]) >= float(per_lot) * _LOTS_FLOAT_MAX:
        return QTY_LOTS_MAX
    return mul_div(a=min(units, UNITS_MAX), b=spec["unit_den"], c=per_lot)


@compiled
def kelly_fraction(trades: int, wins: int, win_sum: float, loss_sum: float) -> float:
    """Return full Kelly's share of equity to risk, in [0, 1]; 0 without an edge.

    f = p - (1 - p) / b, with p the share of winners and b the mean win over the mean loss, both in
    multiples of the risk taken.

    Source:
        Kelly, "A New Interpretation of Information Rate", Bell System Technical Journal 35(4),
        1956; the form for unequal odds in Thorp, "The Kelly Criterion in Blackjack, Sports
        Betting and the Stock Market", 2006.
    """
    losses = trades - wins
    if wins <= 0 or not win_sum > 0.0:
        return 0.0
    share = float(wins) / float(trades)
    if losses <= 0 or not loss_sum > 0.0:
        return 1.0
    odds = (win_sum / float(wins)) / (loss_sum / float(losses))
    fraction = share - (1.0 - share) / odds
    if not fraction > 0.0:
        return 0.0
    return min(fraction, 1.0)


@compiled
def fraction_to_ppm(fraction: float) -> int:
    """Return a share in [0, 1] as ppm, rounded down; NaN is 0."""
    if not fraction > 0.0:
        return 0
    if fraction >= 1.0:
        return PPM
    return int(fraction * float(PPM))


@compiled
def method_lots(
    sizing: Row, strategy: Row, spec: Row, equity_units: int, price: int, stop: int, atr: float
) -> int:
    """Return the lots the sizing method asks for, before any limit.

    Args:
        sizing: ``policy.SIZING``.
        strategy: ``state.STRATEGY_STATE``: its own record of wins and losses.
        spec: ``policy.INSTRUMENT_POLICY``.
        equity_units: > 0.
        price: Expected entry, ticks.
        stop: What one lot loses at the stop, costs included, in ticks, > 0.
        atr: Ticks.
    """
    method = sizing["method"]
    if method == SizingMethod.FIXED:
        if sizing["fixed_lots"] > 0:
            return int(sizing["fixed_lots"])
        return lots_of(units=sizing["fixed_units"], price=price, spec=spec)
    fraction_ppm = sizing["fraction_ppm"]
    if method == SizingMethod.FRACTIONAL_KELLY:
        if strategy["trades"] >= sizing["kelly_trades_min"]:
            full_ppm = fraction_to_ppm(
                fraction=kelly_fraction(
                    trades=strategy["trades"],
                    wins=strategy["wins"],
                    win_sum=strategy["win_sum"],
                    loss_sum=strategy["loss_sum"],
                )
            )
            fraction_ppm = mul_div(a=full_ppm, b=sizing["kelly_fraction_ppm"], c=PPM)
    budget_units = mul_div(a=equity_units, b=fraction_ppm, c=PPM)
    if method == SizingMethod.VOLATILITY_SCALED:
        adverse = sizing["volatility_factor"] * atr
        if not adverse >= 1.0:
            return 0
        ticks = QTY_LOTS_MAX
        if adverse < _LOTS_FLOAT_MAX:
            ticks = int(adverse) + 1
        return lots_of(units=budget_units, price=ticks, spec=spec)
    return lots_of(units=budget_units, price=stop, spec=spec)


@compiled
def round_to_lot(lots: int, lot: int) -> int:
    """Return ``lots`` rounded down to the venue's lot."""
    assert lot > 0
    return int(lots // lot * lot)
