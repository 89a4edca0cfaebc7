"""Old events are deleted once they were told, never before; the feed then begins later and has no gap."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from blacklist_service.clock import now
from blacklist_service.database.connections import Connection, connect
from blacklist_service.watches.rules import EVENTS_KEPT, UNTOLD_EVENTS_KEPT, EventType
from blacklist_service.webhooks import forgetting
from blacklist_service.webhooks.forgetting import forget
from blacklist_service.webhooks.queries import advance_told
from tests.support import Service
from tests.webhooks.receiver import change, failing, happen, open_hook, receiving, sender_to, settle_all

HOST, OTHER_HOST = "gw.guandu.example", "edu.guandu.example"
DAY = timedelta(days=1)


async def test_what_is_not_told_hides_nothing_that_may_go(
    service: Service, connection: Connection, monkeypatch: pytest.MonkeyPatch
):
    """The unit of the first deliveries never takes what it is told first of; its neighbour's are forgotten all the same."""
    monkeypatch.setattr(forgetting, "AT_ONCE", 2)
    await open_hook(service, types=["watch.decision_changed"])
    await open_hook(service, OTHER_HOST, key="other agency")
    async with receiving() as receiver, receiving() as other:
        sender = sender_to(service, {HOST: receiver, OTHER_HOST: other})
        await settle_all(sender, connection)
        await happen(connection, change(kind=EventType.ENDED, after=None), *[change() for _ in range(8)])
        await settle_all(sender, connection)
        await happen(connection, *[change(member="GD-EDU") for _ in range(5)])
        await settle_all(sender, connection)
    await advance_told(connection)
    await forget(connection, at=now() + 91 * DAY)
    rows = await connection.fetch(
        "SELECT member_code, count(*) AS left FROM webhooks w JOIN webhook_deliveries d"
        " ON d.webhook_id = w.id GROUP BY member_code"
    )
    assert {row["member_code"]: row["left"] for row in rows} == {"GD-HR": 8}


async def test_told_events_go_after_their_time_and_a_reader_who_is_behind_is_told_where_the_feed_begins(
    service: Service, connection: Connection
):
    await happen(connection, *[change() for _ in range(6)])
    await service.post("/v1/watch-events/acknowledgement", {"through": 4})
    assert await forget(connection, at=now() + EVENTS_KEPT - DAY) == 0
    assert await forget(connection, at=now() + EVENTS_KEPT + DAY) == 4
    for after in (0, 3):
        refused = await service.get("/v1/watch-events", after=after)
        assert (refused.status_code, refused.json()["code"], refused.json()["forgotten"]) == (
            410,
            "events-forgotten",
            4,
        )
    streamed = await service.client.get(
        "/v1/watch-events/stream", headers=service.bearer("agency") | {"Last-Event-ID": "3"}
    )
    assert (streamed.status_code, streamed.json()["forgotten"]) == (410, 4)
    for path in ("/v1/watch-events", "/v1/watch-events?after=4"):
        page = (await service.get(path)).json()
        assert [one["sequence"] for one in page["items"]] == [5, 6]
    await happen(connection, change())
    assert [one["sequence"] for one in (await service.get("/v1/watch-events", after=5)).json()["items"]] == [6, 7]


async def test_an_event_that_nobody_took_is_kept_for_years(service: Service, connection: Connection):
    await happen(connection, change(), change())
    await service.post("/v1/watch-events/acknowledgement", {"through": 1})
    await happen(connection, change())
    assert await forget(connection, at=now() + UNTOLD_EVENTS_KEPT - DAY) == 1
    assert await sequences(connection) == [2, 3]
    assert await forget(connection, at=now() + UNTOLD_EVENTS_KEPT + DAY) == 2
    refused = await service.get("/v1/watch-events")  # it acknowledged one: two it never had
    assert (refused.status_code, refused.json()["forgotten"]) == (410, 3)
    assert (await service.get("/v1/watch-events", after=3)).json()["items"] == []


async def test_one_that_is_too_young_keeps_all_after_it(service: Service, connection: Connection):
    """However times lie: an event goes with all before it, or stays."""
    await happen(connection, *[change() for _ in range(3)])
    await service.post("/v1/watch-events/acknowledgement", {"through": 3})
    await as_of(service, 1, now() - 500 * DAY)
    await as_of(service, 3, now() - 500 * DAY)
    assert await forget(connection, at=now()) == 1
    assert await sequences(connection) == [2, 3]


async def test_what_waits_for_an_endpoint_is_kept_though_it_was_acknowledged(service: Service, connection: Connection):
    webhook_id, _ = await open_hook(service)
    async with receiving() as receiver:
        sender = sender_to(service, {HOST: receiver})
        await settle_all(sender, connection)
        await happen(connection, change())
        await settle_all(sender, connection)
        receiver.reply = failing(503)
        await happen(connection, change(uuid4()), change(uuid4()))
        await settle_all(sender, connection)
    await service.post("/v1/watch-events/acknowledgement", {"through": 3})
    assert await forget(connection, at=now() + EVENTS_KEPT + DAY) == 1
    assert await sequences(connection) == [2, 3]
    for start, status in ((1, 422), (2, 202)):
        assert (await service.post(f"/v1/webhooks/{webhook_id}/replay", {"from": start})).status_code == status


async def sequences(connection: Connection) -> list[int]:
    return [row["sequence"] for row in await connection.fetch("SELECT sequence FROM watch_events ORDER BY sequence")]


async def as_of(service: Service, sequence: int, at: datetime) -> None:
    """The owner alone can change an event."""
    owner = await connect(service.workplace.dsn, role=None)
    try:
        await owner.execute("UPDATE watch_events SET at = $2 WHERE sequence = $1", sequence, at)
    finally:
        await owner.close()


@pytest.fixture
async def connection(service: Service) -> AsyncIterator[Connection]:
    async with service.workplace.connected() as connection:
        yield connection
