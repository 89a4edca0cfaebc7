"""Closes connections that stall: uvicorn waits for ever, and each holds a file descriptor and memory.

A head must be complete within the limit. A body must not be silent for that long, and must arrive at the least rate. The
client must take the answer at that rate too. Idle connections between requests are closed by uvicorn (`timeout_keep_alive`).
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LOOK_SECONDS = 1.0
WRITE_SECONDS = 10.0
"""How many bytes a client may leave unread before it must take its answer at the least rate."""

_open: dict["PatientProtocol", None] = {}
"""In order of arrival."""


class PatientProtocol(HttpToolsProtocol):
    """Notes since when it has waited for the rest of a request: one clock reading for thousands of requests a second."""

    waiting_since: float | None = None
    idle_since: float | None = None
    """Since when it has been idle, in the cases that uvicorn does not watch itself."""
    is_at_a_message = True
    """Whether the next byte begins a request, as far as the parser has been fed."""
    _body_since: float | None = None
    _body_bytes = 0
    _unread_since: float | None = None
    _unread_bytes = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.waiting_since = self.loop.time()
        _open[self] = None

    def connection_lost(self, exc: Exception | None) -> None:
        _open.pop(self, None)
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self.is_at_a_message = False
        self.waiting_since = self.loop.time()
        self._body_since = None
        super().on_message_begin()

    def on_body(self, body: bytes) -> None:
        self.waiting_since = self.loop.time()
        if self._body_since is None:
            self._body_since, self._body_bytes = self.waiting_since, 0
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self.is_at_a_message = True
        self.waiting_since = None
        self._body_since = None
        super().on_message_complete()

    def pause_writing(self) -> None:
        self._unread_since = self.loop.time()
        self._unread_bytes = self.transport.get_write_buffer_size()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._unread_since = None
        super().resume_writing()

    def is_overdue(self, seconds: float, least_rate: float) -> bool:
        """Whether the client, and not this service, keeps a request or its answer waiting; examined once a second."""
        now = self.loop.time()
        if self._unread_since is not None:
            taken = self._unread_bytes - self.transport.get_write_buffer_size()
            return now - self._unread_since > WRITE_SECONDS + max(taken, 0) / least_rate
        if self.waiting_since is None:
            return False
        if self.flow.read_paused:  # it is this service that is not reading
            self.waiting_since = now
            if self._body_since is not None:
                self._body_since += LOOK_SECONDS
            return False
        if now - self.waiting_since > seconds:
            return True
        return self._body_since is not None and now - self._body_since > seconds + self._body_bytes / least_rate

    def is_under_way(self) -> bool:
        """Whether a request is being answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def end_if_idle(self) -> None:
        """Close the connection after it was idle for the keep-alive time."""
        since = self.idle_since
        if since is not None and self.loop.time() - since > self.timeout_keep_alive:
            self.transport.close()


async def end_overdue(seconds: float, least_rate: float) -> None:
    """Examine every connection once a second, for ever."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        for protocol in [one for one in _open if one.is_overdue(seconds, least_rate)]:
            protocol.transport.abort()
        for protocol in list(_open):
            protocol.end_if_idle()
