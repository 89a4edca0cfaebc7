"""Whether every entry is sealed or waits to be: whoever may delete from the queue could keep one out of the log unseen.

An entry and its row of the queue are committed together, and that row goes when its leaf is there. So an entry with neither
was robbed of its row. The sequencer puts it back within `LOOK_SECONDS`, before the log's order could suffer, and says so.
"""

from datetime import datetime, timedelta

from blacklist_service.database.connections import Connection

LOOK_SECONDS = 15.0
LONGEST_TRANSACTION = timedelta(seconds=60)
"""An entry is committed at the latest so long after the instant it bears."""
WHEN_TAKEN_UP = timedelta(hours=1)
HEALED_AFTER = timedelta(seconds=45)
SEEN_BY_PROBES = timedelta(minutes=5)

LOST = """
SELECT e.at, e.id FROM ledger_entries e
WHERE e.at >= $1 AND e.at <= $2
  AND NOT EXISTS (SELECT FROM ledger_leaves l WHERE l.entry_id = e.id)
  AND NOT EXISTS (SELECT FROM ledger_pending p WHERE p.at = e.at AND e.id = ANY(p.entries))
"""


async def count_lost(connection: Connection, *, since: timedelta, until: timedelta = timedelta()) -> int:
    """How many entries of the time from `since` ago to `until` ago are neither sealed nor waiting."""
    now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    count: int = await connection.fetchval(f"SELECT count(*) FROM ({LOST}) AS lost", now - since, now - until)
    return count


async def requeue_lost(connection: Connection, *, since: datetime | None) -> tuple[int, datetime]:
    """Put what was lost back into the queue; return how many entries that were, and where the next look begins."""
    now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    rows = await connection.fetch(
        f"""
        INSERT INTO ledger_pending (at, entries)
        SELECT at, array_agg(id) FROM ({LOST}) AS lost GROUP BY at RETURNING cardinality(entries) AS entries
        """,
        now - WHEN_TAKEN_UP if since is None else since,
        now,
    )
    return sum(row["entries"] for row in rows), now - LONGEST_TRANSACTION
