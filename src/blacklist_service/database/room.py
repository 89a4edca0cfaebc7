"""Whether the service can continue: ledger partitions ahead of the calendar, free space on the disk."""

import asyncio
import shutil
import time
from pathlib import Path

from blacklist_service.database.connections import Connection

FEWEST_MONTHS_AHEAD = 2
LEAST_FREE_SHARE = 0.10
"""Below this share somebody must free space: without space for its write-ahead log PostgreSQL panics (trust.md §5)."""
LEAST_FREE_BYTES = 2 << 30
"""On a large disk a tenth is far more than is written before somebody reacts: checks continue down to this size."""
SPARE_FREE_SHARE = 0.20
SPARE_FREE_BYTES = 10 << 30
"""Everything that can wait (files, loads, exports) stops before checks do. The smaller of the two applies."""
LOOK_SECONDS = 1.0


class Room:
    """Whether the disk of the embedded database still has room for evidence; checked once a second.

    No answer leaves without its row, so checks stop before PostgreSQL does, and continue by themselves once there is room. An
    external database (`folder` is None) is for its own operator to watch.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._looked_at = -LOOK_SECONDS
        self._is_short = False

    @property
    def is_here(self) -> bool:
        """Whether the database runs on this machine."""
        return self._folder is not None

    def is_short(self) -> bool:
        now = time.monotonic()
        if self._folder is not None and now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            self._is_short = _is_below(self._folder, LEAST_FREE_SHARE, LEAST_FREE_BYTES)
        return self._is_short

    def is_spare(self) -> bool:
        """Whether there is room beyond what checks need; checked on each call, because a file fills much in a second."""
        return self._folder is None or not _is_below(self._folder, SPARE_FREE_SHARE, SPARE_FREE_BYTES)

    async def wait(self) -> None:
        """Work that fills the disk waits here until there is room that checks do not need."""
        while not self.is_spare():  # noqa: ASYNC110 - nobody tells of a disk's room
            await asyncio.sleep(LOOK_SECONDS)


ELSEWHERE = Room(None)


async def months_ahead(connection: Connection) -> int:
    """For how many whole months after this one all ledger partitions exist."""
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
    """The free share of the disk that holds `folder`; None if it cannot be determined."""
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
    """What is wrong, in one sentence; None if nothing is."""
    if months < FEWEST_MONTHS_AHEAD:
        return f"the ledger has partitions for {months} months ahead: the background worker does not make them"
    if free is not None and free < LEAST_FREE_SHARE:
        return f"{free:.0%} of the disk is free: make room before the database stops"
    return None
