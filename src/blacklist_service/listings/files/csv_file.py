"""CSV as RFC 4180 defines it, also with semicolons or tabs.

The module `csv` is used in strict mode: an unterminated quote, or text after a quoted cell, would swallow rows silently.
"""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import TypeVar

from blacklist_service.listings.files.base import Column, ListFile
from blacklist_service.listings.files.encodings import errors_of, scan_text
from blacklist_service.listings.files.header import EXPECTED, ROWS_BEFORE_HEADER, Header, find_header, score_header
from blacklist_service.listings.files.problems import UnreadableFile
from blacklist_service.listings.files.records import RecordReader
from blacklist_service.listings.files.rows import RawRow

DELIMITERS = ",;\t"
HEADER_WITHIN = 1 << 16  # characters; a header of 500 columns has half as many
LONGEST_RECORD = 1 << 20  # characters, over all lines of a record's quoted cells: the memory that one row may take
# The limit for a cell is csv's own, 128 KiB. It is process-wide, so it is not changed; LONGEST_RECORD applies in addition.
BUFFER = 1 << 18
ROWS_BETWEEN_MEASURES = 1024  # how often progress is reported to people

_Name = TypeVar("_Name", bound=str)
_Pick = Callable[[Sequence[str]], tuple[str, ...]]


class CsvFile(ListFile):
    format = "csv"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = max(path.stat().st_size, 1)
        self._position = 0
        scan = scan_text(path)
        self.encoding, self._has_controls = scan.encoding, scan.has_controls
        self._delimiter, self._header_at, self._header = self._find_header()
        self._doubtful: dict[str, None] = {}

    @property
    def unknown_columns(self) -> tuple[str, ...]:
        return self._header.unknown

    @property
    def doubtful_columns(self) -> tuple[Column, ...]:
        return tuple(map(Column, self._doubtful))

    @property
    def gaps(self) -> tuple[Column, ...]:
        return tuple(Column(field.value) for field in self._header.gaps)

    @property
    def fraction(self) -> float:
        return min(self._position / self._size, 1.0)

    def rows(self) -> Iterator[RawRow]:
        with self._path.open("rb", buffering=0) as raw, _as_text(raw, self.encoding) as text:
            needs_care = self._has_controls or self._header.people_at is not None or not self._header.is_plain
            lines = _Lines(text, self._delimiter, is_suspect=needs_care)
            rows = self._read(lines, raw)
            try:
                yield from self._watched(rows)
            except csv.Error as error:
                raise UnreadableFile(_explain(str(error), lines.record_begins_at)) from None
        self._position = self._size

    def _watched(self, rows: Iterator[RawRow]) -> Iterator[RawRow]:
        for row in rows:
            if row.notes:
                self._doubtful |= dict.fromkeys(self._header.doubts(row.notes))
            yield row

    def _read(self, lines: "_Lines", raw: io.FileIO) -> Iterator[RawRow]:
        """Use the fast path for a record on one line with nothing to tidy, which is nearly every one."""
        header, read_with_care = self._header, RecordReader(self._header).read
        width, header_at = header.width, self._header_at
        fields, pick = _columns(header.fields)
        names, pick_notes = _columns(header.notes)
        row: RawRow | None
        for number, cells in enumerate(csv.reader(lines, delimiter=self._delimiter, strict=True), 1):
            if number <= header_at:
                row = None
            elif lines.needs_care or len(cells) != width:
                row = read_with_care(number, cells)
            else:
                values = {field: cell for field, cell in zip(fields, pick(cells)) if cell}  # noqa: B905 - a fifth slower
                notes = {name: cell for name, cell in zip(names, pick_notes(cells)) if cell} if names else {}  # noqa: B905
                row = RawRow(number, values, notes) if values or notes else None
            if number % ROWS_BETWEEN_MEASURES == 0:
                self._position = raw.tell()
            lines.end_record()
            if row is not None:
                yield row

    def _find_header(self) -> tuple[str, int, Header]:
        with self._path.open("rb", buffering=0) as raw, _as_text(raw, self.encoding) as text:
            start = text.read(HEADER_WITHIN)
        if not start.strip():
            raise UnreadableFile("The file is empty.")
        tables = {delimiter: _first_records(start, delimiter) for delimiter in DELIMITERS}
        delimiter = max(tables, key=lambda each: max((score_header(cells) for _, cells in tables[each]), default=0))
        found = find_header(tables[delimiter])
        if found is None:
            raise UnreadableFile(f"The file has no header of a list: {EXPECTED}.")
        return delimiter, *found


class _Lines:
    """Gives `csv` its lines, and remembers where the current record began and whether a cell may need tidying."""

    def __init__(self, text: io.TextIOWrapper, delimiter: str, *, is_suspect: bool) -> None:
        self._text = text
        self._is_suspect = is_suspect
        self._tab = '"' if delimiter == "\t" else "\t"  # in a tab-separated table, a tab within a cell is quoted
        self._line = 0
        self._size = 0
        self.record_begins_at = 1
        self.needs_care = False

    def __iter__(self) -> Iterator[str]:
        tab, is_suspect = self._tab, self._is_suspect
        for line in self._text:
            self._line += 1
            self.needs_care = (
                is_suspect
                or self._size > 0
                or " " in line
                or "'" in line
                or "=" in line
                or "#" in line
                or tab in line
                or "\u3000" in line
                or "\u00a0" in line
            )
            self._size += len(line)
            if self._size > LONGEST_RECORD:
                raise UnreadableFile(_explain("unexpected end of data", self.record_begins_at))
            yield line

    def end_record(self) -> None:
        self._size = 0
        self.record_begins_at = self._line + 1


def _as_text(raw: io.FileIO, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BufferedReader(raw, BUFFER), encoding=encoding, errors=errors_of(encoding), newline="")


def _first_records(start: str, delimiter: str) -> list[tuple[int, list[str]]]:
    records: list[tuple[int, list[str]]] = []
    try:
        reader = csv.reader(io.StringIO(start, newline=""), delimiter=delimiter, strict=True)
        for number, cells in enumerate(islice(reader, ROWS_BEFORE_HEADER), 1):
            records.append((number, cells))
    except csv.Error:
        pass  # the rows before it are kept; reading the rows reports where and why it fails
    return records


def _columns(columns: Sequence[tuple[int, _Name]]) -> tuple[list[_Name], _Pick]:
    """Split the columns into their names, and a function that takes their cells from a record in one step."""
    places = [place for place, _ in columns]
    if places == list(range(len(places))):
        return [name for _, name in columns], tuple
    if len(places) == 1:
        return [name for _, name in columns], lambda cells: (cells[places[0]],)
    return [name for _, name in columns], itemgetter(*places)


def _explain(error: str, line: int) -> str:
    record = f"The record that begins in line {line}"
    if "end of data" in error or "field limit" in error:
        return f"{record} is too long or does not end; a quote may not be closed."
    if "expected after" in error:
        return f"{record} has text after a closing quote; a quote within a cell must be doubled."
    return f"{record} is no CSV."
