"""Beginning: what an engine writes before it speaks to anybody, and the parts it is joined from."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from interlock.journal.errors import JournalError
from interlock.journal.rows import Entry, RowKind
from interlock.kernel.codes import ACCOUNT, Cause, Level
from interlock.kernel.policy import PolicyArray
from interlock.kernel.state import new_state
from interlock.runtime.clock import Clock
from interlock.runtime.decide import Decider
from interlock.runtime.engine import Engine, Watcher
from interlock.runtime.entries import Said, Tier, layout_digest, said_entry
from interlock.runtime.inbox import Inbox, Room
from interlock.runtime.link import Link
from interlock.runtime.names import Names
from interlock.runtime.reconcile import account_is_held, halt_row
from interlock.runtime.recover import FORMAT, Recovered
from interlock.runtime.turns import Scale, Turns
from interlock.venues.port import Codec

STRATEGIES: Final = "strategies"  # in the note of a start


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Setup:
    """What an account trades with.

    Attributes:
        account: Its name.
        mode: ``paper``.
        currency: What its money is counted in.
        cash_units: What it began with.
        tier: Capacities.
        policy: Shape (1,).
        canonical: What the policy was made from.
        scales: Of the instruments, by their numbers.
        strategies: Names, by their numbers.
        begin_ns: Before anything a recording tells; None where the clock says what time it is.
        said: For the note of this start: version, build, data, strategy.
        simulated_operator: Whether a recording has a simulated person beside it.
    """

    account: str
    mode: str
    currency: str
    cash_units: int
    tier: Tier
    policy: PolicyArray
    canonical: bytes
    scales: Sequence[Scale]
    strategies: Sequence[str]
    begin_ns: int | None
    said: Said
    simulated_operator: bool = False


def _genesis(setup: Setup, identity: str = "") -> Said:
    return {
        "account": setup.account,
        "cash_units": setup.cash_units,
        "currency": setup.currency,
        "format": FORMAT,
        "id": identity or uuid.uuid4().hex,
        "instruments": _instruments(setup),
        "layout": layout_digest(setup.tier),
        "mode": setup.mode,
        "strategies": list(setup.strategies),
        "tier": list(setup.tier),
    }


def _instruments(setup: Setup) -> list[Said]:
    return [
        {"symbol": one.symbol, "price_digits": one.price_digits, "qty_digits": one.qty_digits}
        for one in setup.scales
    ]


def strategies_in(genesis: Said, start: Said) -> list[str]:
    """Return the names of a journal's strategies, by their numbers.

    Args:
        genesis: What its first row says.
        start: What the last start said, which may have named more; nothing before the first.
    """
    return list(map(str, start.get(STRATEGIES) or genesis["strategies"]))


def check_same_account(setup: Setup, genesis: Said) -> None:
    """See that a journal is of the account that is asked for.

    Raises:
        JournalError: Another account, other instruments or other strategies; all of it is said.
    """
    asked = _genesis(setup)
    asked["strategies"] = asked["strategies"][: len(genesis["strategies"])]  # more may be named
    wrong = [
        f"{name} must be {_short(genesis[name])}, was {_short(asked[name])}"
        for name in ("account", "mode", "currency", "tier", "instruments", "strategies")
        if genesis[name] != asked[name]
    ]
    if wrong:
        raise JournalError(
            f"this home's journal belongs to another account: {'; '.join(wrong)}. Next: run it "
            "with the configuration it began with, or give this one a home of its own "
            "(INTERLOCK_HOME)."
        )


def _short(value: object) -> str:
    """Return a value of a genesis in a few words."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return ", ".join(str(one["symbol"]) for one in value)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Begun:
    """An engine that may be driven.

    Attributes:
        engine: Entries are held over the whole account until it has reconciled.
        names: Of its orders.
        genesis: What the journal's first row says.
        first: Entries that come before all of the engine's own.
    """

    engine: Engine
    names: Names
    genesis: Said
    first: list[Entry]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parts:
    """What an engine is joined with.

    Attributes:
        codec: Of the venue.
        turns: The strategies.
        clock: This machine's.
        room: Of the inbox.
        answer_ns: How long a venue may take to answer.
        look_ns: How often positions are compared with the venue's.
        watch: Told of everything that is decided.
    """

    codec: Codec
    turns: Turns
    clock: Clock
    room: Room
    answer_ns: int
    look_ns: int
    watch: Watcher


def begin(
    setup: Setup,
    parts: Parts,
    recovered: Recovered | None,
    *,
    epoch: int,
    seen: Callable[[bytes], bool],
    killed: bool,
    identity: str = "",
) -> Begun:
    """Return the engine of an account, with what it writes first.

    Args:
        setup: What it trades with.
        parts: What it is joined with.
        recovered: What its journal says; None when there is none yet.
        epoch: Greater than any before it.
        seen: Asks the journal for the key of a fill.
        killed: Whether the kill latch is missing or cannot be read; what it says is for
            ``stopping``.
        identity: Of a new journal; where it is empty, one is drawn.

    Raises:
        JournalError: The journal is of another account.
    """
    now_ns = parts.clock.now_ns() if setup.begin_ns is None else setup.begin_ns
    first: list[Entry] = []
    if recovered is None:
        genesis = _genesis(setup, identity)
        first.append(said_entry(RowKind.GENESIS, 1, now_ns, genesis))
        state = new_state(setup.cash_units, setup.tier)
        decider = Decider(setup.policy.copy(), state, seq=1, ts_ns=now_ns)
        starts: list[tuple[int, int]] = []
        feed = 0
    else:
        genesis = recovered.genesis
        check_same_account(setup, genesis)
        kept = recovered.remembered
        decider = Decider(recovered.policy, recovered.state, seq=kept.seq, ts_ns=kept.ts_ns)
        starts = kept.starts
        feed = kept.feed
    note_seq = decider.seq + 1
    names = Names([*starts, (note_seq, epoch)])
    link = Link(
        parts.codec,
        names,
        decider,
        parts.clock,
        seen=lambda key: engine.fills.knows(key),  # noqa: PLW0108 - the engine comes after it
        answer_ns=parts.answer_ns,
        look_ns=parts.look_ns,
    )
    link.replay = setup.begin_ns is not None
    engine = Engine(
        decider,
        link,
        parts.codec,
        Inbox(parts.room),
        parts.turns,
        parts.clock,
        seen=seen,
        feed=feed,
        watch=parts.watch,
        simulated_operator=setup.simulated_operator,
    )
    engine.epoch = epoch
    said = {**setup.said, "what": "start", "epoch": epoch, "wall_ns": parts.clock.now_ns()}
    if engine.note(said) != note_seq:
        raise JournalError("the note of a start must come first")
    _hold(engine, setup, killed=killed)
    return Begun(engine=engine, names=names, genesis=genesis, first=first)


def _hold(engine: Engine, setup: Setup, *, killed: bool) -> None:
    """Let the policy hold, and hold entries until the venue was asked."""
    same = engine.decider.policy.tobytes() == setup.policy.tobytes()
    if not same or engine.decider.state["account"]["policy_seq"][0] == 0:
        engine.set_policy(setup.policy, setup.canonical)
    if killed:
        engine.operate(halt_row(ACCOUNT, Level.HALTED, engine.now_ns(), Cause.KILL_FILE))
    if not account_is_held(engine.decider.state):
        engine.operate(halt_row(ACCOUNT, Level.PAUSED, engine.now_ns()))
    if engine.turns.failure is not None:
        engine.operate(engine.turns.pause(engine.now_ns()))
    while engine.work():
        pass
