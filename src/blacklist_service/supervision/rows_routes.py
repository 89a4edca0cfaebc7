"""`/v1/supervision/months` and `/v1/supervision/checks`: trends, and the checks behind a figure, down to the entry.

A committee sees who asked about which matter and what was done, never about whom.
"""

from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from blacklist_service.access.principals import Actor
from blacklist_service.access.scopes import Scope
from blacklist_service.checks.outcomes import find_outcome
from blacklist_service.checks.records import WantedChecks, list_checks
from blacklist_service.checks.rules import Decision
from blacklist_service.checks.schemas import CheckItem
from blacklist_service.clock import instant_of, legal_date, new_id
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.log import find_leaf_index
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.problems import NotFound
from blacklist_service.supervision.trends import MOST_MONTHS, list_months
from blacklist_service.web.documented import problems
from blacklist_service.web.paging import Page, PageQuery, read_place
from blacklist_service.web.routing import Acting, GuardedRoute, needs
from blacklist_service.web.shares import Share, takes
from blacklist_service.web.transactions import Writes
from blacklist_service.web.wire import Instant, Response, text

router = APIRouter(prefix="/v1/supervision", tags=["supervision"], route_class=GuardedRoute)


class UnitMonthResponse(Response):
    agency: str
    block: int
    flag: int
    clear: int


class CourtMonthResponse(Response):
    court: str
    acts: int = Field(description="publications, corrections, deletions, withdrawals")
    dated: int = Field(description="those with a decision's date")
    in_time: int = Field(description="within 3 working days of it")
    late_removals: int = Field(description="due in the month, and late or still on the list")


class MonthResponse(Response):
    first: date = Field(alias="from")
    last: date = Field(alias="to", description="today where the month is not over")
    agencies: list[UnitMonthResponse] = Field(description="those that asked")
    courts: list[CourtMonthResponse] = Field(description="those that acted, or should have")


class Months(Response):
    items: list[MonthResponse]


class MonthsQuery(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    months: Annotated[int, Field(ge=1, le=MOST_MONTHS)] = 6


class RowsQuery(PageQuery):
    """All filters that are given must match. `from` is inclusive, `to` exclusive."""

    agency: Annotated[str, *text(64)]
    from_: Instant | None = Field(None, alias="from")
    to: Instant | None = None
    matter: Annotated[str, *text(64)] | None = None
    decision: Decision | None = None


class SupervisedPage(Page[CheckItem]):
    pass


class SupervisedCheck(CheckItem):
    """A check as recorded, and what the unit did with the answer; it names nobody."""

    agency: str
    reason: str | None = Field(description="that the unit gave with its outcome")
    said_at: datetime | None
    leaf_index: int | None = Field(description="its place in the log; null while it is not sealed")


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
    query: Annotated[RowsQuery, Query()], request: Request, connection: Writes, actor: Acting
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
