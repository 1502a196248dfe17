"""The gateway's place: taken before anything trades, or refused with what to do."""

import resource
import socket
import subprocess
import sys

import pytest

from interlock.app.listening import address_of, adopted, allow_files, listen_on
from interlock.config.errors import PolicyError
from interlock.config.gateway import GatewaySettings

SHIPPED = GatewaySettings(
    enabled=True,
    host="127.0.0.1",
    port=0,
    public_url="",
    trusted_proxy="",
    docs=False,
    connections_max=64,
)


def settings(**changes: object) -> GatewaySettings:
    """Return a section that differs from the shipped one."""
    return SHIPPED.model_copy(update=changes)


@pytest.mark.parametrize(
    ("host", "begins"),
    [
        ("127.0.0.1", "http://127.0.0.1:"),
        ("localhost", "http://127.0.0.1:"),
        ("::1", "http://[::1]:"),
    ],
)
def test_a_place_is_taken_and_has_an_address(host: str, begins: str) -> None:
    with listen_on(settings(host=host)) as listening:
        assert address_of(listening) == f"{begins}{listening.getsockname()[1]}"
        with socket.create_connection(listening.getsockname()[:2]):
            pass  # it waits until somebody takes it


def test_a_place_that_is_taken_is_named_with_its_setting_and_with_what_to_do() -> None:
    with listen_on(SHIPPED) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PolicyError) as refused:
            listen_on(settings(port=port))

    said = str(refused.value)
    assert said.startswith(f"gateway.port: port {port} of 127.0.0.1 must be free, was taken")
    for word in ("Nothing was started", "Next: ", "--port", "--no-gateway", "interlock.toml"):
        assert word in said


def test_a_place_of_another_machine_is_refused() -> None:
    with pytest.raises(
        PolicyError, match=r"gateway\.host: 192\.0\.2\.1 must be an address of this"
    ):
        listen_on(settings(host="192.0.2.1"))  # of RFC 5737: nobody has it


def test_a_socket_goes_to_another_process_and_the_place_stays_taken() -> None:
    with listen_on(SHIPPED) as listening:
        port = listening.getsockname()[1]
        code = (
            "from interlock.app.listening import address_of, adopted\n"
            f"print(address_of(adopted({listening.fileno()})))"
        )
        said = subprocess.run(
            [sys.executable, "-c", code],
            pass_fds=[listening.fileno()],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert said.strip() == f"http://127.0.0.1:{port}"
        with pytest.raises(PolicyError, match="must be free"):
            listen_on(settings(port=port))


def test_as_many_files_are_allowed_as_there_are_connections() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, before[1]))
        allow_files(1_024)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert soft >= min(1_280, hard if hard != resource.RLIM_INFINITY else 1_280)
        allow_files(16)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == soft, "it is never lowered"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_socket_that_was_handed_on_is_the_same() -> None:
    with listen_on(SHIPPED) as listening:
        again = adopted(listening.fileno())
        assert again.getsockname() == listening.getsockname()
        again.detach()
