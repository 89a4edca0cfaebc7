"""Looks up credentials: all that are requested at one moment in one query, known keys before unknown ones."""

import asyncio
import time
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

import asyncpg
import structlog

from blacklist_service.database.connections import Connection
from blacklist_service.database.lanes import REHEARSED_SECONDS, Lane, LaneLost
from blacklist_service.database.servers import Server, server_of
from blacklist_service.members.queries import Credential, find_credentials, list_valid_ids
from blacklist_service.problems import Problem, Undetermined

REMEMBERED_KEYS = 4096
LOOKED_UP_AT_ONCE = 64
LEARN_SECONDS = 60.0


class LookedUp(NamedTuple):
    """What a look-up found: `known_at` in seconds of the monotonic clock; no credential if there is no such key."""

    known_at: float
    credential: Credential | None
    server: Server


Looking = asyncio.Future[LookedUp]

log = structlog.get_logger()


class CredentialLookup:
    """Looks up on a connection of its own, so that authentication does not wait for other requests."""

    def __init__(self, dsn: str, *, deadline_seconds: float) -> None:
        self._lane = Lane(dsn)
        self._deadline_seconds = deadline_seconds
        self._looking: dict[str, Looking] = {}
        self._renewals: dict[str, Looking] = {}
        self._strangers: dict[str, Looking] = {}
        self._known: set[str] = set()
        self._learned_at = -LEARN_SECONDS
        self._work: asyncio.Future[None] | None = None

    async def rehearse(self) -> None:
        """Look for a key that does not exist, so that the first request need not wait for a new connection. Raise `LaneLost`
        if the database does not answer in time.
        """
        await self._lane.run(lambda connection: find_credentials(connection, [""]), timeout_seconds=REHEARSED_SECONDS)

    def close(self) -> None:
        self._lane.terminate()

    async def look_up(self, key_id: str) -> LookedUp:
        """Concurrent requests with the same key look it up once, and all that wait for the lane are looked up together. Raise
        `Undetermined` past the deadline, or if the database cannot answer.
        """
        looking = self._looking.get(key_id)
        if looking is None:
            looking = self._looking[key_id] = asyncio.get_running_loop().create_future()
            (self._renewals if key_id in self._known else self._strangers)[key_id] = looking
            if self._work is None or self._work.done():
                self._work = asyncio.ensure_future(self._look())
        try:
            async with asyncio.timeout(self._deadline_seconds):
                return await asyncio.shield(looking)
        except TimeoutError:
            raise Undetermined("the database did not answer in time") from None

    async def _look(self) -> None:
        """Run until nobody waits: known keys before unknown ones, because anybody can invent any number of the latter."""
        while wanted := self._next():
            await self._learn_ids()
            asked_at = time.monotonic()
            try:
                server, found = await self._find(list(wanted))
            except Problem as problem:
                for key_id, looking in wanted.items():
                    del self._looking[key_id]
                    if not looking.done():
                        looking.set_exception(problem)
                        looking.exception()  # the waiting request may have gone
                continue
            for key_id, looking in wanted.items():
                del self._looking[key_id]
                credential = found.get(key_id)
                if credential is not None:
                    self._remember(key_id)
                if not looking.done():
                    looking.set_result(LookedUp(asked_at, credential, server))

    def _next(self) -> dict[str, Looking]:
        waiting = self._renewals or self._strangers
        wanted = dict(islice(waiting.items(), LOOKED_UP_AT_ONCE))
        for key_id in wanted:
            del waiting[key_id]
        return wanted

    async def _learn_ids(self) -> None:
        """Once a minute, load the ids of all valid keys, so that a key this process has not seen yet counts as known."""
        if time.monotonic() - self._learned_at < LEARN_SECONDS:
            return
        self._learned_at = time.monotonic()
        try:
            ids = await self._lane.run(
                lambda connection: list_valid_ids(connection, REMEMBERED_KEYS), timeout_seconds=self._deadline_seconds
            )
        except (LaneLost, asyncpg.PostgresError) as error:  # then they are learned one by one
            log.warning("keys_not_listed", cause=type(error).__name__)
        else:
            self._known = set(ids)

    def _remember(self, key_id: str) -> None:
        if len(self._known) >= REMEMBERED_KEYS:
            self._known.clear()
        self._known.add(key_id)

    async def _find(self, key_ids: Sequence[str]) -> tuple[Server, dict[str, Credential]]:
        async def find(connection: Connection) -> tuple[Server, dict[str, Credential]]:
            return server_of(connection), await find_credentials(connection, key_ids)

        try:
            return await self._lane.run(find, timeout_seconds=self._deadline_seconds)
        except LaneLost:
            raise Undetermined("the database did not answer in time") from None
        except asyncpg.PostgresError:
            log.exception("key_not_looked_up")
            raise Undetermined("the database could not say whether the key holds") from None
