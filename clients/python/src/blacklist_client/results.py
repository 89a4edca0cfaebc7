"""The result file of a screening: the roster's columns, the result's, and a sheet of totals.

The words are the service's own (`subjects/roster_results.py`).
"""

import csv
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from blacklist_client.answers import Answer, Hold
from blacklist_client.errors import Refused
from blacklist_client.models import MatchResponse
from blacklist_client.questions import Question
from blacklist_client.subjects.roster_results import (
    ADDED,
    NO_ANSWER,
    REFUSALS,
    REFUSED,
    UNANSWERED,
    WIDTHS,
    Result,
    RosterMatch,
    cell_text,
    totals,
    worded,
)
from blacklist_client.subjects.rosters import RowRefused, text_of

__all__ = ["ADDED", "REFUSALS", "REFUSED", "UNANSWERED", "Report", "Result", "Row", "result_of", "write_results"]


def result_of(found: Answer | Hold | Refused | RowRefused, question: Question | None = None) -> Result:
    match found:
        case Answer():
            return _answered(found, question)
        case Hold():
            return Result(UNANSWERED, hint=NO_ANSWER)
        case RowRefused():
            return Result(REFUSED, hint=found.message)
        case _:
            return Result(REFUSED, hint=REFUSALS.get(found.code, found.detail))


def _answered(answer: Answer, question: Question | None) -> Result:
    return worded(
        decision=answer.decision,
        matches=[_match(match) for subject in answer.subjects for match in subject.matches],
        total=sum(subject.matches_total or len(subject.matches) for subject in answer.subjects),
        warnings=answer.warnings,
        is_by_name=question is not None and any(one.identifier is None for one in question.subjects),
        check_id=str(answer.check_id),
        checked_at=answer.checked_at,
        list_version=answer.list_version,
    )


def _match(match: MatchResponse) -> RosterMatch:
    case = match.listing.case_number if match.listing else match.notice.number if match.notice else ""
    court = match.listing.court if match.listing else match.notice.court if match.notice else ""
    return RosterMatch(match.effect, match.identity, match.measure.basis, case, court)


@dataclass(frozen=True, slots=True)
class Report:
    """The content of the sheet of totals, besides the counts."""

    source: str
    sha256: str
    matter: str
    began_at: datetime

    def lines(self, counts: Mapping[str, int], versions: Sequence[int]) -> list[tuple[str, str | int]]:
        return totals(
            counts,
            source=self.source,
            sha256=self.sha256,
            matter=self.matter,
            began_at=self.began_at,
            ended_at=datetime.now(UTC),
            versions=(min(versions), max(versions)) if versions else None,
        )


Row = tuple[Sequence[Any], Result | None]
"""A roster's row and its result; an empty row has none."""


def write_results(file: Path, header: Sequence[str], rows: Iterable[Row], report: Report) -> Counter[str]:
    """Write the whole file beside the target and rename it; return how often each decision occurred."""
    beside = file.with_name(f".{file.name}.part")
    write = _write_csv if file.suffix.lower() == ".csv" else _write_workbook
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.close(descriptor)
    try:
        counts = write(beside, header, rows, report)
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
    return counts


def _write_csv(file: Path, header: Sequence[str], rows: Iterable[Row], report: Report) -> Counter[str]:
    counts: Counter[str] = Counter()
    versions: list[int] = []
    with file.open("w", encoding="utf-8-sig", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow([cell_text(cell) for cell in (*header, *ADDED)])
        for cells, result in rows:
            _count(result, counts, versions)
            writer.writerow([cell_text(cell) for cell in _padded(cells, len(header), result)])
    with file.with_name(totals_name(file.name)).open("w", encoding="utf-8-sig", newline="") as opened:
        _write_totals(opened, report.lines(counts, versions))
    return counts


def totals_name(part_name: str) -> str:
    """The totals of `.result.csv.part` are in `result.totals.csv`: a CSV file has no second sheet."""
    return part_name.removeprefix(".").removesuffix(".csv.part") + ".totals.csv"


def _write_totals(opened: TextIO, lines: Iterable[tuple[str, str | int]]) -> None:
    csv.writer(opened).writerows([[cell_text(cell) for cell in line] for line in lines])


def _write_workbook(file: Path, header: Sequence[str], rows: Iterable[Row], report: Report) -> Counter[str]:
    from xlsxwriter import Workbook  # noqa: PLC0415 - of the extra `cli`

    # Rows are written as they come; texts are inline strings, so that no shared table is kept in memory until the end.
    plain = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = Workbook(str(file), plain | {"tmpdir": str(file.parent)})
    try:
        return _write_sheets(book, header, rows, report)
    finally:
        book.close()


def _write_sheets(book: Any, header: Sequence[str], rows: Iterable[Row], report: Report) -> Counter[str]:
    counts: Counter[str] = Counter()
    versions: list[int] = []
    bold = book.add_format({"bold": True})
    sheet = book.add_worksheet("结果")
    sheet.freeze_panes(1, 0)
    for column, title in enumerate((*header, *ADDED)):
        sheet.set_column(column, column, WIDTHS.get(title, 18))
        sheet.write_string(0, column, title, bold)
    number = 0
    for number, (cells, result) in enumerate(rows, 1):
        _count(result, counts, versions)
        for column, cell in enumerate(_padded(cells, len(header), result)):
            if type(cell) is int:
                sheet.write_number(number, column, cell)
            elif text := text_of(cell):
                sheet.write_string(number, column, text)
    sheet.autofilter(0, 0, number, len(header) + len(ADDED) - 1)
    totals = book.add_worksheet("合计")
    totals.set_column(0, 0, 16)
    totals.set_column(1, 1, 70)
    for line, (title, value) in enumerate(report.lines(counts, versions)):
        totals.write_string(line, 0, title, bold)
        write = totals.write_number if isinstance(value, int) else totals.write_string
        write(line, 1, value)
    return counts


def _count(result: Result | None, counts: Counter[str], versions: list[int]) -> None:
    if result is None:
        return
    counts[result.conclusion] += 1
    if result.list_version is not None:
        version = result.list_version
        versions[:] = [min([version, *versions[:1]]), max([version, *versions[1:]])]


def _padded(cells: Sequence[Any], width: int, result: Result | None) -> list[Any]:
    held = [*cells[:width], *[None] * (width - len(cells))]
    return held + (list(result.cells()) if result else [""] * len(ADDED))
