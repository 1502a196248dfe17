"""How much of every limit is used: the gate's own rules, asked about an order of nothing.

Nothing is counted here a second time. The kernel looks at a copy of its state and judges a proposal
without quantity; what its rules then measure is what is used already.
"""

from collections.abc import Sequence
from typing import Final

from interlock.kernel.codes import BUY, SELL, OrderKind, Role
from interlock.kernel.gate import gate
from interlock.kernel.policy import PolicyArray
from interlock.kernel.propose import look_at_account, look_at_instrument
from interlock.kernel.reasons import Reason
from interlock.kernel.records import Row, Rows
from interlock.kernel.state import StateArray
from interlock.kernel.units import LIMIT_NONE
from interlock.runtime.entries import Said
from interlock.runtime.readable import Scale, limit_text, value_text
from interlock.runtime.turns import Scale as Digits

IDLE_MAX: Final = 16  # instruments that are listed although nothing is held or rests there

_R: Final = Reason
_OF_ACCOUNT: Final = (
    *(_R.DAILY_LOSS_MONEY, _R.DAILY_LOSS_FRACTION, _R.MAX_DRAWDOWN, _R.ACCOUNT_ORDER_NOTIONAL),
    *(_R.ACCOUNT_GROSS_NOTIONAL, _R.ACCOUNT_NET_NOTIONAL, _R.ACCOUNT_EXPOSURE),
    *(_R.ACCOUNT_LEVERAGE, _R.ACCOUNT_OPEN_ORDERS, _R.ACCOUNT_OPEN_POSITIONS),
    *(_R.ACCOUNT_ORDERS_PER_SECOND, _R.ACCOUNT_ORDERS_PER_MINUTE, _R.ACCOUNT_ORDERS_PER_DAY),
    _R.RISK_PER_TRADE,
)
_OF_STRATEGY: Final = (
    *(_R.STRATEGY_ORDER_NOTIONAL, _R.STRATEGY_GROSS_NOTIONAL, _R.STRATEGY_OPEN_ORDERS),
    *(_R.STRATEGY_OPEN_POSITIONS, _R.STRATEGY_ORDERS_PER_SECOND),
    *(_R.STRATEGY_ORDERS_PER_MINUTE, _R.STRATEGY_ORDERS_PER_DAY),
)
_OF_INSTRUMENT: Final = (
    *(_R.INSTRUMENT_ORDER_QTY, _R.INSTRUMENT_ORDER_NOTIONAL, _R.NOTIONAL_BELOW_MINIMUM),
    *(_R.INSTRUMENT_POSITION_QTY, _R.INSTRUMENT_POSITION_NOTIONAL),
    *(_R.INSTRUMENT_POSITION_FRACTION, _R.INSTRUMENT_LEVERAGE, _R.INSTRUMENT_OPEN_ORDERS),
    *(_R.INSTRUMENT_ORDERS_PER_SECOND, _R.INSTRUMENT_ORDERS_PER_MINUTE),
    *(_R.INSTRUMENT_ORDERS_PER_DAY, _R.REPEATED_ORDER, _R.PRICE_COLLAR, _R.DATA_STALE),
    _R.SPREAD_TOO_WIDE,
)
# What these measure is the order itself, and there is none.
_PER_ORDER: Final = frozenset(
    {
        *(_R.ACCOUNT_ORDER_NOTIONAL, _R.STRATEGY_ORDER_NOTIONAL, _R.INSTRUMENT_ORDER_QTY),
        *(_R.INSTRUMENT_ORDER_NOTIONAL, _R.NOTIONAL_BELOW_MINIMUM, _R.RISK_PER_TRADE),
        *(_R.REPEATED_ORDER, _R.PRICE_COLLAR),
    }
)
# These count the order that is asked about.
_COUNTING: Final = frozenset(
    {
        *(_R.ACCOUNT_OPEN_ORDERS, _R.STRATEGY_OPEN_ORDERS, _R.INSTRUMENT_OPEN_ORDERS),
        *(_R.ACCOUNT_ORDERS_PER_SECOND, _R.ACCOUNT_ORDERS_PER_MINUTE, _R.ACCOUNT_ORDERS_PER_DAY),
        *(_R.STRATEGY_ORDERS_PER_SECOND, _R.STRATEGY_ORDERS_PER_MINUTE),
        *(_R.STRATEGY_ORDERS_PER_DAY, _R.INSTRUMENT_ORDERS_PER_SECOND),
        *(_R.INSTRUMENT_ORDERS_PER_MINUTE, _R.INSTRUMENT_ORDERS_PER_DAY),
    }
)


def limits_all(
    policy: PolicyArray,
    state: StateArray,
    *,
    currency: str,
    scales: Sequence[Digits],
    strategies: Sequence[str],
    now_ns: int,
) -> list[Said]:
    """Return every limit with what is used of it: the account's, each strategy's, each symbol's.

    Args:
        policy: Shape (1,); not changed.
        state: Shape (1,); not changed.
        currency: Of the account.
        scales: Of the instruments, by their numbers.
        strategies: Names, by their numbers.
        now_ns: The time that an event of ours would get now.
    """
    copy = state.copy()
    copy["account"]["ts_ns"] = max(int(copy["account"]["ts_ns"][0]), now_ns)
    plain = Scale(currency=currency, base="", price_digits=0, qty_digits=0)
    found: list[Said] = []
    shown = _shown(copy, len(scales))
    judged = _judged(policy, copy, instrument=0, strategy=0)
    found += [_said(one, judged, plain, "account", "account") for one in _OF_ACCOUNT]
    for number, name in enumerate(strategies):
        judged = _judged(policy, copy, instrument=0, strategy=number)
        found += [_said(one, judged, plain, "strategy", name) for one in _OF_STRATEGY]
    for number in shown:
        digits = scales[number]
        scale = Scale(
            currency=currency,
            base=digits.symbol,
            price_digits=digits.price_digits,
            qty_digits=digits.qty_digits,
        )
        judged = _judged(policy, copy, instrument=number, strategy=0)
        found += [_said(one, judged, scale, "instrument", digits.symbol) for one in _OF_INSTRUMENT]
    return found


def _shown(state: StateArray, count: int) -> list[int]:
    """Return the instruments to list: all where something is, and a few of the others."""
    table = state["instruments"][0, :count]
    used = (table["position"] != 0) | (table["open_orders"] > 0)
    idle = [number for number in range(count) if not used[number]][:IDLE_MAX]
    return sorted({*(number for number in range(count) if used[number]), *idle})


def _judged(policy: PolicyArray, state: StateArray, *, instrument: int, strategy: int) -> Rows:
    """Return the verdicts on an order of nothing; scratch of ``state`` is written."""
    whole = state[0]
    ask = whole["proposal"]
    for name in ask.dtype.names:
        ask[name] = 0
    ask["instrument"] = instrument
    ask["strategy"] = strategy
    ask["side"] = SELL if whole["instruments"][instrument]["position"] < 0 else BUY
    ask["order_kind"] = OrderKind.MARKET
    ask["role"] = Role.ENTRY
    look_at_account(whole, strategy)
    look_at_instrument(policy[0], whole, instrument)
    gate(policy[0], whole["view"], ask, whole["verdicts"])
    verdicts: Rows = whole["verdicts"]
    return verdicts


def _said(reason: Reason, verdicts: Rows, scale: Scale, level: str, of: str) -> Said:
    row: Row = verdicts[reason]
    value, limit = int(row["value"]), int(row["limit"])
    if reason in _COUNTING:
        value -= 1
    measured = reason not in _PER_ORDER
    used = None
    if measured and 0 < limit < LIMIT_NONE:
        used = round(min(max(value, 0) / limit, 1e9), 4)
    return {
        "level": level,
        "of": of,
        "limit": reason.name,
        "value": value_text(reason, value, scale) if measured else None,
        "max": limit_text(reason, limit, scale),
        "used": used,
        "assumed": bool(row["assumed"]),
    }
