"""Every route of the whole gateway: written down, and of a door."""

import pytest
from fastapi import FastAPI

from interlock.app.gateway_routes import whole_app
from interlock.service.doors import Access, Door, check_routes, inventory, route_lines
from tests.service.apps import OpenGuard


@pytest.fixture(scope="module")
def app() -> FastAPI:
    """Return the gateway as it is shipped."""
    return whole_app()


def test_the_list_of_routes_is_the_router(app: FastAPI) -> None:
    """Next, when this fails: make docs, and look at what changed."""
    check_routes(app)


def test_few_doors_are_open_to_strangers(app: FastAPI) -> None:
    public = {path for _, path, access in inventory(app) if access.startswith(("public", "own"))}
    assert public == {
        *("/login", "/setup", "/favicon.ico", "/static/{version}/{name}"),
        *("/healthz", "/readyz"),
        *("/api/session", "/api/setup", "/api/setup/confirm"),
        *("/webhook", "/webhook/{token}"),
    }


def test_a_route_that_nobody_wrote_down_keeps_the_gateway_from_starting(app: FastAPI) -> None:
    own = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    @Door(own, OpenGuard(), tag="test").route("GET", "/secret-door", Access(signed_in=True))
    async def opened() -> dict[str, str]:
        return {}

    with pytest.raises(AssertionError, match="GET /secret-door: signed in"):
        check_routes(own)
    assert len(route_lines(app)) > 50
