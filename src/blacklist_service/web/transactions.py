"""One transaction for each request: committed before the answer leaves, rolled back by whatever is raised."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated

import asyncpg
from fastapi import Depends
from starlette.requests import Request

from blacklist_service.database.connections import LOST, Connection, Pool
from blacklist_service.problems import Undetermined

ACQUIRE_SECONDS = 5
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


async def write_transaction(request: Request) -> AsyncIterator[Connection]:
    async with borrowed(_pool_of(request)) as connection, connection.transaction():
        yield connection


async def read_transaction(request: Request) -> AsyncIterator[Connection]:
    async with snapshot(_pool_of(request)) as connection:
        yield connection


def _pool_of(request: Request) -> Pool:
    """That of the share which the request took (web/shares.py)."""
    pool: Pool = request.scope.get("pool") or request.app.state.pool
    return pool


# FastAPI's default scope would commit after the client has its answer (style.md §6).
Writes = Annotated[Connection, Depends(write_transaction, scope="function")]
Reads = Annotated[Connection, Depends(read_transaction, scope="function")]
