"""What runs in the two processes under a supervisor, or as units of their own in production."""

import os
import sys
from contextlib import closing

from interlock.app.archive import check_not_archiving
from interlock.app.child import die_with, tell_line
from interlock.app.engine import EngineOptions, run_engine
from interlock.app.journal_place import place_of
from interlock.app.launch import Launch
from interlock.app.processes import STORE_FAILED
from interlock.app.session import Session, open_session
from interlock.app.summary import Place, last_words, place_in
from interlock.app.venue import run_venue
from interlock.config.errors import PolicyError
from interlock.journal.errors import JournalError, StoreError
from interlock.journal.opening import open_store
from interlock.runtime.engine import Superseded
from interlock.venues.simulated.ledger import LedgerError
from interlock.venues.simulated.place import VenueError


def opened(launch: Launch) -> Session:
    """Return the session of a process.

    Raises:
        PolicyError: Every problem of every file.
    """
    session = open_session(launch.config_file, launch.changes())
    check_not_archiving(session.home)
    return session


def run_engine_process(launch: Launch, *, stop_at_end: bool, guardian: int) -> int:
    """Run the engine, and say at the end what its journal says; return the exit code.

    Raises:
        REFUSALS: Something that a person has to look at.
    """
    die_with(guardian)
    session = opened(launch)
    before = _place_before(session)
    options = EngineOptions(loosen=launch.loosen, stop_at_end=stop_at_end, guardian=guardian)
    try:
        why = run_engine(session, options, tell_line)
    except Superseded as error:
        raise PolicyError(str(error)) from error  # to start again would take the account back
    except StoreError as error:
        sys.stderr.write(f"{error}\n")  # its place may be there again when it is opened anew
        return STORE_FAILED
    account = session.configuration.system.account.name
    with closing(open_store(place_of(session), account=account, read_only=True)) as store:
        said = last_words(store, counts_reasons=True)
        stood = before is not None and before.feed == place_in(store).feed
    ended_before = stood and str(why) == "ended"
    tell_line("stopped", {"why": str(why), "ended_before": ended_before, **(said or {})})
    return 0


def _place_before(session: Session) -> Place | None:
    """Return where the recording was when somebody stopped the last time; None when unknown."""
    account = session.configuration.system.account.name
    if not session.configuration.system.journal.url and not os.path.lexists(session.home.journal):
        return None
    try:
        with closing(open_store(place_of(session), account=account, read_only=True)) as store:
            return place_in(store)
    except JournalError:
        return None  # opening it for good says why


def run_venue_process(launch: Launch, *, guardian: int) -> None:
    """Run the simulated venue.

    Raises:
        REFUSALS: Something that a person has to look at.
    """
    try:
        run_venue(opened(launch), guardian)
    except (VenueError, LedgerError) as error:
        raise PolicyError(str(error)) from error
