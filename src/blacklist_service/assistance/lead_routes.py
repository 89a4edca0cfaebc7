"""`/v1/leads`: information that units give the executing court about a listed debtor."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response as HttpResponse

from blacklist_service.access.scopes import Scope
from blacklist_service.assistance.lead_queries import Lead, find_lead, list_leads
from blacklist_service.assistance.leads import close_lead, file_lead, take_up_lead
from blacklist_service.assistance.routes import EITHER
from blacklist_service.assistance.schemas import (
    ClosureRequest,
    LeadPage,
    LeadQuery,
    LeadRequest,
    LeadResponse,
    TakingUpRequest,
)
from blacklist_service.members.second_person.marking import does
from blacklist_service.members.second_person.rules import SoloAct
from blacklist_service.web.desks import AtDesk
from blacklist_service.web.documented import IDEMPOTENCY, problems
from blacklist_service.web.idempotency import Replayable
from blacklist_service.web.routing import Caller, GuardedRoute, needs
from blacklist_service.web.transactions import Reads, Writes

router = APIRouter(prefix="/v1/leads", tags=["leads"], route_class=GuardedRoute)

WRITES = problems(401, 403, 404, 409, 413, 415, 422, 503)


@router.post(
    "",
    status_code=201,
    summary="Give the court a lead",
    description="About a listed debtor whom an answer named to this unit; seen by the executing court and the unit alone.",
    response_model=LeadResponse,
    responses=WRITES,
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(Scope.NOTICES_ANSWER)],
)
async def file(body: LeadRequest, connection: Writes, desk: AtDesk, replay: Replayable) -> HttpResponse:
    lead = await file_lead(connection, body.listing_id, kind=body.kind, text=body.text, desk=desk.by(body.operator))
    return await replay.keep(connection, 201, _response(lead))


@router.get(
    "",
    summary="The leads to your court, or of your unit",
    responses=problems(401, 403, 422, 503),
    dependencies=[EITHER],
)
async def list_(query: Annotated[LeadQuery, Query()], request: Request, connection: Reads, caller: Caller) -> LeadPage:
    found = await list_leads(
        connection,
        caller,
        state=query.state,
        before=query.before(query.state),
        limit=query.limit,
        secrecy=request.app.state.secrecy,
    )
    return LeadPage.of([_response(lead) for lead in found], query, lambda lead: [str(lead.lead_id)], query.state)


@router.get("/{lead_id}", summary="Read a lead", responses=problems(401, 403, 404, 422, 503), dependencies=[EITHER])
async def read(lead_id: UUID, request: Request, connection: Reads, caller: Caller) -> LeadResponse:
    return _response(await find_lead(connection, lead_id, caller, secrecy=request.app.state.secrecy))


@router.post(
    "/{lead_id}/taking-up",
    summary="Take up a lead",
    response_model=LeadResponse,
    responses=WRITES,
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(Scope.NOTICES_WRITE), does(SoloAct.TAKE_UP_LEAD)],
)
async def take_up(
    lead_id: UUID, body: TakingUpRequest, connection: Writes, desk: AtDesk, replay: Replayable
) -> HttpResponse:
    lead = await take_up_lead(connection, lead_id, word=body.word, desk=desk.by(body.operator))
    return await replay.keep(connection, 200, _response(lead))


@router.post(
    "/{lead_id}/closure",
    summary="Close a lead, and say what was done",
    response_model=LeadResponse,
    responses=WRITES,
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(Scope.NOTICES_WRITE), does(SoloAct.CLOSE_LEAD)],
)
async def close(
    lead_id: UUID, body: ClosureRequest, connection: Writes, desk: AtDesk, replay: Replayable
) -> HttpResponse:
    lead = await close_lead(connection, lead_id, word=body.word, desk=desk.by(body.operator))
    return await replay.keep(connection, 200, _response(lead))


def _response(lead: Lead) -> LeadResponse:
    return LeadResponse(**asdict(lead))
