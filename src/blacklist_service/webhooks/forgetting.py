"""Deletes old deliveries, and later the events. What was told stays in the ledger.

An event is deleted only together with all before it, so that a feed begins later and has no gap; a cursor before its
beginning is refused (`watches.problems.EventsForgotten`). Events that nobody received are kept for years.
"""

from datetime import datetime

from blacklist_service.database.connections import Connection
from blacklist_service.watches.rules import EVENTS_KEPT, UNTOLD_EVENTS_KEPT
from blacklist_service.webhooks.rules import DELIVERIES_KEPT

AT_ONCE = 10_000

# The limit applies to deletable rows: events that a unit was not told of must not use it up.
DELIVERIES = """
DELETE FROM webhook_deliveries WHERE ctid = ANY(ARRAY(
    SELECT d.ctid FROM webhook_deliveries d
    JOIN webhooks w ON w.id = d.webhook_id JOIN webhook_told t ON t.member_code = w.member_code
    WHERE d.state IN ('delivered', 'superseded') AND d.settled_at < $1 AND d.sequence <= t.through LIMIT $2))
"""
OLD = """
SELECT f.member_code FROM watch_feeds f
CROSS JOIN LATERAL (SELECT e.at FROM watch_events e WHERE e.member_code = f.member_code AND e.sequence > f.forgotten
                    ORDER BY e.sequence LIMIT 1) AS first
WHERE first.at < $1 ORDER BY f.member_code
"""
# Up to the first event that must stay: one that is too young, or untold and not old enough; one that waits for an endpoint,
# or that an endpoint has not come to yet.
LAST = """
SELECT max(sequence) FROM (
    SELECT e.sequence, bool_and(
               e.at < $2 AND e.sequence <= held.told OR e.at < $3) OVER (ORDER BY e.sequence) AS may_go
    FROM (SELECT f.forgotten, greatest(f.acknowledged, coalesce(t.through, 0)) AS told
          FROM watch_feeds f LEFT JOIN webhook_told t ON t.member_code = f.member_code WHERE f.member_code = $1) AS held
    CROSS JOIN LATERAL (SELECT sequence, at FROM watch_events
                        WHERE member_code = $1 AND sequence > held.forgotten ORDER BY sequence LIMIT $4) AS e
) AS looked
WHERE may_go AND sequence <= coalesce((SELECT min(cursor) FROM webhooks
                                       WHERE member_code = $1 AND state IN ('active', 'failing')), sequence)
  AND sequence < coalesce((SELECT min(d.sequence) FROM webhooks w JOIN webhook_deliveries d ON d.webhook_id = w.id
                           WHERE w.member_code = $1 AND d.state = 'pending'), sequence + 1)
"""


async def forget(connection: Connection, *, at: datetime) -> int:
    """Delete deliveries that were settled long ago, if their unit was told everything before them too; and events that were
    told longer ago, or that expired though nobody received them. Return how many events.
    """
    is_more = True
    while is_more:
        status = await connection.execute(DELIVERIES, at - DELIVERIES_KEPT, AT_ONCE)
        is_more = _number(status) == AT_ONCE
    members = [row["member_code"] for row in await connection.fetch(OLD, at - EVENTS_KEPT)]
    return sum([await _forget_events(connection, member, at) for member in members])


async def _forget_events(connection: Connection, member: str, at: datetime) -> int:
    forgotten, is_more = 0, True
    while is_more:
        async with connection.transaction():
            await connection.execute("SELECT FROM watch_feeds WHERE member_code = $1 FOR UPDATE", member)
            last = await connection.fetchval(LAST, member, at - EVENTS_KEPT, at - UNTOLD_EVENTS_KEPT, AT_ONCE)
            number = 0 if last is None else await _forget_through(connection, member, last)
        forgotten += number
        is_more = number == AT_ONCE
    return forgotten


async def _forget_through(connection: Connection, member: str, last: int) -> int:
    await connection.execute(
        "DELETE FROM webhook_deliveries d USING webhooks w"
        " WHERE w.id = d.webhook_id AND w.member_code = $1 AND d.sequence <= $2",
        *(member, last),
    )
    status = await connection.execute(
        "DELETE FROM watch_events WHERE member_code = $1 AND sequence <= $2", member, last
    )
    await connection.execute("UPDATE watch_feeds SET forgotten = $2 WHERE member_code = $1", member, last)
    return _number(status)


def _number(status: str) -> int:
    return int(status.rpartition(" ")[2])
