"""What every process of a session reads first: the configuration, and everything made from it."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import interlock
from interlock.app.live import LIVE, check_periods, fetch_history, symbol_of
from interlock.config.build import build_policy
from interlock.config.errors import PolicyError
from interlock.config.everything import Configuration, read_everything
from interlock.config.home import Home, home_of, write_first_config
from interlock.config.settings import Settings, read_settings
from interlock.kernel.codes import Feed
from interlock.kernel.policy import PolicyArray
from interlock.research.inputs import Inputs, Request, Rules, prepare
from interlock.research.traded import NAME, traded_said
from interlock.runtime.asked_signal import WEBHOOK
from interlock.runtime.session import STRATEGIES, Setup
from interlock.runtime.turns import Scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Where a session lives and what it was told.

    Attributes:
        settings: Of the surroundings.
        home: Every path in it.
        config_file: The ``interlock.toml`` that was named.
        changes: What the command line said instead of it.
        configuration: Everything together.
    """

    settings: Settings
    home: Home
    config_file: Path | None
    changes: Mapping[str, object]
    configuration: Configuration

    def read_again(self) -> Configuration:
        """Return what the files say now.

        Raises:
            PolicyError: Every problem of every file.
        """
        return read_everything(self.settings, self.config_file, changes=self.changes)


def open_session(config_file: Path | None, changes: Mapping[str, object]) -> Session:
    """Read everything and make the home.

    Raises:
        PolicyError: Every problem of every file, or a home that may not be used.
    """
    settings = read_settings()
    home = home_of(settings)
    configuration = read_everything(settings, config_file, changes=changes)
    home.make()
    if config_file is None:
        write_first_config(home)
    return Session(
        settings=settings,
        home=home,
        config_file=config_file,
        changes=changes,
        configuration=configuration,
    )


def rules_of(configuration: Configuration) -> Rules:
    """Return the rules as a run takes them."""
    return Rules(policy=configuration.policy, breakers=configuration.breakers)


def inputs_of(session: Session, tell: Callable[[str], None]) -> Inputs:
    """Read the data and build the policy, the strategy and the venue's rules.

    Raises:
        BarError: A file is not sound bars.
        StrategyError: No such strategy.
        PolicyError: The policy cannot express a limit, or live data cannot be had.
    """
    system = session.configuration.system
    data = system.data
    is_live = data.source == LIVE
    history = fetch_history(session, tell) if is_live else None
    request = Request(
        paths=tuple(data.bars) if history is None else tuple(map(str, history.paths)),
        strategy=system.strategy.name,
        parameters=tuple(
            f"strategy.{key}={value}" for key, value in system.strategy.parameters.items()
        ),
        symbols=tuple(data.symbols) if history is None else history.symbols,
        cash=system.account.cash,
        operator=False,
        repair=data.repair,
        time_zone=data.time_zone,
        instruments=_path(system.files.instruments) if history is None else history.instruments,
        blackouts=_path(system.files.blackouts),
    )
    inputs = prepare(request, rules_of(session.configuration), session.settings, tell)
    if is_live:
        check_periods(inputs, data.live)
    return inputs


def strategies_of(
    inputs: Inputs, configuration: Configuration, known: Sequence[str] = ()
) -> list[str]:
    """Return the names of an account's strategies, by their numbers.

    The first is the one that runs; then those that signals from outside may carry. What the journal
    knows keeps its number, also when it is not asked for any more: positions and losses are its.

    Args:
        inputs: With the strategy that runs.
        configuration: Names the others.
        known: By their numbers, from the journal.

    Raises:
        PolicyError: Two of them have one name.
    """
    running = inputs.strategy.name
    others = outside_names(configuration)
    if running in others:
        raise PolicyError(
            f"webhook.strategies: each must have a name of its own, and {running} is the strategy "
            "that runs; webhook always is one. Next: give one of them another name."
        )
    first = list(known) if known and known[0] == running else [running]
    return list(dict.fromkeys([*first, *others]))


def outside_names(configuration: Configuration) -> list[str]:
    """Return the strategies that signals from outside may carry."""
    return list(dict.fromkeys([WEBHOOK, *configuration.system.webhook.strategies]))


def policy_from(
    inputs: Inputs, configuration: Configuration, strategies: Sequence[str]
) -> PolicyArray:
    """Return the kernel's policy of some rules on the instruments of a run.

    A strategy of signals from outside needs no edge unless the policy says so under its name: who
    sends them seldom knows one.

    Args:
        inputs: Of the run.
        configuration: The rules.
        strategies: Names, by their numbers; the first is the one that runs.

    Raises:
        PolicyError: The rules cannot express a limit, or there are too many strategies.
    """
    edges = dict.fromkeys(strategies, False) | {strategies[0]: inputs.strategy.edge_required}
    return build_policy(
        configuration.policy,
        configuration.breakers,
        inputs.instruments,
        strategies,
        periods_ns=[each.period_ns for each in inputs.sets],
        feeds=[Feed.BAR for _ in inputs.sets],
        edge_required_overrides=edges,
        native_oco=True,
        tier=inputs.tier,
    )


def _path(text: str) -> Path | None:
    return Path(text) if text else None


def scales_of(inputs: Inputs) -> list[Scale]:
    """Return the digits of every instrument's numbers."""
    return [
        Scale(symbol=one.symbol, price_digits=one.price_digits, qty_digits=one.qty_digits)
        for one in inputs.instruments
    ]


def begin_ns_of(inputs: Inputs) -> int:
    """Return a moment before everything that a recording tells."""
    starts = [int(each.open_ns[0]) for each in inputs.sets]
    if len(inputs.facts):
        starts.append(int(inputs.facts["ts_ns"][0]))
    return min(starts) - 1


def setup_of(session: Session, inputs: Inputs, known: Sequence[str] = ()) -> Setup:
    """Return what the account trades with.

    Args:
        session: What was told.
        inputs: Of the run.
        known: Strategies that the journal knows, by their numbers.

    Raises:
        PolicyError: The rules cannot express a limit, or two strategies have one name.
    """
    system = session.configuration.system
    strategies = strategies_of(inputs, session.configuration, known)
    is_live = system.data.source == LIVE
    return Setup(
        account=system.account.name,
        mode=system.account.mode,
        currency=inputs.currency,
        cash_units=inputs.cash_units,
        tier=inputs.tier,
        policy=policy_from(inputs, session.configuration, strategies),
        canonical=inputs.rules.content(),
        scales=scales_of(inputs),
        strategies=strategies,
        begin_ns=None if is_live else begin_ns_of(inputs),
        said=_said(session, inputs, strategies),
        simulated_operator=system.data.operator == "simulated" and not is_live,
    )


def _names(session: Session) -> list[str]:
    """Return the files that are replayed, or what is watched live and where."""
    data = session.configuration.system.data
    if data.source != LIVE:
        return list(data.bars)
    live = data.live
    return [f"{live.exchange} {symbol_of(symbol)} {live.timeframe}" for symbol in live.symbols]


def _said(session: Session, inputs: Inputs, strategies: Sequence[str]) -> dict[str, Any]:
    """Return what the note of a start says, so that its journal can be replayed without us."""
    system = session.configuration.system
    return {
        "version": interlock.__version__,
        "build": interlock.numba_cache_dir().name,
        "pid": os.getpid(),
        "configuration": session.configuration.digest,
        "data": {
            "source": system.data.source,
            "bars": _names(session),
            "sha256": [each.sha256().hex() for each in inputs.sets],
        },
        "strategy": {
            "name": system.strategy.name,
            "parameters": dict(system.strategy.parameters),
        },
        STRATEGIES: list(strategies),
        NAME: traded_said(inputs, strategies[1:]),
    }
