"""Connections to PostgreSQL: as the application (bound by its duties) or as the owner (migration, retention)."""

from typing import Any, TypeAlias

import asyncpg
import orjson

from blacklist_service.database.addresses import read_address
from blacklist_service.database.embedded.priorities import give_way
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
    asyncpg.InternalClientError,  # a server that ended in the middle of a message
    asyncpg.ReadOnlySQLTransactionError,  # a primary that became a standby: a new session may reach the new primary
)
"""Raised if there is no server, no longer or not yet; they leave open what became of a statement."""

PASSING = (
    *LOST,
    *(asyncpg.InsufficientResourcesError, asyncpg.OperatorInterventionError, asyncpg.PostgresSystemError),
    *(asyncpg.TransactionRollbackError, asyncpg.LockNotAvailableError, asyncpg.ReadOnlySQLTransactionError),
)
"""Temporary faults that are not caused by the request: a retry may succeed. Any other error of a statement will recur."""


async def connect(
    dsn: str, *, role: str | None = APPLICATION_ROLE, application_name: str = APPLICATION_NAME, **settings: str
) -> Connection:
    """Open a session with all its settings verified (`database/sessions.py`); raises an exception of `LOST` if it is
    unfit.
    """
    connection = await open_session(dsn, role=role, application_name=application_name, settings=settings)
    await _teach_jsonb(connection)
    return connection


async def create_pool(
    dsn: str, *, size: int, statement_timeout_ms: int, is_reader: bool = False, gives_way: bool = False
) -> Pool:
    """A pool of application connections for everything except checks, which have their own (checks/batcher.py). A reader's
    pool may lead to a standby; with `gives_way`, the sessions of the embedded server run at a lower priority.
    """
    address = read_address(dsn)
    settings = {
        "statement_timeout": str(statement_timeout_ms),
        "idle_in_transaction_session_timeout": "60000",
        "plan_cache_mode": "force_custom_plan",  # a plan made while the list is small must not be reused when it is large
    }

    async def begin(connection: Any) -> None:
        await establish(connection, address, role=APPLICATION_ROLE, settings=settings, is_reader=is_reader)
        if gives_way:
            give_way(connection.get_server_pid())
        await _teach_jsonb(connection)

    again = AS_NEW + settings_script(address, role=APPLICATION_ROLE, settings=settings)

    async def reset(connection: Any) -> None:
        await connection.execute(again)

    return await asyncpg.create_pool(
        min_size=0,
        max_size=size,
        init=begin,
        reset=reset,
        # The server's statement timeout does not apply to a commit that waits for its replica.
        command_timeout=statement_timeout_ms / 1000 + BEYOND_ITS_LIMIT_SECONDS,
        **connect_options(address, APPLICATION_NAME),
    )


AS_NEW = "SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL; "
"""The driver's reset statements, after which a session needs its settings again."""


async def _teach_jsonb(connection: Any) -> None:
    # In binary format, so that COPY accepts it too.
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: JSONB_VERSION + orjson.dumps(value),
        decoder=lambda stored: orjson.loads(stored[1:]),
    )
