"""`/v1/audit`: what auditors may see; each read is recorded and committed before its first byte is sent."""

import base64
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from blacklist_service.access.principals import Actor
from blacklist_service.access.scopes import Scope
from blacklist_service.audit.filters import EntryFilters
from blacklist_service.audit.persons import entry_subject, read_subject
from blacklist_service.audit.queries import find_entry, list_entries
from blacklist_service.audit.schemas import (
    EntryPage,
    EntryQuery,
    EntryResponse,
    EntrySearchRequest,
    ProvedEntryResponse,
    SearchSubjectRequest,
)
from blacklist_service.audit.truth import require_true
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.log import find_proof
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.problems import FieldError, InvalidRequest, NotFound
from blacklist_service.subjects.keys import asked_keys
from blacklist_service.web.documented import problems
from blacklist_service.web.paging import LARGEST_ID, read_cursor
from blacklist_service.web.routing import Acting, GuardedRoute, needs
from blacklist_service.web.shares import Share, takes
from blacklist_service.web.transactions import Writes

router = APIRouter(prefix="/v1/audit", tags=["audit"], route_class=GuardedRoute)


@router.get(
    "/entries",
    summary="Search the ledger",
    description="Newest first. The search is itself an entry, committed before the answer; it begins below that entry. "
    "Where the header `Replica-Age` stands, it was searched on a standby, at most so many seconds behind.",
    responses=problems(401, 403, 422, 503),
    dependencies=[needs(Scope.AUDIT_READ), takes(Share.SEARCH)],
)
async def search_entries(
    query: Annotated[EntryQuery, Query()], request: Request, response: Response, connection: Writes, actor: Acting
) -> EntryPage:
    return await _search(query, request, response, connection, actor)


@router.post(
    "/entries/search",
    summary="Search the ledger for a subject",
    description="All who asked about somebody: the filters of `GET /v1/audit/entries`, and a `subject`. With a number, by "
    "the number under whatever name; without one, by the name among those asked without a number. Itself an entry.",
    responses=problems(401, 403, 413, 415, 422, 503),
    dependencies=[needs(Scope.AUDIT_READ), takes(Share.SEARCH)],
)
async def search_entries_for_subject(
    body: EntrySearchRequest, request: Request, response: Response, connection: Writes, actor: Acting
) -> EntryPage:
    return await _search(body, request, response, connection, actor, body.subject)


@router.get(
    "/entries/{entry_id}",
    summary="Read one entry, with its proof",
    description="The entry's columns, the exact bytes of its leaf, and its receipt (a tlog-proof) once it is sealed. Itself "
    "an entry.",
    responses=problems(401, 403, 404, 422, 503),
    dependencies=[needs(Scope.AUDIT_READ)],
)
async def read_entry(entry_id: UUID, request: Request, connection: Writes, actor: Acting) -> ProvedEntryResponse:
    row = await find_entry(connection, entry_id)
    if row is None:
        raise NotFound
    proof = await find_proof(connection, entry_id)
    entry = Entry(Action.AUDIT_READ, actor, facts={"what": "entry", "entry": str(entry_id)})
    await record(connection, [entry], at=await database_clock(connection), secrecy=request.app.state.secrecy)
    return ProvedEntryResponse(
        **_entry_response(row).model_dump(),
        leaf=base64.b64encode(row["leaf"]).decode(),
        receipt=proof.content if proof else None,
    )


async def _search(
    query: EntryQuery,
    request: Request,
    response: Response,
    connection: Connection,
    actor: Actor,
    asked: SearchSubjectRequest | None = None,
) -> EntryPage:
    state = request.app.state
    filters = EntryFilters.model_validate(query.model_dump(include=set(EntryFilters.model_fields)))
    wire_filters = filters.model_dump(mode="json", by_alias=True, exclude_none=True)
    subject = None if asked is None else read_subject(asked)
    digests = None if subject is None else [key.digest for key in asked_keys(subject, state.digester, also_former=True)]
    # A page can only be continued for the same subject; the cursor contains only a digest of the subject's digests.
    paged = wire_filters | ({} if digests is None else {"subject": [digest.hex() for digest in digests]})
    at = await database_clock(connection)
    before = _place(read_cursor(query.cursor, paged)) if query.cursor else (at, LARGEST_ID)
    async with state.shares.copies.replica(connection) as copy:
        reading = connection if copy is None else copy.connection
        rows = await list_entries(reading, filters, before=before, limit=query.limit, digests=digests)
        await require_true(reading, rows, lambda row: row["subjects"] or [], secrecy=state.secrecy)
    response.headers.update({} if copy is None else copy.headers)
    entry = Entry(
        Action.AUDIT_READ,
        actor,
        subjects=() if subject is None or asked is None else (entry_subject(subject, asked, state.digester),),
        private={"filters": wire_filters},
        facts={"what": "entries", "rows": len(rows)},
    )
    await record(connection, [entry], at=at, secrecy=state.secrecy)
    items = [_entry_response(row) for row in rows]
    return EntryPage.of(items, query, lambda entry: [entry.at.isoformat(), str(entry.entry_id)], paged)


def _place(position: list[Any]) -> tuple[datetime, UUID]:
    try:
        at, entry_id = position
        return datetime.fromisoformat(at).astimezone(UTC), UUID(entry_id)
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise InvalidRequest(errors=[FieldError("cursor", "cursor", "not a cursor of this service")]) from None


def _entry_response(row: asyncpg.Record) -> EntryResponse:
    fields: dict[str, Any] = {name: row[name] for name in EntryResponse.model_fields if name in row.keys()}  # noqa: SIM118
    source_ip = row["source_ip"]
    return EntryResponse.model_validate(
        fields
        | {
            "entry_id": row["id"],
            "subjects": row["subjects"] or [],
            "source_ip": None if source_ip is None else str(source_ip),
        }
    )
