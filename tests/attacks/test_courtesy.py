"""Long work beside checks: the share of time that all of it together may take, of every process of the service."""

import asyncio
import inspect
import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest

from blacklist_service.checks import answering
from blacklist_service.checks.answering import Answerer
from blacklist_service.checks.asks import Answer, Ask, Asker
from blacklist_service.checks.batcher import Batcher
from blacklist_service.checks.queries import look_up
from blacklist_service.clock import legal_date, now
from blacklist_service.database.connections import Connection, create_pool
from blacklist_service.database.embedded.priorities import NICENESS
from blacklist_service.listings.operations.uploads import PART_BYTES
from blacklist_service.listings.reading import list_published
from blacklist_service.members import authentication, lookups
from blacklist_service.members.rules import make_key
from blacklist_service.members.second_person.marking import Does
from blacklist_service.problems import Undetermined
from blacklist_service.web import anteroom as anteroom_of
from blacklist_service.web import framing, patience
from blacklist_service.web.anteroom import Anteroom, anteroom
from blacklist_service.web.courtesy import (
    LEAST_REST_SECONDS,
    MOST_REST_SECONDS,
    REST,
    Company,
    Courtesy,
    SharedRate,
    make_place,
)
from blacklist_service.web.framing import FramedProtocol
from blacklist_service.web.routing import Needs
from blacklist_service.web.shares import Taking
from blacklist_service.worker import go_on
from tests.conftest import SECRECY
from tests.support import Service, listening, question, resident_id, row, subject

ASKED = question(subject("张三", resident_id(7)))
PATIENCE_SECONDS = 30.0


def test_long_work_of_a_process_rests_for_all_of_it():
    courtesy = Courtesy(lambda: True)
    rests = [courtesy.rest_after(0.01) for _ in range(4)]
    for number, rest in enumerate(rests, start=1):
        assert rest == pytest.approx(number * REST * 0.01, abs=0.01)
    assert Courtesy(lambda: True).rest_after(0.0) == pytest.approx(LEAST_REST_SECONDS, abs=0.001)
    assert Courtesy(lambda: True).rest_after(60.0) == pytest.approx(MOST_REST_SECONDS, abs=0.001)
    assert Courtesy(lambda: False).rest_after(60.0) == 0


async def test_however_many_pieces_of_work_there_are_they_get_no_more_turns_together():
    courtesy, turns, seconds = Courtesy(lambda: True), 0, 0.5

    async def work() -> None:
        nonlocal turns
        piece = courtesy.begin()
        while True:
            await piece.give_way()
            turns += 1

    with suppress(TimeoutError):
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
            for _ in range(20):
                group.create_task(work())
    assert 0 < turns <= seconds / LEAST_REST_SECONDS + 2


def test_a_check_that_one_process_is_asked_is_company_for_the_others(tmp_path: Path):
    make_place(tmp_path / "company")
    asked, other, alone = Company(tmp_path / "company"), Company(tmp_path / "company"), Company()
    assert not other.is_there()
    asked.note()
    assert other.is_there()
    assert not alone.is_there()


async def test_single_checks_are_company_and_checks_of_a_batch_are_none(service: Service):
    has_company = service.app.state.batcher.has_company
    assert (await service.post("/v1/checks/batch", {"checks": [ASKED]})).status_code == 200
    assert not has_company()
    await service.check(subject("张三", resident_id(7)))
    assert has_company()


@asynccontextmanager
async def in_company(service: Service) -> AsyncIterator[None]:
    """While somebody asks single checks all the time, of whatever process."""

    async def keep_asking() -> None:
        while True:
            service.app.state.batcher._company.note()
            await asyncio.sleep(0.1)

    asking = asyncio.create_task(keep_asking())
    await asyncio.sleep(0)
    try:
        yield
    finally:
        asking.cancel()


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many subjects each transaction had."""
    noted: list[int] = []
    answer = Answerer.answer

    async def noting(self: Answerer, connection: Any, asks: Sequence[Ask]) -> Any:
        noted.append(sum(len(ask.question.subjects) for ask in asks if ask.question))
        return await answer(self, connection, asks)

    monkeypatch.setattr(Answerer, "answer", noting)
    return noted


async def test_a_batch_is_taken_in_small_slices_while_single_checks_are_asked(service: Service, sizes: list[int]):
    ten = question(*(subject(f"某{n}", resident_id(n)) for n in range(10)))
    batch = {"checks": [ten] * 12 + [ASKED] * 24}
    for is_in_company in (True, False):
        sizes.clear()
        async with in_company(service) if is_in_company else nullcontext():
            answers = await asyncio.gather(*(service.post("/v1/checks/batch", batch) for _ in range(2)))
        assert {one["status"] for answer in answers for one in answer.json()["results"]} == {200}
        assert sum(sizes) == 2 * 144
        assert max(sizes) <= 40 if is_in_company else max(sizes) > 40
        service.app.state.batcher._company = Company()


async def test_an_ask_that_came_late_is_refused_and_its_lane_is_kept(dsn: str, monkeypatch: pytest.MonkeyPatch):
    async def slow(*arguments: Any) -> Any:
        await asyncio.sleep(0.03)
        return await look_up(*arguments)

    batcher = Batcher(dsn, secrecy=SECRECY, lanes=1, queue=8)
    await batcher.rehearse()
    monkeypatch.setattr(answering, "look_up", slow)
    batcher.start()
    loop, is_kept = asyncio.get_running_loop(), False
    for _ in range(20):  # now and then a busy machine takes longer than any lane is let
        before = batcher._lanes[0]._connection
        future: asyncio.Future[Answer] = loop.create_future()
        batcher.ask(Ask(Asker(None), json.dumps(ASKED).encode(), loop.time() + 0.01, future))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.wait([future])
            while batcher._under_way:
                await asyncio.sleep(0.005)
        assert isinstance(future.exception(), Undetermined)
        is_kept = is_kept or (before is not None and batcher._lanes[0]._connection is before)
    await batcher.stop()
    assert is_kept


async def test_a_known_key_that_cannot_be_looked_up_does_not_wait_behind_strangers(
    service: Service, monkeypatch: pytest.MonkeyPatch
):
    async def hung(*_arguments: Any) -> Any:
        await asyncio.sleep(60)

    await service.check(subject("张三", resident_id(7)))
    assert (await service.get("/v1/matters")).status_code == 200
    monkeypatch.setattr(authentication, "AGEING_SECONDS", 0.0)
    monkeypatch.setattr(authentication, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(service.app.state.proofs._lookup, "_deadline_seconds", 0.2)
    monkeypatch.setattr(lookups, "find_credentials", hung)
    waited: list[object] = []

    async def note(_self: Anteroom) -> None:
        waited.append(None)

    monkeypatch.setattr(Anteroom, "wait", note)
    assert (await service.post("/v1/checks", ASKED)).status_code == 503
    assert (await service.get("/v1/matters")).status_code == 503
    assert not waited
    stranger = make_key("test").text
    assert (await service.post("/v1/checks", ASKED, key=stranger)).status_code == 503
    assert len(waited) == 1


async def test_who_has_used_up_a_quota_is_told_the_later_the_more_he_asks(
    service: Service, monkeypatch: pytest.MonkeyPatch
):
    held: list[int] = []
    pool = service.app.state.pool

    async def note(_self: Anteroom) -> None:
        held.append(pool.get_size() - pool.get_idle_size())

    monkeypatch.setattr(Anteroom, "wait", note)
    wanted = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z", "format": "jsonl"}
    most = service.app.state.settings.waiting_exports
    statuses = [(await service.post("/v1/audit/exports", wanted, key="auditor")).status_code for _ in range(most + 3)]
    assert statuses == [202] * most + [429] * 3
    assert held == [0] * 3  # whoever waits holds no connection, nor the lock of its quota


async def test_strangers_do_not_hold_up_who_looks_whether_the_service_is_there(
    service: Service, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(anteroom, "_until", asyncio.get_running_loop().time() + 1000)
    monkeypatch.setattr(anteroom_of, "MOST_SECONDS", 1000.0)
    async with asyncio.timeout(PATIENCE_SECONDS):
        for path in ("/healthz", "/readyz"):
            assert (await service.client.get(path)).status_code == 200
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await service.client.get("/metrics")


async def test_the_pages_of_a_list_that_was_just_loaded_are_read_by_its_index(service: Service):
    await service.load_rows(*(row(name=f"某{n}", case_number=f"(2025)云0111执{n + 1}号") for n in range(400)))
    async with service.workplace.connected() as connection, connection.transaction():
        pages = list_published(connection, today=legal_date(now()), page=5)
        assert len(await anext(pages)) == 5
        read = await connection.fetchval(
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'listings'"
        )
        assert read < 50


def test_files_share_a_rate_while_checks_are_asked():
    pace = SharedRate(lambda: True, bytes_a_second=1_000_000)
    assert [pace.rest_after(1_000_000) for _ in range(3)] == [pytest.approx(n, abs=0.05) for n in (1, 2, 3)]
    assert SharedRate(lambda: False, bytes_a_second=1).rest_after(1_000_000) == 0


async def test_the_parts_of_a_file_are_small_and_give_way(service: Service):
    paces: list[int] = []

    class Noting(SharedRate):
        def rest_after(self, size: int) -> float:
            paces.append(size)
            return super().rest_after(size)

    service.app.state.upload_pace = Noting(lambda: True, bytes_a_second=1 << 30)
    files = {"file": ("list.csv", bytes(1_000_000), "text/csv")}
    sent = await service.client.post("/v1/imports", files=files, headers=service.bearer("court"))
    assert sent.status_code == 202
    assert paces == [PART_BYTES] * 7 + [1_000_000 - 7 * PART_BYTES]
    assert len(await service.fetch("SELECT FROM import_parts")) == 8
    assert await service.fetch("SELECT FROM imports WHERE parts = 8")


async def test_long_reads_come_one_after_the_other_while_checks_are_asked(service: Service):
    courtesy = service.app.state.courtesy
    for path, key in (("/v1/audit/entries", "auditor"), ("/v1/changes", "agency")):
        before = courtesy._free_at
        assert (await service.get(path, key=key)).status_code == 200
        assert courtesy._free_at == before
        async with in_company(service):
            assert (await service.get(path, key=key)).status_code == 200
        assert courtesy._free_at > before
        service.app.state.batcher._company = Company()


def test_marks_of_routes_are_called_in_the_loop():
    """FastAPI would hand a plain function to a thread, for each request and each mark."""
    for mark in (Needs, Taking, Does):
        assert inspect.iscoroutinefunction(mark.__call__), mark


async def test_who_sends_on_after_a_refusal_is_taken_from_slowly(service: Service, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(framing, "UNHEARD_BYTES_A_SECOND", 64 * 1024)
    async with listening(service) as port:
        before = set(patience._open)
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X-Abcde: a\r\n" * 1_000_000)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (opened := set(patience._open) - before):
                await asyncio.sleep(0.01)
            [one] = opened
            assert isinstance(one, FramedProtocol)
            while not one._unheard_bytes:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        assert one.flow.read_paused
        assert one._unheard_bytes < 1 << 20
        async with asyncio.timeout(PATIENCE_SECONDS):
            while one in patience._open:  # and not for ever
                await asyncio.sleep(0.05)
        writer.close()


async def test_sessions_that_give_way_are_niced(dsn: str):
    for gives_way, niceness in ((True, NICENESS), (False, 0)):
        pool = await create_pool(dsn, size=1, statement_timeout_ms=5000, gives_way=gives_way)
        async with pool.acquire() as connection:
            own = os.getpriority(os.PRIO_PROCESS, 0)
            assert os.getpriority(os.PRIO_PROCESS, connection.get_server_pid()) == min(19, own + niceness)
        pool.terminate()


async def test_sessions_of_exports_are_niced(dsn: str):
    seen: list[int] = []

    async def look(connection: Connection) -> bool:
        seen.append(os.getpriority(os.PRIO_PROCESS, connection.get_server_pid()))
        return False

    work = asyncio.create_task(go_on(dsn, "exports", look, every=60.0, gives_way=True))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not seen:
            await asyncio.sleep(0.01)
    work.cancel()
    assert seen == [min(19, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)]
