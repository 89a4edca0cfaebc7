"""What export and simulation jobs share: the oldest runs first, and a failed one does not stop others."""

from collections.abc import Awaitable, Callable
from typing import Literal
from uuid import UUID

import asyncpg
import structlog

from blacklist_service.access.principals import Actor, Principal
from blacklist_service.database.connections import PASSING, Connection
from blacklist_service.problems import NotFound, NotYours, Problem, TooManyRequests
from blacklist_service.secrecy import Secrecy

MOST_ATTEMPTS = 3

Jobs = Literal["exports", "simulations"]
"""The job's table."""
JobWork = Callable[[Connection, asyncpg.Record, Secrecy], Awaitable[object]]

log = structlog.get_logger()


async def run_next(connection: Connection, jobs: Jobs, work: JobWork, secrecy: Secrecy) -> bool:
    """Run the oldest job that waits, or that was begun but not finished; the caller holds the worker's lock.

    A temporary fault (`PASSING`) is raised, and the job runs again; any other fault ends the job, so that the next one does
    not wait behind it.
    """
    row = await connection.fetchrow(
        f"""
        UPDATE {jobs} SET state = 'running', attempts = attempts + 1
        WHERE id = (SELECT id FROM {jobs} WHERE state IN ('queued', 'running') ORDER BY id LIMIT 1)
        RETURNING *
        """
    )
    if row is None:
        return False
    if row["attempts"] > MOST_ATTEMPTS:
        await fail(connection, jobs, row["id"], "it was begun several times and never ended")
        return True
    try:
        await work(connection, row, secrecy)
    except Problem as problem:
        await fail(connection, jobs, row["id"], problem.detail)
    except PASSING:
        raise
    except Exception as error:
        log.exception("job_failed", jobs=jobs)
        await fail(connection, jobs, row["id"], f"a fault of this service ({type(error).__name__}); tell its operator")
    return True


async def fail(connection: Connection, jobs: Jobs, job_id: UUID, problem: str) -> None:
    await connection.execute(
        f"UPDATE {jobs} SET state = 'failed', finished_at = clock_timestamp(), problem = $2 WHERE id = $1",
        *(job_id, problem),
    )


async def require_quota(connection: Connection, jobs: Jobs, actor: Actor, *, most: int) -> None:
    """Raise `TooManyRequests` if the member already has the most jobs waiting that it may."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"{jobs} {actor.member}")
    waiting = await connection.fetchval(
        f"SELECT count(*) FROM {jobs} WHERE member = $1 AND state IN ('queued', 'running')",
        actor.member,
    )
    if waiting >= most:
        raise TooManyRequests(f"as many {jobs} are waiting as may: fetch those first", retry_after_seconds=60)


async def find_own(connection: Connection, jobs: Jobs, job_id: UUID, caller: Principal) -> asyncpg.Record:
    """Raise `NotFound` if there is none, `NotYours` if another member requested it."""
    row = await connection.fetchrow(f"SELECT * FROM {jobs} WHERE id = $1", job_id)
    if row is None:
        raise NotFound
    if row["member"] != caller.member:
        raise NotYours
    return row
