"""Who was told of a withdrawal and who was not, among the units that were ever answered block or flag because of the
listing.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from blacklist_service.database.connections import Connection
from blacklist_service.problems import NotFound
from blacklist_service.webhooks.queries import IS_TOLD

WITHDRAWAL = """
SELECT v.list_version, v.at AS withdrawn_at,
       c.list_version >= v.list_version
       AND NOT EXISTS (SELECT FROM watch_withdrawals w WHERE w.list_version = v.list_version) AS is_complete
FROM listing_versions v CROSS JOIN watch_cursor c
WHERE v.listing_id = $1 AND v.act = 'withdrawn' ORDER BY v.list_version DESC LIMIT 1
"""
# The time of an acknowledgement is not stored for each event: it was no later than the unit's last acknowledgement.
UNITS = f"""
SELECT told.member_code AS agency, m.name, count(*) AS checks, count(*) FILTER (WHERE told.is_told) AS told,
       min(told.at) AS since, CASE WHEN bool_and(told.is_told) THEN max(told.told_at) END AS told_at
FROM (
    SELECT e.member_code, e.at, e.sequence <= greatest(f.acknowledged, coalesce(t.through, 0)) OR {IS_TOLD} AS is_told,
           coalesce((SELECT min(d.settled_at) FROM webhooks w
                     JOIN webhook_deliveries d ON d.webhook_id = w.id AND d.sequence = e.sequence
                     WHERE w.member_code = e.member_code AND d.state = 'delivered'),
                    CASE WHEN e.sequence <= f.acknowledged THEN f.acknowledged_at END) AS told_at
    FROM watch_events e JOIN watch_feeds f ON f.member_code = e.member_code
    LEFT JOIN webhook_told t ON t.member_code = e.member_code
    WHERE e.type = 'check.listing_withdrawn' AND e.list_version = $1
) AS told JOIN members m ON m.code = told.member_code
GROUP BY told.member_code, m.name ORDER BY bool_and(told.is_told), min(told.at), told.member_code
"""


@dataclass(frozen=True, slots=True)
class Told:
    """How many of a unit's checks rested on the listing, and of how many of them it was told. `told_at`: when it had been
    told of all, if still known.
    """

    agency: str
    name: str
    checks: int
    told: int
    since: datetime
    told_at: datetime | None


@dataclass(frozen=True, slots=True)
class Telling:
    """`is_complete`: the search for checks that rested on the listing has finished."""

    withdrawn_at: datetime
    is_complete: bool
    units: list[Told]


async def get_telling(connection: Connection, listing_id: UUID) -> Telling:
    """Units that were not told come first. Raise `NotFound` for a listing that was not withdrawn."""
    withdrawal = await connection.fetchrow(WITHDRAWAL, listing_id)
    if withdrawal is None:
        raise NotFound
    units = [Told(**row) for row in await connection.fetch(UNITS, withdrawal["list_version"])]
    return Telling(withdrawal["withdrawn_at"], withdrawal["is_complete"], units)
