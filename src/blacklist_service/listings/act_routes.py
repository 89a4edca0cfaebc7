"""`/v1/listings`: the acts of a court. Each act on a listing is a sub-resource of it (design §6)."""

from dataclasses import asdict

from fastapi import APIRouter
from starlette.responses import Response

from blacklist_service.access.scopes import Scope
from blacklist_service.clock import legal_date, now
from blacklist_service.listings.bench import WRITES, AtBench, ListingId
from blacklist_service.listings.operations.acts import (
    correct_listing,
    dispute_listing,
    end_listing,
    extend_listing,
    publish_listing,
    resume_listing,
    suspend_listing,
)
from blacklist_service.listings.operations.carrying_out import require_court
from blacklist_service.listings.publish_requests import read_publication
from blacklist_service.listings.rules import RowAction
from blacklist_service.listings.schemas import (
    ActResponse,
    CorrectionRequest,
    DeletionRequest,
    DisputeRequest,
    ExtensionRequest,
    PublishRequest,
    ResumptionRequest,
    SuspensionRequest,
    TouchedCheckResponse,
    WithdrawalRequest,
    WithdrawalResponse,
)
from blacklist_service.members.second_person.marking import does
from blacklist_service.members.second_person.rules import CourtAct, SoloAct
from blacklist_service.web.documented import IDEMPOTENCY, VERSIONED_ACT, problems
from blacklist_service.web.routing import GuardedRoute, needs
from blacklist_service.web.shares import Share, takes

router = APIRouter(prefix="/v1/listings", tags=["listings"], route_class=GuardedRoute)


@router.post(
    "",
    status_code=201,
    summary="Publish a listing",
    description="In force for the very next check, or from its day. The same content again is 200 and changes nothing; "
    "other content for a listing in force is 409 and names the correction.",
    response_model=ActResponse,
    responses=problems(401, 403, 409, 413, 415, 422, 503) | {200: {"model": ActResponse, "description": "unchanged"}},
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(Scope.LISTINGS_WRITE), takes(Share.ACT), does(CourtAct.PUBLISH)],
)
async def publish(body: PublishRequest, bench: AtBench) -> Response:
    court = bench.court(body.operator)
    require_court(body.court.code, court)
    content, warnings = read_publication(body, court_name=await bench.court_name(), today=legal_date(now()))
    done = await publish_listing(bench.connection, content, court=court, warnings=warnings)
    return await bench.answer(done, status=201 if done.is_new else 200)


@router.post(
    "/{listing_id}/correction",
    summary="Correct a listing (更正)",
    response_model=ActResponse,
    responses=WRITES,
    openapi_extra=VERSIONED_ACT,
    dependencies=[needs(Scope.LISTINGS_WRITE), takes(Share.ACT), does(CourtAct.CORRECT)],
)
async def correct(
    listing_id: ListingId,
    body: CorrectionRequest,
    bench: AtBench,
) -> Response:
    court = bench.court(body.operator or body.listing.operator)
    version = bench.expected_version
    require_court(body.listing.court.code, court)
    content, warnings = read_publication(
        body.listing, court_name=await bench.court_name(), today=legal_date(now()), prefix="/listing"
    )
    done = await correct_listing(
        bench.connection,
        listing_id,
        content,
        expected_version=version,
        reason=body.reason,
        court=court,
        warnings=warnings,
    )
    return await bench.answer(done)


@router.post(
    "/{listing_id}/deletion",
    summary="Delete a listing (删除): it was right, and is over",
    response_model=ActResponse,
    responses=WRITES,
    openapi_extra=VERSIONED_ACT,
    dependencies=[needs(Scope.LISTINGS_WRITE), takes(Share.ACT), does(CourtAct.DELETE)],
)
async def delete(
    listing_id: ListingId,
    body: DeletionRequest,
    bench: AtBench,
) -> Response:
    done = await end_listing(
        bench.connection,
        listing_id,
        RowAction.DELETE,
        expected_version=bench.expected_version,
        ground=body.ground.value,
        decided_on=body.decided_on,
        reason=body.note,
        court=bench.court(body.operator),
    )
    return await bench.answer(done)


@router.post(
    "/{listing_id}/withdrawal",
    summary="Withdraw a listing (撤销): wrong from the start",
    description="Answers which past checks rested on it, so that their agencies can be told.",
    response_model=WithdrawalResponse,
    responses=WRITES,
    openapi_extra=VERSIONED_ACT,
    dependencies=[needs(Scope.LISTINGS_WRITE), takes(Share.ACT), does(CourtAct.WITHDRAW)],
)
async def withdraw(
    listing_id: ListingId,
    body: WithdrawalRequest,
    bench: AtBench,
) -> Response:
    done = await end_listing(
        bench.connection,
        listing_id,
        RowAction.WITHDRAW,
        expected_version=bench.expected_version,
        ground=None,
        decided_on=body.decided_on,
        reason=body.reason,
        court=bench.court(body.operator),
    )
    touched = [TouchedCheckResponse(**asdict(check)) for check in done.touched_checks]
    return await bench.answer(done, kind=WithdrawalResponse, touched_checks=touched)


@router.post(
    "/{listing_id}/suspension",
    summary="Suspend a listing (暂时屏蔽): off the list for a time",
    description="Not in force, not ended: no check, no publication and no copy of the feed has it until it is resumed. Its "
    "term runs on, and it may be corrected, extended and ended meanwhile. One that is suspended already stays as it is.",
    response_model=ActResponse,
    responses=WRITES,
    openapi_extra=VERSIONED_ACT,
    dependencies=[needs(Scope.LISTINGS_WRITE), takes(Share.ACT), does(CourtAct.SUSPEND)],
)
async def suspend(
    listing_id: ListingId,
    body: SuspensionRequest,
    bench: AtBench,
) -> Response:
    done = await suspend_listing(
        bench.connection,
        listing_id,
        expected_version=bench.expected_version,
        ground=body.ground,
        decided_on=body.decided_on,
        reason=body.reason,
        court=bench.court(body.operator),
    )
    return await bench.answer(done)


@router.post(
    "/{listing_id}/resumption",
    summary="Resume a suspended listing (恢复)",
    description="In force for the very next check, in the feed as `published`. One that is not suspended is 409.",
    response_model=ActResponse,
    responses=WRITES,
    openapi_extra=VERSIONED_ACT,
    dependencies=[needs(Scope.LISTINGS_WRITE), takes(Share.ACT), does(CourtAct.RESUME)],
)
async def resume(
    listing_id: ListingId,
    body: ResumptionRequest,
    bench: AtBench,
) -> Response:
    done = await resume_listing(
        bench.connection,
        listing_id,
        expected_version=bench.expected_version,
        decided_on=body.decided_on,
        reason=body.reason,
        court=bench.court(body.operator),
    )
    return await bench.answer(done)


@router.post(
    "/{listing_id}/extension",
    summary="Extend the term of a listing",
    response_model=ActResponse,
    responses=WRITES,
    openapi_extra=VERSIONED_ACT,
    dependencies=[needs(Scope.LISTINGS_WRITE), takes(Share.ACT), does(CourtAct.EXTEND)],
)
async def extend(
    listing_id: ListingId,
    body: ExtensionRequest,
    bench: AtBench,
) -> Response:
    done = await extend_listing(
        bench.connection,
        listing_id,
        body.expires_on,
        expected_version=bench.expected_version,
        decided_on=body.decided_on,
        reason=body.reason,
        court=bench.court(body.operator),
    )
    return await bench.answer(done)


@router.post(
    "/{listing_id}/dispute",
    summary="Record what is pending against a listing",
    description="Shown in every answer; it changes none (Art. 12).",
    response_model=ActResponse,
    responses=WRITES,
    openapi_extra=VERSIONED_ACT,
    dependencies=[needs(Scope.LISTINGS_WRITE), takes(Share.ACT), does(SoloAct.DISPUTE)],
)
async def dispute(
    listing_id: ListingId,
    body: DisputeRequest,
    bench: AtBench,
) -> Response:
    version = bench.expected_version
    court = bench.court(body.operator)
    done = await dispute_listing(
        bench.connection, listing_id, body.state, filed_on=body.filed_on, expected_version=version, court=court
    )
    return await bench.answer(done)
