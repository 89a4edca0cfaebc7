"""The figures of a scorecard, each in one statement over all units."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import asyncpg

from blacklist_service.clock import begin_of
from blacklist_service.database.connections import Connection
from blacklist_service.database.legal_dates import legal_date_of
from blacklist_service.listings.deadlines import (
    DAYS_TO_DECIDE,
    WORKING_DAYS_TO_ACT,
    days_after,
    working_days_after,
)
from blacklist_service.secrecy import Secrecy
from blacklist_service.supervision.tasks import next_day

MOST_OVERRIDES = 100
Leads = dict[str, int]

# Counted days, and the days not counted yet: $1 from, $2 to, $3 first uncounted day, $4–$5 its instants.
CHECKS = """
SELECT agency, matter, decision, sum(checks)::bigint AS checks FROM (
    SELECT agency, matter, decision, checks FROM check_days WHERE legal_date BETWEEN $1 AND $2 AND legal_date < $3
    UNION ALL
    SELECT agency, matter, decision, count(*) FROM ledger_entries
    WHERE action = 'check' AND agency IS NOT NULL AND at >= $4 AND at < $5
    GROUP BY agency, matter, decision
) AS counted GROUP BY agency, matter, decision ORDER BY agency, matter, decision
"""

LAST_CHECKS = """
SELECT agency, max(last_at) AS last_at FROM (
    SELECT agency, last_at FROM check_days WHERE legal_date < $1
    UNION ALL
    SELECT agency, max(at) FROM ledger_entries WHERE action = 'check' AND agency IS NOT NULL AND at >= $2 GROUP BY agency
) AS seen GROUP BY agency
"""

OUTCOMES = """
SELECT o.agency, count(*) AS outcomes,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM o.at - o.checked_at))::float8 AS median_seconds,
       count(*) FILTER (WHERE last.action = 'approved' AND o.decision = 'block') AS overridden
FROM check_outcomes o
CROSS JOIN LATERAL (SELECT action FROM check_outcomes l WHERE l.check_id = o.check_id ORDER BY revision DESC LIMIT 1) last
WHERE o.revision = 1 AND o.decision <> 'clear' AND o.checked_at >= $1 AND o.checked_at < $2
GROUP BY o.agency
"""

OVERRIDES = """
SELECT o.agency, o.check_id, o.matter, o.at, o.reason FROM check_outcomes o
WHERE o.decision = 'block' AND o.action = 'approved' AND o.checked_at >= $1 AND o.checked_at < $2
  AND NOT EXISTS (SELECT FROM check_outcomes l WHERE l.check_id = o.check_id AND l.revision > o.revision)
ORDER BY o.agency, o.at LIMIT $3
"""

WAITING = f"""
SELECT e.agency, {legal_date_of("e.at")} AS day, count(*) AS waiting
FROM ledger_entries e
WHERE e.action = 'check' AND e.decision <> 'clear' AND e.agency IS NOT NULL AND e.at >= $1 AND e.at < $2
  AND NOT EXISTS (SELECT FROM check_outcomes o WHERE o.check_id = e.id)
GROUP BY 1, 2
"""

NOTICES = """
SELECT agency, count(*) AS served,
       count(*) FILTER (WHERE due_at IS NOT NULL) AS due,
       count(*) FILTER (WHERE answered_at <= due_at) AS in_time,
       count(*) FILTER (WHERE released_at IS NULL AND due_at < $3 AND (answered_at IS NULL OR answered_at > due_at)) AS late,
       count(*) FILTER (WHERE escalated_at IS NOT NULL) AS escalated
FROM notices WHERE served_at >= $1 AND served_at < $2 GROUP BY agency
"""

ACTS = f"""
SELECT l.court_code, v.act, v.decided_on, {legal_date_of("v.at")} AS done_on, count(*) AS acts
FROM listing_versions v JOIN listings l ON l.id = v.listing_id
WHERE v.at >= $1 AND v.at < $2 AND v.act IN ('published', 'corrected', 'deleted', 'withdrawn')
GROUP BY 1, 2, 3, 4
"""

OBJECTIONS = """
SELECT court_code, received_on, decided_on, count(*) AS objections
FROM objections WHERE received_on BETWEEN $1 AND $2 GROUP BY court_code, received_on, decided_on
"""

LEADS = """
SELECT agency, court_code, count(*) AS filed, count(taken_up_at) AS taken_up, count(closed_at) AS closed
FROM leads WHERE filed_at >= $1 AND filed_at < $2 GROUP BY agency, court_code
"""


async def count_checks(connection: Connection, first: date, last: date) -> list[asyncpg.Record]:
    """Checks by unit, matter and decision from `first` to `last`, both included."""
    uncounted = await next_day(connection) or first
    live_from = max(first, uncounted)
    return await connection.fetch(
        CHECKS, first, last, uncounted, begin_of(live_from), begin_of(max(last + timedelta(days=1), live_from))
    )


async def find_last_checks(connection: Connection) -> dict[str, datetime]:
    uncounted = await next_day(connection) or date.min.replace(year=2000)
    rows = await connection.fetch(LAST_CHECKS, uncounted, begin_of(uncounted))
    return {row["agency"]: row["last_at"] for row in rows}


async def count_outcomes(connection: Connection, first: date, last: date) -> dict[str, asyncpg.Record]:
    """Outcomes of blocks and flags that were answered in the period."""
    rows = await connection.fetch(OUTCOMES, begin_of(first), begin_of(last + timedelta(days=1)))
    return {row["agency"]: row for row in rows}


async def list_overrides(
    connection: Connection, first: date, last: date, *, secrecy: Secrecy
) -> dict[str, list[dict[str, Any]]]:
    """Blocks that an agency overrode, with its reason."""
    rows = await connection.fetch(OVERRIDES, begin_of(first), begin_of(last + timedelta(days=1)), MOST_OVERRIDES)
    cipher = secrecy.cipher("outcomes")
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        reason = cipher.open(row["reason"], row["check_id"].bytes).decode()
        shown = {"check_id": row["check_id"], "matter": row["matter"], "at": row["at"], "reason": reason}
        found.setdefault(row["agency"], []).append(shown)
    return found


async def count_waiting(
    connection: Connection, first: date, last: date, *, working_days: int, today: date
) -> dict[str, int]:
    """Blocks and flags that are past their working days without an outcome."""
    rows = await connection.fetch(WAITING, begin_of(first), begin_of(last + timedelta(days=1)))
    found: dict[str, int] = {}
    for row in rows:
        if working_days_after(row["day"], working_days).is_overdue(today):
            found[row["agency"]] = found.get(row["agency"], 0) + row["waiting"]
    return found


async def count_notices(connection: Connection, first: date, last: date, *, at: datetime) -> dict[str, asyncpg.Record]:
    rows = await connection.fetch(NOTICES, begin_of(first), begin_of(last + timedelta(days=1)), at)
    return {row["agency"]: row for row in rows}


async def count_acts(connection: Connection, first: date, last: date) -> dict[str, dict[str, dict[str, int]]]:
    """A court's acts, and how many came within 3 working days of their decision (Art. 9, 10)."""
    rows = await connection.fetch(ACTS, begin_of(first), begin_of(last + timedelta(days=1)))
    found: dict[str, dict[str, dict[str, int]]] = {}
    for row in rows:
        figures = found.setdefault(row["court_code"], {}).setdefault(row["act"], {"total": 0, "in_time": 0, "dated": 0})
        figures["total"] += row["acts"]
        if row["decided_on"] is not None:
            figures["dated"] += row["acts"]
            is_late = working_days_after(row["decided_on"], WORKING_DAYS_TO_ACT).is_overdue(row["done_on"])
            figures["in_time"] += 0 if is_late else row["acts"]
    return found


async def count_objections(connection: Connection, first: date, last: date) -> dict[str, dict[str, int]]:
    """How many were filed in the period, how many of them the court decided, and how many within its 15 days (Art. 12)."""
    found: dict[str, dict[str, int]] = {}
    for row in await connection.fetch(OBJECTIONS, first, last):
        figures = found.setdefault(row["court_code"], {"filed": 0, "decided": 0, "in_time": 0})
        figures["filed"] += row["objections"]
        if row["decided_on"] is not None:
            figures["decided"] += row["objections"]
            is_late = days_after(row["received_on"], DAYS_TO_DECIDE).is_overdue(row["decided_on"])
            figures["in_time"] += 0 if is_late else row["objections"]
    return found


async def list_units(connection: Connection, *, on: date) -> list[Mapping[str, Any]]:
    """All agencies and courts, by the name of that day."""
    rows = await connection.fetch(
        """
        SELECT m.code, m.kind, m.court_code, coalesce((SELECT n.name FROM member_names n
            WHERE n.member = m.code AND n.valid_from <= $1 ORDER BY n.valid_from DESC LIMIT 1), m.name) AS name
        FROM members m WHERE m.kind IN ('agency', 'court') ORDER BY m.code
        """,
        on,
    )
    return [dict(row) for row in rows]


async def count_leads(connection: Connection, first: date, last: date) -> tuple[dict[str, Leads], dict[str, Leads]]:
    """Leads filed in the period, and what the court has done with them since: by unit, and by court."""
    by_unit: dict[str, Leads] = {}
    by_court: dict[str, Leads] = {}
    for row in await connection.fetch(LEADS, begin_of(first), begin_of(last + timedelta(days=1))):
        for found, key in ((by_unit, row["agency"]), (by_court, row["court_code"])):
            figures = found.setdefault(key, {"filed": 0, "taken_up": 0, "closed": 0})
            for name in figures:
                figures[name] += row[name]
    return by_unit, by_court
