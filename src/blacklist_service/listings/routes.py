"""`/v1/listings`: the list as people read it (design §6)."""

from datetime import date
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from blacklist_service.access.scopes import Scope
from blacklist_service.clock import legal_date, now
from blacklist_service.listings import reading
from blacklist_service.listings.bench import READS, ListingId
from blacklist_service.listings.deadlines import WORKING_DAYS_TO_ACT, Deadline, working_days_after
from blacklist_service.listings.problems import ListingNotFound
from blacklist_service.listings.public import as_public
from blacklist_service.listings.queries import known_courts
from blacklist_service.listings.schemas import (
    HistoryResponse,
    ListingPage,
    ListingQuery,
    ListingResponse,
    SearchRequest,
    TaskPage,
    TaskResponse,
    VersionResponse,
)
from blacklist_service.problems import FieldError, InvalidRequest
from blacklist_service.subjects.case_numbers import read_case_number
from blacklist_service.subjects.identifiers import SubjectKind, read_identifier
from blacklist_service.subjects.keys import Subject, asked_keys
from blacklist_service.web.documented import problems
from blacklist_service.web.paging import LARGEST_PAGE, PageQuery
from blacklist_service.web.routing import Caller, GuardedRoute, needs
from blacklist_service.web.shares import Share, takes
from blacklist_service.web.transactions import Reads

router = APIRouter(prefix="/v1/listings", tags=["listings"], route_class=GuardedRoute)


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
    today = _today()
    rows = await reading.list_listings(
        connection,
        own_court=caller.court_code or "",
        today=today,
        before=query.before(filters),
        limit=query.limit,
        **filters,
    )
    return _page(rows, query, filters, today)


@router.post(
    "/search",
    summary="Search by name or subject",
    description="In the body, so that no name or number stands in a URL. What has ended is found by its own court alone, "
    "where `include_ended` or `state` asks for it.",
    responses=problems(401, 403, 413, 415, 422, 503),
    dependencies=[needs(Scope.LISTINGS_READ), takes(Share.SEARCH)],
)
async def search(
    body: SearchRequest, query: Annotated[PageQuery, Query()], request: Request, connection: Reads, caller: Caller
) -> ListingPage:
    digests = _digests(body, request)
    case_number = read_case_number(body.case_number) if body.case_number else None
    asked = {
        "case_number": case_number.text if case_number else None,
        "state": body.state.value if body.state else None,
    }
    filters = [[digest.hex() for digest in digests], asked, body.include_ended]
    today = _today()
    rows = await reading.search_listings(
        connection,
        digests,
        own_court=caller.court_code or "",
        today=today,
        before=query.before(filters),
        limit=query.limit,
        is_with_ended=body.include_ended,
        **asked,
    )
    return _page(rows, query, filters, today)


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
    listing_id: ListingId, request: Request, connection: Reads, caller: Caller, response: Response
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
    summary="The history of a listing",
    description="Oldest first, each with the act, who did it and why. Reasons, operators and what came before its "
    "publication are its own court's alone.",
    responses=READS,
    dependencies=[needs(Scope.LISTINGS_READ)],
)
async def history(listing_id: ListingId, connection: Reads, caller: Caller) -> HistoryResponse:
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
    """Without the court's internal data: the person who acted, and the reason in the court's own words."""
    return version | {"operator": None, "reason": None, "document": as_public(version["document"])}


def _today() -> date:
    return legal_date(now())


def _page(rows: list[Any], query: PageQuery, filters: Any, today: date) -> ListingPage:
    items = [ListingResponse.model_validate(as_public(reading.listing_wire(row, today=today))) for row in rows]
    return ListingPage.of(items, query, lambda listing: [str(listing.listing_id)], filters)


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
