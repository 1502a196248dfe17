"""The bars that are run, and how many trades the bare loop must find on them."""

from dataclasses import dataclass
from typing import Final

from benchmarks import folders
from benchmarks.conductor import OURS, REFERENCE, Job, Series

TRADES_TOLERANCE: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Bars and rules.

    Attributes:
        bars: Per instrument; more than the file has repeats it.
        trades: Of the bare loop; 0 where no number was written down before.
        rules: A key of ``benchmarks.workers.common.RULES``.
    """

    file: str = folders.ONE
    bars: int
    instruments: int = 1
    trades: int = 0
    rules: str = "plain"

    @property
    def title(self) -> str:
        """Return it for people."""
        return f"{self.instruments} x {self.bars:,} bars"

    def job(self, name: str, module: str, variant: str = "") -> Job:
        """Return a job on these bars in our own environment."""
        return Job(
            name=name,
            module=module,
            path=folders.bars_path(self.file),
            bars=self.bars,
            instruments=self.instruments,
            rules=self.rules,
            variant=variant,
        )

    def ours(self, variant: str = "", name: str = OURS) -> Job:
        """Return our own job."""
        return self.job(name, "benchmarks.ours", variant)

    def reference(self, name: str = REFERENCE) -> Job:
        """Return the bare loop's job."""
        return self.job(name, "benchmarks.workers.reference_worker")

    def reference_is_right(self, reference: Series) -> bool:
        """Say whether the bare loop found what it always found."""
        return self.trades in {0, reference.trades}


SMALL: Final = Workload(bars=100_000, trades=1_315)
LARGE: Final = Workload(bars=1_000_000, trades=13_181)
SHARED_CASH: Final = Workload(file=folders.TWENTY, bars=100_000, instruments=20, trades=16_855)


def trades_agree(one: Series, reference: Series) -> bool:
    """Say whether two runs did the same work."""
    return abs(one.trades - reference.trades) <= TRADES_TOLERANCE * reference.trades
