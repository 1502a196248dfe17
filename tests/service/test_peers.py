"""Whose request it is: what others say of it is believed from the named proxy alone."""

from typing import Any

import pytest

from interlock.service.peers import Peer, Peers

HERE = "127.0.0.1"
PROXY = "10.0.0.1"


def found(
    address: str | None = HERE, method: str = "POST", proxy: str = "", **headers: str
) -> Peer:
    """Return whose request one is; _ in a header's name stands for -."""
    named = {"host": "localhost:5001"} | headers
    scope: dict[str, Any] = {
        "client": None if address is None else (address, 1),
        "method": method,
        "headers": [
            (name.replace("_", "-").encode(), value.encode()) for name, value in named.items()
        ],
    }
    return Peers(proxy).find(scope)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_a_program_of_this_machine_is_known(address: str) -> None:
    plain = address.removeprefix("::ffff:")
    assert found(address) == Peer(address=plain, is_direct_loopback=True)


@pytest.mark.parametrize(
    "headers",
    [
        {"x_forwarded_for": "127.0.0.1"},
        {"x_forwarded_host": "localhost"},
        {"x_forwarded_proto": "https"},
        {"x_forwarded_anything": ""},
        {"forwarded": "for=127.0.0.1"},
        {"via": "1.1 nginx"},
        {"x_real_ip": "127.0.0.1"},
        {"cf_connecting_ip": "1.2.3.4"},
        {"true_client_ip": "127.0.0.1"},
        {"origin": "http://localhost:5001"},
        {"origin": "null"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"host": "evil.example"},
        {"host": "trade.example"},
        {"host": ""},
    ],
)
def test_what_a_proxy_or_a_page_had_a_hand_in_is_not_direct(headers: dict[str, str]) -> None:
    assert not found(**headers).is_direct_loopback
    assert found(**headers).address == HERE, "what it says is not believed"


def test_a_page_may_look_with_an_origin_but_not_change() -> None:
    assert found(method="GET", origin="http://localhost:5001").is_direct_loopback
    assert not found(method="DELETE", origin="http://localhost:5001").is_direct_loopback


@pytest.mark.parametrize("address", ["10.0.0.2", "192.168.0.1", "8.8.8.8", "::2", "x", None])
def test_other_machines_are_never_loopback(address: str | None) -> None:
    peer = found(address, x_forwarded_for="127.0.0.1")
    assert not peer.is_direct_loopback
    assert peer.address == ("unknown" if address in {"x", None} else address)
    assert not peer.through_proxy


@pytest.mark.parametrize(
    ("said", "address", "known"),
    [
        ("1.2.3.4", "1.2.3.4", True),
        ("127.0.0.1, 1.2.3.4", "1.2.3.4", True),
        ("9.9.9.9,  2001:db8::1 ", "2001:db8::1", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("1.2.3.4, unknown", "unknown", False),
        ("1.2.3.4:80", "unknown", False),
        ("", "unknown", False),
    ],
)
def test_the_named_proxy_is_believed_about_the_last_hop(
    said: str, address: str, known: bool
) -> None:
    peer = found(PROXY, proxy=PROXY, x_forwarded_for=said)

    assert peer == Peer(address=address, is_direct_loopback=False, through_proxy=known)


def test_a_proxy_is_known_in_every_way_to_write_its_address() -> None:
    assert found("::ffff:10.0.0.1", proxy=PROXY, x_forwarded_for="1.2.3.4").address == "1.2.3.4"
    assert found("2001:db8::1", proxy="2001:DB8:0::1", x_forwarded_for="1.2.3.4").through_proxy


def test_a_proxy_that_says_nothing_is_whose_request_it_is() -> None:
    assert found(PROXY, proxy=PROXY) == Peer(address=PROXY, is_direct_loopback=False)


def test_behind_a_proxy_of_this_machine_nobody_is_direct() -> None:
    """One that forgets its headers must not make the whole world a program of this machine."""
    assert not found("127.0.0.1", proxy="127.0.0.1").is_direct_loopback
    assert not found("127.0.0.1", proxy="::1").is_direct_loopback
    assert found("127.0.0.1", proxy=PROXY).is_direct_loopback
