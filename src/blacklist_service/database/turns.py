"""A lock that one process of several machines holds, and what becomes of it where its holder stands still.

The server frees a session's lock when its connection ends: of a process that died at once, of a machine that vanished
after the keepalives. One that is frozen (a stopped process, a virtual machine that is moved) keeps it, and nobody would do
its work. Whoever waits for the lock looks when the holder last said anything, and ends its session; awake again, it finds
that out.
"""

from blacklist_service.database.connections import connect

STANDS_STILL = """
SELECT a.pid FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 0 AND l.objid::bigint = $1 AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND a.state <> 'active' AND a.state_change < clock_timestamp() - make_interval(secs => $2)
"""
"""One that works is `active`, however long, and so is one whose commit waits for its replica: that is never ended here."""


async def end_frozen_holder(dsn: str, lock: int, *, silent_seconds: float) -> bool:
    """End the session that holds `lock` (below 2^32) where it has said nothing for so long; say whether there was one.

    Only sessions of the same login can be seen and ended, so all machines use one.
    """
    connection = await connect(dsn, role=None, application_name="blacklist-service turns")
    try:
        frozen = await connection.fetch(STANDS_STILL, lock, silent_seconds)
        for row in frozen:
            await connection.execute("SELECT pg_terminate_backend($1)", row["pid"])
        return bool(frozen)
    finally:
        await connection.close()
