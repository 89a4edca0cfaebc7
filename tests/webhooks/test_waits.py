"""An endpoint that is down is called rarely, however much waits for it; once back, it gets each watch's present state
once.
"""

import asyncio
import json
import os
import random
from collections import Counter as Tally
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from blacklist_service.webhooks.rules import NEXT_STATES, can_become
from blacklist_service.webhooks.waits import (
    FAILURES_TO_FAILING,
    WAITS,
    WIDEST,
    DisabledBy,
    Health,
    State,
    TryOutcome,
    after,
    wait,
)
from tests.support import Service
from tests.webhooks.receiver import (
    LONGEST,
    Clock,
    change,
    failing,
    happen,
    open_hook,
    receiving,
    sender_to,
    settle_all,
    take,
)

WATCHES = 10_000 if os.environ.get("BLACKLIST_SOAK") else 250
MOST_REQUESTS = 60
DOWN = timedelta(days=9)
NOW = datetime(2018, 6, 1, tzinfo=UTC)
TOLD = TryOutcome(204, None)
FAILED = TryOutcome(503, "status")
GW, NEIGHBOUR = "gw.guandu.example", "edu.guandu.example"


def step(health: Health, outcome: TryOutcome, at: datetime = NOW, failures: int | None = None) -> Health:
    before = health.failures if failures is None else failures
    return after(health, outcome, failures_before=before, at=at, longest=LONGEST, chance=0.5)


def test_waits_are_those_of_the_contract_within_a_fifth():
    seconds = [0, 5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800]
    assert [wait(failures).total_seconds() for failures in range(10)] == seconds
    assert wait(25) == WAITS[-1] == timedelta(hours=8)
    chance = random.Random(1)
    for failures in range(1, 12):
        waits = [wait(failures, chance=chance.random()) / wait(failures) for _ in range(200)]
        assert 0.8 <= min(waits) < 0.85
        assert 1.15 < max(waits) <= 1.2


def test_a_receiver_may_ask_for_up_to_an_hour():
    assert wait(1, retry_after=timedelta(seconds=90)) == timedelta(seconds=90)
    assert wait(1, retry_after=timedelta(seconds=0)) == timedelta(seconds=5)
    assert wait(1, retry_after=timedelta(days=3)) == timedelta(hours=1)
    assert wait(9, retry_after=timedelta(seconds=1)) == timedelta(hours=8), "it may not ask to be asked more often"


def test_five_failures_are_failing_and_the_way_back_is_one_two_four_eight():
    health = Health(State.ACTIVE)
    for number in range(1, FAILURES_TO_FAILING + 1):
        assert health.state is State.ACTIVE
        health = step(health, FAILED)
        assert (health.failures, health.width) == (number, 1)
    assert health.state is State.FAILING
    widths = []
    for _ in range(4):
        health = step(health, TOLD)
        widths.append(health.width)
    assert (health.state, health.failures, widths) == (State.ACTIVE, 0, [2, 4, WIDEST, WIDEST])


def test_what_fails_at_once_fails_once():
    health = Health(State.ACTIVE)
    for _ in range(8):
        health = step(health, FAILED, failures=0)
    assert (health.failures, health.next_try_at) == (1, NOW + timedelta(seconds=5))


def test_every_state_has_its_next_ones_and_closed_is_the_end():
    assert set(NEXT_STATES) == set(State)
    assert {state for state in State if not NEXT_STATES[state]} == {State.CLOSED}
    assert all(can_become(state, State.CLOSED) for state in State if state is not State.CLOSED)
    assert [state for state in State if can_become(state, State.VERIFYING)] == [State.AWAITING_APPROVAL, State.DISABLED]


def test_410_and_the_days_disable():
    assert step(Health(State.ACTIVE), TryOutcome(410, "gone")).cause is DisabledBy.GONE
    health = step(Health(State.ACTIVE), FAILED)
    assert step(health, FAILED, NOW + LONGEST - timedelta(seconds=1)).state is State.ACTIVE
    disabled = step(health, FAILED, NOW + LONGEST)
    assert (disabled.state, disabled.cause) == (State.DISABLED, DisabledBy.DAYS)
    assert step(disabled, TOLD) == disabled
    closed = Health(State.CLOSED)
    assert step(closed, TOLD) == closed == step(closed, TryOutcome(410, "gone"))


async def test_nine_days_down_cost_the_receiver_few_requests_and_then_each_watch_comes_once(service: Service):
    webhook_id, _ = await open_hook(service)
    clock = Clock()
    began = clock.at
    async with receiving() as receiver, service.workplace.connected() as connection:
        sender = sender_to(service, {GW: receiver}, clock)
        await settle_all(sender, connection)
        receiver.requests.clear()
        receiver.reply = failing(503, retry_after="1")
        watches = [uuid4() for _ in range(WATCHES)]
        await happen(connection, *[change(watch, 1) for watch in watches])
        revision = 1
        while clock.at - began < DOWN:
            await settle_all(sender, connection)
            due = await connection.fetchval("SELECT next_try_at FROM webhooks")
            if clock.at + timedelta(days=1) < due or revision < 4:  # some change while nobody is there
                revision += 1
                await happen(connection, *[change(watch, revision) for watch in watches[::2]])
            clock.at = max(due, clock.at + timedelta(milliseconds=1))
        down = len(receiver.requests)
        assert down <= MOST_REQUESTS
        assert (await service.get(f"/v1/webhooks/{webhook_id}")).json()["state"] == "failing"
        receiver.requests.clear()
        receiver.reply = take
        await settle_all(sender, connection)
        told = Tally(body["data"]["watch_id"] for body in receiver.told)
        assert told == Tally(map(str, watches))
        assert {body["data"]["revision"] for body in receiver.told if body["data"]["watch_id"] == str(watches[0])} == {
            revision
        }
        figures = (await service.get(f"/v1/webhooks/{webhook_id}")).json()
        assert (figures["state"], figures["deliveries"]["pending"], figures["deliveries"]["dead"]) == ("active", 0, 0)


async def test_after_the_days_events_are_dead_and_come_again_when_asked_for(service: Service):
    webhook_id, _ = await open_hook(service)
    clock = Clock()
    began = clock.at
    async with receiving() as receiver, service.workplace.connected() as connection:
        sender = sender_to(service, {GW: receiver}, clock)
        await settle_all(sender, connection)
        receiver.reply = failing(500)
        watches = [uuid4() for _ in range(20)]
        await happen(connection, *[change(watch, 1) for watch in watches])
        while not (disabled := await is_disabled(service, webhook_id)):
            await settle_all(sender, connection)
            clock.at += timedelta(hours=10)
            assert clock.at < began + LONGEST + timedelta(days=1)
        await sender.tend(connection)
        dead = (await service.get(f"/v1/webhooks/{webhook_id}/deliveries", state="dead", limit=5)).json()
        assert (disabled, len(dead["items"]), dead["next"]) == (True, 5, dead["items"][-1]["sequence"])
        assert {(one["status"], one["error"]) for one in dead["items"]} <= {(500, "status"), (None, None)}
        receiver.reply = take
        receiver.requests.clear()
        await service.post(f"/v1/webhooks/{webhook_id}/approval", {}, key="security")
        await settle_all(sender, connection)
        assert receiver.told == [], "what was given up is told again by a replay alone"
        await happen(connection, change(watches[0], 2))
        asked = await service.post(f"/v1/webhooks/{webhook_id}/replay", {"from": "dead"})
        assert (asked.status_code, asked.json()["events"]) == (202, 20)
        await settle_all(sender, connection)
        told = {(body["data"]["watch_id"], body["data"]["revision"]) for body in receiver.told}
        assert told == {(str(watches[0]), 2)} | {(str(watch), 1) for watch in watches[1:]}
        assert len(receiver.told) == 20


async def test_one_that_hangs_keeps_no_neighbour_waiting(service: Service):
    await open_hook(service)
    await open_hook(service, NEIGHBOUR, key="other agency")
    arrived: dict[int, float] = {}
    began: dict[int, float] = {}
    loop = asyncio.get_running_loop()

    async def note(headers: dict[str, str], body: bytes) -> tuple[int, bytes, dict[str, str]]:
        said = json.loads(body)
        if said["type"] == "watch.decision_changed":
            arrived[said["data"]["sequence"]] = loop.time()
        return await take(headers, body)

    async def hang(headers: dict[str, str], body: bytes) -> tuple[int, bytes, dict[str, str]]:
        if json.loads(body)["type"] != "webhook.verification":
            await asyncio.sleep(60)
        return await take(headers, body)

    async with (
        receiving() as hanging,
        receiving() as neighbour,
        service.workplace.connected() as connection,
        service.workplace.connected() as writing,
    ):
        hanging.reply, neighbour.reply = hang, note
        sender = sender_to(service, {GW: hanging, NEIGHBOUR: neighbour})
        await settle_all(sender, connection)
        await happen(writing, *[change() for _ in range(100)])
        running = asyncio.create_task(sender.run(connection))
        try:
            for number in range(1, 101):
                began[number] = loop.time()
                await happen(writing, change(member="GD-EDU"))
                await asyncio.sleep(0.01)
            async with asyncio.timeout(30):
                while len(arrived) < 100:
                    await asyncio.sleep(0.05)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    latencies = sorted(arrived[number] - began[number] for number in arrived)
    assert latencies[98] < 2.0
    assert hanging.told
    assert len(hanging.told) <= WIDEST


async def test_a_stop_that_comes_with_an_outcome_is_not_lost(service: Service):
    """Python 3.11's `asyncio.wait_for` would return as if nothing had been said, and the worker would go on."""
    sender = sender_to(service, {})
    waiting = asyncio.create_task(sender.wait(60))
    await asyncio.sleep(0.01)
    sender._moved.set()
    waiting.cancel()
    await asyncio.wait({waiting}, timeout=10)
    assert waiting.cancelled()


async def is_disabled(service: Service, webhook_id: str) -> bool:
    return bool((await service.get(f"/v1/webhooks/{webhook_id}")).json()["state"] == "disabled")


@pytest.fixture(autouse=True)
def _same_luck_in_every_run() -> None:
    random.seed(20180601)
