"""A screening of a roster is recorded under one operator, has a quota of its own, and counts as one act."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from blacklist_service.console.limits import count_asked
from blacklist_service.settings import Settings
from tests.conftest import SECRECY
from tests.support import Service, question, resident_id, serving, subject

QUOTA = 10


@pytest.fixture
async def service(dsn: str, furnished: tuple[str, dict[str, str]], tmp_path: Path) -> AsyncIterator[Service]:
    settings = Settings(data_dir=tmp_path, check_deadline_ms=10_000, screened_rows=QUOTA)
    async with serving(settings, dsn, SECRECY, keys=furnished[1]) as running:
        yield running


def part(rows: int, **values: Any) -> dict[str, Any]:
    return {"checks": [question(subject("李四", resident_id())) for _ in range(rows)], "screening": "roster-1"} | values


async def send(service: Service, body: dict[str, Any], key: str | None, *, by: str = "agency") -> httpx.Response:
    return await service.post("/v1/checks/batch", body, key=by, **({"Idempotency-Key": key} if key else {}))


async def test_each_check_names_its_screening_in_its_leaf(service: Service) -> None:
    assert (await send(service, part(2), "a")).status_code == 200
    assert (await send(service, {"checks": part(1)["checks"]}, "b")).status_code == 200

    leaves = [orjson.loads(row["leaf"]) for row in await service.fetch("SELECT leaf FROM ledger_entries ORDER BY at")]
    facts = [leaf.get("facts") for leaf in leaves if leaf["action"] == "check"]
    assert facts == [{"screening": "roster-1"}, {"screening": "roster-1"}, None]


async def test_a_unit_screens_so_many_rows_in_a_day(service: Service) -> None:
    first = part(6)
    assert (await send(service, first, "a")).status_code == 200
    assert (await send(service, part(4), "b")).status_code == 200

    refused = await send(service, part(1), "c")

    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    assert (await send(service, first, "a")).status_code == 200  # sent again, it is not counted again
    assert (await send(service, {"checks": part(3)["checks"]}, "d")).status_code == 200  # a batch is no screening
    assert (await send(service, part(3), "c", by="other agency")).status_code == 200
    rows = await service.fetch("SELECT member, sum(rows) AS rows FROM screened_parts GROUP BY member ORDER BY member")
    assert [(row["member"], row["rows"]) for row in rows] == [("GD-EDU", 3), ("GD-HR", 10)]


async def test_a_part_that_comes_back_longer_is_counted_for_what_it_has_more(service: Service) -> None:
    async def counted() -> int:
        [row] = await service.fetch("SELECT sum(rows)::int AS rows FROM screened_parts")
        return int(row["rows"])

    rows = part(12)["checks"]
    assert (await send(service, part(0, checks=rows[:1]), "a")).status_code == 200

    refused = await send(service, part(0, checks=rows), "a")  # a key that is known buys no more rows than the quota has

    assert refused.status_code == 429
    assert await counted() == 1
    assert len(await service.fetch("SELECT FROM ledger_entries WHERE action = 'check'")) == 1
    assert (await send(service, part(0, checks=rows[:8]), "a")).status_code == 200
    assert (await send(service, part(3), "b")).status_code == 429  # 8 and 3: the longer part counts whole
    assert (await send(service, part(2), "b")).status_code == 200
    assert (
        await send(service, part(0, checks=rows[:3]), "a")
    ).status_code == 200  # shorter again: nothing is given back
    assert await counted() == QUOTA


async def test_a_screening_is_one_act_against_the_budget_of_its_officer(service: Service) -> None:
    by_hand = [question(subject("李四", resident_id()), operator="wang.li") for _ in range(2)]
    for asked in by_hand:
        assert (await service.post("/v1/checks", asked)).status_code == 200
    rows = {"checks": [one | {"operator": "wang.li"} for one in part(5)["checks"]]}
    assert (await send(service, rows | {"screening": "roster-1"}, "a")).status_code == 200

    async with service.workplace.connected() as connection:
        key_id = service.keys["agency"].split("_")[2]
        since = datetime.now(UTC) - timedelta(minutes=10)
        assert await count_asked(connection, "wang.li", key_id, since=since) == 3


async def test_a_screening_has_a_key_and_a_plain_name(service: Service) -> None:
    refusals = [
        await send(service, part(1), None),
        await send(service, part(1, screening="张三"), "a"),
        await send(service, part(1, screening=7), "a"),
        await send(service, part(1, more=1), "a"),
    ]
    assert [one.status_code for one in refusals] == [422] * 4
    assert not await service.fetch("SELECT 1 FROM screened_parts")
