"""Bringing the schema up to the code, and saying whether it is."""

from collections.abc import Callable
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection as SyncConnection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from blacklist_service.database.connections import Connection

MIGRATIONS = Path(__file__).parent.parent / "migrations"
MIGRATION_LOCK = 0x6C69_7374
LOCK_TIMEOUT = "4s"


def newest_revision() -> str:
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head, "the migrations folder is empty"  # noqa: S101
    return head


async def current_revision(connection: Connection) -> str | None:
    """The revision the database is at; None for one that was never migrated."""
    if await connection.fetchval("SELECT to_regclass('public.alembic_version')") is None:
        return None
    revision: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return revision


async def migrate(dsn: str) -> None:
    """Run every step that is missing, as the owner; two at once take turns."""
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(dsn), poolclass=NullPool
    )
    try:
        async with engine.connect() as connection:
            await connection.exec_driver_sql(f"SELECT pg_advisory_lock({MIGRATION_LOCK})")
            await connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
            await connection.commit()
            await connection.run_sync(_upgrade_with(_config()))
    finally:
        await engine.dispose()


def _upgrade_with(config: Config) -> Callable[[SyncConnection], None]:
    def run(connection: SyncConnection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    return run


def _config() -> Config:
    config = Config()
    # Alembic reads its options through a ConfigParser: a `%` in a path must be doubled.
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
