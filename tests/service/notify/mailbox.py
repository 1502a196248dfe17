"""A mail server of tests: a real one, on a real socket, that keeps what comes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from aiosmtpd.controller import Controller


class Inbox:
    """Keeps what comes, or refuses it."""

    def __init__(self, refusal: str = "", heard: Callable[[str], None] = lambda _: None) -> None:
        self.mails: list[Any] = []
        self.refusal = refusal
        self.heard = heard

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Take a mail; the name is the library's."""
        if self.refusal:
            return self.refusal
        self.mails.append(envelope)
        self.heard(envelope.content.decode())
        return "250 OK"


@contextmanager
def mail_server(inbox: Inbox, **more: Any) -> Iterator[int]:
    """Yield the port of a mail server."""
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port(), **more)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        return int(server.server_address[1])
