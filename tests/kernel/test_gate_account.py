"""The account's rules: at the limit, one unit beyond, and not set."""

from interlock.kernel.reasons import Reason
from tests.kernel.judging import check

ACCOUNT = "account.limits."


def test_nothing_enters_while_the_account_is_paused() -> None:
    """A warning and a smaller size let entries through; from PAUSED on nothing enters."""
    check(
        Reason.ACCOUNT_LATCHED,
        """
        view.account_level=Level.REDUCED | NONE            | 2 2
        view.account_level=Level.PAUSED  | ACCOUNT_LATCHED | 3 2
        view.account_level=Level.HALTED  | ACCOUNT_LATCHED | 4 2
        view.account_level=Level.KILLED  | ACCOUNT_LATCHED | 5 2
        """,
    )


def test_an_entry_needs_room_for_its_stop_and_its_target() -> None:
    """A reducing order needs room for itself alone, but even that must be there."""
    check(
        Reason.ORDER_TABLE_FULL,
        """
        view.free_orders=3                 | NONE             | 3 3
        view.free_orders=2                 | ORDER_TABLE_FULL | 3 2
        view.free_orders=1 ask.reducing=1  | NONE             | 1 1
        view.free_orders=0 ask.reducing=1  | ORDER_TABLE_FULL | 1 0
        """,
    )


def test_an_account_with_nothing_enters_nothing() -> None:
    check(
        Reason.EQUITY_NOT_POSITIVE,
        """
        view.equity_units=1 ask.risk_units=1 | NONE                               | 1 1
        view.equity_units=0 ask.risk_units=1 | EQUITY_NOT_POSITIVE RISK_PER_TRADE | 0 1
        """,
    )


def test_a_daily_loss_in_money_stops_at_the_limit() -> None:
    """Not beyond it but at it; and a limit that is not set stops even a day of profit."""
    check(
        Reason.DAILY_LOSS_MONEY,
        """
        limit=1_350 view.equity_units=998_651 | NONE             | 1_349 1_350
        limit=1_350 view.equity_units=998_650 | DAILY_LOSS_MONEY | 1_350 1_350
        limit=0                               | DAILY_LOSS_MONEY | 0 0
        limit=0 view.equity_units=1_000_001   | DAILY_LOSS_MONEY | -1 0
        limit=NONE view.equity_units=50_000   | NONE             | 950_000 NONE
        """,
        limit=ACCOUNT + "daily_loss_units",
    )


def test_a_daily_loss_as_a_fraction_stops_at_the_limit() -> None:
    """5 % of a day that began with 1,000,000 is 50,000."""
    check(
        Reason.DAILY_LOSS_FRACTION,
        """
        limit=50_000 view.equity_units=950_001 | NONE                | 49_999 50_000
        limit=50_000 view.equity_units=950_000 | DAILY_LOSS_FRACTION | 50_000 50_000
        limit=0                                | DAILY_LOSS_FRACTION | 0 0
        limit=50_000 view.day_start_units=-1   | DAILY_LOSS_FRACTION | -1_000_001 0
        """,
        limit=ACCOUNT + "daily_loss_ppm",
    )


def test_a_drawdown_from_the_peak_stops_at_the_limit() -> None:
    """5 % below a peak of 1,000,000 is 50,000, whatever the day began with."""
    check(
        Reason.MAX_DRAWDOWN,
        """
        limit=50_000 view.equity_units=950_001 | NONE         | 49_999 50_000
        limit=50_000 view.equity_units=950_000 | MAX_DRAWDOWN | 50_000 50_000
        limit=0                                | MAX_DRAWDOWN | 0 0
        limit=50_000 view.peak_units=-1        | MAX_DRAWDOWN | -1_000_001 0
        """,
        limit=ACCOUNT + "drawdown_ppm",
    )


def test_the_notional_of_one_order() -> None:
    check(
        Reason.ACCOUNT_ORDER_NOTIONAL,
        """
        limit=100_000 | NONE                   | 100_000 100_000
        limit=99_999  | ACCOUNT_ORDER_NOTIONAL | 100_000 99_999
        limit=0       | ACCOUNT_ORDER_NOTIONAL | 100_000 0
        """,
        limit=ACCOUNT + "order_notional_units",
    )


def test_the_gross_notional_counts_what_is_in_flight() -> None:
    check(
        Reason.ACCOUNT_GROSS_NOTIONAL,
        """
        limit=150_000 view.gross_units=50_000 | NONE                   | 150_000 150_000
        limit=150_000 view.gross_units=50_001 | ACCOUNT_GROSS_NOTIONAL | 150_001 150_000
        limit=0                               | ACCOUNT_GROSS_NOTIONAL | 100_000 0
        """,
        limit=ACCOUNT + "gross_notional_units",
    )


def test_the_net_notional_is_the_worst_of_what_is_in_flight() -> None:
    """A buy counts with every buy in flight, and without them; the sells may never fill."""
    check(
        Reason.ACCOUNT_NET_NOTIONAL,
        """
        limit=100_000 view.net_units=0                                     | NONE | 100_000 100_000
        limit=100_000 view.net_units=1                     | ACCOUNT_NET_NOTIONAL | 100_001 100_000
        limit=100_000 view.net_units=-200_000                              | NONE | 100_000 100_000
        limit=100_000 view.net_units=-200_001              | ACCOUNT_NET_NOTIONAL | 100_001 100_000
        limit=100_000 view.net_units=0 ask.side=-1                         | NONE | 100_000 100_000
        limit=100_000 view.net_units=-1 ask.side=-1        | ACCOUNT_NET_NOTIONAL | 100_001 100_000
        limit=150_000 view.pending_buy_units=50_000                        | NONE | 150_000 150_000
        limit=150_000 view.pending_buy_units=50_001        | ACCOUNT_NET_NOTIONAL | 150_001 150_000
        limit=150_000 view.pending_sell_units=50_001                       | NONE | 100_000 150_000
        limit=150_000 view.pending_sell_units=50_001 ask.side=-1 | ACCOUNT_NET_NOTIONAL \
        | 150_001 150_000
        limit=0                                            | ACCOUNT_NET_NOTIONAL | 100_000 0
        """,
        limit=ACCOUNT + "net_notional_units",
    )


def test_the_exposure_of_a_margined_order_is_its_margin() -> None:
    """15 % of 1,000,000; the order adds its notional, or on margin what it posts."""
    check(
        Reason.ACCOUNT_EXPOSURE,
        """
        limit=150_000 view.exposure_units=50_000 | NONE             | 150_000 150_000
        limit=150_000 view.exposure_units=50_001 | ACCOUNT_EXPOSURE | 150_001 150_000
        limit=150_000 view.exposure_units=150_000 ask.flags=Flag.MARGIN | NONE | 150_000 150_000
        limit=0                                  | ACCOUNT_EXPOSURE | 100_000 0
        """,
        limit=ACCOUNT + "exposure_ppm",
    )


def test_leverage_is_rounded_up() -> None:
    """1,500,000 over 1,000,000 is 1.5; a millionth of it more is too much."""
    check(
        Reason.ACCOUNT_LEVERAGE,
        """
        limit=1_500_000 view.gross_units=1_400_000 | NONE             | 1_500_000 1_500_000
        limit=1_500_000 view.gross_units=1_400_001 | ACCOUNT_LEVERAGE | 1_500_001 1_500_000
        limit=0 | ACCOUNT_LEVERAGE LEVERAGE_REQUEST | 100_000 0
        """,
        limit=ACCOUNT + "leverage_ppm",
    )


def test_leverage_without_equity_has_no_bound() -> None:
    """Nothing to divide by, or so little that the quotient means nothing."""
    check(
        Reason.ACCOUNT_LEVERAGE,
        """
        limit=5_000_000 view.equity_units=0 ask.risk_units=0 \
        | EQUITY_NOT_POSITIVE ACCOUNT_LEVERAGE RISK_PER_TRADE | NONE 5_000_000
        limit=5_000_000 view.equity_units=1 view.gross_units=1_000_000_000 ask.risk_units=0 \
        | ACCOUNT_LEVERAGE | NONE 5_000_000
        """,
        limit=ACCOUNT + "leverage_ppm",
    )


def test_open_orders() -> None:
    check(
        Reason.ACCOUNT_OPEN_ORDERS,
        """
        limit=5 view.open_orders=4 | NONE                | 5 5
        limit=5 view.open_orders=5 | ACCOUNT_OPEN_ORDERS | 6 5
        limit=0                    | ACCOUNT_OPEN_ORDERS | 1 0
        """,
        limit=ACCOUNT + "open_orders",
    )


def test_open_positions() -> None:
    """An order for a position that is there already opens none."""
    check(
        Reason.ACCOUNT_OPEN_POSITIONS,
        """
        limit=5 view.open_positions=4                       | NONE                   | 5 5
        limit=5 view.open_positions=5                       | ACCOUNT_OPEN_POSITIONS | 6 5
        limit=5 view.open_positions=5 view.opens_position=0 | NONE                   | 5 5
        limit=0                                             | ACCOUNT_OPEN_POSITIONS | 1 0
        """,
        limit=ACCOUNT + "open_positions",
    )


def test_orders_per_second() -> None:
    check(
        Reason.ACCOUNT_ORDERS_PER_SECOND,
        """
        limit=5 view.orders_second=4 | NONE                      | 5 5
        limit=5 view.orders_second=5 | ACCOUNT_ORDERS_PER_SECOND | 6 5
        limit=0                      | ACCOUNT_ORDERS_PER_SECOND | 1 0
        """,
        limit=ACCOUNT + "orders_per_second",
    )


def test_orders_per_minute() -> None:
    check(
        Reason.ACCOUNT_ORDERS_PER_MINUTE,
        """
        limit=5 view.orders_minute=4 | NONE                      | 5 5
        limit=5 view.orders_minute=5 | ACCOUNT_ORDERS_PER_MINUTE | 6 5
        limit=0                      | ACCOUNT_ORDERS_PER_MINUTE | 1 0
        """,
        limit=ACCOUNT + "orders_per_minute",
    )


def test_orders_per_day() -> None:
    check(
        Reason.ACCOUNT_ORDERS_PER_DAY,
        """
        limit=5 view.orders_day=4 | NONE                   | 5 5
        limit=5 view.orders_day=5 | ACCOUNT_ORDERS_PER_DAY | 6 5
        limit=0                   | ACCOUNT_ORDERS_PER_DAY | 1 0
        """,
        limit=ACCOUNT + "orders_per_day",
    )


def test_cash_that_nothing_else_waits_for() -> None:
    check(
        Reason.CASH_SHORT,
        """
        view.cash_free_units=100_000 | NONE       | 100_000 100_000
        view.cash_free_units=99_999  | CASH_SHORT | 100_000 99_999
        """,
    )


def test_margin_that_is_not_posted_yet() -> None:
    """An order that posts nothing needs no free margin, even where there is less than none."""
    check(
        Reason.BUYING_POWER_SHORT,
        """
        ask.margin_needed_units=20_000 view.margin_free_units=20_000 | NONE | 20_000 20_000
        ask.margin_needed_units=20_000 view.margin_free_units=19_999 | BUYING_POWER_SHORT \
        | 20_000 19_999
        ask.margin_needed_units=0      view.margin_free_units=-1     | NONE | 0 -1
        """,
    )


def test_margin_is_asked_for_and_allowed_twice() -> None:
    """Allowed by the account and by the instrument; spot needs neither."""
    check(
        Reason.MARGIN_NOT_ALLOWED,
        """
        ask.flags=Flag.MARGIN                              | NONE               | 1 1
        ask.flags=Flag.MARGIN account.margin_allowed=0     | MARGIN_NOT_ALLOWED | 1 0
        ask.flags=Flag.MARGIN instrument.margin_allowed=0  | MARGIN_NOT_ALLOWED | 1 0
        account.margin_allowed=0                           | NONE               | 0 0
        """,
    )


def test_selling_what_is_not_held_is_allowed_twice() -> None:
    """What already waits to be sold is not held any more."""
    held = "ask.side=-1 view.owner=0 view.position=15"
    check(
        Reason.SHORTING_NOT_ALLOWED,
        f"""
        ask.side=-1                                              | NONE                 | 1 1
        ask.side=-1 account.shorting_allowed=0                   | SHORTING_NOT_ALLOWED | 1 0
        ask.side=-1 instrument.shortable=0                       | SHORTING_NOT_ALLOWED | 1 0
        account.shorting_allowed=0                               | NONE                 | 0 0
        {held} account.shorting_allowed=0     | ALREADY_IN_POSITION                     | 0 0
        {held} account.shorting_allowed=0 view.reduce_sell=5 | ALREADY_IN_POSITION      | 0 0
        {held} account.shorting_allowed=0 view.reduce_sell=6 \
        | ALREADY_IN_POSITION SHORTING_NOT_ALLOWED | 1 0
        """,
    )


def test_nothing_enters_before_a_policy_is_set() -> None:
    """Its number is the event that set it."""
    check(
        Reason.POLICY_NOT_SET,
        """
        view.policy_seq=0 | POLICY_NOT_SET | 0 1
        view.policy_seq=1 | NONE           | 1 1
        """,
    )


def test_the_leverage_an_order_asks_for() -> None:
    check(
        Reason.LEVERAGE_REQUEST,
        """
        limit=5_000_000 ask.leverage_ppm=5_000_000 | NONE             | 5_000_000 5_000_000
        limit=5_000_000 ask.leverage_ppm=5_000_001 | LEVERAGE_REQUEST | 5_000_001 5_000_000
        """,
        limit=ACCOUNT + "leverage_ppm",
    )
