"""`/v1/watches`: a unit's watched questions."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from blacklist_service.access.scopes import Scope
from blacklist_service.database.connections import Connection
from blacklist_service.problems import NotYours
from blacklist_service.watches.opening import Terms
from blacklist_service.watches.operations import Watches, change_watch, close_watch, open_for_checks
from blacklist_service.watches.queries import Watch, find_watch, find_watches, list_watches
from blacklist_service.watches.schemas import (
    TermsRequest,
    WatchClosureRequest,
    WatchesRequest,
    WatchList,
    WatchPage,
    WatchQuery,
    WatchResponse,
)
from blacklist_service.web.desks import AtDesk
from blacklist_service.web.documented import IDEMPOTENCY, problems
from blacklist_service.web.idempotency import Replayable
from blacklist_service.web.routing import Caller, GuardedRoute, needs
from blacklist_service.web.transactions import Reads, Writes

router = APIRouter(prefix="/v1/watches", tags=["watches"], route_class=GuardedRoute)


@router.post(
    "",
    status_code=201,
    summary="Watch earlier checks",
    description="Up to 1,000 of your own checks, all or none. What changed since they were answered is told at once. One "
    "that is watched already stays as it is. 409 `check-too-old` for a check of before objects were kept: ask anew.",
    response_model=WatchList,
    responses=problems(401, 403, 404, 409, 413, 415, 422, 429, 503),
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(Scope.WATCHES_WRITE)],
)
async def open_(
    body: WatchesRequest, request: Request, connection: Writes, desk: AtDesk, replay: Replayable
) -> Response:
    watching: Watches = request.app.state.watching
    terms = Terms(body.until, body.tell, body.after_outcome)
    await open_for_checks(connection, body.check_ids, terms, desk=desk.by(body.operator), most=watching.most)
    found = await find_watches(connection, list(dict.fromkeys(body.check_ids)), desk.caller.member)
    return await replay.keep(connection, 201, WatchList(items=[_response(one) for one in found]))


@router.get(
    "",
    summary="Your watches",
    description="Those of the newest checks first.",
    responses=problems(401, 403, 422, 503),
    dependencies=[needs(Scope.WATCHES_WRITE)],
)
async def list_(query: Annotated[WatchQuery, Query()], connection: Reads, caller: Caller) -> WatchPage:
    filters = [query.state, query.reference]
    found = await list_watches(
        connection,
        caller.member,
        state=query.state,
        reference=query.reference,
        before=query.before(filters),
        limit=query.limit,
    )
    items = [_response(one) for one in found]
    return WatchPage.of(items, query, lambda last: [str(last.watch_id)], filters)


@router.get(
    "/{watch_id}",
    summary="Read a watch",
    responses=problems(401, 403, 404, 422, 503),
    dependencies=[needs(Scope.WATCHES_WRITE)],
)
async def read(watch_id: UUID, connection: Reads, caller: Caller) -> WatchResponse:
    return await _own(connection, watch_id, caller.member)


@router.put(
    "/{watch_id}",
    summary="Change until when a watch lasts, and what is told",
    responses=problems(401, 403, 404, 409, 413, 415, 422, 503),
    dependencies=[needs(Scope.WATCHES_WRITE)],
)
async def change(watch_id: UUID, body: TermsRequest, connection: Writes, desk: AtDesk) -> WatchResponse:
    terms = Terms(body.until, body.tell, body.after_outcome)
    await change_watch(connection, watch_id, terms, desk=desk.by(body.operator))
    return await _own(connection, watch_id, desk.caller.member)


@router.post(
    "/{watch_id}/closure",
    summary="End a watch",
    description="Its question is deleted. Nothing more is told of it but that it ended.",
    responses=problems(401, 403, 404, 413, 415, 422, 503),
    dependencies=[needs(Scope.WATCHES_WRITE)],
)
async def close(watch_id: UUID, body: WatchClosureRequest, connection: Writes, desk: AtDesk) -> WatchResponse:
    await close_watch(connection, watch_id, desk=desk.by(body.operator))
    return await _own(connection, watch_id, desk.caller.member)


async def _own(connection: Connection, watch_id: UUID, member: str) -> WatchResponse:
    watch = await find_watch(connection, watch_id, member)
    if watch is None:
        raise NotYours
    return _response(watch)


def _response(watch: Watch) -> WatchResponse:
    return WatchResponse(**asdict(watch), state="open" if watch.closed_at is None else "closed")
