"""A release is rolled out: `migrate` of the next version runs while this one serves, and no check notices."""

import asyncio
import base64
import os
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from blacklist_service import readiness
from blacklist_service.database.connections import connect
from blacklist_service.database.installation import NotReadyError, verify_installation
from blacklist_service.database.migration import LOCK_TIMEOUT_MS, migrate
from blacklist_service.database.revisions import MIGRATIONS, MigrationError, current_revision, newest_revision
from blacklist_service.settings import DSN_VARIABLE
from tests.conftest import SECRECY
from tests.support import COURT_CODE, Service, day, question, resident_id, row, subject
from tests.typist import typed

HELD_SECONDS = 1.0
"""The step itself, beside a tenth of a second for its lock."""

LONGEST_WAIT = """
SELECT coalesce(extract(epoch FROM max(clock_timestamp() - waitstart)), 0)::float8
FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE datname = current_database() AND application_name <> 'blacklist-service migrate'
"""
"""How long somebody who does not migrate waits for a lock."""

MIGRATES = """
SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'blacklist-service migrate'
"""

COLUMN = "ALTER TABLE ledger_entries ADD COLUMN trace text NOT NULL DEFAULT '';"
OTHER_COLUMN = "ALTER TABLE subject_keys ADD COLUMN note text;"
TABLE = """
CREATE TABLE strangers (id uuid PRIMARY KEY, member text NOT NULL REFERENCES members (code));

GRANT SELECT, INSERT ON strangers TO blacklist_app;

CREATE FUNCTION attach_watch_month(month date) RETURNS void LANGUAGE sql AS 'SELECT';
"""
INDEX = ("ledger_entries_source", "ledger_entries", "(source_ip, at)")
HOT = "SELECT is_only FROM ledger_entries, installation WHERE false"


async def test_checks_and_publications_go_on_while_two_migrate_at_once(service: Service, release: "Release"):
    for step in (expands(COLUMN), expands(OTHER_COLUMN), expands(TABLE), f"build_index{INDEX!r}"):
        release.adds(step)
    async with traffic_on(service) as traffic:
        await traffic.flow()
        assert list(await asyncio.gather(release.migrate(), release.migrate())) == [0, 0]
        await traffic.flow()
    traffic.require_undisturbed()
    await release.require_complete()


async def test_checks_go_on_while_a_step_waits_for_a_reader_and_then_it_is_made(service: Service, release: "Release"):
    release.adds(expands(COLUMN))
    async with traffic_on(service) as traffic, reading(service) as end_reading:
        migrating = asyncio.create_task(release.migrate())
        async with asyncio.timeout(60):
            while not await service.fetch(MIGRATES):
                await asyncio.sleep(0.05)
        await asyncio.sleep(2.5)
        assert not migrating.done()
        await end_reading()
        assert await migrating == 0
    traffic.require_undisturbed()
    assert await release.column_exists("ledger_entries", "trace")


async def test_a_step_that_never_gets_its_locks_gives_up_with_a_sentence_and_leaves_nothing(
    service: Service, release: "Release"
):
    release.adds(expands("CREATE TABLE before_it ();\n\n" + COLUMN))
    async with traffic_on(service) as traffic, reading(service):
        with pytest.raises(
            MigrationError, match=f"is busy: a migration after {newest_revision()} did not get its locks in 2 attempts"
        ):
            await in_a_thread(lambda: migrate(service.workplace.dsn, folder=release.folder, tries=2))
    traffic.require_undisturbed()
    assert await release.revision() == newest_revision()
    assert not await release.column_exists("ledger_entries", "trace")
    assert await service.fetch("SELECT to_regclass('before_it') AS made") == [(None,)]


async def test_a_step_that_takes_too_long_is_cut_off_and_leaves_nothing(service: Service, release: "Release"):
    release.adds(expands("CREATE TABLE before_it ();\n\nSELECT pg_sleep(10);\n\n"))
    with pytest.raises(MigrationError, match="took too long and was rolled back"):
        await in_a_thread(lambda: migrate(service.workplace.dsn, folder=release.folder))
    assert await release.revision() == newest_revision()
    assert await service.fetch("SELECT to_regclass('before_it') AS made") == [(None,)]


async def test_an_index_whose_building_was_cut_off_is_built_anew(service: Service, release: "Release"):
    release.adds(f"build_index{INDEX!r}")
    [(partition,)] = await service.fetch("SELECT 'ledger_entries' || to_char(now(), '_YYYY_MM')")
    owner = await connect(service.workplace.dsn, role=None)
    await owner.execute(f"CREATE INDEX {partition}_{INDEX[0]} ON {partition} (source_ip)")
    await owner.execute(f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{partition}_{INDEX[0]}'::regclass")
    await owner.close()
    assert await release.migrate() == 0
    await release.require_index()


async def test_this_version_serves_a_newer_database_until_that_takes_away_what_it_needs(
    service: Service, release: "Release"
):
    release.adds(expands(TABLE))
    assert await release.migrate() == 0
    assert (await service.client.get("/readyz")).status_code == 200
    assert await service.decide(subject("张三", resident_id())) == "clear"
    assert release.run_this_version("members", "list").returncode == 0
    assert release.run_this_version("migrate").stdout == "the database is up to date\n"

    this, later = newest_revision(), f"{int(newest_revision()) + 2:04}"
    release.adds(f"contract({later!r})")
    assert await release.migrate() == 0
    ready = await service.client.get("/readyz")
    assert (ready.status_code, ready.json()["code"]) == (503, "undetermined")
    sentence = f"the database is at {later}, which needs a version of at least {later}, and this one is of {this}"
    assert ready.json()["detail"].startswith(sentence)
    for command in (["serve", "--port", "0"], ["migrate"]):
        done = release.run_this_version(*command)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert done.stderr.startswith(f"blacklist-service: {sentence}")
    done = release.run_this_version(module="blacklist_service.worker")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


async def test_a_database_that_is_older_is_refused(service: Service):
    owner = await connect(service.workplace.dsn, role=None)
    await owner.execute("UPDATE alembic_version SET version_num = '0006'")
    with pytest.raises(NotReadyError, match="the database is at 0006: run 'blacklist-service migrate'"):
        await verify_installation(owner, SECRECY)
    await owner.close()


# --- the next version


class Release:
    """The version after this one: its migrations are this one's and some more."""

    def __init__(self, folder: Path, service: Service) -> None:
        self.folder = folder / "migrations"
        self.service = service
        shutil.copytree(MIGRATIONS, self.folder, ignore=shutil.ignore_patterns("__pycache__"))
        self.newest = newest_revision()

    def adds(self, step: str) -> "Release":
        before, self.newest = self.newest, f"{int(self.newest) + 1:04}"
        (self.folder / "versions" / f"{self.newest}_next.py").write_text(
            "from blacklist_service.database.steps import build_index, contract, expand\n"
            f"revision = {self.newest!r}\ndown_revision = {before!r}\n"
            f"def upgrade():\n    {step}\n"
        )
        return self

    async def migrate(self) -> int:
        """In a process of its own, as it is."""
        program = (
            "import asyncio, pathlib, sys; from blacklist_service.database.migration import migrate;"
            "asyncio.run(migrate(sys.argv[1], folder=pathlib.Path(sys.argv[2])))"
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, self.service.workplace.dsn, str(self.folder)
        )
        return await process.wait()

    def run_this_version(self, *arguments: str, module: str = "blacklist_service") -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": os.environ["PATH"],
            "BLACKLIST_DATABASE_URL": self.service.workplace.dsn,
            DSN_VARIABLE: self.service.workplace.dsn,
            "BLACKLIST_DATA_DIR": str(self.folder.parent),
            "BLACKLIST_SECRET_KEY": base64.b64encode(bytes(range(32))).decode(),
        }
        if module == "blacklist_service":
            return typed(arguments, env=environment)
        command = [sys.executable, "-m", module, *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    async def revision(self) -> str | None:
        async with self.service.workplace.connected() as connection:
            return await current_revision(connection)

    async def column_exists(self, table: str, column: str) -> bool:
        found = await self.service.fetch(
            "SELECT FROM pg_attribute WHERE attrelid = $1::text::regclass AND attname = $2", table, column
        )
        return bool(found)

    async def require_complete(self) -> None:
        assert await self.revision() == self.newest
        assert await self.column_exists("ledger_entries", "trace")
        assert await self.column_exists("strangers", "member")
        await self.require_index()

    async def require_index(self) -> None:
        """Valid on the ledger, and so on each of its months."""
        built = await self.service.fetch(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = $1::text::regclass", INDEX[0]
        )
        assert [one["indisvalid"] for one in built] == [True]


def expands(script: str) -> str:
    return f"expand({script!r})"


async def in_a_thread(work: Callable[[], Any]) -> None:
    """What it imports and computes must not stop the service in this one."""
    await asyncio.to_thread(lambda: asyncio.run(work()))


@asynccontextmanager
async def reading(service: Service) -> AsyncIterator[Callable[[], Any]]:
    """A transaction that reads the ledger and does not end: an export, say."""
    async with service.workplace.connected() as connection:
        await connection.execute("BEGIN")
        await connection.execute(HOT)
        yield lambda: connection.execute("COMMIT")
        await connection.execute("ROLLBACK" if connection.is_in_transaction() else "SELECT")


# --- what goes on all the while


class Traffic:
    """Asks, publishes and looks at the probe, and counts what came back."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._is_over = False
        self.answered, self.published, self.looked = 0, 0, 0
        self.refused: list[str] = []
        self.wrong: list[str] = []
        self.longest_wait = 0.0
        self.noise = 0.0

    async def flow(self) -> None:
        """Until some more of everything has gone through."""
        answered, published, looked = self.answered + 100, self.published + 10, self.looked + 5
        while self.answered < answered or self.published < published or self.looked < looked:
            await asyncio.sleep(0.02)

    async def ask(self, listed: str) -> None:
        while not self._is_over:
            await self._expect(subject("张三", listed), "block")
            await self._expect(subject("张三", resident_id(born="19900101")), "clear")

    async def publish(self) -> None:
        while not self._is_over:
            number = resident_id(self.published, born="19700101")
            response = await self._service.post("/v1/listings", publication(number, self.published), key="court")
            if response.status_code != 201:
                self.refused.append(f"publication {response.status_code} {response.text}")
            await self._expect(subject("李四", number), "block")
            self.published += 1
            await asyncio.sleep(0.02)

    async def look(self) -> None:
        while not self._is_over:
            response = await self._service.client.get("/readyz")
            if response.status_code != 200:
                self.refused.append(f"readyz {response.text}")
            self.looked += 1
            await asyncio.sleep(0.05)

    async def watch_the_locks(self) -> None:
        """How long a check takes is the machine's affair as well; how long it waits for a step is seen in the database."""
        async with self._service.workplace.connected() as connection:
            await connection.execute("RESET ROLE")
            while not self._is_over:
                began = time.monotonic()
                self.longest_wait = max(self.longest_wait, await connection.fetchval(LONGEST_WAIT))
                self.noise = max(self.noise, time.monotonic() - began)
                await asyncio.sleep(0.01)

    async def _expect(self, asked: dict[str, Any], decision: str) -> None:
        response = await self._service.post("/v1/checks", question(asked))
        if response.status_code != 200:
            self.refused.append(f"check {response.status_code} {response.text}")
        elif response.json()["decision"] != decision:
            self.wrong.append(response.text)
        self.answered += 1

    def end(self) -> None:
        self._is_over = True

    def require_undisturbed(self) -> None:
        assert (self.wrong, self.refused) == ([], [])
        assert self.longest_wait < LOCK_TIMEOUT_MS / 1000 + HELD_SECONDS + self.noise


@asynccontextmanager
async def traffic_on(service: Service) -> AsyncIterator[Traffic]:
    listed = resident_id(15)
    await service.load_rows(row(name="张三", identifier_number=listed))
    traffic = Traffic(service)
    going = [
        asyncio.create_task(one)
        for one in (
            *(traffic.ask(listed), traffic.ask(listed), traffic.publish(), traffic.look()),
            traffic.watch_the_locks(),
        )
    ]
    try:
        yield traffic
    finally:
        traffic.end()
        await asyncio.gather(*going)


def publication(number: str, sequence: int) -> dict[str, Any]:
    return {
        "case_number": f"(2025)云0111执{sequence + 70_000}号",
        "court": {"code": COURT_CODE},
        "debtor": {"kind": "person", "name": "李四", "identifier": {"type": "resident_id", "number": number}},
        "circumstances": ["C4"],
        "decision": {"document_number": f"决{sequence}", "decided_on": day(-3)},
        "published_on": day(),
        "expires_on": day(700),
    }


@pytest.fixture
def release(tmp_path: Path, service: Service, monkeypatch: pytest.MonkeyPatch) -> Release:
    monkeypatch.setattr(readiness, "READINESS_SECONDS", service.app.state.settings.check_deadline_ms / 1000)
    return Release(tmp_path / "next", service)
