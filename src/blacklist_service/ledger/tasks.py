"""Keeping the ledger's partitions a year ahead: as the owner, for the application's role owns nothing."""

from blacklist_service.database.connections import connect

MONTHS_AHEAD = 12


async def attach_months(dsn: str) -> None:
    """Attach what is missing; nearly always that is nothing, and no lock is taken."""
    owner = await connect(dsn, role=None, application_name="blacklist-service worker", lock_timeout="4000")
    try:
        last = await owner.fetchval(
            "SELECT (date_trunc('month', clock_timestamp()) + make_interval(months => $1))::date", MONTHS_AHEAD
        )
        if await owner.fetchval("SELECT to_regclass('ledger_secrets' || to_char($1::date, '_YYYY_MM'))", last) is None:
            await owner.execute(
                """
                SELECT attach_ledger_month((date_trunc('month', clock_timestamp()) + make_interval(months => n))::date)
                FROM generate_series(0, $1::integer) AS n
                """,
                MONTHS_AHEAD,
            )
    finally:
        await owner.close()
