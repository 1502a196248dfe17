"""What is said of an engine while it works: logs, metrics, spans and status."""

import json
import logging
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from interlock.kernel.codes import BUY, Cause, Kind, Level, Scope
from interlock.kernel.records import rows
from interlock.kernel.units import LIMIT_NONE
from interlock.runtime.amounts import amount
from interlock.runtime.clock import NS_PER_S, ManualClock, SystemClock
from interlock.runtime.decide import Decided, Decider
from interlock.runtime.logs import Journalist, open_log
from interlock.runtime.metrics import Metrics
from interlock.runtime.status import latches_of, limits_of, orders_of, positions_of, status_of
from interlock.runtime.tracing import Tracing
from tests.runtime.pair import Pair, bought, holding
from tests.runtime.rig import Rig
from tests.runtime.scripts import NAMES, PRICE, SCALES

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[tuple[Any, Lines]]:
    """Return a log, and what reads its lines."""
    found = open_log(tmp_path, "engine", level="info", max_mib=1, keep=2)

    def lines() -> list[dict[str, Any]]:
        text = (tmp_path / "engine.jsonl").read_text(encoding="utf-8")
        assert text.endswith("\n")
        return [json.loads(line) for line in text.splitlines()]

    yield found, lines
    for handler in logging.getLogger("interlock.engine").handlers:
        handler.close()


# --- logs -------------------------------------------------------------------------------------


def test_one_object_is_one_line_whatever_it_says(log: tuple[Any, Lines], tmp_path: Path) -> None:
    """Line ends, escapes, separators of other alphabets, and half a surrogate."""
    written, lines = log
    evil = 'a\nb\r\x1b[31m\x00"\\ \u2028 \x85 \ud800'
    written.info("said", why=evil)
    (line,) = lines()
    assert line["why"] == evil
    assert (line["event"], line["level"]) == ("said", "info")
    raw = (tmp_path / "engine.jsonl").read_bytes()
    assert raw.count(b"\n") == 1
    assert all(32 <= byte < 127 for byte in raw[:-1])


def test_a_log_is_this_users_alone_and_is_no_link(tmp_path: Path, log: tuple[Any, Lines]) -> None:
    """0600; whoever put a link in its place gets nothing written."""
    written, _ = log
    written.info("first")
    assert stat.S_IMODE((tmp_path / "engine.jsonl").stat().st_mode) == 0o600
    target = tmp_path / "target"
    (tmp_path / "other.jsonl").symlink_to(target)
    other = open_log(tmp_path, "other", level="info", max_mib=1, keep=1)
    raising, logging.raiseExceptions = logging.raiseExceptions, False
    other.info("not written")
    logging.raiseExceptions = raising
    assert not target.exists()


def test_logs_are_turned_over_by_size(tmp_path: Path, log: tuple[Any, Lines]) -> None:
    """So many are kept, all of them private."""
    written, _ = log
    for _ in range(50):
        written.info("long", text="x" * 100_000)
    files = sorted(path.name for path in tmp_path.glob("engine.jsonl*"))
    assert files == ["engine.jsonl", "engine.jsonl.1", "engine.jsonl.2"]
    for path in tmp_path.glob("engine.jsonl*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_level_leaves_out_what_is_below_it(tmp_path: Path) -> None:
    """And an exception is told as data."""
    written = open_log(tmp_path, "quiet", level="warning", max_mib=1, keep=1)
    written.info("no")
    try:
        int("what")
    except ValueError:
        written.exception("yes")
    (line,) = (tmp_path / "quiet.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["exception"][0]["exc_type"] == "ValueError"
    logging.getLogger("interlock.quiet").handlers[0].close()


def a_trade() -> Pair:
    """Return an engine that has refused, bought, filled and latched."""
    pair, order = bought()
    pair.tell(pair.venue.report(Kind.ACCEPTED, order), pair.venue.fill(order))
    pair.signal(BUY)
    halt = rows(1)
    halt["kind"] = Kind.HALT
    halt["code"] = Cause.KILL_PAUSE
    halt["level"] = Level.PAUSED
    halt["ts_ns"] = halt["src_ts_ns"] = pair.engine.now_ns()
    pair.engine.operate(halt)
    pair.pump()
    return pair


def test_the_log_never_says_more_than_the_journal(log: tuple[Any, Lines]) -> None:
    """What was decided is written when it is durable, in its order."""
    written, lines = log
    journalist = Journalist(written, list(NAMES))
    pair = a_trade()
    for decided in pair.watched:
        journalist.watch(decided)
    journalist.say("begun", {"pid": 1})
    assert [line["event"] for line in lines()] == ["begun"]
    journalist.durable(7)
    assert all(line["seq"] <= 7 for line in lines()[1:])
    journalist.durable(10**6)
    seqs = [line["seq"] for line in lines()[1:]]
    assert seqs == sorted(seqs)
    assert "bar" not in {line["event"] for line in lines()}


def test_one_id_leads_from_a_signal_to_its_fills(log: tuple[Any, Lines]) -> None:
    """The signal names itself, its order, and the order its fill."""
    written, lines = log
    journalist = Journalist(written, list(NAMES))
    for decided in a_trade().watched:
        journalist.watch(decided)
    journalist.durable(10**6)
    found = lines()
    submit = next(line for line in found if line["event"] == "submit")
    signal = next(line for line in found if line["event"] == "signal")
    fill = next(line for line in found if line["event"] == "fill")
    assert submit["signal"] == signal["signal"] == f"s-{signal['seq']}"
    assert fill["order"] == submit["order"]
    assert (fill["symbol"], fill["qty"], fill["price"]) == ("AAA", 100, PRICE)
    assert submit["role"] == "ENTRY"
    refused = next(line for line in found if line["event"] == "refused")
    assert refused["reason"] == "ALREADY_IN_POSITION"
    latched = [line for line in found if line["event"] == "latched"]
    assert (latched[-1]["cause"], latched[-1]["latch"]) == ("KILL_PAUSE", "PAUSED")
    assert latched[-1]["level"] == "warning"


def test_numbers_without_a_name_are_written_as_numbers(log: tuple[Any, Lines]) -> None:
    """A venue may say anything; the log does not stop the engine over it."""
    written, lines = log
    journalist = Journalist(written, ["AAA"])
    pair, order = bought()
    report = pair.venue.report(Kind.ACCEPTED, order, role=99, instrument=0)
    stranger = pair.venue.report(Kind.CANCELLED, order)
    stranger.row["order_kind"] = 77
    pair.tell(report, stranger)
    row = rows(1)
    row["kind"] = Kind.HALT
    row["code"] = 4_000
    row["level"] = Level.PAUSED
    row["seq"] = 900
    decider = Decider(pair.setup.policy, pair.engine.decider.state.copy(), seq=900, ts_ns=1)
    for decided in [*pair.watched, decider.decide(row)]:
        journalist.watch(decided)
    journalist.durable(10**6)
    found = lines()
    assert next(line for line in found if line["event"] == "accepted")["role"] == "99"
    assert found[-1]["cause"] == "4000"


def test_an_alarm_is_an_error_with_its_name(log: tuple[Any, Lines]) -> None:
    """A person has to be told."""
    written, lines = log
    journalist = Journalist(written, list(NAMES))
    pair, order = bought()
    pair.tell(pair.venue.report(Kind.REJECTED, order), pair.venue.report(Kind.ACCEPTED, order))
    for decided in pair.watched:
        journalist.watch(decided)
    journalist.durable(10**6)
    alarm = next(line for line in lines() if line["event"] == "alarm")
    assert (alarm["alarm"], alarm["level"]) == ("UNKNOWN_ORDER", "error")


# --- metrics and spans ------------------------------------------------------------------------


def test_decisions_are_counted_and_timed_until_they_are_durable() -> None:
    """By kind, and refusals by their rule."""
    clock = ManualClock()
    metrics = Metrics(clock)
    pair = a_trade()
    for decided in pair.watched:
        metrics.watch(decided)
    metrics.watch(Decided(entries=[], commands=[]))
    clock.advance(NS_PER_S // 50)
    metrics.durable(10**6)
    text = metrics.text()
    assert 'interlock_commands_total{kind="SUBMIT"} 3.0' in text
    assert 'interlock_refusals_total{reason="ALREADY_IN_POSITION"} 1.0' in text
    assert 'interlock_durable_seconds_bucket{le="0.01"} 0.0' in text
    found = [
        line for line in text.splitlines() if line.startswith("interlock_durable_seconds_count")
    ]
    assert float(found[0].split()[1]) > 3


def test_an_engines_own_numbers_are_there_for_whoever_reads(tmp_path: Path) -> None:
    """As they are then."""
    rig = Rig(tmp_path)
    metrics = Metrics(SystemClock())
    metrics.follow(rig.driver)
    rig.sender.traffic.sent = 7
    rig.sender.traffic.stopped["rate"] = 2
    text = metrics.text()
    for line in ("interlock_orders_sent 7.0", "interlock_orders_stopped 2.0"):
        assert line in text
    for name in ("equity_units", "open_orders", "open_positions", "latch_level", "events"):
        assert f"\ninterlock_{name} " in text
    for name in ("durable_seq", "decided_seq", "inbox_waiting", "inbox_conflated"):
        assert f"\ninterlock_{name} " in text


class Spans:
    """A collector."""

    def __init__(self) -> None:
        self.found: list[dict[str, Any]] = []

    def start_span(self, name: str, *, attributes: dict[str, Any], start_time: int) -> Any:
        """Begin a span, which ends itself here."""
        span = {"name": name, "facts": attributes, "from": start_time}
        self.found.append(span)

        class Span:
            def end(self, *, end_time: int) -> None:
                span["to"] = end_time

        return Span()


def test_every_decision_that_caused_something_is_a_span() -> None:
    """From the event to its durable record, with the names of the orders."""
    spans = Spans()
    clock = ManualClock(5)
    tracing = Tracing(spans, clock)
    pair, _, _ = holding()
    for decided in pair.watched:
        tracing.watch(decided)
    assert spans.found == []
    clock.advance(10)
    tracing.durable(10**6)
    assert [span["name"] for span in spans.found] == [
        "decide halt",
        "decide timer",
        "decide signal",
        "decide fill",
    ]
    signal = spans.found[2]["facts"]
    assert signal["interlock.commands"] == ["SUBMIT"]
    assert signal["interlock.signal"].startswith("s-")
    assert spans.found[3]["facts"]["interlock.orders"] == ["o-A-1", "o-A-2"]
    assert all((span["from"], span["to"]) == (5, 15) for span in spans.found)


# --- status -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("units", "text"),
    [
        (0, "0.00000000"),
        (-1, "-0.00000001"),
        (10**8, "1.00000000"),
        (2**62, "46116860184.27387904"),
    ],
)
def test_money_is_text_with_every_digit(units: int, text: str) -> None:
    """Nothing is lost to a float."""
    assert amount(units) == text


def test_positions_and_orders_are_told_in_their_own_digits() -> None:
    """With the stop, and the names that the venue knows."""
    pair, stop, _ = holding()
    state = pair.engine.decider.state
    (position,) = positions_of(state, SCALES)
    assert position["symbol"] == "AAA"
    assert (position["quantity"], position["entry"], position["stop"]) == ("100", "100.00", "98.00")
    assert position["protected"]
    first, second = orders_of(state, SCALES, pair.names)
    assert (first["client_id"], first["trigger"], first["price"]) == (stop.client_id, "98.00", None)
    assert (second["kind"], second["price"], second["trigger"]) == ("LIMIT", "104.00", None)
    assert orders_of(state, SCALES)[0]["client_id"] == ""


def test_latches_are_told_strictest_first() -> None:
    """Of the account, a strategy and an instrument; with numbers where there are no names."""
    pair = Pair()
    state = pair.engine.decider.state
    state["account"]["latches"] = 5
    for place, (scope, number, level) in enumerate(
        [
            (Scope.INSTRUMENT, 0, Level.PAUSED),
            (Scope.INSTRUMENT, 9, Level.WARNED),
            (Scope.STRATEGY, 1, Level.HALTED),
            (Scope.STRATEGY, 9, Level.REDUCED),
            (Scope.ACCOUNT, 0, Level.KILLED),
        ]
    ):
        latch = state["latches"][0, place]
        latch["cause"], latch["scope"], latch["scope_id"] = Cause.DRIFT, scope, number
        latch["level"] = level
    found = latches_of(state, SCALES, ["one", "two"])
    assert [each["of"] for each in found] == ["account", "two", "AAA", "9", "9"]


def test_limits_are_told_with_how_much_of_them_is_used() -> None:
    """Those that are off are not."""
    pair = Pair()
    state = pair.engine.decider.state
    account = state["account"]
    account["daily_loss_at_units"] = 90
    account["day_start_units"] = 100
    account["equity_units"] = 95
    account["max_drawdown_at_units"] = 0
    account["drawdown_at_units"] = LIMIT_NONE
    assert limits_of(state) == [{"limit": "daily_loss", "trips_at": "0.00000090", "used": 0.5}]


def test_status_is_json_and_complete(tmp_path: Path) -> None:
    """Also before there is a connection, and after a strategy failed."""
    rig = Rig(tmp_path)
    status = status_of(rig.driver, rig.pair.setup, rig.pair.names, {"pid": 5})
    assert json.loads(json.dumps(status)) == status
    assert (status["pid"], status["phase"], status["level"]) == (5, "away", "PAUSED")
    assert status["strategy_failure"] is None
    failing = Rig(tmp_path)
    failing.pair.turns.failure = type("Failure", (), {"said": "it failed"})()
    status = status_of(failing.driver, failing.pair.setup, failing.pair.names, {})
    assert status["strategy_failure"] == "it failed"


# --- clocks -----------------------------------------------------------------------------------


def test_the_clock_that_measures_never_falls() -> None:
    """And the one that tells the time tells it in this century."""
    clock = SystemClock()
    before = clock.elapsed_ns()
    assert clock.elapsed_ns() >= before
    assert clock.now_ns() > 1_700_000_000 * NS_PER_S
    manual = ManualClock(5)
    manual.advance(3)
    assert (manual.now_ns(), manual.elapsed_ns()) == (8, 3)


def _break(hidden: str) -> int:
    return len(hidden) // 0


def test_a_trace_in_a_log_holds_no_variable(tmp_path: Path) -> None:
    """There may be a password in one."""
    log = open_log(tmp_path, "engine", level="info", max_mib=1, keep=1)
    try:
        _break("a-password")
    except ZeroDivisionError:
        log.exception("it broke")

    said = (tmp_path / "engine.jsonl").read_text()
    assert "_break" in said
    assert "a-password" not in said
