"""What a channel to people is, and how it says that a message did not get through."""

from dataclasses import dataclass
from typing import Protocol

from interlock.config.notifications import Severity
from interlock.service.notify.alert import Message


class ChannelError(Exception):
    """A message did not get through.

    Args:
        message: Why, for people; it has no secret.
        wait_s: How long the other side wants to be left alone; 0 when it does not say.
        is_final: Whether this message never will, however often it is tried.
    """

    def __init__(self, message: str, *, wait_s: float = 0.0, is_final: bool = False) -> None:
        super().__init__(message)
        self.wait_s = wait_s
        self.is_final = is_final


class Channel(Protocol):
    """One way to people."""

    @property
    def name(self) -> str:
        """Its own, without any secret."""

    async def send(self, message: Message) -> str:
        """Send a message; return under what the other side knows it, or nothing.

        Raises:
            ChannelError: It did not get through, as far as one can know.
        """

    async def close(self) -> None:
        """Let go of connections."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Way:
    """A channel, and the least that goes to it."""

    channel: Channel
    least: Severity
