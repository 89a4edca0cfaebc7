"""The worker's tasks: what the calendar does to listings, loading files, sweeping what is kept for a time only.

Checks went by the dates at once; here it is written down.
"""

import time
from collections.abc import Sequence

import asyncpg
import structlog

from blacklist_service.access.principals import Actor
from blacklist_service.database.connections import Connection
from blacklist_service.database.room import ELSEWHERE, Room
from blacklist_service.ledger.entries import Action, Entry
from blacklist_service.ledger.operations import record
from blacklist_service.listings.files import UnreadableFile
from blacklist_service.listings.operations.applying import By, Head, apply_dated_acts, lock_head
from blacklist_service.listings.operations.jobs import claim_import, fail_import, run_import, uploaded_file
from blacklist_service.listings.queries import known_courts
from blacklist_service.listings.resolution import ListingAct
from blacklist_service.listings.rules import Act
from blacklist_service.secrecy import Secrecy

log = structlog.get_logger()

AT_ONCE = 500
CALENDAR = Actor(operator="calendar")
ENTRY_OF_ACT = {Act.EXPIRED: Action.LISTING_EXPIRED, Act.PUBLISHED: Action.GRACE_ENDED}

DUE = """
SELECT id, version, expires_on, expires_on IS NOT NULL AND expires_on < $1 AS is_past_term
FROM listings
WHERE ended IS NULL AND (expires_on < $1 OR (NOT is_published AND suspended_on IS NULL AND in_force_from <= $1))
ORDER BY coalesce(expires_on, in_force_from), id
LIMIT $2
"""


async def end_terms_and_grace(connection: Connection, secrecy: Secrecy) -> bool:
    """Write some of what has fallen due, also after downtime; take the lock only where something has. Is there more?"""
    today = await connection.fetchval("SELECT (clock_timestamp() AT TIME ZONE 'UTC' + interval '8 hours')::date")
    if not await connection.fetch(DUE, today, 1):
        return False
    head = await lock_head(connection)
    due = await connection.fetch(DUE, head.today, AT_ONCE)
    await _write(connection, due, head, secrecy)
    return len(due) == AT_ONCE


async def _write(connection: Connection, due: Sequence[asyncpg.Record], head: Head, secrecy: Secrecy) -> None:
    acts = [
        ListingAct(
            act=Act.EXPIRED if row["is_past_term"] else Act.PUBLISHED,
            listing_id=row["id"],
            version=row["version"] + 1,
            row=None,
            is_change=True,
            ended_on=row["expires_on"] if row["is_past_term"] else None,
        )
        for row in due
    ]
    versioned = await apply_dated_acts(connection, acts, head=head, by=By(CALENDAR))
    entries = [
        Entry(ENTRY_OF_ACT[one.act.act], CALENDAR, listing_ids=(one.act.listing_id,), list_version=one.list_version)
        for one in versioned
    ]
    await record(connection, entries, at=head.at, secrecy=secrecy)


MOST_ATTEMPTS = 20
"""A file that ends its worker so often before it is read to its end is at fault itself."""
PROGRESS_SECONDS = 0.5


async def load_next(connection: Connection, secrecy: Secrecy, room: Room = ELSEWHERE) -> bool:
    """Run the oldest import that waits to its end, chunk by chunk as there is room; False when none does."""
    await room.wait()
    job = await claim_import(connection)
    if job is None:
        return False
    if await connection.fetchval("SELECT attempts > $2 FROM imports WHERE id = $1", job.import_id, MOST_ATTEMPTS):
        await fail_import(connection, job, "the import was begun too often without coming to its end")
        return True
    log.info("import_begun", import_id=str(job.import_id))
    courts = await known_courts(connection)
    told = time.monotonic()
    try:
        async with uploaded_file(connection, job, secrecy) as path:
            async for fraction in run_import(connection, job, path, courts=courts, secrecy=secrecy):
                await room.wait()
                if time.monotonic() - told > PROGRESS_SECONDS:
                    told = time.monotonic()
                    await connection.execute("UPDATE imports SET progress = $2 WHERE id = $1", job.import_id, fraction)
    except UnreadableFile:
        log.info("import_unreadable", import_id=str(job.import_id))
    else:
        log.info("import_ended", import_id=str(job.import_id))
    return True


async def sweep_imports(connection: Connection, _secrecy: Secrecy) -> bool:
    """Refused rows are kept 30 days; parts of an upload that never became a job, one."""
    await connection.execute(
        """
        DELETE FROM import_refusals WHERE import_id IN (
            SELECT id FROM imports WHERE finished_at < clock_timestamp() - interval '30 days'
            AND EXISTS (SELECT FROM import_refusals r WHERE r.import_id = imports.id))
        """
    )
    await connection.execute(
        """
        DELETE FROM import_parts p WHERE at < clock_timestamp() - interval '1 day'
          AND NOT EXISTS (SELECT FROM imports i WHERE i.id = p.import_id
                          AND i.state IN ('queued', 'running', 'awaiting_confirmation'))
        """
    )
    return False
