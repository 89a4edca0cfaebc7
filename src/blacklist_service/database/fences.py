"""A fence before each answer: nothing that was read is answered before it is known to be on a replica too.

A change becomes visible on its server when its commit stops waiting for a replica, even if that wait was cut off. A primary
that lost the other servers then shows what no other server has. A client that reads it there (an answer stored under an
Idempotency-Key, a listing that is "unchanged", a page of the feed) would get a confirmation of what the failover loses.
Commits are replicated in order. So what was read is safe once any commit on the same server that began after the read has
been replicated, and one such commit serves all readers that wait meanwhile. It must be the same server: during a failover,
sessions to the former primary and to the new one exist at the same time, and a commit on the new one says nothing about what
the former one showed.

A database whose commits wait for no replica (`synchronous_standby_names` is empty, as always in the embedded one) has no
fence.
"""

import asyncio
import contextlib
from collections.abc import Collection

import structlog

from blacklist_service.database.connections import LOST, PASSING, Connection, connect
from blacklist_service.database.servers import Server, note_primary, server_of

NONE_SECONDS = 0.25
"""Seconds for which a database found to have no fence is not asked again."""
PATIENCE_SECONDS = 10.0
"""Seconds after which a waiting commit is abandoned, and the next one tried on a new connection."""

PASSAGE = """
SELECT CASE WHEN current_setting('synchronous_standby_names') <> ''
            THEN pg_logical_emit_message(true, 'blacklist-service', '') END
"""
"""The smallest possible commit: a record in the write-ahead log without a row; null if none is needed."""


log = structlog.get_logger()


class FenceClosed(Exception):  # noqa: N818 - what it is, not what kind of error
    """What was read may exist on this server only."""


class Fence:
    """The fence of one process: `passed` returns when everything read before the call is replicated.

    `server` is the one that made its latest commit; None before the first.
    """

    def __init__(self, dsn: str | None) -> None:
        """Without a database URL there is no fence: the embedded database has no replica."""
        self.server: Server | None = None
        self._dsn = dsn
        self._open_until = 0.0
        self._left: Server | None = None
        self._next: asyncio.Future[Server] | None = None
        self._running: asyncio.Task[None] | None = None
        self._connection: Connection | None = None

    async def passed(self, sources: Collection[Server], *, within_seconds: float) -> None:
        """Raise `FenceClosed` if it cannot be known in time that everything read on these servers is replicated."""
        if self._dsn is None or self._is_open(sources):
            return
        try:
            async with asyncio.timeout(within_seconds):
                server = await self._committed(self._dsn)
                if server.is_replaced() or not _confirms(server, sources):
                    self._left = server  # it may be the former primary: the next commit is made on another connection
                    server = await self._committed(self._dsn)
        except TimeoutError:
            raise FenceClosed("no replica answers") from None
        if not _confirms(server, sources):
            raise FenceClosed("another server has become the primary")

    def _is_open(self, sources: Collection[Server]) -> bool:
        """Whether the server that was read waits for no replica, as far as is known."""
        is_known = asyncio.get_running_loop().time() < self._open_until
        return is_known and self.server is not None and _confirms(self.server, sources)

    async def _committed(self, dsn: str) -> Server:
        """Wait for a commit that begins from now on; return the server that made it."""
        loop = asyncio.get_running_loop()
        if self._next is None:
            self._next = loop.create_future()
        if self._running is None:
            self._running = loop.create_task(self._run(dsn))
        return await asyncio.shield(self._next)

    async def _run(self, dsn: str) -> None:
        """One commit after another, each for the callers that came before it began."""
        try:
            while (waiting := self._next) is not None:
                self._next = None
                try:
                    server = await self._commit(dsn)
                except Exception as error:
                    if not isinstance(error, PASSING):
                        log.exception("fence_failed")
                    waiting.set_exception(FenceClosed(type(error).__name__))
                    waiting.exception()  # callers may have gone
                else:
                    waiting.set_result(server)
        finally:
            self._running = None

    async def _commit(self, dsn: str) -> Server:
        left, self._left = self._left, None
        if self._connection is not None and server_of(self._connection) == left:
            self.terminate()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                if self._connection is None or self._connection.is_closed():
                    self._connection = await connect(dsn, application_name="blacklist-service fence")
                is_open = await self._connection.fetchval(PASSAGE) is None
        except BaseException:
            self.terminate()
            raise
        self.server = server_of(self._connection)
        note_primary(self.server)
        self._open_until = asyncio.get_running_loop().time() + NONE_SECONDS if is_open else 0.0
        return self.server

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


def _confirms(server: Server, sources: Collection[Server]) -> bool:
    return all(server.confirms(source) for source in sources)


async def pass_fence(connection: Connection) -> None:
    """The same for a single command on its own connection: everything it read before is replicated when this returns.

    Raise `UnreplicatedCommit` if the server stops waiting for the replica.
    """
    await connection.execute(PASSAGE)
