"""What the API says of itself: who may use a route, and the one shape that every error has."""

from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from interlock.service.doors import CUSTOM_HEADER

Said = dict[str, Any]

ACCESS: Final = "x-access"  # where a door writes who may use a route

_ERROR: Final[Said] = {
    "type": "object",
    "required": ["error"],
    "additionalProperties": False,
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "id"],
            "description": "What was wrong. Some codes have further fields.",
            "properties": {
                "code": {"type": "string", "pattern": "^[A-Z][A-Z0-9_]*$"},
                "message": {"type": "string", "description": "A sentence for people."},
                "id": {"type": "string", "description": "Of the request, as the log has it."},
            },
        }
    },
}
_SCHEMES: Final[Said] = {
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-interlock",
        "description": "Of a person who signed in with a password and a second factor.",
    },
    "token": {"type": "http", "scheme": "bearer", "description": "A service token."},
}
_REF: Final[Said] = {"$ref": "#/components/schemas/Error"}
_CHANGES: Final = frozenset({"post", "put", "patch", "delete"})
_METHODS: Final = _CHANGES | {"get", "head", "options"}
_SAYS: Final = {
    "400": "The query or the body is not as described.",
    "401": "Nobody is signed in, or the session is over.",
    "403": "Whoever asks may not, or a second factor is needed.",
    "404": "There is nothing of this name.",
    "409": "It cannot be done now; the message says why.",
    "415": "The Content-Type is not application/json.",
    "421": "The Host is not ours.",
    "422": "The body says something else than described.",
    "429": "Too many requests of this kind came from there.",
    "503": "The engine does not answer, or too much is asked at once.",
}


def describe(app: FastAPI) -> None:
    """Have an application describe itself so; after all routes are added."""

    def openapi() -> Said:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _described(app: FastAPI) -> Said:
    found = get_openapi(
        title=app.title,
        version=app.version,
        description="Nothing moves unless every condition holds. Money is text with every digit.",
        routes=app.routes,
    )
    components = found.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Error"] = _ERROR
    components["securitySchemes"] = _SCHEMES
    for method, path, operation in _operations(found):
        _describe_one(method, path, operation)
    return found


def _operations(found: Said) -> Iterator[tuple[str, str, Said]]:
    for path, item in found["paths"].items():
        for method, operation in item.items():
            if method in _METHODS:
                yield method, path, operation


def _describe_one(method: str, path: str, operation: Said) -> None:
    """Say who may, and what goes wrong how."""
    access = str(operation[ACCESS])
    operation["security"] = []
    if not access.startswith(("public", "own")):
        operation["security"] = [{"session": []}, {"token": []}]
        if "loopback" in access:
            operation["security"].append({})
    changes = method in _CHANGES
    if changes:
        header = {
            "name": CUSTOM_HEADER.title(),
            "in": "header",
            "required": False,
            "description": "Must be there, unless a service token is.",
            "schema": {"type": "string", "enum": ["1"]},
        }
        operation.setdefault("parameters", []).append(header)
    statuses = ["400", "401", "403", "421", "429", "503"]
    statuses += ["404"] if "{" in path else []
    statuses += ["404", "409", "415", "422"] if changes else []
    responses = operation.setdefault("responses", {})
    responses.pop("422", None)
    for status in sorted({*statuses}):
        responses.setdefault(status, _error(_SAYS[status]))
    for status, said in responses.items():
        if status < "4":
            continue
        if "content" not in said:
            said.update(_error(str(said.get("description", ""))))
            continue
        own = said["content"].get("application/json", {})
        if own.get("schema", _REF) != _REF:  # the route's own answer, or what any route refuses
            own["schema"] = {"anyOf": [own["schema"], _REF]}
    responses.setdefault("default", _error("Something else is wrong."))


def _error(says: str) -> Said:
    return {"description": says, "content": {"application/json": {"schema": _REF}}}
