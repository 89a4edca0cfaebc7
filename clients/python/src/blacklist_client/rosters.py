"""Reads a whole roster from an office's own file: the rows to be checked.

The columns and the content of rows are determined by the service's own rules (`subjects/rosters.py`).
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from blacklist_client.models import IdentifierRequest, IdentifierType, SubjectKind, SubjectRequest, SubjectRole
from blacklist_client.questions import Question
from blacklist_client.subjects.rosters import (
    LOOK_FOR_HEADER_ROWS,
    NAMES,
    REFERENCES,
    Columns,
    RowRefused,
    Whose,
    find_columns,
    read_row,
    text_of,
    whose,
)


class RosterError(ValueError):
    """The file cannot be screened as it is; the message says why."""


@dataclass(frozen=True, slots=True)
class Roster:
    header: tuple[str, ...]
    columns: Columns
    rows: Sequence[Sequence[Any]] = field(repr=False)
    first_row: int
    """The number, in the file, of the first of the rows."""
    is_of_organisations: bool
    sheets_passed_over: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asking:
    """What is the same for every row."""

    matter: str
    role: SubjectRole
    kind: SubjectKind
    identifier_type: IdentifierType
    operator: str | None = None
    watch_until: date | None = None


def read_roster(file: Path, *, reference: str | None, name: str | None, number: str | None) -> Roster:
    """Read a CSV or a workbook, with the given columns or those with usual headers; raise `RosterError`."""
    sheets = _read_csv(file) if file.suffix.lower() in {".csv", ".txt"} else _read_workbook(file)
    for place, (_, rows) in enumerate(sheets):
        for at, cells in enumerate(rows[:LOOK_FOR_HEADER_ROWS]):
            header = [text_of(cell) for cell in cells]
            try:
                columns = find_columns(header, reference=reference, name=name, number=number)
            except LookupError as error:
                raise RosterError(error.args[0]) from None
            if columns is not None:
                others = tuple(other for seat, (other, held) in enumerate(sheets) if seat != place and held)
                is_of_organisations = whose(header, columns) is Whose.ORGANISATIONS
                return Roster(tuple(header), columns, rows[at + 1 :], at + 2, is_of_organisations, others)
    asked = [given or f"({usual[0]} …)" for given, usual in ((reference, REFERENCES), (name, NAMES))]
    raise RosterError(f"no row of the first {LOOK_FOR_HEADER_ROWS} has the columns {' and '.join(asked)}")


def question_of(roster: Roster, cells: Sequence[Any], asking: Asking) -> Question | RowRefused | None:
    """The question of a row; None for an empty one."""
    row = read_row(cells, roster.columns, of_persons=asking.kind is SubjectKind.PERSON)
    if row is None or isinstance(row, RowRefused):
        return row
    identifier = IdentifierRequest(type=asking.identifier_type, number=row.number) if row.number else None
    subject = SubjectRequest(role=asking.role, kind=asking.kind, name=row.name, identifier=identifier)
    return Question(
        matter=asking.matter,
        reference=row.reference,
        subjects=(subject,),
        operator=asking.operator,
        watch_until=asking.watch_until,
    )


Sheets = list[tuple[str, list[list[Any]]]]


def _read_csv(file: Path) -> Sheets:
    content = file.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return [(file.name, list(csv.reader(io.StringIO(text, newline=""))))]
    raise RosterError("the file is neither UTF-8 nor GB18030 text; save it as CSV in UTF-8")


def _read_workbook(file: Path) -> Sheets:
    try:
        from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415 - of the extra `cli`
    except ImportError:
        raise RosterError("workbooks need more than CSV files do: install blacklist-client[cli]") from None
    try:
        book = CalamineWorkbook.from_path(str(file))
        return [
            (name, [list(row) for row in book.get_sheet_by_name(name).to_python(skip_empty_area=False)])
            for name in book.sheet_names
        ]
    except (CalamineError, OSError) as error:
        raise RosterError(f"this is no workbook that can be read: {type(error).__name__}") from None


def described(roster: Roster) -> Mapping[str, str]:
    """Which column is used for what, for display."""
    at = roster.columns
    return {
        "reference": roster.header[at.reference],
        "name": roster.header[at.name],
        "number": "" if at.number is None else roster.header[at.number],
    }


def numbered(roster: Roster) -> Iterator[tuple[int, Sequence[Any]]]:
    """Each row with its number in the file."""
    return enumerate(roster.rows, roster.first_row)
