"""What is around every request: its id, its log line, its metrics, and the last net for unknown errors."""

import asyncio
import os
import time
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from blacklist_service.problems import InternalError
from blacklist_service.telemetry import count_requests, log_requests
from blacklist_service.web.refusals import problem_response

REQUEST_ID_HEADER = b"x-request-id"
QUIET_ROUTES = frozenset({"/healthz", "/readyz", "/metrics"})

log = structlog.get_logger()


def begin(scope: Scope) -> str:
    """Give the request its id, and note when it came."""
    request_id = os.urandom(16).hex()
    scope["request_id"] = request_id
    scope["arrived"] = asyncio.get_running_loop().time()
    return request_id


class RequestContext:
    """Pure ASGI: it costs the hot path microseconds. A log line names the route, never the path: a path may hold ids."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = begin(scope)
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (REQUEST_ID_HEADER, request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception:
            log.exception("request_failed", request_id=request_id, route=_route(scope))
            if status:
                raise
            await problem_response(InternalError(), request_id)(scope, receive, send_with_id)
        finally:
            accounts.note(scope, status, time.perf_counter() - started)


class Accounts:
    """Requests that ended, logged and counted together at the loop's next turn: one write for all that were answered at
    once, and nothing between an answer and the next one's.
    """

    def __init__(self) -> None:
        self._ended: list[tuple[Scope, int, float]] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def note(self, scope: Scope, status: int, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        if not self._ended or self._loop is not loop:
            self._loop = loop
            loop.call_soon(self._settle)
        self._ended.append((scope, status, seconds))

    def _settle(self) -> None:
        ended, self._ended = self._ended, []
        count_requests([(*_counted(scope), status, seconds) for scope, status, seconds in ended])
        log_requests([_line(*one) for one in ended if one[1] >= 400 or _route(one[0]) not in QUIET_ROUTES])


accounts = Accounts()


def _counted(scope: Scope) -> tuple[str, str]:
    route = _route(scope)
    return (scope["method"] if route != "unknown" else "-", route)


def _line(scope: Scope, status: int, seconds: float) -> dict[str, Any]:
    principal = scope.get("principal")
    return {
        "request_id": scope["request_id"],
        "method": scope["method"],
        "route": _route(scope),
        "status": status,
        "seconds": round(seconds, 6),
        "member": principal and principal.member,
        "key_id": principal and principal.key_id,
        "source_ip": source_ip(scope),
    }


def _route(scope: Scope) -> str:
    route = scope.get("route")
    return getattr(route, "path", "unknown")


def source_ip(scope: Scope) -> str | None:
    """The client's address; behind a trusted proxy uvicorn has put the forwarded one here."""
    client = scope.get("client")
    return client[0] if client and client[0] else None
