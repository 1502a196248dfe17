"""Every way out of a position, told from the entry to the row that closes the trade.

Entries are 100 lots at 10000; a stop rests 200 away and a target 400, unless a test says so.
"""

from interlock.kernel.codes import Kind
from tests.kernel.helpers import Bench
from tests.kernel.story import check

LONG = """
    bar 10000              |
    buy                    | SUBMIT entry buy 100
    accepted entry         |
    fill entry 100 @ 10000 | SUBMIT stop sell 100 at 9800; SUBMIT target sell 100 at 10400
    accepted stop          |
    accepted target        |
"""
SHORT = """
    bar 10000              |
    sell                   | SUBMIT entry sell 100
    accepted entry         |
    fill entry 100 @ 10000 | SUBMIT stop buy 100 at 10200; SUBMIT target buy 100 at 9600
    accepted stop          |
    accepted target        |
"""
NO_TARGET = " exits.target_method=TargetMethod.NONE"


def after(opening: str, story: str, settings: str = "") -> Bench:
    """Tell an opening and then what the test is about."""
    return check(opening + story, settings)


def test_a_stop_closes_a_long_position() -> None:
    """100 lots lose 200 ticks each, and one more where it slipped."""
    after(LONG, "fill stop 100 @ 9800 | CLOSED STOP -20000 | inst.position=0")
    after(LONG, "fill stop 100 @ 9799 close=9800 | CLOSED STOP -20100 | account.slippage_units=100")


def test_a_stop_closes_a_short_position() -> None:
    after(SHORT, "fill stop 100 @ 10200 | CLOSED STOP -20000 | inst.position=0")


def test_a_target_closes_a_long_position() -> None:
    """Two R is 400 ticks; the venue itself cancels the stop of the pair."""
    after(
        LONG,
        """
        fill target 100 @ 10400 | CLOSED TARGET 40000 | account.open_orders=1
        cancelled stop          |                     | account.open_orders=0
        """,
    )


def test_a_target_closes_a_short_position() -> None:
    after(SHORT, "fill target 100 @ 9600 | CLOSED TARGET 40000")


def test_a_position_without_a_target_has_a_stop_alone() -> None:
    check(
        """
        bar 10000              |
        buy                    | SUBMIT entry buy 100
        fill entry 100 @ 10000 | SUBMIT stop sell 100 at 9800 | inst.target_price=0
        """,
        NO_TARGET,
    )


def test_a_target_where_the_model_says() -> None:
    check(
        """
        bar 10000                    |
        buy target_ticks=10777       | SUBMIT entry buy 100
        fill entry 100 @ 10000       | SUBMIT stop sell 100 at 9800; SUBMIT target sell 100 at 10777
        """,
        "exits.target_method=TargetMethod.MODEL",
    )


def test_a_stop_where_the_structure_says() -> None:
    """The signal names 9,700; without a name there is no stop, and so no entry."""
    check(
        """
        bar 10000              |
        buy                    | REFUSED entry STOP_MISSING
        buy stop_ticks=10100   | REFUSED entry STOP_MISSING
        buy stop_ticks=9700    | SUBMIT entry buy 100
        fill entry 100 @ 10000 | SUBMIT stop sell 100 at 9700; SUBMIT target sell 100 at 10600
        """,
        "exits.stop_method=StopMethod.STRUCTURE",
    )


def test_an_atr_stop_waits_for_the_range_to_be_known() -> None:
    """Three bars of 200 make an ATR of 200: the stop rests 1.5 of it away."""
    check(
        """
        bar 10100 9900 10000   |
        bar 10100 9900 10000   |
        buy                    | REFUSED entry STOP_MISSING
        bar 10100 9900 10000   |                      | inst.atr=200.0
        buy                    | SUBMIT entry buy 100
        fill entry 100 @ 10000 | SUBMIT stop sell 100 at 9700; SUBMIT target sell 100 at 10600
        """,
        "exits.stop_method=StopMethod.ATR exits.stop_atr=1.5",
    )


def test_stop_and_target_are_put_on_the_grid_toward_less_risk() -> None:
    """The grid is 25. Long: 9801 rises, 10401 falls; short: 10202 falls, 9602 rises."""
    check(
        """
        bar 10010              |
        buy                    | SUBMIT entry buy 100
        fill entry 100 @ 10001 | SUBMIT stop sell 100 at 9825; SUBMIT target sell 100 at 10400
        """,
        "instrument.tick=25",
    )
    check(
        """
        bar 10010              |
        sell                   | SUBMIT entry sell 100
        fill entry 100 @ 10002 | SUBMIT stop buy 100 at 10200; SUBMIT target buy 100 at 9625
        """,
        "instrument.tick=25",
    )


def test_time_is_up() -> None:
    """After two bars: cancel what rests, wait until it is gone, then sell at the market."""
    after(
        LONG,
        """
        bar 10050            |
        bar 10060            | CANCEL stop; CANCEL target
        cancelled stop       |
        cancelled target     | SUBMIT exit sell 100
        accepted exit        |
        fill exit 100 @ 10055 | CLOSED TIME 5500
        """,
        "exits.time_periods=2",
    )


def test_the_range_doubles() -> None:
    """A range of 100 at entry, then bars of 100, 300 and 300: averages of 100, 167, 211."""
    range_exits = "exits.volatility_enabled=1 exits.volatility_high=2.0 exits.volatility_low=0.5"
    check(
        """
        bar 10050 9950 10000   |
        bar 10050 9950 10000   |
        bar 10050 9950 10000   |                        | inst.atr=100.0
        buy                    | SUBMIT entry buy 100
        fill entry 100 @ 10000 | SUBMIT stop sell 100 at 9800 | inst.atr_entry=100.0
        accepted stop          |
        bar 10150 9850 10000   |
        bar 10150 9850 10000   | CANCEL stop
        cancelled stop         | SUBMIT exit sell 100
        fill exit 100 @ 10010  | CLOSED VOLATILITY_HIGH 1000
        """,
        range_exits + NO_TARGET,
    )


def test_the_range_halves() -> None:
    range_exits = "exits.volatility_enabled=1 exits.volatility_high=2.0 exits.volatility_low=0.5"
    check(
        """
        bar 10050 9950 10000    |
        bar 10050 9950 10000    |
        bar 10050 9950 10000    |                        | inst.atr=100.0
        sell                    | SUBMIT entry sell 100
        fill entry 100 @ 10000  | SUBMIT stop buy 100 at 10200
        accepted stop           |
        bar 10000 10000 10000   |
        bar 10000 10000 10000   | CANCEL stop
        cancelled stop          | SUBMIT exit buy 100
        fill exit 100 @ 10010   | CLOSED VOLATILITY_LOW -1000
        """,
        range_exits + NO_TARGET,
    )


def test_a_trailing_stop_follows_and_closes() -> None:
    """The best price is the high of 10,025; two ATRs of 50 behind it is 9,925."""
    check(
        """
        bar 10025 9975 10000   |
        bar 10025 9975 10000   |
        bar 10025 9975 10000   |                              | inst.atr=50.0
        buy                    | SUBMIT entry buy 100
        fill entry 100 @ 10000 | SUBMIT stop sell 100 at 9800
        accepted stop          |
        bar 10025 9975 10000   | AMEND stop 100 at 9925
        amended stop 100 @ 9925 |                             | inst.stop_price=9925
        bar 10000 9950 9975    |                              | inst.stop_price=9925
        fill stop 100 @ 9925   | CLOSED TRAILING -7500
        """,
        "exits.trailing_enabled=1 exits.trailing_atr=2.0" + NO_TARGET,
    )


def test_a_trailing_stop_of_a_short_position() -> None:
    """The best price is the low of 9,975; two ATRs of 50 above it is 10,075."""
    check(
        """
        bar 10025 9975 10000    |
        bar 10025 9975 10000    |
        bar 10025 9975 10000    |
        sell                    | SUBMIT entry sell 100
        fill entry 100 @ 10000  | SUBMIT stop buy 100 at 10200
        accepted stop           |
        bar 10025 9975 10000    | AMEND stop 100 at 10075
        amended stop 100 @ 10075 |
        fill stop 100 @ 10075   | CLOSED TRAILING -7500
        """,
        "exits.trailing_enabled=1 exits.trailing_atr=2.0" + NO_TARGET,
    )


def test_a_stop_moves_to_the_entry_and_closes_there() -> None:
    """From 1 R of profit on, 200 ticks; the target stays where it is."""
    after(
        LONG,
        """
        bar 10199 10000 10150    |
        bar 10200 10000 10150    | AMEND stop 100 at 10000
        amended stop 100 @ 10000 |
        fill stop 100 @ 10000    | CLOSED BREAK_EVEN 0
        """,
        "exits.break_even_enabled=1 exits.break_even_multiple=1.0",
    )


def test_a_stop_that_would_trigger_at_once_is_not_moved() -> None:
    """The bar went up to 1 R and closed below the entry: what its path means is for the venue."""
    after(
        LONG,
        "bar 10200 9950 9990 |  | inst.stop_price=9800",
        "exits.break_even_enabled=1 exits.break_even_multiple=1.0",
    )


def test_an_opposite_signal_closes() -> None:
    """It closes and does not turn around; a signal of another strategy closes nothing."""
    after(
        LONG,
        """
        sell strategy=1       | REFUSED entry POSITION_OF_ANOTHER_STRATEGY
        sell                  | CANCEL stop; CANCEL target
        sell                  |
        cancelled stop        |
        cancelled target      | SUBMIT exit sell 100
        fill exit 100 @ 9990  | CLOSED SIGNAL -1000
        """,
    )


def test_an_opposite_signal_may_be_told_to_close_nothing() -> None:
    """Only a signal that says it wants to get out does."""
    after(
        LONG,
        """
        sell            |
        buy only_exit   |
        sell only_exit  | CANCEL stop; CANCEL target
        """,
        "exits.opposite_signal_exits=0",
    )


def test_a_signal_to_be_flat_closes_either_side() -> None:
    after(LONG, "flat | CANCEL stop; CANCEL target")
    after(SHORT, "flat | CANCEL stop; CANCEL target")
    check("""
        bar 10000     |
        flat          |
        buy only_exit |
    """)


def test_a_kill_flattens() -> None:
    after(
        LONG,
        """
        halt KILL_IMMEDIATE KILLED | LATCHED KILL_IMMEDIATE KILLED; CANCEL stop; CANCEL target
        cancelled stop             |
        cancelled target           | SUBMIT exit sell 100
        fill exit 100 @ 9990       | CLOSED FLATTENED -1000
        """,
    )


def test_a_stranger_closes() -> None:
    """The position was closed at the venue by hand: booked, told, and what rests is cancelled."""
    after(
        LONG,
        """
        fill stray sell 100 @ 9990 | ALARM EXTERNAL_FILL; CLOSED EXTERNAL -1000; CANCEL target
        | CANCEL stop
        """,
    )


def test_a_target_that_no_order_rests_for_is_watched() -> None:
    """A venue that cannot pair orders: the stop rests, the kernel sells at the target."""
    check(
        """
        bar 10000              |
        buy                    | SUBMIT entry buy 100
        fill entry 100 @ 10000 | SUBMIT stop sell 100 at 9800 | inst.target_price=10400
        accepted stop          |
        trade 10399            |
        trade 10400            | CANCEL stop
        cancelled stop         | SUBMIT exit sell 100         | inst.unprotected=1
        fill exit 100 @ 10395  | CLOSED TARGET 39500          | inst.unprotected=0
        """,
        "instrument.native_oco=0",
    )


def test_a_strategy_keeps_its_own_record_in_multiples_of_the_risk() -> None:
    """A loss of 1 R and a win of 2 R on 1,000,000 each: -200 and +400 bps."""
    after(
        LONG + "fill stop 100 @ 9800 | ...\ncancelled target |" + LONG,
        """
        fill target 100 @ 10400 | CLOSED TARGET 40000 | strategy0.trades=2 strategy0.wins=1
        | | strategy0.win_sum=2.0 strategy0.loss_sum=1.0 strategy0.edge_sum_bps=200.0
        """,
    )


def test_the_row_that_closes_a_trade_says_it_all() -> None:
    """Money, prices, the best and the worst of it, how long and at what risk."""
    bench = after(
        LONG,
        """
        bar 10100 9900 10050     |
        funding -70              |
        fill target 100 @ 10400 fee=50 | CLOSED TARGET 39880
        """,
    )
    (row,) = (x for x in bench.commands if x["kind"] == Kind.CLOSED)

    assert {name: int(row[name]) for name in row.dtype.names[:-1] if row[name] != 0} == {
        "kind": Kind.CLOSED,
        "version": 1,
        "sub": 1,
        "side": 1,  # what was held
        "code": 2,
        "seq": 10,
        "ts_ns": row["ts_ns"],
        "src_ts_ns": row["ts_ns"] - 5_000_000_000,  # when it was entered
        "qty": 100,
        "price": 10_000,  # mean entry
        "trigger": -70,  # funding
        "open": 1_000_000,  # paid to enter
        "high": 10_400,  # best
        "low": 9_900,  # worst
        "close": 1_040_000,  # got at the exit
        "volume": -40_000,  # better than the mark it was decided at
        "order_id": bench.order(0, "entry")["order_id"],
        "peer_id": bench.order(0, "target")["order_id"],
        "fee": 50,
        "stop_ticks": 9_800,
        "target_ticks": 10_400,
        "value": 39_880,  # 40,000 - 50 - 70
        "limit": 1,  # bars held
        "mask_lo": 20_000,  # the risk that was taken
    }
