"""What reads much and decides nothing may be read from a standby, a little behind: never a check, never evidence.

How old a standby's copy is, it can only say by the newest commit it has replayed. On a database whose commits wait for a
standby there is one each second (`/readyz` passes the fence); on another one a quiet night makes a copy look old, and the
primary is read.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog

from blacklist_service.database.connections import Connection, Pool
from blacklist_service.problems import Undetermined
from blacklist_service.web.transactions import snapshot

AGE_HEADER = "Replica-Age"
"""Of an answer from a standby: seconds, at most so old."""
AGE = """
SELECT CASE WHEN pg_is_in_recovery()
            THEN extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8 ELSE 0 END
"""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Copy:
    """A snapshot; `age_seconds` is None where it is the primary's."""

    connection: Connection
    age_seconds: float | None

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.age_seconds is None else {AGE_HEADER: f"{self.age_seconds:.1f}"}


class Copies:
    """Of a web process: the standby where it is new enough, else the primary."""

    def __init__(self, replica: "Pool | None", primary: Pool, *, oldest_seconds: float) -> None:
        self._replica = replica
        self._primary = primary
        self._oldest_seconds = oldest_seconds

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Copy]:
        async with AsyncExitStack() as stack:
            yield await self._of_replica(stack) or Copy(await stack.enter_async_context(snapshot(self._primary)), None)

    async def _of_replica(self, stack: AsyncExitStack) -> Copy | None:
        if self._replica is None:
            return None
        async with AsyncExitStack() as trying:
            try:
                connection = await trying.enter_async_context(snapshot(self._replica))
                age = await connection.fetchval(AGE)
            except Undetermined:
                log.warning("replica_not_read")
                return None
            if age is None or age > self._oldest_seconds:
                log.warning("replica_too_old", seconds=age)
                return None
            stack.push_async_exit(trying.pop_all())
            return Copy(connection, max(age, 0.0))
