"""`/v1/changes/sealed`: the change feed for installations that apply it as their own list."""

import base64
from typing import Annotated

import orjson
from fastapi import APIRouter, Query
from starlette.requests import Request

from blacklist_service.access.scopes import Scope
from blacklist_service.database.restarts import is_version_known
from blacklist_service.ledger.log import find_log
from blacklist_service.listings import reading
from blacklist_service.listings.following.feed import get_public_key, item_of, list_followed
from blacklist_service.listings.following.schemas import SealedPage
from blacklist_service.listings.following.sealing import context_of, seal_page
from blacklist_service.problems import Gone, NotFound
from blacklist_service.web.documented import problems
from blacklist_service.web.paging import FeedQuery
from blacklist_service.web.routing import Caller, GuardedRoute, needs
from blacklist_service.web.shares import Share, takes
from blacklist_service.web.transactions import Reads

router = APIRouter(prefix="/v1", tags=["changes"], route_class=GuardedRoute)

SLICE = 40


@router.get(
    "/changes/sealed",
    summary="The change feed, whole, for a follower",
    description="Every change once, in commit order, without a gap, with the listing as it is now and what a court's push "
    "carries, sealed for the public key that is registered for the member. 410 as for the change feed.",
    responses=problems(401, 403, 404, 410, 422, 503),
    dependencies=[needs(Scope.CHANGES_FOLLOW), takes(Share.BULK)],
)
async def sealed_changes(
    query: Annotated[FeedQuery, Query()], request: Request, connection: Reads, caller: Caller
) -> SealedPage:
    state = request.app.state
    public_key = await get_public_key(connection, caller.member)
    log = await find_log(connection)
    if log is None:
        raise NotFound("the log of this installation was not begun")
    if not await is_version_known(connection, "list", query.after):
        raise Gone("no such list version was given out: this installation was restored from a backup")
    list_version = await reading.get_list_version(connection)
    cipher = state.secrecy.cipher("listing")
    items: list[dict[str, object]] = []
    work = state.courtesy.begin()
    last, is_more = query.after, True
    while is_more and len(items) < query.limit:
        wanted = min(SLICE, query.limit - len(items))
        rows = await list_followed(connection, after=last, limit=wanted + 1)
        is_more = len(rows) > wanted
        items += [item_of(row, cipher) for row in rows[:wanted]]
        last = rows[:wanted][-1]["list_version"] if rows else last
        await work.give_way()
    context = context_of(
        origin=log.origin, member=caller.member, after=query.after, next_=last, list_version=list_version
    )
    sealed = seal_page(orjson.dumps(items), public_key, context)
    return SealedPage(
        origin=log.origin,
        member=caller.member,
        next=last,
        list_version=list_version,
        more=is_more,
        sealed=base64.b64encode(sealed).decode(),
    )
