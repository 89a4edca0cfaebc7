"""Alembic's entry: `blacklist-service migrate` passes a connection; for `alembic …` in a checkout one is opened here.

Alembic only upgrades the schema: `blacklist-service migrate` then binds a new database to its key.
"""

import asyncio

from alembic import context
from alembic.util import CommandError
from sqlalchemy import Connection

from blacklist_service.database.migration import owning
from blacklist_service.schema import is_ours, metadata
from blacklist_service.settings import Settings


def run(connection: Connection) -> None:
    context.configure(
        connection=connection, target_metadata=metadata, include_name=is_ours, transaction_per_migration=True
    )
    with context.begin_transaction():
        context.run_migrations()


async def run_on(dsn: str) -> None:
    async with owning(dsn) as connection:
        await connection.run_sync(run)


def main() -> None:
    if (given := context.config.attributes.get("connection")) is not None:
        run(given)
        return
    if context.is_offline_mode():
        raise CommandError("steps ask the database how it stands: there is no script of them to print (--sql)")
    settings = Settings()
    url = settings.owner_database_url or settings.database_url
    if url is None:
        raise CommandError(
            "set BLACKLIST_DATABASE_URL; the embedded database is migrated by 'blacklist-service migrate'"
        )
    asyncio.run(run_on(url.get_secret_value()))


main()
