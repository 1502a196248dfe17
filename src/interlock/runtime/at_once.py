"""Deciding at once on what somebody waits for, after all that is more urgent than the market."""

from interlock.journal.rows import Entry
from interlock.kernel.records import Rows
from interlock.runtime.engine import Engine
from interlock.runtime.entries import Said


def hurry(engine: Engine) -> None:
    """Decide on all that waits and is more urgent than the market."""
    while engine.link.rows or engine.inbox.urgent:
        engine.work()


def decide_now(engine: Engine, row: Rows, payload: bytes) -> Entry:
    """Decide on one row, and return what is to be journaled of it.

    Args:
        engine: Of the account.
        row: Shape (1,); no fill.
        payload: JSON that belongs to it.
    """
    hurry(engine)
    engine.operate_now(row, payload)
    return engine.entries[-1]


def noted(engine: Engine, content: Said, key: bytes = b"") -> Entry:
    """Write down what this process says of itself, and return it.

    Args:
        engine: Of the account.
        content: What it says.
        key: What it may be written down once by, or nothing.
    """
    engine.note(content, key)
    return engine.entries[-1]
