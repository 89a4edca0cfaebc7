"""One transaction for each request: committed before the answer leaves, rolled back by whatever is raised."""

from collections.abc import AsyncIterator
from typing import Annotated

import asyncpg
from fastapi import Depends
from starlette.requests import Request

from blacklist_service.database.connections import Connection, Pool
from blacklist_service.problems import Undetermined

ACQUIRE_SECONDS = 5


async def write_transaction(request: Request) -> AsyncIterator[Connection]:
    pool: Pool = request.app.state.pool
    try:
        async with pool.acquire(timeout=ACQUIRE_SECONDS) as connection, connection.transaction():
            yield connection  # type: ignore[misc] # the pool's proxy is a connection in all but type
    except (OSError, TimeoutError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.QueryCanceledError):
        raise Undetermined("the database did not answer") from None


async def read_transaction(request: Request) -> AsyncIterator[Connection]:
    pool: Pool = request.app.state.pool
    try:
        async with (
            pool.acquire(timeout=ACQUIRE_SECONDS) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield connection  # type: ignore[misc]
    except (OSError, TimeoutError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.QueryCanceledError):
        raise Undetermined("the database did not answer") from None


# FastAPI's default scope would commit after the client has its answer (style.md §6).
Writes = Annotated[Connection, Depends(write_transaction, scope="function")]
Reads = Annotated[Connection, Depends(read_transaction, scope="function")]
