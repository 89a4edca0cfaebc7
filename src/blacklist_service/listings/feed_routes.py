"""`/v1/changes` and `/v1/list`: the list as others copy it, and the heartbeat of a court's feed."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from blacklist_service.access.scopes import Scope
from blacklist_service.database.connections import Connection
from blacklist_service.database.restarts import is_version_known
from blacklist_service.ledger.actions import Act, feed_type
from blacklist_service.ledger.statements import find_statement
from blacklist_service.listings import reading
from blacklist_service.listings.acting_court import court_of
from blacklist_service.listings.operations.acts import beat_heart
from blacklist_service.listings.public import as_public
from blacklist_service.listings.schemas import (
    ChangePage,
    ChangeResponse,
    ChangesQuery,
    HeartbeatResponse,
    SetDigestResponse,
)
from blacklist_service.members.second_person.marking import does
from blacklist_service.members.second_person.rules import SoloAct
from blacklist_service.problems import Gone, NotFound
from blacklist_service.web.copies import Copies
from blacklist_service.web.documented import problems
from blacklist_service.web.routing import Acting, Caller, GuardedRoute, needs
from blacklist_service.web.shares import Share, takes
from blacklist_service.web.transactions import Reads, Writes, pool_of

router = APIRouter(prefix="/v1", tags=["changes"], route_class=GuardedRoute)

SLICE = 40


@router.get(
    "/changes",
    summary="The change feed",
    description="Every change once, in commit order, without a gap; the client keeps `next`. ETag = newest list version. "
    "`listing` holds public fields and masks only. 410: this database never gave out such a version (it was restored from a "
    "backup); drop the copy and start anew at 0. Where the header `Replica-Age` stands, the page is of a "
    "standby, and at most so many seconds old.",
    response_model=ChangePage,
    responses=problems(401, 403, 410, 422, 503),
    dependencies=[needs(Scope.CHANGES_READ), takes(Share.BULK)],
)
async def changes(query: Annotated[ChangesQuery, Query()], request: Request) -> Response:
    copies: Copies = request.app.state.shares.copies
    # A standby that is behind this client's version would say that no such version was ever issued.
    async with copies.snapshot(pool_of(request), least_version=query.after) as copy:
        newest, content = await _page(copy.connection, query, request.app.state)
    headers = {"ETag": f'"{newest}"'} | copy.headers
    return Response(content, media_type="application/json", headers=headers)


async def _page(connection: Connection, query: ChangesQuery, state: Any) -> tuple[int, bytes]:
    """The newest version, and the answer."""
    if not await is_version_known(connection, "list", query.after):
        raise Gone("no such list version was given out: drop the copy and start anew with after=0")
    newest = await reading.get_list_version(connection)
    items: list[bytes] = []
    work = state.courtesy.begin()
    last, is_more = query.after, True
    while is_more and len(items) < query.limit:  # in slices: a whole page would delay checks
        rows = await reading.list_changes(connection, after=last, limit=min(SLICE, query.limit - len(items)) + 1)
        is_more = len(rows) > min(SLICE, query.limit - len(items))
        page = rows[:-1] if is_more else rows
        items += [_change(row).model_dump_json(by_alias=True).encode() for row in page]
        last = page[-1]["list_version"] if page else last
        await work.give_way()
    whole = b"null"
    if query.digest:
        digest = await state.set_digests.get(connection, newest, work)
        whole = SetDigestResponse(**asdict(digest)).model_dump_json().encode()
    content = b'{"items":[%b],"next":%d,"list_version":%d,"more":%b,"set":%b}' % (
        *(b",".join(items), last, newest, b"true" if is_more else b"false", whole),
    )
    return newest, content


@router.get(
    "/list/statement",
    summary="The list's state, signed",
    description="A signed note of the log's keys (`GET /v1/ledger/vkey`), renewed each minute: the list's version, how many "
    "listings a copy of the feed holds at it, the SHA-256 of that set as `/v1/changes?digest=true` gives it, when that was "
    "so, and until when the statement may be relied on (an hour). Whoever is shown an old one is kept from the new.",
    response_class=PlainTextResponse,
    responses=problems(401, 404, 503),
    dependencies=[needs(None)],
)
async def statement(connection: Reads) -> PlainTextResponse:
    note = await find_statement(connection)
    if note is None:
        raise NotFound("none was made yet: the first is there within a minute of the start")
    return PlainTextResponse(note, headers={"Cache-Control": "no-store"})


@router.post(
    "/list/heartbeat",
    summary="Report that the court's feed is alive",
    description="Though nothing changed. What is older than the soft and hard age (settings) is stale.",
    responses=problems(401, 403, 503),
    dependencies=[needs(Scope.LISTINGS_WRITE), takes(Share.ACT), does(SoloAct.BEAT_HEART)],
)
async def heartbeat(request: Request, connection: Writes, caller: Caller, actor: Acting) -> HeartbeatResponse:
    court = court_of(request, caller, actor, None)
    at = await beat_heart(connection, court=court)
    return HeartbeatResponse(
        court_code=court.code, alive_at=at, list_version=await reading.get_list_version(connection)
    )


def _change(row: Any) -> ChangeResponse:
    document = row["document"]
    if document is not None:
        document = as_public(document) | {
            "court": document["court"] | {"name": row["court_name"]},
            "version": row["version"],
        }
        if row["contested_on"] is not None:
            document["identity_contested_on"] = row["contested_on"]
    return ChangeResponse(
        version=row["list_version"],
        at=row["at"],
        type=feed_type(Act(row["act"])),
        listing_id=row["listing_id"],
        listing=document,
    )
