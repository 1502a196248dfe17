"""What is said before anything starts: which mode, which account, on what, and within what."""

import json
import os
import shlex
from collections.abc import Iterator
from decimal import Decimal
from pathlib import PurePath

import interlock
from interlock.app.launch import Ready
from interlock.config.addresses import shown_address
from interlock.config.amounts import OFF, plain
from interlock.config.everything import Configuration
from interlock.config.system import DataSettings
from interlock.config.words import SAMPLE_PREFIX
from interlock.data.file_names import symbol_of

_WIDTH = 12


def _percent(value: Decimal | str) -> str:
    """Return a fraction as people say it.

    >>> _percent(Decimal("0.05"))
    '5 %'
    """
    return "no limit" if value == OFF else f"{plain(Decimal(value) * 100)} %"


def _money(value: Decimal | str, currency: str) -> str:
    return "no limit" if value == OFF else f"{Decimal(value):,} {currency}"


def _limits(configuration: Configuration) -> Iterator[str]:
    """Yield the limits that matter most."""
    policy = configuration.policy
    risk, sizing, account = policy.risk, policy.position_sizing, policy.limits.account
    currency = policy.account.currency
    yield (
        f"halts at a daily loss of {_percent(risk.max_daily_loss)} or "
        f"{_money(risk.max_daily_loss_money, currency)}, and "
        f"{_percent(risk.max_drawdown)} below the highest equity"
    )
    yield (
        f"a trade risks at most {_percent(sizing.risk_per_trade)} of equity; a position is at most "
        f"{_percent(sizing.max_position_pct)}, all of them {_percent(sizing.max_exposure_fraction)}"
    )
    yield (
        f"at most {account.open_positions} positions, {account.open_orders} open orders, "
        f"{_money(account.order_notional, currency)} an order, leverage {plain(account.leverage)}"
    )
    shorting = "selling short is allowed" if risk.allow_shorting else "no selling short"
    margin = "margin is allowed" if risk.allow_margin else "no margin"
    yield f"{shorting}, {margin}; every position has a stop that rests at the venue"


def _data(data: DataSettings) -> str:
    """Return what prices the account sees."""
    if data.source == "replay":
        return f"replay of {', '.join(data.bars)} at {data.speed}"
    symbols = ", ".join(data.live.symbols)
    return f"live: public data of {data.live.exchange}, {symbols}, bars of {data.live.timeframe}"


def _rows(ready: Ready) -> Iterator[tuple[str, str]]:
    configuration = ready.configuration
    system = configuration.system
    begins = {
        True: f"new, begins with {system.account.cash:,}",
        False: "goes on from its journal",
        None: "goes on from its journal, or begins",
    }[ready.is_new]
    yield "account", f"{system.account.name}: {begins}"
    yield "data", _data(system.data)
    parameters = ", ".join(f"{key} {value}" for key, value in system.strategy.parameters.items())
    yield "strategy", system.strategy.name + (f" ({parameters})" if parameters else "")
    for number, text in enumerate(_limits(configuration)):
        yield ("limits" if number == 0 else ""), text
    for number, source in enumerate(configuration.sources):
        yield ("rules" if number == 0 else ""), source
    url = system.journal.url
    yield "journal", shown_address(url) if url else str(ready.home.journal)
    yield "home", str(ready.home.root)
    yield "engine at", str(ready.home.engine_socket)


def _first_symbol(data: DataSettings) -> str:
    """Return what the account trades first, as well as the settings alone can say."""
    if data.source == "live":
        return data.live.symbols[0]
    if data.symbols:
        return data.symbols[0]
    name = PurePath(data.bars[0].removeprefix(SAMPLE_PREFIX))
    return symbol_of(name) or name.name


def gateway_lines(ready: Ready) -> list[str]:
    """Return how to reach the gateway: in a browser, and with an alert. No secret is said."""
    if not ready.address:
        return []
    home, data = ready.home, ready.configuration.system.data
    alert = json.dumps({"symbol": _first_symbol(data), "action": "BUY"}, separators=(",", ":"))
    rows = [("dashboard", ready.address)]
    if not os.path.lexists(home.gateway_db):
        rows.append(("first login", f"with the one-time code in {home.admin_code}"))
    if ready.configuration.system.webhook.enabled:
        rows.append(("alert", f"curl -d {shlex.quote(alert)} {ready.address}/webhook"))
        rows.append(("", f"from elsewhere it needs the secret in {home.webhook_secret}"))
    return ["", *(f"{name:<{_WIDTH}}{text}" for name, text in rows)]


def banner_lines(ready: Ready) -> list[str]:
    """Return everything that is said before anything starts."""
    account = ready.configuration.system.account
    lines = [f"INTERLOCK {interlock.__version__}: {account.mode.upper()} TRADING"]
    if account.dry_run:
        lines.append("Orders go to the simulated venue on this machine: no real money can move.")
    lines.append("")
    lines += [f"{name:<{_WIDTH}}{text}" for name, text in _rows(ready)]
    lines += gateway_lines(ready)
    lines += ["", "Ctrl-C stops gracefully. Elsewhere: interlock status, interlock stop."]
    return lines
