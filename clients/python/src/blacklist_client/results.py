"""What became of each row, in words, and the file that says so: the roster's columns, the result's, and a sheet of totals.

No cell is ever a formula: what begins like one is text.
"""

import csv
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TextIO

from blacklist_client.answers import IDENTITIES, STRENGTH, Answer, Hold
from blacklist_client.errors import Refused
from blacklist_client.models import Decision
from blacklist_client.questions import Question
from blacklist_client.rosters import RowRefused, text_of

SHANGHAI = timezone(timedelta(hours=8))
DECISIONS = {Decision.BLOCK: "停止办理", Decision.FLAG: "人工审核", Decision.CLEAR: "未命中"}
REFUSED, UNANSWERED = "未受理", "未答复"
ADDED = ("结论", "依据", "案号", "法院", "核验编号", "核验时间", "名单版本", "提示")
WIDTHS = {"结论": 10, "依据": 30, "案号": 26, "法院": 24, "核验编号": 38, "核验时间": 20, "名单版本": 10, "提示": 40}
FORMULA = tuple("=+-@\t\r\0＝＋－＠")
MOST_MATCHES = 5
"""Of one row, in words; how many more there are is said."""
HINTS = {
    "list-stale": "名单长时间未更新",
    "identifier-checksum": "证件号码校验位不符",
    "identifier-unusual": "证件号码格式少见",
    "identifier-type-differs": "证件类型与号码不符",
}
BY_NAME = "未填证件号码，仅按姓名（名称）核查"
REFUSALS = {
    "invalid-identifier": "证件号码不正确（校验位不符或不是完整号码）",
    "subject-not-covered": "该事项的惩戒措施不适用于此类主体",
    "matter-not-allowed": "本密钥无权核查该事项",
    "invalid-request": "内容不符合要求",
}


@dataclass(frozen=True, slots=True)
class Result:
    """Of one row. Nothing in it is from the roster: no name and no number."""

    conclusion: str
    basis: str = ""
    cases: str = ""
    courts: str = ""
    check_id: str = ""
    checked_at: str = ""
    list_version: int | None = None
    hint: str = ""

    @property
    def is_answered(self) -> bool:
        return self.conclusion in DECISIONS.values()

    def cells(self) -> tuple[str | int | None, ...]:
        return tuple(asdict(self).values())


def result_of(found: Answer | Hold | Refused | RowRefused, question: Question | None = None) -> Result:
    match found:
        case Answer():
            is_by_name = question is not None and any(one.identifier is None for one in question.subjects)
            return _answered(found, [BY_NAME] if is_by_name else [])
        case Hold():
            return Result(UNANSWERED, hint="没有得到答复，不能视为未命中；请稍后重新核查")
        case RowRefused():
            return Result(REFUSED, hint=found.message)
        case _:
            return Result(REFUSED, hint=REFUSALS.get(found.code, found.detail))


def _answered(answer: Answer, hints: list[str]) -> Result:
    matches = sorted(
        (match for subject in answer.subjects for match in subject.matches), key=lambda one: -STRENGTH[one.effect]
    )
    shown = matches[:MOST_MATCHES]
    total = sum(subject.matches_total or len(subject.matches) for subject in answer.subjects)
    hints += [HINTS.get(warning, warning) for warning in answer.warnings]
    hints += dict.fromkeys(IDENTITIES[match.identity] for match in shown if match.identity != "exact")
    if total > len(shown):
        hints.append(f"共命中 {total} 条，此处列出 {len(shown)} 条")
    listed = [match.listing for match in shown if match.listing is not None]
    notices = [match.notice for match in shown if match.notice is not None]
    return Result(
        DECISIONS[answer.decision],
        basis=_several(match.measure.basis for match in shown),
        cases=_several([*(one.case_number for one in listed), *(one.number for one in notices)]),
        courts=_several([*(one.court for one in listed), *(one.court for one in notices)]),
        check_id=str(answer.check_id),
        checked_at=answer.checked_at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S"),
        list_version=answer.list_version,
        hint="；".join(hints),
    )


def _several(texts: Iterable[str]) -> str:
    return "；".join(dict.fromkeys(text for text in texts if text))


@dataclass(frozen=True, slots=True)
class Report:
    """What stands on the sheet of totals, beside the counts."""

    source: str
    sha256: str
    matter: str
    began_at: datetime

    def lines(self, counts: Mapping[str, int], versions: Sequence[int]) -> list[tuple[str, str | int]]:
        rows: list[tuple[str, str | int]] = [
            (word, counts.get(word, 0)) for word in (*DECISIONS.values(), REFUSED, UNANSWERED)
        ]
        rows.append(("合计", sum(counts.values())))
        span = f"{min(versions)}–{max(versions)}" if versions else ""
        return [
            *rows,
            ("名册", self.source),
            ("名册 SHA-256", self.sha256),
            ("事项", self.matter),
            ("核查开始", self.began_at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")),
            ("核查结束", datetime.now(UTC).astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")),
            ("名单版本", span),
            ("说明", "未命中：核查时未发现依法应予限制的失信信息。未答复、未受理的，不能视为未命中。"),
        ]


Row = tuple[Sequence[Any], Result | None]
"""A roster's row and what became of it; an empty row has no result."""


def write_results(file: Path, header: Sequence[str], rows: Iterable[Row], report: Report) -> Counter[str]:
    """Write the whole file beside and put it in its place; return how often each conclusion was reached."""
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
    """The totals of `.result.csv.part` stand in `result.totals.csv`: a CSV file has no second sheet."""
    return part_name.removeprefix(".").removesuffix(".csv.part") + ".totals.csv"


def _write_totals(opened: TextIO, lines: Iterable[tuple[str, str | int]]) -> None:
    csv.writer(opened).writerows([[cell_text(cell) for cell in line] for line in lines])


def _write_workbook(file: Path, header: Sequence[str], rows: Iterable[Row], report: Report) -> Counter[str]:
    from xlsxwriter import Workbook  # noqa: PLC0415 - of the extra `cli`

    # A row is written and let go of; every text is a string of its row, so that nothing is kept to the end.
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


def cell_text(cell: Any) -> str:
    """For a CSV file that a spreadsheet opens: what it would take for a formula gets a quote before it."""
    text = text_of(cell)
    return f"'{text}" if text.startswith(FORMULA) else text
