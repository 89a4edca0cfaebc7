"""The process that opens a roster: `python -m blacklist_service.rosters.reading_child FILE KIND MOST REFERENCE NAME NUMBER`.

As for a list file (`listings/files/xlsx_child.py`), a hostile file only hits the limits of this process, which knows no
secret. It writes messages, each as a length of four bytes and then JSON: `{"ready"}`; `{"header", "places"}`; slices of `[row
number, [texts], why it is not asked]`; at last `{"end", "passed_over"}`; or `{"refused"}`.
"""

import csv
import os
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import python_calamine

from blacklist_service.listings.files.encodings import errors_of, scan_text
from blacklist_service.listings.files.header import MOST_COLUMNS
from blacklist_service.listings.files.problems import UnreadableFile
from blacklist_service.listings.files.sheets import Worksheet
from blacklist_service.listings.files.xls_book import OLE
from blacklist_service.listings.files.xlsx_child import begin, open_sheets, send
from blacklist_service.rosters.problems import RosterRefused
from blacklist_service.rosters.rules import SLICE, RosterFault, RosterRowFault, Titles
from blacklist_service.subjects.identifiers import SubjectKind
from blacklist_service.subjects.rosters import (
    LOOK_FOR_HEADER_ROWS,
    Columns,
    RowRefused,
    Whose,
    find_columns,
    read_row,
    text_of,
    whose,
)

ZIP = b"PK\x03\x04"
FOREIGN = (b"%PDF", b"PK\x05\x06", b"\x1f\x8b", b"7z\xbc\xaf\x27\x1c", b"Rar!", b"{\\rtf", b"\x89PNG", b"\xff\xd8\xff")
DELIMITERS = (",", "\t", ";")
LONGEST_MESSAGE_CELLS = 1 << 20  # characters, after which a slice is sent before it has all its rows
LONGEST_CELL = 32_767
"""The maximum length of a workbook's cell; a longer one of a CSV file is shortened in the result."""

Record = tuple[int, list[Any]]
Other = {Whose.PERSONS: SubjectKind.ORGANISATION, Whose.ORGANISATIONS: SubjectKind.PERSON}


class _Table(NamedTuple):
    """Non-empty rows with their numbers in the file; `spoilt` names rows that cannot be trusted."""

    name: str
    records: Iterator[Record]
    sheet: Worksheet | None = None


def main(path: Path, kind: SubjectKind, most: int, titles: Titles) -> None:
    begin()
    try:
        for message in _messages(path, kind, most, titles):
            send(message)
    except RosterRefused as refusal:
        send({"refused": refusal.fault.value})
    except (UnreadableFile, python_calamine.CalamineError, csv.Error):
        send({"refused": RosterFault.UNREADABLE.value})
    except MemoryError:
        os.abort()


def _messages(path: Path, kind: SubjectKind, most: int, titles: Titles) -> Iterator[Any]:
    """Messages for the first table that has the columns; the others are named."""
    found = False
    passed_over: list[str] = []
    for table in _tables(path):
        first = list(islice(table.records, LOOK_FOR_HEADER_ROWS))
        head = None if found else _find_header(first, titles)
        if head is None:
            passed_over += [table.name] if first else []
            continue
        found = True
        at, header, columns = head
        if Other.get(whose(header, columns)) is kind:
            raise RosterRefused(RosterFault.OTHER_KIND)
        yield {"header": header, "places": [columns.reference, columns.name, columns.number]}
        spoilt = {} if table.sheet is None else _spoilt(table.sheet, columns)
        yield from _slices([*first[at + 1 :]], table.records, columns, kind, most, spoilt)
    if not found:
        raise RosterRefused(RosterFault.NO_COLUMNS)
    yield {"end": True, "passed_over": passed_over}


def _slices(
    first: list[Record],
    rest: Iterable[Record],
    columns: Columns,
    kind: SubjectKind,
    most: int,
    spoilt: dict[int, RosterRowFault],
) -> Iterator[list[Any]]:
    rows, size = 0, 0
    slice_: list[Any] = []
    for records in (first, rest):
        for number, cells in records:
            found = read_row(cells, columns, of_persons=kind is SubjectKind.PERSON)
            if found is None:
                continue
            refusal = spoilt.get(number) or (found.message if isinstance(found, RowRefused) else None)
            texts = [text_of(cell)[:LONGEST_CELL] for cell in cells]
            rows += 1
            if rows > most:
                raise RosterRefused(RosterFault.TOO_MANY_ROWS)
            slice_.append((number, texts, refusal))
            size += sum(map(len, texts))
            if len(slice_) == SLICE or size > LONGEST_MESSAGE_CELLS:
                yield slice_
                slice_, size = [], 0
    if slice_:
        yield slice_
    if not rows:
        raise RosterRefused(RosterFault.NO_ROWS)


def _find_header(first: list[Record], titles: Titles) -> tuple[int, list[str], Columns] | None:
    for place, (_, cells) in enumerate(first):
        header = [text_of(cell) for cell in cells]
        if len(header) > MOST_COLUMNS:
            raise RosterRefused(RosterFault.UNREADABLE)
        try:
            columns = find_columns(header, reference=titles.reference, name=titles.name, number=titles.number)
        except LookupError:
            raise RosterRefused(RosterFault.NO_SUCH_COLUMN) from None
        if columns is not None:
            return place, header, columns
    return None


def _spoilt(sheet: Worksheet, columns: Columns) -> dict[int, RosterRowFault]:
    """Rows whose relevant cells contain a formula without a value, an error, or are merged over several rows."""
    places = {columns.reference, columns.name} | ({columns.number} - {None})
    found = {
        number: RosterRowFault.NO_VALUE
        for marks in (sheet.errors, sheet.without_value)
        for number, marked in marks.items()
        if places & set(marked)
    }
    for (top, left), (bottom, right) in sheet.merged:
        if bottom > top and any(left <= place <= right for place in places if place is not None):
            found |= dict.fromkeys(range(top + 1, bottom + 2), RosterRowFault.MERGED)
    return found


def _tables(path: Path) -> Iterator[_Table]:
    """The visible worksheets of a workbook."""
    with path.open("rb") as file:
        start = file.read(16)
    if not start or start.startswith(FOREIGN):
        raise RosterRefused(RosterFault.UNREADABLE)
    if start.startswith((ZIP, OLE)):
        sheets, _ = open_sheets(path)
        for sheet in sheets:
            if sheet.is_hidden:
                continue
            yield _Table(sheet.name, sheet.records(), sheet)
    else:
        yield from _read_text(path)


def _read_text(path: Path) -> Iterator[_Table]:
    encoding = scan_text(path).encoding
    with path.open(encoding=encoding, errors=errors_of(encoding), newline="") as text:
        start = text.read(1 << 16)
        first = start.splitlines()[:LOOK_FOR_HEADER_ROWS]
        delimiter = max(DELIMITERS, key=lambda one: max((line.count(one) for line in first), default=0))
        text.seek(0)
        records = ((number, list(cells)) for number, cells in enumerate(csv.reader(text, delimiter=delimiter), 1))
        yield _Table("", ((number, cells) for number, cells in records if any(cells)))


if __name__ == "__main__":
    given = [one or None for one in sys.argv[4:7]]
    main(Path(sys.argv[1]), SubjectKind(sys.argv[2]), int(sys.argv[3]), Titles(*given))
