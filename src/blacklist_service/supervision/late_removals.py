"""Late removals: listings that a court said were performed, and did not delete within 3 working days (Art. 10(1)).

Only listings without a term: one with a term ends by it, or by the court's decision (Art. 2(2), 10(2)).
"""

import time
from datetime import date, timedelta
from typing import Any

from blacklist_service.clock import begin_of, legal_date
from blacklist_service.database.connections import Connection
from blacklist_service.database.legal_dates import legal_date_of
from blacklist_service.ledger.queries import database_clock
from blacklist_service.listings.deadlines import WORKING_DAYS_TO_ACT, working_days_after
from blacklist_service.secrecy import Secrecy
from blacklist_service.telemetry import LATE_REMOVALS

LONGEST_WAIT = timedelta(days=30)
"""Three working days never take longer, whatever the holidays."""
SECONDS_BETWEEN_COUNTS = 600.0

# From when the days of each performed listing count, and when it was removed from the list.
PERFORMED = f"""
SELECT l.id AS listing_id, l.court_code, l.court_name, l.case_number, p.since, p.performed_on,
       (SELECT {legal_date_of("min(v.at)")} FROM listing_versions v
        WHERE v.listing_id = l.id AND v.act IN ('deleted', 'withdrawn')) AS removed_on
FROM (
    SELECT listing_id FROM listing_performances WHERE stated_on BETWEEN $1 AND $2
    UNION
    SELECT listing_id FROM listing_versions WHERE document ->> 'performance' = 'full' AND at >= $3 AND at < $4
) AS said JOIN listings l ON l.id = said.listing_id
CROSS JOIN LATERAL (
    -- What is said again later, by another act or another statement, does not begin the days anew.
    SELECT least(min(s.stated_on),
                 (SELECT {legal_date_of("min(v.at)")} FROM listing_versions v
                  WHERE v.listing_id = l.id AND v.document ->> 'performance' = 'full')) AS since,
           min(s.performed_on) AS performed_on
    FROM listing_performances s WHERE s.listing_id = l.id
) AS p
WHERE l.expires_on IS NULL AND (l.performance = 'full' OR p.performed_on IS NOT NULL) AND p.since BETWEEN $1 AND $2
ORDER BY p.since, l.id
"""

OPEN = f"""
SELECT court_code, min(since) AS since FROM (
    SELECT l.id, l.court_code, (SELECT {legal_date_of("min(v.at)")} FROM listing_versions v
                                WHERE v.listing_id = l.id AND v.document ->> 'performance' = 'full') AS since
    FROM listings l WHERE l.ended IS NULL AND l.performance = 'full' AND l.expires_on IS NULL
    UNION ALL
    SELECT l.id, l.court_code, p.stated_on
    FROM listing_performances p JOIN listings l ON l.id = p.listing_id WHERE l.ended IS NULL AND l.expires_on IS NULL
) AS said GROUP BY id, court_code
"""


async def list_late_removals(connection: Connection, first: date, last: date, *, today: date) -> list[dict[str, Any]]:
    """Listings whose deletion was due in the period and came late, or has not come yet; oldest first."""
    since = first - LONGEST_WAIT
    rows = await connection.fetch(PERFORMED, since, last, begin_of(since), begin_of(last + timedelta(days=1)))
    found = []
    for row in rows:
        due = working_days_after(row["since"], WORKING_DAYS_TO_ACT)
        until = row["removed_on"] or today
        if first <= due.on <= last and due.is_overdue(until):
            found.append({**row, "due_on": due.on, "days_late": (until - due.on).days})
    return found


class LateRemovalsGauge:
    """The worker's task that exports as a metric, by court, how many listings are overdue and still on the list."""

    def __init__(self) -> None:
        self._next = 0.0

    async def __call__(self, connection: Connection, _secrecy: Secrecy) -> bool:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + SECONDS_BETWEEN_COUNTS
            await self.count(connection)
        return False

    async def count(self, connection: Connection) -> None:
        today = legal_date(await database_clock(connection))
        courts = await connection.fetch("SELECT court_code FROM members WHERE court_code IS NOT NULL")
        counted = {row["court_code"]: 0 for row in courts}
        for row in await connection.fetch(OPEN):
            is_late = working_days_after(row["since"], WORKING_DAYS_TO_ACT).is_overdue(today)
            counted[row["court_code"]] = counted.get(row["court_code"], 0) + is_late
        for court, late in counted.items():
            LATE_REMOVALS.labels(court).set(late)
