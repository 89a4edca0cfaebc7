"""The way of the busiest operations: past the framework's routing and exception layers, which cost more than the answer.

What is said of these operations in OpenAPI, who may ask them and how they refuse is the same as for all others.
"""

from collections.abc import Iterable
from functools import partial

from starlette.requests import Request
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from blacklist_service.problems import Problem
from blacklist_service.web.context import RequestContext
from blacklist_service.web.refusals import Recorder, refusal
from blacklist_service.web.routing import HotRoute

JSON = (b"content-type", b"application/json")


class HotLane:
    """Answers hot routes by itself and hands everything else to `app`."""

    def __init__(self, app: ASGIApp, *, routes: Iterable[BaseRoute], record_refusal: Recorder) -> None:
        self._app = app
        self._record_refusal = record_refusal
        self._answers = {
            route.path: RequestContext(partial(self._answer, route)) for route in routes if isinstance(route, HotRoute)
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        hot = self._answers.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        await (hot or self._app)(scope, receive, send)

    async def _answer(self, route: HotRoute, scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = route
        request = Request(scope, receive)
        try:
            content = await route.answer(request)
        except Problem as problem:
            response = await refusal(request, problem, self._record_refusal)
            await response(scope, receive, send)
            return
        length = (b"content-length", b"%d" % len(content))
        await send({"type": "http.response.start", "status": 200, "headers": [length, JSON]})
        await send({"type": "http.response.body", "body": content})
