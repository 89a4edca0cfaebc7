"""One transaction for each request: committed before the answer leaves, rolled back by whatever is raised."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated

import asyncpg
from fastapi import Depends
from starlette.requests import Request

from blacklist_service.database.connections import LOST, Connection, Pool
from blacklist_service.problems import Undetermined
from blacklist_service.web.fencing import note_reading

ACQUIRE_SECONDS = 5
COMMIT_SECONDS = 5.0
"""For which an act's commit may wait for a replica: then it is 503, and found out under the same Idempotency-Key."""
SETTLE_SECONDS = 1.0
UNANSWERED = (
    *LOST,
    asyncpg.OperatorInterventionError,  # it goes down, comes up, was told to stop a statement or a session
    asyncpg.IdleInTransactionSessionTimeoutError,
    *(asyncpg.InsufficientResourcesError, asyncpg.PostgresSystemError),  # connections, memory, disk
    *(asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError),  # another server in its place
    asyncpg.TransactionRollbackError,  # two acts that waited for each other: one of them may be tried again
)


@contextmanager
def undetermined_if_lost() -> Iterator[None]:
    """A database that is gone, or can't now, is the client's to ask again: 503, never 500."""
    try:
        yield
    except UNANSWERED:
        raise Undetermined("the database did not answer") from None


@asynccontextmanager
async def borrowed(pool: Pool, *, within_seconds: float = ACQUIRE_SECONDS) -> AsyncIterator[Connection]:
    """A connection of the pool, for whoever needs one at another time than a request's own transaction.

    One that turned out to be a standby's is not given back: the next to ask gets one of whoever is the writer by then.
    """
    note_reading()
    with undetermined_if_lost():
        async with pool.acquire(timeout=within_seconds) as connection:
            try:
                yield connection  # type: ignore[misc] # the pool's proxy is a connection in all but type
            except asyncpg.ReadOnlySQLTransactionError:
                connection.terminate()
                raise


@asynccontextmanager
async def snapshot(pool: Pool) -> AsyncIterator[Connection]:
    """A connection on which all that is read is of one instant."""
    async with (
        borrowed(pool) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield connection


@asynccontextmanager
async def committed(connection: Connection) -> AsyncIterator[None]:
    """A transaction whose commit is not waited for without end: no statement's time limit holds for one that waits for its
    replica. Raise `TimeoutError` where it is not known what became of it.
    """
    try:
        async with asyncio.timeout(None) as limit, connection.transaction():
            yield
            limit.reschedule(asyncio.get_running_loop().time() + COMMIT_SECONDS)
    except TimeoutError:
        await _settle(connection)
        raise


async def _settle(connection: Connection) -> None:
    """The driver asks the server to wait no longer, which frees its process; one that does not hear is left."""
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
    """That of the share which the request took (web/shares.py)."""
    pool: Pool = request.scope.get("pool") or request.app.state.pool
    return pool


# FastAPI's default scope would commit after the client has its answer (style.md §6).
Writes = Annotated[Connection, Depends(write_transaction, scope="function")]
Reads = Annotated[Connection, Depends(read_transaction, scope="function")]
