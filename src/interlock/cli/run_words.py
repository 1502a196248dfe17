"""What happens while an account runs, in sentences."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from interlock.app.processes import Facts

NS_PER_S: Final = 1_000_000_000
_ERRORS_SHOWN: Final = 40  # lines of a process that broke


def plain(text: object) -> str:
    """Return text of others without what would move a terminal's cursor."""
    return "".join(one if one.isprintable() else "?" for one in str(text))


def time_words(ns: int) -> str:
    """Return a moment as people write it.

    >>> time_words(1_700_000_000_000_000_000)
    '2023-11-14 22:13 UTC'
    """
    return datetime.fromtimestamp(ns // NS_PER_S, UTC).strftime("%Y-%m-%d %H:%M UTC")


def counted(number: int, thing: str) -> str:
    """Return how many of a thing there are.

    >>> counted(1, "order"), counted(2_000, "bar")
    ('1 order', '2,000 bars')
    """
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def _recovered(facts: Facts) -> str:
    how = "a graceful stop" if facts["clean"] else "a crash"
    since = "since the snapshot" if facts["snapshot"] else "since the beginning"
    waiting = facts["orders_without_answer"]
    asked = "no order is without an answer"
    if waiting:
        were = "is" if waiting == 1 else "are"
        asked = f"{counted(waiting, 'order')} without an answer {were} asked about"
    return (
        f"recovered from {how}: {counted(facts['records'], 'record')}, "
        f"{counted(facts['replayed_events'], 'event')} replayed {since}, {asked}, "
        f"took {facts['took_ms']:,} ms"
    )


def _starts_again(facts: Facts) -> str:
    return (
        f"the {facts['child']} {facts['how']}; it is started again in {facts['pause_s']:g} s"
        f"{_errors(facts)}"
    )


def _stays_down(facts: Facts) -> str:
    return (
        f"the {facts['child']} {facts['how']}, after {facts['restarts']} restarts within "
        f"{facts['minutes']:g} minutes: it stays down. What is open keeps its stop at the venue. "
        f"Next: look at what it said, then interlock journal verify and interlock run"
        f"{_errors(facts)}"
    )


def _refused(facts: Facts) -> str:
    return "\n".join(facts["errors"]) or f"the {facts['child']} refused, and did not say why."


def _errors(facts: Facts) -> str:
    """Return what a process wrote before it broke, on lines of its own."""
    shown = facts.get("errors", [])[-_ERRORS_SHOWN:]
    return "".join(f"\n  {facts['child']}: {line}" for line in shown)


def _incident_result(facts: Facts) -> str:
    after = f"after {facts['after_ms']:,} ms"
    if facts["result"] == "KILLED":
        return f"KILLED: the venue has shown {after} that the account is stopped"
    return f"KILL_UNCONFIRMED {after}, and tried again: {facts['why']}"


def _reloaded(facts: Facts) -> str:
    return "\n".join(reload_lines(facts))


def reload_lines(facts: Facts) -> list[str]:
    """Return what came of reading the rules again."""
    changes, later = facts.get("changes", []), facts.get("next_start", [])
    lines = [f"{len(changes)} changed and hold from now on:"] if changes else []
    lines += [f"  {change}" for change in changes]
    if later:
        lines.append("these wait for the next start:")
        lines += [f"  {key}" for key in later]
    return lines or ["nothing changed in the files of rules"]


def _stopping(facts: Facts) -> str:
    again = "; Ctrl-C again does not wait" if facts["why"] == "SIGINT" else ""
    return f"stopping: the engine writes its last snapshot{again}"


_WORDS: Final[Mapping[str, Callable[[Facts], str]]] = {
    "recovered": _recovered,
    "connected": lambda _: "the engine is connected to the simulated venue",
    "disconnected": lambda facts: f"the connection to the venue is gone: {facts['why']}",
    "venue_unreachable": lambda facts: f"the venue cannot be reached yet: {facts['why']}",
    "stopped_at_gate": lambda facts: (
        f"order {facts['order']} was stopped at the last gate: {facts['why']}"
    ),
    "ballast_released": lambda facts: (
        f"the disk is nearly full: room kept for the journal was given back ({facts['path']})"
    ),
    "anchor_problem": lambda facts: f"ANCHORS: {facts['why']}",
    "breakers_proved": lambda facts: (
        f"{counted(facts['proved'], 'breaker proof')} held, in an account that does not exist"
    ),
    "breakers_not_proved": lambda facts: "\n".join(
        [
            "BREAKERS THAT FAILED THEIR PROOF. Next: interlock kill --mode pause, and look why:",
            *(f"  {name}: {why}" for name, why in facts["failed"].items()),
        ]
    ),
    "gateway_ready": lambda facts: f"dashboard and webhook answer at {facts['address']}",
    "first_code": lambda facts: (
        f"nobody can sign in yet: the one-time code for the first person is in {facts['path']}"
    ),
    "watching": lambda facts: f"the watchdog watches; on a hang it will {facts['action']}",
    "engine_health": lambda facts: (
        f"the watchdog sees the engine {facts['health'].replace('_', ' ')}: {facts['why']}"
    ),
    "watchdog_venue_lost": lambda facts: f"the watchdog cannot reach the venue: {facts['why']}",
    "watchdog_venue_found": lambda _: "the watchdog reaches the venue over its own connection",
    "incident": lambda facts: (
        f"THE ENGINE IS {facts['health'].upper()}: {facts['why']}. The watchdog stops the account"
    ),
    "incident_result": _incident_result,
    "incident_over": lambda facts: (
        f"the engine is {facts['health']} again. The kill latch stays set. Next: read the report "
        "in incidents/, then interlock kill --clear --reason TEXT"
    ),
    "incident_not_written": lambda facts: (
        f"the report of an incident could not be written: {facts['why']}"
    ),
    "reloaded": _reloaded,
    "reload_refused": lambda facts: f"nothing was reloaded: {facts['why']}",
    "starts_again": _starts_again,
    "stays_down": _stays_down,
    "refused": _refused,
    "stopping": _stopping,
    "hurried": lambda _: "stopped without waiting; the next start recovers",
    "killed": lambda facts: (
        f"the {facts['child']} did not end in time and was killed; the next start recovers"
    ),
    "ended_badly": lambda facts: f"the {facts['child']} {facts['how']}{_errors(facts)}",
    "said": lambda facts: f"{facts['child']}: {facts['text']}",
    "archived": lambda facts: f"the account before this one is in {facts['folder']}",
    "nothing_archived": lambda _: "there was no account to put aside",
    "compiling": lambda _: "compiling the kernel, once per version",
}
IS_ERROR: Final = frozenset(
    (
        *("refused", "stays_down", "starts_again", "killed", "ended_badly", "anchor_problem"),
        *("reload_refused", "stopped_at_gate", "venue_unreachable", "disconnected", "hurried"),
        *("ballast_released", "breakers_not_proved", "watchdog_venue_lost"),
        *("incident", "incident_result", "incident_over", "incident_not_written"),
    )
)


def sentence(event: str, facts: Facts) -> str:
    """Return something that happened in a sentence; several lines where there is more to say."""
    words = _WORDS.get(event)
    try:
        text = _unknown(event, facts) if words is None else words(facts)
    except (KeyError, TypeError, ValueError):
        text = _unknown(event, facts)  # from another version's process
    return "\n".join(map(plain, text.split("\n")))


def _unknown(event: str, facts: Mapping[str, Any]) -> str:
    said = ", ".join(f"{key} {value}" for key, value in facts.items())
    return f"{event.replace('_', ' ')}: {said}" if said else event.replace("_", " ")
