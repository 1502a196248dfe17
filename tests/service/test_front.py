"""The front of the application: ids, headers, hosts, the one shape of an error."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from pydantic import BaseModel
from starlette.responses import JSONResponse, StreamingResponse

from interlock.runtime.asking import AskError
from interlock.service.app import add_description
from interlock.service.doors import Access, Door, actor_of, inventory, not_allowed
from interlock.service.engine_client import EngineDown
from interlock.service.front import CSP, ids_of
from interlock.service.metrics import GatewayMetrics
from interlock.service.peers import peer_of
from interlock.service.permissions import Actor, Permission
from interlock.service.problems import Problem
from interlock.service.reading import CLOSED, read_json
from tests.service.apps import ANYBODY, CHANGES, Log, OpenGuard, app_for_tests, client_of

LOOK = Access(needs=Permission.SEE_DASHBOARD)


class Said(BaseModel):
    """A body."""

    model_config = CLOSED
    word: str


def made(log: Log | None = None, guard: OpenGuard | None = None, **front: Any) -> FastAPI:
    """Return an application with a few routes."""
    app = app_for_tests(log=log or Log(), **front)
    door = Door(app, guard or OpenGuard(), tag="test", public_url=front.get("public_url", ""))

    @door.route("GET", "/thing/{name}", LOOK)
    async def thing(name: str, request: Request) -> dict[str, Any]:
        ids, peer = ids_of(request), peer_of(request)
        return {
            "name": name,
            "id": ids.request,
            "correlation": ids.correlation,
            "address": peer.address,
            "loopback": peer.is_direct_loopback,
            "proxy": peer.through_proxy,
            "actor": actor_of(request).name,
        }

    @door.route("DELETE", "/thing/{name}", LOOK)
    async def gone(name: str) -> dict[str, str]:
        return {"gone": name}

    @door.route("POST", "/say", LOOK)
    async def say(request: Request) -> dict[str, str]:
        return {"word": (await read_json(request, Said)).word}

    @door.route("POST", "/hook", Access(own="a test's"))
    async def hook(request: Request) -> dict[str, int]:
        return {"length": len(await request.body())}

    _add_failures(door)
    return app


def _add_failures(door: Door) -> None:
    def failing(path: str, error: Exception) -> None:
        async def fail() -> None:
            raise error

        door.route("GET", path, LOOK)(fail)

    failing("/bug", KeyError("the secret of the matter"))
    failing("/problem", Problem(status=418, code="TEAPOT", message="no.", more={"field": "x"}))
    failing("/down", EngineDown("no engine answers here."))
    failing("/refused", AskError("mode must be pause."))

    @door.route("GET", "/breaks", LOOK)
    async def breaks() -> StreamingResponse:
        async def parts() -> Any:
            yield b"a"
            raise OSError("half way")

        return StreamingResponse(parts())

    @door.route("GET", "/own", LOOK)
    async def own() -> JSONResponse:
        headers = {"Content-Security-Policy": "default-src 'self'", "Cache-Control": "max-age=5"}
        return JSONResponse({}, headers=headers)


Asking = Callable[[httpx.AsyncClient], Coroutine[Any, Any, httpx.Response]]


def asked(app: FastAPI, ask: Asking, address: str = "127.0.0.1") -> httpx.Response:
    """Return the answer to one request."""

    async def one() -> httpx.Response:
        async with client_of(app, address) as client:
            return await ask(client)

    return asyncio.run(one())


def request(app: FastAPI, method: str, path: str, **more: Any) -> httpx.Response:
    """Return the answer to any request."""
    return asked(app, lambda client: client.request(method, path, **more))


def get(app: FastAPI, path: str, address: str = "127.0.0.1", **headers: str) -> httpx.Response:
    """Return the answer to a GET; _ in a header's name stands for -."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return asked(app, lambda client: client.get(path, headers=named), address)


def post(app: FastAPI, path: str, content: bytes, **headers: str) -> httpx.Response:
    """Return the answer to a POST."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return asked(app, lambda client: client.post(path, content=content, headers=named))


def test_every_answer_has_the_headers_that_keep_browsers_from_harm() -> None:
    app = made()
    for path in ("/thing/a", "/nothing", "/bug", "/problem"):
        headers = get(app, path).headers
        assert headers["content-security-policy"].encode() == CSP
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"
        assert "strict-transport-security" not in headers, "nothing here speaks TLS"
        assert not [name for name in headers if name.startswith("access-control")]


def test_browsers_are_told_to_come_back_with_tls_alone_when_others_come_through_a_proxy() -> None:
    app = made(public_url="https://trade.example", trusted_proxy="10.0.0.1")
    found = get(app, "/thing/a", host="trade.example").headers["strict-transport-security"]

    assert int(found.partition("max-age=")[2].partition(";")[0]) >= 31_536_000


def test_a_route_may_have_a_policy_of_its_own() -> None:
    headers = get(made(), "/own").headers

    assert headers.get_list("content-security-policy") == ["default-src 'self'"]
    assert headers.get_list("cache-control") == ["max-age=5"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/nothing", 404, "NOT_FOUND"),
        ("/thing/a/", 404, "NOT_FOUND"),
        ("/docs", 404, "NOT_FOUND"),
        ("/redoc", 404, "NOT_FOUND"),
        ("/openapi.json", 404, "NOT_FOUND"),
        ("/say", 405, "METHOD_NOT_ALLOWED"),
        ("/bug", 500, "INTERNAL"),
        ("/problem", 418, "TEAPOT"),
        ("/down", 503, "ENGINE_DOWN"),
        ("/refused", 409, "REFUSED"),
    ],
)
def test_an_error_has_one_shape_whatever_it_is(path: str, status: int, code: str) -> None:
    found = get(made(), path)
    error = found.json()["error"]

    assert found.status_code == status
    assert found.headers["content-type"] == "application/json"
    assert error["code"] == code
    assert error["message"].endswith(".")
    assert error["id"] == found.headers["x-request-id"]
    assert set(error) == {"code", "message", "id"} | ({"field"} if code == "TEAPOT" else set())


def test_a_method_that_is_not_there_is_told_which_are() -> None:
    found = asked(made(), lambda client: client.patch("/thing/a"))

    assert found.status_code == 405
    assert found.headers["allow"] == "DELETE, GET"
    for method in ("TRACE", "CONNECT", "BREW"):
        other = request(made(), method, "/thing/a")
        assert other.status_code == 405
        assert other.headers["allow"] == "DELETE, GET"


def test_of_a_bug_the_client_learns_an_id_and_the_log_the_rest() -> None:
    log = Log()
    found = get(made(log), "/bug?token=hidden", x_correlation_id="abc")

    assert "secret" not in found.text
    ((event, facts),) = log.lines
    assert event == "unexpected"
    assert facts["id"] == found.json()["error"]["id"]
    assert facts["correlation"] == "abc"
    assert facts["route"] == "/bug"
    assert "KeyError: 'the secret of the matter'" in facts["trace"]
    assert "hidden" not in json.dumps(facts)


def test_an_answer_that_breaks_half_way_is_broken_off_and_written_down() -> None:
    log = Log()

    async def one() -> None:
        transport = httpx.ASGITransport(app=made(log), client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            await client.get("/breaks")

    with pytest.raises(ConnectionAbortedError):
        asyncio.run(one())
    assert [event for event, _ in log.lines] == ["unexpected"]


def test_our_id_is_ours_and_theirs_is_taken_when_it_is_sane() -> None:
    app = made()
    found = get(app, "/thing/a", x_request_id="their-1.a_b").json()
    assert found["correlation"] == "their-1.a_b"
    assert found["id"].startswith("r-")
    for word in ("a b", "x" * 65, "a\tb", "<script>", ""):
        other = get(app, "/thing/a", x_correlation_id=word).json()
        assert other["correlation"] == other["id"]
    assert found["id"] != get(app, "/thing/a").json()["id"]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:8080", 200),
        ("127.0.0.1:5001", 200),
        ("127.1.2.3", 200),
        ("[::1]:5001", 200),
        ("trade.example", 200),
        ("trade.example:443", 421),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("127.0.0.1@evil.example", 421),
        ("evil.example#localhost", 421),
        ("localhost/", 421),
        ("10.0.0.1", 421),
        ("192.168.1.1", 421),
        ("localhost:x", 421),
        ("[::1].evil.example", 421),
        ("[::1]x", 421),
        ("[::1%25evil.example]", 421),
        ("[::ffff:8.8.8.8]", 421),
        ("localhost:5001:80", 421),
        ("localhost.", 421),
        ("127.0.0.1.", 421),
        ("127.1", 421),
        ("x" * 300, 421),
        ("", 421),
    ],
)
def test_a_name_that_others_can_point_here_is_refused(host: str, status: int) -> None:
    app = made(public_url="https://trade.example", trusted_proxy="10.0.0.1")
    found = get(app, "/thing/a", host=host)

    assert found.status_code == status
    if status == 421:
        assert found.json()["error"]["code"] == "HOST_REFUSED"


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"content-type": "application/json", "x-interlock": "1"}, 200, ""),
        ({"content-type": "application/json; charset=utf-8", "x-interlock": "1"}, 200, ""),
        ({"content-type": "application/json", "authorization": "Bearer x"}, 200, ""),
        ({"content-type": "application/json"}, 403, "HEADER_NEEDED"),
        ({"content-type": "application/json", "x-interlock": "0"}, 403, "HEADER_NEEDED"),
        ({"content-type": "text/plain", "x-interlock": "1"}, 415, "NOT_JSON"),
        ({"x-interlock": "1"}, 415, "NOT_JSON"),
        ({"content-type": "application/x-www-form-urlencoded"}, 415, "NOT_JSON"),
        ({"content-type": "multipart/form-data; boundary=x", "x-interlock": "1"}, 415, "NOT_JSON"),
        ({"origin": "https://evil.example", "x-interlock": "1"}, 403, "ORIGIN_REFUSED"),
        ({"origin": "null", "x-interlock": "1"}, 403, "ORIGIN_REFUSED"),
        ({"origin": "", "x-interlock": "1"}, 403, "ORIGIN_REFUSED"),
        ({"origin": "https://127.0.0.1:5001", "x-interlock": "1"}, 403, "ORIGIN_REFUSED"),
        ({"origin": "http://127.0.0.1:5002", "x-interlock": "1"}, 403, "ORIGIN_REFUSED"),
        (
            {
                "origin": "http://127.0.0.1:5001",
                "content-type": "application/json",
                "x-interlock": "1",
            },
            200,
            "",
        ),
    ],
)
def test_a_page_of_another_site_changes_nothing(
    headers: dict[str, str], status: int, code: str
) -> None:
    found = asked(
        made(), lambda client: client.post("/say", content=b'{"word":"a"}', headers=headers)
    )

    assert found.status_code == status
    assert (found.json()["error"]["code"] if code else "") == code


def test_a_change_without_a_body_needs_no_type_and_a_hook_judges_by_itself() -> None:
    app = made()
    assert asked(app, lambda client: client.delete("/thing/a", headers=CHANGES)).status_code == 200
    assert asked(app, lambda client: client.delete("/thing/a")).status_code == 403
    form = {"content_type": "application/x-www-form-urlencoded"}
    assert post(app, "/hook", b"{}", **form).json() == {"length": 2}


def test_our_public_page_may_change_things() -> None:
    app = made(public_url="https://trade.example", trusted_proxy="10.0.0.1")
    headers = CHANGES | {"host": "trade.example", "content-type": "application/json"}
    for origin, status in (
        ("https://trade.example", 200),
        ("http://trade.example", 403),
        ("https://other.example", 403),
        ("", 403),
    ):
        mine = headers | {"origin": origin}
        found = request(app, "POST", "/say", content=b'{"word":"a"}', headers=mine)
        assert found.status_code == status


def test_requests_are_counted_by_the_template_of_their_route() -> None:
    metrics = GatewayMetrics()
    app = app_for_tests(metrics=metrics, log=Log())
    door = Door(app, OpenGuard(), tag="test")

    @door.route("GET", "/secret/{token}", LOOK)
    async def one(token: str) -> dict[str, str]:
        return {"token": token}

    get(app, "/secret/abc123")
    get(app, "/secrets/abc123")
    text = metrics.text()
    assert 'interlock_gateway_requests_total{route="/secret/{token}",status="2xx"} 1.0' in text
    assert 'interlock_gateway_requests_total{route="(none)",status="4xx"} 1.0' in text
    assert "abc123" not in text


def test_nothing_starts_with_a_route_that_does_not_say_who_may_use_it() -> None:
    app = made()
    assert ("GET", "/bug", "see_dashboard") in inventory(app)
    assert ("POST", "/hook", "own: a test's") in inventory(app)

    async def opened() -> dict[str, str]:
        return {}

    app.add_api_route("/open", opened)
    with pytest.raises(AssertionError, match="/open does not say who may use it"):
        inventory(app)


def test_a_route_says_once_who_may_use_it() -> None:
    with pytest.raises(AssertionError):
        Access()
    with pytest.raises(AssertionError):
        Access(signed_in=True, public="everybody")
    several = Access(needs=Permission.KILL, step_up=True, loopback=True)
    assert several.said == "kill, step-up, or loopback"


def test_who_is_known_may_do_what_was_granted_and_no_more() -> None:
    looks = Actor(name="user:a", permissions=frozenset({Permission.SEE_DASHBOARD}))
    assert not_allowed(looks, LOOK) is None
    refusal = not_allowed(looks, Access(needs=Permission.KILL))
    assert refusal is not None
    assert refusal.code == "NOT_PERMITTED"
    step = not_allowed(looks, Access(needs=Permission.SEE_DASHBOARD, step_up=True))
    assert step is not None
    assert step.code == "STEP_UP_NEEDED"
    assert not_allowed(ANYBODY, Access(needs=Permission.KILL, step_up=True)) is None


def test_the_guard_is_asked_before_the_route_and_the_form() -> None:
    guard = OpenGuard()
    app = made(guard=guard)
    post(app, "/say", b"{}")
    get(app, "/thing/a")
    get(app, "/nothing")

    assert guard.asked == [LOOK, LOOK]


def test_the_description_is_for_those_who_are_signed_in() -> None:
    app = made()
    add_description(Door(app, OpenGuard(), tag="api"), app)
    found = get(app, "/openapi.json").json()

    assert found["paths"]["/thing/{name}"]["get"]["x-access"] == "see_dashboard"
    assert ("GET", "/openapi.json", "signed in") in inventory(app)
