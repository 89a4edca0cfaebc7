"""Answers that leave as slowly as their reader takes them: a turn for as long, and an end to it; and those without an
end, that say what happens as it happens (server-sent events).
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
"""What a reader may let lie before it has to take the rest at the rate."""
RATE_FACTOR = 16
"""A whole list holds a snapshot open while it is read: its reader has to be faster than one of a single answer."""

HEARTBEAT_SECONDS = 1.0
ROUNDS_BETWEEN_COMMENTS = 15
LONGEST_ID = 18
"""Digits of a place in a stream."""

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


class Heard(NamedTuple):
    """What a stream says next, after which `place` it goes on, and the version that all of this is of.

    `seen` is None where there is more to be said at once.
    """

    pieces: list[bytes]
    place: int
    seen: int | None


def last_event_id(request: Request) -> int | None:
    """The place after which a reader goes on that was here before."""
    said = request.headers.get("last-event-id", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) <= LONGEST_ID else None


def server_sent(place: int, event: str, data: str) -> bytes:
    """An event as it is written: its id is the place after which a reader goes on."""
    return f"id: {place}\nevent: {event}\ndata: {data}\n\n".encode()


def event_stream(
    request: Request, look_out: LookOut, first: Heard, hear: Callable[[int], Awaitable[Heard | None]]
) -> StreamingResponse:
    """Say what was heard first, and from then on what `hear` finds after a place; it ends where that gives None."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    pieces = _as_it_happens(request, look_out, first, hear)
    return StreamingResponse(pieces, media_type="text/event-stream", headers=headers)


async def _as_it_happens(
    request: Request, look_out: LookOut, first: Heard, hear: Callable[[int], Awaitable[Heard | None]]
) -> AsyncIterator[bytes]:
    """Every round the key is proved again: one that was revoked hears nothing more."""
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
            heard = await hear(heard.place)
        else:
            rounds += 1
            if rounds % ROUNDS_BETWEEN_COMMENTS == 0:
                yield b": still here\n\n"
