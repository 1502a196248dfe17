"""Why a backtest sent an order or refused a signal: it is played again up to that decision."""

from interlock.kernel.codes import Kind
from interlock.kernel.records import Row
from interlock.kernel.state import StateArray
from interlock.research.backtest import Finished, play
from interlock.research.explanation import (
    Case,
    Explanation,
    Judged,
    Life,
    is_of,
    judged_alone,
    row_of,
)
from interlock.research.sizes import sizes_of
from interlock.runtime.ids import Id, IdError
from interlock.runtime.readable import rules_of, scale_of


def _state_at(finished: Finished, row: Row) -> StateArray | None:
    """Return the state with the gate's scratch just after ``row`` was decided, if it can be had."""
    seq = int(row["seq"])
    state = play(finished.inputs, finished.tape, stop_seq=seq).state
    if is_of(state, row):
        return state
    log = finished.recording.log
    event = log[(log["seq"] == seq) & (log["kind"] < Kind.SUBMIT)]
    if len(event) == 1 and seq > 1:
        before = play(finished.inputs, finished.tape, stop_seq=seq - 1).state
        state = judged_alone(finished.inputs.policy, before, event, row)
        if is_of(state, row):
            return state
    return None


def explain(finished: Finished, asked: Id) -> Explanation:
    """Return everything about one order or signal of a finished run.

    Raises:
        IdError: The run has no such order or signal.
    """
    log, inputs = finished.recording.log, finished.inputs
    row = row_of(log, asked)
    if row is None:
        orders = int(finished.recording.state["account"]["submitted"][0])
        raise IdError(
            f"{asked} must be an order or a signal of this run, and none of its {orders:,} orders "
            "and its signals has that id. Next: take one from orders.parquet."
        )
    instrument = int(row["instrument"])
    scale = scale_of(inputs.instruments[instrument])

    def judge(order: Row) -> Judged | None:
        state = _state_at(finished, order)
        if state is None:
            return None
        sizing = sizes_of(inputs.policy, scale, state, instrument)
        return Judged(rules=rules_of(state["verdicts"][0], scale), sizing=sizing)

    return Case(
        asked=asked,
        row=row,
        life=Life(log=log[log["instrument"] == instrument], scale=scale),
        symbol=inputs.sets[instrument].symbol,
        strategy=inputs.strategy.name,
        judge=judge,
    ).explained()
