"""The backtest loop: who hears what when. Stops rest 2 % away, targets 4 %, 100 lots a trade."""

import numpy as np
import pytest

from interlock.kernel.codes import Kind
from interlock.sim.venue import venue_equity_units
from tests.sim.tapes import CASH, SECOND_NS, record, story, tape_of, tell, worlds

CALM = """
0 0 60 10000 10000 10000 10000
0 60 120 10000 10100 9990 10050
0 120 180 10050 10090 10010 10060
"""
TO_THE_STOP = """
0 0 60 10000 10000 10000 10000
0 60 120 10000 10100 9990 10050
0 120 180 10050 10060 9700 9750
0 180 240 9750 9800 9700 9750
"""


def test_a_trade_from_signal_to_stop() -> None:
    """Open to the venue, path to the venue, close to the kernel, then the signals of that close."""
    tell(
        record(tape_of(TO_THE_STOP, "0:buy")),
        """
        [60] SIGNAL
        [60] SUBMIT entry buy 100
        [60] ACCEPTED entry
        [60] FILL entry 100@10000
        [60] SUBMIT stop sell 100 at 9800
        [60] SUBMIT target sell 100 at 10400
        [60] ACCEPTED stop
        [60] ACCEPTED target
        [150] FILL stop 100@9800
        [150] CLOSED STOP -20000
        [150] CANCELLED target
        """,
    )


def test_a_decision_at_a_close_fills_at_the_next_open_even_if_the_same_bar_was_better() -> None:
    """The bar that gave the signal went down to 9,000 and closed at 9,500; we pay 10,000."""
    recording = record(
        tape_of(
            """
            0 0 60 9500 9600 9000 9500
            0 60 120 10000 10100 9990 10050
            """,
            "0:buy",
        )
    )
    fills = recording.log[recording.log["kind"] == Kind.FILL]
    assert fills["price"].tolist() == [10_000]
    assert fills["src_ts_ns"].tolist() == [60 * SECOND_NS]
    assert recording.equity_units.tolist() == [CASH, CASH + 100 * 50]


def test_an_order_of_the_last_bar_never_fills() -> None:
    tell(
        record(tape_of(CALM, "2:buy")),
        """
        [180] SIGNAL
        [180] SUBMIT entry buy 100
        [180] ACCEPTED entry
        """,
    )


def test_a_stop_placed_after_an_entry_at_the_open_can_be_hit_in_the_same_bar() -> None:
    tell(
        record(
            tape_of(
                """
                0 0 60 10000 10000 10000 10000
                0 60 120 10000 10500 9700 10050
                """,
                "0:buy",
            )
        ),
        """
        [60] FILL entry 100@10000
        [90] FILL stop 100@9800
        [90] CLOSED STOP -20000
        """,
        *("SIGNAL", "SUBMIT", "ACCEPTED", "CANCELLED"),
    )


def test_with_latency_too_the_entry_bar_can_hit_the_stop() -> None:
    """The order arrives five seconds into the bar, the stop ten later, and the low finds it."""
    tell(
        record(
            tape_of(
                """
                0 0 60 10000 10000 10000 10000
                0 60 120 10000 10060 9700 9900
                """,
                "0:buy",
            ),
            latency=(5, 5),
        ),
        """
        [60] SIGNAL
        [60] SUBMIT entry buy 100
        [70] ACCEPTED entry
        [70] FILL entry 100@10005
        [70] SUBMIT stop sell 100 at 9805
        [70] SUBMIT target sell 100 at 10405
        [80] ACCEPTED stop
        [80] ACCEPTED target
        [95] FILL stop 100@9805
        [95] CLOSED STOP -20000
        [95] CANCELLED target
        """,
    )


def test_a_report_is_heard_later_and_time_never_goes_back() -> None:
    recording = record(tape_of(TO_THE_STOP, "0:buy"), latency=(1, 40))
    log = recording.log
    fills = log[log["kind"] == Kind.FILL]
    assert fills["src_ts_ns"].tolist() == [61 * SECOND_NS, 150 * SECOND_NS]
    assert fills["ts_ns"].tolist() == [101 * SECOND_NS, 190 * SECOND_NS]
    assert (np.diff(log["ts_ns"]) >= 0).all()
    assert (np.diff(log["seq"]) >= 0).all()


def test_reports_still_on_their_way_at_the_end_arrive() -> None:
    recording = record(tape_of(CALM, "1:buy"), latency=(0, 1_000))
    assert story(recording)[-1] == "[2120] ACCEPTED target"
    assert int(recording.state["instruments"]["unprotected"][0, 0]) == 0
    assert recording.complete


def test_several_instruments_are_told_by_when_their_bars_closed() -> None:
    """The hour of instrument 1 opened first and closed last; its fill is told when it is known."""
    tape = tape_of(
        """
        1 0 60 500 500 500 500
        0 60 120 10000 10000 10000 10000
        0 120 180 10000 10000 10000 10000
        1 60 180 600 600 600 600
        0 180 240 10010 10010 10010 10010
        """,
        "0:buy:1 1:buy:0",
    )
    recording = record(tape)
    fills = recording.log[recording.log["kind"] == Kind.FILL]
    assert fills["instrument"].tolist() == [0, 1]
    assert fills["price"].tolist() == [10_000, 600]
    assert fills["src_ts_ns"].tolist() == [120 * SECOND_NS, 60 * SECOND_NS]
    assert fills["ts_ns"].tolist() == [120 * SECOND_NS, 180 * SECOND_NS]


def test_a_boundary_within_a_bar_comes_before_its_close_and_one_at_its_close_after() -> None:
    """Numbers of events: the policy, bar, session, bar, day, and the bar that ends it."""
    recording = record(tape_of(CALM, facts="119:SESSION_OPEN 120:DAY"))
    numbered = dict(zip(recording.log["kind"].tolist(), recording.log["seq"].tolist(), strict=True))
    assert numbered == {Kind.POLICY_SET: 1, Kind.SESSION_OPEN: 3, Kind.DAY: 5}


def test_the_signals_of_a_close_come_before_what_happens_at_that_instant() -> None:
    """Else nothing decided on a session's last bar could ever rest for the next one."""
    tell(
        record(tape_of(CALM, "1:buy", "120:SESSION_CLOSE"), "instrument.always_open=1"),
        """
        [120] SIGNAL
        [120] SUBMIT entry buy 100
        [120] ACCEPTED entry
        [120] SESSION_CLOSE
        """,
        *("FILL", "stop", "target"),
    )


def test_funding_reaches_the_kernel_as_money_by_the_venue() -> None:
    """One per cent of 100 * 10,050, when long; the rate itself the kernel never sees."""
    recording = record(tape_of(CALM, "0:buy", "120:FUNDING:10000000"))
    assert "[120] FUNDING -10050" in story(recording)
    assert int(recording.state["account"]["funding_units"][0]) == -10_050
    assert int(recording.venue["funding_units"][0]) == -10_050


def test_quotes_and_trades_alone_make_a_tape() -> None:
    """Signals need a bar to be placed on; here there is none, and the marks move."""
    recording = record(tape_of("", facts="10:QUOTE:99:101 20:TRADE:105 30:QUOTE:110:112"))
    assert recording.complete
    assert recording.equity_units.shape == (0,)
    assert int(recording.state["instruments"]["mark"][0, 0]) == 111
    assert int(recording.venue["instruments"]["mark"][0, 0]) == 111
    assert story(recording) == ["[10] POLICY_SET"]


def test_quotes_between_bars_fill_what_waits() -> None:
    tell(
        record(tape_of(CALM, "0:buy", "70:QUOTE:10020:10030 80:TRADE:9790")),
        """
        [70] FILL entry 100@10030
        [80] FILL stop 100@9790
        [80] CLOSED STOP -24000
        """,
        *("SIGNAL", "SUBMIT", "ACCEPTED", "CANCELLED"),
    )


@pytest.mark.parametrize("signals", ["0:buy", "0:sell", "0:buy 1:flat", "0:sell 1:buy"])
@pytest.mark.parametrize("latency", [(0, 0), (5, 5)])
def test_kernel_and_venue_agree_at_the_end(signals: str, latency: tuple[int, int]) -> None:
    settings = "instrument.taker_ppm=700 instrument.maker_ppm=-200 costs.slippage_base_ppm=300"
    recording = record(tape_of(TO_THE_STOP, signals), settings, latency)
    _, world = worlds(settings, latency)
    account = recording.state["account"]
    equity_units = venue_equity_units(world[0], recording.venue[0], 3)
    assert int(account["equity_units"][0]) == equity_units
    assert int(account["fees_units"][0]) == int(recording.venue["fees_units"][0])
    books, believed = recording.venue["instruments"], recording.state["instruments"]
    assert books["position"].tolist() == believed["position"].tolist()
    assert int(recording.equity_units[-1]) == equity_units
    assert int(account["illegal_transitions"][0]) == int(account["unknown_reports"][0]) == 0


def test_cash_agrees_after_every_closed_trade() -> None:
    """Long and short, by stop, target, time and signal; the run is stopped at each CLOSED."""
    prices = [10_000 + 400 * ((index * 7) % 11 - 5) for index in range(40)]
    table = "\n".join(
        f"0 {60 * index} {60 * index + 60} {price} {price + 90} {price - 90} {price + 30}"
        for index, price in enumerate(prices)
    )
    signals = " ".join(f"{index}:{'buy' if index % 3 else 'sell'}" for index in range(39))
    settings = "instrument.taker_ppm=700 costs.slippage_base_ppm=300 exits.time_periods=3"
    tape = tape_of(table, signals)
    closed = [row for row in record(tape, settings).log if row["kind"] == Kind.CLOSED]
    assert len({int(row["code"]) for row in closed}) >= 3
    for row in closed:
        at = record(tape, settings, stop_seq=int(row["seq"]))
        assert int(at.state["account"]["cash_units"][0]) == int(at.venue["cash_units"][0])
        assert int(at.venue["margin_flow_units"][0]) == 0


def test_the_stop_of_an_entry_guards_its_bar_in_every_instrument() -> None:
    """Both bars close at 120: when the second one is told the clock is there already."""
    recording = record(
        tape_of(
            """
            0 0 60 10000 10000 10000 10000
            1 0 60 10000 10000 10000 10000
            0 60 120 10000 10000 9700 9900
            1 60 120 10000 10000 9700 9900
            """,
            "1:buy:0 1:buy:1",
        )
    )
    log = recording.log
    closed = log[log["kind"] == Kind.CLOSED]
    assert closed["instrument"].tolist() == [0, 1]
    assert closed["value"].tolist() == [-20_000, -20_000]
    fills = log[log["kind"] == Kind.FILL]
    assert (fills["src_ts_ns"] // SECOND_NS).tolist() == [60, 90, 60, 90]
    assert (np.diff(log["ts_ns"]) >= 0).all()
