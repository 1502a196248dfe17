"""What a person did or has to know; anything else is a bug and shows where it is."""

from typing import Final

from interlock.app.people import PeopleError
from interlock.config.errors import PolicyError
from interlock.data.errors import DATA_ERRORS
from interlock.journal.errors import JournalError
from interlock.ops.audit_check import AuditError
from interlock.research.saved import OutputError
from interlock.research.simulator.faults import SimulationError
from interlock.runtime.asking import AskError
from interlock.runtime.ids import IdError
from interlock.service.database import DatabaseError
from interlock.signals.frames import StrategyError

REFUSALS: Final = (
    *DATA_ERRORS,
    AskError,
    AuditError,
    DatabaseError,
    IdError,
    JournalError,
    OutputError,
    PeopleError,
    PolicyError,
    SimulationError,
    StrategyError,
)
