"""How much work of a court may wait, and how often it may break off: everybody shares the database that keeps its files."""

import time
from collections import defaultdict, deque

from blacklist_service.database.connections import Connection
from blacklist_service.listings.operations.uploads import PART_BYTES
from blacklist_service.problems import TooManyRequests

RETRY_AFTER_SECONDS = 60
MOST_BROKEN_OFF = 10
BROKEN_OFF_SECONDS = 60.0

WAITING = """
SELECT count(*) AS imports, coalesce(sum(parts), 0)::bigint AS parts FROM imports
WHERE court_code = $1 AND state IN ('queued', 'running', 'awaiting_confirmation') AND parts > 0
"""


async def require_quota(
    connection: Connection, court_code: str, *, most_imports: int, most_bytes: int, more_parts: int = 0
) -> None:
    """Raise `TooManyRequests` if the court's waiting files have reached the limit of number or size.

    Call it in the transaction that adds one, so that two concurrent requests cannot both be the last.
    """
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"imports {court_code}")
    waiting = await connection.fetchrow(WAITING, court_code)
    assert waiting is not None  # noqa: S101 - an aggregate
    if waiting["imports"] >= most_imports or (waiting["parts"] + more_parts) * PART_BYTES > most_bytes:
        raise TooManyRequests(
            "as much of this court's is waiting already as may: let it be loaded, confirm it or cancel it",
            retry_after_seconds=RETRY_AFTER_SECONDS,
        )


class BrokenOff:
    """When files of each court were last broken off in this process. Each costs the database as much as a file, and an entry,
    and leaves nothing that a quota could count.
    """

    def __init__(self) -> None:
        self._moments: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=MOST_BROKEN_OFF))

    def note(self, court_code: str) -> None:
        self._moments[court_code].append(time.monotonic())

    def require_few(self, court_code: str) -> None:
        """Raise `TooManyRequests` if the court has broken off ten files within a minute, until the first is a minute ago."""
        moments = self._moments[court_code]
        seconds = BROKEN_OFF_SECONDS - (time.monotonic() - moments[0]) if len(moments) == MOST_BROKEN_OFF else 0.0
        if seconds > 0:
            raise TooManyRequests(
                f"{MOST_BROKEN_OFF} files of this court were broken off within a minute",
                retry_after_seconds=int(seconds) + 1,
            )
