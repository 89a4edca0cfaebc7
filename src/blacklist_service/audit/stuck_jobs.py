"""Imports, exports and simulations that were begun again and again: the worker cannot finish them, so a person must look."""

from blacklist_service.database.connections import Connection
from blacklist_service.listings.operations.jobs import SUSPICIOUS_ATTEMPTS

STUCK_JOBS = """
SELECT (SELECT count(*) FROM imports WHERE state IN ('queued', 'running') AND parts > 0 AND attempts >= $1)
     + (SELECT count(*) FROM exports WHERE state IN ('queued', 'running') AND attempts >= $1)
     + (SELECT count(*) FROM simulations WHERE state IN ('queued', 'running') AND attempts >= $1)
     + (SELECT count(*) FROM imports WHERE state = 'failed' AND attempts >= $1
        AND finished_at > clock_timestamp() - interval '1 day')
     + (SELECT count(*) FROM exports WHERE state = 'failed' AND attempts >= $1
        AND finished_at > clock_timestamp() - interval '1 day')
     + (SELECT count(*) FROM simulations WHERE state = 'failed' AND attempts >= $1
        AND finished_at > clock_timestamp() - interval '1 day')
"""


async def count_stuck_jobs(connection: Connection) -> int:
    """Jobs that wait for a further attempt, and those that were given up within the last day."""
    count: int = await connection.fetchval(STUCK_JOBS, SUSPICIOUS_ATTEMPTS)
    return count
