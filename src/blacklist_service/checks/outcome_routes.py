"""What follows an answer: its outcome, what still waits for one, and the explanation for the person it is about."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Header, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from blacklist_service.access.principals import Principal
from blacklist_service.access.scopes import Role, Scope
from blacklist_service.checks.english import prefers_english
from blacklist_service.checks.explanations import ASKED_HERE, Explained, Letter
from blacklist_service.checks.outcomes import Outcome, OutcomeAction, find_outcome, list_waiting, record_outcome
from blacklist_service.checks.records import Wanted, list_checks
from blacklist_service.checks.rules import Decision
from blacklist_service.clock import legal_date, new_id, now
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.entries import Action, Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import RecordedCheck, database_clock, find_check
from blacklist_service.listings.reading import find_version_as_of
from blacklist_service.measures.queries import find_catalogue
from blacklist_service.members.queries import find_name
from blacklist_service.problems import FieldError, InvalidRequest, NotYours
from blacklist_service.web.documented import problems
from blacklist_service.web.paging import LARGEST_PAGE, USUAL_PAGE, make_cursor, read_place
from blacklist_service.web.routing import Acting, Caller, GuardedRoute, needs
from blacklist_service.web.transactions import Reads, Writes
from blacklist_service.web.wire import Instant, text
from blacklist_service.web.wire import Request as Wire
from blacklist_service.web.wire import Response as WireResponse

router = APIRouter(prefix="/v1/checks", tags=["checks"], route_class=GuardedRoute)


class OutcomeRequest(Wire):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"action": "refused", "reason": "依公务员法第二十六条不予录用"}]}
    )

    action: OutcomeAction
    reason: Annotated[str, *text(2000, 0)] | None = Field(None, description="needed where a block is overridden")
    operator: Annotated[str, *text(100)] | None = None


class OutcomeResponse(WireResponse):
    check_id: UUID
    revision: int
    decision: Decision
    action: OutcomeAction
    reason: str | None
    operator: str | None
    at: datetime


class WaitingResponse(WireResponse):
    check_id: UUID
    decision: Literal["block", "flag"]
    matter: str
    reference: str
    checked_at: datetime
    due_on: date
    is_overdue: bool


class WaitingPage(WireResponse):
    items: list[WaitingResponse]
    next: str | None


class CheckItem(WireResponse):
    check_id: UUID
    decision: Decision
    matter: str
    reference: str
    operator: str | None
    checked_at: datetime
    outcome: OutcomeAction | None = Field(description="the last one said; null where none was")


class CheckPage(WireResponse):
    items: list[CheckItem]
    next: str | None


class ChecksQuery(BaseModel):
    """All filters that are given must hold. `from` is inclusive, `to` exclusive; `pending` takes none of them."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    pending: Literal["outcome"] | None = Field(None, description="only blocks and flags without an outcome")
    overdue: bool = Field(False, description="of those, only the ones past their working days")
    from_: Instant | None = Field(None, alias="from")
    to: Instant | None = None
    reference: Annotated[str, *text(200)] | None = None
    matter: Annotated[str, *text(64)] | None = None
    decision: Decision | None = None
    agency: Annotated[str, *text(64)] | None = Field(None, description="for auditors: whose checks")
    cursor: Annotated[str, *text(400)] | None = None
    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE)] = USUAL_PAGE


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
    if query.pending:
        caller.require(Scope.CHECKS_WRITE)
        return await _waiting(query, request, connection, caller)
    filters = query.model_dump(mode="json", exclude={"cursor", "limit"}, exclude_none=True)
    wanted = Wanted(
        _whose(query, caller),
        query.from_,
        query.to,
        query.reference,
        query.matter,
        query.decision and query.decision.value,
    )
    before = read_place(query.cursor, filters) if query.cursor else new_id(await database_clock(connection))
    found = await list_checks(connection, wanted, before=before, limit=query.limit)
    if caller.role is Role.AUDITOR:
        facts = {"what": "checks", "agency": wanted.agency, "rows": len(found)}
        entry = Entry(Action.AUDIT_READ, actor, facts=facts)
        await record(connection, [entry], at=await database_clock(connection), secrecy=request.app.state.secrecy)
    is_last = len(found) < query.limit
    return CheckPage(
        items=[CheckItem(**asdict(one)) for one in found],
        next=None if is_last else make_cursor([str(found[-1].check_id)], filters),
    )


async def _waiting(query: ChecksQuery, request: Request, connection: Connection, caller: Principal) -> WaitingPage:
    found = await list_waiting(
        connection,
        caller.member,
        before=read_place(query.cursor, "pending") if query.cursor else None,
        limit=query.limit,
        working_days=request.app.state.settings.outcome_days,
        today=legal_date(now()),
    )
    shown = [one for one in found if one.is_overdue or not query.overdue]
    return WaitingPage(
        items=[WaitingResponse(**asdict(one)) for one in shown],
        next=make_cursor([str(found[-1].check_id)], "pending") if len(found) == query.limit else None,
    )


def _whose(query: ChecksQuery, caller: Principal) -> str:
    """A unit reads its own; an auditor says whose."""
    if caller.role is not Role.AUDITOR:
        if query.agency not in (None, caller.member):
            raise InvalidRequest(errors=[FieldError("agency", "not-yours", "a unit reads its own checks")])
        return caller.member
    if query.agency is None:
        raise InvalidRequest(errors=[FieldError("agency", "missing", "an auditor names the unit")])
    return query.agency


@router.put(
    "/{check_id}/outcome",
    summary="Say what you then did",
    description="By the agency that asked. The last one stands, the earlier ones stay in the ledger. A block that is "
    "overridden (`approved`) needs a reason.",
    responses=problems(401, 403, 404, 413, 415, 422, 503),
    dependencies=[needs(Scope.CHECKS_WRITE)],
)
async def put_outcome(
    check_id: UUID, body: OutcomeRequest, request: Request, connection: Writes, caller: Caller, actor: Acting
) -> OutcomeResponse:
    recorded = await _own(connection, check_id, request, caller)
    outcome = await record_outcome(
        connection,
        orjson.loads(recorded.answer),
        action=body.action,
        reason=body.reason,
        actor=actor.by(body.operator),
        secrecy=request.app.state.secrecy,
    )
    return _response(outcome)


@router.get(
    "/{check_id}/outcome",
    summary="What was done",
    responses=problems(401, 403, 404, 422, 503),
    dependencies=[needs(Scope.CHECKS_WRITE)],
)
async def read_outcome(check_id: UUID, request: Request, connection: Reads, caller: Caller) -> OutcomeResponse:
    await _own(connection, check_id, request, caller)
    outcome = await find_outcome(connection, check_id, secrecy=request.app.state.secrecy)
    if outcome is None:
        raise NotYours  # recorded alike, or the time would tell what exists
    return _response(outcome)


@router.get(
    "/{check_id}/explanation",
    summary="A printable explanation",
    description="In Chinese, for the person it is about: court, case, decision letter and its service, ground, term, legal "
    "basis, remedy and where to object; with English beside it where `Accept-Language` prefers that. Text, or HTML where "
    "`Accept` prefers it. For the agency that asked, and auditors (whose reading is recorded).",
    response_class=Response,
    responses=problems(401, 403, 404, 422, 503) | {200: {"content": {"text/plain": {}, "text/html": {}}}},
    dependencies=[needs(Scope.CHECKS_READ)],
)
async def explain(
    check_id: UUID,
    request: Request,
    connection: Writes,
    caller: Caller,
    actor: Acting,
    accept: Annotated[str, Header()] = "text/plain",
    accept_language: Annotated[str, Header(max_length=1000)] = "zh",
) -> Response:
    if caller.role is Role.AUDITOR:
        recorded = await _find(connection, check_id, request)
        entry = Entry(Action.AUDIT_READ, actor, check_id=check_id, facts={"what": "explanation"})
        await record(connection, [entry], at=await database_clock(connection), secrecy=request.app.state.secrecy)
    else:
        recorded = await _own(connection, check_id, request, caller)
    answer: dict[str, Any] = orjson.loads(recorded.answer)
    catalogue = await find_catalogue(connection, answer["measures_version"])
    asked_on = legal_date(datetime.fromisoformat(answer["checked_at"]))
    agency = ASKED_HERE
    if recorded.agency is not None:
        agency = await find_name(connection, recorded.agency, on=asked_on) or recorded.agency
    is_html = "text/html" in accept.lower()
    letters = await _letters(connection, answer)
    explained = Explained(answer, catalogue, agency, letters, is_bilingual=prefers_english(accept_language))
    content = explained.as_html() if is_html else explained.as_text()
    media_type = "text/html" if is_html else "text/plain"
    headers = {
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
        "Vary": "Accept, Accept-Language",
    }
    return Response(content, media_type=f"{media_type}; charset=utf-8", headers=headers)


async def _letters(connection: Connection, answer: dict[str, Any]) -> dict[str, Letter]:
    """The decision letters of the listings shown, as the list's version of the answer had them."""
    found = {}
    for listing_id in {match["listing_id"] for subject in answer["subjects"] for match in subject["matches"]} - {None}:
        row = await find_version_as_of(connection, UUID(listing_id), answer["list_version"])
        if row is not None:
            document = row["document"]
            found[listing_id] = Letter(document["decision"]["document_number"], document.get("served_on"))
    return found


async def _own(connection: Connection, check_id: UUID, request: Request, caller: Principal) -> RecordedCheck:
    recorded = await _find(connection, check_id, request)
    if recorded.agency != caller.member:
        raise NotYours
    return recorded


async def _find(connection: Connection, check_id: UUID, request: Request) -> RecordedCheck:
    recorded = await find_check(connection, check_id, request.app.state.secrecy)
    if recorded is None:
        raise NotYours  # recorded alike, or the time would tell what exists
    return recorded


def _response(outcome: Outcome) -> OutcomeResponse:
    return OutcomeResponse.model_validate(asdict(outcome))
