"""Imports, exports and simulations that were begun over and over: no worker will get them done, and a person has to look."""

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
    """Those that wait for yet another try, and for a day those that were given up."""
    count: int = await connection.fetchval(STUCK_JOBS, SUSPICIOUS_ATTEMPTS)
    return count
