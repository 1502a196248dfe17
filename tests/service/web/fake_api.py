"""The whole API of the front door with made-up answers, in the shapes of the real one.

Pages are tested against it: what it says is what a test puts into ``Fake.said``, and everything
that was asked of it to change is in ``Fake.asked``.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from interlock.runtime.clock import SystemClock
from interlock.service.doors import Door
from interlock.service.web.pages import add_pages
from tests.service.apps import app_for_tests
from tests.service.web.fake_account import Fake, FakeGuard
from tests.service.web.fake_acts import add_acts, add_session, add_setup
from tests.service.web.fake_looks import add_looks
from tests.service.web.fake_people import add_backtests, add_people, add_records


def fake_app(fake: Fake) -> FastAPI:
    """Return pages and a made-up API."""
    app = app_for_tests(clock=SystemClock())
    guard = FakeGuard(fake)
    door = Door(app, guard, tag="fake")
    add_session(door, fake)
    add_setup(door, fake)
    add_looks(door, fake)
    add_acts(door, fake)
    add_people(door, fake)
    add_records(door)
    add_backtests(door)
    add_pages(app, guard, mode="paper")
    return app


@contextmanager
def served(fake: Fake) -> Iterator[Fake]:
    """Serve it on a port of this machine for the time of a block."""
    config = uvicorn.Config(
        fake_app(fake), host="127.0.0.1", port=0, log_level="warning", lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server must start"
    fake.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield fake
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join()
