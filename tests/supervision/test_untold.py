"""The committee sees which units were not told of something, and until when the others were."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from blacklist_service.cli.doctoring import examine_telling
from blacklist_service.database.connections import Connection, connect
from blacklist_service.telemetry import UNTOLD_SECONDS
from blacklist_service.webhooks.forgetting import forget
from tests.support import Service, day
from tests.webhooks.receiver import Clock, change, failing, happen, open_hook, receiving, sender_to, settle_all


async def test_who_was_not_told_is_named_until_he_is(service: Service, connection: Connection):
    await happen(connection, change(), change(), change(member="GD-EDU"))
    assert await untold(service) == {"GD-HR": (2, 0), "GD-EDU": (1, 0)}
    await grow_old(service)
    assert await untold(service) == {"GD-HR": (2, 2), "GD-EDU": (1, 1)}
    found = await examine_telling(connection)
    assert found.fault is not None
    assert "3 of them for more than an hour: GD-EDU, GD-HR" in found.fault
    acknowledged = await service.post("/v1/watch-events/acknowledgement", {"through": 1})
    assert acknowledged.status_code == 200, acknowledged.text
    assert await untold(service) == {"GD-HR": (1, 1), "GD-EDU": (1, 1)}
    await service.post("/v1/watch-events/acknowledgement", {"through": 2})
    assert await untold(service, late=True) == {"GD-EDU": (1, 1)}


async def test_what_an_endpoint_took_is_told_and_what_waits_for_it_is_not(service: Service, connection: Connection):
    await open_hook(service)
    clock = Clock()
    async with receiving() as receiver:
        sender = sender_to(service, {"gw.guandu.example": receiver}, clock)
        await settle_all(sender, connection)
        await happen(connection, change(), change())
        await settle_all(sender, connection)
        assert await untold(service) == {}
        receiver.reply = failing(500)
        watch = uuid4()
        await happen(connection, change(watch, 1))
        await settle_all(sender, connection)
        await happen(connection, change(watch, 2))
        clock.at += timedelta(minutes=1)
        await settle_all(sender, connection)
        assert await untold(service) == {"GD-HR": (1, 0)}, "what was superseded is told by what waits in its place"
        for _ in range(8):
            clock.at += timedelta(hours=1)
            await settle_all(sender, connection)
        await grow_old(service)
        await sender.tend(connection)
        [unit] = (await service.get("/v1/supervision/untold", key="auditor")).json()["items"]
        assert [(one["state"], one["failing_since"] is not None) for one in unit["webhooks"]] == [("failing", True)]
        assert UNTOLD_SECONDS.labels("GD-HR")._value.get() > 3600
        receiver.reply = None
        clock.at += timedelta(days=1)
        await settle_all(sender, connection)
        await sender.tend(connection)
        assert UNTOLD_SECONDS.labels("GD-HR")._value.get() == 0
        assert (await examine_telling(connection)).fault is None
    assert await connection.fetchval("SELECT through FROM webhook_told WHERE member_code = 'GD-HR'") == 4
    card = await service.get("/v1/supervision/scorecard", key="auditor", **{"from": day(-3), "to": day()})
    figures = {one["agency"]: one["events"] for one in card.json()["agencies"]}
    assert (figures["GD-HR"]["events"], figures["GD-HR"]["told"]) == (4, 4)
    assert figures["GD-EDU"] == {"events": 0, "told": 0, "median_seconds": None}


async def test_what_was_told_long_ago_is_forgotten_and_is_told_all_the_same(service: Service, connection: Connection):
    await open_hook(service)
    clock = Clock()
    async with receiving() as receiver:
        sender = sender_to(service, {"gw.guandu.example": receiver}, clock)
        await settle_all(sender, connection)
        await happen(connection, change(), change())
        await settle_all(sender, connection)
        await sender.tend(connection)
    await forget(connection, at=clock.at + timedelta(days=91))
    assert await connection.fetchval("SELECT count(*) FROM webhook_deliveries") == 0
    assert await untold(service) == {}


async def grow_old(service: Service) -> None:
    """As if three hours had passed since the events: the owner alone can change them."""
    owner = await connect(service.workplace.dsn, role=None)
    try:
        await owner.execute("UPDATE watch_events SET at = at - interval '3 hours'")
    finally:
        await owner.close()


async def untold(service: Service, **query: Any) -> dict[str, tuple[int, int]]:
    shown = await service.get("/v1/supervision/untold", key="auditor", **query)
    assert shown.status_code == 200, shown.text
    return {one["agency"]: (one["events"], one["late"]) for one in shown.json()["items"]}


@pytest.fixture
async def connection(service: Service) -> AsyncIterator[Connection]:
    async with service.workplace.connected() as connection:
        yield connection
