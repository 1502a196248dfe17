"""A swarm: many seeds on all cores, added up; it may be stopped at any time and gone on with."""

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from interlock.research.simulator.checks import Watchers
from interlock.research.simulator.run import STEPS, Result, run_seed
from interlock.research.simulator.totals import Totals, write_state

_AHEAD: Final = 4  # pieces of work that wait for each worker
_PIECE: Final = 8  # seeds in one piece

Ran = list[tuple[Result, float]]  # with the processor time of each
Told = Callable[[Totals], None]
Failed = Callable[[Result], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Swarm:
    """What is to be run.

    Attributes:
        first: The first seed.
        seeds: How many.
        steps: Of each.
        faults: Those that exist; None for what each seed draws.
        jobs: Processes.
        events: Enough of them end it before the last seed; 0 for no such end.
        state: Where it is written down how far it is.
    """

    first: int
    seeds: int
    steps: int = STEPS
    faults: frozenset[str] | None = None
    jobs: int = 1
    events: int = 0
    state: Path | None = None


def _piece(seeds: range, steps: int, faults: frozenset[str] | None, checks: Watchers) -> Ran:
    """Run some seeds in a worker."""
    found: Ran = []
    for seed in seeds:
        begun_s = time.process_time()
        result = run_seed(seed, steps=steps, faults=faults, checks=checks)
        found.append((result, time.process_time() - begun_s))
    return found


def run_swarm(
    swarm: Swarm, totals: Totals, checks: Watchers, *, tell: Told, failed: Failed
) -> Totals:
    """Run seeds until all are done, there are events enough, or somebody interrupts.

    Args:
        swarm: What is to be run.
        totals: Of those before; added to.
        checks: Makes the watchers of each world; a function of a module.
        tell: Told of the sums now and then.
        failed: Told of every seed that showed what must not be.

    Raises:
        KeyboardInterrupt: Somebody interrupted; what was run is written down.
    """
    pieces = deque(_pieces(swarm))
    running: deque[tuple[range, Future[Ran]]] = deque()
    # Not forked: a thread of the parent may hold a lock that nobody in the child would let go.
    pool = ProcessPoolExecutor(swarm.jobs, mp_context=get_context("spawn"))
    try:
        while pieces or running:
            while pieces and len(running) < swarm.jobs * _AHEAD:
                piece = pieces.popleft()
                job = pool.submit(_piece, piece, swarm.steps, swarm.faults, checks)
                running.append((piece, job))
            piece, job = running.popleft()
            for result, cpu_s in job.result():
                totals.add(result, cpu_s)
                if result.violation is not None:
                    failed(result)
            if swarm.state is not None:
                write_state(swarm.state, piece.stop, totals)
            tell(totals)
            if swarm.events and totals.total >= swarm.events:
                break
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return totals


def _pieces(swarm: Swarm) -> list[range]:
    end = swarm.first + swarm.seeds
    return [range(at, min(at + _PIECE, end)) for at in range(swarm.first, end, _PIECE)]
