"""Makes the application that routes are added to: its front, its errors, and no doors yet."""

from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Match

import interlock
from interlock.runtime.asking import AskError
from interlock.runtime.clock import Clock
from interlock.service.doors import Access, Door
from interlock.service.engine_client import EngineDown
from interlock.service.front import Front, FrontSettings, ids_of, problem_body
from interlock.service.metrics import GatewayMetrics
from interlock.service.problems import Problem

DESCRIPTION: Final = "/openapi.json"


def make_app(settings: FrontSettings, metrics: GatewayMetrics, log: Any, clock: Clock) -> FastAPI:
    """Return an application without routes. Whatever is wrong has the one shape of an error."""
    app = FastAPI(
        title="Interlock",
        version=interlock.__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.add_middleware(Front, settings=settings, metrics=metrics, log=log, clock=clock)
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(EngineDown, _engine_down)
    app.add_exception_handler(AskError, _refused)
    return app


def add_description(door: Door, app: FastAPI) -> None:
    """Let those who are signed in read what the API is."""

    @door.route("GET", DESCRIPTION, Access(signed_in=True))
    async def openapi(_request: Request) -> JSONResponse:
        """What this API is, as OpenAPI 3.1."""
        return JSONResponse(app.openapi())


def _answer(request: Request, problem: Problem) -> Response:
    return Response(
        problem_body(problem, ids_of(request).request),
        status_code=problem.status,
        headers=problem.headers,
        media_type="application/json",
    )


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return _answer(request, error)


async def _http(request: Request, error: Exception) -> Response:
    """Say what the framework found: no such path, or a method that it does not have."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:  # noqa: PLR2004 - of HTTP
        allowed = ", ".join(sorted(_methods_at(request)))
        return _answer(
            request,
            Problem(
                status=405,
                code="METHOD_NOT_ALLOWED",
                message=f"the method here must be one of {allowed}.",
                headers={"Allow": allowed},
            ),
        )
    if error.status_code == 404:  # noqa: PLR2004 - of HTTP
        return _answer(
            request, Problem(status=404, code="NOT_FOUND", message="there is nothing at this path.")
        )
    problem = Problem(
        status=error.status_code, code="REFUSED", message="this request cannot be answered."
    )
    return _answer(request, problem)


async def _invalid(request: Request, _error: Exception) -> Response:
    problem = Problem(
        status=422, code="BAD_CONTENT", message="something in this request is not as described."
    )
    return _answer(request, problem)


async def _engine_down(request: Request, error: Exception) -> Response:
    assert isinstance(error, EngineDown)
    return _answer(request, Problem(status=503, code="ENGINE_DOWN", message=str(error)))


async def _refused(request: Request, error: Exception) -> Response:
    return _answer(request, Problem(status=409, code="REFUSED", message=str(error)))


def _methods_at(request: Request) -> set[str]:
    """Return the methods of every route at a path."""
    found: set[str] = set()
    for route in request.app.routes:
        if isinstance(route, APIRoute) and route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods or set()
    return found
