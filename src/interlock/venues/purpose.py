"""What a stop is for, and what an account that was just looked at lacks for it. Pure functions."""

from enum import StrEnum
from typing import Final

from interlock.kernel.codes import BUY, SELL, OrderKind
from interlock.venues.port import WARDEN_PREFIX, Account, Closing, VenueOrder

STOPS: Final = (int(OrderKind.STOP), int(OrderKind.STOP_LIMIT))
_PPM: Final = 1_000_000


class Purpose(StrEnum):
    """What is to be true at the venue."""

    CANCEL = "cancel"  # no order is open
    FLATTEN = "flatten"  # and no position is held
    PROTECT = "protect"  # no order can open anything, and a stop lies under every position
    WITHDRAW = "withdraw"  # no order of a warden is open


def is_unwanted(purpose: Purpose, order: VenueOrder, account: Account) -> bool:
    """Return whether an open order has to go."""
    if purpose is Purpose.WITHDRAW:
        return order.client_id.startswith(WARDEN_PREFIX)
    if purpose is Purpose.PROTECT:
        return not order.is_reduce_only or _is_in_the_way(order, account)
    return True


def _is_in_the_way(order: VenueOrder, account: Account) -> bool:
    """Return whether an order may lock what the stop that is missing has to sell."""
    return order.order_kind not in STOPS and _uncovered(account, order.instrument) > 0


def needed(purpose: Purpose, account: Account, *, stop_ppm: int) -> dict[int, Closing]:
    """Return the orders that are lacking, by instrument. Their client ids are given later.

    Args:
        purpose: What is to be true.
        account: As the venue shows it.
        stop_ppm: Distance of a stop from the mark, in millionths of the price. A stop for which
            there is no mark has no trigger.
    """
    found: dict[int, Closing] = {}
    for instrument, lots in sorted(account.positions.items()):
        side = SELL if lots > 0 else BUY
        qty, trigger = 0, 0
        if purpose is Purpose.FLATTEN:
            qty = abs(lots)
        elif purpose is Purpose.PROTECT:
            qty = _uncovered(account, instrument)
            trigger = _trigger(account.marks.get(instrument, 0), side, stop_ppm)
        if qty > 0:
            found[instrument] = Closing(
                client_id="", instrument=instrument, side=side, qty=qty, trigger=trigger
            )
    return found


def _uncovered(account: Account, instrument: int) -> int:
    """Return how many lots of a position no stop would close."""
    lots = account.positions.get(instrument, 0)
    side = SELL if lots > 0 else BUY
    covered = sum(
        order.qty - order.filled
        for order in account.orders
        if order.instrument == instrument
        and order.is_reduce_only
        and order.side == side
        and order.order_kind in STOPS
    )
    return max(abs(lots) - covered, 0)


def _trigger(mark: int, side: int, stop_ppm: int) -> int:
    """Return where a stop goes, ticks; 0 when there is no price to place it by."""
    distance = max(mark * stop_ppm // _PPM, 1)
    return max(mark + side * distance, 1) if mark > 0 else 0
