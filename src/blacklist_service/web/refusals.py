"""Rendering refusals as RFC 9457 problem details. Unknown errors reveal nothing."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from blacklist_service import problems
from blacklist_service.problems import FieldError, Problem

MEDIA_TYPE = "application/problem+json"
URN = "urn:blacklist-service:problem:"

Recorder = Callable[[Request, Problem], Awaitable[None]]

log = structlog.get_logger()


def problem_wire(problem: Problem, request_id: str | None) -> dict[str, Any]:
    wire: dict[str, Any] = {
        "type": URN + problem.code,
        "title": problem.title(),
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        "request_id": request_id,
    }
    if problem.errors:
        wire["errors"] = [{"pointer": e.pointer, "code": e.code, "message": e.message} for e in problem.errors]
    return wire | problem.extra


def problem_response(problem: Problem, request_id: str | None) -> Response:
    content = orjson.dumps(problem_wire(problem, request_id))
    return Response(content, problem.status, headers=problem.headers, media_type=MEDIA_TYPE)


async def recorded(request: Request, problem: Problem, record_refusal: Recorder) -> Problem:
    """The problem to answer with. A refusal for lack of right is returned only after it is recorded."""
    if not problem.is_recorded:
        return problem
    try:
        await record_refusal(request, problem)
    except Exception:
        log.exception("refusal_not_recorded")
        return problems.Undetermined("the refusal could not be recorded")
    return problem


async def refusal(request: Request, problem: Problem, record_refusal: Recorder) -> Response:
    return problem_response(await recorded(request, problem, record_refusal), request.scope.get("request_id"))


def install_refusals(app: FastAPI, record_refusal: Recorder) -> None:
    """Render every refusal; record those for lack of right in a transaction of their own, because the act's was rolled
    back.
    """

    async def render_problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)  # noqa: S101 - registered for it
        return await refusal(request, error, record_refusal)

    async def render_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            refusal: Problem = problems.MethodNotAllowed(headers={"Allow": ", ".join(_methods_taken(request))})
        else:
            kind = problems.NotFound if error.status_code == HTTPStatus.NOT_FOUND else problems.InvalidRequest
            refusal = kind(headers=error.headers)
        return problem_response(refusal, request.scope.get("request_id"))

    async def render_parameters(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
        errors = [_parameter_error(one) for one in error.errors()]
        return problem_response(problems.InvalidRequest(errors=errors), request.scope.get("request_id"))

    app.add_exception_handler(Problem, render_problem)
    app.add_exception_handler(HTTPException, render_http)
    app.add_exception_handler(RequestValidationError, render_parameters)
    _describe_parameters(app)


def _methods_taken(request: Request) -> list[str]:
    """All methods of this address: several routers may share one, and each knows only its own."""
    path = getattr(request.scope.get("route"), "path", None)
    parts = [getattr(part, "original_router", None) for part in request.app.routes]
    routes = [*request.app.routes, *(route for part in parts if part for route in part.routes)]
    same = [route for route in routes if getattr(route, "path", None) == path]
    return sorted({method for route in same for method in route.methods})


def _describe_parameters(app: FastAPI) -> None:
    """FastAPI documents a 422 of its own form for operations that name none; the actual answer is a problem."""
    generate = app.openapi
    ours = {"schema": {"$ref": "#/components/schemas/ProblemResponse"}}

    def openapi() -> dict[str, Any]:
        document = generate()
        for operations in document["paths"].values():
            for operation in operations.values():
                refusal = operation["responses"].get("422", {})
                if refusal.get("content", {}).pop("application/json", None):
                    refusal["description"] = problems.InvalidRequest.title()
                    refusal["content"] = {MEDIA_TYPE: ours}
        for name in ("HTTPValidationError", "ValidationError"):
            document.get("components", {}).get("schemas", {}).pop(name, None)
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _parameter_error(error: Any) -> FieldError:
    place = error["loc"][1:2] if error["type"] != "extra_forbidden" else ()
    return FieldError("/".join(map(str, place)), error["type"].replace("_", "-"), error["msg"])
