"""Rendering refusals as RFC 9457 problem details. Unknown errors say nothing."""

from collections.abc import Awaitable, Callable
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


async def refusal(request: Request, problem: Problem, record_refusal: Recorder) -> Response:
    """The problem as an answer, recorded first where it is one for lack of right."""
    if problem.is_recorded:
        try:
            await record_refusal(request, problem)
        except Exception:
            log.exception("refusal_not_recorded")
            problem = problems.Undetermined("the refusal could not be recorded")
    return problem_response(problem, request.scope.get("request_id"))


def install_refusals(app: FastAPI, record_refusal: Recorder) -> None:
    """Render every refusal; record those for lack of right, in a transaction of their own: the act's was rolled back."""

    async def render_problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)  # noqa: S101 - registered for it
        return await refusal(request, error, record_refusal)

    async def render_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
        kind = {404: problems.NotFound, 405: problems.MethodNotAllowed}.get(error.status_code, problems.InvalidRequest)
        return problem_response(kind(headers=error.headers), request.scope.get("request_id"))

    async def render_parameters(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
        errors = [_parameter_error(one) for one in error.errors()]
        return problem_response(problems.InvalidRequest(errors=errors), request.scope.get("request_id"))

    app.add_exception_handler(Problem, render_problem)
    app.add_exception_handler(HTTPException, render_http)
    app.add_exception_handler(RequestValidationError, render_parameters)


def _parameter_error(error: Any) -> FieldError:
    place = error["loc"][1:2] if error["type"] != "extra_forbidden" else ()
    return FieldError("/".join(map(str, place)), error["type"].replace("_", "-"), error["msg"])
