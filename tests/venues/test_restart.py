"""The venue is killed wherever it pleases, and its books end as if nothing had happened."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from interlock.kernel.policy import SMALL
from interlock.sim.world import venue_dtype
from interlock.venues.port import Account, Beat, Ended, Found, Market, NotFound, Request, Welcome
from interlock.venues.simulated.ledger import Ledger, LedgerError
from interlock.venues.simulated.server import LEDGER_NAME
from tests.sim.tapes import CASH
from tests.venues import scripted
from tests.venues.caller import Caller
from tests.venues.plain import MADE_OF, Line, desk_of


class Driver:
    """Follows the script at a desk, which may be taken away at any message."""

    def __init__(self, path: Path | str, crashes: random.Random | None) -> None:
        self._path = path
        self._crashes = crashes
        self._tape = scripted.market()
        self._script = scripted.script()
        self._feed = 0
        self._bars = 0
        self._asked: list[Request] = []
        self._ledger: Ledger | None = None
        self.crashed = 0

    def run(self) -> Ledger:
        """Play to the end; return the books."""
        while True:
            line = self._connect()
            if self._play(line):
                line.desk.save()
                assert self._ledger is not None
                return self._ledger
            self.crashed += 1

    def _connect(self) -> Line:
        if self._ledger is not None:
            self._ledger.close()
        self._ledger = Ledger(self._path, MADE_OF)
        desk = desk_of(scripted.world_of(), self._tape, self._ledger, cash_units=CASH)
        line = Line(desk)
        (welcome,) = line.say(line.codec.hello(epoch=1, feed=self._feed))
        assert isinstance(welcome, Welcome)
        if not desk.feed.has_ended:
            assert desk.feed.number >= self._feed
        for request in scripted.to_repeat(
            self._asked,
            lambda name: line.say(line.codec.ask_order(client_id=name, instrument=0))[0],
        ):
            line.say(line.codec.request(request))
        line.say(line.codec.done(beat=0, spoke=False))
        return line

    def _is_crash(self) -> bool:
        return self._crashes is not None and self._crashes.random() < 0.02

    def _play(self, line: Line) -> bool:
        """Answer beats; return whether the end was reached before a crash."""
        while True:
            messages = line.hear()
            if self._is_crash():
                return False  # told by the venue, never heard
            for message in messages:
                if isinstance(message, Market):
                    self._asked = []
                    for row in message.rows:
                        assert row["ext_lo"] == self._feed + 1
                        self._feed += 1
                        self._bars += int(row["kind"] == 1)
                        if row["kind"] == 1:
                            self._asked = list(self._script.get(self._bars, []))
                    for request in self._asked:
                        if self._is_crash():
                            return False
                        line.say(line.codec.request(request))
                elif isinstance(message, Beat):
                    if self._is_crash():
                        line.desk.save_commands()
                        return False
                    line.say(line.codec.done(beat=message.number, spoke=True))
                elif isinstance(message, Ended):
                    return True


def state_of(ledger: Ledger) -> dict[str, Any]:
    """Return the state of the exchange but for counts of refusals."""
    state = ledger.read_state(venue_dtype(SMALL))
    assert state is not None
    state["rejected"] = 0
    state["reports"] = 0
    return {name: state[name].tolist() for name in state.dtype.names or ()}


def undisturbed() -> Ledger:
    """Return the books of a run in which nothing goes wrong."""
    return Driver(":memory:", None).run()


def test_the_script_does_something() -> None:
    ledger = undisturbed()
    states = dict(ledger._execute("SELECT state, count(*) FROM orders GROUP BY state"))
    assert {"filled", "cancelled", "rejected"} <= states.keys()
    assert len(scripted.books(ledger)["fills"]) > 30


@pytest.mark.parametrize("seed", range(8))
def test_books_after_crashes_are_those_without(tmp_path: Path, seed: int) -> None:
    driver = Driver(tmp_path / "venue.db", random.Random(seed))  # noqa: S311 - no secret
    ledger = driver.run()
    expected = undisturbed()
    assert driver.crashed > 0
    assert scripted.books(ledger) == scripted.books(expected)
    assert state_of(ledger) == state_of(expected)


def test_kill_9_of_the_real_process(tmp_path: Path) -> None:
    """Killed three times while it works; one engine goes on with it each time."""
    folder = tmp_path / "v"
    chance = random.Random(7)  # noqa: S311 - no secret
    script = scripted.script()
    feed = bars = 0
    asked: list[Request] = []

    def start() -> subprocess.Popen[bytes]:
        root = Path(__file__).parents[2]
        path = os.pathsep.join([str(root / "src"), str(root)])
        return subprocess.Popen(
            [sys.executable, "-m", "tests.venues.scripted", str(folder)],
            cwd=root,
            env={**os.environ, "PYTHONPATH": path},
        )

    async def life(process: subprocess.Popen[bytes], beats: int) -> bool:
        """Talk for so many beats, then kill it with whatever is under way; True at the end."""
        nonlocal feed, bars, asked
        caller = await Caller.connect(folder)
        assert isinstance(await caller.greet(feed=feed), Welcome)
        for request in asked:
            name = request.client_id
            is_known = isinstance(await caller.order(name), Found)
            if not (is_known and request.__class__.__name__ == "NewOrder"):
                caller.ask(request)
        caller.say(caller.codec.done(beat=0, spoke=False))
        while True:
            message = await caller.next()
            if isinstance(message, Market):
                feed = caller.feed
                is_bar = int(message.rows["kind"][0]) == 1
                bars += is_bar
                asked = list(script.get(bars, [])) if is_bar else []
                caller.ask(*asked)
            elif isinstance(message, Beat):
                caller.say(caller.codec.done(beat=message.number, spoke=True))
                beats -= 1
                if beats == 0:
                    await caller.writer.drain()
                    os.kill(process.pid, signal.SIGKILL)
                    await caller.leave()
                    return False
            elif isinstance(message, Ended):
                await caller.leave()
                return True

    for _ in range(3):
        process = start()
        assert not asyncio.run(life(process, chance.randint(5, 40)))
        assert process.wait() == -signal.SIGKILL
    process = start()
    assert asyncio.run(life(process, 10**9))
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 0
    found = Ledger(folder / LEDGER_NAME, "the tests' tape")
    expected = undisturbed()
    assert scripted.books(found) == scripted.books(expected)
    assert state_of(found) == state_of(expected)


def test_an_engine_that_is_behind_is_told_what_was_not_answered(tmp_path: Path) -> None:
    """A restored journal cannot get back rows that were answered: the feed goes on."""
    tape = scripted.market()
    desk = desk_of(
        scripted.world_of(), tape, Ledger(tmp_path / "venue.db", MADE_OF), cash_units=CASH
    )
    line = Line(desk)
    line.say(line.codec.hello(epoch=1, feed=0) + line.codec.done(beat=0, spoke=False))
    for number in range(1, 6):
        line.hear()
        line.say(line.codec.done(beat=number, spoke=True))
    line.hear()
    line.say(line.codec.hello(epoch=1, feed=2) + line.codec.done(beat=0, spoke=False))
    market, _ = line.hear()
    assert isinstance(market, Market)
    assert market.rows["ext_lo"].tolist() == [6]


def test_books_that_lost_quiet_bars_catch_up_with_the_engine(tmp_path: Path) -> None:
    """Quiet bars are committed now and then; what an engine has journaled is not told again."""
    tape = scripted.market()
    path = tmp_path / "venue.db"
    line = Line(desk_of(scripted.world_of(), tape, Ledger(path, MADE_OF), cash_units=CASH))
    line.say(line.codec.hello(epoch=1, feed=0) + line.codec.done(beat=0, spoke=False))
    for number in range(1, 31):
        line.hear()
        line.say(line.codec.done(beat=number, spoke=True))
    told = line.desk.feed.number
    marks = line.desk.exchange.venue["instruments"]["mark"].copy()
    line.desk._ledger.close()
    again = Line(desk_of(scripted.world_of(), tape, Ledger(path, MADE_OF), cash_units=CASH))
    assert again.desk.feed.number < told
    again.say(again.codec.hello(epoch=1, feed=told) + again.codec.done(beat=0, spoke=False))
    assert again.desk.feed.number == told
    assert np.array_equal(again.desk.exchange.venue["instruments"]["mark"], marks)
    beat = again.hear()[-1]
    assert isinstance(beat, Beat)
    (account,) = again.say(again.codec.ask_account())
    assert isinstance(account, Account)
    assert account.cash_units == CASH
    assert isinstance(again.say(again.codec.ask_order(client_id="n-0", instrument=0))[0], NotFound)


def test_books_of_another_recording_are_refused(tmp_path: Path) -> None:
    Ledger(tmp_path / "venue.db", "one").close()
    with pytest.raises(LedgerError, match=r"lives on one, and this one on two\. Next: "):
        Ledger(tmp_path / "venue.db", "two")


def test_books_behind_a_link_and_damaged_books_are_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "there")
    with pytest.raises(LedgerError, match="could not be opened"):
        Ledger(tmp_path / "link", "one")
    (tmp_path / "bad").write_bytes(b"this is no database, and long enough to be looked at" * 20)
    with pytest.raises(LedgerError, match="could not be read"):
        Ledger(tmp_path / "bad", "one")


def test_books_are_private(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "venue.db", "one")
    ledger.put({"a": 1})
    ledger.commit()
    for path in tmp_path.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600, path
