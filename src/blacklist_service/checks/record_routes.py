"""Routes for a unit's own checks and for those that still have no outcome."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request

from blacklist_service.access.principals import Principal
from blacklist_service.access.scopes import Scope
from blacklist_service.checks.outcome_queries import list_waiting
from blacklist_service.checks.records import WantedChecks, list_checks
from blacklist_service.checks.schemas import CheckItem, CheckPage, ChecksQuery, WaitingPage, WaitingResponse
from blacklist_service.clock import legal_date, new_id, now
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.problems import FieldError, InvalidRequest
from blacklist_service.web.documented import problems
from blacklist_service.web.paging import read_place
from blacklist_service.web.routing import Acting, Caller, GuardedRoute, needs
from blacklist_service.web.transactions import Writes

NOT_WITH_PENDING = ("from_", "to", "reference", "matter", "decision", "agency")
ALIASES = {"from_": "from"}

router = APIRouter(prefix="/v1/checks", tags=["checks"], route_class=GuardedRoute)


@router.get(
    "",
    summary="Your own checks",
    description="Newest first. With `pending=outcome` the blocks and flags that wait for one; `due_on` is then the last of "
    "the working days in which a human is to decide. Auditors name the `agency`; their reading is recorded.",
    responses=problems(401, 403, 422, 503),
    dependencies=[needs(Scope.CHECKS_READ)],
)
async def list_own(
    query: Annotated[ChecksQuery, Query()], request: Request, connection: Writes, caller: Caller, actor: Acting
) -> WaitingPage | CheckPage:
    _refuse_unused(query)
    if query.pending:
        caller.require(Scope.CHECKS_WRITE)
        return await _waiting(query, request, connection, caller)
    filters = query.model_dump(mode="json", exclude={"cursor", "limit"}, exclude_none=True)
    wanted = WantedChecks(
        _whose(query, caller),
        query.from_,
        query.to,
        query.reference,
        query.matter,
        query.decision and query.decision.value,
    )
    before = read_place(query.cursor, filters) if query.cursor else new_id(await database_clock(connection))
    found = await list_checks(connection, wanted, before=before, limit=query.limit)
    if caller.may(Scope.AUDIT_READ):
        facts = {"what": "checks", "agency": wanted.agency, "rows": len(found)}
        entry = Entry(Action.AUDIT_READ, actor, facts=facts)
        await record(connection, [entry], at=await database_clock(connection), secrecy=request.app.state.secrecy)
    items = [CheckItem(**asdict(one)) for one in found]
    return CheckPage.of(items, query, lambda last: [str(last.check_id)], filters)


async def _waiting(query: ChecksQuery, request: Request, connection: Connection, caller: Principal) -> WaitingPage:
    found = await list_waiting(
        connection,
        caller.member,
        beyond=read_place(query.cursor, "pending") if query.cursor else None,
        limit=query.limit,
        working_days=request.app.state.settings.outcome_days,
        today=legal_date(now()),
    )
    items = [WaitingResponse(**asdict(one)) for one in found if one.is_overdue or not query.overdue]
    return WaitingPage.of(items, query, lambda last: [str(last.check_id)], "pending", read=found)


def _refuse_unused(query: ChecksQuery) -> None:
    """Refuse a filter that would not be applied: the caller would take the answer for a filtered one."""
    given = query.model_fields_set
    if query.pending:
        refused = [(name, "not taken together with pending") for name in NOT_WITH_PENDING if name in given]
    else:
        refused = [(name, "taken with pending=outcome alone") for name in ("overdue",) if name in given]
    if refused:
        errors = [FieldError(ALIASES.get(name, name), "not-applicable", message) for name, message in refused]
        raise InvalidRequest(errors=errors)


def _whose(query: ChecksQuery, caller: Principal) -> str:
    """The unit whose checks are read: a unit reads its own, an auditor names one."""
    if not caller.may(Scope.AUDIT_READ):
        if query.agency not in (None, caller.member):
            raise InvalidRequest(errors=[FieldError("agency", "not-yours", "a unit reads its own checks")])
        return caller.member
    if query.agency is None:
        raise InvalidRequest(errors=[FieldError("agency", "missing", "an auditor names the unit")])
    return query.agency
