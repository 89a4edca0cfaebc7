"""`GET /v1/supervision/scorecard`: what each unit and each court did between two days."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Header, Query
from starlette.requests import Request
from starlette.responses import Response as HttpResponse

from blacklist_service.access.scopes import Scope
from blacklist_service.clock import legal_date
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.problems import FieldError, InvalidRequest
from blacklist_service.supervision.counting import count
from blacklist_service.supervision.late_removals import list_late_removals
from blacklist_service.supervision.schemas import (
    LateRemoval,
    LateRemovals,
    LateRemovalsQuery,
    Scorecard,
    ScorecardQuery,
)
from blacklist_service.supervision.scorecards import csv_of, scorecard_of
from blacklist_service.web.documented import problems
from blacklist_service.web.routing import Acting, GuardedRoute, needs
from blacklist_service.web.shares import Share, takes
from blacklist_service.web.transactions import Writes

router = APIRouter(prefix="/v1/supervision", tags=["supervision"], route_class=GuardedRoute)

LONGEST_DAYS = 400


@router.get(
    "/scorecard",
    summary="What each unit and court did",
    description="Checks by matter and decision, outcomes, overrides with their reasons, notices, the last check ever; for "
    "courts what was published, corrected and deleted in time. From the ledger: the same again for a past month. Reading "
    "it is recorded.",
    response_model=Scorecard,
    responses=problems(401, 403, 422, 503) | {200: {"content": {"text/csv": {}}}},
    dependencies=[needs(Scope.SUPERVISION_READ), takes(Share.BULK)],
)
async def scorecard(
    query: Annotated[ScorecardQuery, Query()],
    request: Request,
    connection: Writes,
    actor: Acting,
    accept: Annotated[str, Header()] = "application/json",
) -> HttpResponse:
    if not 0 <= (query.last - query.first).days < LONGEST_DAYS:
        message = f"not before `from`, and at most {LONGEST_DAYS} days"
        raise InvalidRequest(errors=[FieldError("to", "range", message)])
    at = await database_clock(connection)
    facts = {"what": "scorecard", "from": query.first.isoformat(), "to": query.last.isoformat()}
    await record(connection, [Entry(Action.AUDIT_READ, actor, facts=facts)], at=at, secrecy=request.app.state.secrecy)
    state = request.app.state
    figures = await count(
        connection, query.first, query.last, at=at, outcome_days=state.settings.outcome_days, secrecy=state.secrecy
    )
    card = scorecard_of(figures)
    if query.format == "csv" or (query.format is None and "text/csv" in accept.lower()):
        return HttpResponse(csv_of(card), media_type="text/csv; charset=utf-8")
    return HttpResponse(card.model_dump_json(by_alias=True), media_type="application/json")


@router.get(
    "/late-removals",
    summary="Listings performed, and not deleted in time",
    description="For the committee: what the courts knew to be performed, whose deletion was due in the days (the last year "
    "unless said otherwise), and which was late or is still on the list; the oldest first. Reading it is recorded.",
    responses=problems(401, 403, 422, 503),
    dependencies=[needs(Scope.SUPERVISION_READ)],
)
async def late_removals(
    query: Annotated[LateRemovalsQuery, Query()], request: Request, connection: Writes, actor: Acting
) -> LateRemovals:
    at = await database_clock(connection)
    last = query.last or legal_date(at)
    first = query.first or last - timedelta(days=LONGEST_DAYS)
    if not 0 <= (last - first).days <= LONGEST_DAYS:
        message = f"not before `from`, and at most {LONGEST_DAYS} days"
        raise InvalidRequest(errors=[FieldError("to", "range", message)])
    facts = {"what": "late_removals", "from": first.isoformat(), "to": last.isoformat()}
    await record(connection, [Entry(Action.AUDIT_READ, actor, facts=facts)], at=at, secrecy=request.app.state.secrecy)
    found = await list_late_removals(connection, first, last, today=legal_date(at))
    items = [LateRemoval.model_validate(one | {"court": one["court_code"], "name": one["court_name"]}) for one in found]
    return LateRemovals(items=items, open=sum(one.removed_on is None for one in items))
