"""A PostgreSQL server that the service does not own, over TCP, with separate logins, and PgBouncer in front of it."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
SUPERUSER = "dba"
PASSWORD = "of the dba: %/?#@"  # what must be quoted in a URL
QUOTED = "of%20the%20dba%3A%20%25%2F%3F%23%40"
START_SECONDS = 30.0
POOLER = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"

needs_postgres_15 = pytest.mark.skipif(
    not (PROGRAMS / "postgres").exists(),
    reason=f"NOT TRIED: PostgreSQL 15 is not installed in {PROGRAMS} (apt-get install postgresql-15)",
)
needs_pgbouncer = pytest.mark.skipif(
    not Path(POOLER).exists(), reason="NOT TRIED: PgBouncer is not installed (apt-get install pgbouncer)"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class External:
    """A server, and the superuser that a DBA of it is."""

    port: int
    home: Path

    def url(self, database: str = "postgres", *, user: str = SUPERUSER, password: str = QUOTED, query: str = "") -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}" + (f"?{query}" if query else "")

    def psql(self, *statements: str, database: str = "postgres") -> str:
        words = [word for statement in statements for word in ("-c", statement)]
        done = subprocess.run(
            [
                PROGRAMS / "psql",
                "-XqAt",
                "-v",
                "ON_ERROR_STOP=1",
                "-h",
                "127.0.0.1",
                "-p",
                str(self.port),
                "-U",
                SUPERUSER,
                "-d",
                database,
                *words,
            ],
            env={"PGPASSWORD": PASSWORD, "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def control(self, *words: str) -> None:
        run_as_postgres([str(PROGRAMS / "pg_ctl"), "-w", "-D", str(self.home / "data"), *words])

    def start(self, *, is_durable: bool = False) -> None:
        """`is_durable`: with fsync, as for a measurement."""
        options = (
            f"-p {self.port} -k {self.home} -c listen_addresses=127.0.0.1 -c fsync={'on' if is_durable else 'off'}"
        )
        self.control("-l", str(self.home / "log"), "-o", options, "start")


@contextmanager
def external_server() -> Iterator[External]:
    with tempfile.TemporaryDirectory(prefix="external-") as place:
        server = External(free_port(), Path(place))
        _give_to_postgres(server.home)
        secret = server.home / "password"
        secret.write_text(PASSWORD)
        _give_to_postgres(secret)
        run_as_postgres(
            [
                str(PROGRAMS / "initdb"),
                "-D",
                str(server.home / "data"),
                "-U",
                SUPERUSER,
                "-A",
                "scram-sha-256",
                f"--pwfile={secret}",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ]
        )
        server.start()
        try:
            yield server
        finally:
            server.control("-m", "immediate", "stop")


@contextmanager
def pooler(
    server: External, *, mode: str, ignored: Sequence[str] = (), logins: Sequence[tuple[str, str]] = ()
) -> Iterator[int]:
    """PgBouncer before the server, for the superuser and other logins; its port."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="pgbouncer-") as place:
        home = Path(place)
        known = [(SUPERUSER, PASSWORD), *logins]
        (home / "users.txt").write_text("".join(f'"{user}" "{password}"\n' for user, password in known))
        (home / "pgbouncer.ini").write_text(
            f"[databases]\n* = host=127.0.0.1 port={server.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {port}\nunix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {home}/users.txt\n"
            f"pool_mode = {mode}\nmax_client_conn = 200\ndefault_pool_size = 40\nlogfile = {home}/log\n"
            + (f"ignore_startup_parameters = {','.join(ignored)}\n" if ignored else "")
        )
        for path in (home, *home.iterdir()):
            _give_to_postgres(path)
        process = subprocess.Popen(
            [POOLER, str(home / "pgbouncer.ini")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **_as_postgres(),
        )
        try:
            _wait_for(port, process)
            yield port
        finally:
            process.terminate()
            process.wait(10)


@contextmanager
def standby_of(primary: External) -> Iterator[External]:
    """A second server that follows the first by streaming replication."""
    with tempfile.TemporaryDirectory(prefix="standby-") as place:
        server = External(free_port(), Path(place))
        _give_to_postgres(server.home)
        source = f"host=127.0.0.1 port={primary.port} user={SUPERUSER} password='{PASSWORD}' application_name=standby"
        data = str(server.home / "data")
        run_as_postgres(
            [str(PROGRAMS / "pg_basebackup"), "-R", "-X", "stream", "-c", "fast", "--no-sync", "-d", source, "-D", data]
        )
        server.start()
        try:
            yield server
        finally:
            server.control("-m", "immediate", "stop")


def run_as_postgres(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", **_as_postgres())
    assert done.returncode == 0, done.stdout + done.stderr


def _as_postgres() -> dict[str, Any]:
    """Neither program runs as root."""
    if os.geteuid() != 0:
        return {}
    account = pwd.getpwnam("postgres")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": ()}


def _give_to_postgres(path: Path) -> None:
    if os.geteuid() == 0:
        account = pwd.getpwnam("postgres")
        os.chown(path, account.pw_uid, account.pw_gid)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        assert process.poll() is None, "the pooler ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < deadline
        time.sleep(0.05)
