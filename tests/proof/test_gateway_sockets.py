"""The gateway as a process, under everything that sockets can do to it."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from interlock.config.home import home_of
from interlock.config.settings import Settings
from interlock.runtime import asking
from tests.proof.gateways import (
    ALERT,
    WAIT_S,
    ask,
    gateway,
    is_closed,
    memory_mib,
    open_files,
    place,
    send,
    short_home,
    soon,
    started,
)

HEAD = b"POST /webhook HTTP/1.1\r\nHost: localhost\r\n"
SLOW = (
    b"",
    b"GET /healthz HTTP/1.1\r\nHost: loc",
    HEAD + b"Content-Length: 30000\r\n\r\n{",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n7530\r\n{",
    b"POST /api/kill HTTP/1.1\r\nHost: localhost\r\nCookie: a=b\r\nContent-Length: 999\r\n\r\n{",
)
SLOW_ONES = 500
VALID = 100
GROWTH_MIB = 150  # of what a gateway holds when nobody troubles it


@pytest.fixture
def home() -> Iterator[Path]:
    with short_home() as found:
        yield found


def test_five_hundred_slow_peers_keep_nobody_from_being_answered_and_are_all_cut(
    home: Path,
) -> None:
    with gateway(home) as (one, where), ExitStack() as stack:
        pid = one.process.pid
        files, memory = open_files(pid), memory_mib(pid)
        peers = [
            stack.enter_context(socket.create_connection(where, WAIT_S)) for _ in range(SLOW_ONES)
        ]
        for number, peer in enumerate(peers):
            assert send(peer, SLOW[number % len(SLOW)])
        over = threading.Event()

        def trickle() -> None:
            while not over.wait(0.2):
                for number, peer in enumerate(peers):
                    if SLOW[number % len(SLOW)]:
                        send(peer, b"a")

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            answers = [ask(where, "POST", "/webhook", ALERT.format(n)) for n in range(VALID)]
            health = {ask(where, "GET", "/healthz")[0] for _ in range(VALID)}
            assert {status for status, _ in answers} == {200}
            assert health == {200}
            assert all(is_closed(peer) for peer in peers)
        finally:
            over.set()
            thread.join()
        soon(lambda: open_files(pid) <= files + 8)
        assert memory_mib(pid) < memory + GROWTH_MIB
        assert one.end(signal.SIGTERM) == 0


def test_more_connections_than_there_may_be_keep_nobody_out(home: Path) -> None:
    with gateway(home, "connections_max = 64") as (one, where), ExitStack() as stack:
        for number in range(400):
            peer = stack.enter_context(socket.create_connection(where, WAIT_S))
            send(peer, SLOW[number % len(SLOW)])
        for number in range(20):
            assert ask(where, "POST", "/webhook", ALERT.format(number))[0] == 200
        assert open_files(one.process.pid) < 64 + 64


def test_giants_are_cut_before_they_are_held(home: Path) -> None:
    with gateway(home) as (one, where), ExitStack() as stack:
        memory = memory_mib(one.process.pid)
        for head in (
            HEAD + b"Content-Length: 100000000\r\n\r\n",
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n5f5e100\r\n",
            b"GET / HTTP/1.1\r\nX: ",
        ):
            for _ in range(5):
                peer = stack.enter_context(socket.create_connection(where, WAIT_S))
                send(peer, head)
                while send(peer, b"a" * 1_000_000):
                    pass  # until it is not taken any more
                assert is_closed(peer)
        assert ask(where, "GET", "/healthz")[0] == 200
        assert memory_mib(one.process.pid) < memory + GROWTH_MIB


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_it_is_told_to_whoever_is_connected(home: Path, number: int) -> None:
    with gateway(home) as (one, where), ExitStack() as stack:
        for each in range(50):
            peer = stack.enter_context(socket.create_connection(where, WAIT_S))
            send(peer, SLOW[each % len(SLOW)])
        assert ask(where, "GET", "/healthz")[0] == 200
        assert one.end(number) == 0


def test_it_does_not_outlive_whoever_watches_over_it(home: Path) -> None:
    theirs, mine = os.pipe()
    config = home.parent / "interlock.toml"
    config.write_text("[gateway]\nport = 0\n")
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "interlock", "gateway"),
            *("--config", str(config), "--guardian", str(theirs)),
        ],
        env=os.environ | {"INTERLOCK_HOME": str(home), "NUMBA_DISABLE_JIT": "1"},
        pass_fds=[theirs],
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert any(b"gateway_ready" in line for line in process.stdout)
        os.close(theirs)
        os.close(mine)
        assert process.wait(WAIT_S) == 70


def test_a_port_that_is_taken_ends_a_run_before_anything_trades(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with started(home, "run", "--json", "--port", str(port)) as one:
            assert one.process.wait(WAIT_S) == 2
            said = one.errors()
    assert f"gateway.port: port {port} of 127.0.0.1 must be free, was taken" in said
    assert "Traceback" not in said
    places = home_of(Settings(home=home))
    assert not places.journal.exists()
    assert not places.venue_book.exists()


def test_a_secret_that_others_can_read_ends_a_run_before_anything_trades(home: Path) -> None:
    places = home_of(Settings(home=home))
    places.make()
    places.webhook_secret.write_text("x" * 43)
    places.webhook_secret.chmod(0o644)
    with started(home, "run", "--json", "--port", "0") as one:
        assert one.process.wait(WAIT_S) == 2
        said = one.errors()
    assert f"chmod 600 {places.webhook_secret}" in said
    assert not places.journal.exists()


def test_a_gateway_that_is_killed_comes_back_at_its_place_and_trading_goes_on(home: Path) -> None:
    with started(home, "run", "--json", "--port", "0") as one:
        ready = one.until("gateway_ready")
        where = place(ready["address"])
        socket_path = home_of(Settings(home=home)).engine_socket
        soon(socket_path.exists)
        before = asking.ask(socket_path, {"ask": "status"})
        os.kill(ready["pid"], signal.SIGKILL)
        # Asked while there is none: the supervisor holds the place, so it is answered all the same.
        assert ask(where, "POST", "/webhook", ALERT.format("x"))[0] == 200
        again = one.until("gateway_ready")
        assert again["pid"] != ready["pid"]
        assert again["address"] == ready["address"]
        after = asking.ask(socket_path, {"ask": "status"})
        assert after["pid"] == before["pid"]
        assert after["epoch"] == before["epoch"]
        assert one.end(signal.SIGTERM) == 0


def test_it_tells_the_service_manager_that_it_is_ready_and_goes_on(home: Path) -> None:
    heard = home.parent / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(heard))
        manager.settimeout(WAIT_S)
        with gateway(home, NOTIFY_SOCKET=str(heard), WATCHDOG_USEC="300000") as (one, _):
            assert manager.recv(100) == b"READY=1"
            assert manager.recv(100) == b"WATCHDOG=1"
            assert one.end(signal.SIGTERM) == 0
            while (said := manager.recv(100)) == b"WATCHDOG=1":
                pass
            assert said == b"STOPPING=1"
