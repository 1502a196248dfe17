"""Every way in which a policy's breakers can trip."""

from collections.abc import Iterator

from interlock.kernel.codes import Cause
from interlock.kernel.policy import PolicyArray
from interlock.monitors.breach import Breach
from interlock.monitors.market_breaches import lag_breach, move_breach, range_breach, spread_breach
from interlock.monitors.money_breaches import counted_breaches, money_breaches
from interlock.monitors.told_breaches import (
    commanded_breaches,
    equity_breaches,
    measured_breaches,
    reported_breaches,
)


def breaches(policy: PolicyArray) -> Iterator[Breach]:
    """Yield every way in which a breaker of ``policy`` can trip; those that are off are left out.

    Args:
        policy: Shape (1,).
    """
    account = policy[0]["account"]
    breakers = account["breakers"]
    for found in (
        *money_breaches(account),
        *counted_breaches(policy),
        spread_breach(policy),
        range_breach(policy),
        move_breach(breakers[Cause.PRICE_MOVE]),
        lag_breach(breakers[Cause.FEED_LAG]),
        *measured_breaches(account),
        *equity_breaches(account),
        *reported_breaches(account),
        *commanded_breaches(account),
    ):
        if breakers[found.cause]["enabled"] == 1:
            yield found
