"""The strategy's rules: at the limit, one unit beyond, and not set."""

from interlock.kernel.reasons import Reason
from tests.kernel.judging import check

STRATEGY = "strategy0.limits."


def test_nothing_enters_while_the_strategy_is_paused() -> None:
    check(
        Reason.STRATEGY_LATCHED,
        """
        view.strategy_level=Level.REDUCED | NONE             | 2 2
        view.strategy_level=Level.PAUSED  | STRATEGY_LATCHED | 3 2
        """,
    )


def test_only_a_strategy_that_is_enabled_enters() -> None:
    check(
        Reason.STRATEGY_NOT_ENABLED,
        """
        strategy0.enabled=1 strategy1.enabled=0 | NONE                 | 1 1
        strategy0.enabled=0 strategy1.enabled=1 | STRATEGY_NOT_ENABLED | 0 1
        """,
    )


def test_the_notional_of_one_order() -> None:
    check(
        Reason.STRATEGY_ORDER_NOTIONAL,
        """
        limit=100_000 | NONE                    | 100_000 100_000
        limit=99_999  | STRATEGY_ORDER_NOTIONAL | 100_000 99_999
        limit=0       | STRATEGY_ORDER_NOTIONAL | 100_000 0
        """,
        limit=STRATEGY + "order_notional_units",
    )


def test_the_gross_notional_counts_what_is_in_flight() -> None:
    check(
        Reason.STRATEGY_GROSS_NOTIONAL,
        """
        limit=150_000 view.strategy_gross_units=50_000 | NONE                    | 150_000 150_000
        limit=150_000 view.strategy_gross_units=50_001 | STRATEGY_GROSS_NOTIONAL | 150_001 150_000
        limit=0                                        | STRATEGY_GROSS_NOTIONAL | 100_000 0
        """,
        limit=STRATEGY + "gross_notional_units",
    )


def test_open_orders() -> None:
    check(
        Reason.STRATEGY_OPEN_ORDERS,
        """
        limit=5 view.strategy_open_orders=4 | NONE                 | 5 5
        limit=5 view.strategy_open_orders=5 | STRATEGY_OPEN_ORDERS | 6 5
        limit=0                             | STRATEGY_OPEN_ORDERS | 1 0
        """,
        limit=STRATEGY + "open_orders",
    )


def test_open_positions() -> None:
    """An order for a position that is there already opens none."""
    check(
        Reason.STRATEGY_OPEN_POSITIONS,
        """
        limit=5 view.strategy_open_positions=4                       | NONE                    | 5 5
        limit=5 view.strategy_open_positions=5                       | STRATEGY_OPEN_POSITIONS | 6 5
        limit=5 view.strategy_open_positions=5 view.opens_position=0 | NONE                    | 5 5
        limit=0                                                      | STRATEGY_OPEN_POSITIONS | 1 0
        """,
        limit=STRATEGY + "open_positions",
    )


def test_orders_per_second() -> None:
    check(
        Reason.STRATEGY_ORDERS_PER_SECOND,
        """
        limit=5 view.strategy_second=4 | NONE                       | 5 5
        limit=5 view.strategy_second=5 | STRATEGY_ORDERS_PER_SECOND | 6 5
        limit=0                        | STRATEGY_ORDERS_PER_SECOND | 1 0
        """,
        limit=STRATEGY + "orders_per_second",
    )


def test_orders_per_minute() -> None:
    check(
        Reason.STRATEGY_ORDERS_PER_MINUTE,
        """
        limit=5 view.strategy_minute=4 | NONE                       | 5 5
        limit=5 view.strategy_minute=5 | STRATEGY_ORDERS_PER_MINUTE | 6 5
        limit=0                        | STRATEGY_ORDERS_PER_MINUTE | 1 0
        """,
        limit=STRATEGY + "orders_per_minute",
    )


def test_orders_per_day() -> None:
    check(
        Reason.STRATEGY_ORDERS_PER_DAY,
        """
        limit=5 view.strategy_day=4 | NONE                    | 5 5
        limit=5 view.strategy_day=5 | STRATEGY_ORDERS_PER_DAY | 6 5
        limit=0                     | STRATEGY_ORDERS_PER_DAY | 1 0
        """,
        limit=STRATEGY + "orders_per_day",
    )


def test_an_edge_is_stated_or_measured_where_it_is_required() -> None:
    """A strategy's own edge is believed from the 30th closed trade on."""
    check(
        Reason.EDGE_UNKNOWN,
        """
        strategy0.edge_required=0                         | NONE         | 0 0
        strategy0.edge_required=1                         | EDGE_UNKNOWN | 0 1
        strategy0.edge_required=1 ask.has_edge=1          | NONE         | 1 1
        strategy0.edge_required=1 view.strategy_trades=29 | EDGE_UNKNOWN | 0 1
        strategy0.edge_required=1 view.strategy_trades=30 | NONE         | 1 1
        """,
    )


def test_a_stated_edge_pays_for_the_round_trip_first() -> None:
    """180 on 100,000 are 18 bps; a cost that is no whole number of bps counts as the next one."""
    stated = "strategy0.edge_required=1 ask.has_edge=1"
    check(
        Reason.EDGE_TOO_SMALL,
        f"""
        {stated} limit=10 ask.cost_units=180 ask.edge_bps=28     | NONE           | 10 10
        {stated} limit=10 ask.cost_units=180 ask.edge_bps=27     | EDGE_TOO_SMALL | 9 10
        {stated} limit=10 ask.cost_units=181 ask.edge_bps=28     | EDGE_TOO_SMALL | 9 10
        {stated} limit=0  ask.cost_units=180 ask.edge_bps=18     | NONE           | 0 0
        {stated} limit=10 ask.notional_units=0 ask.edge_bps=10   | NONE           | 10 10
        strategy0.edge_required=0 ask.has_edge=1 limit=10 ask.edge_bps=9 | NONE   | 9 10
        """,
        limit="costs.edge_min_bps",
    )


def test_a_measured_edge_has_paid_already() -> None:
    """What is stated goes before what was measured."""
    measured = "strategy0.edge_required=1 view.strategy_trades=30"
    check(
        Reason.EDGE_TOO_SMALL,
        f"""
        {measured} limit=10 ask.cost_units=180 view.strategy_edge_bps=10 | NONE           | 10 10
        {measured} limit=10 ask.cost_units=180 view.strategy_edge_bps=9  | EDGE_TOO_SMALL | 9 10
        {measured} limit=10 ask.has_edge=1 view.strategy_edge_bps=99     | EDGE_TOO_SMALL | 0 10
        """,
        limit="costs.edge_min_bps",
    )


def test_nobody_adds_to_the_position_of_another_strategy() -> None:
    """Neither to a position nor to an entry that is on its way; value and limit are the two."""
    check(
        Reason.POSITION_OF_ANOTHER_STRATEGY,
        """
        view.owner=1 view.position=0      | NONE                                             | 1 0
        view.owner=1 view.position=5   | POSITION_OF_ANOTHER_STRATEGY ALREADY_IN_POSITION | 1 0
        view.owner=1 view.entry_buy=5  | POSITION_OF_ANOTHER_STRATEGY ALREADY_IN_POSITION | 1 0
        view.owner=1 view.entry_sell=5 | POSITION_OF_ANOTHER_STRATEGY ALREADY_IN_POSITION | 1 0
        view.owner=0 view.position=5   | ALREADY_IN_POSITION                              | 0 0
        """,
    )


def test_there_is_one_entry_for_one_position() -> None:
    check(
        Reason.ALREADY_IN_POSITION,
        """
        view.owner=0                    | NONE                | 0 0
        view.owner=0 view.position=1    | ALREADY_IN_POSITION | 1 0
        view.owner=0 view.position=-1   | ALREADY_IN_POSITION | 1 0
        view.owner=0 view.entry_buy=1   | ALREADY_IN_POSITION | 1 0
        view.owner=0 view.entry_sell=1  | ALREADY_IN_POSITION | 1 0
        """,
    )


def test_no_entry_without_a_stop() -> None:
    check(
        Reason.STOP_MISSING,
        """
        ask.stop_distance=1 | NONE         | 1 1
        ask.stop_distance=0 | STOP_MISSING | 0 1
        """,
    )


def test_the_loss_at_the_stop_is_a_share_of_equity() -> None:
    """2 % of 1,000,000 is 20,000."""
    check(
        Reason.RISK_PER_TRADE,
        """
        limit=20_000 ask.risk_units=20_000  | NONE           | 20_000 20_000
        limit=20_000 ask.risk_units=20_001  | RISK_PER_TRADE | 20_001 20_000
        limit=0                             | RISK_PER_TRADE | 2_000 0
        """,
        limit="sizing.risk_ppm",
    )


def test_a_size_of_nothing_is_no_entry() -> None:
    check(
        Reason.SIZE_IS_ZERO,
        """
        ask.qty=1 | NONE                                            | 1 1
        ask.qty=0 | SIZE_IS_ZERO QTY_NOT_POSITIVE QTY_BELOW_MINIMUM | 0 1
        """,
    )
