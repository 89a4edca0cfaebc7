"""Every step of a check is made to fail in turn, from outside: 503 in time, never a wrong or partial answer."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from itertools import count
from typing import TypeAlias

import asyncpg
import pytest

from tests.durability.serving import IS_SOAK, Served, report, running
from tests.durability.wire import Client, Reply, request_bytes
from tests.support import day, question, resident_id, subject

Superuser: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Break: TypeAlias = Callable[[Superuser, str], AbstractAsyncContextManager[None]]

AT_ONCE = 8
LIMIT_SECONDS = 0.65  # the deadline is 0.4 s, the promise 0.5 s; the rest is this machine's
HEALTHY_SECONDS = 2.0
FORGOTTEN_SECONDS = 0.6  # a proved key is remembered for half a second
HANGING_SECONDS = 20.0 if IS_SOAK else 1.5
LISTED = resident_id(15)
_references = count(1)

PROVING = ("members", "api_key_matters", "api_keys")
"""Read when a key is proved; the first two by no check whose key is remembered."""

READ = (
    *("heads", "court_feeds", "notice_keys", "notices", "member_lineage", "subject_keys", "listings"),
    *("ledger_checkpoints", "idempotency_keys"),
)
WRITTEN = ("ledger_entries", "ledger_secrets", "ledger_subjects", "ledger_pending", "idempotency_keys")


@asynccontextmanager
async def revoked(superuser: Superuser, table: str) -> AsyncIterator[None]:
    granted = await superuser.fetch(
        "SELECT privilege_type FROM information_schema.role_table_grants"
        " WHERE grantee = 'blacklist_app' AND table_name = $1 AND privilege_type IN ('SELECT', 'INSERT')",
        table,
    )
    privileges = ", ".join(row["privilege_type"] for row in granted)
    await superuser.execute(f"REVOKE {privileges} ON {table} FROM blacklist_app")
    try:
        yield
    finally:
        await superuser.execute(f"GRANT {privileges} ON {table} TO blacklist_app")


@asynccontextmanager
async def renamed(superuser: Superuser, table: str) -> AsyncIterator[None]:
    await superuser.execute(f"ALTER TABLE {table} RENAME TO {table}_away")
    try:
        yield
    finally:
        await superuser.execute(f"ALTER TABLE {table}_away RENAME TO {table}")


@asynccontextmanager
async def locked(superuser: Superuser, table: str) -> AsyncIterator[None]:
    await superuser.execute(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
    try:
        yield
    finally:
        await superuser.execute("ROLLBACK")


@asynccontextmanager
async def refusing_rows(superuser: Superuser, table: str) -> AsyncIterator[None]:
    """Every row is refused as it is written."""
    await superuser.execute(
        f"{PLANTED}; CREATE TRIGGER planted BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION planted()"
    )
    try:
        yield
    finally:
        await superuser.execute(f"DROP TRIGGER planted ON {table}")


@asynccontextmanager
async def refusing_the_commit(superuser: Superuser, table: str) -> AsyncIterator[None]:
    """Every row is taken, and COMMIT itself fails."""
    await superuser.execute(
        f"{PLANTED}; CREATE CONSTRAINT TRIGGER planted AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION planted()"
    )
    try:
        yield
    finally:
        await superuser.execute(f"DROP TRIGGER planted ON {table}")


PLANTED = """
CREATE OR REPLACE FUNCTION planted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'planted';
END $$
"""

EVERY_FAULT: list[tuple[Break, str]] = [
    *((break_, table) for break_ in (revoked, renamed, locked) for table in dict.fromkeys((*PROVING, *READ, *WRITTEN))),
    *((refusing_rows, table) for table in WRITTEN),
    *((refusing_the_commit, table) for table in WRITTEN),
]
FEW_FAULTS: list[tuple[Break, str]] = [
    *((revoked, table) for table in dict.fromkeys((*PROVING, *READ, *WRITTEN))),
    *((locked, table) for table in ("heads", "members", "ledger_pending")),
    (renamed, "subject_keys"),
    (refusing_rows, "ledger_secrets"),
    (refusing_the_commit, "ledger_pending"),
]


@pytest.mark.parametrize(
    ("break_", "table"),
    [
        pytest.param(break_, table, id=f"{table}-{break_.__name__}")
        for break_, table in (EVERY_FAULT if IS_SOAK else FEW_FAULTS)
    ],
)
async def test_a_step_that_fails_is_undetermined_in_time_and_leaves_nothing(
    served: Served, superuser: Superuser, break_: Break, table: str
):
    await until_healthy(served)
    asked: list[str] = []
    async with break_(superuser, table):
        if table not in PROVING[:2]:
            await expect_undetermined(served, asked)
        if table in PROVING:
            await asyncio.sleep(FORGOTTEN_SECONDS)
            await expect_undetermined(served, asked)
    await until_healthy(served)
    assert await recorded(served, asked) == []
    replies = await ask_at_once(served, again := references(AT_ONCE))
    assert [reply.status for reply, _ in replies] == [200] * AT_ONCE
    assert await recorded(served, again) == sorted(again)


@pytest.mark.timeout(120)
async def test_a_database_that_hangs_is_undetermined_in_time_for_all_and_well_again_after(served: Served):
    await until_healthy(served)
    with hung(served):
        asking = await asyncio.gather(*(keep_asking(served, HANGING_SECONDS) for _ in range(AT_ONCE * 2)))
    await until_healthy(served)
    seconds = sorted(one for taken in asking for one in taken)
    slow = seconds[int(len(seconds) * 0.999)]
    report(f"{len(seconds)} checks of a hung database: p50 {seconds[len(seconds) // 2]:.3f} s, p99.9 {slow:.3f} s")
    assert slow < LIMIT_SECONDS


async def test_whether_a_matter_may_be_asked_about_is_undetermined_in_time_too(served: Served):
    await until_healthy(served)
    body = question(subject("张三", LISTED), matter="no_such_matter")
    request = request_bytes("/v1/checks", body, key=served.keys["agency"])
    async with Client(served.port) as client:
        assert (await client.ask(request)).status == 422
        with hung(served):
            started = time.perf_counter()
            reply = await client.ask(request)
            seconds = time.perf_counter() - started
    assert (reply.status, reply.json()["code"]) == (503, "undetermined")
    assert seconds < LIMIT_SECONDS
    await until_healthy(served)


@contextmanager
def hung(served: Served) -> Iterator[None]:
    """The whole database stopped, its sockets open: nothing fails, nothing answers."""
    stopped = served.descendants_of_the_postmaster()
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)


async def expect_undetermined(served: Served, asked: list[str]) -> None:
    asked += (now := references(AT_ONCE))
    for reply, seconds in await ask_at_once(served, now):
        assert (reply.status, reply.json()["code"]) == (503, "undetermined"), reply.body
        assert int(retry_after(reply)) >= 1
        assert seconds < LIMIT_SECONDS


async def ask_at_once(served: Served, asked: list[str]) -> list[tuple[Reply, float]]:
    return list(await asyncio.gather(*(ask(served, reference) for reference in asked)))


async def ask(served: Served, reference: str) -> tuple[Reply, float]:
    """On a connection of its own, so that both web workers are asked."""
    async with Client(served.port) as client:
        request = check_of(served, reference)
        started = time.perf_counter()
        reply = await client.ask(request)
        return reply, time.perf_counter() - started


async def keep_asking(served: Served, seconds: float) -> list[float]:
    taken = []
    async with Client(served.port) as client:
        until = time.perf_counter() + seconds
        while (started := time.perf_counter()) < until:
            reply = await client.ask(check_of(served, *references(1)))
            taken.append(time.perf_counter() - started)
            assert (reply.status, reply.json()["code"]) == (503, "undetermined"), reply.body
    return taken


def check_of(served: Served, reference: str) -> bytes:
    body = question(subject("张三", LISTED), reference=reference)
    return request_bytes("/v1/checks", body, key=served.keys["agency"], Idempotency_Key=reference)


def references(n: int) -> list[str]:
    return [f"F{next(_references)}" for _ in range(n)]


def retry_after(reply: Reply) -> str:
    [line] = [line for line in reply.head.decode().splitlines() if line.lower().startswith("retry-after:")]
    return line.partition(":")[2]


async def recorded(served: Served, asked: list[str]) -> list[str]:
    rows = await served.fetch("SELECT reference FROM ledger_entries WHERE reference = ANY($1)", asked)
    return sorted(row["reference"] for row in rows)


async def until_healthy(served: Served) -> None:
    """Both web workers answer, whichever of them takes the connections."""
    deadline = time.perf_counter() + HEALTHY_SECONDS
    while any(reply.status != 200 for reply, _ in await ask_at_once(served, references(AT_ONCE))):
        assert time.perf_counter() < deadline
        await asyncio.sleep(0.02)


@pytest.fixture(scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    async with running(Served(tmp_path_factory.mktemp("served"), workers=2)) as served:
        await served.publish(LISTED)
        await serve_notice(served)
        yield served


async def serve_notice(served: Served) -> None:
    """A stop notice against the person that is asked: tables of notices are read only for somebody who has one."""
    notice = {
        "number": "(2026)云0111执协15号",
        "case_number": "(2025)云0111执77号",
        "ruling_number": "(2025)云0111执77号之一",
        "agency": "GD-HR",
        "action": "stop_transfer",
        "subject": {"kind": "person", "name": "张三", "identifier": {"type": "resident_id", "number": LISTED}},
        "valid_until": day(300),
        "urgency": "normal",
        "text": "请协助停止办理转移登记。",
    }
    async with Client(served.port) as client:
        reply = await client.ask(request_bytes("/v1/notices", notice, key=served.keys["court"]))
    assert reply.status == 201, reply.body


@pytest.fixture
async def superuser(served: Served) -> AsyncIterator[Superuser]:
    connection = await asyncpg.connect(served.dsn)
    yield connection
    await connection.close()
