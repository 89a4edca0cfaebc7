"""Wakes open event streams within a second of a change, by one small query for all of them together."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import structlog

from blacklist_service.database.connections import Connection, Pool
from blacklist_service.problems import Undetermined
from blacklist_service.web.transactions import borrowed

LOOK_SECONDS = 0.3

log = structlog.get_logger()


class LookOut:
    """Polls a version while anybody waits for it; without waiters it costs nothing. The version only rises, unless a failover
    loses the newest.
    """

    def __init__(self, pool: Pool, get_version: Callable[[Connection], Awaitable[int]]) -> None:
        self._pool = pool
        self._get_version = get_version
        self._waiting = 0
        self._version = 0
        self._moved = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def moved_past(self, version: int, *, timeout_seconds: float) -> bool:
        """Wait until the version is above `version`; return False on timeout."""
        self._waiting += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look())
        try:
            async with asyncio.timeout(timeout_seconds):
                while self._version <= version:
                    await self._moved.wait()
        except TimeoutError:
            return False
        else:
            return True
        finally:
            self._waiting -= 1

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _look(self) -> None:
        idle_rounds = 0
        while idle_rounds < 10:
            idle_rounds = 0 if self._waiting else idle_rounds + 1
            try:
                async with borrowed(self._pool, within_seconds=LOOK_SECONDS * 3, is_noted=False) as connection:
                    version = await self._get_version(connection)
            except (Undetermined, asyncpg.PostgresError) as error:
                log.warning("version_not_seen", cause=type(error).__name__)
            else:
                if version != self._version:
                    self._version = version
                    moved, self._moved = self._moved, asyncio.Event()
                    moved.set()
            await asyncio.sleep(LOOK_SECONDS)
