"""The path of the busiest operations, around the framework's layers, which cost more than the answer itself.

What OpenAPI says about these operations, who may call them and how they refuse is the same as for all others.
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
from blacklist_service.web.anteroom import anteroom, has_to_wait
from blacklist_service.web.context import REQUEST_ID_HEADER, accounts, begin, ended
from blacklist_service.web.headers import PERSONAL
from blacklist_service.web.refusals import Recorder, problem_response, refusal
from blacklist_service.web.routing import HotRequest, HotRoute, Proofs

log = structlog.get_logger()


class Json(Response):
    """An answer that is already bytes; its two headers are built without content negotiation."""

    def __init__(self, content: bytes) -> None:
        self.status_code = 200
        self.body = content
        self.background = None
        self.raw_headers = [(b"content-length", b"%d" % len(content)), (b"content-type", b"application/json")]


class HotLane:
    """Answers hot routes by itself and hands everything else to `app`."""

    def __init__(self, app: FastAPI, *, routes: Iterable[BaseRoute], record_refusal: Recorder) -> None:
        self.app = app
        self.record_refusal = record_refusal
        self._routes = {route.path: route for route in routes if isinstance(route, HotRoute)}

    @property
    def proofs(self) -> Proofs:
        proofs: Proofs = self.app.state.proofs
        return proofs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            route = self._routes.get(scope["path"])
            if route is not None:
                await self._answer(route, scope, receive, send)
                return
        await self.app(scope, receive, send)

    async def _answer(self, route: HotRoute, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        request_id = begin(scope)
        scope["app"], scope["route"] = self.app, route
        status = 500
        try:
            response = await self._respond(route, scope, receive)
            status = response.status_code
            response.raw_headers += [*PERSONAL, (REQUEST_ID_HEADER, request_id.encode())]
            await response(scope, receive, send)
        except (OSError, RuntimeError) as error:  # raised on a closed connection; the answer stays on record
            log.info("client_gone", request_id=request_id, route=route.path, cause=type(error).__name__)
        finally:
            accounts.note(ended(scope, status, time.perf_counter() - started))

    async def _respond(self, route: HotRoute, scope: Scope, receive: Receive) -> Response:
        try:
            return Json(await route.answer(HotRequest(scope, receive)))
        except Problem as problem:
            if has_to_wait(scope):  # also where a stranger's key could not be looked up in time
                await anteroom.wait()
            return await refusal(Request(scope), problem, self.record_refusal)
        except Exception:  # the handler of last resort, as RequestContext is for other requests
            log.exception("request_failed", request_id=scope["request_id"], route=route.path)
            return problem_response(InternalError(), scope["request_id"])
