"""`/v1/reviews`: reviews of acts that took effect at once (事后复核); and the courts' options."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from blacklist_service.access.scopes import Scope
from blacklist_service.clock import legal_date, now
from blacklist_service.members.second_person.marking import does
from blacklist_service.members.second_person.operations import give_review, set_options
from blacklist_service.members.second_person.queries import Review, list_options, list_reviews
from blacklist_service.members.second_person.rules import CourtAct, ReviewFinding, SoloAct
from blacklist_service.members.second_person.schemas import (
    OptionsRequest,
    OptionsResponse,
    ReviewPage,
    ReviewQuery,
    ReviewRequest,
    ReviewResponse,
)
from blacklist_service.problems import FieldError, InvalidRequest, NotYours
from blacklist_service.web.documented import IDEMPOTENCY, problems
from blacklist_service.web.idempotency import Replayable
from blacklist_service.web.routing import Acting, Caller, GuardedRoute, needs
from blacklist_service.web.transactions import Reads, Writes
from blacklist_service.web.wire import Code

router = APIRouter(prefix="/v1/reviews", tags=["proposals"], route_class=GuardedRoute)
options = APIRouter(prefix="/v1/members", tags=["proposals"], route_class=GuardedRoute)

WRITES = problems(401, 403, 404, 409, 413, 415, 422, 503)


@router.get(
    "",
    summary="Acts to be reviewed afterwards",
    description="Deletions, withdrawals, suspensions, contests of identity and releases by accounts of the court; newest "
    "first.",
    responses=problems(401, 403, 422, 503),
    dependencies=[needs(Scope.LISTINGS_READ)],
)
async def list_(
    query: Annotated[ReviewQuery, Query()], request: Request, connection: Reads, caller: Caller
) -> ReviewPage:
    found = await list_reviews(
        connection,
        caller.member,
        is_open=query.state == "open",
        before=query.before(query.state),
        limit=query.limit,
        secrecy=request.app.state.secrecy,
    )
    items = [_response(one, caller.key_id) for one in found]
    return ReviewPage.of(items, query, lambda one: [str(one.review_id)], query.state)


@router.post(
    "/{review_id}",
    summary="Record what a review found",
    description="By another than whoever did the act.",
    response_model=ReviewResponse,
    responses=WRITES,
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(Scope.LISTINGS_APPROVE), does(SoloAct.REVIEW)],
)
async def review(
    review_id: UUID,
    body: ReviewRequest,
    request: Request,
    connection: Writes,
    caller: Caller,
    actor: Acting,
    replay: Replayable,
) -> Response:
    if body.finding is ReviewFinding.NOT_IN_ORDER and not body.note:
        raise InvalidRequest(errors=[FieldError("/note", "missing", "say what is not in order")])
    done = await give_review(
        connection,
        review_id,
        finding=body.finding,
        note=body.note,
        caller=caller,
        actor=actor.by(body.operator),
        secrecy=request.app.state.secrecy,
    )
    return await replay.keep(connection, 200, _response(done, caller.key_id))


@options.get(
    "/{code}/options",
    summary="How many people acts of a court's accounts need",
    responses=problems(401, 403, 404, 422, 503),
    dependencies=[needs(Scope.MEMBERS_WRITE, Scope.LISTINGS_READ)],
)
async def read_options(code: Code, connection: Reads, caller: Caller) -> OptionsResponse:
    if not caller.may(Scope.MEMBERS_WRITE) and code != caller.member:
        raise NotYours
    return OptionsResponse(member=code, options=dict(await list_options(connection, code)))


@options.put(
    "/{code}/options",
    summary="Set how many people acts of a court's accounts need",
    description="Publishing, correcting, extending, importing, serving and renewing stop notices, resuming, lifting a "
    "contest of identity: two, or one. Deletions, withdrawals, suspensions, contests and releases take effect at once and "
    "are reviewed afterwards: 2 is refused. While nothing is set for them, resuming and lifting are as publishing, renewing "
    "as serving. Keys of systems are not bound by it.",
    responses=WRITES,
    dependencies=[needs(Scope.MEMBERS_WRITE)],
)
async def put_options(
    code: Code, body: OptionsRequest, request: Request, connection: Writes, actor: Acting
) -> OptionsResponse:
    found = await set_options(connection, code, body.options, actor=actor, secrecy=request.app.state.secrecy)
    return OptionsResponse(member=code, options=dict(found))


def _response(review: Review, key_id: str) -> ReviewResponse:
    is_open = review.reviewed_at is None
    is_notice = review.act is CourtAct.RELEASE
    return ReviewResponse(
        review_id=review.review_id,
        act=review.act,
        listing_id=None if is_notice else review.target,
        notice_id=review.target if is_notice else None,
        version=review.version,
        made_by=review.made_by,
        maker=review.operator,
        made_at=review.made_at,
        due_on=review.due_on,
        is_overdue=is_open and legal_date(now()) > review.due_on,
        is_own=review.made_by == key_id,
        reviewed_by=review.reviewed_by,
        reviewer=review.reviewer,
        reviewed_at=review.reviewed_at,
        finding=review.finding,
        note=review.note,
    )
