"""What section webhook may say: nobody is let in by a slip of the pen."""

from ipaddress import ip_network

import pytest

from interlock.config.errors import PolicyError
from tests.config.samples import SYSTEM, system_of


def test_what_the_shipped_file_says() -> None:
    """From anywhere with the secret; nothing is asked for that charts cannot do."""
    shipped = SYSTEM.webhook

    assert shipped.enabled
    assert shipped.networks == ()
    assert not shipped.signature_required
    assert shipped.signature_seconds == 60
    assert shipped.kept_hours >= 24
    assert shipped.strategies == ()


def test_a_company_has_four_addresses() -> None:
    said = system_of('[webhook]\nsources = ["tradingview", "10.0.0.0/8"]').webhook

    assert said.networks == tuple(
        map(
            ip_network,
            ("52.89.214.238", "34.212.75.30", "54.218.53.128", "52.32.178.7", "10.0.0.0/8"),
        )
    )


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('sources = ["0.0.0.0/33"]', "must have addresses, networks such as 10.0.0.0/8"),
        ('sources = ["10.0.0.1/8"]', "must have addresses, networks such as 10.0.0.0/8"),
        ('sources = ["TradingView"]', "or tradingview, was 'TradingView'"),
        ('sources = ["10.0.0.1", "10.0.0.1/32"]', "must name each once"),
        ('client_name_header = "X Client"', "must be the name of a header"),
        ('client_name = " x"', "must be a certificate's name"),
        ('strategies = ["EMA cross"]', "must be a name of a-z"),
        ("signature_seconds = 301", "at most 300"),
        ("kept_hours = 23", "at least 24"),
        ("same_seconds = 601", "at most 600"),
        ("per_second = 10", "must be at least source_per_second"),
        ('secret = "hunter2"', "is not a key"),
    ],
)
def test_what_is_refused(line: str, why: str) -> None:
    with pytest.raises(PolicyError) as refused:
        system_of(f"[webhook]\n{line}")
    assert why in str(refused.value)
