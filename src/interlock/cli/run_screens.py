"""Who shows what goes on: a live view on a terminal, lines elsewhere, or JSON for programs."""

import json
import sys
import time
from collections import deque
from contextlib import suppress
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live

from interlock.app.launch import Ready
from interlock.app.processes import Facts
from interlock.cli.banner import banner_lines
from interlock.cli.run_summary import progress_line, summary_lines
from interlock.cli.run_words import IS_ERROR, plain, sentence
from interlock.cli.show_status import Seen, status_lines

LOOK_S: Final = 0.25
EVENTS_KEPT: Final = 200
FROZEN_S: Final = 2.0  # without an answer, before it is said


def write(line: str, *, error: bool = False) -> None:
    """Write a line; when nobody reads any more, the account goes on all the same."""
    with suppress(OSError, ValueError):
        stream = sys.stderr if error else sys.stdout
        stream.write(f"{line}\n")
        stream.flush()


class Plain:
    """Lines, where there is no terminal."""

    stays = False
    look_s = 1.0

    def __init__(self) -> None:
        self._every_s = 0.0
        self._shown_s = 0.0
        self._seen_s = 0.0

    def is_gone(self) -> bool:
        """Nobody closes a file."""
        return False

    def begin(self, ready: Ready) -> None:
        """Print the banner."""
        self._every_s = float(ready.configuration.system.engine.progress_seconds)
        self._shown_s = time.perf_counter()
        for line in banner_lines(ready):
            write(line)

    def say(self, event: str, facts: Facts) -> None:
        """Print what happened."""
        write(sentence(event, facts), error=event in IS_ERROR)

    def look(self, status: Facts | None, problem: str) -> None:
        """Print a line when it is time for one: how far it is, or that it was gone for as long."""
        now_s = time.perf_counter()
        if status is not None:
            self._seen_s = now_s
        since_s = self._shown_s if status is not None else max(self._shown_s, self._seen_s)
        if now_s - since_s < self._every_s:
            return
        self._shown_s = now_s
        write(progress_line(status) if status is not None else f"the engine {problem}")

    def finish(self, last: Facts | None, code: int) -> None:
        """Print the summary."""
        if last is not None:
            write("")
            for line in summary_lines(last):
                write(line)
        elif code == 0:
            write("Stopped before anything was traded.")


class Lines:
    """JSON, a line for everything."""

    stays = False
    look_s = 1.0

    def __init__(self) -> None:
        self._every_s = 0.0
        self._shown_s = 0.0

    def is_gone(self) -> bool:
        """Nobody closes a file."""
        return False

    def begin(self, ready: Ready) -> None:
        """Print what is started."""
        system = ready.configuration.system
        self._every_s = float(system.engine.progress_seconds)
        self._shown_s = time.perf_counter()
        facts = {
            "account": system.account.name,
            "mode": system.account.mode,
            "data": list(system.data.bars),
            "speed": system.data.speed,
            "strategy": system.strategy.name,
            "home": str(ready.home.root),
            "configuration": ready.configuration.digest,
            "new": ready.is_new,
        }
        self._write("begin", facts)

    def say(self, event: str, facts: Facts) -> None:
        """Print what happened."""
        self._write(event, facts)

    def look(self, status: Facts | None, problem: str) -> None:
        """Print how the engine is when it is time for it."""
        now_s = time.perf_counter()
        if now_s - self._shown_s >= self._every_s:
            self._shown_s = now_s
            self._write("status", status if status is not None else {"problem": problem})

    def finish(self, last: Facts | None, code: int) -> None:
        """Print the summary."""
        self._write("finished", {"code": code, **(last or {})})

    def _write(self, event: str, facts: Facts) -> None:
        write(json.dumps({**facts, "event": event}, default=str))


class Watching:
    """What is known of an engine, drawn when somebody asks: rich's own way of a moving picture."""

    def __init__(self, console: Console, footer: str) -> None:
        self._console = console
        self._footer = footer
        self._status: Facts | None = None
        self._problem = ""
        self._answered_s = time.perf_counter()
        self._events: deque[str] = deque(maxlen=EVENTS_KEPT)
        self._epoch: object = None  # of the engine that said what was heard last
        self._heard = 0

    def begin(self, address: str) -> None:
        """Take where the dashboard is; nothing when there is none."""
        if address:
            self._footer = f"dashboard {address}; {self._footer}"

    def look(self, status: Facts | None, problem: str) -> None:
        """Take how the engine is."""
        if status is not None:
            self._status, self._problem = status, ""
            self._hear(status)
            self._answered_s = time.perf_counter()
        elif time.perf_counter() - self._answered_s >= FROZEN_S:
            self._problem = problem

    def happened(self, text: str) -> None:
        """Take something that happened."""
        self._events.extend(text.split("\n"))

    def __rich__(self) -> RenderableType:
        """Draw it for the terminal as large as it is now."""
        console = self._console
        size = console.size
        seen = Seen(
            status=self._status,
            problem=self._problem,
            silent_s=time.perf_counter() - self._answered_s,
            events=list(self._events),
            ascii_only=console.options.ascii_only,
        )
        lines = status_lines(seen, size.width, size.height - 1)
        lines += [type(lines[0])()] * (size.height - 1 - len(lines))
        footer = type(lines[0])(self._footer, style="dim")
        footer.truncate(size.width)
        return Group(*lines, footer)

    def _hear(self, status: Facts) -> None:
        """Take what the engine decided since it was asked last."""
        if status.get("epoch") != self._epoch:
            self._epoch, self._heard = status.get("epoch"), 0
        for one in status.get("events", []):
            if one["number"] > self._heard:
                self._heard = one["number"]
                self._events.append(plain(one["text"]))


class Moving:
    """A live view on a terminal; what happened is printed when it is over."""

    stays = True
    look_s = LOOK_S

    def __init__(self, console: Console) -> None:
        self._console = console
        self._watching = Watching(
            console, "Ctrl-C stops gracefully; elsewhere: interlock status, reload, stop"
        )
        self._live = Live(
            self._watching, console=console, screen=True, auto_refresh=False, redirect_stderr=False
        )
        self._errors: list[str] = []

    def is_gone(self) -> bool:
        """Return whether the terminal was closed."""
        return not sys.stdout.isatty()

    def begin(self, ready: Ready) -> None:
        """Print the banner, and begin to draw."""
        for line in banner_lines(ready):
            write(line)
        self._watching.begin(ready.address)
        self._live.start()
        self._draw()

    def say(self, event: str, facts: Facts) -> None:
        """Draw what happened."""
        text = sentence(event, facts)
        self._watching.happened(text)
        if event in IS_ERROR:
            self._errors.append(text)
        self._draw()

    def look(self, status: Facts | None, problem: str) -> None:
        """Draw how the engine is."""
        self._watching.look(status, problem)
        self._draw()

    def finish(self, last: Facts | None, code: int) -> None:
        """Give the terminal back as it was, and print what should stay on it."""
        with suppress(OSError, ValueError):
            self._live.stop()
        for text in self._errors:
            write(text, error=True)
        Plain().finish(last, code)

    def _draw(self) -> None:
        with suppress(OSError, ValueError):  # the terminal may be gone
            self._live.refresh()
