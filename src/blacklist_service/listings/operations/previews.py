"""A preview: a file read and staged completely, with the expected result of each row, that waits until it is confirmed.

Staged rows stay while it waits, so that each can be compared with the list. After the confirmation the file is read again: if
the court's list has changed since, it becomes a preview again, to be confirmed again.
"""

from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from uuid import UUID

from blacklist_service.database.connections import Connection
from blacklist_service.listings.import_queries import count_fates, get_own_import
from blacklist_service.listings.operations.importing import Import, apply_import
from blacklist_service.listings.problems import ImportStateConflict
from blacklist_service.secrecy import Secrecy


async def begin_again(connection: Connection, job: Import) -> None:
    """Before the file is read: drop the results of an earlier preview; if it was confirmed and the list has not changed, it
    is no longer a preview.
    """
    async with connection.transaction():
        row = await connection.fetchrow(
            "SELECT confirmed_by, planned_at_version FROM imports WHERE id = $1 FOR UPDATE", job.import_id
        )
        assert row is not None  # noqa: S101 - the job's own
        is_void = await has_moved(connection, job.court_code, row["planned_at_version"])
        goes_on = row["confirmed_by"] is not None and not is_void
        await connection.execute("DELETE FROM import_fates WHERE import_id = $1", job.import_id)
        await connection.execute(
            """
            UPDATE imports SET is_preview = NOT $2, confirmed_by = CASE WHEN $2 THEN confirmed_by END,
                   planned_at_version = (SELECT version FROM heads WHERE name = 'list')
            WHERE id = $1
            """,
            *(job.import_id, goes_on),
        )


async def preview_import(connection: Connection, job: Import, *, secrecy: Secrecy) -> AsyncIterator[float]:
    """Store what would become of each row if it took effect now; yield the progress, from 0 to 1."""
    total = max(1, await connection.fetchval("SELECT total FROM imports WHERE id = $1", job.import_id))
    passed = 0
    async for settled in apply_import(connection, replace(job, is_dry_run=True), secrecy=secrecy):
        passed += settled
        yield min(1.0, passed / total)


async def need_another(connection: Connection, job: Import) -> None:
    """Limits were exceeded, so the sender cannot confirm it."""
    await connection.execute("UPDATE imports SET needs_another = true WHERE id = $1", job.import_id)


async def hold_import(connection: Connection, job: Import) -> None:
    counts = asdict(await count_fates(connection, job.import_id))
    await connection.execute(
        "UPDATE imports SET state = 'awaiting_confirmation', counts = $2 WHERE id = $1", job.import_id, counts
    )


async def has_moved(connection: Connection, court_code: str, planned_at_version: int | None) -> bool:
    """Whether any listing of the court has changed since a list version; False if there was no plan."""
    if planned_at_version is None:
        return False
    moved: bool = await connection.fetchval(
        """
        SELECT EXISTS (SELECT FROM listing_versions v JOIN listings l ON l.id = v.listing_id
                       WHERE v.list_version > $2 AND l.court_code = $1)
        """,
        *(court_code, planned_at_version),
    )
    return moved


async def make_again(connection: Connection, import_id: UUID, *, court_code: str) -> None:
    """Have a waiting preview made again, on the current list."""
    row = await get_own_import(connection, import_id, court_code, for_update=True)
    if row["state"] != "awaiting_confirmation" or not row["is_preview"]:
        raise ImportStateConflict("only a preview that waits can be made anew")
    await connection.execute(
        "UPDATE imports SET state = 'queued', progress = 0, confirmed_by = NULL WHERE id = $1", import_id
    )
