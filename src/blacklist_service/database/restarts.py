"""Versions after a restore: they jump past all that may have been given out, and what lay between is refused.

A backup is of a moment; the service it was taken from went on, and those who follow the list hold versions that the restored
database never gave. Counted on from the backup, the same numbers would come again for other changes, and a follower would
miss them without a word. So a restore begins far above, and whoever comes with a version of the gap must start anew.
"""

from blacklist_service.database.connections import Connection

STRIDE = 1_000_000_000
"""More versions than any service gives out between a backup and its restore; far below 2^53 for millions of restores."""
FOLLOWED = ("list", "notices")


async def restart_versions(connection: Connection) -> None:
    """Let the list's and the notices' versions jump, and the sequences of what units are told; in a transaction of the
    owner's, or of who may go on from a restore.
    """
    for name in FOLLOWED:
        last = await connection.fetchval("SELECT version FROM heads WHERE name = $1 FOR UPDATE", name)
        first = (last // STRIDE + 1) * STRIDE
        await connection.execute(
            "INSERT INTO version_restarts (name, last_version, first_version) VALUES ($1, $2, $3)", name, last, first
        )
        await connection.execute("UPDATE heads SET version = $2 WHERE name = $1", name, first)
    if await connection.fetchval("SELECT to_regclass('watch_feeds')"):  # a backup may be of before there were any
        # What units were told of after the backup is not told again under the same numbers.
        await connection.execute("UPDATE watch_feeds SET last_sequence = (last_sequence / $1 + 1) * $1", STRIDE)


async def is_version_known(connection: Connection, name: str, version: int) -> bool:
    """Whether this database gave out such a version, so that what follows it can be told whole."""
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
