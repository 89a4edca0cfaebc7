"""What an import did with each row: `/v1/imports/{id}/rows` (refused, warned), `…/fates` (all), `…/absent` (not there)."""

import csv
import io
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from blacklist_service.access.scopes import Scope
from blacklist_service.listings.fates import RowFate, list_fates
from blacklist_service.listings.findings import Sheets, sentence_of
from blacklist_service.listings.import_queries import (
    RowReport,
    get_own_import,
    list_refused_rows,
    list_reports,
    list_sheets,
)
from blacklist_service.listings.import_schemas import (
    AbsentPage,
    AbsentResponse,
    ChangeOfRowResponse,
    FatePage,
    FateResponse,
    FatesQuery,
    ImportRowsQuery,
    RowAboutOthersResponse,
    RowPage,
    RowResponse,
    SentenceResponse,
)
from blacklist_service.listings.operations.snapshots import list_absent
from blacklist_service.listings.rules import ImportMode
from blacklist_service.problems import FieldError, InvalidRequest, NotFound
from blacklist_service.web.documented import problems
from blacklist_service.web.paging import PageQuery, read_cursor, read_place
from blacklist_service.web.routing import Caller, GuardedRoute, needs
from blacklist_service.web.shares import Share, takes
from blacklist_service.web.spreadsheets import lasting_cell
from blacklist_service.web.transactions import Reads

router = APIRouter(prefix="/v1/imports", tags=["imports"], route_class=GuardedRoute)

OUR_COLUMNS = ("sheet", "row", "code")
"""Columns put before a refused row's own; recognised when the row is sent again."""


@router.get(
    "/{import_id}/rows",
    summary="Refused and warned rows",
    description="Numbers and codes, never a value. `Accept: text/csv` gives the court its own refused rows with the code, "
    "to mend and send again (kept 30 days).",
    response_model=RowPage,
    responses=problems(401, 403, 404, 422, 503),
    dependencies=[needs(Scope.LISTINGS_READ)],
)
async def read_rows(
    import_id: UUID, query: Annotated[ImportRowsQuery, Query()], request: Request, connection: Reads, caller: Caller
) -> Any:
    await get_own_import(connection, import_id, caller.court_code)
    if "text/csv" in request.headers.get("accept", ""):
        return await _refused_csv(connection, import_id, request)
    filters = [str(import_id), query.status]
    after = _report_place(read_cursor(query.cursor, filters)) if query.cursor else (0, "")
    reports = await list_reports(connection, import_id, query.status, after=after, limit=query.limit)
    sheets = await list_sheets(connection, import_id)
    items = [_report(one, sheets) for one in reports]
    # Rows are ordered by their number in the file; the number shown is that in the worksheet.
    return RowPage.of(items, query, lambda last: [last.row, last.code], filters, read=reports)


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


def _report_place(position: list[Any]) -> tuple[int, str]:
    match position:
        case [int(row), str(code)] if 0 <= row < 2**31 and "\0" not in code:
            return row, code
    raise InvalidRequest(errors=[FieldError("cursor", "cursor", "not a cursor of this service")])


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


async def _refused_csv(connection: Any, import_id: UUID, request: Request) -> Response:
    """The refused rows as they were sent, in columns with our names, in a form that a spreadsheet leaves unchanged."""
    cipher = request.app.state.secrecy.cipher("refused rows")
    rows = [
        (row["row"], row["code"], *orjson.loads(cipher.open(row["content"], import_id.bytes)))
        for row in await list_refused_rows(connection, import_id)
    ]
    if not rows:
        raise NotFound("no refused rows are kept for this import")
    sheets = await list_sheets(connection, import_id)
    columns = [
        name
        for name in dict.fromkeys(name for _, _, values, notes in rows for name in (*values, *notes))
        if name not in OUR_COLUMNS
    ]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([*OUR_COLUMNS, *map(lasting_cell, columns)])
    for number, code, values, notes in rows:
        sheet, row = sheets.place(number)
        cells = {**notes, **values}
        writer.writerow(
            [lasting_cell(sheet or ""), row, code, *(lasting_cell(cells.get(name, "")) for name in columns)]
        )
    return Response("\ufeff" + out.getvalue(), media_type="text/csv; charset=utf-8")


def _report(report: RowReport, sheets: Sheets) -> RowAboutOthersResponse | RowResponse:
    sheet, row = sheets.place(report.row)
    message = sentence_of(report.code).en
    shown = {"row": row, "sheet": sheet, "column": report.field, "code": report.code, "message": message}
    if report.named:
        return RowAboutOthersResponse.model_validate(shown | {"listing_ids": report.named})
    return RowResponse.model_validate(shown)
