"""One backtest: signals, the loop, and how long the two took with the code already compiled."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from interlock.research.digest import inputs_digest, run_digest
from interlock.research.inputs import Inputs
from interlock.signals.rows import to_rows
from interlock.sim.host import Recording, Tape, run

Progress = Callable[[int, int], None]  # bars done, bars in all


def _nobody(_done: int, _total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Finished:
    """A run and what it was made of.

    Attributes:
        inputs: What went in.
        tape: What happened, in order.
        recording: What the loop left behind.
        inputs_sha256: Hash of the bars, the calendar and the venue.
        digest: Of the run.
        warm_s: Seconds of signals and loop.
    """

    inputs: Inputs
    tape: Tape
    recording: Recording
    inputs_sha256: str
    digest: str
    warm_s: float


def tape_of(inputs: Inputs) -> Tape:
    """Return the bars with the strategy's signals on them.

    Raises:
        StrategyError: The strategy failed.
    """
    parts = []
    for number, (each, position) in enumerate(
        zip(inputs.sets, inputs.merged.positions, strict=True)
    ):
        parts.append(
            to_rows(
                inputs.strategy.signals(each.frame),
                instrument=number,
                strategy=0,
                price_digits=each.instrument.price_digits,
                position=position,
                close_ns=each.close_ns,
            )
        )
    signals, places = parts[0]
    if len(parts) > 1:
        signals = np.concatenate([table for table, _ in parts])
        places = np.concatenate([place for _, place in parts])
        order = np.argsort(places, kind="stable")
        signals, places = signals[order], places[order]
    return Tape(bars=inputs.merged.bars, facts=inputs.facts, signals=signals, places=places)


def play(
    inputs: Inputs, tape: Tape, *, stop_seq: int = 0, progress: Progress = _nobody
) -> Recording:
    """Run the tape, to its end or to one event.

    Raises:
        KeyboardInterrupt: Somebody wants it to stop.
    """
    return run(
        inputs.policy,
        inputs.world,
        tape,
        cash_units=inputs.cash_units,
        tier=inputs.tier,
        operator=inputs.request.operator,
        stop_seq=stop_seq,
        progress=progress,
    )


def backtest(inputs: Inputs, progress: Progress = _nobody) -> Finished:
    """Run a backtest; the machine code is loaded already (``warming.warm``).

    Raises:
        StrategyError: The strategy failed.
        KeyboardInterrupt: Somebody wants it to stop; nothing was changed.
    """
    inputs_sha256 = inputs_digest(inputs)
    start = time.perf_counter()
    tape = tape_of(inputs)
    recording = play(inputs, tape, progress=progress)
    warm_s = time.perf_counter() - start
    return Finished(
        inputs=inputs,
        tape=tape,
        recording=recording,
        inputs_sha256=inputs_sha256,
        digest=run_digest(inputs, inputs_sha256, recording),
        warm_s=warm_s,
    )
