"""`/v1/imports`: list files as jobs (design §6)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from blacklist_service.access.principals import Actor, Principal
from blacklist_service.access.scopes import Scope
from blacklist_service.clock import new_id, now
from blacklist_service.listings.import_queries import counts_of, get_own_import, has_rows, list_findings, list_imports
from blacklist_service.listings.import_schemas import (
    CountsResponse,
    FindingResponse,
    ImportPage,
    ImportQuery,
    ImportResponse,
    ImportsQuery,
    ImportSummaryResponse,
    PlanResponse,
    QueuedResponse,
)
from blacklist_service.listings.operations.jobs import begin_import, cancel_import, confirm_import
from blacklist_service.listings.operations.previews import has_moved, make_again
from blacklist_service.listings.operations.quotas import BrokenOff, require_quota
from blacklist_service.listings.operations.uploads import (
    MOST_FILE_BYTES,
    PART_BYTES,
    Incoming,
    Upload,
    drop_upload,
    keep_upload,
)
from blacklist_service.listings.queries import known_courts
from blacklist_service.members.second_person.marking import does
from blacklist_service.members.second_person.queries import needs_two, require_alone
from blacklist_service.members.second_person.rules import CourtAct, SoloAct
from blacklist_service.problems import InvalidRequest, Problem, TooManyRequests, Undetermined, UnsupportedMediaType
from blacklist_service.settings import Settings
from blacklist_service.web.courtesy import SharedRate
from blacklist_service.web.documented import FILE_BODY, IDEMPOTENCY, problems
from blacklist_service.web.idempotency import Replayed, replay_of
from blacklist_service.web.routing import Acting, Caller, GuardedRoute, needs
from blacklist_service.web.shares import Share, takes
from blacklist_service.web.transactions import Reads, Writes, borrowed, undetermined_if_lost
from blacklist_service.web.uploads import UploadedFile

log = structlog.get_logger()

router = APIRouter(prefix="/v1/imports", tags=["imports"], route_class=GuardedRoute)


@router.post(
    "",
    status_code=202,
    summary="Send a list file",
    description="CSV, XLSX or JSON Lines, as the multipart field `file`, at most 512 MiB. It becomes a job: only a file "
    "that is read to its end takes effect; good rows load, bad ones are reported.",
    response_model=QueuedResponse,
    responses=problems(401, 403, 413, 415, 422, 503),
    openapi_extra=FILE_BODY | IDEMPOTENCY,
    dependencies=[needs(Scope.LISTINGS_WRITE), takes(Share.UPLOAD), does(CourtAct.IMPORT)],
)
async def send(query: Annotated[ImportQuery, Query()], request: Request, caller: Caller, actor: Acting) -> Response:
    state = request.app.state
    file = UploadedFile(request, most_bytes=MOST_FILE_BYTES)
    incoming = Incoming(new_id(now()))
    try:
        with undetermined_if_lost():
            await _require_quota(request, caller)
            content = _giving_way(file.content(part_bytes=PART_BYTES), state.upload_pace)
            await keep_upload(state.pool, incoming, content, secrecy=state.secrecy, room=state.room)
        return await _queue(query, request, caller, actor, file.name, incoming)
    except BaseException as error:
        await asyncio.shield(asyncio.ensure_future(_drop(request, incoming, error, caller, actor)))
        raise


async def _giving_way(content: AsyncIterator[bytes], pace: SharedRate) -> AsyncIterator[bytes]:
    """Pause between the parts of a file: the disk that writes them also makes the checks' evidence durable."""
    async for part in content:
        yield part
        await asyncio.sleep(pace.rest_after(len(part)))


async def _queue(
    query: ImportQuery, request: Request, caller: Principal, actor: Actor, name: str, incoming: Incoming
) -> Response:
    if not incoming.parts:
        raise InvalidRequest("the file is empty")
    court_code = caller.court_code or ""
    replay = replay_of(request, incoming.sha256)
    async with borrowed(request.app.state.pool) as connection, connection.transaction():
        await replay.look(connection)
        await require_quota(connection, court_code, **_quota(request), more_parts=incoming.parts)
        courts = await known_courts(connection)
        needs_another = await needs_two(connection, caller, CourtAct.IMPORT)
        is_preview = (query.preview or caller.is_account) and not query.dry_run
        await begin_import(
            connection,
            court_code=court_code,
            court_name=courts.name_of(court_code) or court_code,
            mode=query.mode,
            is_dry_run=query.dry_run,
            actor=actor,
            upload=Upload(incoming.import_id, name, incoming.parts, incoming.sha256),
            is_preview=is_preview,
            needs_another=needs_another or not is_preview,
        )
        return await replay.keep(connection, 202, QueuedResponse(import_id=incoming.import_id, state="queued"))


async def _require_quota(request: Request, caller: Principal) -> None:
    """Before the file is read."""
    broken_off: BrokenOff = request.app.state.broken_off
    broken_off.require_few(caller.court_code or "")
    async with borrowed(request.app.state.pool) as connection, connection.transaction():
        await require_quota(connection, caller.court_code or "", **_quota(request))


def _quota(request: Request) -> dict[str, int]:
    settings: Settings = request.app.state.settings
    return {"most_imports": settings.waiting_imports, "most_bytes": settings.waiting_megabytes << 20}


async def _drop(request: Request, incoming: Incoming, error: BaseException, caller: Principal, actor: Actor) -> None:
    """An upload that repeats an answered request was not aborted: the file is just not needed twice."""
    why = None if isinstance(error, Replayed) else getattr(error, "code", "internal-error")
    if isinstance(error, TooManyRequests | UnsupportedMediaType) and not incoming.parts:
        return  # refused before anything was sent
    state = request.app.state
    if not isinstance(error, Replayed | Undetermined):
        state.broken_off.note(caller.court_code or "")
    try:
        async with borrowed(state.pool) as connection, connection.transaction():
            await drop_upload(connection, incoming, why=why, actor=actor, secrecy=state.secrecy)
    except Problem:
        log.warning("upload_not_dropped", import_id=str(incoming.import_id))  # deleted within a day


@router.get(
    "",
    summary="The court's imports",
    description="Newest first.",
    responses=problems(401, 403, 422, 503),
    dependencies=[needs(Scope.LISTINGS_READ)],
)
async def list_(query: Annotated[ImportsQuery, Query()], connection: Reads, caller: Caller) -> ImportPage:
    before = query.before(query.state)
    rows = await list_imports(connection, caller.court_code or "", state=query.state, before=before, limit=query.limit)
    items = [
        ImportSummaryResponse.model_validate(
            dict(row) | {"import_id": row["id"], "is_own": row["key_id"] == caller.key_id, "dry_run": row["is_dry_run"]}
        )
        for row in rows
    ]
    return ImportPage.of(items, query, lambda one: [str(one.import_id)], query.state)


@router.get(
    "/{import_id}",
    summary="The state of an import",
    responses=problems(401, 403, 404, 422, 503),
    dependencies=[needs(Scope.LISTINGS_READ)],
)
async def read(import_id: UUID, connection: Reads, caller: Caller) -> ImportResponse:
    row = await get_own_import(connection, import_id, caller.court_code)
    is_waiting = row["state"] == "awaiting_confirmation"
    counts = await counts_of(connection, row)
    findings, _ = await list_findings(connection, import_id)
    return ImportResponse(
        import_id=row["id"],
        state=row["state"],
        mode=row["mode"],
        dry_run=row["is_dry_run"],
        progress=round(row["progress"], 3),
        rows=CountsResponse(
            total=max(row["total"], counts.total),
            created=counts.created,
            corrected=counts.corrected,
            ended=counts.ended,
            unchanged=counts.unchanged,
            rejected=counts.rejected,
            warned=counts.warned,
        ),
        absent=row["absent"],
        list_version=row["list_version"],
        unknown_columns=row["unknown_columns"],
        findings=[FindingResponse(**finding.as_json()) for finding in findings],
        format=row["format"],
        file_sha256=row["file_sha256"].hex() if row["file_sha256"] else None,
        problem=row["problem"],
        queued_at=row["queued_at"],
        finished_at=row["finished_at"],
        file_name=row["file_name"],
        is_preview=row["is_preview"],
        needs_another=row["needs_another"],
        is_own=row["key_id"] == caller.key_id,
        plan=None if row["plan"] is None else PlanResponse(**row["plan"]),
        has_moved=is_waiting and await has_moved(connection, row["court_code"], row["planned_at_version"]),
        has_rows=await has_rows(connection, import_id),
    )


@router.post(
    "/{import_id}/confirmation",
    summary="Confirm a held import",
    description="By another key of the same court; the plan is made anew. `findings` say why it is held. Where nothing holds "
    "it but that it is a preview, its sender may confirm it. 409 `plan-moved`: the court's list has changed since.",
    responses=problems(401, 403, 404, 409, 422, 503),
    dependencies=[needs(Scope.LISTINGS_APPROVE, Scope.LISTINGS_WRITE), does(CourtAct.IMPORT)],
)
async def confirm(
    import_id: UUID, request: Request, connection: Writes, caller: Caller, actor: Acting
) -> QueuedResponse:
    secrecy = request.app.state.secrecy
    await require_alone(connection, caller, CourtAct.IMPORT)
    if (await get_own_import(connection, import_id, caller.court_code))["needs_another"]:
        caller.require(Scope.LISTINGS_APPROVE)
    await confirm_import(connection, import_id, court_code=caller.court_code or "", actor=actor, secrecy=secrecy)
    return QueuedResponse(import_id=import_id, state="queued")


@router.post(
    "/{import_id}/preview",
    summary="Make a preview anew",
    description="On the list as it is now.",
    responses=problems(401, 403, 404, 409, 422, 503),
    dependencies=[needs(Scope.LISTINGS_WRITE), does(SoloAct.PREVIEW_IMPORT)],
)
async def preview_again(import_id: UUID, connection: Writes, caller: Caller) -> QueuedResponse:
    await make_again(connection, import_id, court_code=caller.court_code or "")
    return QueuedResponse(import_id=import_id, state="queued")


@router.post(
    "/{import_id}/cancellation",
    summary="Cancel an import that has not begun to apply",
    responses=problems(401, 403, 404, 409, 422, 503),
    dependencies=[needs(Scope.LISTINGS_WRITE), does(SoloAct.CANCEL_IMPORT)],
)
async def cancel(
    import_id: UUID, request: Request, connection: Writes, caller: Caller, actor: Acting
) -> QueuedResponse:
    secrecy = request.app.state.secrecy
    await cancel_import(connection, import_id, court_code=caller.court_code or "", actor=actor, secrecy=secrecy)
    return QueuedResponse(import_id=import_id, state="cancelled")
