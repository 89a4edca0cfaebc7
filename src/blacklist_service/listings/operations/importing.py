"""Loading a list file: read and staged whole first, so that only a file read to its end takes effect; then applied.

Each chunk is a transaction of its own, with its versions, its fates and its ledger entry, so that a load that is cut
off goes on where it was, and no check waits for it.
"""

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from blacklist_service.access.principals import Actor
from blacklist_service.clock import legal_date, new_id
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.entries import Action, Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.listings.operations.applying import By, Head, Versioned, apply_acts, lock_head
from blacklist_service.listings.operations.staging import clear_staged, gather_cases
from blacklist_service.listings.queries import find_held, list_staged
from blacklist_service.listings.resolution import Resolution, Row, resolve
from blacklist_service.listings.rules import RowAction
from blacklist_service.secrecy import Secrecy

CHUNK_ROWS = 2000


@dataclass(frozen=True, slots=True)
class Import:
    import_id: UUID
    court_code: str
    court_name: str
    is_dry_run: bool
    actor: Actor
    begun_at: datetime


async def begin_import(
    connection: Connection, *, court_code: str, court_name: str, mode: str, is_dry_run: bool, actor: Actor
) -> Import:
    now = await database_clock(connection)
    job = Import(new_id(now), court_code, court_name, is_dry_run, actor, now)
    await connection.execute(
        """
        INSERT INTO imports (id, court_code, court_name, member, key_id, operator, request_id, mode, is_dry_run, state,
                             queued_at, legal_date)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'running', $10, $11)
        """,
        *(job.import_id, court_code, court_name, actor.member, actor.key_id, actor.operator, actor.request_id),
        *(mode, is_dry_run, now, legal_date(now)),
    )
    return job


async def fail_import(connection: Connection, job: Import, problem: str) -> None:
    """A file that cannot be read loads nothing; why stays with the import."""
    async with connection.transaction():
        await clear_staged(connection, job.import_id)
        await connection.execute(
            "UPDATE imports SET state = 'failed', problem = $2, finished_at = clock_timestamp() WHERE id = $1",
            job.import_id,
            problem,
        )


async def finish_staging(
    connection: Connection, job: Import, *, total: int, unknown_columns: Sequence[str], file_sha256: bytes
) -> None:
    async with connection.transaction():
        await gather_cases(connection, job.import_id)
        await connection.execute(
            "UPDATE imports SET total = $2, unknown_columns = $3, file_sha256 = $4 WHERE id = $1",
            *(job.import_id, total, list(unknown_columns), file_sha256),
        )
    await connection.execute("ANALYZE import_rows") if total > CHUNK_ROWS else None


async def apply_import(connection: Connection, job: Import, *, secrecy: Secrecy) -> AsyncIterator[int]:
    """Let the staged rows take effect, chunk by chunk; yield how many have been settled since the last time."""
    after = 0
    while True:
        async with connection.transaction():
            staged = await list_staged(connection, job.import_id, after=after, limit=CHUNK_ROWS)
            if not staged:
                break
            rows = [row for row, _ in staged]
            head = await _head(connection, job)
            resolution = await _resolve(connection, rows, head)
            await _write_fates(connection, job, resolution, {row.number: warned for row, warned in staged})
            after = await _last_first_row(connection, job, rows)
            if not job.is_dry_run:
                versioned = await apply_acts(connection, resolution.acts, head=head, by=By(job.actor, job.import_id))
                await _record_chunk(connection, job, resolution, versioned, head, secrecy)
            await connection.execute("UPDATE imports SET applied_through = $2 WHERE id = $1", job.import_id, after)
        yield len(rows)
    await _finish(connection, job)


async def _head(connection: Connection, job: Import) -> Head:
    if job.is_dry_run:
        version = await connection.fetchval("SELECT version FROM heads WHERE name = 'list'")
        return Head(version, await database_clock(connection))
    return await lock_head(connection)


async def _resolve(connection: Connection, rows: Sequence[Row], head: Head) -> Resolution:
    loose = {row.loose_key for row in rows if row.action is not RowAction.PUBLISH}
    held = await find_held(connection, {row.natural_key for row in rows}, loose)
    return resolve(held, rows, iter(lambda: new_id(head.at), None), today=head.today)


async def _last_first_row(connection: Connection, job: Import, rows: Sequence[Row]) -> int:
    last: int = await connection.fetchval(
        "SELECT first_row FROM import_rows WHERE import_id = $1 AND row = $2", job.import_id, rows[-1].number
    )
    return last


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
        )
        for fate in resolution.fates
    ]
    columns = ("import_id", "row", "fate", "code", "warnings", "listing_id")
    await connection.copy_records_to_table("import_fates", records=rows, columns=columns)


async def _record_chunk(
    connection: Connection,
    job: Import,
    resolution: Resolution,
    versioned: Sequence[Versioned],
    head: Head,
    secrecy: Secrecy,
) -> None:
    """One entry for each committed chunk; its digest is over the (version, listing) pairs, in order."""
    changes = [one for one in versioned if one.list_version is not None]
    digest = hashlib.sha256()
    for one in changes:
        digest.update(f"{one.list_version} {one.act.listing_id}\n".encode())
    facts = {
        "import": str(job.import_id),
        "court": job.court_code,
        "rows": dict(Counter(fate.kind.value for fate in resolution.fates)),
        "changes": len(changes),
        "sha256": digest.hexdigest(),
    }
    entry = Entry(Action.IMPORT, job.actor, list_version=head.version, facts=facts)
    await record(connection, [entry], at=head.at, secrecy=secrecy)


async def _finish(connection: Connection, job: Import) -> None:
    async with connection.transaction():
        await clear_staged(connection, job.import_id)
        await connection.execute(
            """
            UPDATE imports SET state = 'done', finished_at = clock_timestamp(),
                   list_version = (SELECT version FROM heads WHERE name = 'list')
            WHERE id = $1
            """,
            job.import_id,
        )
