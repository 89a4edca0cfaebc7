"""`import`: a list file from the command line, with a progress bar and a report of every row that needs a look."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from blacklist_service.access.principals import Actor
from blacklist_service.cli.environment import Workplace, operator, run, stop
from blacklist_service.clock import legal_date
from blacklist_service.database.connections import Connection
from blacklist_service.listings.courts import Courts
from blacklist_service.listings.files import ListFile, UnreadableFile, open_list_file
from blacklist_service.listings.intake import Importer, read_row
from blacklist_service.listings.operations.importing import (
    Import,
    apply_import,
    begin_import,
    fail_import,
    finish_staging,
)
from blacklist_service.listings.operations.staging import stage_rows
from blacklist_service.listings.preparing import Tools
from blacklist_service.listings.queries import ImportCounts, RowReport, count_fates, list_row_reports
from blacklist_service.members.queries import find_court, list_courts
from blacklist_service.members.rules import COURT_CODE_FORM
from blacklist_service.subjects.digests import Digester

STAGED_AT_ONCE = 2000
READ_BYTES = 1 << 20
SHOWN_ROWS = 200


class Mode(StrEnum):
    UPSERT = "upsert"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True, slots=True)
class Report:
    import_id: str
    is_dry_run: bool
    list_version: int
    counts: ImportCounts
    rows: list[RowReport]
    unknown_columns: list[str]

    def as_json(self) -> str:
        return json.dumps(
            {
                "import_id": self.import_id,
                "state": "done",
                "dry_run": self.is_dry_run,
                "list_version": self.list_version,
                "rows": asdict(self.counts),
                "rejected": [
                    {"row": row.row, "column": row.field, "code": row.code} for row in self.rows if row.is_refused
                ],
                "warned": [{"row": row.row, "code": row.code} for row in self.rows if not row.is_refused],
                "unknown_columns": self.unknown_columns,
            },
            ensure_ascii=False,
        )

    def as_text(self) -> str:
        counts = "  ".join(f"{name} {number}" for name, number in asdict(self.counts).items())
        lines = [f"{'dry run, nothing changed: ' if self.is_dry_run else ''}{counts}"]
        for row in self.rows[:SHOWN_ROWS]:
            word = "refused" if row.is_refused else "warned "
            lines.append(f"  row {row.row:>7}  {word}  {row.code}" + (f"  ({row.field})" if row.field else ""))
        if len(self.rows) > SHOWN_ROWS:
            lines.append(f"  … {len(self.rows) - SHOWN_ROWS} more: see --json")
        if self.unknown_columns:
            lines.append(f"  columns not known, kept as notes: {', '.join(self.unknown_columns)}")
        return "\n".join([*lines, f"list version {self.list_version}"])


def import_file(
    workplace: Workplace, path: Path, *, court_code: str, mode: Mode, is_dry_run: bool, is_quiet: bool
) -> Report:
    """Load `path` for a court; raise `UnreadableFile` where it cannot be read to its end: then nothing is loaded."""
    if not COURT_CODE_FORM.fullmatch(court_code):
        stop("a court code is a province's character with two or four digits, such as 云0111")
    if mode is Mode.SNAPSHOT:
        stop("snapshot loads need the confirmation of a second person, which comes with imports over HTTP")
    return run(_import(workplace, path, court_code, mode, is_dry_run, is_quiet))


async def _import(
    workplace: Workplace, path: Path, court_code: str, mode: Mode, is_dry_run: bool, is_quiet: bool
) -> Report:
    async with workplace.connected() as connection:
        court, courts = await find_court(connection, court_code), await _courts(connection)
        court_name = court.name if court else (courts.name_of(court_code) or court_code)
        actor = Actor(member=court.code if court else None, operator=operator().operator)
        job = await begin_import(
            connection,
            court_code=court_code,
            court_name=court_name,
            mode=mode.value,
            is_dry_run=is_dry_run,
            actor=actor,
        )
        importer = Importer(court_code, court_name, courts, legal_date(job.begun_at))
        with _progress(is_quiet) as progress:
            file = await _stage(connection, workplace, job, path, importer, progress)
            await _apply(connection, workplace, job, progress)
        return await _report(connection, job, file)


async def _courts(connection: Connection) -> Courts:
    members = await list_courts(connection)
    return Courts((member.court_code, member.name) for member in members if member.court_code)


async def _stage(
    connection: Connection, workplace: Workplace, job: Import, path: Path, importer: Importer, progress: Progress
) -> ListFile:
    tools = Tools(Digester(workplace.secrecy.digest_key), workplace.secrecy.cipher("listing"))
    bar = progress.add_task("reading", total=1.0)
    total = 0
    try:
        file = open_list_file(path)
        rows = (read_row(raw, importer) for raw in file.rows())
        while batch := list(islice(rows, STAGED_AT_ONCE)):
            total += await stage_rows(connection, job.import_id, batch, tools, loaded_on=importer.today)
            progress.update(bar, completed=file.fraction)
    except UnreadableFile as error:
        await fail_import(connection, job, error.detail)
        raise
    progress.update(bar, completed=1.0)
    unknown = file.unknown_columns
    await finish_staging(connection, job, total=total, unknown_columns=unknown, file_sha256=_sha256(path))
    progress.add_task("applying", total=max(total, 1))
    return file


async def _apply(connection: Connection, workplace: Workplace, job: Import, progress: Progress) -> None:
    bar = progress.task_ids[-1]
    async for settled in apply_import(connection, job, secrecy=workplace.secrecy):
        progress.advance(bar, settled)
    progress.update(bar, completed=progress.tasks[-1].total)


async def _report(connection: Connection, job: Import, file: ListFile) -> Report:
    return Report(
        import_id=str(job.import_id),
        is_dry_run=job.is_dry_run,
        list_version=await connection.fetchval("SELECT version FROM heads WHERE name = 'list'"),
        counts=await count_fates(connection, job.import_id),
        rows=await list_row_reports(connection, job.import_id),
        unknown_columns=list(file.unknown_columns),
    )


def _sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


@contextmanager
def _progress(is_quiet: bool) -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=is_quiet) as progress:
        yield progress
