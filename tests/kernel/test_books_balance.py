"""Whatever happens, every total is the sum of its parts."""

from hypothesis import given

from tests.kernel.chance import Action, actions, play
from tests.kernel.helpers import Bench
from tests.kernel.recount import check_all

# Every breaker on, so that latches come and go while the books are looked at.
WATCHED = """
    account.limits.daily_loss_ppm=20_000 account.limits.drawdown_ppm=30_000
    account.drawdown_warn_ppm=2_000 account.drawdown_emergency_ppm=15_000
    breakers.DAILY_LOSS.enabled=1 breakers.DAILY_LOSS.level=Level.HALTED
    breakers.DAILY_LOSS.release=Release.SESSION+Release.PERSON
    breakers.MAX_DRAWDOWN.enabled=1 breakers.MAX_DRAWDOWN.level=Level.HALTED
    breakers.MAX_DRAWDOWN.release=Release.SESSION+Release.PERSON
    breakers.DRAWDOWN.enabled=1 breakers.DRAWDOWN.level=Level.HALTED
    breakers.DRAWDOWN.limit=8_000
    breakers.DRAWDOWN.release=Release.COOLDOWN+Release.PERSON
    breakers.DRAWDOWN.cooldown_ns=60_000_000_000
    breakers.CONSECUTIVE_LOSSES.enabled=1 breakers.CONSECUTIVE_LOSSES.level=Level.HALTED
    breakers.CONSECUTIVE_LOSSES.release=Release.PERSON losses.halt_at=3
    losses.reduce_at=1 losses.reduce_ppm=500_000
    breakers.PRICE_MOVE.enabled=1 breakers.PRICE_MOVE.level=Level.PAUSED
    breakers.PRICE_MOVE.release=Release.CONDITION breakers.PRICE_MOVE.limit=40_000
    breakers.ATR_SPIKE.enabled=1 breakers.ATR_SPIKE.level=Level.PAUSED
    breakers.ATR_SPIKE.release=Release.CONDITION breakers.ATR_SPIKE.limit=2_500_000
    breakers.SPREAD.enabled=1 breakers.SPREAD.level=Level.PAUSED
    breakers.SPREAD.release=Release.CONDITION breakers.SPREAD.limit=5_000
    breakers.FEED_LAG.enabled=1 breakers.FEED_LAG.level=Level.PAUSED
    breakers.FEED_LAG.release=Release.CONDITION breakers.FEED_LAG.limit=5_000
    breakers.DISK.enabled=1 breakers.DISK.level=Level.PAUSED
    breakers.DISK.release=Release.CONDITION breakers.DISK.limit=5_000
"""
EXITS = """
    exits.trailing_enabled=1 exits.trailing_atr=2.0 exits.break_even_enabled=1
    exits.break_even_multiple=0.5 exits.time_periods=4
"""


@given(actions)
def test_every_total_is_the_sum_of_its_parts(told: list[Action]) -> None:
    """Ledger, equity, orders, what is in flight, latches, protection: counted again each time."""
    play(Bench(), told, every=check_all)


@given(actions)
def test_the_books_balance_while_breakers_come_and_go(told: list[Action]) -> None:
    play(Bench(WATCHED + EXITS), told, every=check_all)


@given(actions)
def test_the_books_balance_on_margin(told: list[Action]) -> None:
    """Settled by margin, at five times leverage, with exits that the kernel watches itself."""
    settings = """
        instrument.settle=Settle.MARGIN instrument.native_oco=0
        strategy.margin=1 strategy.leverage_ppm=5_000_000
    """
    play(Bench(settings), told, every=check_all)
