"""Attacks a gateway, in a process of its own: bad requests at a rate, and slow sockets.

Comes from other addresses of this machine than honest senders do. Prints one line of JSON when its
time is over.
"""

import asyncio
import itertools
import json
import random
import sys
import time
from contextlib import suppress
from typing import Any, Final

import uvloop

CONNECTIONS: Final = 64
TRICKLE_S: Final = 0.5
SEED: Final = 12
SOURCES: Final = ("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5")
SLOW: Final = (
    b"",
    b"GET /healthz HTTP/1.1\r\nHost: loc",
    b"POST /webhook HTTP/1.1\r\nHost: localhost\r\nContent-Length: 30000\r\n\r\n{",
    b"POST /webhook HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n7530\r\n{",
    b"POST /api/kill HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999\r\n\r\n{",
)


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """Return a request as it goes over the wire, as one that came through a proxy."""
    said = {"Host": "127.0.0.1", "X-Forwarded-For": "198.51.100.7", **headers}
    if body:
        said |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = [f"{method} {path} HTTP/1.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in said.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


BAD: Final = (
    *[request("POST", "/webhook", b'{"symbol":"SPY","action":"BUY","secret":"guess"}')] * 16,
    *[request("POST", "/webhook/guess", b'{"symbol":"SPY","action":"BUY"}')] * 2,
    *[request("POST", "/webhook", b'{"a":' * 2_000)] * 2,
    *[request("POST", "/webhook", b"{" + b" " * 20_000)] * 1,
    *[request("GET", "/api/overview", Authorization="Bearer ilk_guess")] * 4,
    *[request("GET", "/api/overview", Cookie="__Host-interlock=guess")] * 2,
    *[request("POST", "/api/session", b'{"name":"ada","password":"guess","code":"1"}')] * 2,
    *[request("POST", "/api/kill", b'{"mode":"immediate","reason":"x"}')] * 1,
    *[request("GET", "/../../etc/passwd")] * 1,
    *[request("TRACE", "/")] * 1,
)


class Attack:
    """What came of it.

    Args:
        place: Of the gateway.
        seconds: How long it goes on.
        rate: Bad requests a second.
        slow: Sockets that are slow.
    """

    def __init__(self, place: tuple[str, int], seconds: float, rate: float, slow: int) -> None:
        self.place = place
        self.seconds = seconds
        self.rate = rate
        self.slow = slow
        self.statuses: dict[int, int] = {}
        self.cut = 0
        self._sources = itertools.cycle(SOURCES)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return a connection from one of the attackers."""
        return await asyncio.open_connection(*self.place, local_addr=(next(self._sources), 0))

    async def bad(self, waiting: "asyncio.Queue[bytes]") -> None:
        """Send bad requests, each behind the answer of the one before."""
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while True:
            raw = await waiting.get()
            try:
                streams = streams or await self.connect()
                streams[1].write(raw)
                head = await streams[0].readuntil(b"\r\n\r\n")
                lower = head.lower()
                await streams[0].readexactly(
                    int(lower.split(b"content-length: ")[1].split(b"\r\n")[0])
                )
                status = int(head[9:12])
                self.statuses[status] = self.statuses.get(status, 0) + 1
                if b"connection: close" in lower:
                    streams[1].close()
                    streams = None
            except (OSError, asyncio.IncompleteReadError, IndexError):
                self.cut += 1
                streams = None

    async def slowly(self, number: int) -> None:
        """Hold a connection and say next to nothing; when it is cut, have another."""
        while True:
            with suppress(OSError, asyncio.IncompleteReadError):
                reader, writer = await self.connect()
                writer.write(SLOW[number % len(SLOW)])
                ended = asyncio.ensure_future(reader.read())
                while not ended.done():
                    await asyncio.wait([ended], timeout=TRICKLE_S)
                    if SLOW[number % len(SLOW)] and not ended.done():
                        writer.write(b"a")
                self.cut += 1
                writer.close()
            await asyncio.sleep(0.05)

    async def run(self) -> dict[str, Any]:
        """Do it, and return what came of it."""
        waiting: asyncio.Queue[bytes] = asyncio.Queue(maxsize=CONNECTIONS)
        tasks = [asyncio.create_task(self.bad(waiting)) for _ in range(CONNECTIONS)]
        tasks += [asyncio.create_task(self.slowly(number)) for number in range(self.slow)]
        chance = random.Random(SEED)  # noqa: S311 - no secret
        begun_s = time.perf_counter()
        sent = 0
        while (now_s := time.perf_counter() - begun_s) < self.seconds:
            while sent < now_s * self.rate:
                await waiting.put(chance.choice(BAD))
                sent += 1
                if time.perf_counter() - begun_s > self.seconds:
                    break
            await asyncio.sleep(0.002)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return {"sent": sent, "per_second": sent / self.seconds, "cut": self.cut} | {
            "statuses": self.statuses
        }


def main() -> None:
    """Do what the arguments say: host, port, seconds, rate, slow sockets."""
    host, port, seconds, rate, slow = sys.argv[1:]
    attack = Attack((host, int(port)), float(seconds), float(rate), int(slow))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(attack.run())))


if __name__ == "__main__":
    main()
