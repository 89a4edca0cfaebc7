"""Large reads that decide nothing may go to a standby database, which is slightly behind. Checks and evidence never do.

A standby only knows the age of its copy by the newest commit it has replayed. If commits wait for a standby, there is one
every second (`/readyz` passes the fence). Otherwise a quiet night makes the copy look old, and the primary is read.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog

from blacklist_service.database.connections import Connection, Pool, create_pool
from blacklist_service.database.servers import NOBODY_KNOWS, Server, read_history, server_of
from blacklist_service.problems import Undetermined
from blacklist_service.settings import Settings
from blacklist_service.web.fencing import note_reading
from blacklist_service.web.transactions import snapshot

AGE_HEADER = "Replica-Age"
"""The most seconds a standby's answer may be old."""
AGE = """
SELECT CASE WHEN pg_is_in_recovery()
            THEN extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8 ELSE 0 END,
       (SELECT version FROM heads WHERE name = 'list')
"""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Copy:
    """A snapshot; `age_seconds` is None for the primary."""

    connection: Connection
    age_seconds: float | None

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.age_seconds is None else {AGE_HEADER: f"{self.age_seconds:.1f}"}


class Copies:
    """The standby, if one is configured and recent enough. As for reads of the primary, an answer leaves only after a commit
    that began later is replicated, so nothing is shown that only this standby has received.

    It is read only if it follows the primary, as far as is known: `get_primary` returns the server of the latest such commit.
    In the moment of a failover that is still the former one; then the commit after the reading refuses the answer.
    """

    def __init__(
        self, replica: "Pool | None", *, oldest_seconds: float, get_primary: Callable[[], Server | None] = lambda: None
    ) -> None:
        self._replica = replica
        self._oldest_seconds = oldest_seconds
        self._get_primary = get_primary

    @asynccontextmanager
    async def replica(self, primary: Connection) -> AsyncIterator[Copy | None]:
        """A snapshot on the standby; None if the primary must be read, to which the caller has that connection."""
        async with AsyncExitStack() as stack:
            yield await self._of_replica(stack, server_of(primary))

    @asynccontextmanager
    async def snapshot(self, primary: Pool, *, least_version: int = 0) -> AsyncIterator[Copy]:
        """A snapshot on the standby, or else on the primary, for instance because the standby has not reached that list
        version.
        """
        async with AsyncExitStack() as stack:
            copy = await self._of_replica(stack, self._get_primary(), least_version)
            yield copy or Copy(await stack.enter_async_context(snapshot(primary)), None)

    def terminate(self) -> None:
        if self._replica is not None:
            self._replica.terminate()

    async def _of_replica(self, stack: AsyncExitStack, primary: Server | None, least_version: int = 0) -> Copy | None:
        if self._replica is None or primary is None:
            return None
        try:
            async with AsyncExitStack() as trying:
                connection = await trying.enter_async_context(snapshot(self._replica, is_noted=False))
                await _require_session_of_now(connection)
                age, version = await connection.fetchrow(AGE)  # type: ignore[misc] # always one row
                if not primary.confirms(server_of(connection)):
                    log.warning("replica_of_another_timeline", timeline=server_of(connection).timeline)
                    return None
                if age is None or age > self._oldest_seconds or version < least_version:
                    log.warning("replica_too_old", seconds=age)
                    return None
                note_reading(server_of(connection))
                stack.push_async_exit(trying.pop_all())
                return Copy(connection, max(age, 0.0))
        except Undetermined:
            log.warning("replica_not_read")
            return None


async def _require_session_of_now(connection: Connection) -> None:
    """End a session that began before the standby followed a promotion, or was promoted itself, and raise `Undetermined`."""
    known = server_of(connection)
    if known.system != NOBODY_KNOWS and await read_history(connection) != (known.system, known.timeline):
        connection.terminate()
        raise Undetermined("the session knows another timeline")


NO_COPIES = Copies(None, oldest_seconds=0.0)


async def open_copies(
    settings: Settings, *, size: int, get_primary: Callable[[], Server | None] = lambda: None
) -> Copies:
    """Allow at most that many connections to the standby, if there is one; none is opened yet."""
    replica = None
    if settings.replica_url is not None:
        url, limit = settings.replica_url.get_secret_value(), settings.statement_timeout_ms
        replica = await create_pool(url, size=size, statement_timeout_ms=limit, is_reader=True)
    return Copies(replica, oldest_seconds=settings.replica_age, get_primary=get_primary)
