"""`/v1/audit`: what auditors may see, each reading recorded and committed before its first byte leaves."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Query
from starlette.requests import Request

from blacklist_service.access.scopes import Scope
from blacklist_service.audit.queries import list_entries
from blacklist_service.audit.schemas import EntryFilters, EntryPage, EntryQuery, EntryResponse
from blacklist_service.ledger.entries import Action, Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.problems import FieldError, InvalidRequest
from blacklist_service.web.documented import problems
from blacklist_service.web.paging import make_cursor, read_cursor
from blacklist_service.web.routing import Acting, GuardedRoute, needs
from blacklist_service.web.transactions import Writes

router = APIRouter(prefix="/v1/audit", tags=["audit"], route_class=GuardedRoute)

LARGEST_ID = UUID(int=2**128 - 1)


@router.get(
    "/entries",
    summary="Search the ledger",
    description="Newest first. The search is itself an entry, committed before the answer; it begins below that entry.",
    responses=problems(401, 403, 422, 503),
    dependencies=[needs(Scope.AUDIT_READ)],
)
async def search_entries(
    query: Annotated[EntryQuery, Query()], request: Request, connection: Writes, actor: Acting
) -> EntryPage:
    filters = EntryFilters.model_validate(query.model_dump(include=set(EntryFilters.model_fields)))
    wire_filters = filters.model_dump(mode="json", by_alias=True, exclude_none=True)
    now = await database_clock(connection)
    before = _place(read_cursor(query.cursor, wire_filters)) if query.cursor else (now, LARGEST_ID)
    rows = await list_entries(connection, filters, before=before, limit=query.limit)
    entry = Entry(
        Action.AUDIT_READ, actor, private={"filters": wire_filters}, facts={"what": "entries", "rows": len(rows)}
    )
    await record(connection, [entry], at=now, secrecy=request.app.state.secrecy)
    is_last = len(rows) < query.limit
    return EntryPage(
        items=[_entry_response(row) for row in rows],
        next=None if is_last else make_cursor([rows[-1]["at"].isoformat(), str(rows[-1]["id"])], wire_filters),
    )


def _place(position: list[Any]) -> tuple[datetime, UUID]:
    try:
        at, entry_id = position
        return datetime.fromisoformat(at), UUID(entry_id)
    except (ValueError, TypeError, AttributeError):
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
