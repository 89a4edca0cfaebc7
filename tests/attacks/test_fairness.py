"""What one key requests must not slow down the others: bulk reads, streams, batches, strangers."""

import asyncio
import hashlib
import json
import socket
import time
from contextlib import AsyncExitStack

import pytest

from blacklist_service.access.principals import Principal
from blacklist_service.access.scopes import Role
from blacklist_service.checks import answering
from blacklist_service.checks.asks import Answer, Ask, Asker
from blacklist_service.checks.batcher import Batcher
from blacklist_service.members import lookups
from blacklist_service.members.queries import find_credentials
from blacklist_service.members.rules import make_key
from blacklist_service.web import streams
from tests.conftest import SECRECY
from tests.durability.wire import request_bytes
from tests.support import Service, listening, question, resident_id, row, subject
from tests.web.test_express import line

ASKED = question(subject("张三", resident_id(7)))


def principal(member: str) -> Principal:
    return Principal(f"{member}-key", member, Role.AGENCY)


async def test_bulk_reads_beyond_two_are_429_with_retry_after_and_singly_they_are_not(service: Service):
    await service.load_rows(*(row(name=f"某{n}") for n in range(300)))
    for path in ("/v1/publication", "/v1/changes?limit=500&digest=true"):
        answers = await asyncio.gather(*(service.client.get(path, headers=service.bearer("agency")) for _ in range(8)))
        statuses = [answer.status_code for answer in answers]
        assert set(statuses) == {200, 429}
        assert statuses.count(200) >= 2
        for answer in answers:
            if answer.status_code == 429:
                assert answer.json()["code"] == "too-many-requests"
                assert int(answer.headers["retry-after"]) >= 1
        assert (await service.client.get(path, headers=service.bearer("agency"))).status_code == 200
        other = [service.client.get(path, headers=service.bearer("other agency")) for _ in range(2)]
        assert [one.status_code for one in await asyncio.gather(*other)] == [200, 200]


async def test_the_feed_and_its_digest_are_the_same_in_slices(service: Service):
    await service.load_rows(*(row(name=f"某{n}") for n in range(130)))
    whole = (await service.get("/v1/changes", limit=500, digest="true")).json()
    assert [item["version"] for item in whole["items"]] == list(range(1, 131))
    assert (whole["next"], whole["more"], whole["list_version"], whole["set"]["count"]) == (130, False, 130, 130)
    pieces, after, more = [], 0, True
    while more:
        page = (await service.get("/v1/changes", after=after, limit=40)).json()
        pieces += page["items"]
        after, more = page["next"], page["more"]
    assert pieces == whole["items"]
    assert (await service.get("/v1/changes", after=130)).json() == {
        "items": [],
        "next": 130,
        "list_version": 130,
        "more": False,
        "set": None,
    }
    rows = await service.fetch("SELECT id, list_version FROM listings ORDER BY id")
    lines = "".join(f"{one['id']} {one['list_version']}\n" for one in rows)
    assert whole["set"]["sha256"] == hashlib.sha256(lines.encode()).hexdigest()
    await service.load_rows(row())
    assert (await service.get("/v1/changes", after=131, digest="true")).json()["set"]["count"] == 131


async def test_readers_who_do_not_read_hold_up_nobody_and_are_given_up(
    service: Service, monkeypatch: pytest.MonkeyPatch
):
    """Sixteen connections ask for the list and take nothing of it; keys are revoked and courts beat their hearts."""
    monkeypatch.setattr(streams, "LEFT_SECONDS", 0.5)
    monkeypatch.setattr(streams, "RATE_FACTOR", 10_000)
    await service.load_rows(*(row(name=f"某{n}", notes="x" * 20_000) for n in range(400)))
    service.keys["security"] = await service.add_key("GD-HR", Role.SECURITY)
    victim = await service.add_key("GD-HR", Role.AGENCY)
    async with listening(service) as port, AsyncExitStack() as stack:
        for key in ("agency", "other agency"):
            for _ in range(8):
                reader = socket.create_connection(("127.0.0.1", port))
                stack.callback(reader.close)
                reader.sendall(request_bytes("/v1/publication", key=service.keys[key], method="GET"))
        await asyncio.sleep(0.3)
        began = time.monotonic()
        revoked = await service.post(f"/v1/keys/{victim.split('_')[2]}/revocation", {}, key="security")
        assert revoked.status_code == 200
        assert time.monotonic() - began < 1
        assert (await service.post("/v1/list/heartbeat", {}, key="court")).status_code == 200
        assert (await service.get("/v1/listings", key="court")).status_code == 200
        assert (await service.post("/v1/checks", ASKED)).status_code == 200


async def test_revoking_and_a_courts_acts_have_connections_that_nothing_else_takes(service: Service):
    service.keys["security"] = await service.add_key("GD-HR", Role.SECURITY)
    victim = await service.add_key("GD-HR", Role.AGENCY)
    shares = service.app.state.shares
    async with AsyncExitStack() as stack:
        for _ in range(service.app.state.settings.pool_size):
            await stack.enter_async_context(service.app.state.pool.acquire())
        revoked = await service.post(f"/v1/keys/{victim.split('_')[2]}/revocation", {}, key="security")
        assert revoked.status_code == 200
        assert (await service.post("/v1/list/heartbeat", {}, key="court")).status_code == 200
    assert shares.pool("ordinary") is service.app.state.pool


async def test_a_members_batches_leave_another_members_single_checks_their_place(service: Service):
    body = {"checks": [question(*(subject(f"某{n}", resident_id(n)) for n in range(1, 11))) for _ in range(300)]}
    batches = [asyncio.create_task(service.post("/v1/checks/batch", body)) for _ in range(6)]
    await asyncio.sleep(0.1)
    taken: list[float] = []
    while not all(batch.done() for batch in batches) and len(taken) < 100:
        began = time.perf_counter()
        answer = await service.post("/v1/checks", ASKED, key="other agency")
        assert answer.status_code == 200, answer.text
        taken.append(time.perf_counter() - began)
    answers = await asyncio.gather(*batches)
    assert {answer.status_code for answer in answers} == {200}
    assert all(one["status"] == 200 for answer in answers for one in answer.json()["results"])
    assert sorted(taken)[len(taken) // 2] < 0.25


async def test_members_wait_by_turns_and_a_full_queue_is_the_fault_of_who_filled_it(dsn: str, monkeypatch):
    async def hung(*_args, **_options):
        await asyncio.sleep(60)

    monkeypatch.setattr(answering, "look_up", hung)
    batcher = Batcher(dsn, secrecy=SECRECY, lanes=1, queue=8)
    batcher.start()
    loop = asyncio.get_running_loop()
    body = json.dumps(ASKED).encode()

    def ask(member: str) -> "asyncio.Future[Answer]":
        future = loop.create_future()
        batcher.ask(Ask(Asker(principal(member)), body, loop.time() + 0.5, future))
        return future

    first = ask("A")
    await asyncio.sleep(0.05)
    many = [ask("A") for _ in range(12)]
    other = ask("B")
    await asyncio.sleep(0.05)
    assert [one.done() for one in many] == [False] * 8 + [True] * 4  # told so, and only the one who asked so much
    assert not other.done()
    assert [ask.asker.member for ask in (batcher._waiting.popleft() for _ in range(3))] == ["A", "B", "A"]
    await asyncio.sleep(0.6)
    await batcher.stop()
    for one in (first, *many, other):
        one.cancelled() or one.exception() if one.done() else None


async def test_strangers_keys_are_looked_up_together_and_behind_known_ones(service: Service, monkeypatch):
    looked: list[list[str]] = []
    find = find_credentials

    async def slow(connection, key_ids):
        looked.append(list(key_ids))
        await asyncio.sleep(0.02)
        return await find(connection, key_ids)

    assert (await service.post("/v1/checks", ASKED)).status_code == 200
    # Also those that this process has not seen yet.
    assert {text.split("_")[2] for text in service.keys.values()} <= service.app.state.proofs._lookup._known
    monkeypatch.setattr(lookups, "find_credentials", slow)
    strangers = [asyncio.create_task(service.post("/v1/checks", ASKED, key=make_key("live").text)) for _ in range(200)]
    await asyncio.sleep(0.01)
    service.app.state.proofs._proofs.clear()
    assert (await service.post("/v1/checks", ASKED)).status_code == 200
    assert {answer.status_code for answer in await asyncio.gather(*strangers)} == {401}
    known = service.keys["agency"].split("_")[2]
    place = next(n for n, ids in enumerate(looked) if known in ids)
    assert looked[place] == [known]
    assert place <= 2
    assert len(looked) < 20


async def test_a_crowd_of_strangers_waits_for_its_401_and_a_single_one_does_not(service: Service):
    async with listening(service) as port:
        request = request_bytes("/v1/checks", ASKED, key=make_key("live").text)
        async with line(port) as one:
            began = time.monotonic()
            assert (await one.ask(request)).status == 401
            assert time.monotonic() - began < 0.3

        async def keep_asking() -> int:
            count = 0
            async with line(port) as one:
                until = time.monotonic() + 1
                while time.monotonic() < until:
                    assert (await one.ask(request)).status == 401
                    count += 1
            return count

        counts = await asyncio.gather(*(keep_asking() for _ in range(60)))
        assert sum(counts) < 400  # 125 a second, however many ask
