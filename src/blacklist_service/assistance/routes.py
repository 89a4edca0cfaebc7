"""`/v1/notices`: served by a court, visible only to the court and the addressee, answered by the addressee."""

from dataclasses import asdict
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from blacklist_service.access.principals import Principal
from blacklist_service.access.scopes import Scope
from blacklist_service.assistance.duties import DUTIES
from blacklist_service.assistance.notice_requests import read_notice
from blacklist_service.assistance.operations import (
    acknowledge_notice,
    release_notice,
    renew_notice,
    reply_to_notice,
    serve_notice,
)
from blacklist_service.assistance.queries import (
    Notice,
    does_notice_exist,
    find_notice,
    get_notices_version,
    list_addressees,
    list_events,
    list_notices,
    list_steps,
)
from blacklist_service.assistance.rules import DECIDING, MOST_EVENTS, NoticeAction
from blacklist_service.assistance.schemas import (
    AcknowledgementRequest,
    AddresseePage,
    AddresseeResponse,
    DutyPage,
    DutyResponse,
    NoticePage,
    NoticeQuery,
    NoticeRequest,
    NoticeResponse,
    ReleaseRequest,
    RenewalRequest,
    ReplyRequest,
    StepPage,
    StepResponse,
)
from blacklist_service.clock import legal_date, now
from blacklist_service.database.connections import Connection
from blacklist_service.database.restarts import is_version_known
from blacklist_service.listings.deadlines import working_days_after
from blacklist_service.members.second_person.marking import does
from blacklist_service.members.second_person.operations import owe_review
from blacklist_service.members.second_person.queries import require_alone
from blacklist_service.members.second_person.rules import WORKING_DAYS_TO_REVIEW, CourtAct, SoloAct
from blacklist_service.problems import NotFound, NotYours
from blacklist_service.web.desks import AtDesk
from blacklist_service.web.documented import IDEMPOTENCY, problems
from blacklist_service.web.idempotency import Replayable
from blacklist_service.web.paging import LARGEST_ID
from blacklist_service.web.routing import Caller, GuardedRoute, needs
from blacklist_service.web.shares import Share, takes
from blacklist_service.web.streams import Heard, event_stream, last_event_id, server_sent
from blacklist_service.web.transactions import Reads, Writes, borrowed, snapshot

router = APIRouter(prefix="/v1/notices", tags=["notices"], route_class=GuardedRoute)
WRITES = problems(401, 403, 404, 409, 413, 415, 422, 503)
EITHER = needs(Scope.NOTICES_WRITE, Scope.NOTICES_ANSWER)
"""Courts see what they served and what was filed with them, units what was served on them and what they filed."""


@router.post(
    "",
    status_code=201,
    summary="Serve a notice on a unit",
    description="A `stop_*` notice blocks the matters of the addressee for this subject from the moment of service, also "
    "for someone who is not listed; `bar_exit` those of leaving the country. The others are requests with a deadline and a "
    "reply, due in 3 working days unless the notice says otherwise. `GET /v1/notices/actions` says what each asks.",
    response_model=NoticeResponse,
    responses=WRITES,
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(Scope.NOTICES_WRITE), takes(Share.ACT), does(CourtAct.STOP_NOTICE, SoloAct.SERVE_REQUEST)],
)
async def serve(body: NoticeRequest, connection: Writes, desk: AtDesk, replay: Replayable) -> Response:
    act = CourtAct.STOP_NOTICE if body.action in DECIDING else SoloAct.SERVE_REQUEST
    await require_alone(connection, desk.caller, act)
    notice = await serve_notice(connection, read_notice(body), desk=desk.by(body.operator))
    return await replay.keep(connection, 201, _response(notice))


@router.get(
    "",
    summary="The notices you served, or that were served on you",
    description="Newest first. `state=overdue`: what was due and has no reply.",
    responses=problems(401, 403, 422, 503),
    dependencies=[EITHER],
)
async def list_(
    query: Annotated[NoticeQuery, Query()], request: Request, connection: Reads, caller: Caller
) -> NoticePage:
    found = await list_notices(
        connection,
        caller,
        state=query.state,
        before=query.before(query.state),
        limit=query.limit,
        secrecy=request.app.state.secrecy,
        at=now(),
    )
    items = [_response(notice) for notice in found]
    return NoticePage.of(items, query, lambda notice: [str(notice.notice_id)], query.state)


@router.get(
    "/stream",
    summary="Follow notices as they move",
    description="Server-sent events, each within a second of its commit: `event` is the step (`served`, `acknowledged`, "
    "`answered`, `renewed`, `released`, `escalated`, `attached`), `id` the notices' version, `data` the notice. Begins "
    "with what is not yet acknowledged, or after `Last-Event-ID`.",
    response_class=StreamingResponse,
    responses=problems(401, 403, 503) | {200: {"content": {"text/event-stream": {}}}},
    dependencies=[EITHER],
)
async def stream(request: Request, caller: Caller) -> StreamingResponse:
    state = request.app.state
    first = await _hear_first(state, caller, last_event_id(request))
    return event_stream(request, state.notice_look_out, first, partial(_hear, state, caller))


@router.get(
    "/actions",
    summary="What each kind of notice asks of a unit",
    description="Its name, the unit's duty, the legal basis, and for how long it may bind.",
    responses=problems(401, 403, 503),
    dependencies=[needs(None)],
)
async def actions() -> DutyPage:
    return DutyPage(items=[DutyResponse(action=action, **asdict(duty)) for action, duty in DUTIES.items()])


@router.get(
    "/addressees",
    summary="The units that a notice may be served on",
    responses=problems(401, 403, 503),
    dependencies=[needs(Scope.NOTICES_WRITE)],
)
async def addressees(connection: Reads) -> AddresseePage:
    rows = await list_addressees(connection)
    return AddresseePage(items=[AddresseeResponse(agency=row["code"], name=row["name"]) for row in rows])


@router.get(
    "/{notice_id}",
    summary="Read a notice",
    responses=problems(401, 403, 404, 422, 503),
    dependencies=[EITHER],
)
async def read(notice_id: UUID, request: Request, connection: Reads, caller: Caller) -> NoticeResponse:
    return _response(await get_notice(connection, notice_id, request, caller))


@router.get(
    "/{notice_id}/history",
    summary="Every step of a notice",
    responses=problems(401, 403, 404, 422, 503),
    dependencies=[EITHER],
)
async def history(notice_id: UUID, request: Request, connection: Reads, caller: Caller) -> StepPage:
    await get_notice(connection, notice_id, request, caller)
    steps = await list_steps(connection, notice_id, secrecy=request.app.state.secrecy)
    return StepPage(items=[StepResponse(**asdict(step)) for step in steps])


@router.post(
    "/{notice_id}/acknowledgement",
    summary="Acknowledge a notice",
    response_model=NoticeResponse,
    responses=WRITES,
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(Scope.NOTICES_ANSWER)],
)
async def acknowledge(
    notice_id: UUID, body: AcknowledgementRequest, connection: Writes, desk: AtDesk, replay: Replayable
) -> Response:
    notice = await acknowledge_notice(connection, notice_id, desk=desk.by(body.operator))
    return await replay.keep(connection, 200, _response(notice))


@router.post(
    "/{notice_id}/reply",
    summary="Reply to a notice",
    description="A reply does not end a stop notice; the court's release does.",
    response_model=NoticeResponse,
    responses=WRITES,
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(Scope.NOTICES_ANSWER)],
)
async def reply(notice_id: UUID, body: ReplyRequest, connection: Writes, desk: AtDesk, replay: Replayable) -> Response:
    notice = await reply_to_notice(
        connection,
        notice_id,
        result=body.result,
        text=body.text,
        findings=[finding.model_dump(mode="json", exclude_none=True) for finding in body.findings],
        desk=desk.by(body.operator),
    )
    return await replay.keep(connection, 200, _response(notice))


@router.post(
    "/{notice_id}/renewal",
    summary="Renew a notice",
    response_model=NoticeResponse,
    responses=WRITES,
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(Scope.NOTICES_WRITE), takes(Share.ACT), does(CourtAct.RENEW_NOTICE, SoloAct.RENEW_REQUEST)],
)
async def renew(
    notice_id: UUID, body: RenewalRequest, request: Request, connection: Writes, desk: AtDesk, replay: Replayable
) -> Response:
    held = await get_notice(connection, notice_id, request, desk.caller)
    act = CourtAct.RENEW_NOTICE if held.action in DECIDING else SoloAct.RENEW_REQUEST
    await require_alone(connection, desk.caller, act)
    notice = await renew_notice(
        connection,
        notice_id,
        valid_until=body.valid_until,
        ruling_number=body.ruling_number,
        desk=desk.by(body.operator),
    )
    return await replay.keep(connection, 200, _response(notice))


@router.post(
    "/{notice_id}/release",
    summary="Release a notice",
    response_model=NoticeResponse,
    responses=WRITES,
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(Scope.NOTICES_WRITE), takes(Share.ACT), does(CourtAct.RELEASE)],
)
async def release(
    notice_id: UUID, body: ReleaseRequest, connection: Writes, desk: AtDesk, replay: Replayable
) -> Response:
    notice = await release_notice(connection, notice_id, reason=body.reason, desk=desk.by(body.operator))
    due_on = working_days_after(legal_date(now()), WORKING_DAYS_TO_REVIEW).on
    await owe_review(connection, desk.caller, desk.actor, CourtAct.RELEASE, notice_id, due_on=due_on)
    return await replay.keep(connection, 200, _response(notice))


async def get_notice(connection: Connection, notice_id: UUID, request: Request, caller: Principal) -> Notice:
    """For the court that served it, or the addressee; raise `NotYours` for all others."""
    notice = await find_notice(connection, notice_id, caller, secrecy=request.app.state.secrecy, at=now())
    if notice is None:
        raise NotYours if await does_notice_exist(connection, notice_id) else NotFound
    return notice


def _response(notice: Notice) -> NoticeResponse:
    values: dict[str, Any] = asdict(notice)
    duty = DUTIES[NoticeAction(notice.action)]
    return NoticeResponse(**values, overdue=values.pop("is_overdue"), duty=duty.duty, basis=duty.basis)


async def _hear_first(state: Any, caller: Principal, after: int | None) -> Heard:
    """Start with everything that is not acknowledged, unless the reader is reconnecting."""
    async with borrowed(state.shares.pool(Share.STREAM)) as connection:
        version = await get_notices_version(connection)
        if after is not None and await is_version_known(connection, "notices", after):
            return Heard([], after, seen=after)
        waiting = await _not_acknowledged(connection, caller, state)
    return Heard([_written(version, "served", notice) for notice in waiting], version, seen=version)


async def _hear(state: Any, caller: Principal, after: int) -> Heard:
    async with snapshot(state.shares.pool(Share.STREAM)) as connection:
        version = await get_notices_version(connection)
        events = await list_events(connection, caller, after=after, secrecy=state.secrecy, at=now())
    pieces = [_written(*event) for event in events]
    if len(events) == MOST_EVENTS:
        return Heard(pieces, events[-1][0], seen=None)
    return Heard(pieces, max(after, version), seen=max(after, version))


async def _not_acknowledged(connection: Connection, caller: Principal, state: Any) -> list[Notice]:
    found = await list_notices(
        connection, caller, state="served", before=LARGEST_ID, limit=MOST_EVENTS, secrecy=state.secrecy, at=now()
    )
    return found[::-1]


def _written(version: int, act: str, notice: Notice) -> bytes:
    return server_sent(version, act, _response(notice).model_dump_json())
