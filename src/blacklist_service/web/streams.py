"""Answers that leave as slowly as their reader takes them: a turn for as long, and an end to it."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
from starlette.requests import Request

from blacklist_service.settings import Settings
from blacklist_service.web.shares import Share, Shares

PIECE_BYTES = 64 * 1024
LEFT_SECONDS = 10.0
"""What a reader may let lie before it has to take the rest at the rate."""
RATE_FACTOR = 16
"""A whole list holds a snapshot open while it is read: its reader has to be faster than one of a single answer."""

log = structlog.get_logger()


class TooSlow(Exception):  # noqa: N818 - what the reader was
    """The reader takes the answer too slowly for others to wait."""


class Pace:
    """How long a reader let the parts lie."""

    def __init__(self, least_rate: float) -> None:
        self._least_rate = least_rate
        self._lain_seconds = 0.0
        self._bytes = 0

    @asynccontextmanager
    async def of(self, part: bytes) -> AsyncIterator[None]:
        """Around the `yield` of a part; raise `TooSlow` once all of them lay for too long."""
        began = time.monotonic()
        yield
        self._lain_seconds += time.monotonic() - began
        self._bytes += len(part)
        if self._lain_seconds > LEFT_SECONDS + self._bytes / self._least_rate:
            log.info("reader_too_slow", seconds=round(self._lain_seconds, 3), size=self._bytes)
            raise TooSlow


@asynccontextmanager
async def leaving(request: Request) -> AsyncIterator[Pace]:
    """While the answer leaves. Raise `TooManyRequests` where the key has as many leaving as it may."""
    shares: Shares = request.app.state.shares
    settings: Settings = request.app.state.settings
    async with shares.turn(Share.STREAM, request.scope.get("principal")):
        yield Pace(RATE_FACTOR * settings.least_rate)


async def in_parts(request: Request, read: Callable[[int], Awaitable[bytes | None]]) -> AsyncIterator[bytes]:
    """What is kept in parts, as it leaves; `read` gives the part of a number, None after the last.

    The first piece is empty: by it the reader's turn has come, or `TooManyRequests` was raised.
    """
    async with leaving(request) as pace:
        yield b""
        part = 0
        while (content := await read(part)) is not None:
            for start in range(0, len(content), PIECE_BYTES):
                async with pace.of(piece := content[start : start + PIECE_BYTES]):
                    yield piece
            part += 1
