"""Hands in a roster at the console as a browser does, runs the worker's part at once, and reads the result."""

import io
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import openpyxl
from xlsxwriter import Workbook

from blacklist_service.checks.answers import ListAges
from blacklist_service.database.connections import Connection, connect
from blacklist_service.database.lanes import SETTINGS
from blacklist_service.rosters.tasks import Screener
from tests.console.desk import ORIGIN, SAME_ORIGIN, Desk
from tests.support import Service

MATTER = "civil_service_recruitment"
HEADER = ("报名序号", "姓名", "身份证号", "报考单位")
USUAL = {"matter": MATTER, "kind": "person", "role": "applicant", "type": "resident_id"}


def workbook(*rows: Sequence[Any], header: Sequence[str] = HEADER, extra: Sequence[str] = ()) -> bytes:
    """A workbook; a cell that begins with = is text, as a clerk's paste leaves it."""
    held = io.BytesIO()
    book = Workbook(held, {"strings_to_formulas": False, "in_memory": True})
    sheet = book.add_worksheet("报名")
    for number, cells in enumerate((header, *rows)):
        sheet.write_row(number, 0, cells)
    for name in extra:
        book.add_worksheet(name).write_row(0, 0, ("没有", "表头"))
    book.close()
    return held.getvalue()


async def hand_in(desk: Desk, content: bytes, *, called: str = "名册.xlsx", **fields: str) -> httpx.Response:
    """The form of the page, with the script's own Accept; its answer says where to go on, or what is wrong."""
    await desk.open("/console/rosters")
    hidden = {
        name: found
        for name in ("token", "once")
        for found in re.findall(f'name="{name}" value="([^"]+)"', desk.page.text)
    }
    return await send(desk, content, called, hidden | USUAL | fields)


async def send(desk: Desk, content: bytes, name: str, fields: dict[str, str]) -> httpx.Response:
    headers = SAME_ORIGIN | {"Cookie": f"__Host-console={desk.cookie}", "Accept": "application/json"}
    request = desk.service.client.build_request(
        "POST", f"{ORIGIN}/console/rosters", data=fields, files={"file": (name, content)}, headers=headers
    )
    body = await request.aread()
    return await desk.service.client.request(
        "POST",
        f"{ORIGIN}/console/rosters",
        content=body,
        headers=headers | {"Content-Type": request.headers["content-type"], "Content-Length": str(len(body))},
    )


async def handed(desk: Desk, content: bytes, **fields: str) -> str:
    """The id of a roster that was taken."""
    answer = await hand_in(desk, content, **fields)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["to"].rsplit("/", 1)[1])


def screener(service: Service, *, most_rows: int = 200_000, numbers_per_name: int = 1000) -> Screener:
    return Screener(service.workplace.secrecy, ages=ListAges(), numbers_per_name=numbers_per_name, most_rows=most_rows)


@asynccontextmanager
async def working(service: Service) -> AsyncIterator[Connection]:
    """A connection as the worker has it."""
    connection = await connect(service.workplace.dsn, **SETTINGS)
    try:
        yield connection
    finally:
        await connection.close()


async def work(service: Service, **options: Any) -> None:
    """Until there is nothing left to do."""
    async with working(service) as connection:
        worker = screener(service, **options)
        await worker.rehearse(connection)
        while await worker.do_some(connection):
            pass


async def state_of(service: Service, roster_id: str) -> Any:
    [row] = await service.fetch("SELECT * FROM rosters WHERE id = $1::text::uuid", roster_id)
    return row


async def result_of(desk: Desk, roster_id: str) -> tuple[list[list[Any]], dict[str, Any]]:
    """The rows of the result, the header first, and its sheet of totals."""
    answer = await desk.open(f"/console/rosters/{roster_id}/result.xlsx")
    assert answer.status_code == 200, answer.status_code
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    rows = [list(cells) for cells in book["结果"].iter_rows(values_only=True)]
    assert all(cell.data_type != "f" for cells in book["结果"].iter_rows() for cell in cells), "no cell is a formula"
    return rows, {str(title): value for title, value in book["合计"].iter_rows(values_only=True)}


async def checks_of(service: Service, roster_id: str) -> list[Any]:
    """The checks of a roster that are on record."""
    return await service.fetch(
        "SELECT id, reference, operator, key_id, agency FROM ledger_entries WHERE action = 'check'"
        " AND convert_from(leaf, 'UTF8')::jsonb->'facts'->>'screening' = $1 ORDER BY at, reference",
        roster_id,
    )
