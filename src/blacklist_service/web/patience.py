"""Ending connections whose request does not come to its end: uvicorn waits for ever, and each holds a descriptor.

A head has to be whole within the limit, and a body may not fall silent for so long. Idle connections between requests are
uvicorn's own to end (`timeout_keep_alive`).
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LOOK_SECONDS = 1.0

_open: set["PatientProtocol"] = set()


class PatientProtocol(HttpToolsProtocol):
    """Notes since when it waits for the rest of a request: one clock reading, for thousands of requests a second."""

    waiting_since: float | None = None
    idle_since: float | None = None
    """Since when nothing was asked, where uvicorn does not look at that itself."""
    is_at_a_message = True
    """Whether the next byte begins a request, as far as the parser was handed any."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.waiting_since = self.loop.time()
        _open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        _open.discard(self)
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self.is_at_a_message = False
        self.waiting_since = self.loop.time()
        super().on_message_begin()

    def on_body(self, body: bytes) -> None:
        self.waiting_since = self.loop.time()
        super().on_body(body)

    def on_message_complete(self) -> None:
        self.is_at_a_message = True
        self.waiting_since = None
        super().on_message_complete()

    def is_overdue(self, seconds: float) -> bool:
        """Whether the client, not this service, has kept the request waiting."""
        since = self.waiting_since
        return since is not None and self.loop.time() - since > seconds and not self.flow.read_paused

    def end_if_idle(self) -> None:
        """Close it where nothing was asked for as long as a connection is kept alive."""
        since = self.idle_since
        if since is not None and self.loop.time() - since > self.timeout_keep_alive:
            self.transport.close()


async def end_overdue(seconds: float) -> None:
    """For ever: look at every connection once a second."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        for protocol in [one for one in _open if one.is_overdue(seconds)]:
            protocol.transport.abort()
        for protocol in list(_open):
            protocol.end_if_idle()
