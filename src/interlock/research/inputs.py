"""From what a person asked for to what the kernel needs: bars, rules, calendar, and the venue."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np

import interlock.config
from interlock.config.build import build_policy, unused_names
from interlock.config.canonical import canonical_bytes
from interlock.config.convert import UNITS_PER_CURRENCY
from interlock.config.errors import PolicyError
from interlock.config.load import read_breakers, read_policy
from interlock.config.risk_policy import RiskPolicy
from interlock.config.settings import BREAKERS_NAME, INSTRUMENTS_NAME, POLICY_NAME, Settings
from interlock.config.system_breakers import CircuitBreakers
from interlock.data.bars import (
    SAMPLE_PREFIX,
    BarSet,
    check_together,
    load_bars,
    sample_path,
)
from interlock.data.blackouts import Blackout, load_blackouts
from interlock.data.calendars import boundaries, horizon_notes
from interlock.data.errors import BarError
from interlock.data.instruments import Instrument, InstrumentClass, load_instruments
from interlock.data.merge import Merged, merge
from interlock.data.zones import find_zone
from interlock.kernel.codes import Feed, Kind, Settle
from interlock.kernel.policy import LARGE, SMALL, PolicyArray
from interlock.kernel.records import Rows, rows
from interlock.signals.loading import DEFAULT, load_strategy
from interlock.signals.parameters import read_settings
from interlock.signals.strategy import Strategy
from interlock.sim.host import Tier
from interlock.sim.venue import RATE_PARTS
from interlock.sim.world import WorldArray, new_world

CASH_MAX: Final = Decimal(1_000_000_000)
# Nobody knows what was traded in these: their volume counts changes of the price.
TICK_VOLUME: Final = frozenset({InstrumentClass.FX, InstrumentClass.METAL, InstrumentClass.INDEX})
NS_PER_MS: Final = 1_000_000
NS_PER_HOUR: Final = 3_600_000_000_000
_OFF: Final = "none"

Told = Callable[[str], None]  # what is being done, for people who wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a person asked for.

    Attributes:
        paths: Files of bars, ``sample:NAME`` among them.
        strategy: A built-in one, or ``path/to/file.py:ClassName``.
        parameters: ``strategy.key=value`` each.
        symbols: Instead of those in the files' names; none, or one per file.
        cash: What the account holds at the start.
        operator: Whether a simulated person releases latches.
        repair: Whether to mend bad bars.
        time_zone: Of times without one.
        instruments: The user's instruments file.
        blackouts: A calendar of windows without entries.
    """

    paths: tuple[str, ...]
    strategy: str = DEFAULT
    parameters: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    cash: Decimal = Decimal(100_000)
    operator: bool = True
    repair: bool = False
    time_zone: str | None = None
    instruments: Path | None = None
    blackouts: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The policy and the breakers that hold, and where they came from."""

    policy: RiskPolicy
    breakers: CircuitBreakers
    notes: tuple[str, ...] = ()

    @property
    def assumed_cost_bps(self) -> float:
        """What a round trip is assumed to cost before its size and the market are known."""
        costs = self.policy.execution_costs
        return float(2 * (costs.assumed_fee * 10_000 + costs.slippage.base_slippage_bps))

    def content(self) -> bytes:
        """Return everything that decides, as canonical JSON."""
        return canonical_bytes(self.policy, self.breakers)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Inputs:
    """Everything a run needs.

    Attributes:
        request: What was asked for.
        rules: The policy and the breakers.
        sets: The bars, one set per instrument; an instrument's number is its place here.
        merged: The same bars in one array.
        strategy: With its parameters.
        policy: Shape (1,), the kernel's record.
        world: Shape (1,), the venue's rules.
        facts: Shape (n,), dtype ROW, by time: days, sessions, blackouts, funding.
        tier: Capacities.
        cash_units: Of the account at the start.
        notes: For the report.
    """

    request: Request
    rules: Rules
    sets: tuple[BarSet, ...]
    merged: Merged
    strategy: Strategy
    policy: PolicyArray
    world: WorldArray
    facts: Rows
    tier: Tier
    cash_units: int
    notes: tuple[str, ...]

    @property
    def currency(self) -> str:
        """What the account is counted in: the quote currency of every instrument."""
        return self.sets[0].instrument.quote

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """In the order of their numbers."""
        return tuple(each.instrument for each in self.sets)


def read_rules(settings: Settings, policy: Path | None, breakers: Path | None) -> Rules:
    """Return the rules in these files, else in the home's, else the shipped ones.

    Raises:
        PolicyError: Every problem of a file.
    """
    risk = read_policy(settings.config_file(POLICY_NAME, policy))
    circuit = read_breakers(settings.config_file(BREAKERS_NAME, breakers))
    return Rules(
        policy=risk.model,
        breakers=circuit.model.circuit_breakers,
        notes=(f"Rules: {risk.source} and {circuit.source}.",),
    )


def instruments_file(settings: Settings, given: Path | None) -> Path:
    """Return the instruments file to read: given, else the home's, else the shipped one."""
    found = settings.config_file(INSTRUMENTS_NAME, given)
    if found is not None:
        return found
    return Path(interlock.config.__path__[0]) / "shipped" / INSTRUMENTS_NAME


def cash_units_of(cash: Decimal) -> int:
    """Return the account's cash in units.

    Raises:
        PolicyError: It is not money an account can hold.
    """
    units = cash * UNITS_PER_CURRENCY
    if not cash.is_finite() or not 0 < cash <= CASH_MAX or units != int(units):
        raise PolicyError(
            f"--cash must be above 0, at most {CASH_MAX:,} and have at most 8 decimals, was {cash}."
        )
    return int(units)


def load_sets(request: Request, known: Mapping[str, Instrument], tell: Told) -> tuple[BarSet, ...]:
    """Read every file.

    Raises:
        BarError: A file is not sound bars, or the files cannot share an account.
        CalendarError: An instrument's calendar is unknown.
    """
    if request.symbols and len(request.symbols) != len(request.paths):
        raise BarError(
            f"--symbol must be there once per file, in their order: {len(request.paths)} files, "
            f"was {len(request.symbols)}."
        )
    if request.time_zone is not None and find_zone(request.time_zone) is None:
        raise BarError(
            f"--time-zone must be an IANA name such as America/New_York, was {request.time_zone!r}."
        )
    found = []
    for number, name in enumerate(request.paths):
        tell(f"reading {name}")
        found.append(
            load_bars(
                sample_path(name) if name.startswith(SAMPLE_PREFIX) else Path(name),
                instruments=known,
                symbol=request.symbols[number] if request.symbols else None,
                repair=request.repair,
                time_zone=request.time_zone,
            )
        )
    check_together(found)
    return tuple(found)


def funded(rules: RiskPolicy, strategy: str, instrument: Instrument) -> bool:
    """Return whether a position in it borrows, and so pays funding.

    A future pays none: what it costs to carry is in its price.
    """
    if instrument.settle is Settle.MARGIN:
        return instrument.kind is not InstrumentClass.FUTURE
    table = rules.strategies
    own = table.by_name.get(strategy)
    asked = own.margin if own is not None and own.margin is not None else table.default.margin
    return bool(asked) and rules.risk.allow_margin and instrument.margin


def funding_rows(rules: RiskPolicy, places: Sequence[int], start_ns: int, end_ns: int) -> Rows:
    """Return FUNDING for the instruments at ``places``, at whole multiples of the interval."""
    step_ns = rules.simulation.funding_interval_hours * NS_PER_HOUR
    value = int(rules.simulation.funding_fraction * RATE_PARTS)
    times = np.arange(-(-start_ns // step_ns) * step_ns, end_ns + 1, step_ns, dtype=np.int64)
    found = rows(len(times) * len(places) if value != 0 else 0)
    if len(found):
        found["kind"] = Kind.FUNDING
        found["ts_ns"] = np.repeat(times, len(places))
        found["src_ts_ns"] = found["ts_ns"]
        found["instrument"] = np.tile(places, len(times))
        found["value"] = value
    return found


def _facts(
    rules: RiskPolicy,
    strategy: str,
    sets: Sequence[BarSet],
    blackouts: Sequence[Blackout],
) -> tuple[Rows, list[str]]:
    """Return what the calendar and the clock say during the run, and what there is to note."""
    start_ns = min(int(each.open_ns[0]) for each in sets)
    end_ns = max(int(each.close_ns[-1]) for each in sets)
    instruments = [each.instrument for each in sets]
    calendar = boundaries(
        instruments,
        start_ns,
        end_ns,
        account_time_zone=rules.account.time_zone,
        session_start=rules.account.day_start,
        blackouts=blackouts,
    )
    places = [number for number, one in enumerate(instruments) if funded(rules, strategy, one)]
    facts = np.concatenate([calendar, funding_rows(rules, places, start_ns, end_ns)])
    notes = list(horizon_notes(instruments, start_ns, end_ns))
    if len(facts) > len(calendar):
        some = ", ".join(instruments[place].symbol for place in places)
        notes.append(
            f"Funding of {rules.simulation.funding_fraction * 10_000:f} bp is charged every "
            f"{rules.simulation.funding_interval_hours} hours on {some}."
        )
    return facts[np.argsort(facts["ts_ns"], kind="stable")], notes


def _world(
    rules: RiskPolicy, policy: PolicyArray, sets: Sequence[BarSet], tier: Tier
) -> WorldArray:
    """Return the venue's rules; where volume is not known in units it caps nothing."""
    simulation = rules.simulation
    share = simulation.max_participation_fraction
    share_ppm = 0 if isinstance(share, str) else int(share * 1_000_000)
    world = new_world(
        policy,
        tier,
        latency_in_ns=simulation.latency_in_ms * NS_PER_MS,
        latency_out_ns=simulation.latency_out_ms * NS_PER_MS,
        participation_ppm=share_ppm,
    )
    for number, each in enumerate(sets):
        if not each.volume_known or each.instrument.kind in TICK_VOLUME:
            world["instruments"]["participation_ppm"][0, number] = 0
    return world


def _notes_of_sets(sets: Sequence[BarSet]) -> Iterator[str]:
    """Yield what was recognised, assumed and repaired, file by file."""
    for each in sets:
        for note in each.notes:
            yield note if note.startswith(each.symbol) else f"{each.symbol}: {note}"
        if each.volume_known and each.instrument.kind in TICK_VOLUME:
            kind = each.instrument.kind.value
            yield f"{each.symbol}: volume of {kind} counts price changes, and caps nothing."
        for repair, count in each.repairs.items():
            yield f"{each.symbol}: repaired {repair.replace('_', ' ')}: {count:,}."


def _notes(
    request: Request, rules: Rules, sets: Sequence[BarSet], policy: PolicyArray, name: str
) -> Iterator[str]:
    """Yield what a reader of the report has to know."""
    yield from _notes_of_sets(sets)
    yield from rules.notes
    yield from unused_names(rules.policy, [each.symbol for each in sets], [name])
    quote = sets[0].instrument.quote
    if rules.policy.account.currency != quote:
        yield (
            f"The policy counts money in {rules.policy.account.currency} and this account is in "
            f"{quote}: its amounts are taken as {quote}."
        )
    if policy["strategies"]["edge_required"][0, 0] == 0:
        yield (
            f"Strategy {name} states no edge and says that it needs none: the rules on edge after "
            "costs let every entry pass."
        )
    margined = [each.symbol for each in sets if each.instrument.settle is Settle.MARGIN]
    if margined and not rules.policy.risk.allow_margin:
        yield (
            f"{', '.join(margined)} can only be held on margin, and risk.allow_margin is false: "
            "every entry is refused."
        )
    yield (
        "Bars carry no quotes: the rules on spread and book use each instrument's assumed spread "
        "and are marked ASSUMED."
    )
    if rules.policy.simulation.max_participation_fraction == _OFF:
        yield "simulation.max_participation_fraction is none: volume caps nothing."
    if request.operator:
        yield (
            "A simulated operator releases latches that wait for a person, once their cooldown "
            "is over, when the next day of the account begins; the loss they were set for counts "
            "from there again."
        )
    else:
        yield "No simulated operator: a latch that waits for a person stays set."


def prepare(request: Request, rules: Rules, settings: Settings, tell: Told) -> Inputs:
    """Read, judge and build everything that a run needs.

    Raises:
        BarError: A file is not sound bars, or the files cannot share an account.
        StrategyError: No such strategy, or a parameter that may not be.
        PolicyError: The policy cannot express a limit, or the cash is no money.
        InstrumentError: The instruments file, or a multiplier.
        CalendarError: An unknown calendar.
        BlackoutError: The calendar of blackouts.
    """
    cash_units = cash_units_of(request.cash)
    strategy = load_strategy(request.strategy, read_settings(request.parameters))
    known = load_instruments(instruments_file(settings, request.instruments))
    blackouts = (
        ()
        if request.blackouts is None
        else load_blackouts(request.blackouts, time_zone=rules.policy.account.time_zone)
    )
    sets = load_sets(request, known, tell)
    tier = SMALL if len(sets) <= SMALL[0] else LARGE
    tell("reading the calendars")
    facts, notes = _facts(rules.policy, strategy.name, sets, blackouts)
    policy = build_policy(
        rules.policy,
        rules.breakers,
        [each.instrument for each in sets],
        [strategy.name],
        periods_ns=[each.period_ns for each in sets],
        feeds=[Feed.BAR for _ in sets],
        edge_required_overrides={strategy.name: strategy.edge_required},
        native_oco=True,
        tier=tier,
    )
    return Inputs(
        request=request,
        rules=rules,
        sets=sets,
        merged=merge(sets),
        strategy=strategy,
        policy=policy,
        world=_world(rules.policy, policy, sets, tier),
        facts=facts,
        tier=tier,
        cash_units=cash_units,
        notes=(*_notes(request, rules, sets, policy, strategy.name), *notes),
    )
