"""`/v1/listings`: the court's acts and the list as people read it. Acts are sub-resources (design §6)."""

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Header, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from blacklist_service.access.principals import Principal
from blacklist_service.access.scopes import Scope
from blacklist_service.clock import legal_date, now
from blacklist_service.database.connections import Connection
from blacklist_service.database.restarts import is_version_known
from blacklist_service.listings import reading
from blacklist_service.listings.court import court_of
from blacklist_service.listings.deadlines import WORKING_DAYS_TO_ACT, Deadline, working_days_after
from blacklist_service.listings.operations.acts import (
    Done,
    beat_heart,
    correct_listing,
    dispute_listing,
    end_listing,
    extend_listing,
    publish_listing,
    require_court,
    resume_listing,
    suspend_listing,
)
from blacklist_service.listings.problems import ListingNotFound
from blacklist_service.listings.public import as_public
from blacklist_service.listings.publications import read_publication
from blacklist_service.listings.queries import known_courts
from blacklist_service.listings.rules import Act, ListingState, RowAction
from blacklist_service.listings.schemas import (
    ActResponse,
    ChangePage,
    ChangeResponse,
    CorrectionRequest,
    DeletionRequest,
    DisputeRequest,
    ExtensionRequest,
    HeartbeatResponse,
    HistoryResponse,
    ListingPage,
    ListingResponse,
    PublishRequest,
    ResumptionRequest,
    SearchRequest,
    SetDigestResponse,
    Severity,
    SuspensionRequest,
    TaskPage,
    TaskResponse,
    TouchedCheckResponse,
    VersionResponse,
    WithdrawalRequest,
    WithdrawalResponse,
)
from blacklist_service.problems import FieldError, Gone, InvalidRequest, PreconditionRequired
from blacklist_service.subjects.case_numbers import read_case_number
from blacklist_service.subjects.identifiers import SubjectKind, read_identifier
from blacklist_service.subjects.keys import Subject, asked_keys
from blacklist_service.web.documented import IDEMPOTENCY, VERSIONED_ACT, problems
from blacklist_service.web.idempotency import Replayable
from blacklist_service.web.paging import LARGEST_ID, LARGEST_PAGE, USUAL_PAGE, make_cursor, read_place
from blacklist_service.web.routing import Acting, Caller, GuardedRoute, needs
from blacklist_service.web.shares import Share, takes
from blacklist_service.web.transactions import Reads, Writes
from blacklist_service.web.wire import text

router = APIRouter(prefix="/v1/listings", tags=["listings"], route_class=GuardedRoute)
feed = APIRouter(prefix="/v1", tags=["changes"], route_class=GuardedRoute)

IfMatch = Annotated[str | None, Header(include_in_schema=False)]
"""Documented as required by `VERSIONED_ACT`; its absence is 428, which is ours to say."""
Listing = Annotated[UUID, Field(description="the listing's id")]


class ListingQuery(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    case_number: Annotated[str, *text(200)] | None = None
    state: ListingState | None = None
    court_code: Annotated[str, *text(16)] | None = None
    severity: Severity | None = None
    cursor: Annotated[str, *text(400)] | None = None
    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE)] = USUAL_PAGE


class PageQuery(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    cursor: Annotated[str, *text(400)] | None = None
    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE)] = USUAL_PAGE


class ChangesQuery(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    after: Annotated[int, Field(ge=0, lt=2**63)] = 0
    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE)] = USUAL_PAGE
    digest: bool = Field(False, description="also the SHA-256 of the whole set, so that a copy can prove itself whole")


SLICE = 40
WRITES = problems(401, 403, 404, 409, 412, 413, 415, 422, 428, 503)
READS = problems(401, 403, 404, 422, 503)


@router.post(
    "",
    status_code=201,
    summary="Publish a listing",
    description="In force for the very next check, or from its day. The same content again is 200 and changes nothing; "
    "other content for a listing in force is 409 and names the correction.",
    response_model=ActResponse,
    responses=problems(401, 403, 409, 413, 415, 422, 503) | {200: {"model": ActResponse, "description": "unchanged"}},
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(Scope.LISTINGS_WRITE), takes(Share.ACT)],
)
async def publish(
    body: PublishRequest, request: Request, connection: Writes, caller: Caller, actor: Acting, replay: Replayable
) -> Response:
    court = court_of(request, caller, actor, body.operator)
    require_court(body.court.code, court)
    content, warnings = read_publication(body, court_name=await _court_name(connection, caller), today=_today())
    done = await publish_listing(connection, content, court=court, warnings=warnings)
    return await replay.keep(connection, 201 if done.is_new else 200, act_response(done), headers=etag(done))


@router.get(
    "",
    summary="List listings",
    description="Newest first, numbers masked. A listing in grace is shown to its own court alone.",
    responses=READS,
    dependencies=[needs(Scope.LISTINGS_READ), takes(Share.SEARCH)],
)
async def list_(query: Annotated[ListingQuery, Query()], connection: Reads, caller: Caller) -> ListingPage:
    case_number = read_case_number(query.case_number) if query.case_number else None
    filters = {
        "case_number": case_number.text if case_number else None,
        "state": query.state.value if query.state else None,
        "court_code": (await known_courts(connection)).code_of(query.court_code) if query.court_code else None,
        "severity": query.severity,
    }
    before = read_place(query.cursor, filters) if query.cursor else LARGEST_ID
    today = _today()
    rows = await reading.list_listings(
        connection, own_court=caller.court_code or "", today=today, before=before, limit=query.limit, **filters
    )
    return _page(rows, query.limit, filters, today)


@router.post(
    "/search",
    summary="Search by name or subject",
    description="In the body, so that no name or number stands in a URL. What has ended is not found.",
    responses=problems(401, 403, 413, 415, 422, 503),
    dependencies=[needs(Scope.LISTINGS_READ), takes(Share.SEARCH)],
)
async def search(
    body: SearchRequest, query: Annotated[PageQuery, Query()], request: Request, connection: Reads, caller: Caller
) -> ListingPage:
    digests = _digests(body, request)
    filters = [digest.hex() for digest in digests]
    today = _today()
    rows = await reading.search_listings(
        connection,
        digests,
        own_court=caller.court_code or "",
        today=today,
        before=read_place(query.cursor, filters) if query.cursor else LARGEST_ID,
        limit=query.limit,
    )
    return _page(rows, query.limit, filters, today)


@router.get(
    "/tasks",
    summary="What is due",
    description="What the law asks of the court now: deletions after a term or a performance (3 working days), "
    "whether to delete before the term's end, objections (15 days; the same day where the person may not be the debtor), "
    "grounds that a snapshot left open.",
    responses=READS,
    dependencies=[needs(Scope.LISTINGS_READ)],
)
async def tasks(connection: Reads, caller: Caller) -> TaskPage:
    today = _today()
    rows = await reading.list_court_tasks(connection, caller.court_code or "", today=today, limit=LARGEST_PAGE)
    items = [_task(dict(row), today) for row in rows]
    return TaskPage(items=items, overdue=sum(item.is_overdue for item in items))


@router.get(
    "/{listing_id}",
    summary="Read a listing",
    description="ETag = its version. Its own court also sees the complete numbers, to correct without retyping.",
    responses=READS,
    dependencies=[needs(Scope.LISTINGS_READ)],
)
async def read(
    listing_id: Listing, request: Request, connection: Reads, caller: Caller, response: Response
) -> ListingResponse:
    row = await reading.find_listing(connection, listing_id)
    today = _today()
    is_own = row is not None and row["court_code"] == caller.court_code
    if row is None or not (is_own or reading.is_shown_to_others(row, today=today)):
        raise ListingNotFound
    wire = reading.listing_wire(row, today=today)
    if not is_own:
        wire = as_public(wire)
    else:
        cipher = request.app.state.secrecy.cipher("listing")
        wire = reading.with_numbers(wire, orjson.loads(cipher.open(row["secret"], row["content_digest"])))
    response.headers["ETag"] = f'"{row["version"]}"'
    return ListingResponse.model_validate(wire)


@router.get(
    "/{listing_id}/history",
    summary="Every state it ever had",
    description="Oldest first, each with the act, who did it and why. Reasons, operators and what came before its "
    "publication are its own court's alone.",
    responses=READS,
    dependencies=[needs(Scope.LISTINGS_READ)],
)
async def history(listing_id: Listing, connection: Reads, caller: Caller) -> HistoryResponse:
    row = await reading.find_listing(connection, listing_id)
    is_own = row is not None and row["court_code"] == caller.court_code
    if row is None or not (is_own or reading.is_shown_to_others(row, today=_today())):
        raise ListingNotFound
    versions = [dict(version) for version in await reading.list_versions(connection, listing_id)]
    if not is_own:
        versions = [_for_others(version) for version in versions if version["list_version"] is not None]
    return HistoryResponse(
        items=[
            VersionResponse.model_validate(version | {"actor": version["member"], "listing": version["document"]})
            for version in versions
        ]
    )


def _for_others(version: dict[str, Any]) -> dict[str, Any]:
    """Without what a court notes for itself: who of its people acted, and its reason in its own words."""
    return version | {"operator": None, "reason": None, "document": as_public(version["document"])}


@router.post(
    "/{listing_id}/correction",
    summary="Correct a listing (更正)",
    response_model=ActResponse,
    responses=WRITES,
    openapi_extra=VERSIONED_ACT,
    dependencies=[needs(Scope.LISTINGS_WRITE), takes(Share.ACT)],
)
async def correct(
    listing_id: Listing,
    body: CorrectionRequest,
    request: Request,
    connection: Writes,
    caller: Caller,
    actor: Acting,
    replay: Replayable,
    if_match: IfMatch = None,
) -> Response:
    court = court_of(request, caller, actor, body.operator or body.listing.operator)
    version = version_of(if_match)
    require_court(body.listing.court.code, court)
    court_name = await _court_name(connection, caller)
    content, warnings = read_publication(body.listing, court_name=court_name, today=_today(), prefix="/listing")
    done = await correct_listing(
        connection, listing_id, content, expected_version=version, reason=body.reason, court=court, warnings=warnings
    )
    return await replay.keep(connection, 200, act_response(done), headers=etag(done))


@router.post(
    "/{listing_id}/deletion",
    summary="Delete a listing (删除): right then, over now",
    response_model=ActResponse,
    responses=WRITES,
    openapi_extra=VERSIONED_ACT,
    dependencies=[needs(Scope.LISTINGS_WRITE), takes(Share.ACT)],
)
async def delete(
    listing_id: Listing,
    body: DeletionRequest,
    request: Request,
    connection: Writes,
    caller: Caller,
    actor: Acting,
    replay: Replayable,
    if_match: IfMatch = None,
) -> Response:
    done = await end_listing(
        connection,
        listing_id,
        RowAction.DELETE,
        expected_version=version_of(if_match),
        ground=body.ground.value,
        decided_on=body.decided_on,
        reason=body.note,
        court=court_of(request, caller, actor, body.operator),
    )
    return await replay.keep(connection, 200, act_response(done), headers=etag(done))


@router.post(
    "/{listing_id}/withdrawal",
    summary="Withdraw a listing (撤销): wrong from the start",
    description="Answers which past checks rested on it, so that their agencies can be told.",
    response_model=WithdrawalResponse,
    responses=WRITES,
    openapi_extra=VERSIONED_ACT,
    dependencies=[needs(Scope.LISTINGS_WRITE), takes(Share.ACT)],
)
async def withdraw(
    listing_id: Listing,
    body: WithdrawalRequest,
    request: Request,
    connection: Writes,
    caller: Caller,
    actor: Acting,
    replay: Replayable,
    if_match: IfMatch = None,
) -> Response:
    done = await end_listing(
        connection,
        listing_id,
        RowAction.WITHDRAW,
        expected_version=version_of(if_match),
        ground=None,
        decided_on=body.decided_on,
        reason=body.reason,
        court=court_of(request, caller, actor, body.operator),
    )
    touched = [TouchedCheckResponse(**asdict(check)) for check in done.touched_checks]
    withdrawn = WithdrawalResponse(**act_response(done).model_dump(), touched_checks=touched)
    return await replay.keep(connection, 200, withdrawn, headers=etag(done))


@router.post(
    "/{listing_id}/suspension",
    summary="Suspend a listing (暂时屏蔽): off the list for a time",
    description="Not in force, not ended: no check, no publication and no copy of the feed has it until it is resumed. Its "
    "term runs on, and it may be corrected, extended and ended meanwhile. One that is suspended already stays as it is.",
    response_model=ActResponse,
    responses=WRITES,
    openapi_extra=VERSIONED_ACT,
    dependencies=[needs(Scope.LISTINGS_WRITE), takes(Share.ACT)],
)
async def suspend(
    listing_id: Listing,
    body: SuspensionRequest,
    request: Request,
    connection: Writes,
    caller: Caller,
    actor: Acting,
    replay: Replayable,
    if_match: IfMatch = None,
) -> Response:
    done = await suspend_listing(
        connection,
        listing_id,
        expected_version=version_of(if_match),
        ground=body.ground,
        decided_on=body.decided_on,
        reason=body.reason,
        court=court_of(request, caller, actor, body.operator),
    )
    return await replay.keep(connection, 200, act_response(done), headers=etag(done))


@router.post(
    "/{listing_id}/resumption",
    summary="Resume a suspended listing (恢复)",
    description="In force for the very next check, in the feed as `published`. One that is not suspended is 409.",
    response_model=ActResponse,
    responses=WRITES,
    openapi_extra=VERSIONED_ACT,
    dependencies=[needs(Scope.LISTINGS_WRITE), takes(Share.ACT)],
)
async def resume(
    listing_id: Listing,
    body: ResumptionRequest,
    request: Request,
    connection: Writes,
    caller: Caller,
    actor: Acting,
    replay: Replayable,
    if_match: IfMatch = None,
) -> Response:
    done = await resume_listing(
        connection,
        listing_id,
        expected_version=version_of(if_match),
        decided_on=body.decided_on,
        reason=body.reason,
        court=court_of(request, caller, actor, body.operator),
    )
    return await replay.keep(connection, 200, act_response(done), headers=etag(done))


@router.post(
    "/{listing_id}/extension",
    summary="Extend the term of a listing",
    response_model=ActResponse,
    responses=WRITES,
    openapi_extra=VERSIONED_ACT,
    dependencies=[needs(Scope.LISTINGS_WRITE), takes(Share.ACT)],
)
async def extend(
    listing_id: Listing,
    body: ExtensionRequest,
    request: Request,
    connection: Writes,
    caller: Caller,
    actor: Acting,
    replay: Replayable,
    if_match: IfMatch = None,
) -> Response:
    done = await extend_listing(
        connection,
        listing_id,
        body.expires_on,
        expected_version=version_of(if_match),
        decided_on=body.decided_on,
        reason=body.reason,
        court=court_of(request, caller, actor, body.operator),
    )
    return await replay.keep(connection, 200, act_response(done), headers=etag(done))


@router.post(
    "/{listing_id}/dispute",
    summary="Show what is pending against a listing",
    description="Shown in every answer; it changes none (Art. 12).",
    response_model=ActResponse,
    responses=WRITES,
    openapi_extra=VERSIONED_ACT,
    dependencies=[needs(Scope.LISTINGS_WRITE), takes(Share.ACT)],
)
async def dispute(
    listing_id: Listing,
    body: DisputeRequest,
    request: Request,
    connection: Writes,
    caller: Caller,
    actor: Acting,
    replay: Replayable,
    if_match: IfMatch = None,
) -> Response:
    version = version_of(if_match)
    court = court_of(request, caller, actor, body.operator)
    done = await dispute_listing(
        connection, listing_id, body.state, filed_on=body.filed_on, expected_version=version, court=court
    )
    return await replay.keep(connection, 200, act_response(done), headers=etag(done))


@feed.get(
    "/changes",
    summary="The change feed",
    description="Every change once, in commit order, without a gap; the client keeps `next`. ETag = newest list version. "
    "`listing` holds public fields and masks only. 410: this database never gave out such a version (it was restored from a "
    "backup); drop the copy and start anew at 0.",
    response_model=ChangePage,
    responses=problems(401, 403, 410, 422, 503),
    dependencies=[needs(Scope.CHANGES_READ), takes(Share.BULK)],
)
async def changes(query: Annotated[ChangesQuery, Query()], request: Request, connection: Reads) -> Response:
    state = request.app.state
    if not await is_version_known(connection, "list", query.after):
        raise Gone("no such list version was given out: drop the copy and start anew with after=0")
    newest = await reading.get_list_version(connection)
    items: list[bytes] = []
    last, is_more = query.after, True
    while is_more and len(items) < query.limit:  # in slices: a whole page holds up every check for as long as twenty
        rows = await reading.list_changes(connection, after=last, limit=min(SLICE, query.limit - len(items)) + 1)
        is_more = len(rows) > min(SLICE, query.limit - len(items))
        page = rows[:-1] if is_more else rows
        items += [_change(row).model_dump_json(by_alias=True).encode() for row in page]
        last = page[-1]["list_version"] if page else last
        await state.courtesy.give_way()
    whole = b"null"
    if query.digest:
        digest = await state.set_digests.get(connection, newest, state.courtesy)
        whole = SetDigestResponse(**asdict(digest)).model_dump_json().encode()
    content = b'{"items":[%b],"next":%d,"list_version":%d,"more":%b,"set":%b}' % (
        *(b",".join(items), last, newest, b"true" if is_more else b"false", whole),
    )
    return Response(content, media_type="application/json", headers={"ETag": f'"{newest}"'})


@feed.post(
    "/list/heartbeat",
    summary="Say that the court's feed is alive",
    description="Though nothing changed. What is older than the soft and hard age (settings) is stale.",
    responses=problems(401, 403, 503),
    dependencies=[needs(Scope.LISTINGS_WRITE), takes(Share.ACT)],
)
async def heartbeat(request: Request, connection: Writes, caller: Caller, actor: Acting) -> HeartbeatResponse:
    court = court_of(request, caller, actor, None)
    at = await beat_heart(connection, court=court)
    return HeartbeatResponse(
        court_code=court.code, alive_at=at, list_version=await reading.get_list_version(connection)
    )


async def _court_name(connection: Connection, caller: Principal) -> str:
    """The name by which the court is a member; what a client writes is not taken."""
    code = caller.court_code or ""
    return (await known_courts(connection)).name_of(code) or code


def version_of(if_match: str | None) -> int:
    if if_match is None:
        raise PreconditionRequired
    number = if_match.strip().removeprefix("W/").strip('"')
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise InvalidRequest(errors=[FieldError("If-Match", "form", 'a version such as "3"')])
    return int(number)


def act_response(done: Done) -> ActResponse:
    return ActResponse(
        listing_id=done.listing_id,
        version=done.version,
        list_version=done.list_version,
        state=done.state,
        warnings=done.warnings,
        other_listings=list(done.others),
    )


def etag(done: Done) -> dict[str, str]:
    return {"ETag": f'"{done.version}"', "Location": f"/v1/listings/{done.listing_id}"}


def _today() -> date:
    return legal_date(now())


def _page(rows: list[Any], limit: int, filters: Any, today: date) -> ListingPage:
    items = [ListingResponse.model_validate(as_public(reading.listing_wire(row, today=today))) for row in rows]
    return ListingPage(items=items, next=make_cursor([str(rows[-1]["id"])], filters) if len(rows) == limit else None)


def _digests(body: SearchRequest, request: Request) -> list[bytes]:
    if (body.name is None) == (body.subject is None):
        raise InvalidRequest(errors=[FieldError("", "one-of", "give a name or a subject")])
    digester = request.app.state.digester
    if body.subject is None:
        subjects = [Subject(kind, body.name or "", None) for kind in SubjectKind]
    else:
        asked = body.subject
        number = None
        if asked.identifier is not None:
            number = read_identifier(asked.kind, asked.identifier.type, asked.identifier.number, today=_today())
        subjects = [Subject(asked.kind, asked.name, number)]
    return [key.digest for subject in subjects for key in asked_keys(subject, digester, also_former=True)]


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
        type=_TYPE_OF_ACT.get(row["act"], row["act"]),
        listing_id=row["listing_id"],
        listing=document,
    )


_TYPE_OF_ACT = {
    Act.RESUMED.value: "published",
    Act.REINSTATED.value: "published",
    Act.CONTESTED.value: "disputed",
    Act.CONTEST_WITHDRAWN.value: "disputed",
}
"""To a copy of the list, a listing that is back is one that is published; a contest of identity is a dispute."""


def _task(row: dict[str, Any], today: date) -> TaskResponse:
    due = row.pop("due_on")
    deadline = Deadline(due) if due else working_days_after(row["since"], WORKING_DAYS_TO_ACT)
    return TaskResponse(
        **row,
        due_on=deadline.on,
        is_overdue=deadline.is_overdue(today),
        is_calendar_certain=deadline.is_certain,
        is_emergency=row["task"] == "confirm_identity",
    )
