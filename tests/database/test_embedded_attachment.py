"""Commands beside a running service, and beside each other."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from blacklist_service.database.embedded.attachment import attached_or_started, find_running
from blacklist_service.database.embedded.errors import EmbeddedDatabaseError
from blacklist_service.database.embedded.server import EmbeddedPostgres

COMMAND = """
import asyncio, sys, time
from pathlib import Path
import asyncpg
from blacklist_service.database.embedded.attachment import attached_or_started

async def work(dsn, seconds):
    connection = await asyncpg.connect(dsn)
    await connection.fetchval("SELECT pg_sleep($1)", seconds)
    await connection.close()

with attached_or_started(Path(sys.argv[1])) as dsn:
    asyncio.run(work(dsn, float(sys.argv[2])))
    print("done")
"""


def command(data_dir: Path, seconds: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(data_dir), str(seconds)], stdout=subprocess.PIPE, text=True
    )


async def count_sessions(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'client%'"))
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory to copy: quicker than to make one anew."""
    data_dir = tmp_path_factory.mktemp("made") / "data"
    database = EmbeddedPostgres(data_dir)
    database.start()
    database.stop()
    return data_dir


@pytest.fixture
def data_dir(tmp_path: Path, made: Path) -> Path:
    subprocess.run(["cp", "-a", made, tmp_path / "data"], check=True)
    return tmp_path / "data"


def test_nothing_runs_on_an_empty_place(tmp_path: Path) -> None:
    assert find_running(tmp_path / "data") is None


async def test_a_command_attaches_to_the_running_service(data_dir: Path) -> None:
    database = EmbeddedPostgres(data_dir)
    database.start()
    try:
        with attached_or_started(data_dir) as dsn:
            assert dsn == database.dsn
            assert await count_sessions(dsn) == 1
        assert database.poll() is None
    finally:
        database.stop()


def test_racing_commands_on_an_empty_place_all_get_their_work_done(tmp_path: Path) -> None:
    """The owner is the first to be done, or the last: each way the others finish what they began."""
    data_dir = tmp_path / "data"
    commands = [command(data_dir, seconds) for seconds in (0.0, 0.6, 0.1, 0.3)]
    assert [process.communicate(timeout=30)[0] for process in commands] == ["done\n"] * 4
    assert [process.returncode for process in commands] == [0] * 4
    assert find_running(data_dir) is None


def test_a_service_waits_for_a_command_and_then_starts(data_dir: Path) -> None:
    running = command(data_dir, 0.5)
    while find_running(data_dir) is None:
        assert running.poll() is None
    database = EmbeddedPostgres(data_dir)
    database.start()
    database.stop()
    assert running.communicate(timeout=5)[0] == "done\n"


def test_a_command_that_fails_stops_what_it_started(data_dir: Path) -> None:
    with pytest.raises(ZeroDivisionError), attached_or_started(data_dir):
        raise ZeroDivisionError
    assert find_running(data_dir) is None


def test_a_terminated_command_leaves_no_server(data_dir: Path) -> None:
    running = command(data_dir, 30)
    while find_running(data_dir) is None:
        assert running.poll() is None
    os.kill(running.pid, signal.SIGTERM)
    running.communicate(timeout=5)
    with attached_or_started(data_dir) as dsn:  # waits for the old one to be gone
        assert dsn


@pytest.mark.skipif(os.geteuid() == 0, reason="root may go everywhere")
def test_another_users_directory_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0)
    with pytest.raises(EmbeddedDatabaseError, match="Permission denied"), attached_or_started(tmp_path / "data"):
        pass
