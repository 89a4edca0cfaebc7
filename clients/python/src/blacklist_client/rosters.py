"""A roster: the rows of a workbook or a CSV file that are to be asked about, and the columns they are read from.

Nothing is guessed of a value. A number that a spreadsheet has rounded is refused in its row: it is nobody's any more.
"""

import csv
import io
import operator
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from blacklist_client.models import IdentifierRequest, IdentifierType, SubjectKind, SubjectRequest, SubjectRole
from blacklist_client.questions import Question

LARGEST_EXACT = 1 << 53
"""A spreadsheet keeps numbers as floating point: a larger one has lost its last digits."""
ROUNDED = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?[Ee][+-]?[0-9]+|[1-9][0-9]{14}000")
LOOK_FOR_HEADER_ROWS = 20
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)

CREDIT_CODE_SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"

NAMES = (
    "姓名",
    "考生姓名",
    "学生姓名",
    "申请人",
    "申请人姓名",
    "被核查人",
    "人员姓名",
    "名称",
    "单位名称",
    "企业名称",
    "公司名称",
    "投标人",
    "name",
)
NUMBERS = (
    *(
        "身份证号",
        "身份证号码",
        "公民身份号码",
        "居民身份证号码",
        "身份证",
        "证件号",
        "证件号码",
        "统一社会信用代码",
        "信用代码",
    ),
    *("社会信用代码", "id_number", "number"),
)
REFERENCES = (
    *(
        "报名序号",
        "报名号",
        "准考证号",
        "申请编号",
        "受理编号",
        "受理号",
        "办件编号",
        "业务编号",
        "项目编号",
        "编号",
        "序号",
    ),
    *("reference", "id"),
)
ORGANISATIONS = frozenset({"统一社会信用代码", "信用代码", "社会信用代码", "单位名称", "企业名称", "公司名称"})


class RosterError(ValueError):
    """The file cannot be asked about as it is; the message says why."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column says what, by its place."""

    reference: int
    name: int
    number: int | None


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


@dataclass(frozen=True, slots=True)
class RowRefused:
    """A row that is not asked: why, without its values."""

    code: str
    message: str


def read_roster(file: Path, *, reference: str | None, name: str | None, number: str | None) -> Roster:
    """Read a CSV or a workbook. The columns are those given, else those that are usually called so; raise `RosterError`."""
    wanted = {"reference": (reference, REFERENCES), "name": (name, NAMES), "number": (number, NUMBERS)}
    sheets = _read_csv(file) if file.suffix.lower() in {".csv", ".txt"} else _read_workbook(file)
    for place, (title, rows) in enumerate(sheets):
        for at, cells in enumerate(rows[:LOOK_FOR_HEADER_ROWS]):
            header = [text_of(cell) for cell in cells]
            found = {part: _find(header, *names) for part, names in wanted.items()}
            if found["reference"] is not None and found["name"] is not None:
                if number is not None and found["number"] is None:
                    raise RosterError(f"there is no column {number!r}")
                others = tuple(other for seat, (other, held) in enumerate(sheets) if seat != place and held)
                columns = Columns(found["reference"], found["name"], found["number"])
                return Roster(
                    tuple(header), columns, rows[at + 1 :], at + 2, _is_of_organisations(header, columns), others
                )
        _ = title
    asked = [given or f"({usual[0]} …)" for given, usual in (wanted["reference"], wanted["name"])]
    raise RosterError(f"no row of the first {LOOK_FOR_HEADER_ROWS} has the columns {' and '.join(asked)}")


def question_of(roster: Roster, cells: Sequence[Any], asking: Asking) -> Question | RowRefused | None:
    """What a row asks; None for an empty one."""
    if not any(text_of(cell) for cell in cells):
        return None
    at = roster.columns
    reference, name = _cell(cells, at.reference), _cell(cells, at.name)
    number = "" if at.number is None else _cell(cells, at.number)
    if not reference:
        return RowRefused("reference-missing", "报名序号（编号）为空")
    if not name:
        return RowRefused("name-missing", "姓名（名称）为空")
    if at.number is not None and is_rounded(cells[at.number] if at.number < len(cells) else None, asking.kind):
        return RowRefused("identifier-damaged", "证件号码已被电子表格改写（科学计数或末尾变零），请按文本格式重新填写")
    identifier = IdentifierRequest(type=asking.identifier_type, number=number) if number else None
    subject = SubjectRequest(role=asking.role, kind=asking.kind, name=name, identifier=identifier)
    return Question(
        matter=asking.matter,
        reference=reference,
        subjects=(subject,),
        operator=asking.operator,
        watch_until=asking.watch_until,
    )


def is_rounded(cell: Any, kind: SubjectKind) -> bool:
    """Whether a spreadsheet has taken digits from it: too large for a number cell, in scientific notation, or ending in
    three zeros where the check digit then fails.
    """
    if isinstance(cell, float | int) and not isinstance(cell, bool):
        return abs(cell) >= LARGEST_EXACT or cell != int(cell)
    text = text_of(cell)
    return bool(ROUNDED.fullmatch(text)) and not _has_check_digit(text, kind)


def text_of(cell: Any) -> str:
    """A cell as it is read: a whole number without `.0`, a day as a day, without what surrounds it."""
    if cell is None or isinstance(cell, bool):
        return "" if cell is None else str(cell).upper()
    if isinstance(cell, float) and cell == int(cell) and abs(cell) < LARGEST_EXACT:
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" ")
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell).strip().strip("\ufeff\u200b\u3000").strip()


def _has_check_digit(digits: str, kind: SubjectKind) -> bool:
    """As a resident ID (GB 11643) or a credit code (GB 32100): eighteen digits that end so by chance, not by rounding."""
    if len(digits) != 18 or not digits.isdigit():
        return False
    if kind is SubjectKind.PERSON:
        return digits[17] == "10X98765432"[sum(map(operator.mul, map(int, digits), WEIGHTS)) % 11]
    total = sum(int(digit) * pow(3, place, 31) for place, digit in enumerate(digits[:17]))
    return digits[17] == CREDIT_CODE_SIGNS[-total % 31]


def _cell(cells: Sequence[Any], place: int) -> str:
    return text_of(cells[place]) if place < len(cells) else ""


def _find(header: Sequence[str], given: str | None, usual: Sequence[str]) -> int | None:
    folded = [_fold(cell) for cell in header]
    for name in (given,) if given is not None else usual:
        if _fold(name) in folded:
            return folded.index(_fold(name))
    return None


def _fold(text: str) -> str:
    """A header without its spaces, its case and what is said in brackets behind it."""
    return re.sub(r"[\s*＊]|[(（].*[)）]$", "", text).lower()


def _is_of_organisations(header: Sequence[str], columns: Columns) -> bool:
    places = [columns.name] + ([] if columns.number is None else [columns.number])
    return any(_fold(header[place]) in ORGANISATIONS for place in places)


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
    """Which column was taken for what, to be shown."""
    at = roster.columns
    return {
        "reference": roster.header[at.reference],
        "name": roster.header[at.name],
        "number": "" if at.number is None else roster.header[at.number],
    }


def numbered(roster: Roster) -> Iterator[tuple[int, Sequence[Any]]]:
    """Each row with its number in the file."""
    return enumerate(roster.rows, roster.first_row)
