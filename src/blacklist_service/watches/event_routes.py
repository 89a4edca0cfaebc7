"""`/v1/watch-events`: what a unit is told, in its order and without a gap."""

from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import StreamingResponse

from blacklist_service.access.principals import Principal
from blacklist_service.access.scopes import Scope
from blacklist_service.assistance.watch import Watch as Look
from blacklist_service.database.connections import Connection
from blacklist_service.problems import Problem
from blacklist_service.watches.operations import acknowledge as acknowledge_events
from blacklist_service.watches.queries import (
    EventRow,
    get_feed,
    list_events,
    require_kept,
    require_place,
    sum_of_feeds,
)
from blacklist_service.watches.routes import AtDesk
from blacklist_service.watches.schemas import (
    LARGEST_SEQUENCE,
    EventPage,
    EventQuery,
    EventResponse,
    EventsAcknowledgementRequest,
    FeedResponse,
)
from blacklist_service.web.documented import problems
from blacklist_service.web.paging import LARGEST_PAGE
from blacklist_service.web.routing import Caller, GuardedRoute, needs, prove_again
from blacklist_service.web.shares import Share
from blacklist_service.web.transactions import Reads, Writes, borrowed, snapshot

HEARTBEAT_SECONDS = 1.0
ROUNDS_BETWEEN_COMMENTS = 15

router = APIRouter(prefix="/v1/watch-events", tags=["watches"], route_class=GuardedRoute)


@router.get(
    "",
    summary="What you are to be told",
    description="In order and without a gap, after `after`. 410 where the service was restored from a backup to before it: "
    "begin anew without `after`, and compare with `GET /v1/watches`. 410 `events-forgotten` where events after it are kept "
    "no longer (told more than 400 days ago, or never taken in three years): go on with `after` as `forgotten` says.",
    responses=problems(401, 403, 410, 422, 503),
    dependencies=[needs(Scope.WATCHES_WRITE)],
)
async def list_(query: Annotated[EventQuery, Query()], connection: Reads, caller: Caller) -> EventPage:
    after = await _place(connection, caller.member, query.after)
    found = await list_events(connection, caller.member, after=after, limit=query.limit + 1)
    shown = found[: query.limit]
    return EventPage(
        items=[EventResponse(**asdict(one)) for one in shown],
        next=shown[-1].sequence if shown else after,
        more=len(found) > len(shown),
    )


@router.get(
    "/stream",
    summary="Be told as it happens",
    description="Server-sent events, each within a second of its commit: `event` is the type, `id` the sequence, `data` the "
    "event. Begins after `Last-Event-ID`, or after what was acknowledged.",
    response_class=StreamingResponse,
    responses=problems(401, 403, 410, 503) | {200: {"content": {"text/event-stream": {}}}},
    dependencies=[needs(Scope.WATCHES_WRITE)],
)
async def stream(request: Request, caller: Caller) -> StreamingResponse:
    last = request.headers.get("last-event-id", "")
    after = int(last) if last.isascii() and last.isdigit() and len(last) < len(str(LARGEST_SEQUENCE)) else None
    async with borrowed(request.app.state.shares.pool(Share.STREAM)) as connection:
        place = await _place(connection, caller.member, after)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_events(request, caller, place), media_type="text/event-stream", headers=headers)


@router.post(
    "/acknowledgement",
    summary="Say that you were told",
    description="Of every event up to `through`. Kept in the ledger: proof of telling. Never goes back.",
    responses=problems(401, 403, 413, 415, 422, 503),
    dependencies=[needs(Scope.WATCHES_WRITE)],
)
async def acknowledge(body: EventsAcknowledgementRequest, connection: Writes, desk: AtDesk) -> FeedResponse:
    await acknowledge_events(connection, body.through, desk=desk.by(body.operator))
    feed = await get_feed(connection, desk.caller.member)
    return FeedResponse(last=feed.last_sequence, acknowledged=feed.acknowledged)


async def _place(connection: Connection, member: str, after: int | None) -> int:
    """After which event to go on. Raise as `require_place` does."""
    if after is not None:
        await require_place(connection, member, after)
        return after
    feed = await get_feed(connection, member)
    require_kept(feed, feed.acknowledged)
    return feed.acknowledged


async def _events(request: Request, caller: Principal, after: int) -> AsyncIterator[bytes]:
    """Every round the key is proved again: one that was revoked hears nothing more."""
    state = request.app.state
    look: Look = state.event_look
    seen, rounds = -1, 0
    yield b"retry: 1000\n\n"
    while not await request.is_disconnected():
        moved = await look.moved_past(seen, timeout_seconds=HEARTBEAT_SECONDS)
        try:
            await prove_again(request)
        except Problem:
            return
        if not moved:
            rounds += 1
            if rounds % ROUNDS_BETWEEN_COMMENTS == 0:
                yield b": still here\n\n"
            continue
        async with snapshot(state.shares.pool(Share.STREAM)) as connection:
            total = await sum_of_feeds(connection)
            found = await list_events(connection, caller.member, after=after, limit=LARGEST_PAGE)
        for event in found:
            yield _written(event)
            after = event.sequence
        if len(found) < LARGEST_PAGE:
            seen = total


def _written(event: EventRow) -> bytes:
    data = EventResponse(**asdict(event)).model_dump_json()
    return f"id: {event.sequence}\nevent: {event.type}\ndata: {data}\n\n".encode()
