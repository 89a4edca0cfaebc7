"""How much work of a court may wait: its files are in the database, which everybody shares."""

from blacklist_service.database.connections import Connection
from blacklist_service.listings.operations.uploads import PART_BYTES
from blacklist_service.problems import TooManyRequests

RETRY_AFTER_SECONDS = 60

WAITING = """
SELECT count(*) AS imports, coalesce(sum(parts), 0)::bigint AS parts FROM imports
WHERE court_code = $1 AND state IN ('queued', 'running', 'awaiting_confirmation') AND parts > 0
"""


async def require_quota(
    connection: Connection, court_code: str, *, most_imports: int, most_bytes: int, more_parts: int = 0
) -> None:
    """Raise `TooManyRequests` if the court's waiting files have reached the limit of number or size.

    Call it in the transaction that adds one, so that two concurrent requests cannot both be the last.
    """
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"imports {court_code}")
    waiting = await connection.fetchrow(WAITING, court_code)
    assert waiting is not None  # noqa: S101 - an aggregate
    if waiting["imports"] >= most_imports or (waiting["parts"] + more_parts) * PART_BYTES > most_bytes:
        raise TooManyRequests(
            "as much of this court's is waiting already as may: let it be loaded, confirm it or cancel it",
            retry_after_seconds=RETRY_AFTER_SECONDS,
        )
