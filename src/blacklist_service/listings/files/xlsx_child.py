"""The process that opens a workbook: `python -m blacklist_service.listings.files.xlsx_child FILE`.

calamine holds a whole sheet in memory, so a hostile sheet is contained by limits from outside: it kills this process, and the
parent reports that. The process writes messages to its standard output, each as a length of four bytes and then JSON:
`{"ready"}` once its limits are set; for each sheet with a header `{"sheet", "header", …}`, then arrays of `[row number,
[cells], whether the row is hidden, {column: fault}]`; at last `{"end", "unread"}`; or `{"refused"}`.
"""

import os
import resource
import sys
import zipfile
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import python_calamine
from python_calamine import CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from blacklist_service.listings.files.header import (
    EXPECTED,
    MOST_COLUMNS,
    ROWS_BEFORE_HEADER,
    read_header,
    score_header,
)
from blacklist_service.listings.files.problems import UnreadableFile
from blacklist_service.listings.files.rows import DATES
from blacklist_service.listings.files.sheet_marks import Marks, find_marks
from blacklist_service.listings.files.sheets import Record, SheetReader, Worksheet, cell_text
from blacklist_service.listings.files.workbook_limits import check_workbook
from blacklist_service.listings.files.workbook_parts import USUAL_MAIN, Parts, find_parts, under_usual_names
from blacklist_service.listings.files.xls_book import OLE, open_xls

ADDRESS_SPACE = 2 << 30  # bytes; 300,000 rows of 24 cells take 0.7 GiB, and larger lists are better sent as CSV
CPU_SECONDS = 120  # ten times what the largest sheet that fits has taken
WORDS_OF_A_HEADER = 2
ROWS_IN_MESSAGE = 200
LONGEST_MESSAGE_CELLS = 1 << 20  # characters, after which a message is sent before it has all its rows


def main(path: Path) -> None:
    begin()
    try:
        for message in _messages(path):
            send(message)
    except UnreadableFile as refusal:
        send({"refused": refusal.detail})
    except python_calamine.CalamineError:
        send({"refused": "The workbook is damaged."})
    except MemoryError:
        os.abort()  # the library does the same when its own allocation fails


def begin() -> None:
    """Set the limits, then report it."""
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_CPU, CPU_SECONDS)
    _limit(resource.RLIMIT_AS, ADDRESS_SPACE)
    send({"ready": True})


def _limit(kind: int, most: int) -> None:
    """Set the soft limit, whose signal says which limit it was; a limit set from outside is not raised."""
    soft, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (most if soft == resource.RLIM_INFINITY else min(most, soft), hard))


def _messages(path: Path) -> Iterator[Any]:
    sheets, count = open_sheets(path)
    unread: list[tuple[str, str]] = []
    found = 0
    for place, sheet in enumerate(sheets):
        header_at, header = _find_header(sheet, is_only=count == 1)
        if header is not None:
            found += 1
            yield from _sheet_messages(sheet, header_at, header, place / count, 1 / count)
        elif header_at:
            unread.append((sheet.name, "no-header"))
    if not found:
        raise UnreadableFile(f"No sheet of the workbook has the header of a list: {EXPECTED}.")
    yield {"end": True, "unread": unread}


def _sheet_messages(
    sheet: Worksheet, header_at: int, header: list[str], begins_at: float, share: float
) -> Iterator[Any]:
    """`begins_at` and `share` give the sheet's part of the whole file, from 0 to 1."""
    yield {"sheet": sheet.name, "header": header, "from": begins_at, "share": share, "rows": max(sheet.height, 1)}
    meanings = read_header(header)
    dates = frozenset(place for place, field in (*meanings.fields, *meanings.second_choices) if field in DATES)
    batch: list[Any] = []
    size = 0
    for number, texts, faults in SheetReader(sheet, header_at, dates).records():
        is_hidden = sheet.is_hidden or number in sheet.hidden_rows
        batch.append((number, texts, is_hidden, {str(place): fault for place, fault in faults.items()}))
        size += sum(map(len, texts))
        if len(batch) >= ROWS_IN_MESSAGE or size > LONGEST_MESSAGE_CELLS:
            yield batch
            batch, size = [], 0
    yield batch


def _find_header(sheet: Worksheet, *, is_only: bool) -> tuple[int, list[str] | None]:
    """The position and content of the header; a row without a header if none of the first rows is one.

    If there are other sheets, one known word is not enough: instructions for filling in a list contain its words, too.
    """
    if sheet.width > MOST_COLUMNS:
        raise UnreadableFile(f"The sheet has more than {MOST_COLUMNS} columns.")
    first = [
        (number, [cell_text(cell) for cell in cells]) for number, cells in islice(sheet.records(), ROWS_BEFORE_HEADER)
    ]
    if not first:
        return 0, None
    at, header = max(first, key=lambda record: score_header(record[1]))
    return (at, header if score_header(header) >= (1 if is_only else WORDS_OF_A_HEADER) else None)


def open_sheets(path: Path) -> tuple[Iterator[Worksheet], int]:
    """A workbook's worksheets, in order, and how many there are; raise `UnreadableFile` for a hostile one."""
    with path.open("rb") as file:
        if file.read(len(OLE)) == OLE:
            return open_xls(path)
    marked = check_workbook(path)
    with zipfile.ZipFile(path) as archive:
        parts = find_parts(archive)
        book = path.open("rb") if parts.main == USUAL_MAIN else under_usual_names(archive, parts)
    workbook = CalamineWorkbook.from_filelike(book)
    names = [one.name for one in workbook.sheets_metadata if one.typ is SheetTypeEnum.WorkSheet]
    hidden = {one.name for one in workbook.sheets_metadata if one.visible is not SheetVisibleEnum.Visible}
    return _worksheets(path, workbook, names, hidden, parts, marked), len(names)


def _worksheets(
    path: Path,
    workbook: CalamineWorkbook,
    names: Sequence[str],
    hidden: Collection[str],
    parts: Parts,
    marked: Collection[str],
) -> Iterator[Worksheet]:
    for name in names:
        sheet = workbook.get_sheet_by_name(name)
        part = parts.sheets.get(name)
        marks = Marks()
        if part is not None and part in marked:
            with zipfile.ZipFile(path) as archive, archive.open(part) as content:
                marks = find_marks(content)
        yield Worksheet(
            name=name,
            is_hidden=name in hidden,
            is_1904=parts.is_1904,
            height=sheet.total_height,
            width=sheet.end[1] + 1 if sheet.end else 0,
            records=partial(_records, sheet),
            merged=sheet.merged_cell_ranges or (),
            hidden_rows=marks.hidden_rows,
            errors=marks.errors,
            without_value=marks.without_value,
        )


def _records(sheet: CalamineSheet) -> Iterator[Record]:
    """The non-empty rows, with the sheet's own numbers; columns count from A."""
    if sheet.start is None:
        return
    before = [""] * sheet.start[1]
    for number, row in enumerate(sheet.iter_rows(), 1):  # it includes empty rows above the first, not empty columns
        if row.count("") != len(row):
            yield number, before + row


def send(message: Any) -> None:
    body = orjson.dumps(message)
    sys.stdout.buffer.write(len(body).to_bytes(4, "big") + body)
    sys.stdout.buffer.flush()  # what was sent is not lost with the process


if __name__ == "__main__":
    main(Path(sys.argv[1]))
