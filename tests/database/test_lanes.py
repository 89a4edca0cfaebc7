"""A lane whose connection takes longer to open than its work may wait."""

import asyncio

import pytest

from blacklist_service.database.connections import Connection
from blacklist_service.database.lanes import Lane, LaneLost

PATIENCE_SECONDS = 30.0


async def one(connection: Connection) -> int:
    number: int = await connection.fetchval("SELECT 1")
    return number


async def test_what_takes_longer_to_open_than_anybody_waits_is_open_in_the_end(dsn: str) -> None:
    rehearsed: list[int] = []

    async def slowly(connection: Connection) -> None:
        rehearsed.append(connection.get_server_pid())
        await connection.execute("SELECT pg_sleep(0.7)")

    lane = Lane(dsn, rehearse=slowly)
    refused = 0
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                assert await lane.run(one, timeout_seconds=0.1) == 1
            except LaneLost:
                refused += 1
            else:
                break
    assert refused > 1
    assert len(rehearsed) == 1
    lane.terminate()


async def test_a_connection_that_cannot_be_rehearsed_serves_nobody(dsn: str) -> None:
    is_broken = True

    async def fail(connection: Connection) -> None:
        if is_broken:
            await connection.execute("SELECT 1/0")

    lane = Lane(dsn, rehearse=fail)
    with pytest.raises(Exception, match="division by zero"):
        await lane.run(one, timeout_seconds=PATIENCE_SECONDS)
    is_broken = False
    assert await lane.run(one, timeout_seconds=PATIENCE_SECONDS) == 1
    lane.terminate()


async def test_a_lane_ended_while_it_opens_leaves_no_session(dsn: str) -> None:
    begun = asyncio.Event()

    async def slowly(connection: Connection) -> None:
        begun.set()
        await connection.execute("SELECT pg_sleep(60)")

    lane = Lane(dsn, rehearse=slowly)
    work = asyncio.create_task(lane.run(one, timeout_seconds=PATIENCE_SECONDS))
    await begun.wait()
    lane.terminate()
    with pytest.raises((LaneLost, asyncio.CancelledError)):
        await work
