"""The worker is killed while it tells: nothing is lost, nothing takes effect twice, everything told is proved."""

import asyncio
import json
import os
import random
from datetime import timedelta
from uuid import UUID, uuid4

from blacklist_service.ledger.operations import ledger_cipher, private_context
from tests.support import Service
from tests.webhooks.receiver import Clock, change, happen, open_hook, receiving, sender_to, settle_all, take

KILLS, WATCHES = (50, 500) if os.environ.get("BLACKLIST_SOAK") else (8, 60)
HOST = "gw.guandu.example"
PAST_THE_LEASE = timedelta(seconds=31)


async def test_a_worker_that_is_killed_again_and_again_loses_nothing_and_tells_nothing_twice(service: Service):
    webhook_id, _ = await open_hook(service)
    chance, clock = random.Random(7), Clock()
    revisions = dict.fromkeys([uuid4() for _ in range(WATCHES)], 0)
    effects: dict[str, list[int]] = {str(watch): [] for watch in revisions}
    seen: set[str] = set()
    repeated = 0

    async def take_or_fail(headers: dict[str, str], body: bytes) -> tuple[int, bytes, dict[str, str]]:
        """As a unit should: what was taken once is taken, whatever comes again under its id."""
        nonlocal repeated
        said = json.loads(body)
        if said["type"] != "watch.decision_changed":
            return await take(headers, body)
        await asyncio.sleep(chance.random() * 0.02)
        if chance.random() < 0.2:
            return 503, b"", {}
        if headers["webhook-id"] in seen:
            repeated += 1
        else:
            seen.add(headers["webhook-id"])
            effects[said["data"]["watch_id"]].append(said["data"]["revision"])
        return 204, b"", {}

    async with receiving() as receiver, service.workplace.connected() as writing:
        receiver.reply = take_or_fail
        for _ in range(KILLS):
            async with service.workplace.connected() as connection:
                running = asyncio.create_task(sender_to(service, {HOST: receiver}, clock).run(connection))
                for _ in range(3):
                    moved = chance.sample(sorted(revisions), WATCHES // 3)
                    for watch in moved:
                        revisions[watch] += 1
                    await happen(writing, *[change(watch, revisions[watch]) for watch in moved])
                    await asyncio.sleep(chance.random() * 0.1)
                connection.terminate()  # as a kill leaves it: whatever was under way is neither here nor there
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
            clock.at += PAST_THE_LEASE
        async with service.workplace.connected() as connection:
            for _ in range(200):
                clock.at += timedelta(minutes=10)
                await settle_all(sender_to(service, {HOST: receiver}, clock), connection)
                found = (await service.get(f"/v1/webhooks/{webhook_id}")).json()
                if not found["deliveries"]["pending"]:
                    break
    told = [
        row["sequence"]
        for row in await service.fetch("SELECT sequence FROM webhook_deliveries WHERE state = 'delivered'")
    ]
    assert found["deliveries"]["dead"] == found["deliveries"]["pending"] == 0
    for watch, revision in revisions.items():
        taken = effects[str(watch)]
        assert taken == sorted(set(taken)), "in order, and none twice"
        assert (taken[-1] if taken else 0) == revision, "the present state is known"
    assert {f"evt_GD-HR_{sequence}" for sequence in told} <= seen
    assert await proved(service) >= {f"evt_GD-HR_{sequence}" for sequence in told}


async def proved(service: Service) -> set[str]:
    rows = await service.fetch(
        "SELECT e.id, e.at, s.private FROM ledger_entries e JOIN ledger_secrets s ON s.entry_id = e.id AND s.at = e.at"
        " WHERE e.action = 'events_told'"
    )
    found: set[str] = set()
    for row in rows:
        cipher = ledger_cipher(service.workplace.secrecy, row["at"])
        private = json.loads(cipher.open(row["private"], private_context(UUID(str(row["id"])))))
        found |= {proof["id"] for proof in private["told"]}
    return found
