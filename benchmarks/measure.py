"""Measures our own side: speed, growth, memory, the gate and the step."""

import statistics
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from benchmarks.conductor import OURS, REFERENCE, Job, Say, Series, interleave
from benchmarks.figures import Figure, NotMeasuredError
from benchmarks.workloads import LARGE, SMALL, Workload, trades_agree

MIB: Final = 2**20
GATED_ORDERS: Final = 1_000_000
STEPS: Final = 100_000


def speed(blank: Figure, workload: Workload, rounds: int, say: Say) -> Figure:
    """Measure warm bars per second, and the bare loop's in the same rounds."""
    measured = everyone([workload.ours(), workload.reference()], rounds, say)
    ours, reference = measured[OURS], measured[REFERENCE]
    return replace(
        blank,
        measured=ours.bars_per_s,
        how=f"{ours.trades:,} trades; the bare loop is {ratio(reference, ours):.1f} x faster",
        void=different_work(workload, ours, reference),
    )


def growth_in_bars(blank: Figure, bars_max: int, rounds: int, say: Say) -> Figure:
    """Measure whether a bar costs the same in a long run as in a short one."""
    sizes = [bars for bars in (100_000, 1_000_000, 10_000_000) if bars <= bars_max]
    return growth(blank, [Workload(bars=bars, rules="level") for bars in sizes], rounds, say)


def growth_in_orders(blank: Figure, rounds: int, say: Say) -> Figure:
    """Measure whether a bar costs the same after many orders: here every flat bar enters."""
    sizes = (SMALL.bars, LARGE.bars)
    return growth(blank, [Workload(bars=bars, rules="dense") for bars in sizes], rounds, say)


def growth(blank: Figure, workloads: Sequence[Workload], rounds: int, say: Say) -> Figure:
    """Run every size in turn and compare the cost of a bar in the last and in the first."""
    jobs: list[Job] = []
    for workload in workloads:
        jobs.append(workload.ours(name=f"{OURS} {workload.bars:,}"))
        jobs.append(workload.reference(name=f"{REFERENCE} {workload.bars:,}"))
    measured = list(everyone(jobs, rounds, say).values())
    ours, loops = measured[0::2], measured[1::2]
    costs = " -> ".join(f"{series.ns_per_bar:.1f}" for series in ours)
    trades = " -> ".join(f"{series.trades:,}" for series in ours)
    voids = [different_work(*one) for one in zip(workloads, ours, loops, strict=True)]
    return replace(
        blank,
        measured=ratio_per_bar(ours[0], ours[-1]),
        how=f"{costs} ns a bar; {trades} trades; the bare loop "
        f"{ratio_per_bar(loops[0], loops[-1]):.2f} x",
        void="; ".join(filter(None, voids)),
    )


def memory(blank: Figure, workload: Workload, say: Say) -> Figure:
    """Measure the peak of a process that runs against one that only loads the same bars."""
    jobs = [workload.ours("load", name="loading"), workload.ours(name="running")]
    measured = everyone(jobs, 0, say)
    loaded, ran = measured["loading"].peak_rss_mib, measured["running"].peak_rss_mib
    return replace(
        blank,
        measured=(ran - loaded) * MIB / (workload.bars * workload.instruments),
        how=f"{workload.title}: {ran:.0f} MiB with a run, {loaded:.0f} MiB without",
    )


def gate(blank: Figure, rounds: int, say: Say) -> Figure:
    """Measure orders judged per second in a compiled loop."""
    series = alone(replace(LARGE, bars=GATED_ORDERS).ours("gate"), rounds, say)
    how = f"{series.ns_per_bar:.0f} ns each"
    return replace(blank, measured=series.bars_per_s, how=how, void=not_all(series))


def step(blank: Figure, rounds: int, say: Say) -> Figure:
    """Measure one event from Python, in microseconds."""
    series = alone(replace(LARGE, bars=STEPS).ours("step"), rounds, say)
    return replace(
        blank, measured=series.ns_per_bar / 1_000, how="bar events", void=not_all(series)
    )


def everyone(jobs: Sequence[Job], rounds: int, say: Say) -> dict[str, Series]:
    """Run all jobs.

    Raises:
        NotMeasuredError: One of them failed.
    """
    measured, failed = interleave(jobs, rounds, say)
    if failed:
        raise NotMeasuredError("; ".join(f"{name}: {why}" for name, why in failed.items()))
    return measured


def alone(job: Job, rounds: int, say: Say) -> Series:
    """Run one job."""
    return everyone([job], rounds, say)[job.name]


def ratio(small: Series, large: Series) -> float:
    """Return how much longer ``large`` takes than ``small``, round by round."""
    return statistics.median(
        more / less for less, more in zip(small.seconds, large.seconds, strict=True)
    )


def ratio_per_bar(small: Series, large: Series) -> float:
    """Return the same for one bar of each."""
    return ratio(small, large) * small.job.bars / large.job.bars


def different_work(workload: Workload, ours: Series, reference: Series) -> str:
    """Return why a comparison is void, or nothing."""
    if not workload.reference_is_right(reference):
        return f"the bare loop must find {workload.trades:,} trades, was {reference.trades:,}"
    if not trades_agree(ours, reference):
        return f"trades must be within 1 % of {reference.trades:,}, was {ours.trades:,}"
    return ""


def not_all(series: Series) -> str:
    """Return that not everything asked for was done, or nothing."""
    if series.trades == series.job.bars:
        return ""
    return f"{series.job.bars:,} must be done, was {series.trades:,}"
