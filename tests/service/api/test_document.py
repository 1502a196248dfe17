"""The API's description says what holds, also while nobody may read it."""

from pathlib import Path
from typing import Any

import pytest

from interlock.app.backtests import BACKTESTS
from interlock.app.gateway_api import BACKTESTS as BACKTESTS_SERVED
from interlock.app.gateway_routes import whole_app
from interlock.service.doors import inventory
from interlock.service.permissions import Permission
from tools import docs

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "api.md"


@pytest.fixture(scope="module")
def said() -> Any:
    return whole_app().openapi()


def operations(said: Any) -> list[tuple[str, str, Any]]:
    return [
        (method, path, one) for path, item in said["paths"].items() for method, one in item.items()
    ]


def test_every_route_of_the_api_is_described_with_who_may(said: Any) -> None:
    known = {(method, path): access for method, path, access in inventory(whole_app())}
    found = {(m.upper(), path): one["x-access"] for m, path, one in operations(said)}

    assert {key for key in known if key[1].startswith("/api/")} <= set(found)
    assert found.items() <= known.items()


def test_who_may_is_said_in_the_words_of_the_standard_too(said: Any) -> None:
    for _, path, one in operations(said):
        is_open = one["x-access"].startswith(("public", "own"))
        assert (one["security"] == []) is is_open, path
        assert ({} in one["security"]) is ("loopback" in one["x-access"]), path
    assert set(said["components"]["securitySchemes"]) == {"session", "token"}


def test_every_error_has_the_one_shape(said: Any) -> None:
    shape = {"$ref": "#/components/schemas/Error"}
    for method, path, one in operations(said):
        for status, answer in one["responses"].items():
            if status == "default" or int(status) >= 400:
                schema = answer["content"]["application/json"]["schema"]
                if "health" in path or path in {"/readyz", "/api/risk/probe"}:
                    continue  # their own answer says what is wrong
                assert schema == shape, f"{method} {path} {status}"
    assert "HTTPValidationError" not in said["components"]["schemas"]


def test_what_changes_something_says_what_it_takes(said: Any) -> None:
    mine = ("/api/kill", "/api/resume", "/api/reload", "/api/configuration", "/api/approvals")
    for method, path, one in operations(said):
        if method == "post" and path.startswith(mine):
            schema = one["requestBody"]["content"]["application/json"]["schema"]
            assert schema["additionalProperties"] is False, path
            assert "$defs" not in schema, path
            headers = [each["name"] for each in one["parameters"] if each["in"] == "header"]
            assert headers == ["X-Interlock"], path


def test_the_page_lists_every_route() -> None:
    assert docs.api_page().rstrip() + "\n" == PAGE.read_text(), "Next: make docs"


def test_the_page_explains_every_permission_of_its_routes(said: Any) -> None:
    text = PAGE.read_text().partition("## Routes")[0]
    mine = {Permission.MANAGE_PEOPLE, Permission.SEE_HEALTH, Permission.SEE_METRICS}
    mine |= {Permission.PROBE, Permission.ACKNOWLEDGE}
    needed = {one["x-access"].partition(",")[0] for _, _, one in operations(said)}

    for permission in set(Permission) - mine:
        assert permission not in needed or f"**`{permission}`**" in text, permission


def test_backtests_are_served_from_where_they_are_written() -> None:
    assert BACKTESTS_SERVED == BACKTESTS
