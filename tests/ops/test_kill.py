"""Stopping an account over a connection of our own, at a venue behind a real socket."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from interlock.ops.kill import Asked, Seen, Unreached, look_at_venue, stop_at_venue
from interlock.runtime.clock import NS_PER_S, SystemClock
from interlock.venues.purpose import Purpose
from interlock.venues.simulated.manners import GOOD, Manners
from interlock.venues.simulated.server import SOCKET_NAME
from interlock.venues.simulated.warden_wire import SimulatedWardenCodec
from interlock.venues.stopper import Killed, Timing, Unconfirmed, Verdict
from tests.venues.caller import limit, on_the_line, stop_of, venue_of
from tests.venues.test_warden import bought

CLOCK = SystemClock()


def stop(
    path: Path, purpose: Purpose = Purpose.FLATTEN, name: str = "T", within_s: float = 10
) -> Verdict:
    """Stop the account at a socket."""
    timing = Timing(deadline_ns=int(within_s * NS_PER_S))
    asked = Asked(purpose=purpose, name=name, timing=timing)
    return stop_at_venue(path, SimulatedWardenCodec(), asked, CLOCK)


def look(path: Path, timeout_s: float = 2) -> Seen | Unreached:
    """Look at the account at a socket."""
    return look_at_venue(path, SimulatedWardenCodec(), CLOCK, timeout_s=timeout_s)


def beside(folder: Path, work: Callable[[Path], None], *, manners: Manners = GOOD) -> None:
    """Do something in a thread, while an engine with a position and two orders says nothing."""

    async def case() -> None:
        async with on_the_line(venue_of(folder / "v", manners=manners)) as caller:
            await bought(caller, limit("b", 9_000), stop_of("c", 9_000))
            await asyncio.to_thread(work, folder / "v" / SOCKET_NAME)

    asyncio.run(case())


@contextlib.contextmanager
def listening(path: Path, answer: bytes = b"") -> Iterator[None]:
    """Listen where a venue should, take connections, and say one thing at most."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(path))
        server.listen()
        taken: list[socket.socket] = []

        def take() -> None:
            with contextlib.suppress(OSError):
                while True:
                    taken.append(server.accept()[0])
                    taken[-1].sendall(answer)

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        for one in taken:
            one.close()


def test_an_account_is_stopped_and_read_back_while_its_engine_says_nothing(
    tmp_path: Path,
) -> None:
    def work(path: Path) -> None:
        before = look(path)
        assert isinstance(before, Seen)
        assert [order.client_id for order in before.orders] == ["b", "c"]
        assert before.positions == {"AAA": 100}
        verdict = stop(path)
        assert isinstance(verdict, Killed)
        assert (verdict.cancelled, verdict.closed) == (2, 1)
        assert look(path) == Seen(orders=(), positions={})

    beside(tmp_path, work)


def test_twenty_at_once_all_confirm_and_close_what_is_held_once(tmp_path: Path) -> None:
    def work(path: Path) -> None:
        with ThreadPoolExecutor(20) as pool:
            found = list(pool.map(lambda number: stop(path, name=f"T{number}"), range(20)))
        assert all(isinstance(verdict, Killed) for verdict in found), found
        assert look(path) == Seen(orders=(), positions={})

    beside(tmp_path, work)


def test_answers_that_are_lost_and_a_venue_that_refuses_connections_only_delay_it(
    tmp_path: Path,
) -> None:
    beside(
        tmp_path,
        lambda path: _is_killed(stop(path, within_s=20)),
        manners=Manners(drop_answers=1, delay_s=0.05),
    )


def _is_killed(verdict: Verdict) -> None:
    assert isinstance(verdict, Killed), verdict


def test_a_venue_that_is_not_there_is_unconfirmed(tmp_path: Path) -> None:
    verdict = stop(tmp_path / "venue.sock", within_s=0.3)
    assert isinstance(verdict, Unconfirmed)
    assert verdict.why == "the venue could not be reached: No such file or directory"
    assert look(tmp_path / "venue.sock") == Unreached(
        why="the venue could not be reached: No such file or directory"
    )


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "the venue does not answer"),
        (b"<html>\n", "the venue said what is no message"),
    ],
)
def test_a_venue_that_talks_nonsense_or_not_at_all_is_unconfirmed(
    tmp_path: Path, answer: bytes, why: str
) -> None:
    with listening(tmp_path / "s", answer):
        verdict = stop(tmp_path / "s", within_s=2.5)
        assert isinstance(verdict, Unconfirmed)
        assert verdict.why.startswith(why)
        assert isinstance(look(tmp_path / "s", timeout_s=0.2), Unreached)


def test_a_venue_that_comes_up_while_it_is_waited_for_is_stopped(tmp_path: Path) -> None:
    def later(path: Path) -> None:
        assert isinstance(stop(path), Killed)

    (tmp_path / "v").mkdir(mode=0o700)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(later, tmp_path / "v" / SOCKET_NAME)
        beside(tmp_path, lambda _: waiting.result(15))
