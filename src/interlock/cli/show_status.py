"""How an engine is, as lines for a terminal of any size."""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from rich.text import Text

from interlock.app.processes import Facts
from interlock.cli.run_words import counted, plain, time_words

WIDE: Final = 120  # columns: two sections beside each other
GAP: Final = 2
BAR_CELLS: Final = 20
NEAR: Final = 0.75  # of a limit
_TITLE: Final = "bold"
_DIM: Final = "dim"
_GOOD: Final = "green"
_BAD: Final = "bold red"
_CARE: Final = "yellow"
_LEVELS: Final = {
    "NONE": ("trading", _GOOD),
    "WARNED": ("trading, warned", _CARE),
    "REDUCED": ("trading at reduced size", _CARE),
    "PAUSED": ("PAUSED: no entries", _CARE),
    "HALTED": ("HALTED: no entries", _BAD),
    "KILLED": ("KILLED: everything is closed", _BAD),
}
_WAITS: Final = {
    "CONDITION": "the value back inside",
    "COOLDOWN": "its cooldown",
    "SESSION": "the next session",
    "PERSON": "a person",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What there is to show.

    Attributes:
        status: The engine's last answer; None before the first.
        problem: Why there is no newer one; nothing while there is.
        silent_s: For how long it has not answered.
        events: What happened, oldest first.
        ascii_only: Whether the terminal shows nothing but ASCII.
    """

    status: Facts | None
    problem: str = ""
    silent_s: float = 0.0
    events: Sequence[str] = ()
    ascii_only: bool = False


def amount_words(text: str, digits: int = 2) -> str:
    """Return money as people read it.

    >>> amount_words("-1234567.80000000")
    '-1,234,567.80'
    """
    return f"{Decimal(text):,.{digits}f}"


def signed(text: str) -> Text:
    """Return won or lost money, coloured."""
    value = Decimal(text)
    style = _GOOD if value > 0 else _BAD if value < 0 else ""
    return Text(f"{value:+,.2f}" if value else "0.00", style=style)


def bar_text(fraction: float, cells: int, *, ascii_only: bool, style: str = "") -> Text:
    """Return a fraction as a bar.

    >>> bar_text(0.5, 4, ascii_only=True).plain
    '##--'
    """
    full, empty = ("#", "-") if ascii_only else ("█", "░")
    done = round(min(max(fraction, 0.0), 1.0) * cells)
    return Text.assemble((full * done, style), (empty * (cells - done), _DIM))


def progress_of(status: Facts) -> tuple[int, int]:
    """Return how many bars are done, and how many there are; 0 when nobody knows."""
    return int(status["counts"]["bars"]), int(status.get("bars_total", 0))


def head_lines(seen: Seen) -> list[Text]:
    """Return mode, account and state; the recording's time and how far it is."""
    status = seen.status
    if status is None:
        return [Text("INTERLOCK PAPER", style=_TITLE), Text(seen.problem or "starting ...")]
    words, style = _LEVELS.get(str(status["level"]), (str(status["level"]), _BAD))
    first = Text.assemble(
        (f"INTERLOCK {str(status['mode']).upper()}", _TITLE),
        f"  account {plain(status['account'])}  ",
        (words, style),
        "  ",
        _phase(seen, status),
    )
    done, total = progress_of(status)
    share = done / total if total else 0.0
    second = Text.assemble(
        f"{time_words(int(status['now_ns']))}  ",
        bar_text(share, BAR_CELLS, ascii_only=seen.ascii_only, style="cyan"),
        f" {done:,} of {total:,} bars" if total else f" {done:,} bars",
        f" ({share:.0%})" if total else "",
        f" at {plain(status['speed'])}" if "speed" in status else "",
    )
    return [first, second]


def _phase(seen: Seen, status: Facts) -> Text:
    if seen.problem:
        return Text(f"THE ENGINE {seen.problem} ({seen.silent_s:.0f} s)".upper(), style=_BAD)
    if status["ended"]:
        return Text("the recording has ended", style=_TITLE)
    return Text(str(status["phase"]).lower(), style=_DIM)


def _money(status: Facts) -> list[Text]:
    money = status["money"]
    currency = plain(status["currency"])
    return [
        Text.assemble(
            "equity ",
            (f"{amount_words(money['equity'])} {currency}", _TITLE),
            "  day ",
            signed(money["day"]),
            "  cash ",
            amount_words(money["cash"]),
        ),
        Text.assemble(
            "realised ",
            signed(money["realised"]),
            "  unrealised ",
            signed(money["unrealised"]),
            f"  fees {amount_words(money['fees'])}",
            f"  exposure {amount_words(money['exposure'])}",
        ),
    ]


def _position(one: Facts, closing: Container[str]) -> Text:
    """Return a position with its stop; one that is being closed has none any more."""
    stop = Text("UNPROTECTED", style=_BAD)
    if one["protected"]:
        stop = Text(f"stop {one['stop']}")
    elif one["symbol"] in closing:
        stop = Text("being closed", style=_CARE)
    return Text.assemble(
        f"{plain(one['symbol'])} {one['quantity']} at {one['entry']}, now {one['mark']}  ",
        signed(one["unrealised"]),
        "  ",
        stop,
        "  adopted" if one["adopted"] else "",
    )


def _order(one: Facts) -> Text:
    price = one["price"] if one["price"] is not None else one["trigger"]
    at = f" at {price}" if price is not None else ""
    style = _BAD if one["state"] == "UNKNOWN" else ""
    return Text.assemble(
        f"{one['id']} {plain(one['symbol'])} {one['role'].lower()}: {one['side'].lower()} "
        f"{one['quantity']} {one['kind'].lower().replace('_', ' ')}{at}  ",
        (one["state"].lower().replace("_", " "), style),
        f", {one['filled']} filled" if Decimal(one["filled"]) else "",
    )


def waits_words(latch: Facts) -> str:
    """Return what has to happen before a latch opens again."""
    waits = [_WAITS.get(str(one).upper(), str(one).lower()) for one in latch.get("waits_for", [])]
    return f"; opens after {' and '.join(waits)}" if waits else ""


def _latch(one: Facts) -> Text:
    style = _LEVELS.get(str(one["level"]), ("", _BAD))[1]
    of = "" if one["scope"] == "ACCOUNT" else f" of {plain(one['of'])}"
    return Text.assemble(
        (f"{one['level']} ", style),
        f"{one['cause'].lower().replace('_', ' ')}{of}, since {time_words(int(one['since_ns']))}",
        (waits_words(one), _DIM),
    )


def _limit(one: Facts, *, ascii_only: bool) -> Text:
    used = float(one["used"])
    style = _BAD if used >= 1 else _CARE if used >= NEAR else _GOOD
    return Text.assemble(
        f"{one['limit'].replace('_', ' '):<13}",
        bar_text(used, BAR_CELLS, ascii_only=ascii_only, style=style),
        f" {used:>4.0%} used, trips at {amount_words(one['trips_at'])}",
    )


def _verdict(status: Facts) -> Text:
    """Return how it is in one word, why, and how many breakers were seen to work."""
    health = status.get("health", {"status": "UNKNOWN", "reasons": ["the engine did not say"]})
    word = str(health["status"])
    style = {"PASS": _GOOD, "DEGRADED": _CARE}.get(word, _BAD)
    reasons = "; ".join(map(plain, health["reasons"]))
    proofs = status.get("proofs", {}).get("breakers", [])
    proved = sum(one["proved"] for one in proofs)
    return Text.assemble(
        "health ",
        (f"{word}: {reasons}" if reasons else word, style),
        f"; {proved} of {counted(len(proofs), 'breaker proof')} held" if proofs else "",
    )


def _health(status: Facts) -> list[Text]:
    traffic, inbox = status["traffic"], status["inbox"]
    stopped = sum(traffic["stopped_at_gate"].values())
    behind = int(status["seq"]) - int(status["durable_seq"])
    lines = [
        _verdict(status),
        Text.assemble(
            f"record {int(status['seq']):,}, ",
            f"{behind:,} not durable yet" if behind else "all durable",
            f"; inbox {inbox['waiting']:,} (most {inbox['waiting_max']:,}); "
            f"gate {traffic['sent']:,} sent, ",
            (f"{stopped:,} stopped", _BAD if stopped else ""),
        ),
    ]
    counts = status["counts"]
    lines.append(
        Text(
            f"{counted(counts['trades'], 'trade')}, {counted(counts['submitted'], 'order')}, "
            f"{counted(counts['refusals'], 'refusal')}"
        )
    )
    if status.get("killed", {}).get("set"):
        lines.append(Text(f"THE KILL LATCH IS SET: {plain(status['killed']['reason'])}", _BAD))
    if status.get("strategy_failure"):
        lines.append(Text(f"THE STRATEGY FAILED: {plain(status['strategy_failure'])}", _BAD))
    return lines


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    """A title and its lines; what does not fit is counted."""

    title: str
    lines: list[Text]
    least: int = 1

    def shown(self, rows: int) -> list[Text]:
        """Return at most ``rows`` lines, title included."""
        lines = self.lines
        room = max(rows - 1, 1)
        if len(lines) > room:
            left = len(lines) - room + 1
            lines = [*lines[: room - 1], Text(f"... and {left} more", style=_DIM)]
        return [Text(self.title, style=_TITLE), *lines]


def _sections(seen: Seen, status: Facts) -> list[_Section]:
    """Return everything but the head and the events, the most important last to be cut."""

    def each(found: list[Facts], line: Callable[[Facts], Text]) -> list[Text]:
        return [line(one) for one in found] or [Text("none", style=_DIM)]

    closing = {one["symbol"] for one in status["orders"] if one["role"] == "EXIT"}

    def position(one: Facts) -> Text:
        return _position(one, closing)

    def limit(one: Facts) -> Text:
        return _limit(one, ascii_only=seen.ascii_only)

    return [
        _Section(title="MONEY", lines=_money(status), least=2),
        _Section(title="POSITIONS", lines=each(status["positions"], position)),
        _Section(title="OPEN ORDERS", lines=each(status["orders"], _order)),
        _Section(title="LATCHES", lines=each(status["latches"], _latch)),
        _Section(title="LIMITS", lines=each(status["limits"], limit)),
        _Section(title="ENGINE", lines=_health(status), least=2),
    ]


def _shares(sections: list[_Section], rows: int) -> list[int]:
    """Return how many rows each section gets, title included; at first what it needs least."""
    shares = [1 + min(one.least, len(one.lines)) for one in sections]
    wanted = [1 + len(one.lines) for one in sections]
    left = rows - sum(shares)
    while left > 0 and shares != wanted:
        for place, most in enumerate(wanted):
            if left > 0 and shares[place] < most:
                shares[place] += 1
                left -= 1
    return shares


def _cut(line: Text, width: int, *, ascii_only: bool) -> Text:
    found = line.copy()
    found.truncate(width, overflow="crop" if ascii_only else "ellipsis")
    return found


def _stacked(sections: list[_Section], rows: int) -> list[Text]:
    shares = _shares(sections, rows)
    return [line for one, share in zip(sections, shares, strict=True) for line in one.shown(share)]


def _beside(left: list[Text], right: list[Text], width: int, *, ascii_only: bool) -> list[Text]:
    """Return two columns as one."""
    half = (width - GAP) // 2
    lines = []
    for number in range(max(len(left), len(right))):
        one = _cut(left[number], half, ascii_only=ascii_only) if number < len(left) else Text()
        one.pad_right(half - one.cell_len + GAP)
        lines.append(one + right[number] if number < len(right) else one)
    return lines


def status_lines(seen: Seen, width: int, rows: int | None = None) -> list[Text]:
    """Return everything there is to see, within so many columns and rows.

    Args:
        seen: What there is.
        width: Columns.
        rows: Rows; None for as many as it takes.
    """
    lines = head_lines(seen)
    if seen.status is not None:
        sections = _sections(seen, seen.status)
        events_least = min(len(seen.events), 3) + 1 if seen.events else 0
        room = 10_000 if rows is None else rows - len(lines) - events_least
        if width >= WIDE:
            left, right = _stacked(sections[:3], room), _stacked(sections[3:], room)
            lines += _beside(left, right, width, ascii_only=seen.ascii_only)
        else:
            lines += _stacked(sections, room)
    if seen.events:
        room = len(seen.events) if rows is None else max(rows - len(lines) - 1, 0)
        newest = list(seen.events)[-room:] if room else []
        lines += [Text("LAST EVENTS", style=_TITLE), *map(Text, newest)] if newest else []
    cut = [_cut(line, width, ascii_only=seen.ascii_only) for line in lines]
    return cut if rows is None else cut[:rows]
