"""A webhook is approved and verified; then each event is delivered, signed, and recorded."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from blacklist_service.clock import now
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.operations import ledger_cipher, private_context
from blacklist_service.watches.rules import FEW, EventType
from blacklist_service.webhooks import sender as sender_module
from blacklist_service.webhooks.deliveries import list_open
from blacklist_service.webhooks.rules import HEAD_START, due_from
from blacklist_service.webhooks.waits import LEASE, WIDEST
from tests.support import Service
from tests.webhooks.receiver import (
    Clock,
    Receiver,
    change,
    failing,
    happen,
    open_hook,
    receiving,
    sender_to,
    settle_all,
    take,
    withdrawn,
)

HOST = "gw.guandu.example"


async def test_an_endpoint_proves_itself_and_is_told_in_order_with_proof(
    service: Service, connection: Connection, receiver: Receiver
):
    webhook_id, receiver.secret = await open_hook(service)
    sender = sender_to(service, {HOST: receiver})
    await settle_all(sender, connection)
    assert (await read(service, webhook_id))["state"] == "active"
    [challenge] = receiver.bodies
    assert set(challenge) == {"type", "timestamp", "data"}
    watch, check = uuid4(), uuid4()
    await happen(connection, change(watch, 1), withdrawn(check))
    await settle_all(sender, connection)
    await happen(connection, change(watch, 2, after="clear"))
    await settle_all(sender, connection)
    assert [(one["type"], one["data"]["sequence"], one["data"]["after"]) for one in receiver.told] == [
        ("watch.decision_changed", 1, "block"),
        ("check.listing_withdrawn", 2, None),
        ("watch.decision_changed", 3, "clear"),
    ]
    [headers, *_] = [headers for headers, body in receiver.requests if b"decision_changed" in body]
    assert headers["webhook-id"] == "evt_GD-HR_1"
    feed = (await service.get("/v1/watch-events", after=0)).json()["items"]
    assert [one["data"] for one in receiver.told] == feed
    figures = (await read(service, webhook_id))["deliveries"]
    assert figures == {"pending": 0, "delivered": 3, "superseded": 0, "dead": 0}
    proofs = await proofs_of(service)
    assert [one["sequence"] for one in feed] == [1, 2, 3]
    assert {proof["id"] for proof in proofs} == {f"evt_GD-HR_{number}" for number in (1, 2, 3)}
    sent = {hashlib.sha256(body).hexdigest() for _, body in receiver.requests}
    assert all(proof["sha256"] in sent and proof["status"] == 204 for proof in proofs)


async def test_one_that_answers_without_the_echo_is_told_nothing(
    service: Service, connection: Connection, receiver: Receiver
):
    clock = Clock()
    webhook_id, _ = await open_hook(service)
    for reply in (failing(204), failing(200), echo_of({"challenge": "another"}), echo_of(["challenge"]), failing(302)):
        receiver.reply = reply
        await settle_all(sender_to(service, {HOST: receiver}, clock), connection)
        clock.at += timedelta(hours=10)
    await happen(connection, change())
    await settle_all(sender_to(service, {HOST: receiver}, clock), connection)
    found = await read(service, webhook_id)
    assert (found["state"], found["failures"], receiver.told) == ("verifying", 6, [])
    receiver.reply = take
    await service.post(f"/v1/webhooks/{webhook_id}/test", {})  # nobody waits for the next try
    await settle_all(sender_to(service, {HOST: receiver}, clock), connection)
    assert (await read(service, webhook_id))["state"] == "active"
    assert len(receiver.told) == 1


async def test_no_challenge_follows_an_approval_that_is_gone_by_then(
    service: Service, connection: Connection, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    """It was read, and ended before anything was sent: as a failover may end it too."""
    webhook_id, _ = await open_hook(service)

    async def list_then_close(*args: Any, **values: Any) -> Any:
        found = await list_open(*args, **values)
        await service.post(f"/v1/webhooks/{webhook_id}/closure", {})
        return found

    monkeypatch.setattr(sender_module, "list_open", list_then_close)
    await settle_all(sender_to(service, {HOST: receiver}), connection)
    assert receiver.requests == []


async def test_two_senders_post_one_challenge_and_another_follows_one_that_was_killed(
    service: Service, connection: Connection, receiver: Receiver
):
    webhook_id, _ = await open_hook(service)
    clock = Clock()
    killed = sender_to(service, {HOST: receiver}, clock)
    await killed.round(connection)
    await killed.stop()
    receiver.requests.clear()
    sender = sender_to(service, {HOST: receiver}, clock)
    await settle_all(sender, connection)
    assert receiver.requests == []
    clock.at += LEASE + timedelta(seconds=1)
    await settle_all(sender, connection)
    assert [body["type"] for body in receiver.bodies] == ["webhook.verification"]
    assert (await read(service, webhook_id))["state"] == "active"


async def test_what_a_single_act_changed_goes_before_a_files_many(
    service: Service, connection: Connection, receiver: Receiver
):
    """It was recorded last, and is among the first that are begun; of one watch, what was before it still goes before."""
    webhook_id, receiver.secret = await open_hook(service)
    sender = sender_to(service, {HOST: receiver})
    await settle_all(sender, connection)
    many = [change() for _ in range(3 * WIDEST)]
    await happen(connection, *many)
    await happen(connection, change(many[-1].watch_id, 2, kind=EventType.ENDED, after=None), change())
    await sender.round(connection)
    begun = await connection.fetch("SELECT sequence FROM webhook_deliveries WHERE tries > 0 ORDER BY sequence")
    assert [one["sequence"] for one in begun] == [*range(1, WIDEST), len(many) + 2]
    await settle_all(sender, connection)
    told = [one["data"]["sequence"] for one in receiver.told]
    assert sorted(told) == list(range(1, len(many) + 3))
    assert told.index(len(many)) < told.index(len(many) + 1)
    assert (await read(service, webhook_id))["deliveries"]["delivered"] == len(many) + 2


def test_the_head_start_of_few_is_an_hour_and_no_more():
    at = now()
    file, act = [at - timedelta(seconds=2)] * (FEW + 1), [at - timedelta(seconds=1)] * FEW
    assert due_from([*file, *act], at) == [at] * (FEW + 1) + [at - HEAD_START] * FEW
    [later] = due_from([at], at + HEAD_START + timedelta(seconds=1))
    assert later > at


async def test_of_a_watch_the_newest_state_alone_is_told_and_no_end_or_withdrawal_is_lost(
    service: Service, connection: Connection, receiver: Receiver
):
    await open_hook(service)
    clock = Clock()
    sender = sender_to(service, {HOST: receiver}, clock)
    await settle_all(sender, connection)
    receiver.reply = failing(503)
    one, other, check = uuid4(), uuid4(), uuid4()
    await happen(connection, change(one, 1), change(other, 1), withdrawn(check))
    await settle_all(sender, connection)
    await happen(
        connection,
        *[change(one, revision) for revision in range(2, 30)],
        change(one, 30, kind=EventType.MATCHES_CHANGED),
        change(one, 31, kind=EventType.ENDED, after=None),
        withdrawn(check, list_version=2),
    )
    receiver.reply, before = take, len(receiver.told)
    clock.at += timedelta(days=1)
    await settle_all(sender, connection)
    told = receiver.told[before:]
    of_one = [body["data"]["revision"] for body in told if body["data"]["watch_id"] == str(one)]
    assert of_one == [29, 30, 31]
    assert [body["data"]["revision"] for body in told if body["data"]["watch_id"] == str(other)] == [1]
    assert [body["data"]["list_version"] for body in told if body["data"]["check_id"] == str(check)] == [1, 2]


async def test_a_line_is_told_one_at_a_time_and_lines_beside_each_other(
    service: Service, connection: Connection, receiver: Receiver
):
    await open_hook(service)
    sender = sender_to(service, {HOST: receiver})
    await settle_all(sender, connection)
    under_way: dict[str, int] = {}
    most_of_one = 0

    async def slowly(headers: dict[str, str], body: bytes) -> tuple[int, bytes, dict[str, str]]:
        nonlocal most_of_one
        line = json.loads(body)["data"]["watch_id"]
        under_way[line] = under_way.get(line, 0) + 1
        most_of_one = max(most_of_one, *under_way.values())
        await asyncio.sleep(0.05)
        under_way[line] -= 1
        return 204, b"", {}

    receiver.reply, receiver.most_at_once = slowly, 0
    watches = [uuid4() for _ in range(12)]
    kinds = (EventType.DECISION_CHANGED, EventType.ENDED)
    await happen(
        connection, *[change(watch, number, kind=kind) for number, kind in enumerate(kinds) for watch in watches]
    )
    await settle_all(sender, connection)
    assert len(receiver.told) == 24
    assert most_of_one == 1
    assert 1 < receiver.most_at_once <= 8
    for watch in watches:
        told = [body["type"] for body in receiver.told if body["data"]["watch_id"] == str(watch)]
        assert told == [kind.value for kind in kinds]


async def test_one_event_that_is_always_refused_keeps_back_its_own_line_alone(
    service: Service, connection: Connection, receiver: Receiver
):
    await open_hook(service)
    clock = Clock()
    sender = sender_to(service, {HOST: receiver}, clock)
    await settle_all(sender, connection)
    poison = uuid4()

    async def choke(headers: dict[str, str], body: bytes) -> tuple[int, bytes, dict[str, str]]:
        return (500 if str(poison).encode() in body else 204), b"", {}

    receiver.reply = choke
    for _ in range(20):
        await happen(connection, change(poison, kind=EventType.ENDED), change(), change())
        await settle_all(sender, connection)
        clock.at += timedelta(minutes=1)
        await settle_all(sender, connection)
    told = {body["data"]["watch_id"] for body in receiver.told} - {str(poison)}
    assert len(told) == 40
    assert len(receiver.told) < 60


async def test_410_ends_it_at_once_and_an_approval_begins_anew(
    service: Service, connection: Connection, receiver: Receiver
):
    webhook_id, _ = await open_hook(service)
    sender = sender_to(service, {HOST: receiver})
    await settle_all(sender, connection)
    receiver.reply = failing(410)
    await happen(connection, *[change() for _ in range(20)])
    await settle_all(sender, connection)
    found = await read(service, webhook_id)
    assert (found["state"], found["cause"]) == ("disabled", "gone")
    assert len(receiver.told) <= 8
    assert (await service.post(f"/v1/webhooks/{webhook_id}/replay", {"from": 1})).status_code == 409
    receiver.reply, before = take, len(receiver.told)
    again = await service.post(f"/v1/webhooks/{webhook_id}/approval", {}, key="security")
    assert again.json()["state"] == "verifying"
    await asyncio.sleep(0)
    clock = Clock()
    clock.at += timedelta(minutes=5)  # past the leases and the waits of those that were under way
    await settle_all(sender_to(service, {HOST: receiver}, clock), connection)
    assert {body["data"]["sequence"] for body in receiver.told[before:]} == set(range(1, 21))
    actions = [row["action"] for row in await service.fetch("SELECT action FROM ledger_entries ORDER BY at")]
    assert [one for one in actions if one.startswith("webhook")] == [
        *("webhook_opened", "webhook_approved", "webhook_verified", "webhook_disabled"),
        *("webhook_approved", "webhook_verified"),
    ]


async def test_the_last_secret_signs_along_for_72_hours(service: Service, connection: Connection, receiver: Receiver):
    webhook_id, first = await open_hook(service)
    sender = sender_to(service, {HOST: receiver})
    await settle_all(sender, connection)
    rotated = (await service.post(f"/v1/webhooks/{webhook_id}/rotation", {})).json()
    assert rotated["secret"].startswith("whsec_")
    assert rotated["secret"] != first
    for secret in (first, rotated["secret"]):
        receiver.secret = secret
        await happen(connection, change())
        await settle_all(sender, connection)
    await connection.execute("UPDATE webhooks SET last_secret_until = clock_timestamp() - interval '1 second'")
    await happen(connection, change())
    await settle_all(sender, connection)
    signatures = [headers["webhook-signature"].split(" ") for headers, _ in receiver.requests]
    assert [[one.partition(",")[0] for one in signed] for signed in signatures] == [
        *(["v1", "v1a"], ["v1", "v1", "v1a"], ["v1", "v1", "v1a"], ["v1", "v1a"])
    ]


async def test_what_was_told_is_told_again_with_the_same_id_and_bytes(
    service: Service, connection: Connection, receiver: Receiver
):
    webhook_id, _ = await open_hook(service)
    sender = sender_to(service, {HOST: receiver})
    await settle_all(sender, connection)
    watch = uuid4()
    await happen(connection, change(), change(watch, 1))
    await settle_all(sender, connection)
    await happen(connection, change(watch, 2))
    await settle_all(sender, connection)
    first = {headers["webhook-id"]: body for headers, body in receiver.requests}
    before = len(receiver.requests)
    asked = await service.post(f"/v1/webhooks/{webhook_id}/replay", {"from": 1})
    assert (asked.status_code, asked.json()["events"]) == (202, 3)
    await settle_all(sender, connection)
    again = {headers["webhook-id"]: body for headers, body in receiver.requests[before:]}
    assert again == {key: first[key] for key in ("evt_GD-HR_1", "evt_GD-HR_3")}
    for start in (0, 4, "alive", None):
        assert (await service.post(f"/v1/webhooks/{webhook_id}/replay", {"from": start})).status_code == 422


async def test_a_feed_that_jumps_after_a_restore_is_followed(
    service: Service, connection: Connection, receiver: Receiver
):
    webhook_id, _ = await open_hook(service)
    sender = sender_to(service, {HOST: receiver})
    await settle_all(sender, connection)
    await happen(connection, change())
    await settle_all(sender, connection)
    await connection.execute("UPDATE watch_feeds SET last_sequence = 1000000")
    await settle_all(sender, connection)
    assert (await read(service, webhook_id))["through"] == 1_000_000
    await happen(connection, change())
    await settle_all(sender, connection)
    assert [body["data"]["sequence"] for body in receiver.told] == [1, 1_000_001]
    assert (await service.post(f"/v1/webhooks/{webhook_id}/replay", {"from": 1})).json()["events"] == 2


async def test_a_test_says_what_came_back(service: Service, connection: Connection, receiver: Receiver):
    webhook_id, receiver.secret = await open_hook(service)
    sender = sender_to(service, {HOST: receiver})
    await settle_all(sender, connection)
    asked = await service.post(f"/v1/webhooks/{webhook_id}/test", {})
    assert (asked.status_code, asked.json()["test"]["tried_at"]) == (202, None)
    assert (await service.post(f"/v1/webhooks/{webhook_id}/test", {})).status_code == 429
    await settle_all(sender, connection)
    tested = (await read(service, webhook_id))["test"]
    assert (tested["status"], tested["error"]) == (204, None)
    assert receiver.bodies[-1]["type"] == "webhook.test"


async def test_a_closed_one_is_told_nothing_and_has_no_secret(
    service: Service, connection: Connection, receiver: Receiver
):
    webhook_id, _ = await open_hook(service)
    sender = sender_to(service, {HOST: receiver})
    await settle_all(sender, connection)
    await service.post(f"/v1/webhooks/{webhook_id}/closure", {})
    await happen(connection, change())
    await settle_all(sender, connection)
    assert receiver.told == []
    assert await connection.fetchval("SELECT secret IS NULL AND last_secret IS NULL FROM webhooks")
    for act in ("approval", "test", "rotation", "closure"):
        key = "security" if act == "approval" else "agency"
        assert (await service.post(f"/v1/webhooks/{webhook_id}/{act}", {}, key=key)).status_code == 409


async def read(service: Service, webhook_id: str) -> dict[str, Any]:
    found = await service.get(f"/v1/webhooks/{webhook_id}")
    assert found.status_code == 200, found.text
    shown: dict[str, Any] = found.json()
    return shown


async def proofs_of(service: Service) -> list[dict[str, Any]]:
    rows = await service.fetch(
        "SELECT e.id, e.at, s.private FROM ledger_entries e JOIN ledger_secrets s ON s.entry_id = e.id AND s.at = e.at"
        " WHERE e.action = 'events_told' ORDER BY e.at"
    )
    opened = [
        ledger_cipher(service.workplace.secrecy, row["at"]).open(row["private"], private_context(UUID(str(row["id"]))))
        for row in rows
    ]
    return [proof for content in opened for proof in json.loads(content)["told"]]


def echo_of(content: Any) -> Any:
    async def echo(_headers: dict[str, str], _body: bytes) -> tuple[int, bytes, dict[str, str]]:
        return 200, json.dumps(content).encode(), {}

    return echo


@pytest.fixture
async def connection(service: Service) -> AsyncIterator[Connection]:
    async with service.workplace.connected() as connection:
        yield connection


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver
