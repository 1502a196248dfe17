"""What a probe may ask about: every instrument of the file, also those that are not traded."""

from pathlib import Path
from typing import Final

from interlock.app.reloading import Reloading
from interlock.config.build import build_policy
from interlock.config.errors import PolicyError
from interlock.config.settings import Settings
from interlock.data.errors import InstrumentError
from interlock.data.instruments import Instrument, load_instruments
from interlock.data.pairs import known_symbol
from interlock.kernel.codes import Feed
from interlock.kernel.records import Row
from interlock.research.inputs import Inputs, instruments_file
from interlock.runtime.asking import AskError
from interlock.runtime.clock import NS_PER_S
from interlock.runtime.probing import Described

# Of an instrument without bars nobody knows their length; it decides how old a number may be.
PERIOD_NS: Final = 60 * NS_PER_S


class Known:
    """The instruments that may be asked about, and their rows of the policy that holds.

    The file is read once: a probe is answered in the engine's own thread.

    Args:
        settings: Of the surroundings.
        inputs: Of the run; what is traded comes first.
        reloading: Knows the rules that hold.
    """

    def __init__(self, settings: Settings, inputs: Inputs, reloading: Reloading) -> None:
        path = instruments_file(settings, inputs.request.instruments)
        self._instruments = _others(path)
        self._traded = frozenset(one.symbol for one in inputs.instruments)
        self._instruments.update({one.symbol: one for one in inputs.instruments})
        self._inputs = inputs
        self._reloading = reloading

    def describe(self, written: str) -> Described | None:
        """Return what is known of a symbol, however its pair is separated; None for no symbol.

        Raises:
            AskError: The rules cannot express a limit of it.
        """
        symbol = known_symbol(written, self._instruments)
        if symbol is None:
            return None
        instrument = self._instruments[symbol]
        if symbol in self._traded:
            return Described(instrument=instrument, row=None)
        try:
            return Described(instrument=instrument, row=self._row(instrument))
        except PolicyError as error:
            raise AskError(str(error)) from error

    def _row(self, instrument: Instrument) -> Row:
        rules, name = self._reloading.rules, self._inputs.strategy.name
        policy = build_policy(
            rules.policy,
            rules.breakers,
            [instrument],
            [name],
            periods_ns=[PERIOD_NS],
            feeds=[Feed.BAR],
            native_oco=True,
        )
        row: Row = policy["instruments"][0, 0]
        return row


def _others(path: Path) -> dict[str, Instrument]:
    """Return what a file describes; an unreadable one, which a run does without, has nothing."""
    try:
        return dict(load_instruments(path))
    except InstrumentError:
        return {}
