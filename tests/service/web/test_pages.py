"""The pages as a server gives them: closed to strangers, without data, under a strict policy."""

import asyncio
import gzip
import re
from typing import Any

import httpx
import pytest

from interlock.service.doors import inventory
from interlock.service.permissions import GRANTS, Actor, Permission, Role
from interlock.service.web.assets import Assets, load_assets
from interlock.service.web.menu import PAGES, first_page_of, may_open, menu_of, safe_next
from tests.service.apps import client_of
from tests.service.web.fake_account import COOKIE, Fake
from tests.service.web.fake_api import fake_app

PATHS = [page.path.replace("{symbol}", "SPY") for page in PAGES]
INLINE = re.compile(
    r"<script(?![^>]*\bsrc=)|<style|\son\w+\s*=|\sstyle\s*=|javascript:", re.IGNORECASE
)
MARKUP = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function")


@pytest.fixture(scope="module")
def assets() -> Assets:
    return load_assets()


@pytest.fixture(scope="module")
def fake() -> Fake:
    made = Fake()
    made.reset()
    return made


@pytest.fixture(scope="module")
def app(fake: Fake) -> Any:
    return fake_app(fake)


def get(app: Any, path: str, token: str = "", **more: Any) -> httpx.Response:
    """Return the answer to a request with a session, or without one."""

    async def one() -> httpx.Response:
        async with client_of(app) as client:
            cookie = {"cookie": f"{COOKIE}={token}"} if token else {}
            return await client.get(path, headers=cookie, **more)

    return asyncio.run(one())


@pytest.mark.parametrize("path", PATHS)
def test_a_stranger_is_sent_to_sign_in(app: Any, path: str) -> None:
    answer = get(app, path)

    assert answer.status_code == 302
    assert answer.headers["location"].startswith("/login")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.content == b""


@pytest.mark.parametrize("path", [*PATHS, "/login", "/setup"])
def test_a_page_is_a_shell_under_a_strict_policy(app: Any, fake: Fake, path: str) -> None:
    """It holds no data of the account, nothing inline, and may fetch from this server alone."""
    answer = get(app, path, fake.sign_in())
    policy = answer.headers["content-security-policy"]

    assert answer.status_code == 200
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert INLINE.findall(answer.text) == []
    assert "450.10" not in answer.text
    assert set(re.findall(r'(?:src|href)="([a-z]+:)?//', answer.text)) == set()


@pytest.mark.parametrize("role", list(Role), ids=str)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_role_gets_its_pages_and_no_other(app: Any, fake: Fake, role: Role, page: Any) -> None:
    actor = Actor(name="user:alice", permissions=GRANTS[role], role=role)
    answer = get(app, page.path.replace("{symbol}", "SPY"), fake.sign_in(role))

    if may_open(actor, page):
        assert answer.status_code == 200
    elif page.path == "/":
        assert answer.status_code == 302
        assert answer.headers["location"] == first_page_of(actor)
    else:
        assert answer.status_code == 403
        assert "Not for your role" in answer.text
    kill = 'class="kill-link"' in answer.text
    assert kill == (answer.status_code == 200 and Permission.KILL in actor.permissions)


def test_every_role_has_a_first_page_that_it_may_open() -> None:
    for role, permissions in GRANTS.items():
        actor = Actor(name="user:a", permissions=permissions, role=role)
        first = first_page_of(actor)
        assert any(link.path == first for _, links in menu_of(actor) for link in links)


def test_every_page_is_in_the_inventory_with_what_it_needs(app: Any) -> None:
    found = {path: access for method, path, access in inventory(app) if method == "GET"}

    assert found["/people"] == "manage_people"
    assert found["/audit"] == "see_audit"
    assert found["/login"].startswith("public: ")
    assert {page.path for page in PAGES} <= set(found)


@pytest.mark.parametrize(
    "asked",
    [
        *("//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", ""),
        *("/api/people", "/login", "/orders/../api", "/chart/", "/chart/a/b", "/orders%2f"),
        *("/chart/{symbol}", "/ orders", "/orders\r\nX: y", "/\t/evil.example"),
    ],
)
def test_after_signing_in_nobody_is_led_away(asked: str) -> None:
    assert safe_next(asked) == "/"


def test_a_name_is_text_in_the_shell(app: Any, fake: Fake) -> None:
    answer = get(app, '/chart/"><img src=x onerror=alert(1)>', fake.sign_in())

    assert answer.status_code == 200
    assert "<img src=x" not in answer.text
    assert "&lt;img src=x" in answer.text


def test_files_are_kept_for_ever_and_packed_once(app: Any, assets: Assets) -> None:
    base = f"/static/{assets.version}"
    packed = get(app, f"{base}/plotly.min.js")
    plain = get(app, f"{base}/base.css", extensions={})

    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["cache-control"].endswith("immutable")
    assert packed.headers["content-type"].startswith("text/javascript")
    assert len(assets.files["plotly.min.js"].packed) < 1_700_000
    assert gzip.decompress(assets.files["base.css"].packed) == plain.content


@pytest.mark.parametrize(
    "path",
    [
        "/static/0000/base.css",
        "/static/{v}/nothing.js",
        "/static/{v}/..%2fpages.py",
        "/static/{v}/",
    ],
)
def test_what_is_no_file_of_a_page_is_not_there(app: Any, assets: Assets, path: str) -> None:
    assert get(app, path.replace("{v}", assets.version)).status_code == 404


def test_modules_put_data_in_as_text(assets: Assets) -> None:
    """What would parse it as markup or as a program stands in none of them."""
    for name, one in assets.files.items():
        if name != "plotly.min.js":
            assert MARKUP.findall(one.plain.decode()) == [], name


def test_every_page_names_the_modules_that_it_needs(app: Any, fake: Fake, assets: Assets) -> None:
    """They are fetched at once, instead of one after the other."""
    token = fake.sign_in()
    for page in PAGES:
        text = get(app, page.path.replace("{symbol}", "SPY"), token).text
        early = set(re.findall(r'rel="modulepreload" href="[^"]*/([^"/]+)"', text))
        assert early == set(assets.imported_by(f"{page.name}.js")), page.name
        assert "shell.js" in early


def test_a_template_has_an_element_for_all_that_its_module_fills(assets: Assets) -> None:
    """A page and its module are two files: a name that only one of them has is found here."""
    made = Fake()
    made.reset()
    app = fake_app(made)
    token = made.sign_in()
    for page in PAGES:
        text = get(app, page.path.replace("{symbol}", "SPY"), token).text
        there = set(re.findall(r'\bid="([^"]+)"', text))
        own = assets.files[f"{page.name}.js"].plain.decode()
        wanted = set(re.findall(r'byId\("([^"]+)"\)', own))
        assert wanted <= there, page.name
