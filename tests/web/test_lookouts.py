"""Who waits for a change is told of each once."""

import asyncio
from typing import Any

from blacklist_service.database.connections import create_pool
from blacklist_service.web.lookouts import LOOK_SECONDS, LookOut

PATIENCE_SECONDS = 30.0


async def test_a_version_that_a_failover_lost_is_not_told_again_and_again(dsn: str) -> None:
    said = [7]

    async def get_version(_connection: Any) -> int:
        return said[0]

    pool = await create_pool(dsn, size=1, statement_timeout_ms=5_000)
    looking = LookOut(pool, get_version)
    try:
        assert await looking.moved_past(6, timeout_seconds=PATIENCE_SECONDS)
        said[0] = 6
        await asyncio.sleep(3 * LOOK_SECONDS)
        assert not await looking.moved_past(6, timeout_seconds=2 * LOOK_SECONDS)
        said[0] = 7
        assert await looking.moved_past(6, timeout_seconds=PATIENCE_SECONDS)
    finally:
        await looking.stop()
        await pool.close()
