"""A PostgreSQL 15 of the operator's own, over TCP: failover to read-only and back, poolers, misconfiguration."""

import base64
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from tests.external import (
    External,
    external_server,
    free_port,
    needs_pgbouncer,
    needs_postgres_15,
    pooler,
)
from tests.support import COURT_CODE
from tests.typist import typed

pytestmark = needs_postgres_15

SECRET = base64.b64encode(bytes(range(32))).decode()
FAULT_12 = (
    *("role", "jit", "timezone", "plan_cache_mode", "statement_timeout", "idle_in_transaction_session_timeout"),
    *("enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "search_path"),
)
_databases = count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[External]:
    with external_server() as made:
        yield made


@pytest.fixture
def database(server: External) -> str:
    return make_database(server)


def make_database(server: External) -> str:
    name = f"bl_{next(_databases)}"
    server.psql(f"CREATE DATABASE {name}")
    return name


class Operator:
    """Types commands against a URL."""

    def __init__(self, home: Path, url: str) -> None:
        self.home = home
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "BLACKLIST_DATABASE_URL": url,
            "BLACKLIST_SECRET_KEY": SECRET,
            "BLACKLIST_DATA_DIR": str(home / "data"),
            "BLACKLIST_LOG_LEVEL": "warning",
        }

    def types(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return typed(words, env=self.environment | environment)

    def must(self, *words: str) -> str:
        done = self.types(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout


class Serving:
    """`serve` against a URL, and a court's key."""

    def __init__(self, operator: Operator) -> None:
        self.operator = operator
        self.port = free_port()
        self.key = ""

    def __enter__(self) -> Self:
        self.operator.must(
            "members", "add", "GD-COURT", "--name", "法院", "--kind", "court", "--court-code", COURT_CODE
        )
        made = self.operator.must("keys", "create", "--member", "GD-COURT", "--role", "court")
        self.key = next(word for word in made.split() if word.startswith("sxd_"))
        self.start()
        wait_for(lambda: self.ready().status_code == 200, seconds=30, still=self.process)
        return self

    def start(self) -> None:
        self.log = (self.operator.home / "serve.log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "blacklist_service", "serve", "--port", str(self.port), "--workers", "1"],
            env=self.operator.environment,
            stdout=self.log,
            stderr=self.log,
        )

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0
        self.log.close()

    def ready(self) -> httpx.Response:
        return self._ask("GET", "/readyz")

    def heartbeat(self) -> httpx.Response:
        return self._ask("POST", "/v1/list/heartbeat")

    def _ask(self, method: str, path: str) -> httpx.Response:
        try:
            return httpx.request(
                method,
                f"http://127.0.0.1:{self.port}{path}",
                headers={"Authorization": f"Bearer {self.key}"},
                timeout=10,
            )
        except httpx.TransportError:
            return httpx.Response(599)


def wait_for(is_so: Any, *, seconds: float, still: subprocess.Popen[bytes] | None = None) -> float:
    began = time.monotonic()
    while not is_so():
        assert still is None or still.poll() is None, "serve ended"
        assert time.monotonic() - began < seconds
        time.sleep(0.05)
    return time.monotonic() - began


def send_away(server: External, database: str) -> str:
    return f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}' AND pid <> pg_backend_pid()"


@pytest.fixture(scope="class")
def served(server: External, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Serving]]:
    """A database, and the one service that gets over everything that befalls it."""
    database = make_database(server)
    operator = Operator(tmp_path_factory.mktemp("served"), server.url(database))
    operator.must("migrate")
    with Serving(operator) as service:
        yield database, service


@pytest.fixture
def well(served: tuple[str, Serving]) -> tuple[str, Serving]:
    wait_for(lambda: served[1].ready().status_code == 200, seconds=30, still=served[1].process)
    return served


class TestFailover:
    """Fault 09, and others of its kind: nobody is disconnected when the writer is back."""

    def test_a_service_that_starts_before_its_database_waits_for_it(self, server, database, tmp_path):
        operator = Operator(tmp_path, server.url(database))
        operator.must("migrate")
        operator.environment["BLACKLIST_START_PATIENCE"] = "60"
        service = Serving(operator)
        service.key = "none"
        server.control("-m", "fast", "stop")
        try:
            service.start()
            wait_for(lambda: service.ready().status_code == 503, seconds=30, still=service.process)
            assert "waits for its database" in service.ready().json()["detail"]
        finally:
            server.start()
        wait_for(lambda: service.ready().status_code == 200, seconds=30, still=service.process)
        service.__exit__()
        assert (tmp_path / "serve.log").read_text().count("waiting for the database") == 1

    def test_acts_go_on_within_two_seconds_of_the_writers_return(self, server, well):
        database, service = well
        assert service.heartbeat().status_code == 200
        server.psql(f"ALTER DATABASE {database} SET default_transaction_read_only = on", send_away(server, database))
        wait_for(lambda: service.ready().status_code == 503, seconds=5)
        assert "takes no writes" in service.ready().json()["detail"]
        assert {service.heartbeat().status_code for _ in range(8)} == {503}
        server.psql(
            "SET default_transaction_read_only = off",
            f"ALTER DATABASE {database} RESET default_transaction_read_only",
        )
        assert wait_for(lambda: service.heartbeat().status_code == 200, seconds=2) < 2
        assert service.ready().status_code == 200
        assert {service.heartbeat().status_code for _ in range(8)} == {200}
        wait_for(lambda: service.ready().json().get("ledger") == {"state": "sealed"}, seconds=15)

    def test_sessions_that_become_read_only_under_way_are_noticed(self, server, well):
        _, service = well
        assert service.heartbeat().status_code == 200
        server.psql("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
        try:
            wait_for(lambda: service.heartbeat().status_code == 503, seconds=5)
            wait_for(lambda: service.ready().status_code == 503, seconds=5)
        finally:
            server.psql(
                "SET default_transaction_read_only = off",
                "ALTER SYSTEM RESET default_transaction_read_only",
                "SELECT pg_reload_conf()",
            )
        assert wait_for(lambda: service.heartbeat().status_code == 200, seconds=2) < 2
        assert service.ready().status_code == 200

    def test_a_server_that_has_no_connection_left_is_not_ready(self, server, database, tmp_path):
        operator = Operator(tmp_path, server.url(database, user="lone", password="x"))
        server.psql(
            "DROP ROLE IF EXISTS lone",
            "CREATE ROLE lone LOGIN CREATEROLE PASSWORD 'x'",
            f"ALTER DATABASE {database} OWNER TO lone",
        )
        operator.must("migrate")
        with Serving(operator) as service:
            server.psql(f"ALTER DATABASE {database} CONNECTION LIMIT 0", send_away(server, database))
            wait_for(lambda: service.ready().status_code == 503, seconds=5)
            server.psql(f"ALTER DATABASE {database} CONNECTION LIMIT -1")
            wait_for(lambda: service.ready().status_code == 200 and service.heartbeat().status_code == 200, seconds=2)

    def test_a_right_that_was_taken_away_is_not_ready(self, server, well):
        database, service = well
        server.psql("REVOKE INSERT ON ledger_entries FROM blacklist_app", database=database)
        try:
            wait_for(lambda: service.ready().status_code == 503, seconds=3)
        finally:
            server.psql("GRANT INSERT ON ledger_entries TO blacklist_app", database=database)

    def test_a_server_that_is_started_again_is_worked_on_again(self, server, well):
        _, service = well
        server.control("-m", "fast", "stop")
        wait_for(lambda: service.ready().status_code == 503, seconds=5)
        server.start()
        assert wait_for(lambda: service.heartbeat().status_code == 200, seconds=3) < 3


@needs_pgbouncer
class TestPooler:
    @pytest.mark.parametrize("ignored", [FAULT_12, ()], ids=["passing settings over", "refusing settings"])
    def test_one_that_keeps_sessions_is_served_as_the_application(self, server, database, tmp_path, ignored):
        with pooler(server, mode="session", ignored=ignored) as port:
            operator = Operator(tmp_path, server.url(database).replace(f":{server.port}/", f":{port}/"))
            operator.must("migrate")
            with Serving(operator) as service:
                assert service.heartbeat().status_code == 200
                [recorded] = server.psql(
                    "SELECT count(*) FROM ledger_entries WHERE action = 'key_created'", database=database
                ).split()
                assert recorded == "1"
            doctor = operator.types("doctor")
            assert "behind a connection pooler" in doctor.stdout, doctor.stdout + doctor.stderr

    @pytest.mark.parametrize("mode", ["transaction", "statement"])
    def test_one_that_shares_sessions_is_refused_in_one_sentence(self, server, database, tmp_path, mode):
        Operator(tmp_path, server.url(database)).must("migrate")
        with pooler(server, mode=mode, ignored=FAULT_12) as port:
            operator = Operator(tmp_path, server.url(database).replace(f":{server.port}/", f":{port}/"))
            for words in (("serve", "--port", str(free_port())), ("migrate",), ("doctor",), ("members", "list")):
                done = operator.types(*words)
                assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
                assert "pool_mode = session" in done.stderr, (words, done.stderr)


class TestSentences:
    """Fault 18: whatever an operator gets wrong is one sentence that says what to do, and exit 2."""

    @pytest.mark.parametrize(
        "query",
        [
            "connect_timeout=3",
            "application_name=x&fallback_application_name=y",
            "keepalives=1&keepalives_idle=10&keepalives_interval=3&keepalives_count=2&tcp_user_timeout=3000",
            "sslmode=prefer&channel_binding=prefer&gssencmode=disable&sslsni=1",
            "client_encoding=UTF8&target_session_attrs=read-write",
            "options=-c%20statement_timeout%3D7s%20-c%20search_path%3Dother",
            "hostaddr=127.0.0.1",
            "statement_timeout=7s",
        ],
    )
    def test_libpqs_parameters_are_understood(self, server, database, tmp_path, query):
        operator = Operator(tmp_path, server.url(database, query=query))
        operator.must("migrate")
        operator.must("members", "list")
        operator.must("backup", "--out", str(tmp_path / "x.tar"))

    @pytest.mark.parametrize(
        ("query", "said"),
        [
            ("channel_binding=require", "channel_binding"),
            ("gssencmode=require", "gssencmode"),
            ("require_auth=scram-sha-256", "require_auth"),
            ("connect_timeout=soon", "connect_timeout"),
            ("sslmode=sometimes", "sslmode"),
            ("sslmode=verify-full&sslrootcert=/nowhere/ca.crt", "/nowhere/ca.crt"),
            ("sslmode=verify-full", "root"),
            ("nonsense=1", "nonsense"),
            ("nonsense", "query"),
            ("options=nonsense", "options"),
            ("client_encoding=LATIN1", "client_encoding"),
            ("target_session_attrs=writer", "target_session_attrs"),
        ],
    )
    def test_what_cannot_be_carried_out_is_said(self, server, database, tmp_path, query, said):
        refused(Operator(tmp_path, server.url(database, query=query)), said, commands=(("migrate",), ("doctor",)))

    def test_a_login_with_another_search_path_is_served(self, server, database, tmp_path):
        server.psql(
            "DROP ROLE IF EXISTS astray",
            "CREATE ROLE astray LOGIN SUPERUSER PASSWORD 'x'",
            "ALTER ROLE astray SET search_path = other",
        )
        operator = Operator(tmp_path, server.url(database, user="astray", password="x"))
        operator.must("migrate")
        operator.must("members", "add", "GD-HR", "--name", "x", "--kind", "agency")
        assert "GD-HR" in operator.must("members", "list")

    def test_a_role_that_may_not_give_away_the_applications_is_told(self, server, database, tmp_path):
        Operator(tmp_path, server.url(database)).must("migrate")
        server.psql("DROP ROLE IF EXISTS small", "CREATE ROLE small LOGIN PASSWORD 'x'")
        for owner in (database, f"{database}_of_small"):
            if owner != database:
                server.psql(f"CREATE DATABASE {owner} OWNER small")
            refused(
                Operator(tmp_path, server.url(owner, user="small", password="x")),
                "blacklist_app",
                "small",
                "is not allowed to do that",
            )

    def test_a_database_in_another_encoding_is_told(self, server, tmp_path):
        name = f"latin_{next(_databases)}"
        server.psql(f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        refused(Operator(tmp_path, server.url(name)), "LATIN1")

    def test_what_cannot_be_reached_is_told_with_its_cause(self, server, database, tmp_path):
        for url, said in (
            (server.url(database, password="wrong"), "password authentication failed"),
            (server.url("nowhere"), "does not exist"),
            (server.url(database, user="nobody-here"), "nobody-here"),
            (server.url(database).replace(f":{server.port}/", f":{free_port()}/"), "Connect call failed"),
            (server.url(database).replace("127.0.0.1", "no-such-host.invalid"), "gaierror"),
            (server.url(database).replace(f":{server.port}/", ":none/"), "port"),
            (f"postgresql:///{database}?host={tmp_path}&user=x", "reached"),
        ):
            refused(Operator(tmp_path, url), said)

    def test_a_read_only_database_is_told(self, server, database, tmp_path):
        operator = Operator(tmp_path, server.url(database))
        operator.must("migrate")
        server.psql(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
        refused(operator, "takes no writes")


COMMANDS = (("migrate",), ("serve", "--port", "0"), ("members", "list"), ("doctor",))


def refused(operator: Operator, *said: str, commands: Sequence[tuple[str, ...]] = COMMANDS) -> None:
    for words in commands:
        done = operator.types(*words)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), (words, done.stderr)
        assert "Traceback" not in done.stderr
        assert any(word in done.stderr for word in said), (words, done.stderr)


class TestDuties:
    """What serves logs in as somebody who is no superuser and owns nothing; the owner migrates."""

    def test_one_login_goes_on_and_is_advised_until_there_are_two(self, server, database, tmp_path):
        server.psql("DROP ROLE IF EXISTS owning", "CREATE ROLE owning LOGIN CREATEROLE PASSWORD 'x'")
        let_hand_on(server, "owning")
        server.psql(f"ALTER DATABASE {database} OWNER TO owning")
        owner = server.url(database, user="owning", password="x")
        alone = Operator(tmp_path, owner)
        alone.must("migrate")
        with Serving(alone) as service:
            assert service.heartbeat().status_code == 200
            advised = alone.types("doctor")
            faults = [line for line in advised.stdout.splitlines() if line.startswith("BAD")]
            assert len(faults) == 1, advised.stdout + advised.stderr
            assert "replicas" in faults[0], "the tests' server syncs nothing, and is told so"
            assert "!    duties" in advised.stdout
            assert "owning owns the tables" in advised.stdout

        serving, sealing = f"serving_{database}", f"sealing_{database}"
        apart = Operator(tmp_path, server.url(database, user=serving, password="of%20it%27s"))
        apart.environment |= {
            "BLACKLIST_OWNER_DATABASE_URL": owner,
            "BLACKLIST_SEALER_DATABASE_URL": server.url(database, user=sealing, password="other"),
        }
        apart.must("migrate")
        with Serving(apart) as service:
            assert service.heartbeat().status_code == 200
            wait_for(lambda: service.ready().json().get("ledger") == {"state": "sealed"}, seconds=15)
            logins = server.psql(f"SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = '{database}'").split()
            assert set(logins) == {serving, sealing}
            well = apart.types("doctor")
            assert "ok   duties" in well.stdout, well.stdout
        apart.must("backup", "--out", str(tmp_path / "x.tar"))
        del apart.environment["BLACKLIST_OWNER_DATABASE_URL"]
        apart.must("backup", "--out", str(tmp_path / "y.tar"))
        refused(apart, "is not allowed to do that", commands=(("migrate",),))

    def test_an_owner_that_may_make_no_login_says_what_is_to_be_done(self, server, database, tmp_path):
        Operator(tmp_path, server.url(database)).must("migrate")
        server.psql("DROP ROLE IF EXISTS weak", "CREATE ROLE weak LOGIN PASSWORD 'x'")
        let_hand_on(server, "weak")
        server.psql(f"CREATE DATABASE {database}_weak OWNER weak")
        operator = Operator(tmp_path, server.url(f"{database}_weak", user="nobody_yet", password="y"))
        operator.environment["BLACKLIST_OWNER_DATABASE_URL"] = server.url(f"{database}_weak", user="weak", password="x")
        refused(operator, "CREATE ROLE nobody_yet", commands=(("migrate",),))


def let_hand_on(server: External, owner: str) -> None:
    """Roles are the server's: of those that another database's owner made, this one may make members too."""
    for role in ("blacklist_app", "blacklist_sealer"):
        if server.psql(f"SELECT count(*) FROM pg_roles WHERE rolname = '{role}'") == "1":
            server.psql(f"GRANT {role} TO {owner} WITH ADMIN OPTION")
