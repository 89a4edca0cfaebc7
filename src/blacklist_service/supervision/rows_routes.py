"""`/v1/supervision/months` and `/v1/supervision/checks`: trends, and the checks behind a figure, down to the entry.

A committee sees who asked about which matter and what was done, never about whom.
"""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request

from blacklist_service.access.principals import Actor
from blacklist_service.access.scopes import Scope
from blacklist_service.checks.outcome_queries import find_outcome
from blacklist_service.checks.records import WantedChecks, list_checks
from blacklist_service.checks.schemas import CheckItem
from blacklist_service.clock import instant_of, legal_date, new_id
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.log import find_leaf_index
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.problems import NotFound
from blacklist_service.supervision.row_schemas import (
    Months,
    MonthsQuery,
    SupervisedCheck,
    SupervisedPage,
    SupervisedQuery,
)
from blacklist_service.supervision.trends import list_months
from blacklist_service.web.documented import problems
from blacklist_service.web.paging import read_place
from blacklist_service.web.routing import Acting, GuardedRoute, needs
from blacklist_service.web.shares import Share, takes
from blacklist_service.web.transactions import Writes

router = APIRouter(prefix="/v1/supervision", tags=["supervision"], route_class=GuardedRoute)


@router.get(
    "/months",
    summary="Month by month",
    description="What units asked and courts did in this month and those before it, the oldest first. Recorded.",
    responses=problems(401, 403, 422, 503),
    dependencies=[needs(Scope.SUPERVISION_READ), takes(Share.BULK)],
)
async def months(query: Annotated[MonthsQuery, Query()], request: Request, connection: Writes, actor: Acting) -> Months:
    at = await _read(connection, actor, request, {"what": "months", "months": query.months})
    found = await list_months(connection, query.months, today=legal_date(at))
    items = [{"from": one.first, "to": one.last} | {k: asdict(one)[k] for k in ("agencies", "courts")} for one in found]
    return Months.model_validate({"items": items})


@router.get(
    "/checks",
    summary="The checks behind a figure",
    description="Of one unit, newest first; without anybody's name. Reading them is recorded.",
    responses=problems(401, 403, 422, 503),
    dependencies=[needs(Scope.SUPERVISION_READ), takes(Share.SEARCH)],
)
async def list_rows(
    query: Annotated[SupervisedQuery, Query()], request: Request, connection: Writes, actor: Acting
) -> SupervisedPage:
    filters = query.model_dump(mode="json", exclude={"cursor", "limit"}, exclude_none=True)
    wanted = WantedChecks(
        query.agency, query.from_, query.to, matter=query.matter, decision=query.decision and query.decision.value
    )
    before = read_place(query.cursor, filters) if query.cursor else new_id(await database_clock(connection))
    found = await list_checks(connection, wanted, before=before, limit=query.limit)
    await _read(connection, actor, request, {"what": "supervised_checks", "agency": query.agency, "rows": len(found)})
    items = [CheckItem(**asdict(one)) for one in found]
    return SupervisedPage.of(items, query, lambda last: [str(last.check_id)], filters)


@router.get(
    "/checks/{check_id}",
    summary="One of the checks behind a figure",
    description="As its entry in the ledger has it, with its outcome and the reason the unit gave. Reading it is recorded.",
    responses=problems(401, 403, 404, 422, 503),
    dependencies=[needs(Scope.SUPERVISION_READ)],
)
async def read_row(check_id: UUID, request: Request, connection: Writes, actor: Acting) -> SupervisedCheck:
    row = await connection.fetchrow(
        "SELECT id, at, agency, operator, matter, reference, decision FROM ledger_entries"
        " WHERE at = $1 AND id = $2 AND action = 'check' AND agency IS NOT NULL",
        *(instant_of(check_id), check_id),
    )
    if row is None:
        raise NotFound
    outcome = await find_outcome(connection, check_id, secrecy=request.app.state.secrecy)
    await _read(connection, actor, request, {"what": "supervised_check"}, check_id)
    return SupervisedCheck(
        check_id=row["id"],
        decision=row["decision"],
        matter=row["matter"],
        reference=row["reference"],
        operator=row["operator"],
        checked_at=row["at"],
        outcome=outcome and outcome.action,
        agency=row["agency"],
        reason=outcome and outcome.reason,
        said_at=outcome and outcome.at,
        leaf_index=await find_leaf_index(connection, check_id),
    )


async def _read(
    connection: Connection, actor: Actor, request: Request, facts: dict[str, object], check_id: UUID | None = None
) -> datetime:
    """Record the read; return its timestamp."""
    at = await database_clock(connection)
    entry = Entry(Action.AUDIT_READ, actor, check_id=check_id, facts=facts)
    await record(connection, [entry], at=at, secrecy=request.app.state.secrecy)
    return at
