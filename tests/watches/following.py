"""Runs the worker's rounds at once, so that no test waits for a clock."""

from datetime import timedelta
from typing import Any

import httpx

from blacklist_service.checks.answers import ListAges
from blacklist_service.database.connections import connect
from blacklist_service.database.lanes import SETTINGS
from blacklist_service.listings.calendar import EvenClock
from blacklist_service.watches.tasks import WatchKeeper
from tests.support import Service, day, question

MATTER = "civil_service_recruitment"


def even_clock() -> EvenClock:
    """One that is believed at once."""
    clock = EvenClock()
    clock.is_even = lambda at: True  # type: ignore[method-assign]
    return clock


async def follow(service: Service, *, soft: timedelta | None = None, hard: timedelta | None = None) -> None:
    """Rounds until there is nothing left to do."""
    follower = WatchKeeper(service.workplace.secrecy, ListAges(soft=soft, hard=hard), even_clock())
    connection = await connect(service.workplace.dsn, **SETTINGS)
    try:
        await follower.do_now_and_then(connection)
        while await follower.do_round(connection):
            pass
    finally:
        await connection.close()


async def watched(service: Service, *subjects: Any, key: str = "agency", **values: Any) -> dict[str, Any]:
    """A check that is kept open."""
    watch = {"until": day(100)} | values.pop("watch", {})
    response = await service.post("/v1/checks", question(*subjects, watch=watch, **values), key=key)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def events(service: Service, *, key: str = "agency", after: int = 0) -> list[dict[str, Any]]:
    page = (await service.get("/v1/watch-events", key=key, after=after, limit=500)).json()
    items: list[dict[str, Any]] = page["items"]
    assert [one["sequence"] for one in items] == list(range(after + 1, after + 1 + len(items)))
    return items


def told(event: dict[str, Any]) -> tuple[Any, ...]:
    return event["type"], event["before"], event["after"], event["cause"]


async def put(service: Service, path: str, body: Any, *, key: str = "agency") -> httpx.Response:
    return await service.client.put(path, json=body, headers=service.bearer(key))
