"""Deletes login attempts and challenges that are no longer needed."""

from blacklist_service.database.connections import Connection
from blacklist_service.secrecy import Secrecy

FORGOTTEN_AT_ONCE = 10_000
FORGET = """
DELETE FROM staff_attempts WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM staff_attempts a
    WHERE at < clock_timestamp() - interval '2 days'
      AND (staff IS NULL OR id < (SELECT max(id) FROM staff_attempts l
                                  WHERE l.staff = a.staff AND (l.what = 'lock' OR (l.what = 'login' AND l.succeeded))))
    LIMIT $1))
"""


async def forget_attempts(connection: Connection, _secrecy: Secrecy) -> bool:
    """Limits look back at most a day, and failures in a row to the last success or lock: delete what is older, and expired
    challenges.
    """
    await connection.execute("DELETE FROM staff_challenges WHERE at < clock_timestamp() - interval '1 hour'")
    status = await connection.execute(FORGET, FORGOTTEN_AT_ONCE)
    return status.endswith(f" {FORGOTTEN_AT_ONCE}")
