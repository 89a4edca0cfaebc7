"""The hot path under faults: never an answer without its ledger entry, and never a wrong one."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from structlog.testing import capture_logs

from blacklist_service.application import create_app
from blacklist_service.checks import answering
from blacklist_service.checks.answers import answer_question
from blacklist_service.checks.asks import Answer, Ask, Asker, read_ask
from blacklist_service.checks.batcher import Batcher
from blacklist_service.checks.queries import LOOK_UP, LOOK_UP_WITH_NOTICES, look_up
from blacklist_service.database.connections import connect
from blacklist_service.database.lanes import SETTINGS, LaneLost
from blacklist_service.ledger.operations import WRITE
from blacklist_service.measures import queries as measures
from blacklist_service.problems import Undetermined
from blacklist_service.secrecy import Secrecy
from blacklist_service.settings import Settings
from tests.conftest import SECRECY, Databases
from tests.durability.serving import children_of
from tests.support import Service, question, resident_id, row, serving, subject, with_database

LISTED = resident_id(15)
ASKED = question(subject("张三", LISTED))


def patient(data_dir: Path) -> Settings:
    """A deadline that a loaded machine keeps too."""
    return Settings(data_dir=data_dir, check_deadline_ms=10_000)


async def checks_in_the_log(service: Service) -> int:
    [count] = await service.fetch("SELECT count(*) AS n FROM ledger_entries WHERE action = 'check'")
    return int(count["n"])


async def test_checks_that_wait_together_are_answered_together(service: Service, monkeypatch):
    await service.check(subject())
    sizes = []

    async def counted(connection, digests, key_ids, places=()):
        sizes.append(len(digests))
        return await look_up(connection, digests, key_ids, places)

    monkeypatch.setattr(answering, "look_up", counted)
    answers = await asyncio.gather(*(service.check(subject("张三", resident_id(n))) for n in range(200)))
    assert len({answer["check_id"] for answer in answers}) == 200
    assert len(sizes) < 100
    assert await checks_in_the_log(service) == 201


@pytest.mark.parametrize(
    ("module", "step"), [(answering, "look_up"), (measures, "get_catalogue"), (answering, "record")]
)
async def test_whatever_fails_before_the_commit_there_is_no_answer_and_no_row(
    service: Service, monkeypatch, module, step
):
    async def broken(*_args, **_options):
        raise asyncpg.DataError("planted")

    monkeypatch.setattr(module, step, broken)
    response = await service.post("/v1/checks", ASKED)
    assert (response.status_code, response.json()["code"]) == (503, "undetermined")
    assert int(response.headers["retry-after"]) >= 1
    monkeypatch.undo()
    assert await checks_in_the_log(service) == 0
    assert (await service.post("/v1/checks", ASKED)).status_code == 200


async def test_one_poisoned_check_fails_alone(service: Service, monkeypatch):
    await service.load_rows(row(name="张三", identifier_number=LISTED))

    def poisoned(question, *rest):
        if question.request.reference == "poison":
            raise RuntimeError("planted")
        return answer_question(question, *rest)

    monkeypatch.setattr(answering, "answer_question", poisoned)
    bodies = [ASKED | {"reference": "poison" if n == 5 else f"good {n}"} for n in range(20)]
    responses = await asyncio.gather(*(service.post("/v1/checks", body) for body in bodies))
    assert [response.status_code for response in responses] == [503 if n == 5 else 200 for n in range(20)]
    assert all(response.json()["decision"] == "block" for n, response in enumerate(responses) if n != 5)
    assert await checks_in_the_log(service) == 19


async def test_one_that_cannot_even_be_read_fails_alone_in_its_batch(service: Service, monkeypatch):
    read = read_ask

    def poisoned(ask, *rest, **options):
        if b"poison" in ask.body:
            raise RuntimeError("planted")
        return read(ask, *rest, **options)

    monkeypatch.setattr(answering, "read_ask", poisoned)
    response = await service.post("/v1/checks/batch", {"checks": [ASKED, ASKED | {"reference": "poison"}, ASKED]})
    assert [one["status"] for one in response.json()["results"]] == [200, 500, 200]
    assert await checks_in_the_log(service) == 2


async def test_a_lost_connection_is_undetermined_and_the_next_check_is_answered(service: Service):
    await service.check(subject())
    async with service.workplace.connected() as connection:
        superuser = await asyncpg.connect(service.workplace.dsn)
        await superuser.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> $1"
            " AND pid <> pg_backend_pid()",
            connection.get_server_pid(),
        )
        await superuser.close()
    statuses = [(await service.post("/v1/checks", ASKED)).status_code for _ in range(5)]
    assert set(statuses) <= {200, 503}
    assert statuses[-1] == 200


async def test_an_overfull_queue_refuses_at_once(dsn: str, databases: Databases, tmp_path: Path):
    await databases.settle()
    async with serving(Settings(data_dir=tmp_path, check_queue=3), dsn, Secrecy(bytes(range(32)))) as service:
        await service.check(subject())
        responses = await asyncio.gather(*(service.post("/v1/checks", ASKED) for _ in range(60)))
        statuses = [response.status_code for response in responses]
        assert set(statuses) == {200, 503}
        assert await checks_in_the_log(service) == statuses.count(200) + 1


async def test_each_is_refused_at_its_own_deadline_whether_it_waits_or_is_under_way(dsn: str, monkeypatch):
    async def hung(*_args, **_options):
        await asyncio.sleep(60)

    monkeypatch.setattr(answering, "look_up", hung)
    batcher = Batcher(dsn, secrecy=SECRECY, lanes=1, queue=8)
    batcher.start()
    loop = asyncio.get_running_loop()
    body = json.dumps(ASKED).encode()
    began, ended = loop.time(), {}

    def ask(seconds: float) -> None:
        future = loop.create_future()
        future.add_done_callback(lambda done: ended.update({seconds: (loop.time() - began, type(done.exception()))}))
        batcher.ask(Ask(Asker(None), body, began + seconds, future))

    ask(0.5)
    await asyncio.sleep(0.05)  # that one is under way, the others wait, in no order of their deadlines
    for seconds in (0.3, 0.2, 0.4):
        ask(seconds)
    await asyncio.sleep(0.65)
    await batcher.stop()
    assert list(ended) == [0.2, 0.3, 0.4, 0.5]
    assert all(kind is Undetermined and 0 < at - seconds + 0.01 < 0.2 for seconds, (at, kind) in ended.items())


@pytest.mark.parametrize("number", [3, 1], ids=["a crowd", "one that has waited for long"])
async def test_beside_a_lane_under_way_another_takes(dsn: str, monkeypatch, number: int):
    batcher = Batcher(dsn, secrecy=SECRECY, lanes=2, queue=8)
    await batcher.rehearse()
    sizes = []

    async def hung(_connection, digests, *_rest):
        sizes.append(len(digests))
        await asyncio.sleep(60)

    monkeypatch.setattr(answering, "look_up", hung)
    batcher.start()
    loop = asyncio.get_running_loop()
    futures: list[asyncio.Future[Answer]] = []

    def ask() -> None:
        body = json.dumps(question(subject(f"张{len(futures)}"))).encode()
        futures.append(loop.create_future())
        batcher.ask(Ask(Asker(None), body, loop.time() + 1.5, futures[-1]))

    for _ in range(4):
        ask()
    await _until(lambda: sizes == [4])
    for _ in range(number):
        assert sizes == [4]
        ask()
    await _until(lambda: sizes == [4, number])
    await batcher.stop()
    assert {type(future.exception()) for future in futures} == {Undetermined}


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(1):
        while not is_so():
            await asyncio.sleep(0.005)


async def test_who_is_under_way_when_it_stops_is_answered(dsn: str, monkeypatch):
    async def slow(*arguments):
        await asyncio.sleep(0.2)
        return await look_up(*arguments)

    batcher = Batcher(dsn, secrecy=SECRECY, lanes=1, queue=8)
    await batcher.rehearse()
    monkeypatch.setattr(answering, "look_up", slow)
    batcher.start()
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[Answer] = loop.create_future()
    batcher.ask(Ask(Asker(None), json.dumps(ASKED).encode(), loop.time() + 5, answered))
    await asyncio.sleep(0.05)
    await batcher.stop()
    assert b'"decision":"clear"' in answered.result().content


@pytest.mark.parametrize("look_up", [LOOK_UP, LOOK_UP_WITH_NOTICES])
async def test_the_look_up_is_planned_by_key_and_by_id_also_on_an_empty_list(service: Service, look_up: str):
    connection = await connect(service.workplace.dsn, **SETTINGS)
    statement = look_up.replace("::bytea[]", "").replace("::text[]", "")
    await connection.execute(f"PREPARE asked (bytea[], text[]) AS {statement}")
    rows = await connection.fetch(r"EXPLAIN EXECUTE asked (ARRAY['\x00'::bytea], ARRAY['x'])")
    await connection.close()
    plan = "\n".join(row["QUERY PLAN"] for row in rows)
    assert plan.count("Index Cond: (digest = all_asked.digest)") == 2
    assert "Index Cond: (id = k_1.listing_id)" in plan
    assert "Join Filter" not in plan
    assert "Hash" not in plan


async def test_a_rehearsal_plans_every_statement_on_every_lane_and_writes_nothing(service: Service):
    counts = "SELECT (SELECT count(*) FROM ledger_entries), (SELECT count(*) FROM ledger_pending)"
    before = await service.fetch(counts)
    batcher = service.app.state.batcher
    await batcher.rehearse()
    assert await service.fetch(counts) == before

    async def planned(connection):
        return {row["statement"] for row in await connection.fetch("SELECT statement FROM pg_prepared_statements")}

    for lane in batcher._lanes:
        assert {LOOK_UP, LOOK_UP_WITH_NOTICES, WRITE} <= await lane.run(planned, timeout_seconds=5)
    assert (await service.post("/v1/checks", ASKED)).status_code == 200


async def test_the_service_starts_rehearsed_and_where_it_cannot_says_so(dsn: str, tmp_path: Path, monkeypatch):
    async def lost(*_args):
        raise LaneLost("planted")

    nowhere = with_database(dsn, "nowhere")
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await Batcher(nowhere, secrecy=SECRECY, lanes=1, queue=1).rehearse()
    app = create_app(Settings(data_dir=tmp_path), dsn, SECRECY, is_rehearsed=True)
    async with app.router.lifespan_context(app):
        assert all(lane._connection for lane in app.state.batcher._lanes)
    monkeypatch.setattr(answering, "look_up", lost)
    with capture_logs() as said:
        async with app.router.lifespan_context(app):
            pass
    assert [(line["event"], line["cause"]) for line in said] == [("not_rehearsed", "LaneLost")]


class TestIdempotency:
    async def test_the_same_key_and_body_get_the_same_answer_and_one_row(self, service: Service):
        first = await service.post("/v1/checks", ASKED, **{"Idempotency-Key": "k1"})
        again = await service.post("/v1/checks", ASKED, **{"Idempotency-Key": "k1"})
        assert first.content == again.content
        assert await checks_in_the_log(service) == 1

    async def test_another_body_under_the_same_key_is_refused(self, service: Service):
        await service.post("/v1/checks", ASKED, **{"Idempotency-Key": "k1"})
        other = await service.post("/v1/checks", ASKED | {"reference": "other"}, **{"Idempotency-Key": "k1"})
        assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")

    async def test_a_key_is_each_members_own(self, service: Service):
        mine = await service.post("/v1/checks", ASKED, **{"Idempotency-Key": "k1"})
        theirs = await service.post("/v1/checks", ASKED, key="other agency", **{"Idempotency-Key": "k1"})
        assert mine.json()["check_id"] != theirs.json()["check_id"]

    async def test_many_at_once_under_one_key_are_one_check(self, service: Service):
        asked = (service.post("/v1/checks", ASKED, **{"Idempotency-Key": "k1"}) for _ in range(40))
        responses = await asyncio.gather(*asked)
        assert len({response.content for response in responses}) == 1
        assert await checks_in_the_log(service) == 1

    async def test_workers_share_the_answers(self, service: Service, dsn: str, databases: Databases, tmp_path: Path):
        await databases.settle()
        first = await service.post("/v1/checks", ASKED, **{"Idempotency-Key": "k1"})
        async with serving(patient(tmp_path), dsn, service.workplace.secrecy, keys=service.keys) as other:
            again = await other.post("/v1/checks", ASKED, key=service.keys["agency"], **{"Idempotency-Key": "k1"})
        assert first.content == again.content

    @pytest.mark.parametrize("is_same", [True, False], ids=["the same body", "another body"])
    async def test_another_worker_answers_between_the_two_statements(
        self, service: Service, dsn: str, databases: Databases, tmp_path: Path, monkeypatch, is_same: bool
    ):
        """The key is free when it is looked up, and taken when it is to be kept: its neighbours are answered all the same."""
        await databases.settle()
        told: list[bytes] = []

        async def overtaken(*arguments):
            snapshot = await look_up(*arguments)
            if not told:
                told.append(b"")
                first = await other.post("/v1/checks", ASKED, key=service.keys["agency"], **{"Idempotency-Key": "k1#1"})
                told[0] = first.content
            return snapshot

        async with serving(patient(tmp_path), dsn, service.workplace.secrecy, keys=service.keys) as other:
            monkeypatch.setattr(answering, "look_up", overtaken)
            mine = ASKED if is_same else ASKED | {"reference": "another"}
            checks = [ASKED | {"reference": "zero"}, mine, ASKED | {"reference": "two"}]
            response = await service.post("/v1/checks/batch", {"checks": checks}, **{"Idempotency-Key": "k1"})
        results = response.json()["results"]
        assert [one["status"] for one in results] == [200, 200 if is_same else 422, 200]
        if is_same:
            assert told[0] in response.content
        else:
            assert results[1]["problem"]["code"] == "idempotency-key-reused"
        assert await checks_in_the_log(service) == 3

    async def test_two_workers_asked_at_once_under_the_same_keys_say_the_same(
        self, service: Service, dsn: str, databases: Databases, tmp_path: Path
    ):
        await databases.settle()
        key = service.keys["agency"]
        async with serving(patient(tmp_path), dsn, service.workplace.secrecy, keys=service.keys) as other:
            pairs = [
                [one.post("/v1/checks", ASKED, key=key, **{"Idempotency-Key": f"k{n}"}) for one in (service, other)]
                for n in range(30)
            ]
            answered = await asyncio.gather(*(asyncio.gather(*pair) for pair in pairs))
        assert {response.status_code for pair in answered for response in pair} == {200}
        assert all(mine.content == theirs.content for mine, theirs in answered)
        assert await checks_in_the_log(service) == 30

    async def test_a_batchs_items_have_keys_of_their_own(self, service: Service):
        body = {"checks": [ASKED, ASKED | {"reference": "two"}]}
        first = await service.post("/v1/checks/batch", body, **{"Idempotency-Key": "k1"})
        again = await service.post("/v1/checks/batch", body, **{"Idempotency-Key": "k1"})
        assert first.content == again.content
        assert await checks_in_the_log(service) == 2

    async def test_after_24_hours_the_key_is_free(self, service: Service):
        first = await service.post("/v1/checks", ASKED, **{"Idempotency-Key": "k1"})
        await service.fetch("UPDATE idempotency_keys SET at = at - interval '25 hours' RETURNING 1")
        later = await service.post("/v1/checks", ASKED, **{"Idempotency-Key": "k1"})
        assert first.json()["check_id"] != later.json()["check_id"]

    @pytest.mark.parametrize("key", ["", "a b", "x" * 129])
    async def test_a_key_of_another_form_is_refused(self, service: Service, key: str):
        assert (await service.post("/v1/checks", ASKED, **{"Idempotency-Key": key})).status_code == 422


async def test_a_hung_database_is_503_within_the_deadline_and_well_again_after(own_server: tuple[Service, int]):
    service, postmaster = own_server
    # The very first one connects and plans; with the real deadline, a busy machine may need another.
    assert 200 in [(await service.post("/v1/checks", ASKED)).status_code for _ in range(3)]
    children = [postmaster, *children_of(postmaster)]
    for pid in children:
        os.kill(pid, signal.SIGSTOP)
    try:
        for _ in range(3):
            started = time.perf_counter()
            response = await service.post("/v1/checks", ASKED)
            assert (response.status_code, response.json()["code"]) == (503, "undetermined")
            assert time.perf_counter() - started < 0.6  # the deadline is 0.4 s; the rest is this machine's
    finally:
        for pid in children:
            os.kill(pid, signal.SIGCONT)
    deadline = time.perf_counter() + 2
    while (await service.post("/v1/checks", ASKED)).status_code != 200:
        assert time.perf_counter() < deadline
