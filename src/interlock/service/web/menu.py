"""Which pages there are, who may open them, and where they stand in the menu."""

from dataclasses import dataclass
from typing import Final

from interlock.service.doors import Access
from interlock.service.permissions import Actor, Permission


@dataclass(frozen=True, slots=True, kw_only=True)
class PageKind:
    """One page.

    Attributes:
        name: Of its template and of its module.
        path: Where it is.
        title: What its heading and the window say.
        access: Who may open it; whoever may not is refused.
        shows: What it shows needs this too; whoever may not see it is sent to their own first page.
        group: Under which word of the menu it stands; "" keeps it out of the menu.
        charts: Whether it draws any, so that the browser fetches what draws them early.
    """

    name: str
    path: str
    title: str
    access: Access
    shows: Permission | None = None
    group: str = ""
    charts: bool = False


_SEES: Final = Access(needs=Permission.SEE_DASHBOARD)
_SIGNED_IN: Final = Access(signed_in=True)

PAGES: Final = (
    PageKind(
        name="overview",
        path="/",
        title="Overview",
        access=_SIGNED_IN,  # everybody's front door; an auditor's is further in
        shows=Permission.SEE_DASHBOARD,
        group="Watch",
        charts=True,
    ),
    PageKind(name="positions", path="/positions", title="Positions", access=_SEES, group="Watch"),
    PageKind(name="orders", path="/orders", title="Orders", access=_SEES, group="Watch"),
    PageKind(name="signals", path="/signals", title="Signals", access=_SEES, group="Watch"),
    PageKind(name="chart", path="/chart/{symbol}", title="Chart", access=_SEES, charts=True),
    PageKind(name="risk", path="/risk", title="Risk limits", access=_SEES, group="Guard"),
    PageKind(name="breakers", path="/breakers", title="Breakers", access=_SEES, group="Guard"),
    PageKind(name="kill", path="/kill", title="Kill switch", access=_SEES, group="Guard"),
    PageKind(
        name="system",
        path="/system",
        title="System",
        access=Access(needs=Permission.SEE_HEALTH),
        group="Know",
    ),
    PageKind(
        name="audit",
        path="/audit",
        title="Audit",
        access=Access(needs=Permission.SEE_AUDIT),
        group="Know",
    ),
    PageKind(
        name="backtests",
        path="/backtests",
        title="Backtests",
        access=Access(needs=Permission.SEE_RESEARCH),
        group="Know",
    ),
    PageKind(
        name="people",
        path="/people",
        title="People",
        access=Access(needs=Permission.MANAGE_PEOPLE),
        group="Rights",
    ),
    PageKind(name="account", path="/account", title="Account", access=_SIGNED_IN, group="Rights"),
)
_HOME: Final = "/"


@dataclass(frozen=True, slots=True)
class Link:
    """One line of the menu."""

    path: str
    title: str


def may_open(actor: Actor, page: PageKind) -> bool:
    """Return whether somebody may open a page."""
    return {page.access.needs, page.shows} - {None} <= actor.permissions


def menu_of(actor: Actor) -> list[tuple[str, list[Link]]]:
    """Return the menu of somebody: groups of the pages that they may open."""
    groups: dict[str, list[Link]] = {}
    for page in PAGES:
        if page.group and may_open(actor, page):
            groups.setdefault(page.group, []).append(Link(page.path, page.title))
    return list(groups.items())


def first_page_of(actor: Actor) -> str:
    """Return where somebody begins: the first page that they may open."""
    return next(page.path for page in PAGES if "{" not in page.path and may_open(actor, page))


def safe_next(asked: str) -> str:
    """Return where to go after signing in: a page of ours, else the first one.

    >>> safe_next("/orders"), safe_next("/chart/BTC_USDT"), safe_next("/orders?state=open")
    ('/orders', '/chart/BTC_USDT', '/orders?state=open')
    >>> safe_next("//evil.example"), safe_next("https://evil.example"), safe_next("/api/people")
    ('/', '/', '/')
    """
    path, _, query = asked.partition("?")
    known = {page.path for page in PAGES}
    chart = path.removeprefix("/chart/")
    is_chart = chart != path and _is_plain(chart)
    if (path not in known or "{" in path) and not is_chart:
        return _HOME
    return f"{path}?{query}" if query and _is_plain(query) else path


def _is_plain(text: str) -> bool:
    """Return whether a text has nothing in it that an address could be bent with."""
    return bool(text) and all(one.isascii() and (one.isalnum() or one in "_-=&.") for one in text)
