"""Shares of the service: each kind of request has connections of its own, so that one kind cannot starve another.

Revoking a key, and a court's acts and heartbeat, have connections that nothing else may take. Large reads are limited for
each key, and refused with 429 above the limit.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fastapi import Depends

from blacklist_service.access.principals import Principal
from blacklist_service.database.connections import Pool, create_pool
from blacklist_service.database.servers import Server
from blacklist_service.problems import TooManyRequests
from blacklist_service.settings import Settings
from blacklist_service.web.anteroom import Anteroom
from blacklist_service.web.copies import Copies, open_copies
from blacklist_service.web.turns import Turns


class Share(StrEnum):
    """Kinds of requests that must not get in each other's way."""

    ORDINARY = "ordinary"
    SEARCH = "search"
    """Look-ups that may cost the database a search: one at a time for each key; further ones wait."""
    BULK = "bulk"
    """Large reads: one or two at a time for each key; further ones are 429."""
    STREAM = "stream"
    """Answers that are sent as slowly as their reader takes them."""
    BATCH = "batch"
    """Batches of up to a thousand checks; they have lanes of their own, and take no connection here."""
    ACT = "act"
    """A court's acts and its heartbeat."""
    UPLOAD = "upload"
    """A file upload."""
    KEYS = "keys"
    """Revoking a key."""
    LOGIN = "login"
    """Logging in, or choosing a password: the connection is held while the password is hashed, and anybody may ask for it."""


class Taking:
    """Marks a route with the share it takes."""

    def __init__(self, share: Share) -> None:
        self.share = share

    async def __call__(self) -> None:
        """Nothing left to do: the route took its turn before."""


def takes(share: Share) -> Any:
    return Depends(Taking(share))


@dataclass(frozen=True, slots=True)
class _Kind:
    pool: Pool
    turns: Turns
    is_by_member: bool = True


class Shares:
    """The connection pools of a web process, each with its turns."""

    def __init__(self, kinds: dict[Share, _Kind], pools: tuple[Pool, ...], copies: Copies) -> None:
        self.copies = copies
        self._kinds = kinds
        self._pools = pools
        self._refused: dict[str, Anteroom] = {}

    def pool(self, share: Share) -> Pool:
        return self._kinds[share].pool

    @asynccontextmanager
    async def turn(self, share: Share, principal: Principal | None, counts_as: int = 1) -> AsyncIterator[None]:
        """Raise `TooManyRequests` if it is not this key's, or this member's, turn."""
        kind = self._kinds[share]
        holder = "" if principal is None else principal.member if kind.is_by_member else principal.key_id
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(kind.turns.turn(holder, counts_as))
            except TooManyRequests:
                await self.wait_refused(principal)
                raise
            yield

    async def wait_refused(self, principal: Principal | None) -> None:
        """Before it is told that it asks too much: whoever asks again at once must not take the time from those who have
        their turn.
        """
        member = "" if principal is None else principal.member
        await self._refused.setdefault(member, Anteroom(REFUSED_SECONDS_EACH)).wait()

    def terminate(self) -> None:
        for pool in self._pools:
            pool.terminate()
        self.copies.terminate()


REFUSED_SECONDS_EACH = 0.05
WAIT_SECONDS = 5.0
PATIENT_SECONDS = 10.0
RESERVED_FOR_KEYS = 1
RESERVED_FOR_ACTS = 2
READERS = 3
"""How many large reads run at once in a process, whoever asks."""
STREAMS = 4
UPLOADS = 8
BATCHES = 8
"""Small batches, each one transaction; a larger one counts as `LARGE_BATCH`."""
LARGE_BATCH = 2
LOGINS = 2
EVENTS = 2
"""Connections for the streams of notices, besides those of `STREAMS`."""


async def open_shares(dsn: str, settings: Settings, get_primary: Callable[[], Server | None]) -> Shares:
    """Open nothing yet: a pool connects when it is first used. `get_primary`: see `Copies`."""

    async def pool(size: int, *, gives_way: bool = False) -> Pool:
        limit = settings.statement_timeout_ms
        return await create_pool(
            dsn, size=size, statement_timeout_ms=limit, gives_way=gives_way and settings.is_embedded
        )

    ordinary, keys, acts = await pool(settings.pool_size), await pool(RESERVED_FOR_KEYS), await pool(RESERVED_FOR_ACTS)
    readers, streams = await pool(READERS, gives_way=True), await pool(STREAMS + EVENTS, gives_way=True)
    logins = await pool(LOGINS)
    copies = await open_copies(settings, size=STREAMS + READERS, get_primary=get_primary)
    of_each_key = settings.bulk_reads_per_key
    of_each = max(1, settings.pool_size // 2)
    kinds = {
        Share.ORDINARY: _Kind(ordinary, Turns(settings.pool_size, each=of_each, waiting=64, seconds=WAIT_SECONDS)),
        Share.SEARCH: _Kind(readers, Turns(READERS, each=1, waiting=16, seconds=PATIENT_SECONDS)),
        Share.BULK: _Kind(
            readers, Turns(READERS, each=of_each_key, waiting=0, seconds=WAIT_SECONDS), is_by_member=False
        ),
        Share.STREAM: _Kind(
            streams, Turns(STREAMS, each=of_each_key, waiting=0, seconds=WAIT_SECONDS), is_by_member=False
        ),
        Share.UPLOAD: _Kind(ordinary, Turns(UPLOADS, each=2, waiting=0, seconds=WAIT_SECONDS), is_by_member=False),
        Share.BATCH: _Kind(ordinary, Turns(BATCHES, each=BATCHES // 2, waiting=16, seconds=2 * PATIENT_SECONDS)),
        Share.ACT: _Kind(acts, Turns(RESERVED_FOR_ACTS, each=1, waiting=64, seconds=PATIENT_SECONDS)),
        Share.KEYS: _Kind(keys, Turns(RESERVED_FOR_KEYS, each=1, waiting=64, seconds=WAIT_SECONDS)),
        Share.LOGIN: _Kind(logins, Turns(LOGINS, each=LOGINS, waiting=16, seconds=WAIT_SECONDS)),
    }
    pools = (ordinary, keys, acts, readers, streams, logins)
    return Shares(kinds, pools, copies)
