"""A fence before what leaves: nothing that was read is told before it is known to be on a replica too.

A change becomes visible on its server when its commit no longer waits for a replica, also where that wait was cut off: a
primary that lost the others shows what nobody else has, and whoever reads it there (the answer kept under an
Idempotency-Key, a listing that is "unchanged", a page of the feed) would confirm what is lost at the failover. Commits are
replicated in their order. So what was read is safe once any commit that began after the reading has been replicated, and
one such commit serves all who wait meanwhile.

A database that waits for no replica (`synchronous_standby_names` is empty, as the embedded one's always is) has no fence.
"""

import asyncio
import contextlib

import structlog

from blacklist_service.database.connections import LOST, PASSING, Connection, connect

NONE_SECONDS = 0.25
"""For which a database is taken to have no fence still, once it was seen to have none."""
PATIENCE_SECONDS = 10.0
"""After which a commit that waits is given up, and the next one tried on a connection of its own."""

PASSAGE = """
SELECT CASE WHEN current_setting('synchronous_standby_names') <> ''
            THEN pg_logical_emit_message(true, 'blacklist-service', '') END
"""
"""The smallest commit there is: a record in the write-ahead log, for which no row is written; null where none is needed."""


log = structlog.get_logger()


class FenceClosed(Exception):  # noqa: N818 - what it is, not what kind of error
    """What was read may be on this server alone."""


class Fence:
    """Of one process: `passed` returns when what was read before the call is replicated."""

    def __init__(self, dsn: str | None) -> None:
        """Without a database's URL there is no fence: the embedded one has no replica."""
        self._dsn = dsn
        self._open_until = 0.0
        self._next: asyncio.Future[None] | None = None
        self._running: asyncio.Task[None] | None = None
        self._connection: Connection | None = None

    async def passed(self, *, within_seconds: float) -> None:
        """Raise `FenceClosed` where that cannot be known in time."""
        loop = asyncio.get_running_loop()
        if self._dsn is None or loop.time() < self._open_until:
            return
        if self._next is None:
            self._next = loop.create_future()
        if self._running is None:
            self._running = loop.create_task(self._run(self._dsn))
        try:
            await asyncio.wait_for(asyncio.shield(self._next), within_seconds)
        except TimeoutError:
            raise FenceClosed("no replica answers") from None

    async def _run(self, dsn: str) -> None:
        """One commit after the other, each for those who came before it began."""
        try:
            while (waiting := self._next) is not None:
                self._next = None
                try:
                    await self._commit(dsn)
                except Exception as error:
                    if not isinstance(error, PASSING):
                        log.exception("fence_failed")
                    waiting.set_exception(FenceClosed(type(error).__name__))
                    waiting.exception()  # those who waited may have left
                else:
                    waiting.set_result(None)
        finally:
            self._running = None

    async def _commit(self, dsn: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                if self._connection is None or self._connection.is_closed():
                    self._connection = await connect(dsn, application_name="blacklist-service fence")
                is_open = await self._connection.fetchval(PASSAGE) is None
        except BaseException:
            self.terminate()
            raise
        if is_open:
            self._open_until = asyncio.get_running_loop().time() + NONE_SECONDS

    async def stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError, *LOST):
                await self._running
        self.terminate()

    def terminate(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


async def pass_fence(connection: Connection) -> None:
    """The same for a single command, on its own connection: what it read before is replicated when this returns.

    Raise `UnreplicatedCommit` where the server gives up waiting for it.
    """
    await connection.execute(PASSAGE)
