"""`/v1/watch-events`: the events of a unit, in order and without a gap."""

from dataclasses import asdict
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import StreamingResponse

from blacklist_service.access.scopes import Scope
from blacklist_service.database.connections import Connection, Pool
from blacklist_service.watches.operations import acknowledge as acknowledge_events
from blacklist_service.watches.queries import (
    EventRow,
    get_feed,
    list_events,
    require_kept,
    require_place,
    sum_of_feeds,
)
from blacklist_service.watches.schemas import (
    EventPage,
    EventQuery,
    EventResponse,
    EventsAcknowledgementRequest,
    FeedResponse,
)
from blacklist_service.web.desks import AtDesk
from blacklist_service.web.documented import problems
from blacklist_service.web.paging import LARGEST_PAGE
from blacklist_service.web.routing import Caller, GuardedRoute, needs
from blacklist_service.web.shares import Share
from blacklist_service.web.streams import Heard, event_stream, last_event_id, server_sent
from blacklist_service.web.transactions import Reads, Writes, borrowed, snapshot

router = APIRouter(prefix="/v1/watch-events", tags=["watches"], route_class=GuardedRoute)


@router.get(
    "",
    summary="Your watch events",
    description="In order and without a gap, after `after`. 410 where the service was restored from a backup to before it: "
    "begin anew without `after`, and compare with `GET /v1/watches`. 410 `events-forgotten` where events after it are kept "
    "no longer (told more than 400 days ago, or never taken in three years): go on with `after` as `forgotten` says.",
    responses=problems(401, 403, 410, 422, 503),
    dependencies=[needs(Scope.WATCHES_WRITE)],
)
async def list_(query: Annotated[EventQuery, Query()], connection: Reads, caller: Caller) -> EventPage:
    after = await _place(connection, caller.member, query.after)
    found = await list_events(connection, caller.member, after=after, limit=query.limit + 1)
    return EventPage.of([EventResponse(**asdict(one)) for one in found], after=after, limit=query.limit)


@router.get(
    "/stream",
    summary="Stream watch events",
    description="Server-sent events, each within a second of its commit: `event` is the type, `id` the sequence, `data` the "
    "event. Begins after `Last-Event-ID`, or after what was acknowledged.",
    response_class=StreamingResponse,
    responses=problems(401, 403, 410, 503) | {200: {"content": {"text/event-stream": {}}}},
    dependencies=[needs(Scope.WATCHES_WRITE)],
)
async def stream(request: Request, caller: Caller) -> StreamingResponse:
    state = request.app.state
    async with borrowed(state.shares.pool(Share.STREAM)) as connection:
        place = await _place(connection, caller.member, last_event_id(request))
    hear = partial(_hear, state.shares.pool(Share.STREAM), caller.member)
    return event_stream(request, state.event_look_out, Heard([], place, seen=-1), hear)


@router.post(
    "/acknowledgement",
    summary="Acknowledge watch events",
    description="Of every event up to `through`. Kept in the ledger: proof of telling. Never goes back.",
    responses=problems(401, 403, 413, 415, 422, 503),
    dependencies=[needs(Scope.WATCHES_WRITE)],
)
async def acknowledge(body: EventsAcknowledgementRequest, connection: Writes, desk: AtDesk) -> FeedResponse:
    await acknowledge_events(connection, body.through, desk=desk.by(body.operator))
    feed = await get_feed(connection, desk.caller.member)
    return FeedResponse(last=feed.last_sequence, acknowledged=feed.acknowledged)


async def _place(connection: Connection, member: str, after: int | None) -> int:
    """After which event to continue. Raise as `require_place` does."""
    if after is not None:
        await require_place(connection, member, after)
        return after
    feed = await get_feed(connection, member)
    require_kept(feed, feed.acknowledged)
    return feed.acknowledged


async def _hear(pool: Pool, member: str, after: int) -> Heard | None:
    """None if some of the following events were deleted meanwhile: the reader reconnects, and is told so."""
    async with snapshot(pool) as connection:
        total = await sum_of_feeds(connection)
        feed = await get_feed(connection, member)
        found = await list_events(connection, member, after=after, limit=LARGEST_PAGE)
    if after < feed.forgotten:
        return None
    place = found[-1].sequence if found else after
    return Heard([_written(event) for event in found], place, seen=None if len(found) == LARGEST_PAGE else total)


def _written(event: EventRow) -> bytes:
    return server_sent(event.sequence, event.type, EventResponse(**asdict(event)).model_dump_json())
