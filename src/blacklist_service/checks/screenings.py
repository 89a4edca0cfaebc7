"""Screening a roster: one act, sent in parts, within the quota of the unit that asks.

A screening asks about thousands of subjects at once, which the budget for single checks rightly forbids. So a screening has
a name, which the ledger entry of each of its checks carries, and counts as one act; how many rows a unit may screen in a day
is a separate quota. A part is identified by its Idempotency-Key: sent again, only the rows it has more than before are
counted.
"""

from datetime import timedelta

from blacklist_service.database.connections import Connection
from blacklist_service.ledger.queries import database_clock
from blacklist_service.problems import TooManyRequests
from blacklist_service.secrecy import Secrecy

FACT = "screening"
"""The fact in a check's entry that names its screening."""
A_DAY = timedelta(hours=24)
LONGEST_WAIT_SECONDS = 3600
TOO_MANY = "as many rows of rosters were screened in a day as this unit may"

COUNT = """
SELECT coalesce(sum(rows) FILTER (WHERE part <> $2), 0)::bigint AS others, min(at) AS first,
       coalesce(max(rows) FILTER (WHERE part = $2), 0) AS kept
FROM screened_parts WHERE member = $1 AND at > $3
"""
KEEP = """
INSERT INTO screened_parts (member, part, screening, rows, at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (member, part) DO UPDATE SET screening = excluded.screening, rows = excluded.rows, at = excluded.at
"""


async def admit_part(connection: Connection, *, member: str, screening: str, part: str, rows: int, most: int) -> None:
    """Count a part of a screening; raise `TooManyRequests` if the unit has screened the most rows it may in a day."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"screenings {member}")
    at = await database_clock(connection)
    found = await connection.fetchrow(COUNT, member, part, at - A_DAY)
    assert found is not None  # noqa: S101 - an aggregate
    if rows <= found["kept"]:
        return
    if most and found["others"] + rows > most:
        left = (found["first"] or at) + A_DAY - at
        raise TooManyRequests(
            TOO_MANY, retry_after_seconds=max(1, min(int(left.total_seconds()), LONGEST_WAIT_SECONDS))
        )
    await connection.execute(KEEP, member, part, screening, rows, at)


async def forget_parts(connection: Connection, _secrecy: Secrecy) -> bool:
    """Delete parts that are more than a day old; they no longer count."""
    await connection.execute("DELETE FROM screened_parts WHERE at < clock_timestamp() - interval '25 hours'")
    return False
