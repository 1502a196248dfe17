"""How a run ended, and a line of progress on the way."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from interlock.app.processes import Facts
from interlock.cli.run_words import counted, plain, time_words
from interlock.cli.show_status import amount_words, progress_of, waits_words

_WIDTH: Final = 11
_UNITS: Final = 10**8
_REASONS_SHOWN: Final = 6


def progress_line(status: Facts) -> str:
    """Return how far a run is, in a line."""
    done, total = progress_of(status)
    bars = f"{done:,} of {total:,} bars ({done / total:.0%})" if total else f"{done:,} bars"
    counts = status["counts"]
    level = "" if status["level"] == "NONE" else f", {status['level']}"
    return (
        f"{time_words(int(status['now_ns']))}: {bars}, equity "
        f"{amount_words(status['money']['equity'])} {plain(status['currency'])} "
        f"(day {amount_words(status['money']['day'])}), "
        f"{counted(counts['open_positions'], 'position')}, {counted(counts['trades'], 'trade')}, "
        f"{counted(counts['refusals'], 'refusal')}{level}"
    )


def _money(last: Facts) -> Iterator[tuple[str, str]]:
    money, currency = last["money"], plain(last["currency"])
    equity = Decimal(money["equity"])
    begun = Decimal(last["cash_begun"]) / _UNITS if "cash_begun" in last else equity
    yield (
        "equity",
        f"{equity:,.2f} {currency}, began with {begun:,.2f} ({equity - begun:+,.2f})",
    )
    realised, unrealised = Decimal(money["realised"]), Decimal(money["unrealised"])
    fees, funding = amount_words(money["fees"]), amount_words(money["funding"])
    yield (
        "P&L",
        f"realised {realised:+,.2f}, unrealised {unrealised:+,.2f}, fees {fees}, funding {funding}",
    )


def _refusals(last: Facts) -> str:
    reasons = last.get("refusals", {})
    total = last["counts"]["refusals"]
    shown = [f"{name} {count:,}" for name, count in list(reasons.items())[:_REASONS_SHOWN]]
    more = len(reasons) - len(shown)
    if more > 0:
        shown.append(f"{more} other reasons")
    return f"{total:,}" + (f": {', '.join(shown)}" if shown else "")


def _rows(last: Facts) -> Iterator[tuple[str, str]]:
    """Yield what the summary says, by name."""
    counts = last["counts"]
    yield "account", f"{plain(last['account'])} ({last['mode']})"
    yield "bars", f"{counts['bars']:,}, up to {time_words(int(last['now_ns']))}"
    yield from _money(last)
    yield "trades", f"{counts['trades']:,} closed, of {counted(counts['submitted'], 'order')} sent"
    yield "refusals", _refusals(last)
    for number, one in enumerate(last["positions"]):
        stop = f"stop {one['stop']}" if one["protected"] else "UNPROTECTED"
        text = f"{one['quantity']} {plain(one['symbol'])} at {one['entry']}, {stop}"
        yield ("still open" if number == 0 else ""), text
    for number, one in enumerate(last["latches"]):
        of = "" if one["scope"] == "ACCOUNT" else f" of {plain(one['of'])}"
        cause = str(one["cause"]).lower().replace("_", " ")
        text = f"{one['level']}: {cause}{of}{waits_words(one)}"
        yield ("in force" if number == 0 else ""), text


def _has_ended(last: Facts) -> bool:
    """Return whether the last process stopped because there was nothing left to trade."""
    return bool(last.get("stopped") == "ended" or last.get("ended"))


def summary_lines(last: Facts) -> list[str]:
    """Return how a run ended, and what can be done next."""
    lines = []
    if last.get("ended_before"):
        lines.append("The recording of this home had ended before; nothing was left to trade.")
    elif _has_ended(last):
        lines.append("The recording has ended.")
    rows = list(_rows(last)) if "counts" in last else []
    lines += [f"{name:<{_WIDTH}}{text}" for name, text in rows]
    lines.append(f"{'journal':<{_WIDTH}}{last['journal']}, {counted(last['seq'], 'record')}")
    next_steps = ["interlock journal verify", "interlock replay --verify", "interlock status"]
    if _has_ended(last):
        next_steps.append("interlock run --again (a new account)")
    else:
        next_steps.append("interlock run (goes on)")
    lines += [
        f"{'next' if number == 0 else '':<{_WIDTH}}{step}" for number, step in enumerate(next_steps)
    ]
    return lines
