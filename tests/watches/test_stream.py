"""The stream of watch events, and a reader that reconnects."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest

from blacklist_service.checks.answers import ListAges
from blacklist_service.watches.tasks import keep_watching
from tests.journeys.test_life_of_a_listing import LISTED, act, publish
from tests.support import Service, day, listening, subject
from tests.watches.following import watched

WHO = subject("张三", LISTED)
PATIENCE_SECONDS = 30


@pytest.fixture
async def worker(service: Service) -> AsyncIterator[None]:
    """The worker's own loop, as `serve` runs it."""
    task = asyncio.create_task(keep_watching(service.workplace.dsn, service.workplace.secrecy, ListAges()))
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def ids_told(port: int, service: Service, most: int, **headers: str) -> list[str]:
    """The lines of so many events, as they come."""
    lines: list[str] = []
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=service.bearer("agency") | headers) as client,
        client.stream("GET", "/v1/watch-events/stream") as answer,
    ):
        assert answer.status_code == 200
        async for line in answer.aiter_lines():
            if line.startswith(("id:", "event:")):
                lines.append(line)
            if len(lines) == 2 * most:
                break
    return lines


async def test_an_event_is_streamed_and_a_reader_goes_on_where_it_was(service: Service, worker: None):
    await watched(service, WHO)
    async with listening(service) as port:
        telling = asyncio.create_task(ids_told(port, service, 1))
        listing = await publish(service)
        assert await telling == ["id: 1", "event: watch.decision_changed"]
        await act(service, listing, "deletion", {"ground": "early_by_decision", "decided_on": day()})
        assert await ids_told(port, service, 1, **{"Last-Event-ID": "1"}) == ["id: 2", "event: watch.decision_changed"]
        assert (await ids_told(port, service, 2))[0] == "id: 1"
        await service.post("/v1/watch-events/acknowledgement", {"through": 1})
        assert (await ids_told(port, service, 1))[0] == "id: 2"


async def test_a_place_that_never_was_is_refused_at_once(service: Service):
    answer = await service.client.get(
        "/v1/watch-events/stream", headers=service.bearer("agency") | {"Last-Event-ID": "7"}
    )
    assert answer.status_code == 410
