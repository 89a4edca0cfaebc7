"""The worker's tasks for files: importing them, deleting what is kept only for a time. The calendar's task is in
`calendar`.
"""

import time

import structlog

from blacklist_service.database.connections import Connection
from blacklist_service.database.room import ELSEWHERE, Room
from blacklist_service.listings.files import UnreadableFile
from blacklist_service.listings.operations.jobs import claim_import, fail_import, run_import
from blacklist_service.listings.operations.uploads import uploaded_file
from blacklist_service.listings.problems import ImportFailed
from blacklist_service.listings.queries import known_courts
from blacklist_service.secrecy import Secrecy

log = structlog.get_logger()

MOST_ATTEMPTS = 10
"""A file that ends its worker this often is at fault itself. Attempts to read and to apply count together, and are never
reset.
"""
PROGRESS_SECONDS = 0.5


async def load_next(connection: Connection, secrecy: Secrecy, room: Room = ELSEWHERE) -> bool:
    """Run the oldest waiting import to its end, chunk by chunk as long as there is room; return False if there is none."""
    await room.wait()
    job = await claim_import(connection)
    if job is None:
        return False
    if await connection.fetchval("SELECT attempts > $2 FROM imports WHERE id = $1", job.import_id, MOST_ATTEMPTS):
        await fail_import(connection, job, "the import was begun too often without coming to its end")
        log.error("import_given_up", import_id=str(job.import_id))
        return True
    log.info("import_begun", import_id=str(job.import_id))
    courts = await known_courts(connection)
    told = time.monotonic()
    try:
        async with uploaded_file(connection, job.import_id, secrecy) as path:
            async for fraction in run_import(connection, job, path, courts=courts, secrecy=secrecy):
                await room.wait()
                if time.monotonic() - told > PROGRESS_SECONDS:
                    told = time.monotonic()
                    await connection.execute("UPDATE imports SET progress = $2 WHERE id = $1", job.import_id, fraction)
    except UnreadableFile:
        log.info("import_unreadable", import_id=str(job.import_id))
    except ImportFailed:
        log.exception("import_failed", import_id=str(job.import_id))
    else:
        log.info("import_ended", import_id=str(job.import_id))
    return True


async def sweep_imports(connection: Connection, _secrecy: Secrecy) -> bool:
    """Refused rows are kept for 30 days; parts of an upload that never became a job, for one day."""
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
