"""`blacklist-client screen`: reads a roster, and writes it with the answers."""

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Mapping
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from blacklist_client.aio import AsyncBlacklist
from blacklist_client.cli.progress import Bar
from blacklist_client.journal import Journal
from blacklist_client.models import IdentifierType, SubjectKind, SubjectRole
from blacklist_client.results import REFUSED, UNANSWERED, Report, Result, Row, write_results
from blacklist_client.rosters import Asking, Roster, described, numbered, read_roster
from blacklist_client.screening import PATIENCE_SECONDS, Screening, digest_of, keep_receipts

ANSWERED, ROWS_REFUSED, NOT_ANSWERED = 0, 1, 3
MOST_NAMED = 20
SUFFIXES = {".xlsx", ".csv"}

EPILOG = """
Exit status: 0 every row has an answer; 1 some rows were refused and are to be mended; 2 it cannot work as it is set up;
3 some rows have no answer: run the same command again. A row without an answer is not a row without a hit.

What is settled is kept in RESULT.journal as it happens (row numbers and check ids; no name, no number): killed or
interrupted, the same command goes on and asks nothing twice. It is removed when every row is settled.
"""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "screen",
        help="ask about every row of a roster (XLSX, CSV)",
        description="Ask about every row of a roster and write the same rows with their answers.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("roster", type=Path, help="XLSX, XLS, ODS or CSV (UTF-8 or GB18030)")
    parser.add_argument("--out", type=Path, required=True, help="the result: .xlsx, or .csv with its totals beside")
    parser.add_argument("--matter", required=True, help="what is to be approved, as GET /v1/matters names it")
    parser.add_argument("--role", type=SubjectRole, help="default: applicant; of organisations: bidder")
    parser.add_argument("--kind", type=SubjectKind, help="default: by the columns' names")
    parser.add_argument(
        "--type", type=IdentifierType, help="of the numbers; default: resident_id, of organisations uscc"
    )
    parser.add_argument("--reference", metavar="COLUMN", help="the office's own file number; default: 报名序号 …")
    parser.add_argument("--name", metavar="COLUMN", help="default: 姓名, 名称 …")
    parser.add_argument("--number", metavar="COLUMN", help="default: 身份证号, 统一社会信用代码 …")
    parser.add_argument("--operator", help="who asks")
    parser.add_argument(
        "--watch-until", type=date.fromisoformat, metavar="DATE", help="be told of later changes till then"
    )
    parser.add_argument(
        "--receipts", type=Path, metavar="ZIP", help="keep and verify every receipt; needs BLACKLIST_VKEY"
    )
    parser.add_argument(
        "--patience", type=float, default=PATIENCE_SECONDS, metavar="SECONDS", help="without any answer (%(default)s)"
    )
    parser.set_defaults(run=run)


def run(typed: argparse.Namespace) -> int:
    if typed.out.suffix.lower() not in SUFFIXES:
        raise ValueError("the result is an .xlsx or a .csv file")
    if typed.out.suffix.lower() == ".xlsx" and find_spec("xlsxwriter") is None:
        raise ValueError("a workbook needs more than a CSV file does: install blacklist-client[cli], or write a .csv")
    if typed.out.resolve() == typed.roster.resolve():
        raise ValueError("the result would overwrite the roster")
    roster = read_roster(typed.roster, reference=typed.reference, name=typed.name, number=typed.number)
    asking = _asking(typed, roster)
    _say(f"{typed.roster}: {len(roster.rows)} rows; columns {_shown(described(roster))}; {asking.kind}, {asking.role}")
    if roster.sheets_passed_over:
        _say(f"passed over: worksheets {', '.join(roster.sheets_passed_over)}")
    if roster.columns.number is None:
        _say("no column holds numbers: by the name alone, a namesake is a hit for a human to look at")
    sha256 = digest_of(typed.roster)
    options = {name: str(held) for name, held in _options(asking).items()} | dict(described(roster))
    journal = Journal.open(typed.out.with_name(f"{typed.out.name}.journal"), sha256=sha256, asking=options)
    try:
        results, missing = asyncio.run(_screen(typed, roster, asking, journal))
        report = Report(typed.roster.name, sha256, asking.matter, journal.heading.began_at)
        counts = write_results(typed.out, roster.header, _rows(roster, results), report)
    finally:
        journal.close()
    return _conclude(typed, journal, results, counts, missing)


async def _screen(
    typed: argparse.Namespace, roster: Roster, asking: Asking, journal: Journal
) -> tuple[dict[int, Result], int]:
    async with AsyncBlacklist.from_environment() as office:
        if typed.receipts is not None and office.vkey is None:
            raise ValueError("receipts are verified by the log's public key: set BLACKLIST_VKEY")
        with Bar("screening", len(roster.rows)) as bar:
            results = await Screening(office, roster, asking, journal, typed.patience).run(bar.show)
        if typed.receipts is None:
            return results, 0
        check_ids = {row: result.check_id for row, result in results.items() if result.check_id}
        with Bar("receipts", len(check_ids)) as bar:
            return results, await keep_receipts(office, check_ids, typed.receipts, bar.show)


def _conclude(
    typed: argparse.Namespace, journal: Journal, results: Mapping[int, Result], counts: Counter[str], missing: int
) -> int:
    for row, result in [one for one in sorted(results.items()) if one[1].conclusion == REFUSED][:MOST_NAMED]:
        _say(f"row {row}: {REFUSED}: {result.hint}")
    if counts[REFUSED] > MOST_NAMED:
        _say(f"and {counts[REFUSED] - MOST_NAMED} more; all are in {typed.out}")
    _say("; ".join(f"{word} {number}" for word, number in counts.most_common()) + f" → {typed.out}")
    if missing:
        _say(f"{missing} receipts could not be had or prove nothing")
    if counts[UNANSWERED] or missing:
        return NOT_ANSWERED
    journal.remove()
    return ROWS_REFUSED if counts[REFUSED] else ANSWERED


def _asking(typed: argparse.Namespace, roster: Roster) -> Asking:
    usual = SubjectKind.ORGANISATION if roster.is_of_organisations else SubjectKind.PERSON
    kind = typed.kind or usual
    is_person = kind is SubjectKind.PERSON
    return Asking(
        matter=typed.matter,
        role=typed.role or (SubjectRole.APPLICANT if is_person else SubjectRole.BIDDER),
        kind=kind,
        identifier_type=typed.type or (IdentifierType.RESIDENT_ID if is_person else IdentifierType.USCC),
        operator=typed.operator,
        watch_until=typed.watch_until,
    )


def _options(asking: Asking) -> dict[str, Any]:
    return {
        "matter": asking.matter,
        "role": asking.role,
        "kind": asking.kind,
        "type": asking.identifier_type,
        "operator": asking.operator or "",
        "watch_until": asking.watch_until or "",
    }


def _rows(roster: Roster, results: Mapping[int, Result]) -> "list[Row]":
    return [(cells, results.get(row)) for row, cells in numbered(roster)]


def _shown(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{part} = {title}" for part, title in columns.items() if title)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
