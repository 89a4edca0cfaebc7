"""`GET /v1/supervision/untold`: which units have not received events, and why."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request

from blacklist_service.access.scopes import Scope
from blacklist_service.clock import legal_date
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.supervision import queries
from blacklist_service.supervision.schemas import UntoldEndpoint, UntoldQuery, UntoldUnit, UntoldUnits
from blacklist_service.web.documented import problems
from blacklist_service.web.routing import Acting, GuardedRoute, needs
from blacklist_service.web.transactions import Writes
from blacklist_service.webhooks.queries import Untold, list_endpoints, list_untold
from blacklist_service.webhooks.rules import LATE

router = APIRouter(prefix="/v1/supervision", tags=["supervision"], route_class=GuardedRoute)


@router.get(
    "/untold",
    summary="Units that were not told yet",
    description="For the committee: units with events that nobody took yet, the longest first. An event is told once the "
    "unit acknowledged it, or its endpoint took it or a later state of the same watch. Reading it is recorded.",
    responses=problems(401, 403, 422, 503),
    dependencies=[needs(Scope.SUPERVISION_READ)],
)
async def untold(
    query: Annotated[UntoldQuery, Query()], request: Request, connection: Writes, actor: Acting
) -> UntoldUnits:
    at = await database_clock(connection)
    entry = Entry(Action.AUDIT_READ, actor, facts={"what": "untold"})
    await record(connection, [entry], at=at, secrecy=request.app.state.secrecy)
    found = await list_untold(connection, at=at, late_after=LATE)
    shown = [one for one in found if one.late or not query.late]
    return UntoldUnits(items=await _units(connection, shown, at), late=sum(one.late for one in found))


async def _units(connection: Connection, found: list[Untold], at: datetime) -> list[UntoldUnit]:
    names = {unit["code"]: unit["name"] for unit in await queries.list_units(connection, on=legal_date(at))}
    endpoints = await list_endpoints(connection, [one.member for one in found])
    return [
        UntoldUnit(
            agency=one.member,
            name=names.get(one.member, one.member),
            events=one.events,
            late=one.late,
            since=one.since,
            webhooks=[UntoldEndpoint(**endpoint) for endpoint in endpoints.get(one.member, [])],
        )
        for one in found
    ]
