"""Verifies that every entry is sealed or queued. Otherwise somebody who may delete from the queue could keep an entry out of
the log unseen.

An entry and its queue row are committed together, and the row is deleted when the leaf exists. So an entry with neither was
robbed of its row. The sequencer puts the row back within `LOOK_SECONDS`, before the order of the log could suffer, and
reports it.
"""

from datetime import datetime, timedelta

from blacklist_service.database.connections import Connection

LOOK_SECONDS = 15.0
LONGEST_TRANSACTION = timedelta(seconds=60)
"""An entry is committed at most this long after its own timestamp."""
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
    """How many entries from the period between `since` and `until` ago are neither sealed nor queued."""
    now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    count: int = await connection.fetchval(f"SELECT count(*) FROM ({LOST}) AS lost", now - since, now - until)
    return count


async def requeue_lost(connection: Connection, *, since: datetime | None) -> tuple[int, datetime]:
    """Put lost entries back into the queue; return how many there were, and where the next search begins."""
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
