"""Versions after a restore: they skip all versions that may have been issued, and requests from inside the gap are refused.

A backup is older than the service it was taken from, which went on, so followers of the list hold versions that the restored
database never issued. If versions continued from the backup, the same numbers would be issued again for other changes, and a
follower would miss those unnoticed. So a restored database continues far above, and a client that presents a version from the
gap must start again.
"""

from blacklist_service.database.connections import Connection

STRIDE = 1_000_000_000
"""More versions than any service issues between a backup and its restore; far below 2^53 even after millions of restores."""
FOLLOWED = ("list", "notices")


async def restart_versions(connection: Connection) -> None:
    """Skip versions of the list and the notices, and sequence numbers of events; in a transaction of the owner or of a role
    that may do this.
    """
    for name in FOLLOWED:
        last = await connection.fetchval("SELECT version FROM heads WHERE name = $1 FOR UPDATE", name)
        first = (last // STRIDE + 1) * STRIDE
        await connection.execute(
            "INSERT INTO version_restarts (name, last_version, first_version) VALUES ($1, $2, $3)", name, last, first
        )
        await connection.execute("UPDATE heads SET version = $2 WHERE name = $1", name, first)
    if await connection.fetchval("SELECT to_regclass('watch_feeds')"):  # the backup may be older than these tables
        # Events after the backup must not get sequence numbers that units have already seen.
        await connection.execute("UPDATE watch_feeds SET last_sequence = (last_sequence / $1 + 1) * $1", STRIDE)


async def is_version_known(connection: Connection, name: str, version: int) -> bool:
    """Whether this database issued that version, so that everything after it can be reported completely."""
    known: bool = await connection.fetchval(
        """
        SELECT $2 <= version AND NOT EXISTS (
            SELECT FROM version_restarts r WHERE r.name = $1 AND r.last_version < $2 AND $2 < r.first_version)
        FROM heads WHERE name = $1
        """,
        name,
        version,
    )
    return known
