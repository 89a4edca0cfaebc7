"""Whether there is room to go on: partitions ahead of the calendar, space on the disk."""

import shutil
from pathlib import Path

from blacklist_service.database.connections import Connection

FEWEST_MONTHS_AHEAD = 2
LEAST_FREE_SHARE = 0.10
"""Below, PostgreSQL may run out of space for its write-ahead log, and panics (trust.md §5)."""


async def months_ahead(connection: Connection) -> int:
    """For how many whole months after this one every partition of the ledger is there."""
    count: int = await connection.fetchval(
        """
        SELECT count(*) FROM (
            SELECT bool_and(to_regclass(parent || to_char(date_trunc('month', clock_timestamp())
                                                          + make_interval(months => n), '_YYYY_MM')) IS NOT NULL)
                   OVER (ORDER BY n) AS is_there
            FROM generate_series(1, 24) AS n, unnest(ARRAY['ledger_entries', 'ledger_subjects', 'ledger_secrets']) AS parent
        ) AS months WHERE is_there
        """
    )
    return count // 3


def free_share(folder: Path) -> float | None:
    """The share of the disk under `folder` that is free; None where it cannot be seen."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return usage.free / usage.total


def require_room(months: int, free: float | None) -> str | None:
    """What is wrong, in one sentence."""
    if months < FEWEST_MONTHS_AHEAD:
        return f"the ledger has partitions for {months} months ahead: the background worker does not make them"
    if free is not None and free < LEAST_FREE_SHARE:
        return f"{free:.0%} of the disk is free: make room before the database stops"
    return None
