"""How an entry's quantity came about, number by number, from the scratch of its decision."""

from dataclasses import dataclass
from typing import Final

from interlock.kernel.codes import SizingMethod, StopMethod, TargetMethod
from interlock.kernel.policy import PolicyArray
from interlock.kernel.state import StateArray
from interlock.kernel.units import LIMIT_NONE
from interlock.runtime.readable import Scale, Unit

_LOTS: Final = (
    ("risk_lots", "risk per trade allows"),
    ("position_lots", "max_position_pct allows"),
    ("exposure_lots", "max_exposure_fraction allows"),
    ("limit_lots", "the limits on order and position allow"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sized:
    """One number of the arithmetic: what it is, as the kernel has it, and as people read it."""

    name: str
    raw: int
    text: str


def _share(scale: Scale, ppm: int) -> str:
    return "none" if ppm >= LIMIT_NONE else scale.number(Unit.SHARE, ppm)


def _sized(scale: Scale, name: str, lots: int, words: str = "") -> Sized:
    return Sized(name=name, raw=lots, text=scale.quantity(lots) + words)


def sizes_of(
    policy: PolicyArray, scale: Scale, state: StateArray, instrument: int, asked: int = 0
) -> tuple[Sized, ...]:
    """Return the arithmetic of the last entry that was sized.

    Args:
        policy: Shape (1,): the one that held.
        scale: Of the instrument.
        state: Shape (1,), just after the decision.
        instrument: Its number.
        asked: Lots that the signal asked for at most; 0 when it did not.
    """
    account = policy["account"][0]
    scratch, view = state["sizing"][0], state["view"][0]
    sizing, exits = account["sizing"], account["exits"]
    mark = int(state["instruments"]["mark"][0, instrument])
    equity = int(view["equity_units"])
    price, distance = int(scratch["price"]), int(scratch["stop_distance"])
    target = int(scratch["target_distance"])
    cost_ppm = int(scratch["cost_ppm"])
    found = [
        Sized(name="equity", raw=equity, text=scale.money(equity)),
        Sized(name="last price", raw=mark, text=scale.price(mark)),
        Sized(name="expected entry", raw=price, text=f"{scale.price(price)}, slippage included"),
        Sized(
            name="distance to the stop",
            raw=distance,
            text=f"{scale.price(distance)} ({StopMethod(exits['stop_method']).name})",
        ),
        Sized(
            name="distance to the target",
            raw=target,
            text=f"{scale.price(target)} ({TargetMethod(exits['target_method']).name})",
        ),
        Sized(name="costs of the round trip", raw=cost_ppm, text=_share(scale, cost_ppm)),
    ]
    if distance <= 0 or price <= 0 or equity <= 0:
        return (*found, Sized(name="quantity", raw=0, text="0: without a stop nothing is sized"))
    loss = int(scratch["risk_per_lot"])
    method = SizingMethod(sizing["method"]).name.lower()
    allowed = {
        "risk_lots": _share(scale, int(sizing["risk_ppm"])),
        "position_lots": _share(scale, int(sizing["position_ppm"])),
        "exposure_lots": _share(scale, int(sizing["exposure_ppm"])),
    }
    found.append(
        Sized(
            name="lost per unit at the stop", raw=loss, text=f"{scale.price(loss)}, costs included"
        )
    )
    found.append(_sized(scale, f"{method} asks for", int(scratch["method_lots"])))
    for name, words in _LOTS:
        share = f" ({allowed[name]} of equity)" if name in allowed else ""
        found.append(_sized(scale, words, int(scratch[name]), share))
    if asked > 0:
        found.append(_sized(scale, "the signal asks for", asked))
    ppm = int(scratch["scale_ppm"])
    found.append(
        Sized(name="size after losses in a row", raw=ppm, text=scale.number(Unit.TIMES, ppm))
    )
    lots = int(scratch["lots"])
    return (
        *found,
        Sized(
            name="quantity",
            raw=lots,
            text=f"{scale.quantity(lots)}: the smallest of these, cut to whole lots",
        ),
    )
