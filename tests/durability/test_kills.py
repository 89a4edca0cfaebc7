"""kill -9 of every part, at random, under load: no acknowledged check is lost or doubled, and the service comes back."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import count, cycle, islice, pairwise
from pathlib import Path

import pytest

from tests.durability.serving import IS_SOAK, Part, Served, report, running
from tests.durability.wire import Client, Lost, Reply, request_bytes
from tests.support import question, resident_id, subject

KILLS, CHECKS = (50, 100_000) if IS_SOAK else (len(Part), 2_000)
AT_ONCE = 24
WORKERS = 2
BACK_SECONDS = 5.0
LISTED = resident_id(15)


@dataclass
class Tally:
    """What the clients were told. A reference is asked once, or again under its Idempotency-Key until it is answered."""

    numbers: "count[int]" = field(default_factory=count)
    acknowledged: dict[str, tuple[str, str]] = field(default_factory=dict)
    answered_at: list[float] = field(default_factory=list)
    refused: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Kill:
    part: Part
    at: float


@pytest.mark.timeout(900)
async def test_nothing_acknowledged_is_lost_or_doubled_and_every_kill_is_got_over(served: Served):
    tally, is_over = Tally(), asyncio.Event()
    async with asyncio.TaskGroup() as asking:
        for _ in range(AT_ONCE):
            asking.create_task(keep_asking(served, tally, is_over))
        kills = await kill_at_random(served)
        while len(tally.acknowledged) < CHECKS:
            await asyncio.sleep(0.1)
        is_over.set()
    await hold_against_the_ledger(served, tally)
    entries = await hold_against_the_log(served)
    outages = [(outage, kill.part) for kill, outage in zip(kills, outages_after(kills, tally), strict=True)]
    slowest, part = max(outages)
    report(
        f"{len(kills)} kills, {len(tally.acknowledged)} checks acknowledged, {tally.refused} refused, {tally.lost} cut off; "
        f"0 lost, 0 doubled, {entries} entries sealed; longest without an answer {slowest:.2f} s (the {part})"
    )
    assert len(kills) == KILLS
    assert slowest < BACK_SECONDS, sorted(outages, reverse=True)[:5]


async def keep_asking(served: Served, tally: Tally, is_over: asyncio.Event) -> None:
    async with Client(served.port) as client:
        while not is_over.is_set():
            await ask(client, served, tally, next(tally.numbers))


async def ask(client: Client, served: Served, tally: Tally, number: int) -> None:
    """Every other check is asked only once, whatever becomes of it; the rest until they are answered."""
    is_retried, is_listed = number % 2 == 0, number % 3 == 0
    body = question(subject("张三", LISTED if is_listed else resident_id(number % 900 + 30)), reference=f"R{number}")
    key = {"Idempotency_Key": f"K{number}"} if is_retried else {}
    request = request_bytes("/v1/checks", body, key=served.keys["agency"], **key)
    while (reply := await answer_to(client, request, tally)) is None:
        if not is_retried:
            return
    answer = reply.json()
    assert answer["decision"] == ("block" if is_listed else "clear")
    tally.acknowledged[f"R{number}"] = (answer["check_id"], answer["decision"])
    tally.answered_at.append(time.monotonic())


async def answer_to(client: Client, request: bytes, tally: Tally) -> Reply | None:
    """None where nothing was answered."""
    try:
        reply = await client.ask(request)
    except Lost:
        tally.lost += 1
    else:
        if reply.status == 200:
            return reply
        assert (reply.status, reply.json()["code"]) == (503, "undetermined"), reply.body
        tally.refused += 1
    await asyncio.sleep(0.05)
    return None


async def kill_at_random(served: Served) -> list[Kill]:
    chance = random.Random(6)
    victims = list(islice(cycle(Part), KILLS))
    chance.shuffle(victims)
    kills = []
    for part in victims:
        await asyncio.sleep(chance.uniform(0.2, 1.5))
        kills.append(Kill(part, time.monotonic()))
        assert await asyncio.to_thread(served.kill, part, which=chance.randrange(8)) is not None
        if part is Part.PARENT:
            served.start()
        await until_complete(served)
    return kills


async def until_complete(served: Served) -> None:
    """Until every part is there again, and one that asks anew is answered."""
    request = request_bytes("/v1/checks", question(subject()), key=served.keys["agency"])
    deadline = time.monotonic() + 30
    while not (served.is_complete(workers=WORKERS) and await is_answered(served, request)):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def is_answered(served: Served, request: bytes) -> bool:
    async with Client(served.port) as client:
        try:
            return (await client.ask(request)).status == 200
        except Lost:
            return False


def outages_after(kills: list[Kill], tally: Tally) -> list[float]:
    """For each kill, the longest time without any answer from then until the next one."""
    ends = [*(kill.at for kill in kills[1:]), tally.answered_at[-1]]
    return [
        max(
            later - earlier
            for earlier, later in pairwise([kill.at, *(at for at in tally.answered_at if kill.at < at <= end)])
        )
        for kill, end in zip(kills, ends, strict=True)
    ]


async def hold_against_the_ledger(served: Served, tally: Tally) -> None:
    rows = await served.fetch(
        "SELECT id, reference, decision FROM ledger_entries WHERE action = 'check' AND reference LIKE 'R%'"
    )
    recorded = {row["reference"]: (str(row["id"]), row["decision"]) for row in rows}
    assert len(recorded) == len(rows), "a check was recorded twice"
    assert [one for one, told in tally.acknowledged.items() if recorded.get(one) != told] == []


async def hold_against_the_log(served: Served) -> int:
    """Once the sequencer has caught up: every entry has one leaf, and the leaves' places have no gap."""
    deadline = time.monotonic() + 60
    while (await served.fetch("SELECT EXISTS (SELECT FROM ledger_pending) AS is_behind"))[0]["is_behind"]:
        assert time.monotonic() < deadline, "the log was not caught up with"
        await asyncio.sleep(0.2)
    [leaves] = await served.fetch(
        "SELECT count(*) AS n, min(idx) AS first, max(idx) AS last, count(DISTINCT entry_id) AS entries FROM ledger_leaves"
    )
    n = leaves["n"]
    assert dict(leaves) == {"n": n, "first": 0, "last": n - 1, "entries": n}
    [apart] = await served.fetch(
        "SELECT count(*) AS n FROM ledger_entries e FULL JOIN ledger_leaves l ON l.entry_id = e.id AND l.at = e.at"
        " WHERE e.id IS NULL OR l.entry_id IS NULL"
    )
    [signed] = await served.fetch("SELECT max(size) AS size FROM ledger_checkpoints")
    assert (apart["n"], signed["size"]) == (0, n)
    return int(n)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with running(Served(tmp_path, workers=WORKERS)) as served:
        await served.publish(LISTED)
        yield served
