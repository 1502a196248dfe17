"""Sends alerts at a gateway, in a process of its own: open loop, over kept connections.

Alerts are due at fixed times, and what is late counts from when it was due. Prints one line of
JSON.
"""

import asyncio
import json
import random
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import uvloop

CONNECTIONS: Final = 64
SEED: Final = 11


@dataclass(slots=True)
class Load:
    """What came of it.

    Attributes:
        sent: Alerts that were sent.
        seconds: It took so long.
        delays_ms: From when each was due to its answer.
        statuses: How often each came.
        ids: Of each alert, by its own name; it has one.
        firsts: Answers that were no duplicate.
        disagreements: Alerts that got two ids.
    """

    sent: int = 0
    seconds: float = 0.0
    delays_ms: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    firsts: int = 0
    disagreements: int = 0


def bodies(count: int, resent: float, prefix: str) -> list[tuple[str, bytes]]:
    """Return the alerts, each with its name; a share of them is one that was before."""
    chance = random.Random(SEED)  # noqa: S311 - no secret
    found: list[tuple[str, bytes]] = []
    for number in range(count):
        if found and chance.random() < resent:
            found.append(found[-1 - min(len(found) - 1, int(chance.expovariate(0.05)))])
            continue
        name = f"{prefix}-{number}"
        content = {
            "symbol": f"S{number % 16:02d}X_USDT",
            "action": "close" if number // 16 % 2 else "buy",
            "price": "100.00",
            "id": name,
            "comment": "of a benchmark, about as long as what charts say of themselves",
        }
        found.append((name, json.dumps(content).encode()))
    return found


def request(body: bytes) -> bytes:
    """Return an alert as it goes over the wire."""
    return (
        b"POST /webhook HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    )


async def one(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes
) -> tuple[int, dict[str, Any]]:
    """Send one alert and return its answer."""
    writer.write(request(body))
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return int(head[9:12]), json.loads(await reader.readexactly(length))


async def load(host: str, port: int, count: int, rate: float, resent: float, prefix: str) -> Load:
    """Send all of it."""
    found = Load()
    waiting: asyncio.Queue[tuple[float, str, bytes] | None] = asyncio.Queue()

    async def connection() -> None:
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while (item := await waiting.get()) is not None:
            due_s, name, body = item
            if streams is None:  # who connects and says nothing is soon cut
                streams = await asyncio.open_connection(host, port)
            reader, writer = streams
            status, answer = await one(reader, writer, body)
            found.delays_ms.append((time.perf_counter() - due_s) * 1_000)
            found.statuses[status] = found.statuses.get(status, 0) + 1
            if status == 200:
                found.firsts += not answer["duplicate"]
                found.disagreements += found.ids.setdefault(name, answer["id"]) != answer["id"]
        if streams is not None:
            streams[1].close()

    workers = [asyncio.create_task(connection()) for _ in range(CONNECTIONS)]
    begin_s = time.perf_counter()
    for number, (name, body) in enumerate(bodies(count, resent, prefix)):
        due_s = begin_s + number / rate
        if (left_s := due_s - time.perf_counter()) > 0:
            await asyncio.sleep(left_s)
        waiting.put_nowait((due_s, name, body))
        found.sent += 1
    for _ in workers:
        waiting.put_nowait(None)
    await asyncio.gather(*workers)
    found.seconds = time.perf_counter() - begin_s
    return found


def main() -> None:
    """Do what the arguments say: host, port, count, rate, share of resends, prefix of names."""
    host, port, count, rate, resent, prefix = sys.argv[1:]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(load(host, int(port), int(count), float(rate), float(resent), prefix))
    print(json.dumps({**asdict(found), "ended_s": time.perf_counter()}))


if __name__ == "__main__":
    main()
