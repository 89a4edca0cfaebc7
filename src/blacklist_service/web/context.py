"""What surrounds every request: its id, its log line, its metrics, and the handler of last resort for unknown errors."""

import asyncio
import os
import time
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, NamedTuple

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from blacklist_service.access.principals import Principal
from blacklist_service.problems import InternalError
from blacklist_service.telemetry import count_requests, log_requests
from blacklist_service.web.anteroom import anteroom, has_to_wait, probes
from blacklist_service.web.headers import guarded
from blacklist_service.web.refusals import problem_response
from blacklist_service.web.traces import TRACEPARENT, trace_id

REQUEST_ID_HEADER = b"x-request-id"
REQUEST_ID_BYTES = 16
DRAWN_AT_ONCE = 256
PERSONAL_PATHS = "/v1/"
"""An answer below this path may name persons, so no cache on its way may store it unless the answer says otherwise."""
PROBES = frozenset({"/healthz", "/readyz"})
QUIET_ROUTES = frozenset({"/healthz", "/readyz", "/metrics"})

log = structlog.get_logger()

_drawn: list[str] = []


def new_request_id() -> str:
    """Return a random id. Randomness for many ids is drawn at once, because one system call costs more than the rest of the
    work.
    """
    if not _drawn:
        random = os.urandom(REQUEST_ID_BYTES * DRAWN_AT_ONCE).hex()
        _drawn.extend(random[n : n + 2 * REQUEST_ID_BYTES] for n in range(0, len(random), 2 * REQUEST_ID_BYTES))
    return _drawn.pop()


def begin(scope: Scope) -> str:
    """Give the request its id, and note when it came. A request made by a console page gets the page's id."""
    request_id = scope["request_id"] = scope.get("request_id") or new_request_id()
    scope["arrived"] = asyncio.get_running_loop().time()
    return request_id


class RequestContext:
    """Pure ASGI, so that it adds only microseconds to the hot path. A log line names the route, never the path, because a
    path may hold ids.
    """

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
                if has_to_wait(scope):
                    await (probes if scope["path"] in PROBES else anteroom).wait()
                headers = guarded(message.get("headers", ()), is_personal=scope["path"].startswith(PERSONAL_PATHS))
                message["headers"] = [*headers, (REQUEST_ID_HEADER, request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception:
            log.exception("request_failed", request_id=request_id, route=_route(scope))
            if status:
                raise
            await problem_response(InternalError(), request_id)(scope, receive, send_with_id)
        finally:
            accounts.note(ended(scope, status, time.perf_counter() - started))


class EndedRequest(NamedTuple):
    """A finished request, as it is logged and counted."""

    request_id: str
    method: str
    route: str
    status: int
    seconds: float
    principal: Principal | None
    source_ip: str | None
    trace_id: str | None = None


def ended(scope: Scope, status: int, seconds: float) -> EndedRequest:
    traceparent = next((value for name, value in scope["headers"] if name == TRACEPARENT), None)
    return EndedRequest(
        *(scope["request_id"], scope["method"], _route(scope), status, seconds),
        *(scope.get("principal"), source_ip(scope), trace_id(traceparent)),
    )


class Accounts:
    """Finished requests, logged and counted together in the event loop's next iteration: one write for all that finished at
    once, and no work between one answer and the next.
    """

    def __init__(self) -> None:
        self._ended: list[EndedRequest] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def note(self, one: EndedRequest) -> None:
        loop = asyncio.get_running_loop()
        if not self._ended or self._loop is not loop:
            self._loop = loop
            loop.call_soon(self._settle)
        self._ended.append(one)

    def _settle(self) -> None:
        settled, self._ended = self._ended, []
        count_requests([(_method(one), one.route, one.status, one.seconds) for one in settled])
        log_requests([_line(one) for one in settled if one.status >= 400 or one.route not in QUIET_ROUTES])


accounts = Accounts()


def _method(one: EndedRequest) -> str:
    return one.method if one.route != "unknown" else "-"


def _line(one: EndedRequest) -> dict[str, Any]:
    principal = one.principal
    line: dict[str, Any] = {
        "request_id": one.request_id,
        "method": one.method,
        "route": one.route,
        "status": one.status,
        "seconds": round(one.seconds, 6),
        "member": None if principal is None else principal.member,
        "key_id": None if principal is None else principal.key_id,
        "source_ip": one.source_ip,
    }
    if one.trace_id is not None:
        line["trace_id"] = one.trace_id
    return line


def _route(scope: Scope) -> str:
    route = scope.get("route")
    return getattr(route, "path", "unknown")


def source_ip(scope: Scope) -> str | None:
    """The client's address; behind a trusted proxy uvicorn has replaced it by the forwarded one."""
    client = scope.get("client")
    return _address(client[0]) if client and client[0] else None


@lru_cache(maxsize=4096)
def _address(text: str) -> str | None:
    """An address that PostgreSQL accepts, without an interface name; None if a proxy wrote something that is not an
    address.
    """
    try:
        return str(ip_address(text.partition("%")[0]))
    except ValueError:
        return None
