"""CrowdSec's local API on PostgreSQL, to compare with: it answers whether an address is banned, and writes no evidence.

    .venv/bin/python benchmarks/crowdsec.py --decisions 10000 --connections 64 --seconds 5 --cache .bench

The program is Debian's package `crowdsec` (1.4.6 in Debian 12), taken from PATH or a cache folder, else fetched by apt-get
and unpacked there: nothing is installed, and root is not needed. It runs as a local API alone (`-no-cs`, no central API)
on 127.0.0.1, over the same embedded PostgreSQL with the same settings as this service, by its Unix socket.

Decided in its favour, where its defaults would cost it speed:
- it opens at most eight connections to the database, of 1, 2, 4, 8, 16 and 50 the best on two cores at 16 and 64
  clients; its default is 100, and with 50 it answered about half as many requests;
- it logs warnings alone; by default it writes a line a request, which costs less than one run differs from the next;
- its table is vacuumed and analyzed after the import.

CrowdSec 1.4.6 asks PostgreSQL for `lc_collate` and `lc_ctype`, which PostgreSQL 16 took away, and then refuses to start.
A view `pg_settings` in its own database gives both back; nothing but its check at the start reads it.

`cscli decisions import` reads CSV or JSON and writes about 5,000 decisions a second, a million in 200 s. So it imports
the first IMPORTED; the others are rows inserted by SQL in the shape of those that cscli wrote.
"""

import argparse
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

import asyncpg
import uvloop

sys.path.insert(0, str(Path(__file__).parent))
import load

from blacklist_service.database.embedded import child
from blacklist_service.database.embedded.server import EmbeddedPostgres

PACKAGES = ("crowdsec", "libsqlite3-0")  # the second holds the one library that a machine may lack
DATABASE = "crowdsec"
IMPORTED = 10_000
CONNECTIONS = 8
START_SECONDS = 30.0
HIT_EVERY = 10
# Addresses spread evenly, and none twice: an odd factor permutes the numbers modulo 2^32.
FACTOR, OFFSET, ADDRESSES = 2_654_435_761, 16_909_060, 1 << 32
# CrowdSec keeps an address as a signed number, counted from here.
FIRST_IP = -((1 << 63) - 1)
FILL = f"""
    INSERT INTO decisions (created_at, updated_at, until, scenario, type, start_ip, end_ip, start_suffix, end_suffix,
                           ip_size, scope, value, origin, simulated, alert_decisions)
    SELECT created_at, updated_at, until, scenario, type, {FIRST_IP} + ip, {FIRST_IP} + ip, start_suffix, end_suffix,
           ip_size, scope, host('0.0.0.0'::inet + ip), origin, simulated, alert_decisions
    FROM generate_series($1::bigint, $2::bigint - 1) AS n,
         LATERAL (SELECT (n * {FACTOR} + {OFFSET}) % {ADDRESSES} AS ip) AS address,
         (SELECT * FROM decisions ORDER BY id LIMIT 1) AS pattern
"""
FORGOTTEN_SETTINGS = """
    CREATE VIEW public.pg_settings AS
        SELECT name, setting FROM pg_catalog.pg_settings
        UNION ALL
        SELECT name, 'C' FROM unnest(ARRAY['lc_collate', 'lc_ctype']) AS name
        WHERE name NOT IN (SELECT name FROM pg_catalog.pg_settings)
"""


class CrowdSecMissing(Exception):  # noqa: N818 - not an error of ours: the table then says "not installed"
    """It is not here, and cannot be fetched; the message says why."""


@dataclass(frozen=True, slots=True)
class Programs:
    crowdsec: str
    cscli: str
    environment: dict[str, str]

    @property
    def version(self) -> str:
        """Such as `v1.4.6-6~deb12u1+b1-debian`."""
        answer = subprocess.run(
            [self.cscli, "version"], env=self.environment, capture_output=True, text=True, check=True
        )
        first = (answer.stdout + answer.stderr).splitlines()[0]
        return first.rpartition("version: ")[2]


@dataclass(frozen=True, slots=True)
class CrowdSec:
    """A running instance, with `decisions` addresses banned."""

    url: str
    key: str
    version: str
    decisions: int
    import_seconds: float  # of what cscli imported

    def request(self, number: int) -> bytes:
        """Ask for the `number`th address: banned when below `decisions`."""
        target = f"/v1/decisions?ip={address(number)}"
        # A name with a version: without one, CrowdSec logs a warning a request.
        lines = (f"GET {target} HTTP/1.1", f"Host: {self.url[7:]}", "User-Agent: bench/1", f"X-Api-Key: {self.key}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n"

    def requests(self, n: int) -> list[bytes]:
        """One request in ten asks for a banned address, drawn from the whole list."""
        step = self.decisions / max(1, n // HIT_EVERY)
        hits = (int(turn * step) for turn in range(n))
        misses = range(self.decisions, self.decisions + n)
        return [self.request(next(hits) if turn % HIT_EVERY == 0 else misses[turn]) for turn in range(n)]


def address(number: int) -> IPv4Address:
    return IPv4Address((number * FACTOR + OFFSET) % ADDRESSES)


@asynccontextmanager
async def running(
    folder: Path, *, decisions: int, cache: Path, connections: int = CONNECTIONS, log_level: str = "warning"
) -> AsyncIterator[CrowdSec]:
    """Run one in a folder of its own below `folder`. Enter from the main thread; leaving removes all but the cache."""
    programs = find_programs(cache)
    with tempfile.TemporaryDirectory(prefix="crowdsec-", dir=folder) as own, _postgres(Path(own) / "data") as postgres:
        await _make_database(postgres)
        port, key = _free_port(), secrets.token_hex(16)
        config = _write_configuration(Path(own), postgres, port, connections=connections, log_level=log_level)
        _cscli(programs, config, "machines", "add", "bench", "--auto", "--force", "--file", f"{own}/credentials.yaml")
        _cscli(programs, config, "bouncers", "add", "bench", "--key", key)
        with _local_api(programs, config, port):
            started = time.perf_counter()
            _import(programs, config, min(decisions, IMPORTED))
            imported = time.perf_counter() - started
            await _complete(postgres, decisions)
            crowdsec = CrowdSec(f"http://127.0.0.1:{port}", key, programs.version, decisions, round(imported, 2))
            _assert_answers(crowdsec)
            yield crowdsec


def find_programs(cache: Path) -> Programs:
    """From PATH, or else from the cache, which is filled if it is empty."""
    crowdsec, cscli = shutil.which("crowdsec"), shutil.which("cscli")
    if crowdsec and cscli:
        return _that_run(Programs(crowdsec, cscli, dict(os.environ)))
    root = cache.resolve() / "crowdsec"
    if not root.is_dir():
        _fetch(root)
    libraries = ":".join(str(path.parent) for path in root.glob("usr/lib/*/libsqlite3.so.0"))
    programs = root / "usr" / "bin"
    environment = os.environ | {"LD_LIBRARY_PATH": libraries}
    return _that_run(Programs(str(programs / "crowdsec"), str(programs / "cscli"), environment))


def _that_run(programs: Programs) -> Programs:
    try:
        programs.version  # noqa: B018 - asked for to see whether it runs
    except (OSError, subprocess.CalledProcessError, IndexError):
        raise CrowdSecMissing(f"{programs.cscli} does not run on this machine.") from None
    return programs


def _fetch(root: Path) -> None:
    """Fetch and unpack beside `root`, then rename, so that it exists completely or not at all."""
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise CrowdSecMissing(
            "crowdsec is not installed, and without apt-get and dpkg its Debian package cannot be had."
        )
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=root.parent) as aside:
        packages, unpacked = Path(aside, "packages"), Path(aside, "unpacked")
        packages.mkdir()
        if not _download(packages, []):
            # The machine's own package lists are missing or old; lists of our own need no root and change nothing there.
            lists = Path(aside, "lists")
            own = ["-o", f"Dir::State::lists={lists}", "-o", f"Dir::Cache={aside}/cache"]
            (lists / "partial").mkdir(parents=True)
            if not (_run_quietly(["apt-get", *own, "update"], packages) and _download(packages, own)):
                raise CrowdSecMissing("crowdsec is not installed, and apt-get cannot fetch its package here.")
        for package in sorted(packages.glob("*.deb")):
            if not _run_quietly(["dpkg", "-x", str(package), str(unpacked)], packages):
                raise CrowdSecMissing(f"crowdsec is not installed, and {package.name} cannot be unpacked.")
        unpacked.rename(root)


def _download(packages: Path, options: list[str]) -> bool:
    # apt's own sandbox user cannot write into a private folder; it would warn, then do as is asked here.
    return _run_quietly(["apt-get", "-o", "APT::Sandbox::User=", *options, "download", *PACKAGES], packages)


def _run_quietly(command: list[str], folder: Path) -> bool:
    quiet = subprocess.DEVNULL
    try:
        return (
            subprocess.run(
                command, cwd=folder, stdin=quiet, stdout=quiet, stderr=quiet, timeout=170, check=False
            ).returncode
            == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


@contextmanager
def _postgres(folder: Path) -> Iterator[EmbeddedPostgres]:
    postgres = EmbeddedPostgres(folder)
    postgres.start()
    try:
        yield postgres
    finally:
        postgres.stop()


async def _make_database(postgres: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(**postgres.connect_kwargs)
    await connection.execute(f"CREATE DATABASE {DATABASE}")
    await connection.execute(f"ALTER DATABASE {DATABASE} SET search_path = public, pg_catalog")
    await connection.close()
    connection = await asyncpg.connect(**postgres.connect_kwargs | {"database": DATABASE})
    await connection.execute(FORGOTTEN_SETTINGS)
    await connection.close()


def _write_configuration(
    folder: Path, postgres: EmbeddedPostgres, port: int, *, connections: int, log_level: str
) -> Path:
    for name in ("data", "hub", "notifications", "plugins"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "hub" / ".index.json").write_text("{}")
    (folder / "simulation.yaml").write_text("simulation: false\n")
    (folder / "profiles.yaml").write_text("name: none\nfilters:\n - 'false'\non_success: break\n")
    (folder / "credentials.yaml").write_text(f"url: http://127.0.0.1:{port}\n")
    database = postgres.connect_kwargs
    configuration = {
        "common": {"daemonize": False, "log_media": "stdout", "log_level": log_level, "working_dir": str(folder)},
        "config_paths": {
            "config_dir": str(folder),
            "data_dir": str(folder / "data"),
            "simulation_path": str(folder / "simulation.yaml"),
            "hub_dir": str(folder / "hub"),
            "index_path": str(folder / "hub" / ".index.json"),
            "notification_dir": str(folder / "notifications"),
            "plugin_dir": str(folder / "plugins"),
        },
        "cscli": {"output": "raw", "color": "no"},
        "db_config": {
            "type": "postgresql",
            "log_level": log_level,
            "host": database["host"],
            "port": database["port"],
            "user": database["user"],
            "password": "unused",
            "db_name": DATABASE,
            "sslmode": "disable",
            "max_open_conns": connections,
        },
        "api": {
            "client": {"credentials_path": str(folder / "credentials.yaml")},
            "server": {
                "log_level": log_level,
                "listen_uri": f"127.0.0.1:{port}",
                "profiles_path": str(folder / "profiles.yaml"),
            },
        },
        "prometheus": {"enabled": False},
    }
    path = folder / "config.yaml"
    path.write_text(json.dumps(configuration, indent=1))  # JSON is YAML
    return path


def _cscli(programs: Programs, config: Path, *arguments: str) -> None:
    command = [programs.cscli, "-c", str(config), *arguments]
    done = subprocess.run(command, env=programs.environment, capture_output=True, text=True, timeout=170, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"cscli {' '.join(arguments[:2])} failed: {done.stderr.strip() or done.stdout.strip()}")


@contextmanager
def _local_api(programs: Programs, config: Path, port: int) -> Iterator[None]:
    log = config.with_name("crowdsec.log")
    # Through the script that makes the kernel end it when this process is killed.
    role = [str(number) for number in (os.getpid(), os.geteuid(), os.getegid(), 9)]
    program = [programs.crowdsec, "-c", str(config), "-no-cs"]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", child.__file__, *role, *program],
            env=programs.environment | {"GIN_MODE": "release"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        _wait_until_it_listens(process, port, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_it_listens(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"crowdsec does not start: {log.read_text(errors='replace').strip()[-500:]}")


def _import(programs: Programs, config: Path, count: int) -> None:
    file = config.with_name("decisions.csv")
    rows = (f"24h,ip,{address(number)}\n" for number in range(count))
    file.write_text("duration,scope,value\n" + "".join(rows))
    _cscli(programs, config, "decisions", "import", "-i", str(file))


async def _complete(postgres: EmbeddedPostgres, decisions: int) -> None:
    connection = await asyncpg.connect(**postgres.connect_kwargs | {"database": DATABASE})
    try:
        if decisions > IMPORTED:
            await connection.execute(FILL, IMPORTED, decisions)
        await connection.execute("VACUUM ANALYZE decisions")
        await connection.execute("CHECKPOINT")
        found = await connection.fetchrow(
            "SELECT count(*), count(DISTINCT value), count(*) FILTER (WHERE start_ip <> end_ip OR"
            f" '0.0.0.0'::inet + (start_ip - {FIRST_IP}) <> value::inet) FROM decisions"
        )
        if tuple(found) != (decisions, decisions, 0):
            raise RuntimeError(f"{decisions} decisions were to be there: {tuple(found)}")
    finally:
        await connection.close()


def _assert_answers(crowdsec: CrowdSec) -> None:
    """Measure only real answers: the first and last decision must be found, the address after them must not."""
    last = crowdsec.decisions - 1
    expected = {0: [str(address(0))], last: [str(address(last))], last + 1: []}
    for number, values in expected.items():
        url = f"{crowdsec.url}/v1/decisions?ip={address(number)}"
        request = urllib.request.Request(url, headers={"X-Api-Key": crowdsec.key, "User-Agent": "bench/1"})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                found = [decision["value"] for decision in json.load(answer) or []]
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"CrowdSec answers {error.code}") from error
        if found != values:
            raise RuntimeError(f"CrowdSec answers {found} instead of {values}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


async def measure(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="blacklist-bench-") as folder:
        cache = options.cache or Path(folder)
        async with running(
            Path(folder),
            decisions=options.decisions,
            cache=cache,
            connections=options.database_connections,
            log_level=options.log_level,
        ) as crowdsec:
            requests = crowdsec.requests(10_000)
            for connections in options.connections:
                result = await load.drive(crowdsec.url, requests, connections=connections, seconds=options.seconds)
                facts = {"crowdsec": crowdsec.version, "decisions": crowdsec.decisions}
                imported = {
                    "imported_by_cscli": min(crowdsec.decisions, IMPORTED),
                    "import_seconds": crowdsec.import_seconds,
                }
                print(json.dumps(facts | imported | result), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--decisions", type=int, default=10_000)
    parser.add_argument("--connections", type=int, nargs="+", default=[64], help="one line of figures each")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--cache", type=Path, help="where the program is kept; without it, it is fetched each time")
    parser.add_argument("--database-connections", type=int, default=CONNECTIONS)
    parser.add_argument("--log-level", default="warning")
    options = parser.parse_args()
    try:
        uvloop.run(measure(options))
    except CrowdSecMissing as missing:
        sys.exit(str(missing))


if __name__ == "__main__":
    main()
