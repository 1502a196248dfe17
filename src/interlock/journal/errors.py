"""What can be wrong with a journal. Each message says what, where, and what to do."""

from typing import Final

LOOK: Final = "Trading stays off. Next: interlock journal verify names the first bad record."


class JournalError(ValueError):
    """A journal that may not be used: a person has to look."""


class StoreError(JournalError):
    """The place refused: full, read-only, gone. What was not acknowledged did not happen."""


class FencedError(JournalError):
    """Another engine holds this journal now; this one has to stop."""


class DamageError(JournalError):
    """What was acknowledged is not there any more, or is not what it was.

    Attributes:
        seq: The first bad sequence number.
        damage: Its class: edit, delete, insert, reorder, truncate, rewrite, rollback or fork.
    """

    def __init__(self, message: str, *, seq: int, damage: str) -> None:
        super().__init__(message)
        self.seq = seq
        self.damage = damage
