"""Results as people read them on a terminal."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rich.table import Table

from interlock.research.explanation import Explanation
from interlock.research.results import Results
from interlock.runtime.readable import Rule, seconds_text

_WIDTH: Final = 34  # of the first column of an explanation
_NAMES: Final = 46


def _counted(counts: Mapping[str, int]) -> str:
    """Return how often each was there, in words."""
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "none"


def _rows(results: Results) -> Iterator[tuple[str, str]]:
    """Yield what the short table says."""
    one, currency = results.summary, results.currency
    sharpe = "none: too few days, or no change" if one.sharpe is None else f"{one.sharpe:.2f}"
    yield "bars", f"{one.bars:,} of {', '.join(one.symbols)}, {one.first_bar} to {one.last_bar}"
    parameters = ", ".join(f"{name} {value}" for name, value in one.parameters.items())
    yield "strategy", f"{one.strategy} ({parameters})" if parameters else one.strategy
    yield "equity", f"{one.equity_start:,.2f} to {one.equity_end:,.2f} {currency}"
    yield "return", f"{one.return_pct:+.2f} %"
    yield "max drawdown", f"{one.max_drawdown_pct:.2f} %"
    yield "Sharpe ratio", sharpe
    yield "trades", f"{one.trades:,} closed, {one.fills:,} fills of {one.orders:,} orders"
    yield "exits", _counted(one.exits)
    yield "refusals", _counted(one.refusals)
    costs = f"fees {one.fees:,.2f}, slippage {one.slippage:,.2f} (in the prices)"
    yield "costs", f"{costs}, funding {one.funding:,.2f} {currency}"
    if one.latches:
        his = one.releases
        halted = seconds_text(his.halted_s)
        released = f"{his.count:,} released by the simulated operator, set for {halted} in all"
        yield "latches", f"{one.latches:,} set; {released}"
    for held in one.open_positions:
        yield "still open", f"{held.quantity:,g} {held.symbol} at {held.entry_price:,g}"
    yield "speed", f"{one.bars_per_s:,.0f} bars/s, {one.elapsed_s:.1f} s with everything"
    yield "digest", one.digest[:16]


def summary_table(results: Results) -> Table:
    """Return the short table."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in _rows(results):
        table.add_row(name, text)
    return table


def _pairs(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line per value that is there."""
    for name, value in found.items():
        if value is not None and value is not False:
            text = "yes" if value is True else str(value)
            yield f"  {name.replace('_', ' '):<{_WIDTH}}{text}"


def _rule(rule: Rule, first: bool) -> str:
    """Return one rule's verdict as a line."""
    verdict = "pass" if rule.passed else "FAIL"
    marks = "" if rule.applied else " (does not apply)"
    marks += " ASSUMED" if rule.assumed else ""
    marks += " <- the reason given" if first else ""
    return (
        f"    {verdict}  {rule.reason:<{_WIDTH - 4}}{rule.value_text} {rule.relation} "
        f"{rule.limit_text}{marks}"
    )


def _rules(rules: tuple[Rule, ...]) -> Iterator[str]:
    """Yield all verdicts, by level."""
    if not rules:
        return
    failed = [rule for rule in rules if not rule.passed]
    yield ""
    yield f"RULES: {len(rules)} were asked, {len(failed)} said no"
    for level in ("account", "strategy", "instrument"):
        yield f"  {level}"
        for rule in rules:
            if rule.level == level:
                yield _rule(rule, bool(failed) and rule is failed[0])


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    """Yield a title and its lines, if there are any."""
    found = list(lines)
    if found:
        yield ""
        yield title
        yield from found


def explanation_text(found: Explanation) -> str:
    """Return an explanation in the order in which it happened."""
    lines = [f"{found.id} on {found.symbol}. {found.outcome}"]
    if found.belongs_to:
        lines.append(f"It belongs to the position that {found.belongs_to} opened.")
    lines += _section("SIGNAL", _pairs(found.signal))
    lines += _rules(found.rules)
    lines += _section("SIZE", (f"  {one.name:<{_NAMES}}{one.text}" for one in found.sizing))
    lines += _section("ORDER", _pairs(found.order))
    events = (f"  {one.ts:<32}{one.what}" for one in found.events)
    lines += _section("WHAT BECAME OF IT", events)
    protection = (f"  {one.ts:<32}{one.what}" for one in found.protection)
    lines += _section("PROTECTION AND EXIT", protection)
    lines += _section("RESULT", _pairs(found.trade))
    lines += _section("NOTES", (f"  {note}" for note in found.notes))
    return "\n".join(lines)
