"""The embedded database: real clusters, real processes, real signals."""

import asyncio
import logging
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest

from blacklist_service.database.embedded import ownership
from blacklist_service.database.embedded.attachment import find_running
from blacklist_service.database.embedded.errors import EmbeddedDatabaseError
from blacklist_service.database.embedded.server import EmbeddedPostgres

Start = Callable[..., EmbeddedPostgres]

AS_ROOT = os.geteuid() == 0
SYSTEM_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
OWNER = """
import sys, time
from pathlib import Path
from blacklist_service.database.embedded.server import EmbeddedPostgres
database = EmbeddedPostgres(Path(sys.argv[1]))
database.start()
print(database.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[EmbeddedPostgres] = []

    def start_on(data_dir: Path, **options: Path) -> EmbeddedPostgres:
        database = EmbeddedPostgres(data_dir, **options)
        started.append(database)
        database.start()
        return database

    yield start_on
    for database in started:
        database.stop()


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory that has a cluster, and nobody who runs it."""
    data_dir = tmp_path_factory.mktemp("used") / "data"
    database = EmbeddedPostgres(data_dir)
    database.start()
    database.stop()
    return data_dir


async def ask(database: EmbeddedPostgres | str, question: str) -> object:
    dsn = database if isinstance(database, str) else database.dsn
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition: Callable[[], object], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def run_owner(data_dir: Path) -> tuple[subprocess.Popen[str], int]:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(data_dir)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    with owner.stdout as output:
        return owner, int(output.readline())


async def test_an_empty_place_becomes_a_database_that_keeps_what_it_is_told(tmp_path: Path, start: Start) -> None:
    data_dir = tmp_path / "a place with 空格, comma & 100%"
    database = start(data_dir)
    await ask(database, "CREATE TABLE kept AS SELECT 7 AS n")
    database.stop()
    assert await ask(start(data_dir), "SELECT n FROM kept") == 7


async def test_a_new_file_of_its_log_is_not_filled_while_commits_wait(used: Path, start: Start) -> None:
    database = start(used)
    for _ in range(4):  # the server may have made one or two ahead
        await ask(database, "SELECT pg_switch_wal()")
        await ask(database, "SELECT pg_logical_emit_message(true, '', 'committed')")
    name = await ask(database, "SELECT pg_walfile_name(pg_current_wal_insert_lsn())")
    [file] = used.rglob(str(name))
    status = file.stat()
    assert status.st_size == 8 << 20
    assert status.st_blocks * 512 < status.st_size / 2


async def test_it_is_durable_private_and_sorts_alike_everywhere(used: Path, start: Start) -> None:
    database = start(used)
    for name, value in {
        "fsync": "on",
        "synchronous_commit": "on",
        "data_checksums": "on",
        "wal_segment_size": "8MB",
        "listen_addresses": "",
        "server_encoding": "UTF8",
        "timezone": "UTC",
        "jit": "off",
    }.items():
        assert await ask(database, f"SHOW {name}") == value
    assert await ask(database, "SELECT datcollate FROM pg_database WHERE datname = 'blacklist'") == "C.UTF-8"
    for folder in ("run", "postgres"):
        assert stat.S_IMODE((used / folder).stat().st_mode) == 0o700
    assert await ask(database, "SELECT current_user::text") == "blacklist"
    connection = await asyncpg.connect(**database.connect_kwargs)  # type: ignore[call-overload]
    await connection.close()


def test_an_existing_database_is_ready_in_a_moment(used: Path, start: Start) -> None:
    began_at = time.monotonic()
    start(used)
    seconds = time.monotonic() - began_at
    logging.getLogger(__name__).info("ready in %.3f s", seconds)
    assert seconds < 1.0


async def test_a_path_too_long_for_a_socket_gets_a_private_short_one(tmp_path: Path, start: Start) -> None:
    data_dir = tmp_path / ("long" * 20) / ("longer" * 10)
    database = start(data_dir)
    folder = Path(str(database.connect_kwargs["host"]))
    assert len(os.fsencode(folder)) < 60
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert await ask(find_running(data_dir) or "", "SELECT 1") == 1
    database.stop()
    assert not folder.exists()


def test_an_empty_private_folder_is_taken_and_its_parents_are_left_alone(tmp_path: Path, start: Start) -> None:
    parent = tmp_path / "home"
    data_dir = parent / "data"
    data_dir.mkdir(parents=True, mode=0o700)
    parent.chmod(0o700)
    before = parent.stat()
    database = start(data_dir)
    after = parent.stat()
    assert (before.st_mode, before.st_uid, before.st_gid) == (after.st_mode, after.st_uid, after.st_gid)
    assert stat.S_IMODE(data_dir.stat().st_mode) & 0o007 == 0
    assert database.pid is not None
    assert Path(f"/proc/{database.pid}").stat().st_uid == (data_dir / "postgres").stat().st_uid


@pytest.mark.skipif(not AS_ROOT, reason="only root has rights to give up")
def test_root_gives_up_every_right(used: Path, start: Start) -> None:
    database = start(used)
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{database.pid}/status").read_text().splitlines() if ":" in line
    )
    assert "0" not in status["Uid"].split()
    assert "0" not in status["Gid"].split()
    assert not status["Groups"].split()


@pytest.mark.skipif(not SYSTEM_BINARIES, reason="no PostgreSQL of the system is here")
async def test_the_programs_may_be_named_and_an_older_cluster_finds_its_own(tmp_path: Path, start: Start) -> None:
    database = start(tmp_path / "data", postgres_bin=SYSTEM_BINARIES[-1])
    version = await ask(database, "SELECT current_setting('server_version_num')::int / 10000")
    assert str(version) == SYSTEM_BINARIES[-1].parent.name
    database.stop()
    again = start(tmp_path / "data")
    assert await ask(again, "SELECT current_setting('server_version_num')::int / 10000") == version


def test_a_cluster_of_a_version_we_do_not_have_is_refused(tmp_path: Path, start: Start) -> None:
    cluster = tmp_path / "data" / "postgres"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("9\n")
    if AS_ROOT:
        os.chown(cluster, 65534, 65534)
    with pytest.raises(EmbeddedDatabaseError, match="made by PostgreSQL 9"):
        start(tmp_path / "data")


def test_something_else_in_its_place_is_refused(tmp_path: Path, start: Start) -> None:
    cluster = tmp_path / "data" / "postgres"
    cluster.mkdir(parents=True)
    (cluster / "holiday.jpg").touch()
    if AS_ROOT:
        os.chown(cluster, 65534, 65534)
    with pytest.raises(EmbeddedDatabaseError, match="something other than a PostgreSQL cluster"):
        start(tmp_path / "data")


def test_programs_that_are_not_there_are_refused(tmp_path: Path, start: Start) -> None:
    with pytest.raises(EmbeddedDatabaseError, match="BLACKLIST_POSTGRES_BIN"):
        start(tmp_path / "data", postgres_bin=tmp_path)


def test_a_file_in_place_of_the_data_directory_is_refused(tmp_path: Path, start: Start) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(EmbeddedDatabaseError, match="data"):
        start(tmp_path / "data")


def test_a_second_owner_is_refused(used: Path, start: Start) -> None:
    start(used)
    with pytest.raises(EmbeddedDatabaseError, match=f"in use: process {os.getpid()} runs"):
        EmbeddedPostgres(used).start()


async def test_another_machine_on_the_same_files_is_refused(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "WATCH_SECONDS", 1.0)
    database = start(tmp_path / "shared")
    database.stop()
    lock = tmp_path / "shared" / "lock"
    elsewhere = "service 17 00000000-0000-0000-0000-000000000000"

    stopping = threading.Event()

    def beat() -> None:
        while not stopping.wait(0.05):
            lock.write_text(f"{elsewhere} {time.monotonic_ns()}\n")

    other = threading.Thread(target=beat)
    lock.write_text(f"{elsewhere} 0\n")
    other.start()
    try:
        with pytest.raises(EmbeddedDatabaseError, match="another machine"):
            start(tmp_path / "shared")
    finally:
        stopping.set()
        other.join()
    # That machine has died, or this one was started anew: nobody writes any more.
    assert await ask(start(tmp_path / "shared"), "SELECT 1") == 1
    assert lock.read_text().split()[:2] == ["service", str(os.getpid())]


async def test_stopping_twice_does_no_harm_to_the_next_owner(tmp_path: Path, start: Start) -> None:
    data_dir = tmp_path / ("long" * 20) / ("longer" * 10)
    first = start(data_dir)
    first.stop()
    second = start(data_dir)
    first.stop()
    assert find_running(data_dir) == second.dsn
    assert await ask(second, "SELECT 1") == 1


async def test_an_attempt_that_was_killed_leaves_nothing_in_the_way(tmp_path: Path, start: Start) -> None:
    unfinished = tmp_path / "data" / "postgres.new-x1y2"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    assert await ask(start(tmp_path / "data"), "SELECT 1") == 1
    assert not unfinished.exists()


async def test_the_database_ends_with_a_killed_owner_and_starts_again(used: Path, start: Start) -> None:
    owner, server = run_owner(used)
    assert await ask(find_running(used) or "", "SELECT 1") == 1
    processes = [server, *children_of(server)]
    owner.kill()
    owner.wait()
    wait_for(lambda: not any(is_alive(pid) for pid in processes), seconds=3)
    assert find_running(used) is None
    assert await ask(start(used), "SELECT 1") == 1


async def test_a_new_owner_waits_for_the_dying_server_of_a_killed_one(used: Path, start: Start) -> None:
    owner, _ = run_owner(used)
    owner.kill()
    owner.wait()
    assert await ask(start(used), "SELECT 1") == 1


async def test_everything_killed_at_once_is_no_obstacle(used: Path, start: Start) -> None:
    owner, server = run_owner(used)
    for pid in (owner.pid, *children_of(server), server):
        with suppress(ProcessLookupError):  # it ended with the one before
            os.kill(pid, signal.SIGKILL)
    owner.wait()
    assert (used / "postgres" / "postmaster.pid").exists()
    assert await ask(start(used), "SELECT 1") == 1


async def test_a_killed_server_is_restarted_though_a_frozen_backend_holds_its_memory(used: Path, start: Start) -> None:
    database = start(used)
    await ask(database, "CREATE TABLE IF NOT EXISTS survivor AS SELECT 3 AS n")
    busy = await asyncpg.connect(database.dsn)
    os.kill(await busy.fetchval("SELECT pg_backend_pid()"), signal.SIGSTOP)  # it will never notice by itself
    assert database.pid is not None
    os.kill(database.pid, signal.SIGKILL)
    wait_for(lambda: database.poll() is not None)
    database.restart()
    busy.terminate()
    assert await ask(database, "SELECT n FROM survivor") == 3


async def test_a_killed_backend_is_the_servers_own_affair(used: Path, start: Start) -> None:
    database = start(used)
    victim = await asyncpg.connect(database.dsn)
    os.kill(await victim.fetchval("SELECT pg_backend_pid()"), signal.SIGKILL)
    victim.terminate()
    answered = 0
    for _ in range(600):  # it sends everybody away, recovers, and takes connections again
        with suppress(asyncpg.PostgresError, OSError):
            assert await ask(database, "SELECT 1") == 1
            answered += 1
        if answered == 20:
            break
        await asyncio.sleep(0.05)
    assert database.poll() is None
    assert await ask(database, "SELECT 1") == 1


async def test_no_personal_value_reaches_the_log(tmp_path: Path, start: Start) -> None:
    database = start(tmp_path / "data")
    connection = await asyncpg.connect(database.dsn)
    await connection.execute("CREATE TABLE person (number text PRIMARY KEY)")
    await connection.execute("INSERT INTO person VALUES ('530111199001011234')")
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute("INSERT INTO person VALUES ('530111199001011234')")
    with pytest.raises(asyncpg.DataError):
        await connection.execute("SELECT '530111199001011234x'::bigint")
    with pytest.raises(asyncpg.DataError):
        await connection.fetchval("SELECT $1::text::bigint", "530111199001011234x")
    await connection.close()
    database.stop()
    log = (tmp_path / "data" / "log" / "postgres.log").read_text()
    assert "ready to accept connections" in log
    assert "530111" not in log
