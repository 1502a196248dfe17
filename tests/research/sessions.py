"""Recorded sessions for the tests of replay, what-if, explain and parity."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from pathlib import Path

from interlock.config.settings import Settings
from interlock.journal.port import Store
from interlock.journal.rows import EMPTY, Entry, Row, chained
from interlock.journal.sqlite import SqliteStore
from interlock.research.inputs import Inputs, Request, Rules, prepare
from tests.research.makers import FREE, bar, flat, rules_of, write_bars, write_strategy
from tests.runtime.harness import InProcess

TOLD = {"buys": "3+20+25+26", "exits": "19+30"}
# A refusal, a trade that is stopped, a second one, a refusal beside it, and a signal to close.
LINES = (*flat(), bar(100), bar(98), *flat(5), bar(101), *flat(5, 101.0))
SLOW = FREE + "    simulation: {latency_in_ms: 90000, latency_out_ms: 40000}\n"


def inputs_of(
    folder: Path,
    lines: Sequence[str] | Sequence[Sequence[str]] = LINES,
    told: dict[str, str] | None = None,
    rules: Rules | None = None,
) -> Inputs:
    """Return what a session is made of: files of bars, and the strategy that does as it is told."""
    first = lines[0]
    tables = [[str(line) for line in lines]]
    if not isinstance(first, str):
        tables = [[*table] for table in lines]
    names = ("BTC_USDT-5m.csv", "ETH_USDT-5m.csv")
    paths = [write_bars(folder, table, name) for table, name in zip(tables, names, strict=False)]
    request = Request(
        paths=tuple(map(str, paths)),
        strategy=write_strategy(folder),
        parameters=tuple(f"strategy.{key}={value}" for key, value in (told or TOLD).items()),
        operator=False,
    )
    return prepare(request, rules or rules_of(), Settings(home=folder), lambda _: None)


def session_of(
    folder: Path,
    inputs: Inputs,
    at: Callable[[str], None] = lambda _: None,
    *,
    group: int = 1,
    ledger: Path | None = None,
) -> InProcess:
    """Return a session with its journal in a file; nothing has happened yet."""
    home = folder / "home"
    home.mkdir(mode=0o700)
    store = SqliteStore(home / "journal.db")
    return InProcess(inputs, store, at=at, group=group, ledger=ledger)


def recording(folder: Path, inputs: Inputs | None = None, **how: object) -> Store:
    """Record a whole session and return its journal."""
    session = session_of(folder, inputs or inputs_of(folder), **how)  # type: ignore[arg-type]
    session.run()
    session.stop("ended")
    return session.store


class Rewritten:
    """A journal in memory with other rows: what a tamperer with time on his hands could make.

    Args:
        store: The one it is made from.
        change: Returns what an entry becomes.
    """

    def __init__(self, store: Store, change: Callable[[Entry], Entry]) -> None:
        self.name = "rewritten"
        self._rows: list[Row] = []
        head = EMPTY
        for row in store.read():
            written = replace(chained(change(row.entry), head), dropped=row.dropped)
            head = replace(head, seq=written.entry.last_seq, hash=written.hash)
            self._rows.append(written)

    def read(self, after_seq: int = 0) -> Generator[Row, None, None]:
        """Yield the rows beyond a seq."""
        yield from (row for row in self._rows if row.entry.seq > after_seq)
