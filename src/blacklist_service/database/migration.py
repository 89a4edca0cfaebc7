"""Migrates the schema while the previous version serves.

Expand, deploy, contract. A release only adds (a column with a default, a table, an index, a function); the workers of the
previous version continue; once the new ones serve, a later release removes what nothing reads any more. So a database may be
newer than the code that serves it, down to the revision in `installation.oldest_code`: a migration that removes something
raises it (`steps.contract`), and older code then refuses to start (`database/installation.py`).

Locks. While a statement waits for an exclusive lock, every later reader of that table waits behind it, and a check has only
400 ms. So a migration waits a tenth of a second at most, gives up, and tries again a second later. An index is built by
`steps.build_index`, which blocks nobody.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection as SyncConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from blacklist_service.database.revisions import MIGRATIONS, MigrationError, newest_revision
from blacklist_service.database.sessions import Connection, open_session

MIGRATION_LOCK = 0x6C69_7374
LOCK_TIMEOUT_MS = 100
LOCK_TRIES = 60
PAUSE_SECONDS = 1.0
TURN_SECONDS = 0.2
LOCK_NOT_AVAILABLE = "55P03"
QUERY_CANCELED = "57014"


async def migrate(dsn: str, *, folder: Path = MIGRATIONS, tries: int = LOCK_TRIES) -> None:
    """Run every missing migration, as the owner; two concurrent runs take turns. A newer database is left as it is.

    Raise `MigrationError` if a migration could not get its locks in that many attempts, or took too long.
    """
    async with owning(dsn) as connection:
        if await _revision(connection) <= newest_revision(folder):
            await _upgrade(connection, folder, tries)


@asynccontextmanager
async def owning(dsn: str) -> AsyncIterator[AsyncConnection]:
    """The owner's connection, once nobody else migrates; a statement on it waits a tenth of a second at most for a lock."""
    engine = create_async_engine("postgresql+asyncpg://", async_creator=lambda: _open(dsn), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await _wait_for_turn(connection)
            await connection.exec_driver_sql(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")
            await connection.commit()
            yield connection
    finally:
        await engine.dispose()


async def _open(dsn: str) -> Connection:
    return await open_session(dsn, role=None, application_name="blacklist-service migrate", settings={})


def _cause(error: DBAPIError) -> str:
    """The server's own message: a migration is ours, so the message quotes no value of a row."""
    cause = getattr(error.orig, "__cause__", None)
    return str(cause or error.orig).partition("\n")[0]


async def _wait_for_turn(connection: AsyncConnection) -> None:
    """Wait by polling, never inside a statement: building an index waits for all running statements to end."""
    while True:
        got = await connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({MIGRATION_LOCK})")
        is_ours = bool(got.scalar())
        await connection.commit()
        if is_ours:
            return
        await asyncio.sleep(TURN_SECONDS)


async def _upgrade(connection: AsyncConnection, folder: Path, tries: int) -> None:
    """Each migration is a transaction: those before a failed one stay, and the next attempt continues from there."""
    upgrade = _upgrade_with(_config(folder))
    for left in reversed(range(tries)):
        try:
            await connection.run_sync(upgrade)
        except DBAPIError as error:
            await connection.rollback()
            state = getattr(error.orig, "sqlstate", None)
            if state == QUERY_CANCELED:
                raise MigrationError(
                    f"a migration after {await _revision(connection)} took too long and was rolled back:"
                    " run 'blacklist-service migrate' again when the database is less busy"
                ) from error
            if state != LOCK_NOT_AVAILABLE:
                raise MigrationError(
                    f"the database refused a migration after {await _revision(connection)} and it was rolled back:"
                    f" {_cause(error)}"
                ) from error
            if not left:
                raise MigrationError(
                    f"the database is busy: a migration after {await _revision(connection)} did not get its locks in {tries}"
                    " attempts and was rolled back; end the sessions that hold them and run 'blacklist-service migrate' again"
                ) from error
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            return


async def _revision(connection: AsyncConnection) -> str:
    """The revision of the database; empty if it was never migrated."""
    found = await connection.exec_driver_sql("SELECT to_regclass('public.alembic_version') IS NOT NULL")
    revision = ""
    if found.scalar():
        revision = (await connection.exec_driver_sql("SELECT version_num FROM alembic_version")).scalar() or ""
    await connection.commit()
    return revision


def _upgrade_with(config: Config) -> Callable[[SyncConnection], None]:
    def run(connection: SyncConnection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    return run


def _config(folder: Path) -> Config:
    config = Config()
    # Alembic parses its options with a ConfigParser: a `%` in a path must be doubled.
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
