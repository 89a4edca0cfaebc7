"""Creates the ledger's partitions a year ahead, by the only function of the owner that the application may call."""

from blacklist_service.database.connections import connect

MONTHS_AHEAD = 12


async def attach_months(dsn: str) -> None:
    """Attach missing partitions; usually there are none, and no lock is taken."""
    connection = await connect(dsn, application_name="blacklist-service worker", lock_timeout="4000")
    try:
        last = await connection.fetchval(
            "SELECT (date_trunc('month', clock_timestamp()) + make_interval(months => $1))::date", MONTHS_AHEAD
        )
        if (
            await connection.fetchval("SELECT to_regclass('ledger_secrets' || to_char($1::date, '_YYYY_MM'))", last)
            is None
        ):
            await connection.execute("SELECT keep_ledger_months()")
    finally:
        await connection.close()
