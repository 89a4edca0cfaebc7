"""`/v1/objections`: requests of listed persons to the court, and the court's decisions (Art. 11, 12)."""

from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response as HttpResponse

from blacklist_service.access.scopes import Scope
from blacklist_service.clock import legal_date, now
from blacklist_service.database.connections import Connection
from blacklist_service.listings.acting_court import court_of
from blacklist_service.listings.objection_queries import Objection, find_objection, list_objections
from blacklist_service.listings.objection_schemas import (
    ObjectionDecisionRequest,
    ObjectionPage,
    ObjectionQuery,
    ObjectionRequest,
    ObjectionResponse,
    ReconsiderationRequest,
)
from blacklist_service.listings.operations.objections import (
    decide_objection,
    file_for_person,
    file_objection,
    reconsider_objection,
)
from blacklist_service.listings.problems import ObjectionNotFound
from blacklist_service.members.queries import is_agency
from blacklist_service.members.second_person.marking import does
from blacklist_service.members.second_person.rules import SoloAct
from blacklist_service.problems import FieldError, InvalidRequest
from blacklist_service.web.documented import IDEMPOTENCY, problems
from blacklist_service.web.idempotency import Replayable
from blacklist_service.web.routing import Acting, Caller, GuardedRoute, needs
from blacklist_service.web.transactions import Reads, Writes

router = APIRouter(prefix="/v1/objections", tags=["objections"], route_class=GuardedRoute)

WRITES = problems(401, 403, 404, 409, 413, 415, 422, 503)


@router.post(
    "",
    status_code=201,
    summary="Register an objection",
    description="The listing shows it in every answer and stays in force; the court decides within 15 days. A unit may file "
    "`not_the_debtor` for a person, about a listing that an answer named to it: the court looks the same day.",
    response_model=ObjectionResponse,
    responses=WRITES,
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(Scope.LISTINGS_WRITE, Scope.NOTICES_ANSWER), does(SoloAct.FILE_OBJECTION)],
)
async def file(
    body: ObjectionRequest, request: Request, connection: Writes, caller: Caller, actor: Acting, replay: Replayable
) -> HttpResponse:
    filed: dict[str, Any] = {"received_on": body.received_on, "grounds": body.grounds, "text": body.text}
    by = court_of(request, caller, actor, body.operator)
    if caller.may(Scope.LISTINGS_WRITE):
        await _require_unit(connection, body.filed_by_member)
        objection = await file_objection(connection, body.listing_id, **filed, court=by, filed_by=body.filed_by_member)
    else:
        if body.filed_by_member not in {None, caller.member}:
            raise InvalidRequest(errors=[FieldError("/filed_by_member", "not-yours", "another unit files for itself")])
        objection = await file_for_person(connection, body.listing_id, **filed, unit=by)
    return await replay.keep(connection, 201, _response(objection))


@router.post(
    "/{objection_id}/decision",
    summary="Decide an objection",
    description="Upheld: correct, delete or withdraw the listing within 3 working days; that act is recorded with it.",
    response_model=ObjectionResponse,
    responses=WRITES,
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(Scope.LISTINGS_WRITE), does(SoloAct.DECIDE_OBJECTION)],
)
async def decide(
    objection_id: UUID,
    body: ObjectionDecisionRequest,
    request: Request,
    connection: Writes,
    caller: Caller,
    actor: Acting,
    replay: Replayable,
) -> HttpResponse:
    objection = await decide_objection(
        connection,
        objection_id,
        result=body.result,
        decided_on=body.decided_on,
        reason=body.reason,
        court=court_of(request, caller, actor, body.operator),
    )
    return await replay.keep(connection, 200, _response(objection))


@router.post(
    "/{objection_id}/reconsideration",
    summary="Record a reconsideration by the next higher court",
    description="Within 10 days of the rejection, once; decided within 15 by another decision here.",
    response_model=ObjectionResponse,
    responses=WRITES,
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(Scope.LISTINGS_WRITE), does(SoloAct.RECONSIDER_OBJECTION)],
)
async def reconsider(
    objection_id: UUID,
    body: ReconsiderationRequest,
    request: Request,
    connection: Writes,
    caller: Caller,
    actor: Acting,
    replay: Replayable,
) -> HttpResponse:
    court = court_of(request, caller, actor, body.operator)
    objection = await reconsider_objection(connection, objection_id, filed_on=body.filed_on, court=court)
    return await replay.keep(connection, 200, _response(objection))


@router.get(
    "",
    summary="The court's objections, or those that a unit filed",
    responses=problems(401, 403, 422, 503),
    dependencies=[needs(Scope.LISTINGS_READ, Scope.NOTICES_ANSWER)],
)
async def list_(query: Annotated[ObjectionQuery, Query()], connection: Reads, caller: Caller) -> ObjectionPage:
    filters = str(query.listing_id)
    found = await list_objections(
        connection,
        court_code=caller.court_code,
        filed_by=caller.member,
        listing_id=query.listing_id,
        before=query.before(filters),
        limit=query.limit,
    )
    return ObjectionPage.of([_response(one) for one in found], query, lambda one: [str(one.objection_id)], filters)


@router.get(
    "/{objection_id}",
    summary="Read an objection",
    responses=problems(401, 403, 404, 422, 503),
    dependencies=[needs(Scope.LISTINGS_READ, Scope.NOTICES_ANSWER)],
)
async def read(objection_id: UUID, connection: Reads, caller: Caller) -> ObjectionResponse:
    objection = await find_objection(connection, objection_id, court_code=caller.court_code, filed_by=caller.member)
    if objection is None:
        raise ObjectionNotFound
    return _response(objection)


async def _require_unit(connection: Connection, member: str | None) -> None:
    if member is not None and not await is_agency(connection, member):
        raise InvalidRequest(errors=[FieldError("/filed_by_member", "unknown", "no unit of this code")])


def _response(objection: Objection) -> ObjectionResponse:
    is_open = objection.state in ("filed", "reconsideration") or (objection.state == "upheld" and not objection.led_to)
    return ObjectionResponse(**asdict(objection), is_overdue=is_open and legal_date(now()) > objection.due_on)
