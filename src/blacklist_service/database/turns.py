"""A lock held by one process of several machines, and what happens if its holder hangs.

The server releases a session's lock when its connection ends: at once if the process died, after the keepalives if the
machine vanished. A frozen process (stopped, or a virtual machine that is being moved) keeps the lock, and nobody would do its
work. So a process that waits for the lock checks when the holder was last active, and ends its session; when the holder
resumes, it finds that out.
"""

from blacklist_service.database.connections import connect

STANDS_STILL = """
SELECT a.pid FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 0 AND l.objid::bigint = $1 AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND a.state <> 'active' AND a.state_change < clock_timestamp() - make_interval(secs => $2)
"""
"""A session that works is `active`, however long, and so is one whose commit waits for its replica: neither is ended here."""


async def end_frozen_holder(dsn: str, lock: int, *, silent_seconds: float) -> bool:
    """End the session that holds `lock` (below 2^32) if it has been idle this long; return whether there was one.

    Only sessions of the same login can be seen and ended, so all machines must use one login.
    """
    connection = await connect(dsn, role=None, application_name="blacklist-service turns")
    try:
        frozen = await connection.fetch(STANDS_STILL, lock, silent_seconds)
        for row in frozen:
            await connection.execute("SELECT pg_terminate_backend($1)", row["pid"])
        return bool(frozen)
    finally:
        await connection.close()
