"""Files of notices and of leads: sent by either side, and downloaded only by these two."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response as HttpResponse
from starlette.responses import StreamingResponse

from blacklist_service.assistance.attachment_queries import (
    PART_BYTES,
    Attachment,
    find_attachment,
    list_attachments,
    read_part,
)
from blacklist_service.assistance.attachments import MOST_OF_A_BODY, Received, facts_of, keep_attachment, read_whole
from blacklist_service.assistance.lead_queries import find_lead
from blacklist_service.assistance.operations import attach_to_notice
from blacklist_service.assistance.routes import EITHER, get_notice
from blacklist_service.assistance.schemas import AttachmentPage, AttachmentResponse
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.members.second_person.marking import does
from blacklist_service.members.second_person.rules import SoloAct
from blacklist_service.problems import NotFound
from blacklist_service.web.desks import AtDesk
from blacklist_service.web.documented import FILE_BODY, IDEMPOTENCY, problems
from blacklist_service.web.idempotency import replay_of
from blacklist_service.web.routing import Caller, GuardedRoute
from blacklist_service.web.shares import Share, takes
from blacklist_service.web.streams import in_parts
from blacklist_service.web.transactions import Reads, borrowed
from blacklist_service.web.uploads import UploadedFile

notices = APIRouter(prefix="/v1/notices/{notice_id}/attachments", tags=["notices"], route_class=GuardedRoute)
leads = APIRouter(prefix="/v1/leads/{lead_id}/attachments", tags=["leads"], route_class=GuardedRoute)

SENDS = problems(401, 403, 404, 409, 413, 415, 422, 503)
READS = problems(401, 403, 404, 422, 503)
SENDING = "A PDF, JPEG, PNG or XLSX by its content, of at most 20 MB; kept sealed, its SHA-256 in the ledger."
FETCHING = "For the court and the unit alone, byte for byte as it was sent."
DOWNLOAD: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}}, "description": "The file"}
}


@notices.post(
    "",
    status_code=201,
    summary="Attach a file to a notice",
    description=f"{SENDING} By the court or the addressee.",
    response_model=AttachmentResponse,
    responses=SENDS,
    openapi_extra=FILE_BODY | IDEMPOTENCY,
    dependencies=[EITHER, takes(Share.UPLOAD), does(SoloAct.ATTACH_FILE)],
)
async def attach_to_a_notice(notice_id: UUID, request: Request, desk: AtDesk) -> HttpResponse:
    async def look(connection: Connection) -> None:
        await get_notice(connection, notice_id, request, desk.caller)

    async def keep(connection: Connection, sent: Received, name: str) -> Attachment:
        owner = ("notice", notice_id)
        kept = await keep_attachment(connection, sent, name=name, owner=owner, actor=desk.actor, secrecy=desk.secrecy)
        await attach_to_notice(connection, notice_id, facts=facts_of(kept), desk=desk)
        return kept

    return await _take(request, look, keep)


@notices.get("", summary="The files of a notice", responses=READS, dependencies=[EITHER])
async def files_of_notice(notice_id: UUID, request: Request, connection: Reads, caller: Caller) -> AttachmentPage:
    await get_notice(connection, notice_id, request, caller)
    return await _page(connection, ("notice", notice_id), request)


@notices.get(
    "/{attachment_id}",
    summary="Download a file of a notice",
    description=FETCHING,
    response_class=HttpResponse,
    responses=READS | DOWNLOAD,
    dependencies=[EITHER, takes(Share.STREAM)],
)
async def file_of_notice(
    notice_id: UUID, attachment_id: UUID, request: Request, connection: Reads, caller: Caller
) -> HttpResponse:
    await get_notice(connection, notice_id, request, caller)
    return await _download(connection, ("notice", notice_id), attachment_id, request)


@leads.post(
    "",
    status_code=201,
    summary="Attach a file to a lead",
    description=f"{SENDING} By the unit or the executing court.",
    response_model=AttachmentResponse,
    responses=SENDS,
    openapi_extra=FILE_BODY | IDEMPOTENCY,
    dependencies=[EITHER, takes(Share.UPLOAD), does(SoloAct.ATTACH_FILE)],
)
async def attach_to_a_lead(lead_id: UUID, request: Request, desk: AtDesk) -> HttpResponse:
    async def look(connection: Connection) -> None:
        await find_lead(connection, lead_id, desk.caller, secrecy=desk.secrecy)

    async def keep(connection: Connection, sent: Received, name: str) -> Attachment:
        lead = await find_lead(connection, lead_id, desk.caller, secrecy=desk.secrecy)
        owner = ("lead", lead_id)
        kept = await keep_attachment(connection, sent, name=name, owner=owner, actor=desk.actor, secrecy=desk.secrecy)
        facts = {"lead": str(lead_id), "court": lead.court_code, "unit": lead.agency, **facts_of(kept)}
        entry = Entry(Action.LEAD_ATTACHED, desk.actor, listing_ids=(lead.listing_id,), facts=facts)
        await record(connection, [entry], at=await database_clock(connection), secrecy=desk.secrecy)
        return kept

    return await _take(request, look, keep)


@leads.get("", summary="The files of a lead", responses=READS, dependencies=[EITHER])
async def files_of_lead(lead_id: UUID, request: Request, connection: Reads, caller: Caller) -> AttachmentPage:
    await find_lead(connection, lead_id, caller, secrecy=request.app.state.secrecy)
    return await _page(connection, ("lead", lead_id), request)


@leads.get(
    "/{attachment_id}",
    summary="Download a file of a lead",
    description=FETCHING,
    response_class=HttpResponse,
    responses=READS | DOWNLOAD,
    dependencies=[EITHER, takes(Share.STREAM)],
)
async def file_of_lead(
    lead_id: UUID, attachment_id: UUID, request: Request, connection: Reads, caller: Caller
) -> HttpResponse:
    await find_lead(connection, lead_id, caller, secrecy=request.app.state.secrecy)
    return await _download(connection, ("lead", lead_id), attachment_id, request)


async def _take(
    request: Request,
    look: Callable[[Connection], Awaitable[None]],
    keep: Callable[[Connection, Received, str], Awaitable[Attachment]],
) -> HttpResponse:
    """Receive the whole file first, holding no connection while a slow client sends; nothing is received from a caller who
    has no access.
    """
    async with borrowed(request.app.state.pool) as connection:
        await look(connection)
    file = UploadedFile(request, most_bytes=MOST_OF_A_BODY)
    sent = await read_whole(file.content(part_bytes=PART_BYTES))
    replay = replay_of(request, sent.sha256)
    async with borrowed(request.app.state.pool) as connection, connection.transaction():
        await replay.look(connection)
        kept = await keep(connection, sent, file.name)
        return await replay.keep(connection, 201, _response(kept))


async def _page(connection: Connection, owner: tuple[str, UUID], request: Request) -> AttachmentPage:
    found = await list_attachments(connection, owner, secrecy=request.app.state.secrecy)
    return AttachmentPage(items=[_response(one) for one in found])


async def _download(
    connection: Connection, owner: tuple[str, UUID], attachment_id: UUID, request: Request
) -> HttpResponse:
    state = request.app.state
    attachment = await find_attachment(connection, owner, attachment_id, secrecy=state.secrecy)
    if attachment is None:
        raise NotFound

    async def read(part: int) -> bytes | None:
        async with borrowed(state.shares.pool(Share.STREAM)) as reading:
            return await read_part(reading, attachment_id, part, secrecy=state.secrecy)

    leaves = in_parts(request, read)
    await anext(leaves)
    headers = {
        "Content-Disposition": f'attachment; filename="{attachment_id}.{attachment.suffix}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "no-store",
        "Content-Length": str(attachment.bytes),
    }
    return StreamingResponse(leaves, media_type=attachment.media_type, headers=headers)


def _response(attachment: Attachment) -> AttachmentResponse:
    return AttachmentResponse(**asdict(attachment))
