"""A connection with one owner and a deadline.

A pool hides a hung connection: `acquire` with a timeout was seen to hang for 5 s on a stopped backend. A lane terminates its
connection as soon as the time is up, and opens another for the next piece of work.

Opening a connection may take longer than any piece of work may wait: after a failover all sessions begin at once, on a server
with cold caches. So the opening continues after the deadline of the work that first needed it, and later work finds the
connection open.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from blacklist_service.database.byte_arrays import teach_byte_arrays
from blacklist_service.database.connections import LOST, Connection, connect
from blacklist_service.database.servers import server_of

Result = TypeVar("Result")

REHEARSED_SECONDS = 2.0
"""How long a connection and its plans may take if nobody waits for them yet."""

SETTINGS = {
    # The look-up must not get a plan made while the list is empty: always use the index.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    "idle_in_transaction_session_timeout": "10000",
}


OPENING_SECONDS = 3.0
"""How long a connection and its plans may take before the server is presumed gone, and a new attempt begins."""


class LaneLost(Exception):  # noqa: N818 - what happened, not what kind of error
    """The time was up or the connection is gone; whether anything was committed is unknown."""


class Lane:
    """Runs one piece of work at a time on a connection of its own."""

    def __init__(self, dsn: str, *, rehearse: Callable[[Connection], Awaitable[None]] | None = None) -> None:
        """`rehearse` plans the statements of the work on each new connection before its first use."""
        self._dsn = dsn
        self._rehearse = rehearse
        self._connection: Connection | None = None
        self._opening: asyncio.Task[Connection] | None = None
        self._turn = asyncio.Lock()

    async def run(self, work: Callable[[Connection], Awaitable[Result]], *, timeout_seconds: float) -> Result:
        """Raise `LaneLost` if the time is up or the connection fails; exceptions of `work` itself pass through."""
        try:
            async with asyncio.timeout(timeout_seconds), self._turn:
                return await self._run(work)
        except LOST as error:
            raise LaneLost(type(error).__name__) from error

    async def _run(self, work: Callable[[Connection], Awaitable[Result]]) -> Result:
        if self._connection is not None and server_of(self._connection).is_replaced():
            self.terminate()
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._opened()
        try:
            return await work(self._connection)
        except BaseException:
            # Opening another connection is cheaper than finding out the state of this one.
            self.terminate()
            raise

    async def _opened(self) -> Connection:
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())
            self._opening.add_done_callback(_note_outcome)
        opening = self._opening
        try:
            connection = await asyncio.shield(opening)
        finally:
            if opening.done():
                self._opening = None
        if connection.is_closed():  # it was opened before there was any work
            raise ConnectionResetError
        return connection

    async def _open(self) -> Connection:
        async with asyncio.timeout(OPENING_SECONDS):
            connection = await connect(self._dsn, **SETTINGS)
            teach_byte_arrays(connection)
            try:
                if self._rehearse is not None:
                    await self._rehearse(connection)
            except BaseException:
                connection.terminate()
                raise
            return connection

    def terminate(self) -> None:
        opening, self._opening = self._opening, None
        if opening is not None and not opening.cancel() and opening.exception() is None:
            opening.result().terminate()
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


def _note_outcome(opening: asyncio.Task[Connection]) -> None:
    """The callers may have gone; later ones open a new connection."""
    if not opening.cancelled():
        opening.exception()
