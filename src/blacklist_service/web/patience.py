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

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.waiting_since = self.loop.time()
        _open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        _open.discard(self)
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self.waiting_since = self.loop.time()
        super().on_message_begin()

    def on_body(self, body: bytes) -> None:
        self.waiting_since = self.loop.time()
        super().on_body(body)

    def on_message_complete(self) -> None:
        self.waiting_since = None
        super().on_message_complete()

    def is_overdue(self, seconds: float) -> bool:
        """Whether the client, not this service, has kept the request waiting."""
        since = self.waiting_since
        return since is not None and self.loop.time() - since > seconds and not self.flow.read_paused


async def end_overdue(seconds: float) -> None:
    """For ever: look at every connection once a second."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        for protocol in [one for one in _open if one.is_overdue(seconds)]:
            protocol.transport.abort()
