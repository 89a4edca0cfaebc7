"""The shortest path for a request: a head that was parsed before is not parsed again.

A client asks thousands of times with the same head, and only the body differs. The first request takes the whole path:
httptools parses the head, uvicorn builds its scope, `HotLane` finds the route and verifies the key. A head without anything
unusual is remembered for its connection. A later request that begins with exactly these bytes, and has exactly the announced
length, is handed to its operation at once and answered in one write. Any difference sends the request down the whole path, so
there is one parser of HTTP, and one place for each refusal.

Clients that retry, or trace, send a new value in one line of each head: an Idempotency-Key, or trace ids. Such a line is
remembered without its value (`web.lines`), and the value is read each time.
"""

import asyncio
import hashlib
import re
import time
from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple, Protocol

import structlog
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from blacklist_service.access.principals import Principal
from blacklist_service.problems import InternalError, Problem
from blacklist_service.web.context import EndedRequest, accounts, new_request_id, source_ip
from blacklist_service.web.framing import FramedProtocol
from blacklist_service.web.headers import WRITTEN_PERSONAL
from blacklist_service.web.hotlane import HotLane
from blacklist_service.web.idempotency import FORM_ON_THE_WIRE
from blacklist_service.web.lines import ChangingLines
from blacklist_service.web.refusals import problem_response, refusal
from blacklist_service.web.routing import HotRoute
from blacklist_service.web.traces import TRACEPARENT, trace_id

HEADS_OF_A_CONNECTION = 32
MOST_HELD_BYTES = 64 * 1024
PLAIN_HEADERS = frozenset(
    {
        *(b"host", b"user-agent", b"accept", b"accept-encoding", b"accept-language", b"content-type"),
        *(b"content-length", b"authorization", b"connection", b"x-forwarded-for", b"x-forwarded-proto"),
        *(b"x-forwarded-host", b"x-real-ip", b"via", b"cache-control", b"pragma", b"origin", b"referer"),
    }
)
"""Headers that a remembered head may have: none of them changes the framing of the body or the answer, except those that
`_read_head` examines.
"""
CHANGING = {
    b"idempotency-key": FORM_ON_THE_WIRE,
    b"traceparent": re.compile(rb"[0-9a-f-]{1,128}"),
    b"tracestate": re.compile(rb"[\x21-\x7e](?:[\x20-\x7e]{0,511}[\x21-\x7e])?"),
    b"x-request-id": re.compile(rb"[\x21-\x7e]{1,128}"),
}
"""Headers whose value clients, and proxies before them, change with each request, and the form of the value (W3C Trace
Context §3.2, §3.3). Only the first is used here; the trace id is logged.
"""
IDEMPOTENCY_KEY = b"idempotency-key"
REMEMBERED_HEADERS = PLAIN_HEADERS | CHANGING.keys()
END = b"\r\n\r\n"

log = structlog.get_logger()

_success: tuple[object, bytes] = (None, b"")
_under_way: set["asyncio.Future[None]"] = set()


class Answer(Protocol):
    @property
    def content(self) -> bytes: ...


class Exchange:
    """One request and its answer. It stands in for a future: `done`, `set_result`, `set_exception`."""

    __slots__ = (
        *("_head", "_is_done", "_protocol", "_started", "_values", "arrived", "idempotency_key", "principal"),
        "request_id",
    )

    def __init__(
        self,
        protocol: "ExpressProtocol",
        head: "Head",
        principal: Principal,
        arrived: float,
        values: Mapping[bytes, bytes],
    ) -> None:
        """`values` are the values of the changing lines."""
        self._protocol = protocol
        self._values = values
        key = values.get(IDEMPOTENCY_KEY)
        self.idempotency_key = None if key is None else key.decode()
        self._head = head
        self._is_done = False
        self._started = time.perf_counter()
        self.arrived = arrived
        self.principal = principal
        self.request_id = new_request_id()

    @property
    def source_ip(self) -> str | None:
        return self._head.source_ip

    def done(self) -> bool:
        return self._is_done

    def set_result(self, answer: Answer) -> None:
        content = answer.content
        self._end(200, b"content-length: %d\r\ncontent-type: application/json\r\n" % len(content), content)

    def set_exception(self, problem: BaseException) -> None:
        if not isinstance(problem, Problem):
            problem = InternalError()
        self._is_done = True  # the exchange is over: ignore a late result
        if problem.is_recorded:
            _keep(self._refuse(problem))
        else:
            self._respond(problem_response(problem, self.request_id))

    async def _refuse(self, problem: Problem) -> None:
        self._respond(await refusal(self._as_request(), problem, self._protocol.lane.record_refusal))

    def _as_request(self) -> Request:
        scope: dict[str, Any] = {
            "type": "http",
            "method": "POST",
            "headers": [],
            "app": self._protocol.lane.app,
            "route": self._head.route,
            "principal": self.principal,
            "request_id": self.request_id,
            "client": (self.source_ip, 0) if self.source_ip else None,
        }
        return Request(scope)

    def _respond(self, response: Response) -> None:
        headers = b"".join(b"%b: %b\r\n" % header for header in response.raw_headers)
        self._end(response.status_code, headers, bytes(response.body))

    def _end(self, status: int, headers: bytes, content: bytes) -> None:
        """Never raises: the caller has other requests to answer after this one."""
        self._is_done = True
        request_id, head = self.request_id, self._head
        try:
            own = b"%b%bx-request-id: %b\r\n" % (headers, WRITTEN_PERSONAL, request_id.encode())
            self._protocol.end(status, own, content)
        except Exception:  # noqa: BLE001 - of one connection: the answer stays on record
            self._protocol.transport.abort()
        seconds = time.perf_counter() - self._started
        traced = trace_id(self._values.get(TRACEPARENT)) if self._values else None
        accounts.note(
            EndedRequest(request_id, "POST", head.route.path, status, seconds, self.principal, head.source_ip, traced)
        )


Taker = Callable[[bytes, Exchange], None]
"""An operation that takes a body and answers through the exchange, at any later time."""
MakeTaker = Callable[[State], Taker]
"""Builds the operation from the state of the running application."""


def _keep(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(work)
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)


class Head(NamedTuple):
    """What is known of a head: its operation, the length of its body, and where the proof of its key is remembered."""

    route: HotRoute
    take: Taker
    body_bytes: int
    proof: bytes
    source_ip: str | None


class _Unread(NamedTuple):
    """A complete request on its way through the parser; its head may be worth remembering."""

    head: bytes
    body_bytes: int
    messages: int


class ExpressProtocol(FramedProtocol):
    """One connection. `lane` takes every request that is not plain; it also says which operations are handled here."""

    def __init__(self, *args: Any, lane: HotLane, takers: Mapping[str, MakeTaker], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lane = lane
        self._proofs = lane.proofs
        self._takers = takers
        self._heads: dict[bytes, Head] = {}
        self._lines = ChangingLines(CHANGING)
        self._messages = 0
        self._unread: _Unread | None = None
        self._is_busy = False
        self._is_ending = False
        self._held = b""

    def data_received(self, data: bytes) -> None:
        if self._is_busy or self._held:
            self._hold(data)
            return
        self._unread = None
        # Not if it begins with an empty line, which the parser skips: a head would end at the first empty line.
        if data.startswith(b"POST ") and self._is_between_requests():
            end = data.find(END) + len(END)
            if end >= len(END):
                known, values = self._lines.without_values(data[:end])
                place = hashlib.sha256(known).digest()  # the head holds the secret, which must not be remembered
                head = self._heads.get(place)
                if head is not None and len(data) - end == head.body_bytes and self._took(head, values, data[end:]):
                    return
                self._unread = _Unread(data[:end], len(data) - end, self._messages)
        self.idle_since = None
        super().data_received(data)
        if self._is_between_requests():  # nothing was requested, but uvicorn no longer waits for a request
            self.idle_since = self.loop.time()

    def on_message_begin(self) -> None:
        self._messages += 1
        super().on_message_begin()

    def on_response_complete(self) -> None:
        unread, self._unread = self._unread, None
        if unread is not None and self._messages == unread.messages + 1 and not self.cycle.more_body:
            head = self._read_head()
            if head is not None and head.body_bytes == unread.body_bytes:
                self._remember(unread.head, head)
        super().on_response_complete()

    def _remember(self, written: bytes, head: "Head") -> None:
        if not self._lines.learn(written, dict(self.scope["headers"])):
            return
        if len(self._heads) >= HEADS_OF_A_CONNECTION:
            self._heads.clear()
        known, _ = self._lines.without_values(written)
        self._heads[hashlib.sha256(known).digest()] = head

    def shutdown(self) -> None:
        if self._is_busy:
            self._is_ending = True
        else:
            super().shutdown()

    def end(self, status: int, headers: bytes, content: bytes) -> None:
        """Send an exchange's answer, and become free for the next request."""
        self._is_busy = False
        self.idle_since = self.loop.time()
        if self.transport.is_closing():  # the client disconnected; the answer stays on record
            return
        ending = b"connection: close\r\n\r\n" if self._is_ending else b"\r\n"
        self.transport.write(_start(status, self.server_state.default_headers) + headers + ending + content)
        if self._is_ending:
            self.transport.close()
        elif self._held:
            self.loop.call_soon(self._take_held)

    def _took(self, head: Head, values: Mapping[bytes, bytes], body: bytes) -> bool:
        """Start the request; return False if the key's proof is too old to be reused."""
        if self.flow.write_paused:
            return False
        principal = self._proofs.recall(head.proof)
        if principal is None or not head.route.is_open_to(principal):
            return False
        self._is_busy = self.is_proved = True
        self.idle_since = self.waiting_since = None
        self._unset_keepalive_if_required()
        exchange = Exchange(self, head, principal, self.loop.time(), values)
        try:
            head.take(body, exchange)
        except Exception as error:
            log.exception("request_failed", request_id=exchange.request_id, route=head.route.path)
            if not exchange.done():
                exchange.set_exception(error)
        return True

    def _read_head(self) -> Head | None:
        """What the parser made of a plain head: each header once, and nothing that frames the body in another way."""
        scope = self.scope
        route = scope.get("route")
        # The scope also has a route if the method is wrong; such a request was refused.
        if not isinstance(route, HotRoute) or scope["method"] != "POST":
            return None
        if scope["http_version"] != "1.1" or scope["query_string"]:
            return None
        make = self._takers.get(route.path)
        headers = dict(scope["headers"])
        if make is None or len(headers) != len(list(scope["headers"])) or not headers.keys() <= REMEMBERED_HEADERS:
            return None
        length, authorization = headers.get(b"content-length", b""), headers.get(b"authorization")
        if (
            not length.isdigit()
            or int(length) > route.most_bytes
            or headers.get(b"content-type") != b"application/json"
            or headers.get(b"connection", b"keep-alive").lower() != b"keep-alive"
            or authorization is None
        ):
            return None
        proof = self._proofs.place_of(authorization.decode("latin-1"))
        return Head(route, make(self.lane.app.state), int(length), proof, source_ip(dict(scope)))

    def is_under_way(self) -> bool:
        return self._is_busy or super().is_under_way()

    def _is_between_requests(self) -> bool:
        return (
            self.is_at_a_message
            and (self.cycle is None or self.cycle.response_complete)
            and not self.pipeline
            and not self._is_deaf
            and not self.transport.is_closing()
        )

    def _hold(self, data: bytes) -> None:
        """Hold bytes that arrive before the previous answer was sent."""
        self._held += data
        if len(self._held) > MOST_HELD_BYTES:
            self.flow.pause_reading()

    def _take_held(self) -> None:
        held, self._held = self._held, b""
        self.flow.resume_reading()
        if held and not self.transport.is_closing():
            self.data_received(held)


def _start(status: int, headers: list[tuple[bytes, bytes]]) -> bytes:
    """The status line and uvicorn's own headers, with the date; rebuilt once a second for successful answers."""
    global _success  # noqa: PLW0603 - a memory of one
    if status == HTTPStatus.OK and _success[0] is headers:
        return _success[1]
    start = STATUS_LINE[status] + b"".join(b"%b: %b\r\n" % header for header in headers)
    if status == HTTPStatus.OK:
        _success = (headers, start)
    return start
