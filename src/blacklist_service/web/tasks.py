"""Deletes the answers stored for retries after their 24 hours."""

from blacklist_service.database.connections import Connection
from blacklist_service.secrecy import Secrecy

FORGOTTEN_AT_ONCE = 10_000


async def forget_answers(connection: Connection, _secrecy: Secrecy) -> bool:
    status = await connection.execute(
        """
        DELETE FROM idempotency_keys WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM idempotency_keys WHERE at < clock_timestamp() - interval '25 hours' LIMIT $1))
        """,
        FORGOTTEN_AT_ONCE,
    )
    return status.endswith(f" {FORGOTTEN_AT_ONCE}")
