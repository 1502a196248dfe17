"""The pages' routes: shells that say who looks and what the menu is; modules fetch the rest."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from interlock.service.doors import Access, Door, Guard, actor_of
from interlock.service.permissions import Actor, Permission
from interlock.service.problems import Problem
from interlock.service.web.assets import FOREVER, Assets, load_assets
from interlock.service.web.menu import (
    PAGES,
    PageKind,
    first_page_of,
    may_open,
    menu_of,
    safe_next,
)

# plotly makes one style element, empty, and fills it through the browser's object model: the hash
# is that of an empty text. Nothing else may be inline, and nothing comes from elsewhere.
CSP: Final = (
    "default-src 'none'; script-src 'self'; "
    "style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; "
    "img-src 'self' data:; connect-src 'self'; font-src 'self'; form-action 'self'; "
    "base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
)
_PUBLIC_SIGN_IN: Final = Access(public="nobody is signed in before they have signed in")
_PUBLIC_FILES: Final = Access(public="the pages' own files, the same for everybody")
_OK: Final = 200
_MOVED: Final = 302
_NOT_SIGNED_IN: Final = 401
_NOT_PERMITTED: Final = 403


class SignInFirst(Exception):  # noqa: N818 - an answer, not an accident
    """A page was asked for by nobody that is known."""


class NotTheirs(Exception):  # noqa: N818 - an answer, not an accident
    """A page was asked for by somebody who may not see it.

    Args:
        actor: Whoever asked; None where not even that may be said.
        problem: What the guard said.
    """

    def __init__(self, actor: Actor | None, problem: Problem) -> None:
        super().__init__(problem.message)
        self.actor = actor
        self.problem = problem


@dataclass(frozen=True, slots=True)
class _PageGuard:
    """The guard of the whole front door, whose refusals become pages."""

    guard: Guard

    async def __call__(self, request: Request, access: Access) -> Actor:
        try:
            return await self.guard(request, access)
        except Problem as problem:
            if problem.status == _NOT_SIGNED_IN:
                raise SignInFirst from problem
            if problem.status == _NOT_PERMITTED:
                raise NotTheirs(await self._whoever(request), problem) from problem
            raise

    async def _whoever(self, request: Request) -> Actor | None:
        """Return who asks although they may not, so that their own menu can be shown."""
        try:
            return await self.guard(request, Access(signed_in=True))
        except Problem:
            return None


class _Shells:
    """Turns templates into answers.

    Args:
        assets: Their addresses stand in every page.
        mode: What kind of money it is: PAPER or LIVE; the loudest word of every page.
    """

    def __init__(self, assets: Assets, mode: str) -> None:
        self._assets = assets
        self._mode = mode
        self._environment = Environment(
            loader=PackageLoader("interlock.service.web", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def answer(self, template: str, status: int = _OK, **values: Any) -> HTMLResponse:
        """Return a page."""
        content = self._environment.get_template(f"{template}.html").render(
            static=f"/static/{self._assets.version}",
            map_styles=self._assets.map_styles,
            mode=self._mode,
            **values,
        )
        return HTMLResponse(content, status_code=status, headers={"content-security-policy": CSP})

    def page(self, kind: PageKind, actor: Actor, **values: Any) -> HTMLResponse:
        """Return the shell of a page."""
        return self.answer(
            kind.name,
            page=kind,
            modules=self._assets.imported_by(f"{kind.name}.js"),
            actor=_named(actor),
            menu=menu_of(actor),
            home=first_page_of(actor),
            may=sorted(actor.permissions),
            sees_kill=Permission.SEE_DASHBOARD in actor.permissions,
            **values,
        )

    def outside(self, name: str, title: str, **values: Any) -> HTMLResponse:
        """Return a page for people who are not signed in."""
        modules = self._assets.imported_by(f"{name}.js")
        return self.answer(name, title=title, modules=modules, **values)

    def refused(self, refusal: NotTheirs) -> HTMLResponse:
        """Return the page that says that a page is not for them."""
        actor = refusal.actor
        return self.answer(
            "refused",
            status=_NOT_PERMITTED,
            title="Not for your role",
            modules=[],
            message=refusal.problem.message,
            home="/login" if actor is None else first_page_of(actor),
        )


def _named(actor: Actor) -> dict[str, str]:
    """Return how a page calls whoever looks at it."""
    role = "" if actor.role is None else str(actor.role).replace("_", " ")
    return {"name": actor.name.partition(":")[2] or actor.name, "role": role}


def add_pages(app: FastAPI, guard: Guard, *, mode: str) -> None:
    """Add every page and the files that they need.

    Args:
        app: They become its routes.
        guard: Of the front door; whoever it does not know is sent to sign in.
        mode: ``paper`` or ``live``.
    """
    assets = load_assets()
    shells = _Shells(assets, mode.upper())
    door = Door(app, _PageGuard(guard), tag="pages")
    for kind in PAGES:
        door.route("GET", kind.path, kind.access, include_in_schema=False)(_shown(kind, shells))
    _add_outside(door, shells)
    _add_files(door, assets)

    async def sign_in_first(request: Request, _: Exception) -> Response:
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        wanted = safe_next(path)
        query = "" if wanted == "/" else "?" + urlencode({"next": wanted})
        return RedirectResponse(f"/login{query}", _MOVED, {"cache-control": "no-store"})

    async def not_theirs(_: Request, refusal: Exception) -> Response:
        assert isinstance(refusal, NotTheirs)
        return shells.refused(refusal)

    app.add_exception_handler(SignInFirst, sign_in_first)
    app.add_exception_handler(NotTheirs, not_theirs)


def _shown(kind: PageKind, shells: _Shells) -> Callable[..., Awaitable[Response]]:
    """Return what answers one page."""

    async def page(request: Request) -> Response:
        actor = actor_of(request)
        if not may_open(actor, kind):
            return RedirectResponse(first_page_of(actor), _MOVED)
        symbol = request.path_params.get("symbol", "")
        shown = replace(kind, title=symbol) if symbol else kind
        return shells.page(shown, actor, symbol=symbol)

    page.__name__ = f"page_{kind.name}"
    return page


def _add_outside(door: Door, shells: _Shells) -> None:
    """Add the two pages that need no sign-in."""

    @door.route("GET", "/login", _PUBLIC_SIGN_IN, include_in_schema=False)
    async def login(request: Request) -> Response:
        wanted = safe_next(request.query_params.get("next", "/"))
        return shells.outside("login", "Sign in", wanted=wanted)

    @door.route("GET", "/setup", _PUBLIC_SIGN_IN, include_in_schema=False)
    async def setup(_: Request) -> Response:
        return shells.outside("setup", "First administrator")


def _add_files(door: Door, assets: Assets) -> None:
    """Add what pages are made of."""

    @door.route("GET", "/static/{version}/{name}", _PUBLIC_FILES, include_in_schema=False)
    async def file(request: Request, version: str, name: str) -> Response:
        found = assets.files.get(PurePosixPath(name).name)
        if found is None or version != assets.version:
            raise Problem(status=404, code="NOT_FOUND", message=f"there is no file {name!r}.")
        packed = "gzip" in request.headers.get("accept-encoding", "")
        headers = {"cache-control": FOREVER, "vary": "accept-encoding"}
        headers |= {"content-encoding": "gzip"} if packed else {}
        return Response(
            found.packed if packed else found.plain, media_type=found.kind, headers=headers
        )

    @door.route("GET", "/favicon.ico", _PUBLIC_FILES, include_in_schema=False)
    async def icon() -> Response:
        return Response(
            assets.files["icon.svg"].plain,
            media_type="image/svg+xml",
            headers={"cache-control": "public, max-age=86400"},
        )
