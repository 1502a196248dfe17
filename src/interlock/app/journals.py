"""Journals for whoever only reads them: the home's own, one put aside, or one that is named."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from interlock.app.journal_place import place_of
from interlock.app.launch import Launch, read_launch
from interlock.app.session import Session
from interlock.app.summary import last_words
from interlock.config.settings import read_settings
from interlock.journal.errors import DamageError, JournalError
from interlock.journal.opening import is_server, open_store
from interlock.journal.port import Store
from interlock.journal.rows import Row
from interlock.journal.verify import Verified
from interlock.ops.integrity import (
    Place,
    export_journal,
    rows_between,
    snapshot_journal,
    verify_journal,
)
from interlock.research.explanation import Explanation
from interlock.research.inputs import read_rules
from interlock.research.journal_explain import explain_journal
from interlock.research.parity import Parity, parity
from interlock.research.replay import Replayed, verify_replay
from interlock.research.warming import Told as Compiling
from interlock.research.warming import warm
from interlock.research.what_if import WhatIf, what_if
from interlock.runtime.entries import Said
from interlock.runtime.replaying import ReplayError

JOURNAL_NAME: Final = "journal.db"
HEADS_NAME: Final = "heads.jsonl"

Counted = Callable[[int], None]
_WIDTH: Final = 12


class DifferentError(ValueError):
    """A journal is not what was written, or does not replay to what it says.

    Attributes:
        facts: The first bad record and what was done to it, where that is known.
    """

    def __init__(self, message: str, facts: Said) -> None:
        super().__init__(message)
        self.facts = facts


@contextmanager
def _different() -> Iterator[None]:
    """Tell what is wrong with a journal from what is wrong with a question."""
    try:
        yield
    except DamageError as error:
        facts = {"seq": error.seq, "damage": error.damage}
        raise DifferentError(str(error), facts) from error
    except ReplayError as error:
        raise DifferentError(str(error), {}) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """A journal that is what was written.

    Attributes:
        journal: Where it is.
        rows: How many.
        records: In them.
        head_seq: Of its last record.
        head_hash: Of its last row, in hexadecimal.
        dropped: Rows of market data whose content was dropped after its retention.
        anchors: How many heads that were written down elsewhere agree.
        anchored_seq: Of the newest of them; 0 without any.
        file: What was written of it; nothing where nothing was to be.
        file_bytes: How large that is.
    """

    journal: str
    rows: int
    records: int
    head_seq: int
    head_hash: str
    dropped: int
    anchors: int
    anchored_seq: int
    file: str = ""
    file_bytes: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return {"ok": True, **asdict(self)}

    def lines(self) -> Iterator[str]:
        """Yield it for people."""
        counts = f"{self.records:,} records in {self.rows:,} rows"
        yield f"{self.journal} is what was written: {counts}."
        yield f"{'head':<{_WIDTH}}record {self.head_seq:,}, hash {self.head_hash}"
        if self.anchors:
            beyond = self.head_seq - self.anchored_seq
            more = f"; {beyond:,} records since were written down nowhere else" if beyond else ""
            newest = f"the newest at record {self.anchored_seq:,}"
            yield f"{'anchors':<{_WIDTH}}{self.anchors:,} agree, {newest}{more}"
        else:
            yield f"{'anchors':<{_WIDTH}}none: one that was cut off or made anew looks the same"
        if self.dropped:
            yield f"{'dropped':<{_WIDTH}}{self.dropped:,} rows of market data, after retention"
        if self.file:
            yield f"{'written':<{_WIDTH}}{self.file}, {self.file_bytes:,} bytes"


def _sound(found: Verified, *, file: str = "", file_bytes: int = 0) -> Sound:
    return Sound(
        journal=found.name,
        rows=found.rows,
        records=found.records,
        head_seq=found.head.seq,
        head_hash=found.head.hash.hex(),
        dropped=found.dropped,
        anchors=found.anchors,
        anchored_seq=found.anchored_seq,
        file=file,
        file_bytes=file_bytes,
    )


def is_journal(where: str) -> bool:
    """Return whether a place is a journal's, and not a backtest's."""
    path = Path(where)
    return is_server(where) or path.is_file() or (path / JOURNAL_NAME).is_file()


def _home_place() -> Place:
    """Return where the home's own journal is, as ``interlock.toml`` says.

    Raises:
        PolicyError: Every problem of the files that say it.
    """
    launch = Launch()
    settings, home, configuration = read_launch(launch)
    session = Session(
        settings=settings,
        home=home,
        config_file=None,
        changes=launch.changes(),
        configuration=configuration,
    )
    return Place(
        journal=place_of(session),
        account=configuration.system.account.name,
        anchors=(home.heads, *map(Path, configuration.system.journal.anchors)),
    )


def place_named(text: str | None, anchors: Sequence[Path] = ()) -> Place:
    """Return where a journal is.

    Args:
        text: A file, a folder that an account was put aside in, or a server's URL; None is the
            home's own.
        anchors: Files with its anchors, besides those that belong to it.

    Raises:
        PolicyError: The home's own was meant, and the files that say where it is are bad.
        JournalError: A file of anchors is not there.
    """
    for path in anchors:
        if not path.exists():
            raise JournalError(f"{path} must be a file of anchors, and is not there.")
    if text is None:
        found = _home_place()
        return Place(
            journal=found.journal, account=found.account, anchors=(*found.anchors, *anchors)
        )
    if is_server(text):
        name = _home_place().account
        return Place(journal=text, account=name, anchors=tuple(anchors))
    path = Path(text)
    if path.is_dir():
        return Place(journal=path / JOURNAL_NAME, anchors=(path / HEADS_NAME, *anchors))
    return Place(journal=path, anchors=tuple(anchors))


@contextmanager
def _opened(place: Place) -> Iterator[Store]:
    with closing(open_store(place.journal, account=place.account, read_only=True)) as store:
        yield store


# --- the journal itself -------------------------------------------------------------------------


def run_verify(place: Place, tell: Counted) -> Sound:
    """Walk a whole journal and compare it with its anchors.

    Raises:
        DifferentError: It names the first bad record and what was done to it.
        JournalError: It cannot be opened.
    """
    with _different():
        return _sound(verify_journal(place, on_progress=tell))


def run_show(place: Place, *, from_seq: int | None, to_seq: int | None, last: int) -> Iterator[Row]:
    """Yield rows, sound or not.

    Args:
        place: Of the journal.
        from_seq: The first record; None for ``last`` records before ``to_seq``.
        to_seq: The last one; None for the same one, or the journal's end.
        last: How many, where ``from_seq`` is None.

    Raises:
        JournalError: There is no such record, or it cannot be read.
    """
    if from_seq is not None:
        return rows_between(place, from_seq, from_seq if to_seq is None else to_seq)
    with _opened(place) as store:
        end_seq = store.head().seq if to_seq is None else to_seq
        if end_seq == 0:
            raise JournalError(f"journal {store.name} is empty. Next: interlock run writes one.")
    return rows_between(place, max(1, end_seq - last + 1), end_seq)


def run_export(place: Place, path: Path, tell: Counted) -> Sound:
    """Write every row as a line of JSON.

    Raises:
        DifferentError: The journal is damaged, and nothing is left of the file.
        JournalError: The file is there already, or cannot be written.
    """
    with _different():
        found = export_journal(place, path, on_progress=tell)
    return _sound(found.verified, file=str(found.path), file_bytes=found.size_bytes)


def run_snapshot(place: Place, path: Path, tell: Counted) -> Sound:
    """Copy a journal into a file while the engine runs.

    Raises:
        DifferentError: The journal is damaged, and nothing is left of the copy.
        JournalError: The copy is there already, or cannot be written.
    """
    with _different():
        found = snapshot_journal(place, path, on_progress=tell)
    return _sound(found.verified, file=str(found.path), file_bytes=found.size_bytes)


# --- what was decided ---------------------------------------------------------------------------


def run_replay(place: Place, compiling: Compiling, tell: Counted) -> Replayed:
    """Replay a whole journal, bit for bit.

    Raises:
        DifferentError: It does not replay to what it says.
        JournalError: It cannot be replayed by this version of Interlock.
    """
    warm(compiling)
    with _different(), _opened(place) as store:
        return verify_replay(store, tell)


def run_what_if(
    place: Place, compiling: Compiling, tell: Counted, *, policy: Path | None, breakers: Path | None
) -> WhatIf:
    """Judge every decision of a journal again under other rules.

    Args:
        place: Of the journal.
        compiling: Told what is compiled.
        tell: Told how many events are done.
        policy: A risk policy; None is the home's own, else the shipped one.
        breakers: Circuit breakers, likewise.

    Raises:
        PolicyError: The rules cannot be used.
        DifferentError: It does not replay to what it says.
        JournalError: The journal cannot be replayed.
    """
    rules = read_rules(read_settings(), policy, breakers)
    warm(compiling)
    with _different(), _opened(place) as store:
        return what_if(store, rules, tell)


def run_explain_journal(place: Place, name: str, compiling: Compiling) -> Explanation:
    """Explain one order or signal of a journal.

    Raises:
        IdError: The journal has none of that id.
        JournalError: It cannot be read.
    """
    warm(compiling)
    with _opened(place) as store:
        return explain_journal(store, name)


def run_parity(place: Place, compiling: Compiling, tell: Counted) -> Parity:
    """Compare a recorded session with its backtest and its own replay.

    Raises:
        JournalError: The journal cannot be replayed.
        StrategyError: Its strategy is not there any more.
    """
    warm(compiling)
    with _opened(place) as store:
        return parity(store, tell)


def last_said() -> Said | None:
    """Return what the home's journal says last; None when there is none, or it cannot be read."""
    try:
        place = _home_place()
        with _opened(place) as store:
            return last_words(store, counts_reasons=False)
    except ValueError:  # whoever wants to know why asks for the journal itself
        return None
