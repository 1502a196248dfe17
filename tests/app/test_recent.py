"""What an engine decided last, in sentences."""

from interlock.app.recent import KEPT, Recent
from interlock.kernel.codes import BUY, SELL, Alarm, Cause, Exit, Kind, Level, Role
from interlock.kernel.reasons import Reason
from interlock.kernel.records import Row, rows
from interlock.runtime.decide import Command, Decided
from interlock.runtime.entries import event_entry
from interlock.runtime.turns import Scale

AT_NS = 1_700_000_000 * 10**9
SCALES = [Scale(symbol="BTC_USDT", price_digits=2, qty_digits=5)]


def row(kind: Kind, seq: int = 1, **fields: int) -> Row:
    """Return one row."""
    found = rows(1)
    found["kind"], found["seq"], found["ts_ns"], found["instrument"] = kind, seq, AT_NS, 0
    for name, value in fields.items():
        found[name] = value
    one: Row = found[0]
    return one


def decided(event: Row, *commands: Row) -> Decided:
    """Return an event with what it caused."""
    caused = rows(len(commands))
    for place, one in enumerate(commands):
        caused[place] = one
    told = [Command(row=one, told_ns=AT_NS) for one in commands]
    return Decided(entries=[event_entry(event, caused)], commands=told)


def texts(*commands: Row, event: Row | None = None) -> list[str]:
    """Return what is told of an event and its commands, without the time."""
    recent = Recent(SCALES)
    recent.watch(decided(row(Kind.BAR) if event is None else event, *commands))
    recent.durable(1)
    return [str(one["text"]).removeprefix("2023-11-14 22:13 ") for one in recent.latest()]


def test_each_thing_is_a_sentence() -> None:
    fill = row(Kind.FILL, side=BUY, qty=150_000, price=4_200_050, role=Role.ENTRY)

    assert texts(event=fill) == ["bought 1.5 BTC_USDT at 42000.5 (entry)"]
    assert texts(
        row(Kind.REFUSED, side=SELL, code=Reason.INSTRUMENT_LATCHED),
        row(Kind.CLOSED, value=-1_234_500_000_000, code=Exit.STOP),
        row(Kind.LATCHED, code=Cause.SPREAD, level=Level.PAUSED),
        row(Kind.LATCHED, code=Cause.DAILY_LOSS, level=Level.HALTED, instrument=-1),
        row(Kind.RELEASED, code=Cause.SPREAD),
        row(Kind.ALARM, code=Alarm.UNPROTECTED),
        row(Kind.SUBMIT),
    ) == [
        "refused selling BTC_USDT: INSTRUMENT_LATCHED",
        "closed BTC_USDT: -12,345.00 (stop)",
        "PAUSED: spread of BTC_USDT",
        "HALTED: daily loss of the account",
        "opened again: spread of BTC_USDT",
        "ALARM: unprotected of BTC_USDT",
    ]


def test_nothing_is_told_before_it_is_durable() -> None:
    recent = Recent(SCALES)
    recent.watch(decided(row(Kind.BAR, seq=1), row(Kind.ALARM, seq=1, code=Alarm.BUST)))
    recent.watch(decided(row(Kind.BAR, seq=2), row(Kind.ALARM, seq=2, code=Alarm.GARBAGE)))

    assert recent.latest() == []
    recent.durable(1)
    assert [one["seq"] for one in recent.latest()] == [1]


def test_only_the_last_are_kept_and_their_numbers_go_on() -> None:
    recent = Recent(SCALES)
    for seq in range(1, KEPT + 11):
        recent.watch(decided(row(Kind.BAR, seq=seq), row(Kind.ALARM, seq=seq, code=Alarm.BUST)))
    recent.durable(KEPT + 10)

    assert [one["number"] for one in recent.latest()] == list(range(11, KEPT + 11))
