"""The result of a roster: its columns, the result of each row, and a sheet of totals; written while it is read, row by row.

No cell is ever a formula: text that begins like one stays text.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from xlsxwriter import Workbook

from blacklist_service.database.connections import Connection
from blacklist_service.ledger.queries import database_clock
from blacklist_service.leftovers import passing_folder
from blacklist_service.measures.queries import get_catalogue, get_measures_version
from blacklist_service.rosters.keeping import Private, keep_file, open_value
from blacklist_service.rosters.rules import RosterLine
from blacklist_service.secrecy import Secrecy
from blacklist_service.subjects.roster_results import ADDED, WIDTHS, totals

USUAL_WIDTH = 18
SLICE = "SELECT content, results FROM roster_slices WHERE roster_id = $1 AND slice = $2"
DONE = """
UPDATE rosters SET state = 'done', finished_at = clock_timestamp(), result_bytes = $2, problem = NULL WHERE id = $1
"""


async def write_result(connection: Connection, roster: asyncpg.Record, *, secrecy: Secrecy) -> None:
    """Write the result and store it sealed; the upload is deleted."""
    roster_id: UUID = roster["id"]
    private = Private.open(roster["private"], roster_id, secrecy)
    with passing_folder("roster") as folder:
        path = folder / "result.xlsx"
        book = _Book(path, private.header)
        async for line, result in _rows(connection, roster_id, roster["slices"], secrecy):
            book.write(line.cells, result)
        await asyncio.to_thread(book.close, await _lines(connection, roster, private))
        async with connection.transaction():
            if await connection.fetchval("SELECT 1 FROM rosters WHERE id = $1 FOR UPDATE", roster_id) is None:
                return  # it was deleted meanwhile
            await connection.execute("DELETE FROM roster_parts WHERE roster_id = $1", roster_id)
            await connection.execute("DELETE FROM roster_slices WHERE roster_id = $1", roster_id)
            size = await keep_file(connection, roster_id, path, secrecy=secrecy)
            await connection.execute(DONE, roster_id, size)


async def _rows(
    connection: Connection, roster_id: UUID, slices: int, secrecy: Secrecy
) -> AsyncIterator[tuple[RosterLine, Sequence[Any]]]:
    for number in range(slices):
        row = await connection.fetchrow(SLICE, roster_id, number)
        if row is None:
            return  # it was deleted meanwhile
        lines = open_value(row["content"], roster_id, "slice", number, secrecy)
        results = open_value(row["results"], roster_id, "results", number, secrecy)
        for line, result in zip(lines, results, strict=True):
            yield RosterLine(*line), result


async def _lines(connection: Connection, roster: asyncpg.Record, private: Private) -> list[tuple[str, str | int]]:
    catalogue = await get_catalogue(connection, await get_measures_version(connection))
    matter = catalogue.by_code.get(roster["matter"])
    first, last = roster["first_version"], roster["last_version"]
    lines = totals(
        roster["counts"],
        source=private.file_name,
        sha256=roster["file_sha256"].hex(),
        matter=roster["matter"] if matter is None else matter.name,
        began_at=roster["began_at"],
        ended_at=await database_clock(connection),
        versions=None if first is None else (first, last),
    )
    if private.passed_over:
        lines.append(("未核查的工作表", "、".join(private.passed_over)))
    return lines


class _Book:
    """A workbook that is written row by row, without keeping rows in memory."""

    def __init__(self, path: Path, header: Sequence[str]) -> None:
        plain = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        self._book = Workbook(str(path), plain | {"tmpdir": str(path.parent)})
        self._bold = self._book.add_format({"bold": True})
        self._sheet = self._book.add_worksheet("结果")
        self._width = len(header)
        self._row = 0
        self._sheet.freeze_panes(1, 0)
        for column, title in enumerate((*header, *ADDED)):
            self._sheet.set_column(column, column, WIDTHS.get(title, USUAL_WIDTH))
            self._sheet.write_string(0, column, title, self._bold)

    def write(self, cells: Sequence[str], result: Sequence[Any]) -> None:
        self._row += 1
        for column, text in enumerate(cells[: self._width]):
            if text:
                self._sheet.write_string(self._row, column, text)
        for column, value in enumerate(result, self._width):
            if type(value) is int:
                self._sheet.write_number(self._row, column, value)
            elif value:
                self._sheet.write_string(self._row, column, value)

    def close(self, lines: Sequence[tuple[str, str | int]]) -> None:
        self._sheet.autofilter(0, 0, self._row, self._width + len(ADDED) - 1)
        sheet = self._book.add_worksheet("合计")
        sheet.set_column(0, 0, 16)
        sheet.set_column(1, 1, 70)
        for row, (title, value) in enumerate(lines):
            sheet.write_string(row, 0, title, self._bold)
            write = sheet.write_number if isinstance(value, int) else sheet.write_string
            write(row, 1, value)
        self._book.close()
