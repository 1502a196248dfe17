"""Section gateway: for this machine alone, or behind a proxy that ends TLS."""

import pytest

from tests.config.samples import SYSTEM, system_of


def test_as_shipped_it_answers_this_machine_alone() -> None:
    shipped = SYSTEM.gateway

    assert shipped.enabled
    assert (shipped.host, shipped.port) == ("127.0.0.1", 5001)
    assert shipped.is_for_this_machine
    assert not shipped.public_url
    assert not shipped.trusted_proxy
    assert not shipped.docs


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.0.0.9"])
def test_loopback_needs_no_proxy(host: str) -> None:
    assert system_of(f'[gateway]\nhost = "{host}"').gateway.is_for_this_machine


def test_others_come_through_a_proxy() -> None:
    found = system_of(
        """
        [gateway]
        host = "0.0.0.0"
        public_url = "https://trade.example:8443"
        trusted_proxy = "10.0.0.1"
        """
    ).gateway
    assert not found.is_for_this_machine


def test_other_machines_are_not_let_in_without_one() -> None:
    with pytest.raises(ValueError, match=r"host .* must be an address of this machine alone"):
        system_of('[gateway]\nhost = "0.0.0.0"\n')


@pytest.mark.parametrize(
    "line", ['public_url = "https://trade.example"', 'trusted_proxy = "10.0.0.1"']
)
def test_public_url_and_proxy_are_set_together(line: str) -> None:
    with pytest.raises(ValueError, match="must both be set, or neither"):
        system_of(f"[gateway]\n{line}\n")


@pytest.mark.parametrize(
    "url",
    [
        "http://trade.example",
        "https://",
        "https://trade.example/",
        "https://trade.example/path",
        "https://trade.example?x",
        "https://me@trade.example",
        "https://TRADE.example",
        "https://trade.example:x",
        "https://trade.example:99999",
        "https://tr\u00e4de.example",
        "trade.example",
    ],
)
def test_a_public_url_is_an_origin(url: str) -> None:
    with pytest.raises(ValueError, match="must be nothing, or https://host"):
        system_of(f'[gateway]\npublic_url = "{url}"\ntrusted_proxy = "10.0.0.1"\n')


@pytest.mark.parametrize(
    "line",
    [
        'host = "example.org"',
        'host = ""',
        'trusted_proxy = "proxy"',
        'trusted_proxy = "10.0.0.0/8"',
        "port = 65536",
        "port = -1",
        "connections_max = 0",
        "connections_max = 100000",
        'enabled = "yes"',
    ],
)
def test_what_is_no_place_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="gateway"):
        system_of(f"[gateway]\n{line}\n")
