"""Whether there is room to go on: partitions ahead of the calendar, space on the disk."""

import asyncio
import shutil
import time
from pathlib import Path

from blacklist_service.database.connections import Connection

FEWEST_MONTHS_AHEAD = 2
LEAST_FREE_SHARE = 0.10
"""Below, somebody must make room: without space for its write-ahead log PostgreSQL panics (trust.md §5)."""
LEAST_FREE_BYTES = 2 << 30
"""On a large disk a tenth is far more than what is written before somebody comes: checks go on down to this."""
SPARE_FREE_SHARE = 0.20
SPARE_FREE_BYTES = 10 << 30
"""What is no check, and may wait, stops above the mark of checks: files, loads, exports. Whichever is less, of either."""
LOOK_SECONDS = 1.0


class Room:
    """Whether the disk of the embedded database still has room for evidence; looked at once a second.

    No answer leaves without its row, so checks stop before PostgreSQL does, and go on by themselves once there is room.
    A database elsewhere (`folder` is None) is its own operator's to watch.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._looked_at = -LOOK_SECONDS
        self._is_short = False

    def is_short(self) -> bool:
        now = time.monotonic()
        if self._folder is not None and now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            self._is_short = _is_below(self._folder, LEAST_FREE_SHARE, LEAST_FREE_BYTES)
        return self._is_short

    def is_spare(self) -> bool:
        """Whether there is room beyond what checks need; looked at each time, for a file fills much in a second."""
        return self._folder is None or not _is_below(self._folder, SPARE_FREE_SHARE, SPARE_FREE_BYTES)

    async def wait(self) -> None:
        """What fills the disk by itself waits here for room that checks do not need."""
        while not self.is_spare():  # noqa: ASYNC110 - nobody tells of a disk's room
            await asyncio.sleep(LOOK_SECONDS)


ELSEWHERE = Room(None)


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


def _is_below(folder: Path, share: float, least: int) -> bool:
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return False
    return usage.free < min(usage.total * share, least)


def require_room(months: int, free: float | None) -> str | None:
    """What is wrong, in one sentence."""
    if months < FEWEST_MONTHS_AHEAD:
        return f"the ledger has partitions for {months} months ahead: the background worker does not make them"
    if free is not None and free < LEAST_FREE_SHARE:
        return f"{free:.0%} of the disk is free: make room before the database stops"
    return None
