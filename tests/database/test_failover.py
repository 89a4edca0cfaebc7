"""A failover under way: sessions to the former primary and to the new one exist at the same time, as behind a load balancer
that leads new connections to the new one before all sessions of the former have ended.

What is visible on the former primary alone is confirmed by nobody, and nothing of it is remembered.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from pydantic import SecretStr
from starlette.types import Message, Receive, Scope, Send

from blacklist_service.cli.environment import bring_up
from blacklist_service.database import fences, servers
from blacklist_service.database.connections import connect, create_pool
from blacklist_service.database.fences import Fence, FenceClosed
from blacklist_service.database.servers import NOBODY_KNOWS, Server, server_of
from blacklist_service.ledger.signing import SealingPlace
from blacklist_service.measures.queries import NewestCatalogue
from blacklist_service.members.authentication import FRESH_SECONDS
from blacklist_service.secrecy import Secrecy
from blacklist_service.settings import Settings
from blacklist_service.web import fencing
from blacklist_service.web.copies import AGE_HEADER
from blacklist_service.web.fencing import Fenced, note_reading
from tests.durability.serving import publication
from tests.external import External, external_server, free_port, needs_postgres_15, standby_of
from tests.support import Service, question, resident_id, serving, subject

pytestmark = needs_postgres_15

SECRECY = Secrecy(bytes(range(32)))
PATIENCE_SECONDS = 30.0
CHECKS = 6
WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND datname = current_database()"
Asking = Callable[[], Awaitable[httpx.Response]]
READS: dict[str, dict[str, Any]] = {
    "/v1/listings": {"key": "court"},
    "/v1/changes": {"key": "agency", "digest": True},
    "/v1/publication": {"key": "agency"},
}


@dataclass
class Balancer:
    """Leads each new connection to the server that is the primary at the time; those that exist stay where they are."""

    port: int
    primary: External

    def url(self) -> str:
        return self.primary.url("bl").replace(f":{self.primary.port}/", f":{self.port}/")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.primary.port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pass_on(reader, back), _pass_on(there, writer))


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await is_so():
            await asyncio.sleep(0.02)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, asyncio.CancelledError):
        while part := await reader.read(1 << 16):
            writer.write(part)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def balancer(primary: External) -> AsyncIterator[Balancer]:
    leading = Balancer(free_port(), primary)
    async with await asyncio.start_server(leading.serve, "127.0.0.1", leading.port):
        yield leading


@dataclass
class Failover:
    """The former primary still runs and answers its sessions; `promoted` was its standby."""

    former: External
    promoted: External
    leading: Balancer
    service: Service
    dba: asyncpg.Connection
    """At the former primary."""

    async def promote(self) -> None:
        """The standby takes over, with everything that was committed so far."""
        reached = f"SELECT pg_last_wal_replay_lsn() >= '{self.former.psql('SELECT pg_current_wal_lsn()')}'"
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.promoted.psql(reached) != "t":
                await asyncio.sleep(0.02)
        await asyncio.to_thread(self.promoted.control, "promote")
        self.leading.primary = self.promoted

    async def wait_for_replica(self, name: str) -> None:
        """Commits on the former primary wait for that standby, which nobody is; with no name, for none."""
        setting = f"ALTER SYSTEM SET synchronous_standby_names = '{name}'"
        await asyncio.to_thread(self.former.psql, setting, "SELECT pg_reload_conf()")
        await until(lambda: self.dba.fetchval("SELECT current_setting('synchronous_standby_names') = $1", name))

    async def cut_off(self, work: asyncio.Task[Any]) -> None:
        """Have the commit of `work` on the former primary wait for its standby no longer."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (found := await self.dba.fetch(WAITING)):
                await asyncio.sleep(0.02)
        for row in found:
            await self.dba.execute("SELECT pg_cancel_backend($1)", row["pid"])
        await asyncio.wait([work])

    async def end_sessions(self, name: str = "blacklist-service%") -> None:
        """Those at the former primary, of all applications with such a name."""
        theirs = "FROM pg_stat_activity WHERE application_name LIKE $1"
        await self.dba.execute(f"SELECT pg_terminate_backend(pid) {theirs}", name)
        await until(lambda: self.dba.fetchval(f"SELECT count(*) = 0 {theirs}", name))

    async def publish(self, body: dict[str, Any], key: str) -> httpx.Response:
        return await self.service.post("/v1/listings", body, key="court", **{"Idempotency-Key": key})

    def reads(self) -> list[Asking]:
        return [partial(self.service.get, path, **asked) for path, asked in READS.items()]


@pytest.fixture
async def failover(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Failover]:
    monkeypatch.setattr(fencing, "FENCE_SECONDS", 1.0)
    monkeypatch.setattr(fences, "NONE_SECONDS", 0.0)
    async with AsyncExitStack() as stack:
        former = stack.enter_context(external_server())
        former.psql("CREATE DATABASE bl")
        promoted = stack.enter_context(standby_of(former))
        leading = await stack.enter_async_context(balancer(former))
        settings = Settings(data_dir=tmp_path, database_url=leading.url(), check_deadline_ms=10_000)
        await bring_up(leading.url(), SECRECY, SealingPlace.of(settings))
        service = await stack.enter_async_context(serving(settings, leading.url(), SECRECY))
        dba = await asyncpg.connect(former.url("bl"))
        stack.push_async_callback(dba.close)
        yield Failover(former, promoted, leading, service, dba)


@pytest.fixture
def follower(failover: Failover) -> Iterator[External]:
    """Another standby of the former primary."""
    with standby_of(failover.former) as standby:
        yield standby


def follow(standby: External, *, former: External, primary: External) -> None:
    source = standby.psql("SHOW primary_conninfo").replace(f"port={former.port}", f"port={primary.port}")
    source = source.replace("'", "''")
    standby.psql(f"ALTER SYSTEM SET primary_conninfo = '{source}'", "SELECT pg_reload_conf()")
    primary.psql("CHECKPOINT")


async def server_at(url: str) -> Server:
    connection = await connect(url)
    try:
        return server_of(connection)
    finally:
        await connection.close()


async def digest_of(server: External) -> str:
    """Of the set that a copy of the feed holds, read from the database itself."""
    connection = await asyncpg.connect(server.url("bl"))
    rows = await connection.fetch("SELECT id, list_version FROM listings WHERE ended IS NULL ORDER BY id")
    await connection.close()
    return hashlib.sha256("".join(f"{row['id']} {row['list_version']}\n" for row in rows).encode()).hexdigest()


async def test_what_only_the_former_primary_has_is_confirmed_by_nobody_and_forgotten(
    failover: Failover, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await failover.publish(publication(resident_id(), 1), "before")
    assert before.status_code == 201, before.text
    for ask in failover.reads():  # opens the sessions that will be left at the former primary
        assert (await ask()).status_code == 200
    await failover.promote()
    await failover.wait_for_replica("promoted")
    body = publication(resident_id(), 2)
    first = asyncio.create_task(failover.publish(body, "cut-off"))
    await failover.cut_off(first)
    assert (await first).status_code == 503
    lost = str(await failover.dba.fetchval("SELECT id FROM listings ORDER BY list_version DESC LIMIT 1"))
    assert lost != before.json()["listing_id"], "it is visible at the former primary"
    lost_version = await failover.dba.fetchval("SELECT version FROM heads WHERE name = 'list'")

    refused = 0
    asked: list[Asking] = [partial(failover.publish, body, "cut-off"), *failover.reads()]
    for ask in asked:
        monkeypatch.setattr(servers, "_newest_primaries", {})  # as in a process that has not heard of the new one yet
        await failover.end_sessions("blacklist-service fence")
        answer = await ask()
        assert lost not in answer.text
        refused += answer.status_code == 503
    assert refused == 1 + len(READS), "each was read at the former primary"

    await failover.dba.close()
    failover.former.control("-m", "immediate", "stop")
    failover.former.start()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (again := await failover.publish(body, "cut-off")).status_code == 503:
            await asyncio.sleep(0.1)
    assert again.status_code == 201, again.text
    assert again.json()["listing_id"] != lost
    assert again.json()["list_version"] == lost_version, "the number is given out again, for another listing"
    changes = (await failover.service.get("/v1/changes", digest=True)).json()
    assert [item["listing_id"] for item in changes["items"]] == [
        before.json()["listing_id"],
        again.json()["listing_id"],
    ]
    assert changes["set"]["sha256"] == await digest_of(failover.promoted)


async def test_sessions_of_a_primary_that_was_replaced_are_left(failover: Failover) -> None:
    """Also where nothing ends them, as with several hosts in the URL."""
    for _ in range(CHECKS):  # by each lane
        await failover.service.check(subject(number=resident_id()))
    for ask in failover.reads():
        assert (await ask()).status_code == 200
    await failover.promote()
    await failover.end_sessions("blacklist-service fence")
    asked: list[Asking] = [partial(failover.service.get, "/readyz"), *failover.reads()]
    assert (await asked[-1]()).status_code == 503, "it was read at the former primary"
    await server_at(failover.leading.url())  # at the latest now this process has had a session with the new one
    assert [(await ask()).status_code for ask in asked] == [200] * len(asked)
    for _ in range(CHECKS):
        await failover.service.check(subject(number=resident_id()))
    checks = "SELECT count(*) FROM ledger_entries WHERE action = 'check'"
    assert await failover.dba.fetchval(checks) == CHECKS, "none was recorded at the former primary"
    few = "SELECT count(*) <= 2 FROM pg_stat_activity WHERE application_name LIKE 'blacklist-service%'"
    await until(lambda: failover.dba.fetchval(few))  # those that nobody asked of since


async def test_a_refusal_that_only_the_former_primary_knows_is_not_told(failover: Failover) -> None:
    """A key that was revoked there alone, and measures that were changed there alone."""
    asked = question(subject(number=resident_id()))
    assert (await failover.service.post("/v1/checks", asked)).status_code == 200
    await failover.wait_for_replica("promoted")
    await failover.dba.execute("SET synchronous_commit = local")
    revoked = "UPDATE api_keys SET revoked_at = now() WHERE member = 'GD-HR' AND role = 'agency'"
    assert await failover.dba.execute(revoked) == "UPDATE 1"
    await asyncio.sleep(2 * FRESH_SECONDS)

    async def ask() -> tuple[int, int]:
        changes = await failover.service.get("/v1/changes")
        unknown = asked | {"matter": "nothing_of_the_kind"}
        refused = await failover.service.post("/v1/checks", unknown, key="other agency")
        return changes.status_code, refused.status_code

    assert await ask() == (503, 503)
    await failover.wait_for_replica("")
    assert await ask() == (401, 422)


async def test_a_cluster_that_was_restored_to_an_earlier_timeline_is_used(
    failover: Failover, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though this process has had sessions with a later primary, a while ago."""
    former = await server_at(failover.leading.url())
    await failover.promote()
    assert not former.is_replaced()
    await server_at(failover.leading.url())
    assert former.is_replaced()
    assert (await server_at(failover.former.url("bl"))).is_replaced()
    monkeypatch.setattr(servers, "RESTORED_SECONDS", 0.0)
    assert not (await server_at(failover.former.url("bl"))).is_replaced()


def test_servers_that_tell_no_timeline_are_told_apart_by_their_start() -> None:
    began = datetime.now(UTC)
    there, here = (Server(at, NOBODY_KNOWS, 0, is_standby=False) for at in (began, began + timedelta(seconds=1)))
    assert here.confirms(here)
    assert not here.confirms(there)
    assert not here.confirms(Server(began, NOBODY_KNOWS, 0, is_standby=True))
    assert not there.is_replaced()


async def test_a_reporting_database_that_was_promoted_replaces_nobody(failover: Failover, follower: External) -> None:
    before = await server_at(failover.leading.url())
    await asyncio.to_thread(follower.control, "promote")
    assert (await reader_at(follower.url("bl"))).timeline > before.timeline
    assert not before.is_replaced()


async def test_a_page_that_calls_the_api_is_fenced_all_the_same() -> None:
    """Its own call ends before it has read everything."""
    there = Server(datetime.now(UTC), 1, 1, is_standby=False)
    passed: list[set[Server]] = []

    class Noting(Fence):
        async def passed(self, sources: Collection[Server], *, within_seconds: float) -> None:
            passed.append(set(sources))

    async def api(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a part"})

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        await Fenced(api, fence=Noting(None))(scope, receive, nowhere)
        note_reading(there)
        await api(scope, receive, send)

    async def nowhere(_message: Message) -> None:
        pass

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    await Fenced(page, fence=Noting(None))({"type": "http"}, receive, nowhere)
    assert passed == [{there}]


async def test_a_standby_is_read_once_it_is_known_to_follow_the_new_primary(
    failover: Failover, follower: External
) -> None:
    assert (await failover.publish(publication(resident_id(), 1), "before")).status_code == 201
    copied = {"replica_url": SecretStr(follower.url("bl")), "replica_age": 3600.0}
    settings, keys = failover.service.workplace.settings.model_copy(update=copied), failover.service.keys
    async with serving(settings, failover.leading.url(), SECRECY, keys=keys) as service:

        async def read() -> httpx.Response:
            return await service.get("/v1/publication", key="agency")

        async with asyncio.timeout(PATIENCE_SECONDS):
            while AGE_HEADER not in (await read()).headers:
                await asyncio.sleep(0.1)
        await failover.promote()
        await failover.end_sessions()
        answers = [await read() for _ in range(6)]
        statuses = [answer.status_code for answer in answers]
        assert statuses[0] == 503, "not known yet"
        assert statuses == sorted(statuses, reverse=True), "once the pool's ended sessions are gone, it is answered"
        assert statuses[-1] == 200
        assert all(AGE_HEADER not in answer.headers for answer in answers)

        await asyncio.to_thread(follow, follower, former=failover.former, primary=failover.promoted)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while AGE_HEADER not in (answer := await read()).headers:
                assert answer.status_code == 200, "meanwhile the primary is read"
                await asyncio.to_thread(follower.psql, "CHECKPOINT")
                await asyncio.sleep(0.1)


async def test_a_commit_confirms_what_was_read_on_its_own_server_alone(failover: Failover, follower: External) -> None:
    before, copy = await server_at(failover.leading.url()), await reader_at(follower.url("bl"))
    fence = Fence(failover.leading.url())
    try:
        await fence.passed([before, copy], within_seconds=PATIENCE_SECONDS)
        await failover.promote()
        after = await server_at(failover.leading.url())
        assert (after.timeline, before.timeline, copy.timeline) == (2, 1, 1)
        await fence.passed([after], within_seconds=PATIENCE_SECONDS)  # its session was to the former: it connects again
        for read in ([before], [after, before], [copy]):
            with pytest.raises(FenceClosed, match="another server"):
                await fence.passed(read, within_seconds=PATIENCE_SECONDS)
        assert fence.server == after
        await asyncio.gather(*(fence.passed([after], within_seconds=PATIENCE_SECONDS) for _ in range(20)))
    finally:
        await fence.stop()


async def reader_at(url: str) -> Server:
    pool = await create_pool(url, size=1, statement_timeout_ms=5_000, is_reader=True)
    async with pool.acquire() as connection:
        server = server_of(connection)
    await pool.close()
    return server


async def test_a_catalogue_is_kept_of_the_server_that_was_read(failover: Failover) -> None:
    """Measures that only the former primary had are forgotten with it."""
    catalogue = NewestCatalogue()
    former = await connect(failover.former.url("bl"))
    version = await former.fetchval("SELECT version FROM heads WHERE name = 'measures'")
    await failover.promote()
    await failover.dba.execute("SET session_replication_role = replica")
    await failover.dba.execute(
        "UPDATE measures_versions SET catalogue = $1::jsonb WHERE version = $2", '{"matters": []}', version
    )
    assert not (await catalogue.get(former, version)).matters
    await former.close()
    promoted = await connect(failover.leading.url())
    assert (await catalogue.get(promoted, version)).matters
    await promoted.close()
