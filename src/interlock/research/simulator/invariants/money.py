"""What a fill moves and a position is worth, in whole account units."""

from interlock.kernel.codes import BUY
from interlock.research.simulator.invariants.believed import NS_MAX, PRICE_MAX, QTY_MAX, UNITS_MAX
from interlock.research.simulator.invariants.facts import Facts
from interlock.research.simulator.invariants.limits import Numbers


def money_units(spec: Numbers, side: int, price: int, qty: int) -> int:
    """Return what a fill moves: ticks * lots * unit; a buy rounds up, a sell down."""
    whole = price * qty * spec["unit_num"]
    return -(-whole // spec["unit_den"]) if side == BUY else whole // spec["unit_den"]


def worth_units(spec: Numbers, position: int, mark: int) -> int:
    """Return what a position of so many lots is worth, signed, rounded against us."""
    return position * mark * spec["unit_num"] // spec["unit_den"]


def is_bookable(event: Facts, spec: Numbers) -> bool:
    """Return whether a fill is in numbers that books can hold; another is garbage."""
    highest = max(event.price, event.close)
    if event.side not in {1, -1} or not 0 < event.qty <= QTY_MAX:
        return False
    if not 0 < event.price <= highest <= PRICE_MAX or not 0 <= event.src_ts_ns < NS_MAX:
        return False
    if highest * spec["unit_num"] * event.qty >= UNITS_MAX * spec["unit_den"]:
        return False
    if event.fee_asset == 1:
        return 0 <= event.fee <= event.qty
    return event.fee_asset == 0 and -UNITS_MAX < event.fee < UNITS_MAX
