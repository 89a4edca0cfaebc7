"""Answers that are sent as slowly as their reader takes them, with a limit on how many and how slow; and endless ones that
report events as they happen (server-sent events).
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

import structlog
from starlette.requests import Request
from starlette.responses import StreamingResponse

from blacklist_service.problems import Problem
from blacklist_service.settings import Settings
from blacklist_service.web.lookouts import LookOut
from blacklist_service.web.routing import prove_again
from blacklist_service.web.shares import Share, Shares

PIECE_BYTES = 64 * 1024
LEFT_SECONDS = 10.0
"""How many seconds parts may lie unread before the reader must keep up with the rate."""
RATE_FACTOR = 16
"""A whole list holds a snapshot open while it is read, so its reader must be faster than that of a single answer."""

HEARTBEAT_SECONDS = 1.0
ROUNDS_BETWEEN_COMMENTS = 15
LONGEST_ID = 18
"""Digits of a position in a stream."""

log = structlog.get_logger()


class TooSlow(Exception):  # noqa: N818 - what the reader was
    """The reader takes the answer too slowly, and others are waiting."""


class Pace:
    """How long a reader has left parts unread."""

    def __init__(self, least_rate: float) -> None:
        self._least_rate = least_rate
        self._lain_seconds = 0.0
        self._bytes = 0

    @asynccontextmanager
    async def of(self, part: bytes) -> AsyncIterator[None]:
        """Use around the `yield` of a part; raise `TooSlow` once the parts together lay unread for too long."""
        began = time.monotonic()
        yield
        self._lain_seconds += time.monotonic() - began
        self._bytes += len(part)
        if self._lain_seconds > LEFT_SECONDS + self._bytes / self._least_rate:
            log.info("reader_too_slow", seconds=round(self._lain_seconds, 3), size=self._bytes)
            raise TooSlow


@asynccontextmanager
async def leaving(request: Request) -> AsyncIterator[Pace]:
    """Use while the answer is sent. Raise `TooManyRequests` if the key already has the most answers being sent that it
    may.
    """
    shares: Shares = request.app.state.shares
    settings: Settings = request.app.state.settings
    async with shares.turn(Share.STREAM, request.scope.get("principal")):
        yield Pace(RATE_FACTOR * settings.least_rate)


async def in_parts(request: Request, read: Callable[[int], Awaitable[bytes | None]]) -> AsyncIterator[bytes]:
    """Send what is stored in parts; `read` returns the part with a number, None after the last.

    The first piece is empty: it is yielded once the reader has its turn, or else `TooManyRequests` is raised.
    """
    async with leaving(request) as pace:
        yield b""
        part = 0
        while (content := await read(part)) is not None:
            for start in range(0, len(content), PIECE_BYTES):
                async with pace.of(piece := content[start : start + PIECE_BYTES]):
                    yield piece
            part += 1


class Heard(NamedTuple):
    """What a stream sends next, the `position` after which it continues, and the version this belongs to.

    `seen` is None if more can be sent at once.
    """

    pieces: list[bytes]
    position: int
    seen: int | None


def last_event_id(request: Request) -> int | None:
    """The position from which a reconnecting reader continues."""
    said = request.headers.get("last-event-id", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) <= LONGEST_ID else None


def server_sent(event_id: int, event: str, data: str) -> bytes:
    """The bytes of an event; its id is the position after which a reader continues."""
    return f"id: {event_id}\nevent: {event}\ndata: {data}\n\n".encode()


def event_stream(
    request: Request, look_out: LookOut, first: Heard, hear: Callable[[int], Awaitable[Heard | None]]
) -> StreamingResponse:
    """Send what was found first, and then what `hear` finds after each position; end when it returns None."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    pieces = _as_it_happens(request, look_out, first, hear)
    return StreamingResponse(pieces, media_type="text/event-stream", headers=headers)


async def _as_it_happens(
    request: Request, look_out: LookOut, first: Heard, hear: Callable[[int], Awaitable[Heard | None]]
) -> AsyncIterator[bytes]:
    """The key is verified again in every round: a revoked key receives nothing more."""
    heard: Heard | None = first
    yield b"retry: 1000\n\n"
    rounds = 0
    while heard is not None:
        for piece in heard.pieces:
            yield piece
        heard = heard._replace(pieces=[])
        if await request.is_disconnected():
            return
        moved = heard.seen is None or await look_out.moved_past(heard.seen, timeout_seconds=HEARTBEAT_SECONDS)
        try:
            await prove_again(request)
        except Problem:
            return
        if moved:
            heard = await hear(heard.position)
        else:
            rounds += 1
            if rounds % ROUNDS_BETWEEN_COMMENTS == 0:
                yield b": still here\n\n"
