"""Latches: who may stop what. A fixed table; the strictest latch in force is the trading state."""

from interlock.kernel.codes import ACCOUNT, Alarm, Cause, Kind, Level, Release, Scope
from interlock.kernel.compiled import compiled
from interlock.kernel.emit import alarm, next_row
from interlock.kernel.records import Row


@compiled
def level_over(state: Row, instrument: int) -> int:
    """Return the level of the strictest latch over an instrument and the strategy that owns it."""
    inst = state["instruments"][instrument]
    level = max(state["account"]["latch_level"], inst["latch_level"])
    owner = inst["owner"]
    if owner >= 0:
        level = max(level, state["strategies"][owner]["latch_level"])
    return int(level)


@compiled
def find_latch(state: Row, cause: int, scope: int, scope_id: int) -> int:
    """Return the latch's row, or -1."""
    latches = state["latches"]
    for index in range(state["account"]["latches"]):
        latch = latches[index]
        if latch["cause"] == cause and latch["scope"] == scope and latch["scope_id"] == scope_id:
            return index
    return -1


@compiled
def _recompute(state: Row, scope: int, scope_id: int) -> None:
    level = 0
    latches = state["latches"]
    for index in range(state["account"]["latches"]):
        latch = latches[index]
        if latch["scope"] == scope and latch["scope_id"] == scope_id:
            level = max(level, latch["level"])
    if scope == Scope.ACCOUNT:
        state["account"]["latch_level"] = level
    elif scope == Scope.STRATEGY:
        state["strategies"][scope_id]["latch_level"] = level
    else:
        state["instruments"][scope_id]["latch_level"] = level


@compiled
def _tell(state: Row, out: Row, kind: int, latch: Row, who: int) -> None:
    scope_id = latch["scope_id"]
    instrument = scope_id if latch["scope"] == Scope.INSTRUMENT else ACCOUNT
    strategy = scope_id if latch["scope"] == Scope.STRATEGY else ACCOUNT
    row = next_row(state=state, out=out, kind=kind, instrument=instrument, strategy=strategy)
    row["code"] = latch["cause"]
    row["level"] = latch["level"]
    row["value"] = latch["value"]
    row["limit"] = latch["limit"]
    row["payload_id"] = who
    row["src_ts_ns"] = latch["set_ns"]


@compiled
def set_latch(
    state: Row,
    out: Row,
    cause: int,
    scope: int,
    scope_id: int,
    level: int,
    release: int,
    cooldown_ns: int,
    value: int,
    limit: int,
    who: int,
) -> bool:
    """Set or raise a latch; return whether it is new or stricter than it was.

    A latch that is set already keeps its level if the new one is not stricter. What it waits for
    starts again when it follows a condition (that is still there) or measures from somewhere new
    (that was lost again); the same loss seen once more changes nothing. The last row of the table
    is kept for the halt of an account whose latches have no room any more.
    """
    assert level > Level.NONE
    assert cause != Cause.NONE
    account = state["account"]
    index = find_latch(state=state, cause=cause, scope=scope, scope_id=scope_id)
    if index < 0 and account["latches"] >= state["latches"].shape[0] - 1:
        alarm(state, out, Alarm.LATCH_TABLE_FULL, ACCOUNT, 0, account["latches"])
        cause = Cause.IMPOSSIBLE_STATE
        scope = Scope.ACCOUNT
        scope_id = ACCOUNT
        level = Level.KILLED if level >= Level.KILLED else Level.HALTED
        release = Release.PERSON
        index = find_latch(state=state, cause=cause, scope=scope, scope_id=scope_id)
    fresh = index < 0
    if fresh:
        index = account["latches"]
        account["latches"] = index + 1
        state["latches"][index]["level"] = 0
    latch = state["latches"][index]
    if not fresh and level <= latch["level"]:
        if latch["release"] & Release.CONDITION != 0 or limit != latch["limit"]:
            latch["met"] = 0
            latch["limit"] = limit
            latch["cooldown_until_ns"] = account["ts_ns"] + cooldown_ns
        return False
    latch["cooldown_until_ns"] = account["ts_ns"] + cooldown_ns
    latch["cause"] = cause
    latch["scope"] = scope
    latch["scope_id"] = scope_id
    latch["level"] = level
    latch["release"] = release
    latch["met"] = 0
    latch["set_ns"] = account["ts_ns"]
    latch["set_seq"] = account["seq"]
    latch["value"] = value
    latch["limit"] = limit
    latch["who"] = who
    _recompute(state=state, scope=scope, scope_id=scope_id)
    _tell(state=state, out=out, kind=Kind.LATCHED, latch=latch, who=who)
    return True


@compiled
def _remove(state: Row, out: Row, index: int, who: int) -> None:
    account = state["account"]
    latches = state["latches"]
    latch = latches[index]
    scope = latch["scope"]
    scope_id = latch["scope_id"]
    _tell(state=state, out=out, kind=Kind.RELEASED, latch=latch, who=who)
    last = account["latches"] - 1
    if index != last:
        latches[index] = latches[last]
    latches[last]["cause"] = Cause.NONE
    account["latches"] = last
    _recompute(state=state, scope=scope, scope_id=scope_id)


@compiled
def meet(state: Row, out: Row, index: int, what: int, who: int) -> bool:
    """Note that a part of what releases a latch has happened; return whether it is released."""
    latch = state["latches"][index]
    if latch["release"] & what == 0:
        return False
    latch["met"] |= what
    if latch["release"] & Release.COOLDOWN != 0:
        if state["account"]["ts_ns"] >= latch["cooldown_until_ns"]:
            latch["met"] |= Release.COOLDOWN
    if latch["met"] & latch["release"] == latch["release"]:
        _remove(state=state, out=out, index=index, who=who)
        return True
    return False


@compiled
def clear_condition(state: Row, out: Row, cause: int, scope: int, scope_id: int) -> None:
    """The measured value is back inside: release the latch if nothing else is missing."""
    index = find_latch(state=state, cause=cause, scope=scope, scope_id=scope_id)
    if index >= 0:
        meet(state=state, out=out, index=index, what=Release.CONDITION, who=0)


@compiled
def cool_down(state: Row, out: Row) -> None:
    """Release the latches whose cooldown was the last thing they waited for."""
    index = state["account"]["latches"] - 1
    now_ns = state["account"]["ts_ns"]
    while index >= 0:
        latch = state["latches"][index]
        if latch["release"] & Release.COOLDOWN != 0 and now_ns >= latch["cooldown_until_ns"]:
            meet(state=state, out=out, index=index, what=Release.COOLDOWN, who=0)
        index -= 1


@compiled
def session_began(state: Row, out: Row) -> None:
    """Note the new session on every latch that waits for one."""
    index = state["account"]["latches"] - 1
    while index >= 0:
        meet(state=state, out=out, index=index, what=Release.SESSION, who=0)
        index -= 1
