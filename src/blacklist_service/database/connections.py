"""Connections to PostgreSQL: as the application (bound by its duties) or as the owner (migration, retention)."""

from typing import Any, TypeAlias

import asyncpg
import orjson

from blacklist_service.database.addresses import read_address
from blacklist_service.database.sessions import (
    APPLICATION_ROLE,
    Connection,
    connect_options,
    establish,
    open_session,
    settings_script,
)

__all__ = ["APPLICATION_ROLE", "LOST", "Connection", "Pool", "connect", "create_pool"]

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

APPLICATION_NAME = "blacklist-service"
BEYOND_ITS_LIMIT_SECONDS = 5.0
JSONB_VERSION = b"\x01"

LOST = (
    *(TimeoutError, OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError),
    *(asyncpg.CannotConnectNowError, asyncpg.AdminShutdownError, asyncpg.CrashShutdownError),
    asyncpg.InternalClientError,  # a server that ended in the middle of a sentence
    asyncpg.ReadOnlySQLTransactionError,  # a writer that became a standby: another session may be the new writer's
)
"""What is raised where there is no server, or no longer, or not yet: nothing here says what became of a statement."""

PASSING = (
    *LOST,
    *(asyncpg.InsufficientResourcesError, asyncpg.OperatorInterventionError, asyncpg.PostgresSystemError),
    *(asyncpg.TransactionRollbackError, asyncpg.LockNotAvailableError, asyncpg.ReadOnlySQLTransactionError),
)
"""What is no fault of what was asked: the same may succeed a moment later. Whatever else a statement raises will not."""


async def connect(
    dsn: str, *, role: str | None = APPLICATION_ROLE, application_name: str = APPLICATION_NAME, **settings: str
) -> Connection:
    """A session that is what it is to be (`database/sessions.py`); what is raised where it is not is in `LOST`."""
    connection = await open_session(dsn, role=role, application_name=application_name, settings=settings)
    await _teach_jsonb(connection)
    return connection


async def create_pool(dsn: str, *, size: int, statement_timeout_ms: int, is_reader: bool = False) -> Pool:
    """A pool of application connections for everything but checks, which own theirs (checks/batcher.py). A reader's may
    lead to a standby.
    """
    address = read_address(dsn)
    settings = {
        "statement_timeout": str(statement_timeout_ms),
        "idle_in_transaction_session_timeout": "60000",
        "plan_cache_mode": "force_custom_plan",  # a plan made on a small list must not serve a large one
    }

    async def begin(connection: Any) -> None:
        await establish(connection, address, role=APPLICATION_ROLE, settings=settings, is_reader=is_reader)
        await _teach_jsonb(connection)

    again = AS_NEW + settings_script(address, role=APPLICATION_ROLE, settings=settings)

    async def reset(connection: Any) -> None:
        await connection.execute(again)

    return await asyncpg.create_pool(
        min_size=0,
        max_size=size,
        init=begin,
        reset=reset,
        # The server's own limit does not hold for a commit that waits for its replica.
        command_timeout=statement_timeout_ms / 1000 + BEYOND_ITS_LIMIT_SECONDS,
        **connect_options(address, APPLICATION_NAME),
    )


AS_NEW = "SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL; "
"""The driver's own words, after which a session must be told anew what it is."""


async def _teach_jsonb(connection: Any) -> None:
    # The binary format, so that COPY takes it too.
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: JSONB_VERSION + orjson.dumps(value),
        decoder=lambda stored: orjson.loads(stored[1:]),
    )
