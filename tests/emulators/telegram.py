"""Telegram's Bot API over a real socket: what a bot sees of it, and its bad days on request.

Source: "Telegram Bot API" (core.telegram.org/bots/api): getMe, getUpdates, sendMessage,
editMessageText, answerCallbackQuery, and "Making requests" for the shape of answers.
"""

import json
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Event, Thread
from typing import Any, Final
from urllib.parse import parse_qsl

from interlock.runtime.clock import NS_PER_S, SystemClock

TOKEN: Final = "123456789:AAcanary-token_that-must-not-be-anywhere"  # noqa: S105 - of nobody
WAIT_S: Final = 20.0  # longer than anything here takes
POLL_MAX_S: Final = 2.0

Said = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A bad answer: ``status`` with ``body``; a reset without either; or a slow one.

    Attributes:
        method: The method that has it; "" is any but getUpdates.
        status: Of HTTP; 0 hangs up in the middle.
        body: What is answered.
        slow_s: How long it takes before the good answer, when nothing else is said.
    """

    method: str = ""
    status: int = 0
    body: Said = field(default_factory=dict)
    slow_s: float = 0.0


def too_many(seconds: int, method: str = "") -> Fault:
    """Return the answer to a bot that sends too much."""
    body = {
        "ok": False,
        "error_code": 429,
        "description": f"Too Many Requests: retry after {seconds}",
        "parameters": {"retry_after": seconds},
    }
    return Fault(method=method, status=429, body=body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message that a bot sent or wrote anew."""

    chat: int
    message: int
    text: str
    buttons: dict[str, str]  # text to data
    at_s: float
    is_edit: bool = False


class FakeTelegram:
    """What one bot talks to."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.answers: list[tuple[str, str]] = []  # to taps: query and text
        self.calls: list[tuple[str, Said]] = []
        self.paths: list[str] = []
        self.faults: deque[Fault] = deque()
        self.repeats = False  # forgets nothing, whatever offset is asked for
        self.changed = Condition()
        self.stopping = Event()
        self.port = 0
        self.heard: Callable[[str], None] = lambda _: None  # told of every text, at once
        self._updates: list[Said] = []
        self._update_id = 1_000
        self._message_id = 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    # --- what people do -----------------------------------------------------------------------

    def push(self, **update: Any) -> int:
        """Let an update arrive; return its number."""
        with self.changed:
            self._update_id += 1
            number = update.pop("update_id", self._update_id)
            self._updates.append({"update_id": number, **update})
            self.changed.notify_all()
        return int(number)

    def write(self, text: str, *, user: int, chat: int = 0, **more: Any) -> int:
        """Let somebody write something."""
        kind = more.pop("kind", "private")
        number = more.pop("update_id", None)
        message = {
            "message_id": 7,
            "date": int(_now_s()),
            "chat": {"id": chat or user, "type": kind},
            "from": person(user),
            "text": text,
            **more,
        }
        extra = {} if number is None else {"update_id": number}
        return self.push(message=message, **extra)

    def tap(self, data: str, *, user: int, chat: int = 0, message: int = 1, **more: Any) -> int:
        """Let somebody tap a button."""
        kind = more.pop("kind", "private")
        query = {
            "id": f"q{len(self._updates)}",
            "from": person(user),
            "chat_instance": "x",
            "data": data,
            "message": {
                "message_id": message,
                "date": int(_now_s()),
                "chat": {"id": chat or user, "type": kind},
                "text": "x",
            },
        }
        return self.push(callback_query=query, **more)

    def wait(self, what: Callable[["FakeTelegram"], bool]) -> None:
        """Wait until something is so."""
        with self.changed:
            assert self.changed.wait_for(lambda: what(self), WAIT_S), self.texts()

    def texts(self) -> list[str]:
        """Return what was sent so far."""
        return [one.text for one in self.sent]

    def having(self, words: str) -> Sent:
        """Wait for a message that has some words, and return the newest."""
        self.wait(lambda it: any(words in text for text in it.texts()))
        return next(one for one in reversed(self.sent) if words in one.text)

    # --- what a bot asks ----------------------------------------------------------------------

    def answer(self, method: str, asked: Said) -> Said:
        """Return what a method returns."""
        name = method.lower()
        if name == "getme":
            return {"id": 1, "is_bot": True, "first_name": "bot", "username": "interlock_bot"}
        if name == "getupdates":
            return self._take_updates(asked)
        with self.changed:
            self.changed.notify_all()
            if name in {"sendmessage", "editmessagetext"}:
                return self._keep(name, asked)
            if name == "answercallbackquery":
                self.answers.append((str(asked["callback_query_id"]), str(asked.get("text", ""))))
        return True  # type: ignore[return-value]

    def _take_updates(self, asked: Said) -> Said:
        offset, wait_s = int(asked.get("offset", 0)), float(asked.get("timeout", 0))
        with self.changed:
            if not self.repeats and offset:
                self._updates = [one for one in self._updates if one["update_id"] >= offset]
            self.changed.wait_for(
                lambda: bool(self._updates) or self.stopping.is_set(), min(wait_s, POLL_MAX_S)
            )
            return list(self._updates)  # type: ignore[return-value]

    def _keep(self, name: str, asked: Said) -> Said:
        is_edit = name == "editmessagetext"
        if not is_edit:
            self._message_id += 1
        number = int(asked["message_id"]) if is_edit else self._message_id
        rows = json.loads(asked.get("reply_markup") or "{}").get("inline_keyboard", [])
        sent = Sent(
            chat=int(asked["chat_id"]),
            message=number,
            text=str(asked["text"]),
            buttons={one["text"]: one["callback_data"] for row in rows for one in row},
            at_s=_now_s(),
            is_edit=is_edit,
        )
        self.sent.append(sent)
        self.heard(sent.text)
        chat = {"id": sent.chat, "type": "private"}
        return {"message_id": number, "date": int(_now_s()), "chat": chat, "text": sent.text}

    def fault(self, method: str) -> Fault | None:
        """Take the next bad day of a method."""
        with self.changed:
            for one in self.faults:
                if one.method.lower() == method.lower() or (
                    not one.method and method.lower() != "getupdates"
                ):
                    self.faults.remove(one)
                    return one
        return None


def _now_s() -> float:
    return SystemClock().now_ns() / NS_PER_S


def person(number: int) -> Said:
    """Return a user as Telegram names them."""
    return {"id": number, "is_bot": False, "first_name": "p"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: FakeTelegram

    def do_POST(self) -> None:
        fake = self.fake
        length = int(self.headers.get("content-length", 0))
        asked: Said = dict(parse_qsl(self.rfile.read(length).decode(), keep_blank_values=True))
        token, _, method = self.path.removeprefix("/bot").partition("/")
        with fake.changed:
            fake.paths.append(self.path)
            fake.calls.append((method, asked))
            fake.changed.notify_all()
        if token != TOKEN:
            self._say(401, {"ok": False, "error_code": 401, "description": "Unauthorized"})
            return
        fault = fake.fault(method)
        if fault is not None and fault.slow_s:
            fake.stopping.wait(fault.slow_s)
        elif fault is not None and not fault.status:
            self.close_connection = True
            self.connection.close()
            return
        elif fault is not None:
            self._say(fault.status, fault.body)
            return
        self._say(200, {"ok": True, "result": fake.answer(method, asked)})

    def _say(self, status: int, said: Said) -> None:
        raw = json.dumps(said).encode()
        with suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing: bots hang up."""


@contextmanager
def fake_telegram() -> Iterator[FakeTelegram]:
    """Yield a Bot API that listens."""
    fake = FakeTelegram()
    handler = type("Handler", (_Handler,), {"fake": fake})
    server = _Server(("127.0.0.1", 0), handler)
    fake.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        fake.stopping.set()
        with fake.changed:
            fake.changed.notify_all()
        server.shutdown()
        server.server_close()
        thread.join()
