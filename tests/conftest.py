"""A real PostgreSQL for every test that needs one, and a real key for every request.

`BLACKLIST_POSTGRES_BIN` runs them on another PostgreSQL's programs than the wheel's.
"""

import itertools
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from blacklist_service.cli.environment import bring_up
from blacklist_service.database.embedded.server import EmbeddedPostgres
from blacklist_service.secrecy import Secrecy
from blacklist_service.settings import Settings
from tests.support import Service, serving, with_database

TEMPLATE = "blacklist_test_template"
SECRECY = Secrecy(bytes(range(32)))

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a database on the server under test."""
    programs = os.environ.get("BLACKLIST_POSTGRES_BIN")
    database = EmbeddedPostgres(tmp_path_factory.mktemp("server"), postgres_bin=Path(programs) if programs else None)
    database.start()
    yield database.dsn
    database.stop()


@pytest.fixture(scope="session")
async def template(server: str) -> AsyncIterator[str]:
    """A migrated database that each test's own is copied from."""
    admin = await asyncpg.connect(server)
    # What tests write need not outlive the machine; the durability tests run servers of their own.
    for setting in ("fsync = off", "full_page_writes = off", "synchronous_commit = off"):
        await admin.execute(f"ALTER SYSTEM SET {setting}")
    await admin.execute("SELECT pg_reload_conf()")
    await admin.execute(f"DROP DATABASE IF EXISTS {TEMPLATE}")
    await admin.execute(f"CREATE DATABASE {TEMPLATE}")
    await bring_up(with_database(server, TEMPLATE), SECRECY)
    yield TEMPLATE
    await admin.execute(f"DROP DATABASE {TEMPLATE}")
    await admin.close()


@pytest.fixture
async def dsn(server: str, template: str) -> AsyncIterator[str]:
    """A database of the test's own."""
    name = f"blacklist_test_{os.getpid()}_{next(_numbers)}"
    admin = await asyncpg.connect(server)
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY wal_log")
    yield with_database(server, name)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.fixture
async def service(dsn: str, tmp_path: Path) -> AsyncIterator[Service]:
    """The whole web application on a database of its own, with a court, an agency and an auditor."""
    # A deadline that only a fault can miss: this machine's noise must not decide; test_batcher tries the real one.
    async with serving(Settings(data_dir=tmp_path, check_deadline_ms=10_000), dsn, SECRECY) as running:
        yield running
