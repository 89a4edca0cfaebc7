"""The process that opens a workbook: `python -m blacklist_service.listings.files.xlsx_child FILE`.

calamine holds a whole sheet in memory, so that a hostile one is a matter of limits set from outside: this process dies
of it, and its parent says so. It writes messages to its standard output, each four bytes of length and then JSON:
`{"ready"}` under its limits, `{"rows", "header_at", "header"}`, then arrays of `[row number, [cells]]`, at last
`{"end"}`; or `{"refused"}`.
"""

import os
import resource
import sys
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import python_calamine
from python_calamine import CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from blacklist_service.listings.files.cells import number_text
from blacklist_service.listings.files.header import EXPECTED, MOST_COLUMNS, ROWS_BEFORE_HEADER, score_header
from blacklist_service.listings.files.problems import UnreadableFile
from blacklist_service.listings.files.workbook_limits import check_workbook

ADDRESS_SPACE = 2 << 30  # bytes; 300,000 rows of 24 cells take 0.7 GiB, and larger lists are better sent as CSV
CPU_SECONDS = 120  # ten times what the largest sheet that fits has taken
MOST_SHEETS = 50  # each is loaded whole until one has a header
ROWS_IN_MESSAGE = 200
LONGEST_MESSAGE_CELLS = 1 << 20  # characters, after which a message is sent before it has its rows

Record = tuple[int, list[str]]


def main(path: Path) -> None:
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_CPU, CPU_SECONDS)
    _limit(resource.RLIMIT_AS, ADDRESS_SPACE)
    _send({"ready": True})
    try:
        check_workbook(path)
        for message in _messages(path):
            _send(message)
    except UnreadableFile as refusal:
        _send({"refused": refusal.detail})
    except python_calamine.CalamineError:
        _send({"refused": "The workbook is damaged."})
    except MemoryError:
        os.abort()  # as the library does where it is the one that asks for memory


def _limit(kind: int, most: int) -> None:
    """Set what is reached first, for only its signal says which limit it was; one set from outside is not raised."""
    soft, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (most if soft == resource.RLIM_INFINITY else min(most, soft), hard))


def _messages(path: Path) -> Iterator[Any]:
    with path.open("rb") as file:
        sheet, (header_at, header) = _find_sheet(CalamineWorkbook.from_filelike(file))
    yield {"rows": sheet.total_height, "header_at": header_at, "header": header}
    batch: list[Record] = []
    size = 0
    for number, cells in _records(sheet):
        if number <= header_at:
            continue
        batch.append((number, cells))
        size += sum(map(len, cells))
        if len(batch) >= ROWS_IN_MESSAGE or size > LONGEST_MESSAGE_CELLS:
            yield batch
            batch, size = [], 0
    yield batch
    yield {"end": True}


def _find_sheet(workbook: CalamineWorkbook) -> tuple[CalamineSheet, Record]:
    """Find the first sheet with a header; what is hidden is not what the sender saw."""
    for metadata in workbook.sheets_metadata[:MOST_SHEETS]:
        if metadata.typ is not SheetTypeEnum.WorkSheet or metadata.visible is not SheetVisibleEnum.Visible:
            continue
        sheet = workbook.get_sheet_by_name(metadata.name)
        first = list(islice(_records(sheet), ROWS_BEFORE_HEADER))
        header = max(first, key=lambda record: score_header(record[1]), default=None)
        if header is not None and score_header(header[1]):
            return sheet, header
    raise UnreadableFile(f"No sheet of the workbook has the header of a list: {EXPECTED}.")


def _records(sheet: CalamineSheet) -> Iterator[Record]:
    """Give the rows with something in them, under the sheet's own numbers; columns count from A."""
    if sheet.start is None or sheet.end is None:
        return
    if sheet.end[1] >= MOST_COLUMNS:
        raise UnreadableFile(f"The sheet has more than {MOST_COLUMNS} columns.")
    before = [""] * sheet.start[1]
    for number, row in enumerate(sheet.iter_rows(), 1):  # it gives the empty rows above the first, not the columns
        cells = _texts(row)
        if any(cells):
            yield number, before + cells


def _texts(row: Iterable[Any]) -> list[str]:
    return [cell if type(cell) is str else _text(cell) for cell in row]


def _text(cell: float | bool | datetime | date | time | timedelta) -> str:
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, (int, float)):
        return number_text(float(cell))
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date().isoformat()
    return str(cell)


def _send(message: Any) -> None:
    body = orjson.dumps(message)
    sys.stdout.buffer.write(len(body).to_bytes(4, "big") + body)
    sys.stdout.buffer.flush()  # what was sent is not lost with the process


if __name__ == "__main__":
    main(Path(sys.argv[1]))
