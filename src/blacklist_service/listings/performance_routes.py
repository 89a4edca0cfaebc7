"""`/v1/listings/{id}/performance` and `/identity-contest`: what a court knows that no listing says."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response as HttpResponse

from blacklist_service.access.scopes import Scope
from blacklist_service.listings.court import court_of
from blacklist_service.listings.operations.contests import contest_identity, withdraw_contest
from blacklist_service.listings.operations.performances import list_performances, record_performance
from blacklist_service.listings.problems import ListingNotFound
from blacklist_service.listings.reading import find_listing
from blacklist_service.listings.routes import IfMatch, Listing, act_response, etag, version_of
from blacklist_service.listings.schemas import ActResponse, Operator, Reason
from blacklist_service.web.documented import VERSIONED_ACT, problems
from blacklist_service.web.idempotency import Replayable
from blacklist_service.web.routing import Acting, Caller, GuardedRoute, needs
from blacklist_service.web.shares import Share, takes
from blacklist_service.web.transactions import Reads, Writes
from blacklist_service.web.wire import LegalDate, Response
from blacklist_service.web.wire import Request as Wire

router = APIRouter(prefix="/v1/listings", tags=["listings"], route_class=GuardedRoute)
WRITES = problems(401, 403, 404, 409, 412, 413, 415, 422, 428, 503)


class PerformanceRequest(Wire):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "performed", "performed_on": "2018-06-01", "note": "全部到账"}]}
    )

    kind: Literal["performed", "settlement_performed"]
    performed_on: LegalDate
    note: Reason | None = None
    operator: Operator | None = None


class PerformanceResponse(Response):
    performance_id: UUID
    listing_id: UUID
    kind: Literal["performed", "settlement_performed"]
    performed_on: date
    stated_on: date = Field(description="the day on which the court said so; what is due counts from it")
    task: Literal["delete_after_performance", "decide_early_deletion"]
    due_on: date = Field(
        description="3 working days; of a listing with a term its last day, until which the court may decide"
    )
    note: str | None
    operator: str | None
    at: datetime


class PerformancePage(Response):
    items: list[PerformanceResponse]


class ContestRequest(Wire):
    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "号码系同名人员所有，正在核实"}]})

    reason: Annotated[Reason, Field(description="why the number may not be the debtor's, or why it is after all")]
    operator: Operator | None = None


@router.post(
    "/{listing_id}/performance",
    status_code=201,
    summary="Say that the debt was performed",
    description="No answer changes. A listing without a term is to be deleted in 3 working days (Art. 10(1)), and is overdue "
    "on the 4th; for one with a term the court decides whether to delete early (Art. 2(2)). Nothing is deleted by itself.",
    response_model=PerformanceResponse,
    responses=WRITES,
    openapi_extra=VERSIONED_ACT,
    dependencies=[needs(Scope.LISTINGS_WRITE), takes(Share.ACT)],
)
async def state_performance(
    listing_id: Listing,
    body: PerformanceRequest,
    request: Request,
    connection: Writes,
    caller: Caller,
    actor: Acting,
    replay: Replayable,
    if_match: IfMatch = None,
) -> HttpResponse:
    performance = await record_performance(
        connection,
        listing_id,
        expected_version=version_of(if_match),
        kind=body.kind,
        performed_on=body.performed_on,
        note=body.note,
        court=court_of(request, caller, actor, body.operator),
    )
    return await replay.keep(connection, 201, PerformanceResponse(**asdict(performance)))


@router.get(
    "/{listing_id}/performance",
    summary="What was said of its performance",
    description="Oldest first; to its own court alone.",
    responses=problems(401, 403, 404, 422, 503),
    dependencies=[needs(Scope.LISTINGS_READ)],
)
async def read_performances(
    listing_id: Listing, request: Request, connection: Reads, caller: Caller
) -> PerformancePage:
    row = await find_listing(connection, listing_id)
    if row is None or row["court_code"] != caller.court_code:
        raise ListingNotFound
    found = await list_performances(connection, listing_id, secrecy=request.app.state.secrecy)
    return PerformancePage(items=[PerformanceResponse(**asdict(one)) for one in found])


@router.post(
    "/{listing_id}/identity-contest",
    summary="Contest the identity of a listing",
    description="The number may be another person's. While the contest stands, an exact hit is a flag with the reason "
    "`identity_uncertain`, and shows since when; the very next check sees it.",
    response_model=ActResponse,
    responses=WRITES,
    openapi_extra=VERSIONED_ACT,
    dependencies=[needs(Scope.LISTINGS_WRITE), takes(Share.ACT)],
)
async def contest(
    listing_id: Listing,
    body: ContestRequest,
    request: Request,
    connection: Writes,
    caller: Caller,
    actor: Acting,
    replay: Replayable,
    if_match: IfMatch = None,
) -> HttpResponse:
    court = court_of(request, caller, actor, body.operator)
    version = version_of(if_match)
    done = await contest_identity(connection, listing_id, expected_version=version, reason=body.reason, court=court)
    return await replay.keep(connection, 200, act_response(done), headers=etag(done))


@router.post(
    "/{listing_id}/identity-contest/withdrawal",
    summary="Lift a contest of identity",
    description="The number is the debtor's: the listing blocks again. Where it is not, withdraw the listing instead.",
    response_model=ActResponse,
    responses=WRITES,
    openapi_extra=VERSIONED_ACT,
    dependencies=[needs(Scope.LISTINGS_WRITE), takes(Share.ACT)],
)
async def lift_contest(
    listing_id: Listing,
    body: ContestRequest,
    request: Request,
    connection: Writes,
    caller: Caller,
    actor: Acting,
    replay: Replayable,
    if_match: IfMatch = None,
) -> HttpResponse:
    court = court_of(request, caller, actor, body.operator)
    version = version_of(if_match)
    done = await withdraw_contest(connection, listing_id, expected_version=version, reason=body.reason, court=court)
    return await replay.keep(connection, 200, act_response(done), headers=etag(done))
