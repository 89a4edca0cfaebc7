"""Courts change the list while agencies ask and web workers die: every answer is the list's own at the version it names,
neither older than what was acknowledged nor newer than what was asked for."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.durability.histories import Act, Answer, find_faults
from tests.durability.serving import IS_SOAK, Part, Served, publication, report, running
from tests.durability.wire import Client, Lost, Reply, request_bytes
from tests.support import day, question, resident_id, subject

CHECKS, KILLS = (200_000, 60) if IS_SOAK else (3_000, 3)
PUBLISHERS, PEOPLE_OF_EACH = 3, 4
ASKERS = 32
PAUSE_SECONDS = 0.2 if IS_SOAK else 0.02
_cases = count(1)


@dataclass
class History:
    """What was done to the list, and what was seen of it. `done` says of each version which act on which listing it was."""

    acts: list[Act] = field(default_factory=list)
    done: dict[int, tuple[str, str]] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    retried: int = 0


@pytest.mark.timeout(900)
async def test_no_answer_is_stale_none_is_of_the_future_and_none_is_wrong(served: Served):
    history, is_over = History(), asyncio.Event()
    groups = [[resident_id(1 + PEOPLE_OF_EACH * n + m) for m in range(PEOPLE_OF_EACH)] for n in range(PUBLISHERS)]
    publishers = [Publisher(served, people, history, seed=n) for n, people in enumerate(groups)]
    everyone = [person for people in groups for person in people]
    async with asyncio.TaskGroup() as under_way:
        for publisher in publishers:
            under_way.create_task(publisher.keep_acting(is_over))
        for n in range(ASKERS):
            under_way.create_task(keep_asking(served, everyone, history, is_over, seed=n))
        await kill_web_workers(served, history)
        is_over.set()
    assert await all_changes(served) == history.done
    assert find_faults(history.acts, history.answers) == []
    versions = len({answer.version for answer in history.answers})
    report(
        f"{len(history.answers)} answers of {versions} versions beside {len(history.acts)} acts ({history.retried} retried)"
        f" and {KILLS} kills of web workers: 0 stale, 0 future, 0 backwards, 0 wrong"
    )


@dataclass
class Publisher:
    """A court's system: one act after another on people of its own, each retried under one key until it is answered."""

    served: Served
    people: list[str]
    history: History
    seed: int
    listed: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def keep_acting(self, is_over: asyncio.Event) -> None:
        self.chance = random.Random(self.seed)
        async with Client(self.served.port) as self.client:
            while not is_over.is_set():
                await self.act()
                await asyncio.sleep(self.chance.uniform(0, PAUSE_SECONDS))

    async def act(self) -> None:
        person = self.chance.choice(self.people)
        if person not in self.listed:
            await self.publish(person)
        else:
            await self.chance.choice((self.delete, self.withdraw, self.correct, self.move))(person)

    async def publish(self, person: str) -> None:
        case = next(_cases)
        made = await self.done("published", "/v1/listings", publication(person, case), {person: "block"})
        self.listed[person] = made | {"case": case}

    async def delete(self, person: str) -> None:
        body = {"ground": "early_by_decision", "decided_on": day()}
        await self.change(self.listed.pop(person), "deleted", "deletion", body, {person: "clear"})

    async def withdraw(self, person: str) -> None:
        body = {"reason": "错误纳入", "decided_on": day()}
        await self.change(self.listed.pop(person), "withdrawn", "withdrawal", body, {person: "clear"})

    async def correct(self, person: str) -> None:
        """Another obligation: the person stays listed."""
        await self.rewrite(self.listed[person], person, {})

    async def move(self, person: str) -> None:
        """The listing was of somebody else: one becomes clear and the other is blocked, at one version."""
        others = [other for other in self.people if other not in self.listed]
        if others:
            other = self.chance.choice(others)
            listing = self.listed[other] = self.listed.pop(person)
            await self.rewrite(listing, other, {person: "clear", other: "block"})

    async def rewrite(self, listing: dict[str, Any], person: str, effects: Mapping[str, str]) -> None:
        content = publication(person, listing["case"], obligation=f"支付{listing['version']}元")
        body = {"listing": content, "reason": "笔误", "decided_on": day()}
        listing |= await self.change(listing, "corrected", "correction", body, effects)

    async def change(
        self, listing: dict[str, Any], act: str, name: str, body: object, effects: Mapping[str, str]
    ) -> dict[str, Any]:
        path = f"/v1/listings/{listing['listing_id']}/{name}"
        return await self.done(act, path, body, effects, If_Match=f'"{listing["version"]}"')

    async def done(
        self, act: str, path: str, body: object, effects: Mapping[str, str], **headers: str
    ) -> dict[str, Any]:
        key = self.served.keys["court"]
        request = request_bytes(path, body, key=key, Idempotency_Key=uuid4().hex, **headers)
        invoked_at = time.perf_counter()
        while (reply := await answer_to(self.client, request)) is None:
            self.history.retried += 1
        assert reply.status in (200, 201), reply.body
        made: dict[str, Any] = reply.json()
        self.history.acts.append(Act(invoked_at, time.perf_counter(), made["list_version"], effects))
        self.history.done[made["list_version"]] = (act, made["listing_id"])
        return made


async def keep_asking(
    served: Served, people: list[str], history: History, is_over: asyncio.Event, *, seed: int
) -> None:
    """About one to three people at once, who must be answered as they stand at one and the same version."""
    chance = random.Random(100 + seed)
    async with Client(served.port) as client:
        while not is_over.is_set():
            asked = chance.sample(people, chance.choice((1, 1, 2, 3)))
            body = question(*(subject("张三", person) for person in asked))
            request = request_bytes("/v1/checks", body, key=served.keys["agency"])
            sent_at = time.perf_counter()
            if (reply := await answer_to(client, request)) is not None:
                received_at, answer = time.perf_counter(), reply.json()
                decisions = [subject["decision"] for subject in answer["subjects"]]
                seen = dict(zip(asked, decisions, strict=True))
                history.answers.append(Answer(sent_at, received_at, answer["list_version"], seen))


async def answer_to(client: Client, request: bytes) -> Reply | None:
    """None where nothing was answered."""
    try:
        reply = await client.ask(request)
    except Lost:
        return None
    if reply.status == 503:
        await asyncio.sleep(0.02)
        return None
    return reply


async def kill_web_workers(served: Served, history: History) -> None:
    """Spread over the whole run, so that each meets questions and acts under way."""
    chance = random.Random(5)
    for n in range(KILLS):
        while len(history.answers) < CHECKS * (n + 1) // (KILLS + 1):
            await asyncio.sleep(0.01)
        await asyncio.to_thread(served.kill, Part.WEB, which=chance.randrange(2))
    while len(history.answers) < CHECKS:
        await asyncio.sleep(0.01)


async def all_changes(served: Served) -> dict[int, tuple[str, str]]:
    """The change feed from its beginning, by version."""
    changes: dict[int, tuple[str, str]] = {}
    after, is_more = 0, True
    async with Client(served.port) as client:
        while is_more:
            request = request_bytes(f"/v1/changes?after={after}", key=served.keys["agency"], method="GET")
            page = (await client.ask(request)).json()
            changes |= {item["version"]: (item["type"], item["listing_id"]) for item in page["items"]}
            after, is_more = page["next"], page["more"]
    return changes


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with running(Served(tmp_path, workers=2)) as served:
        yield served
