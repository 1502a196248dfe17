"""How long from a record in the journal to a message in somebody's hand.

    .venv/bin/python benchmarks/alerts.py          # 300 alerts, 10 a second
    .venv/bin/python benchmarks/alerts.py 600 50   # 600 alerts, 50 a second

What is told of a journal goes through the spool on this disk to Telegram's Bot API and to a mail
server, both emulated here on real sockets. Then a flood of a thousand at once; then the same with
a channel that hangs.
"""

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from interlock.service.notify.channel import Way
from interlock.service.notify.mail import MailChannel
from tests.emulators.telegram import fake_telegram
from tests.service.notify.mailbox import Inbox, mail_server
from tests.service.notify.rig import ALICE, ChannelForTests, Rig, mail_settings, rig

COUNT: Final = 300
A_SECOND: Final = 10
FLOOD: Final = 1_000
WARM: Final = 10


def item(seq: int) -> dict[str, Any]:
    """Return an alarm that nobody else had."""
    return {
        "type": "alarm",
        "alarm": "UNPROTECTED",
        "of": f"S{seq}",
        "order": "o-1",
        "seq": seq,
    }


class Arrivals:
    """When what arrived, by its name."""

    def __init__(self) -> None:
        self.at_s: dict[str, float] = {}
        self.changed = threading.Condition()

    def note(self, text: str) -> None:
        """Note every alert that a message is about."""
        now_s = time.perf_counter()
        with self.changed:
            for word in text.replace(":", " ").split():
                if word[:1] == "S" and word[1:].isdigit():
                    self.at_s.setdefault(word, now_s)
            self.changed.notify_all()

    def wait(self, count: int) -> None:
        """Wait until so many are there."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.at_s) >= count, 120)


def figures(delays_ms: list[float]) -> dict[str, float]:
    """Return the middle and the slow end."""
    found = sorted(delays_ms)
    return {
        "alerts": len(found),
        "p50_ms": round(found[len(found) // 2], 1),
        "p99_ms": round(found[max(0, -(-len(found) * 99 // 100) - 1)], 1),
        "max_ms": round(found[-1], 1),
    }


def steady(made: Rig, *, count: int, a_second: int, hangs: bool) -> dict[str, Any]:
    """Return how long it took while nothing much happens."""
    arrivals = {"telegram": Arrivals(), "mail": Arrivals()}
    inbox = Inbox(heard=arrivals["mail"].note)
    with fake_telegram() as fake, mail_server(inbox) as port:
        fake.heard = arrivals["telegram"].note
        settings = mail_settings(
            enabled=True,
            host="127.0.0.1",
            port=port,
            security="none",
            sender="a@example.com",
            to=("b@example.com",),
        )
        ways = [Way(channel=MailChannel(settings, None, made.clock), least="critical")]
        if hangs:
            hanging = ChannelForTests("hangs")
            hanging.hangs = True
            ways.append(Way(channel=hanging, least="info"))
        made.ends = (0, made.clock.now_ns())
        with made.running(*ways, fake=fake, chats=(str(ALICE),)) as notices:
            notices.subscriber.begin(f"journal {hangs}", {})
            due_s, begun = time.perf_counter() + 0.5, {}
            for seq in range(1, count + WARM + 1):
                time.sleep(max(0.0, due_s - time.perf_counter()))
                begun[f"S{seq}"] = time.perf_counter()
                notices.subscriber.take([item(seq)], seq)
                due_s += 1 / a_second
            for one in arrivals.values():
                one.wait(count + WARM)
    return {
        name: figures([1e3 * (one.at_s[key] - at_s) for key, at_s in list(begun.items())[WARM:]])
        for name, one in arrivals.items()
    }


def flood(made: Rig) -> dict[str, Any]:
    """Return how long a thousand at once take, and in how many messages they come."""
    arrivals = Arrivals()
    with fake_telegram() as fake:
        fake.heard = arrivals.note
        made.ends = (0, made.clock.now_ns())
        with made.running(fake=fake, chats=(str(ALICE),)) as notices:
            notices.subscriber.begin("flood", {})
            items = [{**item(seq), "alarm": "GARBAGE"} for seq in range(1, FLOOD + 1)]
            begun_s = time.perf_counter()
            for at in range(0, FLOOD, 100):
                notices.subscriber.take(items[at : at + 100], at + 100)
            made.until(lambda: not made.waits())
            took_s = time.perf_counter() - begun_s
            return {
                "alerts": FLOOD,
                "messages": len(fake.sent),
                "all_told_after_ms": round(1e3 * took_s, 1),
            }


def main() -> None:
    """Measure, and print JSON."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    a_second = int(sys.argv[2]) if len(sys.argv) > 2 else A_SECOND
    found: dict[str, Any] = {}
    for name, hangs in (("steady", False), ("beside_a_channel_that_hangs", True)):
        with rig() as made:
            found[name] = steady(made, count=count, a_second=a_second, hangs=hangs)
    with rig() as made:
        found["flood"] = flood(made)
    sys.stdout.write(f"{json.dumps(found, indent=1)}\n")


if __name__ == "__main__":
    main()
