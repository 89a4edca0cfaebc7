"""What a connection may send: heads of a bounded size, one request after another, no other protocol.

uvicorn and httptools do not bound a head, take the bytes after an `Upgrade` for the next request, and go on reading the body
of a refused request. Here a head ends at 32 KiB or 100 lines (431). A request to change protocols is read as if it did not
ask for that (RFC 9110 §7.8 lets a server ignore it: Java's HttpClient sends `h2c` with every first request). An answer that
is sent before the end of the body closes the connection.
"""

from collections import defaultdict
from typing import Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from blacklist_service.problems import HeadTooLarge, MalformedRequest, Problem, TooManyRequests
from blacklist_service.web.context import EndedRequest, accounts, new_request_id, source_ip
from blacklist_service.web.headers import GUARDING
from blacklist_service.web.patience import PatientProtocol
from blacklist_service.web.refusals import problem_response

MOST_HEAD_BYTES = 32 * 1024
MOST_HEAD_LINES = 100
LINE_BYTES = 4
"""A colon, a space and the end of the line."""
LINGER_SECONDS = 2.0
"""After an early refusal, the connection is still read for this long and the bytes are discarded. If it were closed with
unread bytes it would be reset, and the refusal might be lost.
"""
MOST_UNHEARD_BYTES = 4 * 1024 * 1024
UNHEARD_BYTES_A_SECOND = 16 * 1024 * 1024
"""The limit for all such connections together, however much is sent."""
UNHEARD_SECONDS = 0.05
MOST_LOOKED_AT = 64
OF_ANOTHER_PROTOCOL = frozenset({b"upgrade", b"http2-settings"})

_unheard_until = 0.0
"""When everything that was discarded so far would have been read at that rate."""
_by_address: "defaultdict[str, dict[FramedProtocol, None]]" = defaultdict(dict)


class FramedProtocol(PatientProtocol):
    """One connection, within limits. `most_of_an_address` limits a process's connections from one address; 0 = unlimited."""

    is_proved = False
    """Whether a request with a valid key has come on this connection; it is then not closed to make room for a stranger's."""
    _is_in_head = False
    _is_deaf = False
    _head_bytes = 0
    _head_lines = 0
    _unended_bytes = 0
    _unheard_bytes = 0
    _unsaid: Problem | None = None

    def __init__(
        self, *args: Any, most_of_an_address: int = 0, most_of_all: int = 0, shared_addresses: Any = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._most_of_an_address = most_of_an_address
        self._most_of_all = most_of_all
        self._shared_addresses = shared_addresses
        self._address = ""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._address = self.client[0] if self.client else ""
        if not self._finds_room():
            self._refuse(TooManyRequests("too many connections are open"))
        _by_address[self._address][self] = None

    def connection_lost(self, exc: Exception | None) -> None:
        same = _by_address[self._address]
        same.pop(self, None)
        if not same:
            del _by_address[self._address]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            self._leave_unheard(len(data))
            return
        is_head_alone = self._is_in_head or self.is_at_a_message
        self._unset_keepalive_if_required()
        self._parse(memoryview(data))
        if self._is_in_head and is_head_alone and not self._is_deaf:
            # The parser buffers a line until it is complete: count what it buffers here, and what it has delivered below.
            self._unended_bytes += len(data)
            if self._unended_bytes > MOST_HEAD_BYTES:
                self._refuse(HeadTooLarge())

    def _leave_unheard(self, size: int) -> None:
        global _unheard_until  # noqa: PLW0603 - one measure for all connections
        self._unheard_bytes += size
        if self._unheard_bytes > MOST_UNHEARD_BYTES:
            self.transport.abort()
            return
        now = self.loop.time()
        _unheard_until = max(_unheard_until, now) + size / UNHEARD_BYTES_A_SECOND
        if _unheard_until - now > UNHEARD_SECONDS:
            self.flow.pause_reading()
            self.loop.call_at(_unheard_until, self._go_on_reading)

    def _go_on_reading(self) -> None:
        if not self.transport.is_closing():
            self.flow.resume_reading()

    def on_message_begin(self) -> None:
        self._is_in_head = True
        self._head_bytes = self._head_lines = self._unended_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url), lines=0)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + LINE_BYTES)
        if self._is_in_head:  # a trailer comes after the head was handled, and changes nothing in it
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        if self.parser.should_upgrade():
            return
        super().on_headers_complete()
        self.cycle.__class__ = _Cycle

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        self.is_proved = self.is_proved or "principal" in self.scope
        unsaid, self._unsaid = (None, self._unsaid) if self.pipeline else (self._unsaid, None)
        if cast("_Cycle", self.cycle).is_early:
            self._linger()
        elif unsaid is not None:
            self._is_deaf = False
            self._refuse(unsaid)
        else:
            super().on_response_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's own sentence
        self._refuse(MalformedRequest())

    def _parse(self, data: memoryview) -> None:
        rest = data
        while True:
            try:
                self.parser.feed_data(rest)
            except httptools.HttpParserUpgrade as upgrade:
                rest = rest[upgrade.args[0] :]
                if self.parser.get_method() == b"CONNECT":
                    self._refuse(MalformedRequest("this is no proxy"))
                    return
                head = self._head_without_upgrade()
                self._begin_parser()
                self._parse(memoryview(head))
            except httptools.HttpParserError:
                is_too_large = self._head_bytes > MOST_HEAD_BYTES or self._head_lines > MOST_HEAD_LINES
                self._refuse(HeadTooLarge() if is_too_large else MalformedRequest())
                return
            else:
                return

    def _begin_parser(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does

    def _head_without_upgrade(self) -> bytes:
        """The head that was read, rebuilt without the request to change protocols."""
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
        for name, value in self.headers:
            if name in OF_ANOTHER_PROTOCOL:
                continue
            kept = value
            if name == b"connection":
                words = [word.strip() for word in value.split(b",")]
                kept = b", ".join(word for word in words if word.lower() not in OF_ANOTHER_PROTOCOL)
            if kept or not value:
                lines.append(b"%b: %b" % (name, kept))
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def _count(self, size: int, lines: int = 1) -> None:
        self._head_bytes += size
        self._head_lines += lines
        self._unended_bytes = 0
        if self._head_bytes > MOST_HEAD_BYTES or self._head_lines > MOST_HEAD_LINES:
            raise ValueError("the head is too large")  # an exception here stops the parser

    def _refuse(self, problem: Problem) -> None:
        """Answer what is not an acceptable request, and close the connection."""
        if self._is_deaf or self.transport.is_closing():
            return
        if self.is_under_way():
            self._is_deaf = True
            self._unsaid = problem  # an earlier request is answered first; nothing after it is read
            if self.cycle.more_body:  # it is the earlier request that has gone wrong
                self.transport.abort()
            return
        request_id = new_request_id()
        response = problem_response(problem, request_id)
        headers = [
            *self.server_state.default_headers,
            *response.raw_headers,
            *GUARDING,
            (b"x-request-id", request_id.encode()),
            (b"connection", b"close"),
        ]
        head = STATUS_LINE[problem.status] + b"".join(b"%b: %b\r\n" % header for header in headers)
        self.transport.write(head + b"\r\n" + bytes(response.body))
        address = source_ip({"client": self.client})
        accounts.note(EndedRequest(request_id, "-", "unknown", problem.status, 0.0, None, address))
        self._linger()

    def _linger(self) -> None:
        self._is_deaf = True
        self.waiting_since = self.idle_since = None
        self._unset_keepalive_if_required()
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _finds_room(self) -> bool:
        """Whether one more connection may be open. At the limit, an idle one is closed to make room."""
        same = _by_address[self._address]
        is_crowded = (
            0 < self._most_of_an_address <= len(same)
            and self._address not in self._shared_addresses
            and not _end_one(same)
        )
        return not (is_crowded or (0 < self._most_of_all < len(self.connections) and not _end_one(self.connections)))


class _Cycle(RequestResponseCycle):
    """A request and its answer; uvicorn creates it, and its class is changed afterwards."""

    is_early = False
    """Whether the answer began before the request was complete."""

    async def send(self, message: Any) -> None:
        if message["type"] != "http.response.start" or not self.more_body:
            await super().send(message)
            return
        self.is_early = True
        message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
        await super().send(message)
        self.keep_alive = True  # the protocol closes the connection itself, after a while


def _end_one(connections: Any) -> bool:
    """Close the oldest idle connection, preferring one on which no valid key was shown."""
    looked_at = [one for one, _ in zip(list(connections), range(MOST_LOOKED_AT), strict=False)]
    spare = [one for one in looked_at if isinstance(one, FramedProtocol) and not one.is_under_way()]
    chosen = next((one for one in spare if not one.is_proved), spare[0] if spare else None)
    if chosen is None:
        return False
    chosen.transport.abort()
    return True
