"""A real PostgreSQL for every test that needs one, and a real key for every request.

`BLACKLIST_POSTGRES_BIN` runs them on the programs of another PostgreSQL than the wheel's.
"""

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from blacklist_service.cli.environment import bring_up
from blacklist_service.database.embedded.server import EmbeddedPostgres
from blacklist_service.secrecy import Secrecy
from blacklist_service.settings import Settings
from tests.support import Service, serving, with_database

TESTS = Path(__file__).parent
MEMORY = Path("/dev/shm")
ROOM_BYTES = 2 << 30
SECRECY = Secrecy(bytes(range(32)))

# Tests that measure time, or that fill or stop something of the machine: nothing runs beside them.
ALONE = (
    *(
        f"durability/test_{name}.py"
        for name in ("disk_full", "faults", "kills", "overload", "rolling_upgrade", "supervisor")
    ),
    *(f"attacks/test_{name}.py" for name in ("fairness", "hostile_rows", "sealing_apart", "silent_children")),
    *(
        f"attacks/test_connections.py::test_{name}"
        for name in ("a_head_that", "a_body_that", "an_answer_that", "an_address_has", "javas")
    ),
    "attacks/test_low.py::test_time_does_not_tell",
    "checks/test_batcher.py",
    "cli/test_surroundings.py::test_the_anchors_lock",
    *(
        f"database/test_embedded.py::test_{name}"
        for name in ("an_existing_database_is_ready_in_a_moment", "the_database_ends_with_a", "a_killed_server_is")
    ),
    "database/test_external.py::TestFailover",
    *(f"listings/test_files_hostile.py::test_a_{name}" for name in ("hundred_megabytes", "million_empty_rows")),
)

# Tests that start browsers, whole services or servers, and wait for them patiently: two at once.
HEAVY = (
    *(
        "durability",
        "console/browser",
        "attacks/test_disproved.py",
        "cli/test_installed.py",
        "cli/test_surroundings.py",
    ),
    *("database/test_embedded.py", "database/test_embedded_attachment.py", "database/test_replication.py"),
    "database/test_failover.py",
    "ledger/test_sequencer.py",
)

_numbers = itertools.count(1)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not import a file if all or none of its tests are selected by its mark (`make tests`)."""
    if not collection_path.name.startswith("test_"):
        return None
    place, asked = collection_path.relative_to(TESTS).as_posix(), config.option.markexpr
    if places := {"alone": ALONE, "heavy": HEAVY}.get(asked):
        return not any(place.startswith(one) or one.startswith(place) for one in places) or None
    return (asked == "not alone and not heavy" and place.startswith((*ALONE, *HEAVY))) or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        place = item.nodeid.removeprefix("tests/")
        if place.startswith(ALONE):
            item.add_marker("alone")
        elif place.startswith(HEAVY):
            item.add_marker("heavy")


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of a database on the server under test."""
    programs = os.environ.get("BLACKLIST_POSTGRES_BIN")
    with tempfile.TemporaryDirectory(prefix="blacklist-test-", dir=_quick_place()) as place:
        database = EmbeddedPostgres(Path(place), postgres_bin=Path(programs) if programs else None)
        database.start()
        yield database.dsn
        database.stop()


def _quick_place() -> Path | None:
    """In memory if there is room: a database is seven hundred files, created and deleted for each test."""
    is_roomy = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ROOM_BYTES
    return MEMORY if is_roomy else None


class Databases:
    """Databases for tests, each copied from a template. While a test runs, the next copy is created and the last one dropped,
    because either takes the server longer than most tests take.
    """

    def __init__(self, server: str, admin: asyncpg.Connection) -> None:
        self._server = server
        self._admin = admin
        self._turn = asyncio.Lock()
        self._spares: dict[str, asyncio.Task[str]] = {}
        self._drops: list[asyncio.Task[None]] = []

    def at(self, name: str) -> str:
        return with_database(self._server, name)

    async def take(self, template: str) -> str:
        spare = self._spares.pop(template, None)
        try:
            name = await (spare or self._copy(template))
        except asyncpg.PostgresError:  # while copying a spare: somebody was still connected to the template
            name = await self._copy(template)
        self._spares[template] = asyncio.create_task(self._copy(template))
        return name

    async def settle(self) -> None:
        """Wait until no copy is being created or dropped: for a test that must not be disturbed."""
        await asyncio.gather(*self._spares.values(), *self._drops, return_exceptions=True)

    def drop(self, name: str) -> None:
        self._drops.append(asyncio.create_task(self._say(f"DROP DATABASE {name} WITH (FORCE)")))

    async def close(self) -> None:
        for made in await asyncio.gather(*self._spares.values(), return_exceptions=True):
            if isinstance(made, str):
                self.drop(made)
        await asyncio.gather(*self._drops)

    async def _copy(self, template: str) -> str:
        name = f"blacklist_test_{os.getpid()}_{next(_numbers)}"
        # Half the time of writing seven hundred files through the log; the checkpoint that this needs waits for no disk.
        await self._say(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name

    async def _say(self, command: str) -> None:
        async with self._turn:
            await self._admin.execute(command)


@pytest.fixture(scope="session")
async def databases(server: str) -> AsyncIterator[Databases]:
    admin = await asyncpg.connect(server)
    # Test data need not survive the machine; the durability tests run servers of their own.
    for setting in ("fsync = off", "full_page_writes = off", "synchronous_commit = off"):
        await admin.execute(f"ALTER SYSTEM SET {setting}")
    await admin.execute("SELECT pg_reload_conf()")
    made = Databases(server, admin)
    yield made
    try:
        await made.close()
    finally:
        await admin.close()


@pytest.fixture(scope="session")
async def template(databases: Databases, server: str) -> str:
    """A migrated database."""
    name = await databases.take("template1")
    await bring_up(databases.at(name), SECRECY)
    return name


@pytest.fixture(scope="session")
async def furnished(
    databases: Databases, template: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, dict[str, str]]:
    """A migrated database with a court, two agencies and an auditor, and their keys."""
    name = await databases.take(template)
    home = tmp_path_factory.mktemp("furnished")
    async with serving(Settings(data_dir=home), databases.at(name), SECRECY) as running:
        return name, running.keys


@pytest.fixture
async def dsn(databases: Databases, template: str, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """A database for this test: the one its service uses, if it has one."""
    has_service = "service" in request.fixturenames
    name = await databases.take(request.getfixturevalue("furnished")[0] if has_service else template)
    yield databases.at(name)
    databases.drop(name)


@pytest.fixture
async def service(dsn: str, furnished: tuple[str, dict[str, str]], tmp_path: Path) -> AsyncIterator[Service]:
    """The whole web application on a database of its own, with a court, an agency and an auditor."""
    # A deadline that only a fault can miss, because this machine's noise must not decide; test_batcher tests the real one.
    settings = Settings(data_dir=tmp_path, check_deadline_ms=10_000)
    async with serving(settings, dsn, SECRECY, keys=furnished[1]) as running:
        yield running


@pytest.fixture
async def own_server(tmp_path: Path) -> AsyncIterator[tuple[Service, int]]:
    """A service on a server of its own, and that server's process, so that the test cannot disturb others."""
    database = EmbeddedPostgres(tmp_path / "server")
    database.start()
    try:
        secrecy = Secrecy(bytes(range(32)))
        await bring_up(database.dsn, secrecy)
        async with serving(Settings(data_dir=tmp_path), database.dsn, secrecy) as service:
            assert database.pid is not None
            yield service, database.pid
    finally:
        database.stop()
