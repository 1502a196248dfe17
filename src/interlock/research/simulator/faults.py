"""The faults that a simulated world knows, by name, and what each does."""

from collections.abc import Iterable
from typing import Final

NETWORK: Final = {
    "net_slow": "latency grows by up to two seconds for a while",
    "net_lost": "the connection is reset",
    "net_cut": "the connection ends in the middle of a message",
    "net_garbled": "a byte of what the venue says is another",
    "net_refused": "nobody takes the connection for a while",
    "net_drop_ask": "a request is lost on its way",
    "net_drop_tell": "a report is lost on its way",
    "net_duplicate": "a report is told twice",
    "net_unordered": "a report overtakes those before it",
    "net_overtaken": "a cancel overtakes the order before it",
    "net_replayed": "old fills are told again",
    "net_silent": "the venue hears and does not answer for a while",
}
VENUE: Final = {
    "venue_down": "the venue is out for a while: connections end, none is taken",
    "venue_partial": "fills come in parts",
    "venue_rejects": "an order is refused",
    "venue_keeps": "a cancel is refused although the order rests",
    "venue_refuses_change": "an amendment is refused although the order rests",
    "venue_expires": "a resting order is ended by the venue",
    "venue_late_fill": "an order fills although its cancel is on the way",
    "venue_external": "somebody else trades on the account",
    "venue_changed_trade": "a trade is told again with another quantity",
    "venue_funding": "funding is charged or paid",
    "venue_late_answer": "an order is not found while the venue is still writing it down",
    "venue_unknown": "an order is taken, and the answer is an error that says nothing",
}
DATA: Final = {
    "data_stale": "an instrument is not told of for a while",
    "data_gap": "some rows of an instrument are never told",
    "data_crossed": "a bid above its ask, or one side alone",
    "data_zero": "a price of nothing, or below",
    "data_jump": "a price a hundred times off",
    "data_future": "a time that has not come",
    "data_old": "a time that was before",
    "data_burst": "many rows at once",
}
PROCESS: Final = {
    "crash": "the engine's process is killed at a named point",
    "crash_again": "it is killed again while it recovers",
    "power": "the machine loses power: what was not synced may be lost, kept or torn",
    "freeze": "the engine's process stands still for a while",
    "rival": "another engine takes the account while this one stands still",
    "disk_error": "a write or a sync fails once",
    "disk_full": "there is no room for a while",
    "disk_slow": "a sync takes seconds",
    "latch_broken": "the latch file is missing, cut, unreadable or something else",
    "watchdog_gone": "nobody watches over the engine for a while",
    "clock_step": "the time of day jumps",
}
PEOPLE: Final = {
    "kill_immediate": "somebody pulls the kill switch: everything closed",
    "kill_graceful": "somebody pulls the kill switch: no entries, positions leave by their plan",
    "kill_pause": "somebody pulls the kill switch: no entries",
    "people_clear": "a person clears the kill switch",
    "people_resume": "a person releases a latch",
    "people_policy": "other limits hold from now on",
    "people_restart": "the engine is stopped gracefully and started again",
}
SENTENCES: Final = {**NETWORK, **VENUE, **DATA, **PROCESS, **PEOPLE}
ALL: Final = frozenset(SENTENCES)
NONE: Final = frozenset[str]()


class SimulationError(ValueError):
    """What was asked of the simulator cannot be done; its message says what to do instead."""


def read_faults(text: str) -> frozenset[str]:
    """Return the faults that a person names: ``all``, ``none``, or names with commas between.

    Raises:
        SimulationError: There is no such fault.

    >>> sorted(read_faults("crash,power"))
    ['crash', 'power']
    """
    if text == "all":
        return ALL
    names = {name.strip() for name in text.split(",") if name.strip()} - {"none"}
    unknown = sorted(names - ALL)
    if unknown:
        raise SimulationError(
            f"a fault must be one of {', '.join(sorted(ALL))}, was {', '.join(unknown)}. "
            "Next: take names from interlock simulate --list."
        )
    return frozenset(names)


def fault_words(faults: Iterable[str]) -> str:
    """Return faults as ``read_faults`` takes them.

    >>> fault_words(ALL), fault_words(NONE), fault_words({"power", "crash"})
    ('all', 'none', 'crash,power')
    """
    found = sorted(faults)
    if not found:
        return "none"
    return "all" if frozenset(found) == ALL else ",".join(found)
