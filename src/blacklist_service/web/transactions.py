"""One transaction for each request: committed before the answer is sent, rolled back on any exception."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated

import asyncpg
from fastapi import Depends
from starlette.requests import Request

from blacklist_service.database.connections import LOST, Connection, Pool
from blacklist_service.database.servers import server_of
from blacklist_service.problems import Undetermined
from blacklist_service.web.fencing import note_reading

ACQUIRE_SECONDS = 5
COMMIT_SECONDS = 5.0
"""How long an act's commit may wait for a replica. After that it is 503, and the client learns the result by retrying with
the same Idempotency-Key.
"""
SETTLE_SECONDS = 1.0
UNANSWERED = (
    *LOST,
    asyncpg.OperatorInterventionError,  # shutting down, starting up, a cancelled statement or session
    asyncpg.IdleInTransactionSessionTimeoutError,
    *(asyncpg.InsufficientResourcesError, asyncpg.PostgresSystemError),  # no connections, memory or disk left
    *(asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError),  # another server took its place
    asyncpg.TransactionRollbackError,  # deadlock: one of the acts may be tried again
)


@contextmanager
def undetermined_if_lost() -> Iterator[None]:
    """A lost or overloaded database is 503, never 500: the client may ask again."""
    try:
        yield
    except UNANSWERED:
        raise Undetermined("the database did not answer") from None


@asynccontextmanager
async def borrowed(
    pool: Pool, *, within_seconds: float = ACQUIRE_SECONDS, is_noted: bool = True
) -> AsyncIterator[Connection]:
    """A connection from the pool, for use outside the request's own transaction. Unless `is_noted`, the caller calls
    `note_reading` if anything it reads is told.

    One that turns out to lead to a standby is not returned to the pool, so that the next caller gets one to the current
    primary.
    """
    with undetermined_if_lost():
        async with _acquired(pool, within_seconds) as connection:
            if is_noted:
                note_reading(server_of(connection))
            try:
                yield connection
            except asyncpg.ReadOnlySQLTransactionError:
                connection.terminate()
                raise


@asynccontextmanager
async def _acquired(pool: Pool, within_seconds: float) -> AsyncIterator[Connection]:
    """A session that is not of a primary that was replaced: what is read there is confirmed no more."""
    for is_last in (False, False, True):
        async with pool.acquire(timeout=within_seconds) as connection:
            if server_of(connection).is_replaced() and not is_last:
                connection.terminate()
                continue
            yield connection  # type: ignore[misc] # the pool's proxy is a connection in all but type
            return


@asynccontextmanager
async def snapshot(pool: Pool, *, is_noted: bool = True) -> AsyncIterator[Connection]:
    """A connection on which all reads see one instant; `is_noted` as for `borrowed`."""
    async with (
        borrowed(pool, is_noted=is_noted) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield connection


@asynccontextmanager
async def committed(connection: Connection) -> AsyncIterator[None]:
    """A transaction whose commit has a time limit: a statement timeout does not apply to a commit that waits for its replica.
    Raise `TimeoutError` if the outcome is unknown.
    """
    try:
        async with asyncio.timeout(None) as limit, connection.transaction():
            yield
            limit.reschedule(asyncio.get_running_loop().time() + COMMIT_SECONDS)
    except TimeoutError:
        await _settle(connection)
        raise


async def _settle(connection: Connection) -> None:
    """Cancel the wait, which frees the server process; a server that does not respond is abandoned."""
    if connection.is_closed():
        return
    try:
        async with asyncio.timeout(SETTLE_SECONDS):
            await connection.execute("SELECT")
    except UNANSWERED:
        connection.terminate()


async def write_transaction(request: Request) -> AsyncIterator[Connection]:
    async with borrowed(pool_of(request)) as connection, committed(connection):
        yield connection


async def read_transaction(request: Request) -> AsyncIterator[Connection]:
    async with snapshot(pool_of(request)) as connection:
        yield connection


def pool_of(request: Request) -> Pool:
    """The pool of the share that the request took (web/shares.py)."""
    pool: Pool = request.scope.get("pool") or request.app.state.pool
    return pool


# FastAPI's default scope would commit after the client has its answer (style.md §6).
Writes = Annotated[Connection, Depends(write_transaction, scope="function")]
Reads = Annotated[Connection, Depends(read_transaction, scope="function")]
