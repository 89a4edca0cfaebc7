"""Connections to PostgreSQL: as the application (bound by its duties) or as the owner (migration, retention)."""

from typing import Any, TypeAlias

import asyncpg
import orjson

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

APPLICATION_ROLE = "blacklist_app"
JSONB_VERSION = b"\x01"

LOST = (
    *(TimeoutError, OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError),
    *(asyncpg.CannotConnectNowError, asyncpg.AdminShutdownError, asyncpg.CrashShutdownError),
    asyncpg.InternalClientError,  # a server that ended in the middle of a sentence
)
"""What is raised where there is no server, or no longer, or not yet: nothing here says what became of a statement."""


async def connect(dsn: str, *, role: str | None = APPLICATION_ROLE, **server_settings: str) -> Connection:
    connection: Connection = await asyncpg.connect(dsn, timeout=10, **_options(role, server_settings))
    await _teach_jsonb(connection)
    return connection


async def create_pool(dsn: str, *, size: int, statement_timeout_ms: int) -> Pool:
    """A pool of application connections for everything but checks, which own theirs (checks/batcher.py)."""
    settings = {
        "statement_timeout": str(statement_timeout_ms),
        "idle_in_transaction_session_timeout": "60000",
        "plan_cache_mode": "force_custom_plan",  # a plan made on a small list must not serve a large one
    }
    return await asyncpg.create_pool(
        dsn, min_size=0, max_size=size, init=_teach_jsonb, timeout=10, **_options(APPLICATION_ROLE, settings)
    )


def _options(role: str | None, server_settings: dict[str, str]) -> dict[str, Any]:
    settings = {"application_name": "blacklist-service", "timezone": "UTC", "jit": "off"} | server_settings
    if role:
        settings["role"] = role
    return {"server_settings": settings}


async def _teach_jsonb(connection: Any) -> None:
    # The binary format, so that COPY takes it too.
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: JSONB_VERSION + orjson.dumps(value),
        decoder=lambda stored: orjson.loads(stored[1:]),
    )
