# Copied from src/blacklist_service/subjects/rosters.py by clients/python/generate.py: change nothing here.
"""A roster as offices keep them: which of its columns identify a subject, and what a row contains.

No value is guessed. A row whose number a spreadsheet has rounded is refused: the number is nobody's any more. Shared with the
client, which screens a roster from an office's own machine.
"""

import operator
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any

LARGEST_EXACT = 1 << 53
"""A spreadsheet stores numbers as floating point: a larger one has lost its last digits."""
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
OF_ORGANISATIONS = frozenset({"统一社会信用代码", "信用代码", "社会信用代码", "单位名称", "企业名称", "公司名称"})
OF_PERSONS = frozenset(
    {
        "考生姓名",
        "学生姓名",
        "申请人姓名",
        "人员姓名",
        "身份证号",
        "身份证号码",
        "公民身份号码",
        "居民身份证号码",
        "身份证",
    }
)

_STRAY = "\ufeff\u200b\u3000"


@dataclass(frozen=True, slots=True)
class Columns:
    """The index of each known column."""

    reference: int
    name: int
    number: int | None


class Whose(StrEnum):
    """What kind of subjects the columns describe."""

    PERSONS = "persons"
    ORGANISATIONS = "organisations"
    NOT_SAID = "not_said"


@dataclass(frozen=True, slots=True)
class RowAsked:
    """The subject of a row, as written."""

    reference: str
    name: str
    number: str


@dataclass(frozen=True, slots=True)
class RowRefused:
    """A row that is not asked: why, without its values."""

    code: str
    message: str


def find_columns(
    header: Sequence[str], *, reference: str | None, name: str | None, number: str | None
) -> Columns | None:
    """The given columns, or else those with usual headers; None if the row is not the header of a roster.

    Raise `LookupError` if it is one but lacks the column that was given for numbers.
    """
    found_reference = _find(header, reference, REFERENCES)
    found_name = _find(header, name, NAMES)
    if found_reference is None or found_name is None:
        return None
    found_number = _find(header, number, NUMBERS)
    if number is not None and found_number is None:
        raise LookupError(f"there is no column {number!r}")
    return Columns(found_reference, found_name, found_number)


def whose(header: Sequence[str], columns: Columns) -> Whose:
    places = [columns.name] + ([] if columns.number is None else [columns.number])
    titles = {_fold(header[place]) for place in places}
    if titles & OF_ORGANISATIONS:
        return Whose.ORGANISATIONS
    return Whose.PERSONS if titles & OF_PERSONS else Whose.NOT_SAID


def read_row(cells: Sequence[Any], columns: Columns, *, of_persons: bool) -> RowAsked | RowRefused | None:
    """The subject of a row; None for an empty row."""
    if not any(text_of(cell) for cell in cells):
        return None
    reference, name = _cell(cells, columns.reference), _cell(cells, columns.name)
    if not reference:
        return RowRefused("reference-missing", "报名序号（编号）为空")
    if not name:
        return RowRefused("name-missing", "姓名（名称）为空")
    if columns.number is None:
        return RowAsked(reference, name, "")
    raw = cells[columns.number] if columns.number < len(cells) else None
    if is_rounded(raw, of_persons=of_persons):
        return RowRefused("identifier-damaged", "证件号码已被电子表格改写（科学计数或末尾变零），请按文本格式重新填写")
    return RowAsked(reference, name, text_of(raw))


def is_rounded(cell: Any, *, of_persons: bool) -> bool:
    """Whether a spreadsheet has lost digits of it: too large for a number cell, in scientific notation, or ending in three
    zeros although the check digit then fails.
    """
    if isinstance(cell, float | int) and not isinstance(cell, bool):
        return abs(cell) >= LARGEST_EXACT or cell != int(cell)
    text = text_of(cell)
    return bool(ROUNDED.fullmatch(text)) and not _has_check_digit(text, of_persons=of_persons)


def text_of(cell: Any) -> str:
    """The text of a cell: an integer without `.0`, a date as a date, without surrounding spaces."""
    if type(cell) is str:
        return cell.strip().strip(_STRAY).strip()
    if cell is None or isinstance(cell, bool):
        return "" if cell is None else str(cell).upper()
    if isinstance(cell, float) and cell == int(cell) and abs(cell) < LARGEST_EXACT:
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" ")
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell).strip().strip(_STRAY).strip()


def _has_check_digit(digits: str, *, of_persons: bool) -> bool:
    """Whether it passes as a resident ID (GB 11643) or a credit code (GB 32100): such eighteen digits end in zeros by chance,
    not by rounding.
    """
    if len(digits) != 18 or not digits.isdigit():
        return False
    if of_persons:
        return digits[17] == "10X98765432"[sum(map(operator.mul, map(int, digits), WEIGHTS)) % 11]
    total = sum(int(digit) * pow(3, place, 31) for place, digit in enumerate(digits[:17]))
    return digits[17] == CREDIT_CODE_SIGNS[-total % 31]


def _cell(cells: Sequence[Any], place: int) -> str:
    return text_of(cells[place]) if place < len(cells) else ""


def _find(header: Sequence[str], given: str | None, usual: Iterable[str]) -> int | None:
    folded = [_fold(cell) for cell in header]
    for name in (given,) if given is not None else usual:
        if _fold(name) in folded:
            return folded.index(_fold(name))
    return None


def _fold(text: str) -> str:
    """A header without spaces, case and trailing brackets."""
    return re.sub(r"[\s*＊]|[(（].*[)）]$", "", text).lower()
