"""Importing a list file: it is first parsed and staged completely, so that only a file read to its end takes effect; then
applied.

Each chunk is a transaction of its own, with its versions, its fates and its ledger entry: an interrupted import continues
with the rows that have no fate yet, and no check waits for it.
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from blacklist_service.access.principals import Actor
from blacklist_service.clock import new_id
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.listings.courts import Courts
from blacklist_service.listings.files import RawRow, open_list_file
from blacklist_service.listings.files.records import PEOPLE_NOTE, people_text
from blacklist_service.listings.findings import file_findings
from blacklist_service.listings.held import Row
from blacklist_service.listings.import_queries import find_chunk_end, list_unsettled
from blacklist_service.listings.intake import Importer
from blacklist_service.listings.numbers import know_numbers
from blacklist_service.listings.operations.applying import (
    By,
    ListHead,
    apply_acts,
    lock_head,
    mark_feed_alive,
    move_head,
)
from blacklist_service.listings.operations.faults import PASSED_OVER, RowFault
from blacklist_service.listings.operations.parsing import Parsing, parse_rows
from blacklist_service.listings.operations.shortcuts import FreshListings, make_fresh, settle_known
from blacklist_service.listings.operations.staging import StagedBatch, clear_staged, gather_cases, stage_batch
from blacklist_service.listings.queries import find_held
from blacklist_service.listings.resolution import Resolution, resolve
from blacklist_service.secrecy import Secrecy

CHUNK_ROWS = 1000
PARSING_PROCESSES = 2


@dataclass(frozen=True, slots=True)
class Import:
    """An import: whose, how, and on which day. `legal_date` remains the day of loading even after a restart."""

    import_id: UUID
    court_code: str
    court_name: str
    mode: str
    is_dry_run: bool
    legal_date: date
    actor: Actor
    is_preview: bool = False
    """Whether it stops with the expected result of each row, until it is confirmed."""


@dataclass(slots=True)
class Progress:
    """The progress of an import: `read` from 0 to 1, then the number of settled rows."""

    read: float = 0.0
    total: int = 0
    settled: int = 0


async def stage_file(
    connection: Connection, job: Import, path: Path, *, courts: Courts, secrecy: Secrecy
) -> AsyncIterator[Progress]:
    """Read `path` to its end and stage its rows; raise `UnreadableFile` if that fails, and then nothing is loaded."""
    importer = Importer(job.court_code, job.court_name, courts, job.legal_date)
    progress = Progress()
    await clear_staged(connection, job.import_id)
    with await asyncio.to_thread(open_list_file, path) as file:
        parsing = Parsing(job.import_id, importer, secrecy)
        keeper = _RefusedRows(file.rows(), job, secrecy)
        async for batch in parse_rows(keeper, parsing, processes=PARSING_PROCESSES):
            async with connection.transaction():
                await stage_batch(connection, job.import_id, batch)
                await keeper.keep(connection, batch)
                await connection.execute(
                    "UPDATE imports SET total = $2 WHERE id = $1", job.import_id, progress.total + batch.count
                )
            progress.total += batch.count
            progress.read = file.fraction
            yield progress
        described = (
            list(file.unknown_columns),
            file.format,
            [one._asdict() for one in file.sheets],
            [asdict(one) for one in file_findings(file)],
        )
    async with connection.transaction():
        await gather_cases(connection, job.import_id)
        await connection.execute(
            """
            UPDATE imports SET total = $2, unknown_columns = $3, format = $4, sheets = $5, findings = $6,
                   staged_at = clock_timestamp(), progress = 0.5
            WHERE id = $1
            """,
            *(job.import_id, progress.total, *described),
        )


class _RefusedRows:
    """Passes raw rows on, and keeps the refused ones, sealed, so that the court can correct them (30 days)."""

    def __init__(self, rows: Any, job: Import, secrecy: Secrecy) -> None:
        self._rows = iter(rows)
        self._job = job
        self._cipher = secrecy.cipher("refused rows")
        self._passed: deque[RawRow] = deque()

    def __iter__(self) -> "_RefusedRows":
        return self

    def __next__(self) -> RawRow:
        raw: RawRow = next(self._rows)
        self._passed.append(raw)
        return raw

    async def keep(self, connection: Connection, batch: StagedBatch) -> None:
        refused = {row.number for row in batch.refused}
        # Rows come in order, so the rows staged now are those passed on first.
        passed = [self._passed.popleft() for _ in range(batch.count)]
        kept = [(self._job.import_id, raw.number, self._seal(raw)) for raw in passed if raw.number in refused]
        if kept:
            await connection.executemany(
                "INSERT INTO import_refusals (import_id, row, content) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", kept
            )

    def _seal(self, raw: RawRow) -> bytes:
        people = {PEOPLE_NOTE: people_text(raw.people)} if raw.people else {}
        content = orjson.dumps([{field.value: value for field, value in raw.values.items()} | people, raw.notes])
        return self._cipher.seal(content, self._job.import_id.bytes)


async def apply_import(connection: Connection, job: Import, *, secrecy: Secrecy) -> AsyncIterator[int]:
    """Apply the staged rows, chunk by chunk; yield how many rows were done since the last time. Raise `RowFault` for a row
    that fails: its chunk then has no effect, and the chunks before it remain.
    """
    after = 0
    while (last := await find_chunk_end(connection, job.import_id, after=after, limit=CHUNK_ROWS)) is not None:
        try:
            async with connection.transaction():
                await _apply_chunk(connection, job, span=(after + 1, last), secrecy=secrecy)
        except PASSED_OVER:
            raise
        except Exception as error:
            row = await _find_fault(connection, job, span=(after + 1, last), secrecy=secrecy)
            raise RowFault(row, type(error).__name__, applied_through=0 if job.is_dry_run else after) from error
        yield last - after
        after = last


async def _apply_chunk(connection: Connection, job: Import, *, span: tuple[int, int], secrecy: Secrecy) -> None:
    first, last = span
    by = By(job.actor, job.import_id)
    head = await _head(connection, job)
    await settle_known(connection, job.import_id, first=first, last=last)
    made = await make_fresh(
        connection, job.import_id, first=first, last=last, head=head, by=by, is_dry_run=job.is_dry_run
    )
    await _settle_the_rest(connection, job, head, by, made, span=span, secrecy=secrecy)


async def _find_fault(connection: Connection, job: Import, *, span: tuple[int, int], secrecy: Secrecy) -> int:
    """Find the row because of which a chunk failed, by trying ever fewer of its rows; every attempt is rolled back."""
    first, last = span
    low, high = first, last
    while low < high:
        middle = (low + high) // 2
        trial = connection.transaction()
        await trial.start()
        try:
            await _apply_chunk(connection, job, span=(first, middle), secrecy=secrecy)
        except PASSED_OVER:
            raise
        except Exception:  # noqa: BLE001 - that it fails is what is asked
            high = middle
        else:
            low = middle + 1
        finally:
            await trial.rollback()
    return high


async def _settle_the_rest(
    connection: Connection,
    job: Import,
    head: ListHead,
    by: By,
    made: FreshListings,
    *,
    span: tuple[int, int],
    secrecy: Secrecy,
) -> None:
    """Rows that are neither clearly new nor clearly known: resolved one by one, in file order."""
    unsettled = await list_unsettled(connection, job.import_id, first=span[0], last=span[1])
    resolution = await _resolve(connection, job, [row for row, _ in unsettled], head, secrecy)
    await _write_fates(connection, job, resolution, {row.number: warned for row, warned in unsettled})
    if job.is_dry_run:
        return
    versioned = await apply_acts(connection, resolution.acts, head=head, by=by)
    pairs = made.pairs + "".join(
        f"{one.list_version} {one.act.listing_id}\n" for one in versioned if one.list_version is not None
    )
    await move_head(connection, head)
    await mark_feed_alive(connection, job.court_code, head.at)
    await _record_chunk(connection, job, head, pairs, span, secrecy)


async def _head(connection: Connection, job: Import) -> ListHead:
    if job.is_dry_run:
        version = await connection.fetchval("SELECT version FROM heads WHERE name = 'list'")
        return ListHead(version, await database_clock(connection))
    return await lock_head(connection)


async def _resolve(
    connection: Connection, job: Import, rows: Sequence[Row], head: ListHead, secrecy: Secrecy
) -> Resolution:
    if not rows:
        return Resolution()
    held = await find_held(connection, {row.natural_key for row in rows}, {(*row.case, row.loose_key) for row in rows})
    await know_numbers(connection, held, rows, import_id=job.import_id, cipher=secrecy.cipher("listing"))
    return resolve(held, rows, iter(lambda: new_id(head.at), None), today=head.today)


async def _write_fates(
    connection: Connection, job: Import, resolution: Resolution, warned: dict[int, list[str]]
) -> None:
    rows: list[tuple[Any, ...]] = [
        (
            job.import_id,
            fate.number,
            fate.kind.value,
            fate.code and fate.code.value,
            [] if fate.code else list(dict.fromkeys([*warned[fate.number], *(one.value for one in fate.warnings)])),
            fate.listing_id,
            list(fate.others) or None,
        )
        for fate in resolution.fates
    ]
    columns = ("import_id", "row", "fate", "code", "warnings", "listing_id", "others")
    await connection.copy_records_to_table("import_fates", records=rows, columns=columns)


async def _record_chunk(
    connection: Connection, job: Import, head: ListHead, pairs: str, span: tuple[int, int], secrecy: Secrecy
) -> None:
    """One entry for each committed chunk; its digest covers the (version, listing) pairs, in order."""
    fates = await connection.fetch(
        """
        SELECT fate, count(*) AS rows FROM import_fates WHERE import_id = $1 AND row BETWEEN $2 AND $3 GROUP BY fate
        """,
        job.import_id,
        *span,
    )
    facts = {
        "import": str(job.import_id),
        "court": job.court_code,
        "rows": {row["fate"]: row["rows"] for row in fates},
        "changes": pairs.count("\n"),
        "sha256": hashlib.sha256(pairs.encode()).hexdigest(),
    }
    entry = Entry(Action.IMPORT, job.actor, list_version=head.version, facts=facts)
    await record(connection, [entry], at=head.at, secrecy=secrecy)
