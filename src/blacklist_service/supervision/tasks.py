"""Counts finished days once, so that a scorecard over years reads only a few thousand rows."""

from datetime import date, datetime, timedelta

from blacklist_service.clock import begin_of, legal_date
from blacklist_service.database.connections import Connection
from blacklist_service.secrecy import Secrecy

SETTLED = timedelta(minutes=10)
"""By then all transactions of checks have ended: a check has a deadline of a second or less."""


async def count_days(connection: Connection, _secrecy: Secrecy) -> bool:
    """Count the oldest finished day that is not counted yet; return whether there may be more."""
    if not await connection.fetchval("SELECT pg_try_advisory_xact_lock(hashtextextended('check_days', 0))"):
        return False
    at = await connection.fetchval("SELECT clock_timestamp()")
    day = await next_day(connection)
    if day is None or begin_of(day + timedelta(days=1)) + SETTLED > at:
        return False
    await connection.execute(
        """
        INSERT INTO check_days (legal_date, agency, matter, decision, checks, last_at)
        SELECT $1, agency, matter, decision, count(*), max(at) FROM ledger_entries
        WHERE action = 'check' AND agency IS NOT NULL AND at >= $2 AND at < $3 GROUP BY agency, matter, decision
        """,
        *(day, begin_of(day), begin_of(day + timedelta(days=1))),
    )
    await connection.execute("INSERT INTO check_days_counted (legal_date, at) VALUES ($1, $2)", day, at)
    return True


async def next_day(connection: Connection) -> date | None:
    """The first day that is not counted: the day after the last counted one, or else the day of the oldest entry."""
    last: date | None = await connection.fetchval("SELECT max(legal_date) FROM check_days_counted")
    if last is not None:
        return last + timedelta(days=1)
    first: datetime | None = await connection.fetchval("SELECT at FROM ledger_entries ORDER BY at LIMIT 1")
    return None if first is None else legal_date(first)
