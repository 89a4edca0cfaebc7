"""The way of the busiest operations: past the framework's layers, which cost more than the answer.

What OpenAPI says of these operations, who may ask them and how they refuse is the same as for all others.
"""

import time
from collections.abc import Iterable

import structlog
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from blacklist_service.problems import InternalError, Problem
from blacklist_service.web.context import REQUEST_ID_HEADER, accounts, begin
from blacklist_service.web.refusals import Recorder, problem_response, refusal
from blacklist_service.web.routing import HotRequest, HotRoute

JSON = (b"content-type", b"application/json")

log = structlog.get_logger()


class HotLane:
    """Answers hot routes by itself and hands everything else to `app`."""

    def __init__(self, app: FastAPI, *, routes: Iterable[BaseRoute], record_refusal: Recorder) -> None:
        self._app = app
        self._record_refusal = record_refusal
        self._routes = {route.path: route for route in routes if isinstance(route, HotRoute)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            route = self._routes.get(scope["path"])
            if route is not None:
                await self._answer(route, scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _answer(self, route: HotRoute, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        request_id = begin(scope)
        scope["app"], scope["route"] = self._app, route
        status = 500
        try:
            content = await route.answer(HotRequest(scope, receive))
            status = 200
            headers = [(b"content-length", b"%d" % len(content)), JSON, (REQUEST_ID_HEADER, request_id.encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": content})
        except Exception as error:  # noqa: BLE001 - the last net, as RequestContext is for all others
            response = await self._refuse(scope, error)
            status = response.status_code
            response.headers[REQUEST_ID_HEADER.decode()] = request_id
            await response(scope, receive, send)
        finally:
            accounts.note(scope, status, time.perf_counter() - started)

    async def _refuse(self, scope: Scope, error: Exception) -> Response:
        if isinstance(error, Problem):
            return await refusal(Request(scope), error, self._record_refusal)
        log.error("request_failed", request_id=scope["request_id"], route=scope["route"].path, exc_info=error)
        return problem_response(InternalError(), scope["request_id"])
