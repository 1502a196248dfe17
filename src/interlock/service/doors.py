"""Routes that say who may use them: one without that does not exist, and nothing starts with it."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final, Protocol

from fastapi import Depends, FastAPI, Request
from fastapi.routing import APIRoute

from interlock.service.peers import is_loopback_host
from interlock.service.permissions import Actor, Permission
from interlock.service.problems import Problem

_ACCESS: Final = "x-access"  # where a route keeps it, in its OpenAPI description too
_LOOKS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_BEARER: Final = "bearer "
CUSTOM_HEADER: Final = "x-interlock"  # no page of another site can send one without our consent
JSON: Final = "application/json"
ROUTES: Final = "routes.txt"  # beside this file


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may use a route.

    Attributes:
        needs: The permission; None with one of the other two, or with ``signed_in``.
        signed_in: Whether every person who is signed in may, whatever their role.
        step_up: Whether a second factor must have been shown within the last minutes.
        loopback: Whether a direct peer on this machine may without login (no forwarding headers).
        public: Why nobody has to sign in, as a reason; "" for the others.
        own: How the route itself decides who may, as a reason (webhooks); "" for the others.
        reads: Whether it changes nothing although its method could: then there is nothing that a
            page of another site could make somebody do.
    """

    needs: Permission | None = None
    signed_in: bool = False
    step_up: bool = False
    loopback: bool = False
    public: str = ""
    own: str = ""
    reads: bool = False

    def __post_init__(self) -> None:
        """Refuse one that says nothing, or two things."""
        said = (self.needs is not None, self.signed_in, bool(self.public), bool(self.own))
        assert sum(said) == 1, "a route says once who may use it"

    @property
    def said(self) -> str:
        """In words, for inventories."""
        if self.public:
            return f"public: {self.public}"
        if self.own:
            return f"own: {self.own}"
        words = ["signed in" if self.needs is None else str(self.needs)]
        words += ["step-up"] if self.step_up else []
        words += ["or loopback"] if self.loopback else []
        return ", ".join(words)


class Guard(Protocol):
    """Finds out who asks, and refuses whoever may not."""

    async def __call__(self, request: Request, access: Access) -> Actor:
        """Return who asks; raises Problem 401 or 403. Every refusal is audited."""


class Door:
    """A group of routes.

    Args:
        app: They become its routes.
        guard: Called before each of them; the actor is in ``request.state.actor`` then.
        tag: Of all of them, in the OpenAPI description.
        public_url: Where pages of ours come from besides this machine; "" is nowhere.
    """

    def __init__(self, app: FastAPI, guard: Guard, *, tag: str, public_url: str = "") -> None:
        self._app = app
        self._guard = guard
        self._tag = tag
        self._public_url = public_url

    def route(
        self, method: str, path: str, access: Access, **more: Any
    ) -> Callable[[Callable[..., Awaitable[Any]]], Callable[..., Awaitable[Any]]]:
        """Return a decorator that makes a function answer a path."""

        async def check(request: Request) -> None:
            request.state.actor = await self._guard(request, access)
            trusted = access.own or access.reads
            problem = None if trusted else bad_form(request, self._public_url)
            if problem is not None:
                raise problem

        described = {**more.pop("openapi_extra", {}), _ACCESS: access.said}

        def decorate(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
            self._app.add_api_route(
                path,
                function,
                methods=[method],
                tags=[self._tag],
                dependencies=[Depends(check)],
                openapi_extra=described,
                **more,
            )
            return function

        return decorate


def actor_of(request: Request) -> Actor:
    """Return who asks; the guard found out."""
    actor: Actor = request.state.actor
    return actor


def bad_form(request: Request, public_url: str = "") -> Problem | None:
    """Return why a request that changes something may have been sent by another site's page."""
    if request.method in _LOOKS:
        return None
    headers = request.headers
    origin = headers.get("origin")
    if origin is not None and origin not in _own_origins(headers.get("host", ""), public_url):
        return Problem(
            status=403, code="ORIGIN_REFUSED", message="pages of another site change nothing here."
        )
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != JSON and (has_body or kind):
        return Problem(status=415, code="NOT_JSON", message=f"the Content-Type must be {JSON}.")
    is_token = headers.get("authorization", "").lower().startswith(_BEARER)
    if not is_token and headers.get(CUSTOM_HEADER) != "1":
        return Problem(
            status=403,
            code="HEADER_NEEDED",
            message="what changes something needs the header X-Interlock: 1.",
        )
    return None


def _own_origins(host: str, public_url: str) -> set[str]:
    """Return where pages of ours come from."""
    found = {public_url} if public_url else set()
    return found | ({f"http://{host}"} if is_loopback_host(host) else set())


def inventory(app: FastAPI) -> list[tuple[str, str, str]]:
    """Return (method, path, access) of every route, sorted.

    Raises:
        AssertionError: One of them does not say who may use it: nothing starts with it.
    """
    found = []
    for one in app.routes:
        assert isinstance(one, APIRoute), f"{one!r} is not of a door"
        access = (one.openapi_extra or {}).get(_ACCESS)
        assert access, f"{one.path} does not say who may use it"
        found += [(method, one.path, access) for method in sorted(one.methods or ())]
    return sorted(found)


def not_allowed(actor: Actor, access: Access) -> Problem | None:
    """Return why somebody who is known may not use a route; None when they may."""
    if access.needs is not None and access.needs not in actor.permissions:
        return Problem(
            status=403,
            code="NOT_PERMITTED",
            message=f"{actor.name} must hold the permission {access.needs}, and does not.",
        )
    if access.step_up and not actor.stepped_up:
        return Problem(
            status=403,
            code="STEP_UP_NEEDED",
            message="this needs a fresh code of your second factor: POST it to /api/step-up first.",
        )
    return None


def route_lines(app: FastAPI) -> list[str]:
    """Return a line for every route: method, path, and who may use it."""
    return [f"{method} {path}: {access}" for method, path, access in inventory(app)]


def check_routes(app: FastAPI, *, besides: Collection[str] = ()) -> None:
    """Refuse to start with other routes than those that were written down.

    Args:
        app: Whose routes.
        besides: Paths that need not be there.

    Raises:
        AssertionError: A route is there that nobody wrote down, or one is missing.
    """
    written = (files("interlock.service") / ROUTES).read_text(encoding="utf-8").splitlines()
    expected = {line for line in written if line and not line.startswith("#")}
    found = set(route_lines(app))
    missing = {line for line in expected - found if not any(f" {one}: " in line for one in besides)}
    wrong = sorted(found - expected) + sorted(missing)
    assert not wrong, f"routes must be as in {ROUTES} (make docs writes it), and differ: {wrong}"
