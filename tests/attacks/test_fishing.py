"""Many numbers asked under one name, which would reveal a masked number: counted for each member over all processes, and
refused.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from blacklist_service.access.principals import Principal
from blacklist_service.access.scopes import Role
from blacklist_service.checks import fishing
from blacklist_service.checks.asks import Ask, Asker, read_ask
from blacklist_service.clock import legal_date, now
from blacklist_service.settings import Settings
from blacklist_service.subjects.digests import Digester
from tests.conftest import SECRECY, Databases
from tests.support import Service, question, resident_id, row, serving, subject


def numbers(first: int, last: int, *, year: int = 1985) -> list[str]:
    """Distinct resident IDs, 999 for each year."""
    return [resident_id(n % 999 + 1, born=f"{year + n // 999}0317") for n in range(first, last)]


async def ask_all(service: Service, asked: list[str], *, name: str = "张三", key: str = "agency") -> list[int]:
    """In batches; the status of each."""
    statuses = []
    for start in range(0, len(asked), 500):
        checks = [question(subject(name, number)) for number in asked[start : start + 500]]
        answer = await service.post("/v1/checks/batch", {"checks": checks}, key=key)
        assert answer.status_code == 200, answer.text
        statuses += [one["status"] for one in answer.json()["results"]]
    return statuses


async def told(service: Service) -> list[dict[str, Any]]:
    page = await service.get("/v1/audit/entries", key="auditor", action="many_numbers_asked")
    return list(page.json()["items"])


def limit(service: Service, most: int) -> None:
    service.app.state.batcher._answerer._fishing = fishing.Fishing(most, secrecy=SECRECY)


async def test_beyond_a_thousand_numbers_under_one_name_each_is_429_and_others_are_answered(service: Service):
    await service.load_rows(row(name="张三", identifier_number=resident_id(5)))
    statuses = await ask_all(service, numbers(0, 1300))
    assert statuses.count(200) == 1000
    assert set(statuses[-128:]) == {429}
    single = await service.post("/v1/checks", question(subject("张三", resident_id(1, born="19700101"))))
    assert (single.status_code, single.json()["code"]) == (429, "too-many-requests")
    assert int(single.headers["retry-after"]) > 0
    # Another name, the name alone, a number asked before, and another member are answered.
    assert (
        await service.post("/v1/checks", question(subject("李四", resident_id(1, born="19700101"))))
    ).status_code == 200
    assert (await service.post("/v1/checks", question(subject("张三")))).status_code == 200
    assert (await service.post("/v1/checks", question(subject("张三", numbers(0, 1)[0])))).status_code == 200
    other = await service.post(
        "/v1/checks", question(subject("张三", resident_id(1, born="19700101"))), key="other agency"
    )
    assert other.status_code == 200
    answered = await service.fetch("SELECT count(*) FROM ledger_entries WHERE action = 'check'")
    assert answered[0][0] == 1000 + 4


async def test_auditors_are_told_once_above_a_hundred_and_once_where_it_was_stopped(service: Service):
    limit(service, 150)
    await ask_all(service, numbers(0, 100))
    assert await told(service) == []
    await ask_all(service, numbers(100, 140))
    [entry] = await told(service)
    assert entry["agency"] == "GD-HR"
    await ask_all(service, numbers(140, 300))
    await ask_all(service, numbers(300, 400))
    assert len(await told(service)) == 2
    assert "blacklist_many_numbers_total" in (await service.client.get("/metrics")).text
    for entry in await told(service):
        assert "张三" not in str(entry)


async def test_one_person_in_two_roles_of_a_check_is_one_number(service: Service):
    limit(service, 1)
    number = resident_id(1)
    twice = [subject("张三", number, role=role) for role in ("applicant", "bidder")]
    answer = await service.post("/v1/checks", question(*twice, matter="government_procurement"))
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("most", [5, 40])
async def test_a_low_limit_is_exact_from_the_first_number_on(service: Service, most: int):
    limit(service, most)
    statuses = [
        (await service.post("/v1/checks", question(subject("张三", number)))).status_code
        for number in numbers(0, most + 5)
    ]
    assert statuses == [200] * most + [429] * 5


async def test_off_tells_but_refuses_nobody(service: Service):
    limit(service, 0)
    assert set(await ask_all(service, numbers(0, 1200))) == {200}
    assert len(await told(service)) == 1


async def test_a_refused_item_disturbs_no_neighbour_and_keys_replay(service: Service):
    limit(service, 3)
    checks = [question(subject("张三", number)) for number in numbers(0, 5)] + [
        question(subject("李四", resident_id(3)))
    ]
    first = await service.post("/v1/checks/batch", {"checks": checks}, **{"Idempotency-Key": "k"})
    assert [one["status"] for one in first.json()["results"]] == [200, 200, 200, 429, 429, 200]
    again = await service.post("/v1/checks/batch", {"checks": checks}, **{"Idempotency-Key": "k"})
    assert [one["status"] for one in again.json()["results"]] == [200, 200, 200, 429, 429, 200]
    assert first.json()["results"][0] == again.json()["results"][0]


async def test_processes_count_together(service: Service, dsn: str, databases: Databases, tmp_path: Path):
    """Exactly, however many batches are under way at once."""
    await databases.settle()
    async with serving(Settings(data_dir=tmp_path, check_deadline_ms=10_000), dsn, SECRECY, keys=service.keys) as other:
        for one in (service, other):
            limit(one, 200)
        statuses = []
        for start in range(0, 600, 200):
            at_once = [
                ask_all((service, other)[first // 25 % 2], numbers(first, last))
                for first, last in ((start + n * 25, start + (n + 1) * 25) for n in range(8))
            ]
            statuses += [status for each in await asyncio.gather(*at_once) for status in each]
    assert statuses.count(200) == 200


async def test_batches_that_are_counted_at_the_same_moment_share_the_limit(service: Service):
    """Each of eight processes has a batch under way: together they allow the limit, and the first few of each process."""
    digester = Digester(SECRECY.digest_key)

    def batch(first: int, last: int) -> list[Ask]:
        principal = Principal("key", "GD-HR", Role.AGENCY)
        asks = [
            Ask(Asker(principal), json.dumps(question(subject("张三", number))).encode(), 0.0, asyncio.Future())
            for number in numbers(first, last)
        ]
        for ask in asks:
            read_ask(ask, digester, today=legal_date(now()))
        return asks

    async def settle(first: int) -> int:
        counting, asks = fishing.Fishing(200, secrecy=SECRECY), batch(first, first + 50)
        async with service.workplace.connected() as connection:
            await together.wait()
            watched = [(ask, found) for ask in asks if (found := counting.watched(ask))]
            return len(asks) - len(await counting.settle(connection, watched))

    together = asyncio.Barrier(8)
    allowed = sum(await asyncio.gather(*(settle(first) for first in range(0, 400, 50))))
    assert 200 <= allowed <= 200 + 8 * (fishing.MOST_UNWATCHED - 1)


async def test_after_a_day_they_no_longer_count(service: Service):
    limit(service, 5)
    await ask_all(service, numbers(0, 5))
    assert await ask_all(service, numbers(5, 6)) == [429]
    await service.fetch("UPDATE asked_numbers SET at = at - interval '25 hours' RETURNING 1")
    assert await ask_all(service, numbers(5, 6)) == [200]
    async with service.workplace.connected() as connection:
        await fishing.forget_numbers(connection, SECRECY)
    assert len(await service.fetch("SELECT FROM asked_numbers")) == 1
    assert not [one for one in await service.fetch("SELECT name, number FROM asked_numbers") if "张" in str(one)]


def test_a_process_remembers_a_bounded_number_of_names():
    names = fishing._Names()
    for n in range(200_000):
        assert names.note(n.to_bytes(16), b"x", 12) is None
    assert len(names.new) + len(names.old) <= 2 * fishing.REMEMBERED_NAMES
    for n in range(11):
        assert names.note(b"name", bytes([n]), 12) is None
        assert names.note(b"name", bytes([n]), 12) is None
    watched = names.note(b"name", b"last", 12)
    assert watched is not None
    assert len(watched) == 12
    assert names.note(b"name", b"more", 12) is fishing.WATCHED
