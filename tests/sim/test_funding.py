"""Funding: the long side pays a positive rate on the value of its position, the short receives."""

import pytest

from interlock.kernel.codes import Kind
from interlock.kernel.records import rows
from tests.sim.venue_table import Market, Rules, check


@pytest.mark.parametrize(
    ("position", "rate", "answer"),
    [
        (10, 10_000_000, "FUNDING -10"),  # one per cent of 1,000, paid
        (-10, 10_000_000, "FUNDING 10"),
        (10, -10_000_000, "FUNDING 10"),
        (-10, -10_000_000, "FUNDING -10"),
        (0, 10_000_000, ""),
        (10, 999_999, ""),  # less than a unit
        (10, 0, ""),
    ],
)
def test_who_pays_whom(position: int, rate: int, answer: str) -> None:
    market = check(
        f"""
        bar 100 100 100 100 |
        funding {rate}      | {answer}
        """,
        Rules(position=position),
    )
    paid = int(answer.split()[1]) if answer else 0
    assert int(market.venue["cash_units"][0]) == 1_000_000 + paid
    assert int(market.venue["funding_units"][0]) == paid


def test_funding_is_on_the_mark_and_nothing_is_due_before_there_is_one() -> None:
    check(
        """
        funding 10000000    |
        quote 199 201       |
        funding 10000000    | FUNDING -20
        """,
        Rules(position=10),
    )


def test_a_funding_report_names_no_order() -> None:
    market = Market(Rules(position=10))
    market.play("trade 100")
    row = rows(1)
    row["kind"] = Kind.FUNDING
    row["value"] = 10_000_000
    row["order_id"] = 77
    assert market.send(row) == ["FUNDING -10"]
    assert int(market.venue["reports"][0]) == 1
