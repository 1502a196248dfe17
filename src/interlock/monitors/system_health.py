"""How the whole is, for whoever asks from outside: one answer from what the processes say.

A pure function of three sets of facts and the time. What is not known never passes: a fact that is
missing, or is not what it should be, makes the part it is about UNKNOWN, and the whole DEGRADED or
worse. A secret is never in the answer, only whether it is there.

A recording lives in a time of its own. How old its numbers are is judged in that time; that its
venue still answers and its journal is still written is judged in real time, like everything else.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from interlock.monitors.facts import (
    Facts,
    age,
    flag,
    is_age_or_never,
    is_word,
    number,
    part,
    rows,
    word,
)

Said = dict[str, Any]

ROUND_TRIP_MS: Final = 30_000  # since the venue last answered a question about the account
LAG_S: Final = 10.0  # since the gateway last read the journal
_NS_PER_S: Final = 10**9
_MS_PER_MINUTE: Final = 60_000
_S_PER_MINUTE: Final = 60
_NO_LIMIT: Final = 10**9


class Verdict(StrEnum):
    """How one part is."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    IDLE = "IDLE"  # nothing is expected of it now, and it passes
    DEGRADED = "DEGRADED"
    UNKNOWN = "UNKNOWN"
    FAIL = "FAIL"


Reason = tuple[Verdict, str]


def system_health(status: Facts | None, gateway: Facts, telegram: Facts, now_ns: int) -> Said:
    """Return how everything is.

    Args:
        status: What the engine says of itself; None when it does not answer.
        gateway: ``database_ok``: whether the gateway's own tables can be written;
            ``journal_read_age_s``: since it last read the journal.
        telegram: ``enabled``, ``chat_id_set``, ``bot_token_set``, ``run_telegram_env``,
            ``kill_switch_enabled``, ``last_send_ok``: true, false or None.
        now_ns: The time of day, UTC.

    Returns:
        ``global_status`` is PASS, DEGRADED or FAIL; ``reasons`` has a sentence for everything that
        is not as it should be.
    """
    engine: Facts = status if isinstance(status, Mapping) else {}
    database, reasons = _database(engine, gateway)
    market, found = _market(engine)
    reasons += found
    updater, found = _updater(engine)
    reasons += found
    monitor, found = _monitor(engine)
    reasons += found
    chat, found = _telegram(telegram)
    reasons += found
    trade, found = _trade_system(engine)
    reasons += found
    guard, found = _risk_guard(engine)
    reasons += found
    reasons += _engine(engine, status)
    reasons += _guards(engine)
    return {
        "global_status": _worst(reasons),
        "timestamp": _text(now_ns),
        "db_status": database,
        "market_data": market,
        "market_updater": updater,
        "signal_monitor": monitor,
        "telegram": chat,
        "trade_system": trade,
        "risk_guard": guard,
        "venue": _venue(engine),
        "clock": word(engine, "market_clock") or None,
        "reasons": [why for _, why in sorted(reasons, key=lambda one: -_ORDER.index(one[0]))],
    }


_ORDER: Final = [Verdict.PASS, Verdict.IDLE, Verdict.DEGRADED, Verdict.UNKNOWN, Verdict.FAIL]


def _worst(reasons: list[Reason]) -> str:
    """Return the whole's verdict; what is not known is no failure, and no pass."""
    verdicts = {verdict for verdict, _ in reasons}
    if Verdict.FAIL in verdicts:
        return Verdict.FAIL.value
    return (Verdict.DEGRADED if verdicts else Verdict.PASS).value


def _minutes(value: float | None, per_minute: float) -> float | None:
    return None if value is None else round(value / per_minute, 2)


def _text(now_ns: int) -> str:
    moment = datetime.fromtimestamp(now_ns // _NS_PER_S, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"


# --- the parts --------------------------------------------------------------------------------


def _engine(engine: Facts, status: Facts | None) -> Iterator[Reason]:
    """Yield what the engine says of itself."""
    if status is None:
        yield Verdict.FAIL, "the engine does not answer"
        return
    health = part(engine.get("health"))
    verdict = word(health, "status")
    if verdict not in {"PASS", "DEGRADED", "FAIL"}:
        yield Verdict.UNKNOWN, "nobody knows how the engine is"
        return
    whys = health.get("reasons")
    if not isinstance(whys, list) or (whys and verdict == "PASS"):
        yield Verdict.UNKNOWN, "nobody knows why the engine is as it says"
    elif verdict != "PASS":
        why = "; ".join(str(one) for one in whys[:3]) or "it says no more"
        yield Verdict(verdict), f"the engine is {verdict}: {why}"
    if engine.get("phase") != "ready":
        yield Verdict.FAIL, "the engine and its venue are not reconciled"


def _guards(engine: Facts) -> Iterator[Reason]:
    """Yield what is wrong with what keeps an account safe: watchdog, venue, proofs."""
    watchdog = part(engine.get("watchdog"))
    alive, wanted = flag(watchdog.get("alive")), flag(watchdog.get("wanted"))
    if alive is None or wanted is None or (age(watchdog.get("age_s")) is None and alive):
        yield Verdict.UNKNOWN, "nobody knows whether the watchdog lives"
    elif not alive:
        verdict = Verdict.FAIL if wanted else Verdict.DEGRADED
        yield verdict, "no watchdog looks after the engine"
    trip_ms = age(engine.get("venue_round_trip_age_ms"))
    if trip_ms is None:
        yield Verdict.UNKNOWN, "nobody knows when the venue last answered"
    elif trip_ms > ROUND_TRIP_MS:
        yield Verdict.FAIL, f"the venue has not answered for {trip_ms / 1_000:.0f} s"


def _database(engine: Facts, gateway: Facts) -> tuple[str, list[Reason]]:
    """Return ``up`` or ``down``: the journal and the gateway's own tables."""
    reasons: list[Reason] = []
    writable, own = flag(engine.get("journal_writable")), flag(gateway.get("database_ok"))
    stuck_ms = age(engine.get("journal_stuck_ms"))
    if writable is None or stuck_ms is None:
        reasons.append((Verdict.UNKNOWN, "nobody knows whether the journal can be written"))
    elif not writable:
        reasons.append((Verdict.FAIL, "the journal is not being written"))
    if own is None:
        reasons.append((Verdict.UNKNOWN, "nobody knows whether the gateway's tables are there"))
    elif not own:
        reasons.append((Verdict.FAIL, "the gateway's tables cannot be written"))
    age_s = age(gateway.get("journal_read_age_s"))
    if age_s is None:
        reasons.append((Verdict.UNKNOWN, "nobody knows whether the gateway reads the journal"))
    elif age_s > LAG_S:
        reasons.append((Verdict.DEGRADED, f"the gateway last read the journal {age_s:.0f} s ago"))
    return ("up" if writable and own else "down"), reasons


def _market(engine: Facts) -> tuple[Said, list[Reason]]:
    """Return how fresh every symbol's numbers are, in the time that they belong to."""
    table = rows(engine.get("market"))
    found: Said = {
        "status": Verdict.UNKNOWN.value,
        "fresh_symbols": None,
        "stale_symbols": None,
        "idle_symbols": None,
        "max_age_minutes": None,
    }
    whole = table is not None and len(table) > 0 and all(map(_is_whole, table))
    if table is None or not whole or word(engine, "market_clock") not in {"recording", "wall"}:
        return found, [(Verdict.UNKNOWN, "nobody knows how old the market's numbers are")]
    stale = [str(one["symbol"]) for one in table if not one["fresh"] and not one["idle"]]
    idle = [str(one["symbol"]) for one in table if one["idle"] and not one["fresh"]]
    ages = [float(one["age_ms"]) for one in table if age(one["age_ms"]) is not None]
    ended = flag(engine.get("ended"))
    reasons: list[Reason] = []
    verdict = Verdict.PASS
    if stale and not (ended and engine["market_clock"] == "recording"):
        verdict = Verdict.FAIL
        reasons.append((verdict, f"stale numbers of {', '.join(stale[:5])}"))
    elif ended or len(idle) == len(table):
        verdict = Verdict.IDLE
    found.update(
        status=verdict.value,
        fresh_symbols=len(table) - len(stale) - len(idle),
        stale_symbols=len(stale),
        idle_symbols=len(idle),
        max_age_minutes=_minutes(max(ages, default=None), _MS_PER_MINUTE),
    )
    return found, reasons


def _is_whole(row: Facts) -> bool:
    fresh = flag(row.get("fresh"))
    known = is_age_or_never(row, "age_ms") if not fresh else age(row.get("age_ms")) is not None
    flags = fresh is not None and flag(row.get("idle")) is not None
    return flags and known and is_word(row.get("symbol"))


def _updater(engine: Facts) -> tuple[Said, list[Reason]]:
    """Return whether the market's numbers come in; the age is real time, and for people."""
    age_s, running = age(engine.get("feed_age_s")), age(engine.get("running_s"))
    phase, ended = engine.get("phase"), flag(engine.get("ended"))
    found: Said = {
        "status": Verdict.UNKNOWN.value,
        "is_running": None,
        "last_heartbeat_age_minutes": _minutes(age_s, _S_PER_MINUTE),
    }
    known = is_age_or_never(engine, "feed_age_s")
    if not is_word(phase) or ended is None or running is None or not known:
        return found, [(Verdict.UNKNOWN, "nobody knows whether the market's numbers come in")]
    is_running = phase == "ready" and not ended
    verdict = Verdict.IDLE if ended else Verdict.PASS if is_running else Verdict.FAIL
    found.update(status=verdict.value, is_running=is_running)
    if verdict is Verdict.FAIL:
        return found, [(verdict, "the market's numbers do not come in")]
    return found, []


def _monitor(engine: Facts) -> tuple[Said, list[Reason]]:
    """Return whether strategies look at the market."""
    age_s = age(engine.get("cycle_age_s"))
    found: Said = {
        "status": Verdict.UNKNOWN.value,
        "is_running": None,
        "last_cycle_age_minutes": _minutes(age_s, _S_PER_MINUTE),
    }
    failure, ended = engine.get("strategy_failure"), flag(engine.get("ended"))
    known = is_age_or_never(engine, "cycle_age_s") and "strategy_failure" in engine
    if not known or ended is None:
        return found, [(Verdict.UNKNOWN, "nobody knows whether the strategies look")]
    if failure is not None:
        found.update(status=Verdict.FAIL.value, is_running=False)
        return found, [(Verdict.FAIL, "a strategy failed and is silent")]
    verdict = Verdict.IDLE if ended else Verdict.PASS
    found.update(status=verdict.value, is_running=not ended)
    return found, []


_TELEGRAM: Final = (
    *("enabled", "chat_id_set", "bot_token_set", "run_telegram_env", "kill_switch_enabled"),
    "last_send_ok",
)


def _telegram(telegram: Facts) -> tuple[Said, list[Reason]]:
    """Return whether people are told; switched off, it is nothing that could fail."""
    found: Said = {name: flag(telegram.get(name)) for name in _TELEGRAM}
    enabled = found["enabled"]
    reasons: list[Reason] = []
    missing = [name for name in _TELEGRAM if found[name] is None and name != "last_send_ok"]
    sent = telegram.get("last_send_ok", "")
    if missing or (sent is not None and not isinstance(sent, bool)):
        reasons.append((Verdict.UNKNOWN, "nobody knows how Telegram is set up"))
    elif enabled and not (found["chat_id_set"] and found["bot_token_set"]):
        reasons.append((Verdict.DEGRADED, "Telegram is on and has no chat or no token"))
    elif enabled and found["last_send_ok"] is False:
        reasons.append((Verdict.DEGRADED, "the last message to Telegram did not arrive"))
    verdict = reasons[0][0] if reasons else Verdict.PASS if enabled else Verdict.IDLE
    return {"status": verdict.value, **found}, reasons


def _trade_system(engine: Facts) -> tuple[Said, list[Reason]]:
    """Return how many orders are open, against how many may be."""
    orders = number(part(engine.get("counts")).get("open_orders"))
    most = _count(_limit(engine, "ACCOUNT_OPEN_ORDERS"))
    table = rows(engine.get("orders"))
    has_table = table is not None and all(is_word(one.get("state")) for one in table)
    found: Said = {
        "status": Verdict.UNKNOWN.value,
        "open_orders": None if orders is None else int(orders),
        "max_open_orders": most if most != _NO_LIMIT else None,
        "order_intents_table_exists": has_table,
        "last_check_ok": None,
    }
    if orders is None or orders < 0 or most is None or table is None or not has_table:
        return found, [(Verdict.UNKNOWN, "nobody knows which orders are open, and how many may be")]
    unknown = [word(one, "state") for one in table].count("UNKNOWN")
    reasons: list[Reason] = []
    if unknown:
        reasons.append((Verdict.DEGRADED, f"{unknown} orders of which nobody knows what became"))
    if orders > most:
        reasons.append((Verdict.DEGRADED, f"{int(orders)} orders are open, {int(most)} may be"))
    ready = engine.get("phase") == "ready"
    verdict = Verdict.FAIL if not ready else reasons[0][0] if reasons else Verdict.PASS
    found.update(status=verdict.value, last_check_ok=ready and not unknown)
    return found, reasons


def _limit(engine: Facts, name: str) -> str | None:
    """Return a limit of the account as the engine lists it; None when it does not."""
    for one in rows(engine.get("limits_all")) or []:
        if one.get("limit") == name and is_word(one.get("max")):
            return str(one["max"])
    return None


def _count(text: str | None) -> int | None:
    """Return a count from its text; a limit that was switched off lets everything through."""
    if text == "none":
        return _NO_LIMIT
    digits = (text or "").replace(",", "")
    return int(digits) if digits.isascii() and digits.isdigit() else None


def _times(text: str | None) -> float | None:
    """Return a leverage from its text, such as ``5 x``; None for none, and for no number."""
    try:
        return age(float((text or "").removesuffix(" x")))
    except ValueError:
        return None


def _risk_guard(engine: Facts) -> tuple[Said, list[Reason]]:
    """Return what stops trading as a whole."""
    level, latches = word(engine, "level"), rows(engine.get("latches"))
    said = _limit(engine, "ACCOUNT_LEVERAGE")
    leverage = _times(said)
    found: Said = {
        "max_leverage": leverage,
        "daily_loss_triggered": None,
        "global_trading_enabled": None,
    }
    killed = flag(part(engine.get("killed")).get("set"))
    known = {"NONE", "WARNED", "REDUCED", "PAUSED", "HALTED", "KILLED"}
    causes = {word(one, "cause") for one in latches or ()}
    if latches is None or level not in known or killed is None or "" in causes:
        return found, [(Verdict.UNKNOWN, "nobody knows what holds trading back")]
    if leverage is None and said != "none":
        return found, [(Verdict.UNKNOWN, "nobody knows the limit on leverage")]
    enabled = level in {"NONE", "WARNED", "REDUCED"} and not killed
    found.update(daily_loss_triggered="DAILY_LOSS" in causes, global_trading_enabled=enabled)
    if killed or level in {"HALTED", "KILLED"}:
        return found, [(Verdict.FAIL, f"trading is stopped: {level}")]
    if enabled:
        return found, []
    return found, [(Verdict.DEGRADED, f"nothing may be opened now: {level}")]


def _venue(engine: Facts) -> Said:
    """Return how the venue is reached."""
    trip_ms = age(engine.get("venue_round_trip_age_ms"))
    ready = engine.get("phase") == "ready"
    ended = flag(engine.get("ended"))
    verdict = Verdict.UNKNOWN
    if trip_ms is not None and ended is not None:
        verdict = Verdict.PASS if ready and trip_ms <= ROUND_TRIP_MS else Verdict.FAIL
        if verdict is Verdict.PASS and ended:
            verdict = Verdict.IDLE
    return {"status": verdict.value, "round_trip_age_ms": trip_ms, "ready": ready}
