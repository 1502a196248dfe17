"""What has to happen sometimes: a swarm in which it never does has tested nothing.

Every point is noticed from outside, from the journal and the hooks of a world; nothing is planted
in the product to tell of it. A swarm of CI size must pass each at least ``HITS_MIN`` times.
"""

from collections.abc import Mapping
from typing import Final

HITS_MIN: Final = 10

_REPORTS: Final = {
    "fill_before_ack": "a fill came before the acknowledgement of its order",
    "fill_while_leaving": "a fill came while the order's cancel was under way",
    "fill_of_unknown": "a fill ended not knowing what became of an order",
    "fill_of_unknown_whole": "an order of unknown fate turned out to be filled whole",
    "fill_partial": "an order was filled in part",
    "fill_last_part": "the rest of an order filled after a part of it",
    "fill_of_stranger": "somebody else's fill was told",
    "ack_of_unknown": "an order of unknown fate turned out to rest",
    "ack_after_fill": "an acknowledgement came after a fill",
    "ack_twice": "an order was acknowledged twice",
    "ack_while_leaving": "an acknowledgement came while a cancel was under way",
    "ack_after_end": "an acknowledgement came when the order was over",
    "reject_of_entry": "an entry was refused by the venue",
    "reject_of_stop": "a stop was refused by the venue",
    "reject_of_exit": "a way out was refused by the venue",
    "reject_of_unknown": "an order of unknown fate turned out to be refused",
    "cancelled_as_asked": "an order was cancelled as asked",
    "cancelled_in_part": "an order was cancelled after a part of it filled",
    "cancelled_unasked": "an order was cancelled and nobody had asked for it",
    "cancelled_of_unknown": "an order of unknown fate turned out to be cancelled",
    "expired": "the venue ended an order",
    "cancel_refused": "a cancel was refused and the order rests on",
    "cancel_refused_unknown": "a cancel of an order of unknown fate was refused",
    "cancel_refused_late": "a cancel was refused because the order was over",
    "amended": "an order was changed as asked",
    "amended_unasked": "the venue changed an order by itself",
    "amend_refused": "a change was refused",
    "amend_refused_late": "a change was refused because the order was over",
    "unknown_entry": "nobody knew what became of an entry",
    "unknown_stop": "nobody knew what became of a stop",
    "unknown_exit": "nobody knew what became of a way out",
    "unknown_target": "nobody knew what became of a target",
    "unknown_while_leaving": "nobody knew what became of a cancel",
    "unknown_of_working": "an order that rested was lost sight of",
    "unknown_two": "two orders were of unknown fate at once",
    "absent_entry": "an entry was proved never to have arrived",
    "absent_stop": "a stop was proved never to have arrived",
    "absent_exit": "a way out was proved never to have arrived",
    "absent_and_sent": "an order whose bytes had left was proved never to have arrived",
    "absent_and_unsent": "an order whose bytes never left was proved absent",
    "funding": "funding was charged or paid",
}
_POSITIONS: Final = {
    "closed_by_stop": "a stop closed a position",
    "closed_by_target": "a target closed a position",
    "closed_by_trailing": "a trailed stop closed a position",
    "closed_by_signal": "a signal closed a position",
    "closed_by_time": "a position was closed because of its age",
    "closed_flat": "a position was taken off the market",
    "closed_by_stranger": "somebody else closed a position",
    "flipped": "a fill turned a position over",
    "short": "a position was short",
    "cash_settled": "a position was paid for in full",
    "margined": "a position posted margin",
    "stop_with_target": "a stop and a target rest as a pair",
    "stop_moved": "a stop was moved",
    "stop_grew": "a stop was made larger with its position",
    "stop_shrank": "a stop was made smaller with its position",
    "stop_again": "a stop was placed again after one was gone",
    "stop_for_stranger": "a position that somebody else made got its stop",
    "exit_after_cancel": "a way out was sent when the stop before it was gone",
    "exit_again": "a way out was sent again after one that failed",
    "exit_while_unknown": "a way out had to wait for a stop of unknown fate",
    "unprotected": "a position without a stop was told of",
}
_RULES: Final = {
    "refused_account_held": "an order was refused because the account is held",
    "refused_symbol_held": "an order was refused because its symbol is held",
    "refused_unknown": "an order was refused beside one of unknown fate",
    "refused_stale": "an order was refused because its data were old",
    "refused_bad_data": "an order was refused because its data were bad",
    "refused_book": "an order was refused because its book was crossed or empty",
    "refused_in_position": "an order was refused because there is a position",
    "refused_other_strategy": "an order was refused because another strategy holds the symbol",
    "refused_no_size": "an order was refused because its size was nothing",
    "refused_unprotected": "an order was refused because a position has no stop",
    "refused_open_orders": "an order was refused because there are too many",
    "refused_open_positions": "an order was refused because there are too many positions",
    "refused_often": "an order was refused because there were too many in a time",
    "refused_money": "an order was refused because money or margin is short",
    "refused_not_reconciled": "an order was refused because books differ",
    "latched_daily_loss": "a day lost too much",
    "latched_drawdown": "too much was lost from the peak of a day",
    "latched_losses": "too many losses came in a row",
    "latched_spread": "a spread was too wide",
    "latched_move": "a price moved too far",
    "latched_lag": "a feed lagged",
    "latched_rejects": "a venue refused too often",
    "latched_reconciliation": "books differed, and their symbol was held",
    "latched_strange_trade": "a trade was told twice and not the same",
    "released_by_person": "a person released a latch",
    "released_by_time": "a latch was released when its pause was over",
    "released_by_condition": "a latch was released because what it saw is over",
    "policy_changed": "other limits came into force while positions were held",
}
_PEOPLE: Final = {
    "kill_immediate": "everything was to be closed",
    "kill_graceful": "positions were to leave by their plan",
    "kill_pause": "entries were to stop",
    "kill_file": "the latch file could not be believed",
    "kill_met_leaving": "a kill met an order whose cancel was under way",
    "kill_met_unknown": "a kill met an order of unknown fate",
    "kill_met_entry": "a kill met an entry that rested or was under way",
    "kill_met_position": "a kill met a position",
    "kill_met_bare": "a kill met a position without a stop",
    "kill_met_exit": "a kill met a way out that was under way",
    "kill_while_down": "a kill came while no engine ran",
    "kill_while_away": "a kill came while the venue could not be spoken to",
    "kill_again": "a kill came while one was in force",
    "cleared": "a person cleared a kill",
    "traded_after_clear": "an entry left after a kill was cleared",
}
_PROCESSES: Final = {
    "restart_with_unanswered": "an engine went on with an order that was not answered",
    "restart_with_position": "an engine went on with a position",
    "restart_with_kill": "an engine went on with a kill in force",
    "restart_with_survivors": "a crash left rows that nobody had been told were durable",
    "restart_lost_decisions": "a crash took decisions along that were not durable",
    "restart_from_snapshot": "an engine went on from a snapshot",
    "restart_found_fill": "a fill that nobody heard was found after a restart",
    "restart_again": "three engines began before one had reconciled",
    "restart_with_unsent": "an engine went on with an order that had never left",
    "died_sending": "an engine died with some bytes of an order sent",
    "died_killing": "an engine died with some of a kill sent",
    "old_order_cancelled": "an engine cancelled an order of the engine before it",
    "reconnected_with_position": "a venue was greeted again while a position was held",
    "settled_running": "a world settled with nothing held",
    "settled_held": "a world settled with the account held",
    "settled_with_position": "a world settled with a position behind its stop",
    "settled_flat": "a world settled with no position",
}
POINTS: Final[Mapping[str, str]] = {
    **_REPORTS,
    **_POSITIONS,
    **_RULES,
    **_PEOPLE,
    **_PROCESSES,
}


def too_seldom(seen: Mapping[str, int], hits_min: int = HITS_MIN) -> dict[str, int]:
    """Return the points that a swarm passed too seldom, and how often.

    >>> len(too_seldom({})) == len(POINTS)
    True
    >>> too_seldom(dict.fromkeys(POINTS, HITS_MIN))
    {}
    """
    return {name: seen.get(name, 0) for name in POINTS if seen.get(name, 0) < hits_min}
