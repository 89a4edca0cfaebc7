"""Watches are opened while courts publish and every part of the service is killed: each change of an answer is told once,
in order, with its proof, and a reader who fails every fifth time has the whole feed at the end.
"""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.durability.serving import IS_SOAK, Part, Served, report, running
from tests.durability.test_freshness import History, Publisher, answer_to
from tests.durability.test_kills import WORKERS, hold_against_the_log, until_complete
from tests.durability.wire import Client, request_bytes
from tests.support import day, question, resident_id, subject

KILLS, CHANGES = (50, 5_000) if IS_SOAK else (3, 100)
PARTS = tuple(Part) if IS_SOAK else (Part.WORKER, Part.BACKEND, Part.POSTMASTER)
PEOPLE = 6
WATCHES_OF_EACH = 12
FAILS_OF_TEN = 2
SETTLED_SECONDS = 60.0

CHAIN = """
SELECT w.id, w.decision, w.revision, e.decision AS first
FROM watches w JOIN ledger_entries e ON e.id = w.id
"""
RESTED = """
SELECT v.list_version, e.id FROM listing_versions v
JOIN ledger_entries e ON e.listing_ids @> ARRAY[v.listing_id] AND e.list_version < v.list_version
WHERE v.act = 'withdrawn' AND e.action = 'check' AND e.decision <> 'clear'
"""


@pytest.mark.timeout(3600 if IS_SOAK else 300)
async def test_every_change_is_told_once_in_order_and_with_its_proof(served: Served):
    people = [resident_id(1 + n) for n in range(PEOPLE)]
    reader, history, is_over = Reader(served), History(), asyncio.Event()
    publishers = [Publisher(served, people[n::2], history, seed=n) for n in range(2)]
    async with asyncio.TaskGroup() as under_way:
        for publisher in publishers:
            under_way.create_task(publisher.keep_acting(is_over))
        under_way.create_task(keep_opening(served, people, is_over))
        under_way.create_task(reader.keep_reading(is_over))
        await kill_at_random(served, reader)
        is_over.set()
    await settle(served)
    await reader.read_to_the_end()
    events = await served.fetch("SELECT * FROM watch_events ORDER BY sequence")
    assert [one["sequence"] for one in events] == list(range(1, len(events) + 1))
    assert [one["sequence"] for one in reader.events] == [one["sequence"] for one in events]
    changes = await hold_against_the_watches(served, events)
    withdrawn = await hold_against_the_withdrawals(served, events)
    await hold_against_answers_of_now(served, people)
    await hold_against_the_log(served)
    report(
        f"{KILLS} kills, {len(history.acts)} acts, {changes} changes of answers and {withdrawn} withdrawals told once, in "
        f"order, each with its proof; reader failed {reader.failed} times; 0 lost, 0 twice, 0 gaps"
    )
    assert changes >= CHANGES


async def keep_opening(served: Served, people: list[str], is_over: asyncio.Event) -> None:
    """In checks, single and keyed, in batches, and afterwards; some are closed again."""
    chance, place = random.Random(3), 0
    async with Client(served.port) as client:
        while not is_over.is_set() and place < PEOPLE * WATCHES_OF_EACH * 4:
            place += 1
            body = question(subject("张三", chance.choice(people)), reference=f"W{place}")
            watch = {"watch": {"until": day(30), "tell": chance.choice(("decision", "decision", "matches"))}}
            key = {"Idempotency_Key": f"W{place}"} if chance.random() < 0.3 else {}
            agency = served.keys["agency"]
            way = chance.randrange(4)
            if way == 0:
                await answer_to(
                    client, request_bytes("/v1/checks/batch", {"checks": [body | watch] * 3}, key=agency, **key)
                )
            elif way == 1:
                reply = await answer_to(client, request_bytes("/v1/checks", body, key=agency))
                if reply is not None:
                    later = {"check_ids": [reply.json()["check_id"]], "until": day(30)}
                    await answer_to(client, request_bytes("/v1/watches", later, key=agency))
            else:
                reply = await answer_to(client, request_bytes("/v1/checks", body | watch, key=agency, **key))
                if reply is not None and chance.random() < 0.1:
                    path = f"/v1/watches/{reply.json()['check_id']}/closure"
                    await answer_to(client, request_bytes(path, {}, key=agency))
            await asyncio.sleep(0.05 if place > PEOPLE * WATCHES_OF_EACH else 0)


class Reader:
    """A unit's system: it reads its feed on, and in two of ten tries it fails before it has kept what it read."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._chance = random.Random(9)
        self.events: list[dict[str, Any]] = []
        self.failed = 0
        self.changes = 0

    @property
    def after(self) -> int:
        return self.events[-1]["sequence"] if self.events else 0

    async def keep_reading(self, is_over: asyncio.Event) -> None:
        async with Client(self._served.port) as client:
            while not is_over.is_set():
                await self._read(client)
                await asyncio.sleep(0.05)

    async def read_to_the_end(self) -> None:
        async with Client(self._served.port) as client:
            while await self._read(client) is not False:
                pass

    async def _read(self, client: Client) -> bool | None:
        """Whether there is more; None where nothing was read."""
        key = self._served.keys["agency"]
        path = f"/v1/watch-events?after={self.after}&limit=100"
        reply = await answer_to(client, request_bytes(path, key=key, method="GET"))
        if reply is None or self._chance.randrange(10) < FAILS_OF_TEN:
            self.failed += 1
            return None
        assert reply.status == 200, reply.body
        page = reply.json()
        self.events += page["items"]
        self.changes += sum(one["type"] in {"watch.decision_changed", "watch.matches_changed"} for one in page["items"])
        if page["items"]:
            said = {"through": self.after}
            await answer_to(client, request_bytes("/v1/watch-events/acknowledgement", said, key=key))
        return bool(page["more"])


async def kill_at_random(served: Served, reader: Reader) -> None:
    """Spread over the changes, so that each kill meets some under way."""
    chance = random.Random(8)
    victims = list(islice(cycle(PARTS), KILLS))
    chance.shuffle(victims)
    for n, part in enumerate(victims):
        while reader.changes < CHANGES * (n + 1) // (KILLS + 1):
            await asyncio.sleep(0.02)
        await asyncio.sleep(chance.uniform(0, 0.3))
        await asyncio.to_thread(served.kill, part, which=chance.randrange(8))
        if part is Part.PARENT:
            served.start()
        await until_complete(served)
    while reader.changes < CHANGES:
        await asyncio.sleep(0.02)


async def settle(served: Served) -> None:
    """Until the worker has followed all, looked a last time for withdrawn listings, and has nothing left to ask."""
    deadline = time.monotonic() + SETTLED_SECONDS
    await served.fetch("UPDATE watch_withdrawals SET withdrawn_at = withdrawn_at - interval '2 minutes'")
    while (
        await served.fetch(
            """
            SELECT EXISTS (SELECT FROM watches_due) OR EXISTS (SELECT FROM watches_unprimed)
                   OR EXISTS (SELECT FROM watch_withdrawals)
                   OR (SELECT list_version FROM watch_cursor) <> (SELECT version FROM heads WHERE name = 'list') AS is_behind
            """
        )
    )[0]["is_behind"]:
        assert time.monotonic() < deadline, "the worker did not catch up"
        await served.fetch(
            "UPDATE watch_withdrawals SET withdrawn_at = withdrawn_at - interval '2 minutes' WHERE is_last_look"
        )
        await asyncio.sleep(0.2)


async def hold_against_the_watches(served: Served, events: list[Any]) -> int:
    """Each watch's events lead from its first answer to its last, one by one; each change has its entry in the ledger."""
    of_watch: dict[Any, list[Any]] = defaultdict(list)
    for event in events:
        if event["watch_id"] is not None:
            of_watch[event["watch_id"]].append(event)
    entries = await served.fetch("SELECT id, decision, leaf FROM ledger_entries WHERE action = 'recheck'")
    rechecks = {row["id"]: row for row in entries}
    changes = 0
    for watch in await served.fetch(CHAIN):
        told, decision = of_watch.pop(watch["id"], []), watch["first"]
        assert [one["revision"] for one in told] == list(range(1, watch["revision"] + 1))
        for event in told:
            assert event["before"] == decision
            if event["type"] == "watch.ended":
                continue
            assert (event["after"] != decision) == (event["type"] == "watch.decision_changed")
            decision = event["after"]
            entry = rechecks.pop(event["check_id"])
            facts = orjson.loads(entry["leaf"])["facts"]
            assert (entry["decision"], facts["watch"]) == (decision, str(watch["id"]))
            changes += 1
        assert decision == watch["decision"]
    assert not of_watch
    assert not rechecks
    return changes


async def hold_against_the_withdrawals(served: Served, events: list[Any]) -> int:
    told = [(one["list_version"], one["check_id"]) for one in events if one["type"] == "check.listing_withdrawn"]
    rested = [(row["list_version"], row["id"]) for row in await served.fetch(RESTED)]
    assert sorted(told) == sorted(rested)
    return len(told)


async def hold_against_answers_of_now(served: Served, people: list[str]) -> None:
    """Every open watch says what a check says now."""
    open_ones = await served.fetch(
        """
        SELECT w.decision, s.identifier_masked AS mask FROM watches w
        JOIN ledger_subjects s ON s.entry_id = w.id WHERE w.closed_at IS NULL
        """
    )
    held: dict[str, set[str]] = defaultdict(set)
    for row in open_ones:
        held[row["mask"]].add(row["decision"])
    async with Client(served.port) as client:
        for person in people:
            request = request_bytes("/v1/checks", question(subject("张三", person)), key=served.keys["agency"])
            while (reply := await answer_to(client, request)) is None:
                pass
            [entry] = await served.fetch(
                "SELECT identifier_masked AS mask FROM ledger_subjects WHERE entry_id = $1", reply.json()["check_id"]
            )
            assert held[entry["mask"]] <= {reply.json()["decision"]}


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with running(Served(tmp_path, workers=WORKERS)) as served:
        yield served
