"""The instrument's rules about the order itself: at the limit, one unit beyond, and not set."""

from interlock.kernel.reasons import Reason
from tests.kernel.judging import check

INSTRUMENT = "instrument0.limits."
LONG = "view.position=10 view.owner=0 ask.reducing=1 ask.flags=Flag.REDUCE_ONLY ask.side=-1"


def test_nothing_enters_while_the_instrument_is_paused() -> None:
    check(
        Reason.INSTRUMENT_LATCHED,
        """
        view.instrument_level=Level.REDUCED | NONE               | 2 2
        view.instrument_level=Level.PAUSED  | INSTRUMENT_LATCHED | 3 2
        """,
    )


def test_only_a_symbol_that_is_allowed_is_entered() -> None:
    check(
        Reason.SYMBOL_NOT_ALLOWED,
        """
        instrument0.allowed=1 instrument1.allowed=0 | NONE               | 1 1
        instrument0.allowed=0                       | SYMBOL_NOT_ALLOWED | 0 1
        """,
    )


def test_an_order_of_nothing_is_no_order() -> None:
    """Not even on the way out."""
    check(
        Reason.QTY_NOT_POSITIVE,
        f"""
        ask.qty=1        | NONE                                            | 1 1
        ask.qty=0        | SIZE_IS_ZERO QTY_NOT_POSITIVE QTY_BELOW_MINIMUM | 0 1
        {LONG} ask.qty=0 | QTY_NOT_POSITIVE                                | 0 1
        """,
    )


def test_a_quantity_is_a_multiple_of_the_lot() -> None:
    """What closes a position whole may be odd; what closes a part of it may not."""
    check(
        Reason.QTY_OFF_LOT,
        f"""
        instrument.lot=5 ask.qty=10        | NONE        | 0 5
        instrument.lot=5 ask.qty=11        | QTY_OFF_LOT | 1 5
        instrument.lot=0                   | QTY_OFF_LOT | 0 0
        instrument.lot=7 {LONG} ask.qty=10 | NONE        | 3 7
        instrument.lot=7 {LONG} ask.qty=9  | QTY_OFF_LOT | 2 7
        instrument.lot=0 {LONG} ask.qty=10 | NONE        | 0 0
        """,
    )


def test_the_venues_smallest_order() -> None:
    check(
        Reason.QTY_BELOW_MINIMUM,
        """
        instrument.lot_min=10 | NONE              | 10 10
        instrument.lot_min=11 | QTY_BELOW_MINIMUM | 10 11
        """,
    )


def test_the_quantity_of_one_order() -> None:
    check(
        Reason.INSTRUMENT_ORDER_QTY,
        """
        limit=10 | NONE                 | 10 10
        limit=9  | INSTRUMENT_ORDER_QTY | 10 9
        limit=0  | INSTRUMENT_ORDER_QTY | 10 0
        """,
        limit=INSTRUMENT + "order_lots",
    )


def test_the_notional_of_one_order() -> None:
    check(
        Reason.INSTRUMENT_ORDER_NOTIONAL,
        """
        limit=100_000 | NONE                      | 100_000 100_000
        limit=99_999  | INSTRUMENT_ORDER_NOTIONAL | 100_000 99_999
        limit=0       | INSTRUMENT_ORDER_NOTIONAL | 100_000 0
        """,
        limit=INSTRUMENT + "order_notional_units",
    )


def test_the_venues_smallest_notional() -> None:
    """A minimum that is not set asks for nothing: it is the venue's, and no limit of ours."""
    check(
        Reason.NOTIONAL_BELOW_MINIMUM,
        """
        limit=100_000 | NONE                   | 100_000 100_000
        limit=100_001 | NOTIONAL_BELOW_MINIMUM | 100_000 100_001
        limit=0       | NONE                   | 100_000 0
        """,
        limit=INSTRUMENT + "order_notional_min_units",
    )


def test_prices_are_positive() -> None:
    """Of a stop the trigger too."""
    check(
        Reason.PRICE_NOT_POSITIVE,
        """
        ask.price=1                                                | NONE               | 1 1
        ask.price=0                                                | PRICE_NOT_POSITIVE | 0 1
        ask.order_kind=OrderKind.STOP ask.trigger=1                | NONE               | 1 1
        ask.order_kind=OrderKind.STOP ask.trigger=0                | PRICE_NOT_POSITIVE | 0 1
        ask.order_kind=OrderKind.STOP_LIMIT ask.trigger=0          | PRICE_NOT_POSITIVE | 0 1
        ask.order_kind=OrderKind.LIMIT ask.trigger=0               | NONE          | 10_000 1
        """,
    )


def test_limits_and_triggers_are_on_the_venues_grid() -> None:
    """A market order has no price of its own to be off the grid."""
    check(
        Reason.PRICE_OFF_TICK,
        """
        instrument.tick=25 ask.order_kind=OrderKind.LIMIT                       | NONE | 0 25
        instrument.tick=25 ask.order_kind=OrderKind.LIMIT ask.price=10_001 | PRICE_OFF_TICK | 1 25
        instrument.tick=25 ask.order_kind=OrderKind.STOP_LIMIT ask.price=9_999 ask.trigger=25 \
        | PRICE_OFF_TICK | 24 25
        instrument.tick=25 ask.order_kind=OrderKind.STOP ask.trigger=10_024 | PRICE_OFF_TICK | 24 25
        instrument.tick=25 ask.price=10_001                                     | NONE | 0 25
        instrument.tick=0 | PRICE_OFF_TICK | 0 0
        """,
    )


def test_a_price_stays_near_the_mark() -> None:
    """5 % of 10,000 is 500, on either side; without a mark there is nothing to be near to."""
    check(
        Reason.PRICE_COLLAR,
        """
        limit=50_000 ask.price=10_500 | NONE         | 50_000 50_000
        limit=50_000 ask.price=10_501 | PRICE_COLLAR | 50_100 50_000
        limit=50_000 ask.price=9_500  | NONE         | 50_000 50_000
        limit=50_000 ask.price=9_499  | PRICE_COLLAR | 50_100 50_000
        limit=0                       | PRICE_COLLAR | 0 0
        limit=50_000 view.mark=0      | MARK_MISSING | 0 50_000
        """,
        limit=INSTRUMENT + "collar_ppm",
    )


def test_numbers_that_the_ledger_cannot_hold() -> None:
    """2^40 lots, 2^40 ticks, 2^60 units of notional, each of them and no more."""
    check(
        Reason.NUMBERS_OUT_OF_RANGE,
        """
        ask.price=1 ask.qty=1_099_511_627_776           | NONE                 \
        | 1_099_511_627_776 1_099_511_627_776
        ask.price=1 ask.qty=1_099_511_627_777           | NUMBERS_OUT_OF_RANGE \
        | 1_099_511_627_777 1_099_511_627_776
        ask.qty=1 ask.price=1_099_511_627_776           | NONE                 | 1 1_099_511_627_776
        ask.qty=1 ask.price=1_099_511_627_777           | NUMBERS_OUT_OF_RANGE | 1 1_099_511_627_776
        ask.qty=1 ask.trigger=1_099_511_627_776         | NONE                 | 1 1_099_511_627_776
        ask.qty=1 ask.trigger=1_099_511_627_777         | NUMBERS_OUT_OF_RANGE | 1 1_099_511_627_776
        ask.price=1_048_575 ask.qty=1_099_511_627_776   | NONE                 \
        | 1_099_511_627_776 1_099_511_627_776
        ask.price=1_048_576 ask.qty=1_099_511_627_776   | NUMBERS_OUT_OF_RANGE \
        | 1_099_511_627_776 1_099_511_627_776
        ask.price=1_048_576 ask.qty=1 instrument.unit_num=1_099_511_627_776 \
        instrument.unit_den=1_099_511_627_776           | NUMBERS_OUT_OF_RANGE | 1 1_099_511_627_776
        """,
    )


def test_reduce_only_needs_a_position_on_the_other_side() -> None:
    short = "view.position=-10 view.owner=0 ask.reducing=1 ask.flags=Flag.REDUCE_ONLY"
    check(
        Reason.REDUCE_ONLY_WITHOUT_POSITION,
        f"""
        {LONG}             | NONE                                             | 10 1
        {short} ask.side=1 | NONE                                             | 10 1
        {short} ask.side=-1 | REDUCE_ONLY_WITHOUT_POSITION                    | -10 1
        {LONG} view.position=0 | REDUCE_ONLY_WITHOUT_POSITION REDUCE_ONLY_FLIPS | 0 1
        """,
    )


def test_reduce_only_orders_together_never_flip_a_position() -> None:
    """Of a pair the target asks for nothing that its stop does not hold already."""
    target = "ask.role=Role.TARGET view.reduce_sell=10"
    short = "view.position=-10 view.owner=0 ask.reducing=1 ask.flags=Flag.REDUCE_ONLY"
    check(
        Reason.REDUCE_ONLY_FLIPS,
        f"""
        {LONG}                                      | NONE              | 10 10
        {LONG} ask.qty=11                           | REDUCE_ONLY_FLIPS | 11 10
        {LONG} ask.qty=5 view.reduce_sell=5         | NONE              | 10 10
        {LONG} ask.qty=5 view.reduce_sell=6         | REDUCE_ONLY_FLIPS | 11 10
        {LONG} {target}                             | NONE              | 10 10
        {LONG} {target} ask.qty=11                  | REDUCE_ONLY_FLIPS | 11 10
        {LONG} ask.role=Role.TARGET                 | NONE              | 10 10
        {short} ask.side=1 view.reduce_buy=1        | REDUCE_ONLY_FLIPS | 11 10
        {short} ask.side=1 view.reduce_sell=1       | NONE              | 10 10
        """,
    )


def test_a_child_takes_no_more_than_its_parent_has_left() -> None:
    check(
        Reason.CHILDREN_EXCEED_PARENT,
        """
        ask.parent_qty=0  | NONE                   | 10 0
        ask.parent_qty=10 | NONE                   | 10 10
        ask.parent_qty=9  | CHILDREN_EXCEED_PARENT | 10 9
        """,
    )


def test_an_entry_never_meets_our_own_order() -> None:
    """At the same price they would trade; a market order meets whatever rests."""
    limit = "ask.order_kind=OrderKind.LIMIT"
    check(
        Reason.SELF_MATCH,
        f"""
        {limit} view.resting_opposite_best=10_001             | NONE       | 0 0
        {limit} view.resting_opposite_best=10_000             | SELF_MATCH | 1 0
        {limit} ask.side=-1 view.resting_opposite_best=9_999  | NONE       | 0 0
        {limit} ask.side=-1 view.resting_opposite_best=10_000 | SELF_MATCH | 1 0
        view.resting_opposite_best=10_001                     | SELF_MATCH | 1 0
        """,
    )


def test_identical_orders_within_the_window() -> None:
    check(
        Reason.REPEATED_ORDER,
        """
        limit=3 view.repeats=2 | NONE           | 3 3
        limit=3 view.repeats=3 | REPEATED_ORDER | 4 3
        limit=0                | REPEATED_ORDER | 1 0
        """,
        limit=INSTRUMENT + "repeat_count",
    )
