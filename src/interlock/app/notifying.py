"""Notifications from the shell, whether the gateway runs or not: does a channel take messages?"""

import asyncio

from interlock.app.gateway_notify import rules_of
from interlock.app.launch import Launch, read_launch
from interlock.config.errors import PolicyError
from interlock.runtime.clock import SystemClock
from interlock.service.notify.outfit import read_outfit
from interlock.service.notify.trying import Tried, try_channels


def try_notifications(channel: str) -> list[Tried]:
    """Send one message by every channel, or by those whose names begin so; nothing is spooled.

    Raises:
        PolicyError: Something in the settings or in the files of secrets is not right, or there
            is no such channel.
    """
    _, home, configuration = read_launch(Launch())
    home.check()
    outfit = read_outfit(home.secrets, rules_of(configuration.system), SystemClock())
    known = sorted(outfit.channels)
    if not any(name.startswith(channel) for name in known):
        words = ", ".join(known) or "none: see docs/notifications.md"
        raise PolicyError(f"there must be a channel to send by, and there is none. Known: {words}.")
    return asyncio.run(try_channels(outfit, channel))
