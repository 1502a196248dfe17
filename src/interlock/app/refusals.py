"""What a person did or has to know; anything else is a bug and shows where it is."""

from typing import Final

from interlock.config.errors import PolicyError
from interlock.data.errors import DATA_ERRORS
from interlock.journal.errors import JournalError
from interlock.research.saved import OutputError
from interlock.research.simulator.faults import SimulationError
from interlock.runtime.asking import AskError
from interlock.runtime.ids import IdError
from interlock.signals.frames import StrategyError

REFUSALS: Final = (
    *DATA_ERRORS,
    AskError,
    IdError,
    JournalError,
    OutputError,
    PolicyError,
    SimulationError,
    StrategyError,
)
