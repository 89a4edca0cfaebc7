"""`/v1/listings/{id}/performance` and `/identity-contest`: facts known to the court that are not part of a listing."""

from dataclasses import asdict

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response as HttpResponse

from blacklist_service.access.scopes import Scope
from blacklist_service.listings.bench import WRITES, AtBench, ListingId
from blacklist_service.listings.operations.contests import contest_identity, withdraw_contest
from blacklist_service.listings.operations.performances import record_performance
from blacklist_service.listings.performance_queries import list_performances
from blacklist_service.listings.reading import get_own_listing
from blacklist_service.listings.schemas import (
    ActResponse,
    ContestRequest,
    PerformancePage,
    PerformanceRequest,
    PerformanceResponse,
)
from blacklist_service.members.second_person.marking import does
from blacklist_service.members.second_person.rules import CourtAct, SoloAct
from blacklist_service.web.documented import VERSIONED_ACT, problems
from blacklist_service.web.routing import Caller, GuardedRoute, needs
from blacklist_service.web.shares import Share, takes
from blacklist_service.web.transactions import Reads

router = APIRouter(prefix="/v1/listings", tags=["listings"], route_class=GuardedRoute)


@router.post(
    "/{listing_id}/performance",
    status_code=201,
    summary="Report that the debt was performed",
    description="No answer changes. A listing without a term is to be deleted in 3 working days (Art. 10(1)), and is overdue "
    "on the 4th; for one with a term the court decides whether to delete early (Art. 2(2)). Nothing is deleted by itself.",
    response_model=PerformanceResponse,
    responses=WRITES,
    openapi_extra=VERSIONED_ACT,
    dependencies=[needs(Scope.LISTINGS_WRITE), takes(Share.ACT), does(SoloAct.STATE_PERFORMANCE)],
)
async def state_performance(
    listing_id: ListingId,
    body: PerformanceRequest,
    bench: AtBench,
) -> HttpResponse:
    performance = await record_performance(
        bench.connection,
        listing_id,
        expected_version=bench.expected_version,
        kind=body.kind,
        performed_on=body.performed_on,
        note=body.note,
        court=bench.court(body.operator),
    )
    return await bench.replay.keep(bench.connection, 201, PerformanceResponse(**asdict(performance)))


@router.get(
    "/{listing_id}/performance",
    summary="Reports of a listing's performance",
    description="Oldest first; to its own court alone.",
    responses=problems(401, 403, 404, 422, 503),
    dependencies=[needs(Scope.LISTINGS_READ)],
)
async def read_performances(
    listing_id: ListingId, request: Request, connection: Reads, caller: Caller
) -> PerformancePage:
    await get_own_listing(connection, listing_id, court_code=caller.court_code or "")
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
    dependencies=[needs(Scope.LISTINGS_WRITE), takes(Share.ACT), does(CourtAct.CONTEST)],
)
async def contest(
    listing_id: ListingId,
    body: ContestRequest,
    bench: AtBench,
) -> HttpResponse:
    court = bench.court(body.operator)
    version = bench.expected_version
    done = await contest_identity(
        bench.connection, listing_id, expected_version=version, reason=body.reason, court=court
    )
    return await bench.answer(done)


@router.post(
    "/{listing_id}/identity-contest/withdrawal",
    summary="Lift a contest of identity",
    description="The number is the debtor's: the listing blocks again. Where it is not, withdraw the listing instead.",
    response_model=ActResponse,
    responses=WRITES,
    openapi_extra=VERSIONED_ACT,
    dependencies=[needs(Scope.LISTINGS_WRITE), takes(Share.ACT), does(CourtAct.LIFT_CONTEST)],
)
async def lift_contest(
    listing_id: ListingId,
    body: ContestRequest,
    bench: AtBench,
) -> HttpResponse:
    court = bench.court(body.operator)
    version = bench.expected_version
    done = await withdraw_contest(
        bench.connection, listing_id, expected_version=version, reason=body.reason, court=court
    )
    return await bench.answer(done)
