"""`/v1/publication`: the whole list as the public may see it, for the credit platform and a unit's own site (M33).

It is read in one snapshot: what was withdrawn or deleted before the request began is not in it. `List-Version` names the
snapshot; `GET /v1/changes?after=<List-Version>` continues from there. From a standby it is older by the seconds in
`Replica-Age`.

The list in force today is not exactly what a copy of the change feed holds: a term that is over leaves the feed when the
calendar's task records that. `set=feed` gives the latter set, which `/v1/changes?digest=true` and `/v1/list/statement`
digest.
"""

import csv
import io
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Header, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from blacklist_service.access.scopes import Scope
from blacklist_service.clock import legal_date, now
from blacklist_service.listings.reading import get_list_version, list_feed, list_published
from blacklist_service.listings.schemas import PublicationQuery
from blacklist_service.problems import FieldError, InvalidRequest
from blacklist_service.web.copies import AGE_HEADER
from blacklist_service.web.documented import problems
from blacklist_service.web.routing import GuardedRoute, needs, unless_held
from blacklist_service.web.shares import Share, takes
from blacklist_service.web.spreadsheets import cell
from blacklist_service.web.streams import leaving
from blacklist_service.web.transactions import pool_of

router = APIRouter(prefix="/v1/publication", tags=["changes"], route_class=GuardedRoute)

COLUMNS = {
    "listing_id": "编号",
    "name": "被执行人姓名/名称",
    "kind": "类型",
    "identifier": "证件号码",
    "legal_representative": "法定代表人",
    "sex": "性别",
    "court": "执行法院",
    "case_number": "案号",
    "filed_on": "立案时间",
    "basis_number": "执行依据文号",
    "basis_issuer": "作出执行依据单位",
    "obligation": "生效法律文书确定的义务",
    "performance": "被执行人的履行情况",
    "performed_part": "已履行部分",
    "unperformed_part": "未履行部分",
    "circumstances": "失信情形",
    "published_on": "发布时间",
    "expires_on": "期限届满日",
}
PAGE = 50
"""Small, so that no check waits for one."""

Pages = AsyncIterator[list[dict[str, Any]]]


@router.get(
    "",
    summary="The list as the public may see it",
    description="All listings in force, numbers masked, in one snapshot whose version is the header `List-Version`; "
    "follow on with `GET /v1/changes?after=…`. JSON Lines or CSV. Where the header `Replica-Age` stands, it is of a standby, "
    "and at most so many seconds old.",
    response_class=StreamingResponse,
    responses=problems(401, 403, 422, 503) | {200: {"content": {"application/x-ndjson": {}, "text/csv": {}}}},
    dependencies=[needs(Scope.CHANGES_READ), takes(Share.STREAM)],
)
async def publish(
    query: Annotated[PublicationQuery, Query()],
    request: Request,
    accept: Annotated[str, Header()] = "application/x-ndjson",
) -> Response:
    is_feed = query.set == "feed"
    if is_feed and query.format == "csv":
        raise InvalidRequest(errors=[FieldError("format", "jsonl-only", "the feed's set is given as JSON Lines")])
    is_csv = query.format == "csv" or (not is_feed and query.format is None and "text/csv" in accept.lower())
    parts = _snapshot(request, is_csv=is_csv, is_feed=is_feed)
    version, _, age = (await anext(parts)).decode().partition(" ")
    answer = StreamingResponse(
        parts,
        media_type="text/csv; charset=utf-8" if is_csv else "application/x-ndjson",
        headers={"List-Version": version, "ETag": f'"{version}"', "Cache-Control": "no-store"}
        | ({AGE_HEADER: age} if age else {}),
    )
    if (held := unless_held(request, answer)) is not answer:
        await parts.aclose()
    return held


async def _snapshot(request: Request, *, is_csv: bool, is_feed: bool) -> AsyncGenerator[bytes]:
    """First the snapshot's version, and its age if it is a standby's; then the list. Its connection is returned however
    little is read, even if the client disconnects and every `await` during the cleanup is cancelled.
    """
    state = request.app.state
    async with leaving(request) as pace, state.shares.copies.snapshot(pool_of(request)) as copy:
        connection = copy.connection
        version = await get_list_version(connection)
        yield f"{version} {copy.headers.get(AGE_HEADER, '')}".encode()
        work = state.courtesy.begin()
        await work.give_way()
        pages = (list_feed if is_feed else list_published)(connection, today=legal_date(now()), page=PAGE)
        async for part in (_csv if is_csv else _json_lines)(pages):
            async with pace.of(part):
                yield part
            await work.give_way()


async def _json_lines(pages: Pages) -> AsyncIterator[bytes]:
    async for page in pages:
        yield b"".join(orjson.dumps(wire, option=orjson.OPT_APPEND_NEWLINE, default=str) for wire in page)


async def _csv(pages: Pages) -> AsyncIterator[bytes]:
    yield "\ufeff".encode() + _lines([list(COLUMNS.values())])
    async for page in pages:
        yield _lines([[cell(value) for value in _row(wire).values()] for wire in page])


def _lines(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def _row(wire: Mapping[str, Any]) -> dict[str, Any]:
    debtor = wire["debtor"]
    people = [one["name"] for one in debtor.get("people") or () if one["relation"] == "legal_representative"]
    basis = wire.get("basis") or {}
    return {
        "listing_id": wire["listing_id"],
        "name": debtor["name"],
        "kind": debtor["kind"],
        "identifier": (debtor.get("identifier") or {}).get("number_masked"),
        "legal_representative": "、".join(people),
        "sex": debtor.get("sex"),
        "court": wire["court"]["name"],
        "case_number": wire["case_number"],
        "filed_on": wire.get("filed_on"),
        "basis_number": basis.get("document_number"),
        "basis_issuer": basis.get("issuer"),
        "obligation": wire.get("obligation"),
        "performance": wire.get("performance"),
        "performed_part": wire.get("performed_part"),
        "unperformed_part": wire.get("unperformed_part"),
        "circumstances": "、".join(wire.get("circumstances") or ()),
        "published_on": wire["published_on"],
        "expires_on": wire.get("expires_on"),
    }
