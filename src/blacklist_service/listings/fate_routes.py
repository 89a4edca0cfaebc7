"""`/v1/imports/{id}/fates`: every row of a file with its result, and what it changes."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request

from blacklist_service.access.scopes import Scope
from blacklist_service.listings.fates import RowFate, list_fates
from blacklist_service.listings.findings import Sheets, sentence_of
from blacklist_service.listings.import_schemas import (
    AbsentPage,
    AbsentResponse,
    ChangeOfRowResponse,
    FatePage,
    FateResponse,
    FatesQuery,
    SentenceResponse,
)
from blacklist_service.listings.operations.snapshots import list_absent
from blacklist_service.listings.queries import get_own_import, list_sheets
from blacklist_service.listings.rules import ImportMode
from blacklist_service.problems import FieldError, InvalidRequest
from blacklist_service.web.documented import problems
from blacklist_service.web.paging import PageQuery, read_cursor, read_place
from blacklist_service.web.routing import Caller, GuardedRoute, needs
from blacklist_service.web.shares import Share, takes
from blacklist_service.web.transactions import Reads

router = APIRouter(prefix="/v1/imports", tags=["imports"], route_class=GuardedRoute)


@router.get(
    "/{import_id}/fates",
    summary="What an import does with every row",
    description="In the order of the file. Of a preview what would become of it; corrected rows field by field, beside what "
    "the list says, numbers masked.",
    responses=problems(401, 403, 404, 422, 503),
    dependencies=[needs(Scope.LISTINGS_READ)],
)
async def read_fates(
    import_id: UUID, query: Annotated[FatesQuery, Query()], request: Request, connection: Reads, caller: Caller
) -> FatePage:
    await get_own_import(connection, import_id, caller.court_code)
    filters = [str(import_id), query.fate, query.warned]
    found = await list_fates(
        connection,
        import_id,
        fate=query.fate,
        is_warned=query.warned,
        after=_place(read_cursor(query.cursor, filters)) if query.cursor else 0,
        limit=query.limit,
        cipher=request.app.state.secrecy.cipher("listing"),
    )
    sheets = await list_sheets(connection, import_id)
    items = [_response(one, sheets) for one in found]
    # Rows are ordered by their number in the file; the number shown is that in the worksheet.
    return FatePage.of(items, query, lambda last: [last.row], filters, read=found)


@router.get(
    "/{import_id}/absent",
    summary="What a snapshot would end because the file lacks it",
    description="While it waits for its confirmation; afterwards the listings themselves say it.",
    responses=problems(401, 403, 404, 422, 503),
    dependencies=[needs(Scope.LISTINGS_READ), takes(Share.SEARCH)],
)
async def read_absent(
    import_id: UUID, query: Annotated[PageQuery, Query()], connection: Reads, caller: Caller
) -> AbsentPage:
    row = await get_own_import(connection, import_id, caller.court_code)
    after = read_place(query.cursor, str(import_id)) if query.cursor else UUID(int=0)
    found = []
    if row["mode"] == ImportMode.SNAPSHOT and row["state"] == "awaiting_confirmation":
        found = await list_absent(connection, import_id, row["court_code"], after=after, limit=query.limit)
    items = [AbsentResponse.model_validate(dict(one) | {"listing_id": one["id"]}) for one in found]
    return AbsentPage.of(items, query, lambda one: [str(one.listing_id)], str(import_id))


def _place(position: list[Any]) -> int:
    match position:
        case [int(row)] if 0 <= row < 2**31:
            return row
    raise InvalidRequest(errors=[FieldError("cursor", "cursor", "not a cursor of this service")])


def _response(fate: RowFate, sheets: Sheets) -> FateResponse:
    sheet, row = sheets.place(fate.row)
    return FateResponse(
        row=row,
        sheet=sheet,
        fate=fate.fate,
        case_number=fate.case_number,
        debtor_name=fate.debtor_name,
        identifier_masked=fate.identifier_masked,
        listing_id=fate.listing_id,
        refusal=_sentence(fate.code) if fate.code else None,
        column=fate.field,
        warnings=[_sentence(code) for code in fate.warnings],
        other_listings=fate.others,
        changes=[ChangeOfRowResponse(**one._asdict()) for one in fate.changes],
    )


def _sentence(code: str) -> SentenceResponse:
    sentence = sentence_of(code)
    return SentenceResponse(code=code, zh=sentence.zh, en=sentence.en)
