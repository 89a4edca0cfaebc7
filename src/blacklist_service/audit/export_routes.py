"""`/v1/audit/exports`: request a bundle, see its progress, fetch it."""

from uuid import UUID

import asyncpg
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from blacklist_service.access.scopes import Scope
from blacklist_service.audit.export_jobs import ask_export, read_part
from blacklist_service.audit.filters import EntryFilters
from blacklist_service.audit.jobs import find_own, require_quota
from blacklist_service.audit.persons import entry_subject, read_subject
from blacklist_service.audit.schemas import ExportRequest, ExportResponse
from blacklist_service.audit.wanted import WantedExport
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.problems import Conflict, NotFound
from blacklist_service.subjects.keys import asked_keys
from blacklist_service.web.documented import IDEMPOTENCY, problems
from blacklist_service.web.idempotency import Replayable
from blacklist_service.web.routing import Acting, Caller, GuardedRoute, needs
from blacklist_service.web.shares import Share, takes
from blacklist_service.web.streams import in_parts
from blacklist_service.web.transactions import Reads, Writes, borrowed

router = APIRouter(prefix="/v1/audit/exports", tags=["audit"], route_class=GuardedRoute)


@router.post(
    "",
    status_code=202,
    summary="Request an export",
    description="A job; its bundle (a zip of rows in the log's order, manifest, checkpoint, tiles, vkey) is verified "
    "offline by `blacklist-service audit verify` or by the `verify_bundle.py` inside. Sealed entries only. Itself an entry.",
    response_model=ExportResponse,
    responses=problems(401, 403, 413, 415, 422, 503),
    openapi_extra=IDEMPOTENCY,
    dependencies=[needs(Scope.AUDIT_EXPORT)],
)
async def create_export(
    body: ExportRequest, request: Request, replay: Replayable, connection: Writes, actor: Acting
) -> Response:
    state = request.app.state
    filters = EntryFilters.model_validate(body.model_dump(include=set(EntryFilters.model_fields)))
    subject = None if body.subject is None else read_subject(body.subject)
    digests = (
        None if subject is None else tuple(key.digest for key in asked_keys(subject, state.digester, also_former=True))
    )
    asked = None if subject is None or body.subject is None else entry_subject(subject, body.subject, state.digester)
    await require_quota(connection, "exports", actor, most=state.settings.waiting_exports)
    row = await ask_export(
        connection, WantedExport(filters, body.format, digests), actor=actor, secrecy=state.secrecy, subject=asked
    )
    return await replay.keep(connection, 202, _export(row))


@router.get(
    "/{export_id}",
    summary="The state of an export",
    responses=problems(401, 403, 404, 422, 503),
    dependencies=[needs(Scope.AUDIT_EXPORT)],
)
async def read_export(export_id: UUID, connection: Reads, caller: Caller) -> ExportResponse:
    return _export(await find_own(connection, "exports", export_id, caller))


@router.get(
    "/{export_id}/bundle",
    summary="Download an export",
    description="The bundle, a zip; 202 until it is made. It is kept for a week. Fetching is an entry.",
    response_class=Response,
    responses=problems(401, 403, 404, 409, 422, 503)
    | {
        200: {"content": {"application/zip": {}}, "description": "The bundle"},
        202: {"description": "Not made yet", "headers": {"Retry-After": {"schema": {"type": "integer"}}}},
    },
    dependencies=[needs(Scope.AUDIT_EXPORT), takes(Share.STREAM)],
)
async def read_bundle(export_id: UUID, request: Request, connection: Writes, caller: Caller, actor: Acting) -> Response:
    row = await find_own(connection, "exports", export_id, caller)
    if row["state"] in {"queued", "running"}:
        return PlainTextResponse("", status_code=202, headers={"Retry-After": "1"})
    if row["state"] == "failed":
        raise Conflict(row["problem"])
    secrecy, pool = request.app.state.secrecy, request.app.state.shares.pool(Share.STREAM)
    if await read_part(connection, export_id, 0, secrecy) is None:
        raise NotFound("the bundle was kept for a week")
    entry = Entry(Action.AUDIT_READ, actor, facts={"what": "bundle", "export": str(export_id)})
    await record(connection, [entry], at=await database_clock(connection), secrecy=secrecy)

    async def read(part: int) -> bytes | None:
        async with borrowed(pool) as reading:
            return await read_part(reading, export_id, part, secrecy)

    leaves = in_parts(request, read)
    await anext(leaves)
    headers = {
        "Content-Length": str(row["bytes"]),
        "Content-Disposition": f'attachment; filename="export-{export_id}.zip"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(leaves, media_type="application/zip", headers=headers)


def _export(row: asyncpg.Record) -> ExportResponse:
    return ExportResponse.model_validate(
        {"export_id": row["id"]} | {name: row[name] for name in ExportResponse.model_fields if name != "export_id"}
    )
