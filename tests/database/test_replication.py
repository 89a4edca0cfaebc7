"""Two PostgreSQL servers, the second a synchronous standby: nothing is confirmed that only the first one has."""

import asyncio
import base64
import io
import json
import os
import signal
import sys
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from pydantic import SecretStr

from blacklist_service.access.scopes import Role
from blacklist_service.audit.export_jobs import make_next
from blacklist_service.cli.environment import bring_up
from blacklist_service.cli.replication import (
    ASYNCHRONOUS,
    EARLY_PATRONI,
    NOBODY_THERE,
    NOT_DURABLE,
    NOT_REWINDABLE,
    ONLY_RECEIVED,
    Replicas,
    find_replicas,
)
from blacklist_service.database import fences, sessions
from blacklist_service.database.connections import connect
from blacklist_service.database.fences import Fence, FenceClosed
from blacklist_service.database.sessions import ReadOnlySession, UnreplicatedCommit
from blacklist_service.ledger.sealing import keep_sealing
from blacklist_service.ledger.signing import SealingPlace
from blacklist_service.secrecy import Secrecy
from blacklist_service.settings import Settings
from blacklist_service.web import fencing, transactions
from blacklist_service.web.copies import open_copies
from tests.durability.serving import publication
from tests.external import External, external_server, needs_postgres_15, standby_of
from tests.support import Service, question, resident_id, serving, subject
from tests.webhooks.receiver import TARGETS, receiving, sender_to, settle_all

pytestmark = needs_postgres_15

SECRECY = Secrecy(bytes(range(32)))
PATIENCE_SECONDS = 30.0
WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND datname = current_database()"


@dataclass(frozen=True)
class Pair:
    """A primary, and the standby that its commits wait for."""

    primary: External
    standby: External

    @contextmanager
    def standby_frozen(self) -> Iterator[None]:
        """Its receiver stands still, as on a machine that is cut off: the primary's commits wait."""
        receiver = int(self.standby.psql("SELECT pid FROM pg_stat_wal_receiver"))
        os.kill(receiver, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(receiver, signal.SIGCONT)


@pytest.fixture(scope="module")
def servers() -> Iterator[Pair]:
    with external_server() as primary:
        primary.psql("CREATE DATABASE bl")
        with standby_of(primary) as standby:
            yield Pair(primary, standby)


@pytest.fixture(scope="module")
def settings(servers: Pair, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("replicated")
    return Settings(data_dir=home, database_url=servers.primary.url("bl"), check_deadline_ms=10_000)


@pytest.fixture(scope="module")
async def keys(servers: Pair, settings: Settings) -> dict[str, str]:
    dsn = servers.primary.url("bl")
    await bring_up(dsn, SECRECY, SealingPlace.of(settings))
    async with serving(settings, dsn, SECRECY) as service:
        servers.primary.psql("ALTER SYSTEM SET synchronous_standby_names = 'standby'", "SELECT pg_reload_conf()")
        return service.keys


@pytest.fixture
async def service(servers: Pair, settings: Settings, keys: dict[str, str]) -> AsyncIterator[Service]:
    async with serving(settings, servers.primary.url("bl"), SECRECY, keys=keys) as running:
        yield running


@pytest.fixture
async def dba(servers: Pair) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(servers.primary.url("bl"))
    yield connection
    await connection.close()


async def cut_off(dba: asyncpg.Connection, work: asyncio.Task[Any]) -> None:
    """Have the commit of `work` wait for the standby no longer, as a client's or a statement's time limit does it."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (found := await dba.fetch(WAITING)) and not work.done():
            await asyncio.sleep(0.02)
    for row in found:
        await dba.execute("SELECT pg_cancel_backend($1)", row["pid"])


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await is_so():
            await asyncio.sleep(0.05)


async def test_a_publication_cut_off_from_its_replica_is_confirmed_by_no_retry(
    servers: Pair, service: Service, dba: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fencing, "FENCE_SECONDS", 0.3)
    body = publication(resident_id(), 901)

    async def publish() -> httpx.Response:
        return await service.post("/v1/listings", body, key="court", **{"Idempotency-Key": "cut-off"})

    with servers.standby_frozen():
        first = asyncio.create_task(publish())
        await cut_off(dba, first)
        assert (await first).status_code == 503
        assert await dba.fetchval("SELECT count(*) FROM listings") == 1, "it is visible here, and nowhere else"
        assert (await publish()).status_code == 503
        assert (await service.get("/v1/listings", key="court")).status_code == 503
        assert servers.standby.psql("SELECT count(*) FROM listings", database="bl") == "0"
    again = await publish()
    assert again.status_code == 201, again.text
    made = again.json()["listing_id"]
    assert servers.standby.psql("SELECT id FROM listings", database="bl") == made


async def test_what_was_done_already_is_said_when_a_replica_has_it(
    servers: Pair, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = publication(resident_id(), 902)
    made = await service.post("/v1/listings", body, key="court")
    withdrawal = {"reason": "录入错误", "decided_on": body["published_on"]}
    path, match = f"/v1/listings/{made.json()['listing_id']}", {"If-Match": made.headers["etag"]}
    withdrawn = await service.post(f"{path}/withdrawal", withdrawal, key="court", **match)
    assert withdrawn.status_code < 300, withdrawn.text

    async def said() -> list[int]:
        answers = await asyncio.gather(
            service.post("/v1/listings", body, key="court"),
            service.post(f"{path}/withdrawal", withdrawal, key="court", **match),
            service.get(path, key="court"),
            service.get(f"{path}/history", key="court"),
            service.get("/v1/changes", key="agency"),
            service.get("/v1/publication", key="agency"),
            service.get("/v1/ledger/checkpoint", key="auditor"),
            service.get("/readyz"),
        )
        return [one.status_code for one in answers]

    whole = await said()
    assert whole == [200, 412, 200, 200, 200, 200, 200, 200]
    monkeypatch.setattr(fencing, "FENCE_SECONDS", 0.3)
    monkeypatch.setattr(transactions, "COMMIT_SECONDS", 0.3)
    with servers.standby_frozen():
        assert set(await said()) == {503}
    assert await said() == whole


async def test_a_check_cut_off_from_its_replica_is_answered_under_the_same_key_later(
    servers: Pair, service: Service, dba: asyncpg.Connection
) -> None:
    asked = question(subject(number=resident_id()))
    for headers in ({}, {"Idempotency-Key": "a-check"}):
        with servers.standby_frozen():
            first = asyncio.create_task(service.post("/v1/checks", asked, **headers))
            await cut_off(dba, first)
            assert (await first).status_code == 503
            # What was kept is visible here: a second one must wait for the replica as well.
            second = asyncio.create_task(service.post("/v1/checks", asked, **headers))
            await cut_off(dba, second)
            assert (await second).status_code == 503
        assert (await service.post("/v1/checks", asked, **headers)).status_code == 200


async def test_no_challenge_follows_an_approval_that_only_one_server_knows(
    servers: Pair, service: Service, dba: asyncpg.Connection
) -> None:
    service.app.state.webhook_targets = TARGETS
    service.keys["security"] = await service.add_key("GD-HR", Role.SECURITY)
    asked = {"url": "http://gw.guandu.example:8080/events", "types": ["watch.ended"]}
    hook = (await service.post("/v1/webhooks", asked)).json()["webhook_id"]

    async def is_waited_for() -> bool:
        return bool(await dba.fetch(WAITING))

    async with receiving() as receiver, service.workplace.connected() as connection:
        sender = sender_to(service, {"gw.guandu.example": receiver})
        with servers.standby_frozen():
            approving = asyncio.create_task(service.post(f"/v1/webhooks/{hook}/approval", {}, key="security"))
            await cut_off(dba, approving)
            assert (await approving).status_code == 503
            assert await dba.fetchval("SELECT state FROM webhooks WHERE id = $1", hook) == "verifying"
            telling = asyncio.create_task(sender.round(connection))
            await until(is_waited_for)
            assert receiver.requests == []
        await telling
        await settle_all(sender, connection)
        assert [body["type"] for body in receiver.bodies] == ["webhook.verification"]


async def test_a_command_says_nothing_that_only_one_server_knows(
    servers: Pair, service: Service, dba: asyncpg.Connection
) -> None:
    async def look() -> None:
        async with service.workplace.connected() as connection:
            await connection.fetchval("SELECT count(*) FROM api_keys")

    await look()
    with servers.standby_frozen():
        looking = asyncio.create_task(look())
        await cut_off(dba, looking)
        with pytest.raises(UnreplicatedCommit):
            await looking


async def test_a_standby_is_no_session_to_work_on(servers: Pair, service: Service) -> None:
    with pytest.raises(ReadOnlySession):
        await connect(servers.standby.url("bl"))


async def test_a_session_of_a_standby_is_kept_until_it_is_promoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "PROMOTION_SECONDS", PATIENCE_SECONDS)
    with external_server() as primary, standby_of(primary) as standby:
        opening = asyncio.create_task(connect(standby.url(), role=None, application_name="opening"))
        here = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'opening'"
        async with asyncio.timeout(PATIENCE_SECONDS):
            while standby.psql(here) != "1":
                await asyncio.sleep(0.02)
        assert not opening.done()
        standby.control("promote")
        connection = await opening
        await connection.execute("CREATE TABLE it_takes_writes ()")
        await connection.close()


async def test_doctor_says_whether_commits_wait_for_a_replica(
    servers: Pair, service: Service, dba: asyncpg.Connection
) -> None:
    async def look(**settings: str) -> Replicas:
        connection = await connect(servers.primary.url("bl"), **settings)
        try:
            return replace(await find_replicas(connection), is_durable=True)  # the tests' own servers are not
        finally:
            await connection.close()

    whole = await look()
    assert (whole.fault, whole.advice) == (None, NOT_REWINDABLE)
    assert "commits wait for standby (on); 1 connected" in whole.seen
    local = await look(synchronous_commit="local")
    assert local.fault is not None
    assert "synchronous_commit is local" in local.fault
    assert ONLY_RECEIVED in str((await look(synchronous_commit="remote_write")).advice)
    assert replace(whole, standbys=0).fault == NOBODY_THERE
    assert ASYNCHRONOUS in str(replace(whole, names="").advice)
    assert (await dba.fetchval("SHOW fsync")) == "off"
    assert replace(whole, is_durable=False).fault == NOT_DURABLE
    patroni = await asyncpg.connect(servers.primary.url("bl"), server_settings={"application_name": "Patroni"})
    assert EARLY_PATRONI in str((await look()).advice)
    await patroni.close()


async def test_a_host_that_vanished_is_noticed_by_the_server(servers: Pair, service: Service) -> None:
    connection = await connect(servers.primary.url("bl"))
    told = await connect(servers.primary.url("bl", query="options=-c%20tcp_keepalives_idle=30"))
    for one, idle in ((connection, "3"), (told, "30")):
        assert await one.fetchval("SHOW tcp_keepalives_idle") == idle
        assert await one.fetchval("SHOW tcp_user_timeout") == "5000"
        await one.close()


async def test_the_list_may_be_read_from_a_standby_that_is_not_too_old(
    servers: Pair, settings: Settings, keys: dict[str, str]
) -> None:
    copied = settings.model_copy(update={"replica_url": SecretStr(servers.standby.url("bl")), "replica_age": 2.0})
    async with serving(copied, servers.primary.url("bl"), SECRECY, keys=keys) as service:

        async def read() -> httpx.Response:
            assert (await service.get("/readyz")).status_code == 200  # the tick of a balancer's looks
            return await service.get("/v1/publication", key="agency")

        async def is_of_standby() -> bool:
            return "replica-age" in (await read()).headers

        await service.post("/v1/listings", publication(resident_id(), 903), key="court")
        await until(is_of_standby)
        answer = await read()
        assert float(answer.headers["replica-age"]) <= 2.0
        on_standby = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'blacklist-service'"
        assert servers.standby.psql(on_standby) != "0"
        assert answer.headers["list-version"] in answer.headers["etag"]

        servers.standby.psql("SELECT pg_wal_replay_pause()")
        try:
            await service.post("/v1/listings", publication(resident_id(), 904), key="court")

            async def is_of_primary() -> bool:
                return not await is_of_standby()

            await until(is_of_primary)
            assert int((await read()).headers["list-version"]) > int(answer.headers["list-version"])
        finally:
            servers.standby.psql("SELECT pg_wal_replay_resume()")
        assert (await service.check(subject(number=resident_id())))["decision"] == "clear"
    lost = settings.model_copy(update={"replica_url": SecretStr("postgresql://dba:x@127.0.0.1:1/bl")})
    async with serving(lost, servers.primary.url("bl"), SECRECY, keys=keys) as service:
        answer = await service.get("/v1/publication", key="agency")
        assert answer.status_code == 200
        assert "replica-age" not in answer.headers


async def test_feed_and_searches_are_read_from_a_standby_and_recorded_on_the_primary(
    servers: Pair, settings: Settings, keys: dict[str, str], dba: asyncpg.Connection
) -> None:
    copied = settings.model_copy(update={"replica_url": SecretStr(servers.standby.url("bl")), "replica_age": 600.0})
    async with serving(copied, servers.primary.url("bl"), SECRECY, keys=keys) as service:
        head = "SELECT version FROM heads WHERE name = 'list'"
        await service.post("/v1/listings", publication(resident_id(), 905), key="court")
        before: int = await dba.fetchval(head)

        async def is_there() -> bool:
            return servers.standby.psql(head, database="bl") == str(before)

        await until(is_there)
        servers.standby.psql("SELECT pg_wal_replay_pause()")
        try:
            await service.post("/v1/listings", publication(resident_id(), 906), key="court")
            asked = await service.check(subject(number=resident_id()))
            page = await service.get("/v1/changes", key="agency", after=before - 1)
            assert "replica-age" in page.headers
            assert [one["version"] for one in page.json()["items"]] == [before]
            ahead = await service.get("/v1/changes", key="agency", after=before + 1)
            assert ahead.status_code == 200, "whoever knows more than the standby is not told to start anew"
            assert "replica-age" not in ahead.headers
            seen = await dba.fetchval("SELECT count(*) FROM ledger_entries WHERE action = 'audit_read'")
            for found in (
                await service.get("/v1/audit/entries", key="auditor", action="check", limit=5),
                await service.post("/v1/audit/entries/search", {"action": "check"}, key="auditor"),
            ):
                assert found.status_code == 200, found.text
                assert "replica-age" in found.headers
                assert asked["check_id"] not in {one["entry_id"] for one in found.json()["items"]}
            assert await dba.fetchval("SELECT count(*) FROM ledger_entries WHERE action = 'audit_read'") == seen + 2
            assert asked["decision"] == "clear"
        finally:
            servers.standby.psql("SELECT pg_wal_replay_resume()")


async def test_an_export_is_made_of_the_standbys_log_and_recorded_in_the_primarys(
    servers: Pair, settings: Settings, service: Service, dba: asyncpg.Connection
) -> None:
    dsn = servers.primary.url("bl")
    sealing = asyncio.create_task(keep_sealing(dsn, SealingPlace.of(settings)))
    sizes = "SELECT max(size) FROM ledger_checkpoints"

    async def is_sealed() -> bool:
        return not await dba.fetchval("SELECT EXISTS (SELECT FROM ledger_pending)")

    async def make(oldest_seconds: float) -> dict[str, Any]:
        export_id = (await service.post("/v1/audit/exports", {"action": "check"}, key="auditor")).json()["export_id"]
        update = {"replica_url": SecretStr(servers.standby.url("bl")), "replica_age": oldest_seconds}
        copies = await open_copies(settings.model_copy(update=update), size=1)
        async with service.workplace.connected() as connection:
            assert await make_next(connection, SECRECY, copies)
        copies.terminate()
        bundle = await service.get(f"/v1/audit/exports/{export_id}/bundle", key="auditor")
        assert bundle.status_code == 200, bundle.text
        with zipfile.ZipFile(io.BytesIO(bundle.content)) as opened:
            manifest: dict[str, Any] = json.loads(opened.read("manifest.json"))
        return manifest

    try:
        await service.check(subject(number=resident_id()))
        await until(is_sealed)

        async def is_there() -> bool:
            return servers.standby.psql(sizes, database="bl") == str(await dba.fetchval(sizes))

        await until(is_there)
        servers.standby.psql("SELECT pg_wal_replay_pause()")
        behind = int(servers.standby.psql(sizes, database="bl"))
        await service.check(subject(number=resident_id()))
        await until(is_sealed)
        of_standby, of_primary = await make(600.0), await make(0.000001)
        assert of_standby["log_size"] == behind < of_primary["log_size"]
        assert of_standby["rows"] < of_primary["rows"]
    finally:
        servers.standby.psql("SELECT pg_wal_replay_resume()")
        sealing.cancel()
        await asyncio.gather(sealing, return_exceptions=True)


async def test_of_several_hosts_the_one_that_writes_is_found(
    servers: Pair, service: Service, dba: asyncpg.Connection, tmp_path: Path
) -> None:
    here, there = (f"127.0.0.1:{one.port}" for one in (servers.primary, servers.standby))
    url = servers.primary.url("bl", query="target_session_attrs=read-write&connect_timeout=3&keepalives_idle=5")
    connection = await connect(url.replace(here, f"{there},{here}"))
    assert await connection.fetchval("SELECT inet_server_port()") == servers.primary.port
    await connection.close()
    nobody = tmp_path / "log"
    with nobody.open("wb") as said:
        done = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "blacklist_service", "serve", "--port", "0"),
            env={
                "PATH": os.environ["PATH"],
                "BLACKLIST_DATABASE_URL": url.replace(here, f"{there},127.0.0.1:1"),
                "BLACKLIST_SECRET_KEY": base64.b64encode(bytes(range(32))).decode(),
                "BLACKLIST_DATA_DIR": str(tmp_path),
            },
            stderr=said,
        )
        assert await done.wait() == 2
    [sentence] = nobody.read_text().splitlines()
    assert "cannot be reached" in sentence


async def test_one_commit_serves_all_who_wait(servers: Pair, service: Service, dba: asyncpg.Connection) -> None:
    fence = Fence(servers.primary.url("bl"))
    try:
        await fence.passed([], within_seconds=PATIENCE_SECONDS)
        before = await dba.fetchval("SELECT pg_current_xact_id()::text::bigint")
        await asyncio.gather(*(fence.passed([], within_seconds=PATIENCE_SECONDS) for _ in range(100)))
        taken = await dba.fetchval("SELECT pg_current_xact_id()::text::bigint") - before
        assert 1 < taken < 20
        with servers.standby_frozen(), pytest.raises(FenceClosed):
            await fence.passed([], within_seconds=0.2)
        await fence.passed([], within_seconds=PATIENCE_SECONDS)
    finally:
        await fence.stop()


async def test_a_database_that_waits_for_nobody_has_no_fence(
    servers: Pair, service: Service, dba: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fences, "NONE_SECONDS", 0.0)
    servers.primary.psql("ALTER SYSTEM SET synchronous_standby_names = ''", "SELECT pg_reload_conf()")
    fence = Fence(servers.primary.url("bl"))
    try:
        with servers.standby_frozen():
            before: Any = await dba.fetchval("SELECT pg_current_xact_id()::text::bigint")
            for _ in range(5):
                await fence.passed([], within_seconds=PATIENCE_SECONDS)
            assert await dba.fetchval("SELECT pg_current_xact_id()::text::bigint") == before + 1
    finally:
        await fence.stop()
        servers.primary.psql("ALTER SYSTEM SET synchronous_standby_names = 'standby'", "SELECT pg_reload_conf()")
    await until(lambda: _waits(dba))


async def _waits(dba: asyncpg.Connection) -> bool:
    return bool(await dba.fetchval("SELECT current_setting('synchronous_standby_names') = 'standby'"))


async def test_logical_replication_can_tell_every_row(service: Service, dba: asyncpg.Connection) -> None:
    unknown = await dba.fetch(
        """
        SELECT c.relname FROM pg_class c
        WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND c.relnamespace = 'public'::regnamespace
          AND c.relreplident = 'd' AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)
        ORDER BY 1
        """
    )
    assert [row["relname"] for row in unknown] == []
