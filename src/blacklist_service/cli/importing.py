"""`import`: load a list file from the command line, with a progress bar and a report of every row that needs attention."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from blacklist_service.access.principals import Actor
from blacklist_service.cli.environment import Workplace, operator, run, stop
from blacklist_service.database.connections import Connection, connect
from blacklist_service.listings.findings import FileFinding, Sheets
from blacklist_service.listings.import_queries import (
    ImportCounts,
    RowReport,
    count_fates,
    list_findings,
    list_row_reports,
)
from blacklist_service.listings.operations.importing import Import
from blacklist_service.listings.operations.jobs import LOADING_SETTINGS, begin_import, run_import
from blacklist_service.listings.operations.uploads import keep_file
from blacklist_service.listings.queries import known_courts
from blacklist_service.listings.rules import ImportMode
from blacklist_service.listings.tasks import load_next
from blacklist_service.members.rules import COURT_CODE_FORM
from blacklist_service.subjects.case_numbers import fold_court_code
from blacklist_service.worker import LOOK_SECONDS, WORKER_LOCK

SHOWN_ROWS = 200
AWAITS_CONFIRMATION = 3
"""Exit statuses."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    import_id: str
    state: str
    problem: str | None
    is_dry_run: bool
    list_version: int
    counts: ImportCounts
    rows: list[RowReport]
    unknown_columns: list[str]
    findings: list[FileFinding]
    sheets: Sheets

    def as_json(self) -> str:
        return json.dumps(
            {
                "import_id": self.import_id,
                "state": self.state,
                "dry_run": self.is_dry_run,
                "list_version": self.list_version,
                "rows": asdict(self.counts),
                "rejected": [
                    self._place(row) | {"column": row.field, "code": row.code} | _named(row)
                    for row in self.rows
                    if row.is_refused
                ],
                "warned": [
                    self._place(row) | {"code": row.code} | _named(row) for row in self.rows if not row.is_refused
                ],
                "unknown_columns": self.unknown_columns,
                "findings": [finding.as_json() for finding in self.findings],
                "problem": self.problem,
            },
            ensure_ascii=False,
        )

    @property
    def exit_status(self) -> int:
        """0 if the whole file took effect; a snapshot that is not loaded yet must not look like one that is."""
        if self.state == "awaiting_confirmation":
            return AWAITS_CONFIRMATION
        return 1 if self.counts.rejected or self.state == "failed" else 0

    def as_text(self) -> str:
        if self.state == "failed":
            return f"import {self.import_id} failed: {self.problem}"
        if self.state == "awaiting_confirmation":
            held = [f"  {finding.en}\n  {finding.zh}" for finding in self.findings]
            hint = f"import {self.import_id} awaits a second person: blacklist-service imports confirm {self.import_id}"
            return "\n".join([hint, *held])
        counts = "  ".join(f"{name} {number}" for name, number in asdict(self.counts).items())
        lines = [f"{'dry run, nothing changed: ' if self.is_dry_run else ''}{counts}"]
        for finding in self.findings:
            example = f" ({_at(finding.sheet, finding.example_row)})" if finding.example_row else ""
            lines += [f"  {finding.en}{example}", f"  {finding.zh}"]
        for row in self.rows[:SHOWN_ROWS]:
            word = "refused" if row.is_refused else "warned "
            where, about = _at(*self.sheets.place(row.row)), row.field or ", ".join(map(str, row.named))
            lines.append(f"  {where:>11}  {word}  {row.code}" + (f"  ({about})" if about else ""))
        if len(self.rows) > SHOWN_ROWS:
            lines.append(f"  … {len(self.rows) - SHOWN_ROWS} more: see --json")
        if self.unknown_columns:
            lines.append(f"  unknown columns, kept as notes: {', '.join(self.unknown_columns)}")
        return "\n".join([*lines, f"list version {self.list_version}"])

    def _place(self, row: RowReport) -> dict[str, int | str]:
        sheet, number = self.sheets.place(row.row)
        return {"row": number} | ({"sheet": sheet} if sheet else {})


def _at(sheet: str | None, row: int) -> str:
    return f"{sheet} row {row}" if sheet else f"row {row:>7}"


def import_file(
    workplace: Workplace, path: Path, *, court_code: str, mode: ImportMode, is_dry_run: bool, is_quiet: bool
) -> ImportReport:
    """Load `path` for a court; raise `UnreadableFile` if it cannot be read to its end, and then load nothing."""
    if not COURT_CODE_FORM.fullmatch(fold_court_code(court_code)):
        stop("a court code is a province's character with two or four digits, such as 云0111")
    return run(load(workplace, path, court_code=court_code, mode=mode, is_dry_run=is_dry_run, is_quiet=is_quiet))


async def load(
    workplace: Workplace,
    path: Path,
    *,
    court_code: str,
    mode: ImportMode,
    is_dry_run: bool,
    is_quiet: bool,
    sent_by: Actor | None = None,
    previewed_by: Actor | None = None,
) -> ImportReport:
    """Load a file in the name of the operator at this terminal, or of `sent_by`. With `previewed_by` it waits as a
    preview.
    """
    connection = await connect(workplace.dsn, application_name="blacklist-service import", **LOADING_SETTINGS)
    try:
        courts = await known_courts(connection)
        court_code = courts.code_of(court_code)
        is_kept = mode is ImportMode.SNAPSHOT or previewed_by is not None
        upload = await keep_file(connection, path, secrecy=workplace.secrecy) if is_kept else None
        usual = Actor(member=courts.member_of(court_code), operator=operator().operator)
        job = await begin_import(
            connection,
            court_code=court_code,
            court_name=courts.name_of(court_code) or court_code,
            mode=mode.value,
            is_dry_run=is_dry_run,
            actor=previewed_by or sent_by or usual,
            upload=upload,
            is_preview=previewed_by is not None,
            needs_another=previewed_by is None,
        )
        with _progress(is_quiet) as progress:
            bar = progress.add_task("loading", total=1.0)
            if upload:
                await _have_done(connection, job, workplace)
            else:
                async for fraction in run_import(connection, job, path, courts=courts, secrecy=workplace.secrecy):
                    progress.update(bar, completed=fraction)
            progress.update(bar, completed=1.0)
        return await _report(connection, job)
    finally:
        await connection.close()


async def _have_done(connection: Connection, job: Import, workplace: Workplace) -> None:
    """Wait for a job that may need a second person. The running service's worker does it; without one, this process does."""
    while await connection.fetchval("SELECT state IN ('queued', 'running') FROM imports WHERE id = $1", job.import_id):
        if await connection.fetchval("SELECT pg_try_advisory_lock($1)", WORKER_LOCK):
            await load_next(connection, workplace.secrecy)
            await connection.execute("SELECT pg_advisory_unlock($1)", WORKER_LOCK)
        else:
            await asyncio.sleep(LOOK_SECONDS)


async def _report(connection: Connection, job: Import) -> ImportReport:
    row = await connection.fetchrow("SELECT state, problem, unknown_columns FROM imports WHERE id = $1", job.import_id)
    assert row is not None  # noqa: S101 - the job was just run
    findings, sheets = await list_findings(connection, job.import_id)
    return ImportReport(
        import_id=str(job.import_id),
        state=row["state"],
        problem=row["problem"],
        is_dry_run=job.is_dry_run,
        list_version=await connection.fetchval("SELECT version FROM heads WHERE name = 'list'"),
        counts=await count_fates(connection, job.import_id),
        rows=await list_row_reports(connection, job.import_id),
        unknown_columns=row["unknown_columns"],
        findings=findings,
        sheets=sheets,
    )


def _named(row: RowReport) -> dict[str, list[str]]:
    """The listings that a report mentions besides its own."""
    return {"listing_ids": [str(one) for one in row.named]} if row.named else {}


@contextmanager
def _progress(is_quiet: bool) -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=is_quiet) as progress:
        yield progress
