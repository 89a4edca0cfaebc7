"""What is around every request: its id, its log line, its metrics, and the last net for unknown errors."""

import asyncio
import time
from uuid import uuid4

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from blacklist_service.problems import InternalError
from blacklist_service.telemetry import REQUEST_SECONDS, REQUESTS
from blacklist_service.web.refusals import problem_response

REQUEST_ID_HEADER = b"x-request-id"
QUIET_ROUTES = frozenset({"/healthz", "/readyz", "/metrics"})

log = structlog.get_logger()


class RequestContext:
    """Pure ASGI: it costs the hot path microseconds. A log line names the route, never the path: a path may hold ids."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = uuid4().hex
        scope["request_id"] = request_id
        scope["arrived"] = asyncio.get_running_loop().time()
        started = time.perf_counter()
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
            _account(scope, request_id, status, time.perf_counter() - started)


def _account(scope: Scope, request_id: str, status: int, seconds: float) -> None:
    route = _route(scope)
    REQUESTS.labels(scope["method"] if route != "unknown" else "-", route, status).inc()
    REQUEST_SECONDS.labels(route).observe(seconds)
    if route in QUIET_ROUTES and status < 400:
        return
    principal = scope.get("principal")
    log.info(
        "request",
        request_id=request_id,
        method=scope["method"],
        route=route,
        status=status,
        seconds=round(seconds, 6),
        member=principal and principal.member,
        key_id=principal and principal.key_id,
        source_ip=source_ip(scope),
    )


def _route(scope: Scope) -> str:
    route = scope.get("route")
    return getattr(route, "path", "unknown")


def source_ip(scope: Scope) -> str | None:
    """The client's address; behind a trusted proxy uvicorn has put the forwarded one here."""
    client = scope.get("client")
    return client[0] if client and client[0] else None
