"""`/v1/leads`: what units tell the executing court of a listed debtor."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response as HttpResponse

from blacklist_service.access.scopes import Scope
from blacklist_service.assistance.leads import Lead, close_lead, file_lead, find_lead, list_leads, take_up_lead
from blacklist_service.assistance.routes import AtDesk
from blacklist_service.web.documented import IDEMPOTENCY, problems
from blacklist_service.web.idempotency import Replayable
from blacklist_service.web.paging import LARGEST_ID, LARGEST_PAGE, USUAL_PAGE, make_cursor, read_place
from blacklist_service.web.routing import Caller, GuardedRoute, needs
from blacklist_service.web.transactions import Reads, Writes
from blacklist_service.web.wire import Request as Wire
from blacklist_service.web.wire import Response, text

router = APIRouter(prefix="/v1/leads", tags=["leads"], route_class=GuardedRoute)

Kind = Literal["asset", "whereabouts", "evasion", "refusal_to_perform", "other"]
State = Literal["filed", "taken_up", "closed"]
Operator = Annotated[str, *text(100)]
Word = Annotated[str, *text(2000)]
WRITES = problems(401, 403, 404, 409, 413, 415, 422, 503)
EITHER = needs(Scope.NOTICES_WRITE, Scope.NOTICES_ANSWER)


class LeadRequest(Wire):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "listing_id": "0197c9a5-7c00-7000-8000-000000000001",
                    "kind": "asset",
                    "text": "窗口发现其名下新登记车辆一辆。",
                    "operator": "wang.li",
                }
            ]
        }
    )

    listing_id: UUID = Field(description="as an answer to this unit named it")
    kind: Kind = Field(description="财产 / 下落 / 规避执行 / 拒不执行 / 其他")
    text: Annotated[str, *text(5000)]
    operator: Operator | None = None


class TakingUpRequest(Wire):
    model_config = ConfigDict(json_schema_extra={"examples": [{"word": "已派员核查"}]})

    word: Word | None = None
    operator: Operator | None = None


class ClosureRequest(Wire):
    model_config = ConfigDict(json_schema_extra={"examples": [{"word": "车辆已查封"}]})

    word: Word = Field(description="what came of it")
    operator: Operator | None = None


class LeadResponse(Response):
    lead_id: UUID
    listing_id: UUID
    case_number: str
    court_code: str
    agency: str
    kind: Kind
    text: str
    state: State
    word: str | None = Field(description="the court's last")
    filed_at: datetime
    taken_up_at: datetime | None
    closed_at: datetime | None


class LeadPage(Response):
    items: list[LeadResponse]
    next: str | None


class LeadQuery(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    state: State | None = None
    cursor: Annotated[str, *text(400)] | None = None
    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE)] = USUAL_PAGE


@router.post(
    "",
    status_code=201,
    summary="Tell the court what you know",
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
        before=read_place(query.cursor, query.state) if query.cursor else LARGEST_ID,
        limit=query.limit,
        secrecy=request.app.state.secrecy,
    )
    is_last = len(found) < query.limit
    return LeadPage(
        items=[_response(lead) for lead in found],
        next=None if is_last else make_cursor([str(found[-1].lead_id)], query.state),
    )


@router.get("/{lead_id}", summary="Read a lead", responses=problems(401, 403, 404, 422, 503), dependencies=[EITHER])
async def read(lead_id: UUID, request: Request, connection: Reads, caller: Caller) -> LeadResponse:
    return _response(await find_lead(connection, lead_id, caller, secrecy=request.app.state.secrecy))


@router.post(
    "/{lead_id}/taking-up",
    summary="Take a lead up",
    response_model=LeadResponse,
    responses=WRITES,
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(Scope.NOTICES_WRITE)],
)
async def take_up(
    lead_id: UUID, body: TakingUpRequest, connection: Writes, desk: AtDesk, replay: Replayable
) -> HttpResponse:
    lead = await take_up_lead(connection, lead_id, word=body.word, desk=desk.by(body.operator))
    return await replay.keep(connection, 200, _response(lead))


@router.post(
    "/{lead_id}/closure",
    summary="Close a lead with a word",
    response_model=LeadResponse,
    responses=WRITES,
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(Scope.NOTICES_WRITE)],
)
async def close(
    lead_id: UUID, body: ClosureRequest, connection: Writes, desk: AtDesk, replay: Replayable
) -> HttpResponse:
    lead = await close_lead(connection, lead_id, word=body.word, desk=desk.by(body.operator))
    return await replay.keep(connection, 200, _response(lead))


def _response(lead: Lead) -> LeadResponse:
    return LeadResponse(**asdict(lead))
