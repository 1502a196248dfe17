"""What a backtest found, in units that people read; everything a report shows is in here."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, slots=True, kw_only=True)
class Releases:
    """What the simulated operator did: in real life, each of these waits for a person.

    Attributes:
        count: Latches released.
        halted_s: How long they had been set, in all, in seconds of the bars' own time.
        by_cause: Count per ``Cause``, by name.
    """

    count: int
    halted_s: float
    by_cause: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What trading cost, in the account's currency; positive is paid.

    Attributes:
        fees: Commissions of every fill.
        slippage: How much worse fills were than the prices the market showed; it is inside their
            prices already, so it is never subtracted a second time. A gap is not slippage.
        funding: Funding and borrowing.
    """

    fees: float
    slippage: float
    funding: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPosition:
    """A position that was still there after the last bar; it counts in the equity at its mark.

    Attributes:
        symbol: Of the instrument.
        quantity: Signed, in units of the base.
        entry_price: Mean of the entry fills.
        mark: Last close.
        unrealised: Profit at the mark, in the account's currency.
    """

    symbol: str
    quantity: float
    entry_price: float
    mark: float
    unrealised: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What ``summary.json`` says, field by field. Money is in the account's currency.

    Attributes:
        bars: Of all instruments together.
        instruments: How many.
        orders: Submitted, protective ones included.
        fills: Of those orders.
        trades: Closed ones.
        refusals: Count per ``Reason`` (the lowest that failed), by name, largest first.
        exits: Closed trades per ``Exit``, by name, largest first.
        equity_start: Before the first bar.
        equity_end: After the last bar, open positions at their marks.
        return_pct: Per cent of ``equity_start``.
        max_drawdown_pct: Deepest fall from a running peak of the equity after each bar, >= 0.
        fees: As in ``Costs``.
        slippage: As in ``Costs``.
        funding: As in ``Costs``.
        sharpe: Of the returns from day boundary to day boundary, per year; None when there are
            fewer than two of them or they do not vary.
        digest: SHA-256 of input, policy, commands, fills and final state, in hexadecimal.
        elapsed_s: Everything, reading the files included.
        bars_per_s: Bars over the seconds of signals and loop, compiled code already loaded.
        complete: False when it was interrupted.
        symbols: Of the instruments, in their order.
        strategy: Its name.
        parameters: Its parameters, as text.
        currency: Of the account.
        first_bar: When the first bar opened, ISO 8601, UTC.
        last_bar: When the last bar closed, ISO 8601, UTC.
        events: Sequence number of the last event.
        latches: How often a latch was set.
        alarms: Count per ``Alarm``, by name.
        releases: By the simulated operator.
        open_positions: At the end.
        policy_digest: SHA-256 of the policy and breakers that held, in hexadecimal.
        notes: What was recognised, inferred, repaired, assumed, turned off.
    """

    bars: int
    instruments: int
    orders: int
    fills: int
    trades: int
    refusals: Mapping[str, int]
    exits: Mapping[str, int]
    equity_start: float
    equity_end: float
    return_pct: float
    max_drawdown_pct: float
    fees: float
    slippage: float
    funding: float
    sharpe: float | None
    digest: str
    elapsed_s: float
    bars_per_s: float
    complete: bool
    symbols: tuple[str, ...]
    strategy: str
    parameters: Mapping[str, str]
    currency: str
    first_bar: str
    last_bar: str
    events: int
    latches: int
    alarms: Mapping[str, int]
    releases: Releases
    open_positions: tuple[OpenPosition, ...]
    policy_digest: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Results:
    """Everything that was found, for reports.

    Attributes:
        summary: What ``summary.json`` says.
        trades: One row per closed trade, by exit. Columns: ``trade_id`` (the entry's order id),
            ``symbol``, ``strategy``, ``side`` ("long", "short"), ``entry_ts``, ``exit_ts``
            (Datetime ns UTC), ``bars_held``, ``quantity``, ``entry_price``, ``exit_price`` (means
            of the fills), ``pnl`` (net of every cost), ``return_pct`` (of the entry's notional),
            ``r_multiple`` (pnl over the risk at entry; null without one), ``fees``, ``slippage``
            (inside the prices already), ``funding``, ``exit_reason`` (``Exit`` by name), ``mae``,
            ``mfe`` (in currency, mae <= 0 <= mfe), ``mae_pct``, ``mfe_pct`` (of the entry price),
            ``stop_price``, ``target_price`` (null without one), ``entry_order``, ``exit_order``.
        orders: One row per order and per refusal, in sequence. Columns: ``id`` ("o-..." or the
            refused signal's "s-..."), ``signal`` ("s-..." or null), ``seq``, ``symbol``,
            ``strategy``, ``ts``, ``side`` ("buy", "sell"), ``kind`` (``OrderKind``), ``role``
            (``Role``), ``reduce_only``, ``qty``, ``price``, ``trigger`` (null without one),
            ``outcome`` (``OrderState`` by name, or "REFUSED"), ``reason`` (``Reason``, null),
            ``reasons`` (all that failed, comma separated, null), ``value``, ``limit`` (raw, of
            the reason), ``accepted_ts``, ``done_ts``, ``filled``, ``average_price`` (null),
            ``fees``.
        latches: One row per latch that was set, by time. Columns: ``set_ts``, ``released_ts``
            (null: still set), ``cause``, ``scope`` ("ACCOUNT", ...), ``subject`` (symbol or
            strategy, null for the account), ``level`` (highest reached), ``value``, ``limit``
            (raw), ``released_by`` ("rule", "simulated operator", null), ``seconds``.
        equity: ``ts`` (Datetime ns UTC), ``equity``, ``drawdown_pct`` (>= 0), at most 20,000 rows
            that keep every extreme.
        bars: Per symbol: ``ts`` (open, Datetime ns UTC), ``open``, ``high``, ``low``, ``close``,
            ``volume``; at most 20,000 rows, joined where there were more.
        bars_joined: Per symbol, how many bars of the file one row is; 1: as they are.
        costs: What trading cost.
        notes: As in the summary.
        currency: Of the account.
        policy_digest: As in the summary.
        strategy: Its name.
        parameters: Its parameters, as text.
    """

    summary: Summary
    trades: pl.DataFrame
    orders: pl.DataFrame
    latches: pl.DataFrame
    equity: pl.DataFrame
    bars: Mapping[str, pl.DataFrame]
    bars_joined: Mapping[str, int]
    costs: Costs
    notes: tuple[str, ...]
    currency: str
    policy_digest: str
    strategy: str
    parameters: Mapping[str, str]
