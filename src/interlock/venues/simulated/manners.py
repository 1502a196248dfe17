"""Bad manners on request: what real venues do to engines, for proofs. Well-behaved by default."""

from collections import Counter
from dataclasses import dataclass

from interlock.venues.port import Account, Found, Message, NotFound, Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How the venue's server misbehaves. What is done to its books is always right.

    Attributes:
        drop_report_every: Each so manieth report is never told; 0 for none.
        repeat_report_every: Each so manieth report is told twice; 0 for none.
        drop_answers: So many of the first answers to questions are never told.
        hide_answers: So many questions about an order are answered "not found" first, though it
            is there: a replica that lags.
        delay_s: Everything is told so much later.
        cut_command: The connection is cut in the command of this number, from 1; 0 for never.
        cut_bytes: So many of its bytes arrive. All of them: it is done, and nobody hears of it.
        refuse_connections: So many of the first connections are closed at once: maintenance.
        is_free_running: The recording does not wait for answers to its beats.
    """

    drop_report_every: int = 0
    repeat_report_every: int = 0
    drop_answers: int = 0
    hide_answers: int = 0
    delay_s: float = 0.0
    cut_command: int = 0
    cut_bytes: int = 0
    refuse_connections: int = 0
    is_free_running: bool = False


GOOD: Manners = Manners()


class Conduct:
    """What becomes of messages under some manners; counts over the server's whole life.

    Args:
        manners: How it misbehaves.
    """

    def __init__(self, manners: Manners) -> None:
        self.manners = manners
        self._reports = 0
        self._answers = 0
        self._commands = 0
        self._connections = 0
        self._asked: Counter[str] = Counter()

    def refuses(self) -> bool:
        """Return whether the connection that was just opened is closed at once."""
        self._connections += 1
        return self._connections <= self.manners.refuse_connections

    def cuts(self, length: int) -> int | None:
        """Return how many bytes of the next command arrive before the connection is cut.

        Args:
            length: Of the command.

        Returns:
            At most ``length``; None when it is not cut.
        """
        self._commands += 1
        if self._commands != self.manners.cut_command:
            return None
        return min(self.manners.cut_bytes, length)

    def told(self, messages: list[Message]) -> list[Message]:
        """Return what is really told."""
        found: list[Message] = []
        for message in messages:
            found += self._really(message)
        return found

    def _really(self, message: Message) -> list[Message]:
        if isinstance(message, Report):
            self._reports += 1
            if _is_due(self._reports, self.manners.drop_report_every):
                return []
            if _is_due(self._reports, self.manners.repeat_report_every):
                return [message, message]
        elif isinstance(message, Account | Found | NotFound):
            self._answers += 1
            if self._answers <= self.manners.drop_answers:
                return []
            if isinstance(message, Found) and self.manners.hide_answers > 0:
                return [self._lagging(message)]
        return [message]

    def _lagging(self, message: Found) -> Message:
        client_id = message.order.client_id
        self._asked[client_id] += 1
        if self._asked[client_id] > self.manners.hide_answers:
            return message
        return NotFound(client_id=client_id, now_ns=0)


def _is_due(count: int, every: int) -> bool:
    return every > 0 and count % every == 0
