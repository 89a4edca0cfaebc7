"""Proving who asks. A proof is remembered for half a second, so that a revoked key is refused within one.

A known key with a wrong secret and an unknown key take the same path: one look into the database, one comparison.
"""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Sequence
from itertools import islice

import asyncpg
import structlog

from blacklist_service import clock
from blacklist_service.access.principals import Principal
from blacklist_service.database.lanes import REHEARSED_SECONDS, Lane, LaneLost
from blacklist_service.members.queries import Credential, find_credentials, list_valid_ids
from blacklist_service.members.rules import read_key
from blacklist_service.problems import Problem, Unauthenticated, Undetermined

FRESH_SECONDS = 0.5
AGEING_SECONDS = FRESH_SECONDS / 2
REMEMBERED_KEYS = 4096
LOOKED_UP_AT_ONCE = 64
LEARN_SECONDS = 60.0
BEARER = "bearer "
NO_SECRET = bytes(32)

log = structlog.get_logger()


class Authenticator:
    """Turns an `Authorization` header into a principal, or raises `Unauthenticated`; `Undetermined` past the deadline."""

    def __init__(self, dsn: str, *, deadline_seconds: float) -> None:
        self._lane = Lane(dsn)
        self._deadline_seconds = deadline_seconds
        self._proved: dict[bytes, tuple[float, Principal]] = {}
        self._called: set[bytes] = set()
        self._renewing: set[bytes] = set()
        self._looking: dict[str, asyncio.Future[tuple[float, Credential | None]]] = {}
        self._renewals: dict[str, asyncio.Future[tuple[float, Credential | None]]] = {}
        self._strangers: dict[str, asyncio.Future[tuple[float, Credential | None]]] = {}
        self._known: set[str] = set()
        self._learned_at = -LEARN_SECONDS
        self._work: asyncio.Future[None] | None = None

    async def authenticate(self, authorization: str | None) -> Principal:
        if authorization is None:
            raise Unauthenticated
        place = self.place_of(authorization)
        principal = self._recall(place, self._renewing)
        if principal is not None:
            return principal
        self._renewing.add(place)
        try:
            asked_at, principal = await self._prove(authorization)
        except Unauthenticated:
            self._proved.pop(place, None)
            raise
        finally:
            self._renewing.discard(place)
            self._called.discard(place)
        if len(self._proved) >= REMEMBERED_KEYS:
            self._proved.clear()
        self._proved[place] = (asked_at, principal)
        return principal

    def place_of(self, authorization: str) -> bytes:
        """By its digest: what is remembered of a whole header must not be the secret."""
        return hashlib.sha256(authorization.encode("latin-1", "replace")).digest()

    def recall(self, place: bytes) -> Principal | None:
        """Who was proved by that header at most half a second ago. After half of that, None for the first who asks: whoever
        gets nothing proves the header by `authenticate`, and the others need not wait for it.
        """
        principal = self._recall(place, self._called)
        if principal is None:
            self._called.add(place)
        return principal

    def _recall(self, place: bytes, renewing: set[bytes]) -> Principal | None:
        proved = self._proved.get(place)
        if proved is None:
            return None
        age = time.monotonic() - proved[0]
        if age <= AGEING_SECONDS or (age <= FRESH_SECONDS and place in renewing):
            return proved[1]
        return None

    async def rehearse(self) -> None:
        """Look for a key that nobody has, so that the first who asks waits for no new connection. Raise `LaneLost` where
        the database does not answer in time.
        """
        await self._lane.run(lambda connection: find_credentials(connection, [""]), timeout_seconds=REHEARSED_SECONDS)

    def close(self) -> None:
        self._lane.terminate()

    async def _prove(self, authorization: str) -> tuple[float, Principal]:
        """The principal, and since when its credential is known."""
        if authorization[: len(BEARER)].lower() != BEARER:
            raise Unauthenticated
        presented = read_key(authorization[len(BEARER) :].strip())
        if presented is None:
            raise Unauthenticated
        asked_at, credential = await self._look_up(presented.key_id)
        return asked_at, _prove(credential, presented.secret_sha256)

    async def _look_up(self, key_id: str) -> tuple[float, Credential | None]:
        """Requests that need the same key at the same moment look once; all that wait for the lane look together."""
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
        """Until nobody waits: known keys before those that nobody has shown yet, for of these anybody can make any number."""
        while wanted := self._next():
            await self._learn_ids()
            asked_at = time.monotonic()
            try:
                found = await self._find(list(wanted))
            except Problem as problem:
                for key_id, looking in wanted.items():
                    del self._looking[key_id]
                    if not looking.done():
                        looking.set_exception(problem)
                        looking.exception()  # whoever waited may have gone
                continue
            for key_id, looking in wanted.items():
                del self._looking[key_id]
                credential = found.get(key_id)
                if credential is not None:
                    self._remember(key_id)
                if not looking.done():
                    looking.set_result((asked_at, credential))

    def _next(self) -> "dict[str, asyncio.Future[tuple[float, Credential | None]]]":
        waiting = self._renewals or self._strangers
        wanted = dict(islice(waiting.items(), LOOKED_UP_AT_ONCE))
        for key_id in wanted:
            del waiting[key_id]
        return wanted

    async def _learn_ids(self) -> None:
        """Once a minute, the ids of all keys that hold: one that this process has not seen yet is no stranger's."""
        if time.monotonic() - self._learned_at < LEARN_SECONDS:
            return
        self._learned_at = time.monotonic()
        try:
            ids = await self._lane.run(
                lambda connection: list_valid_ids(connection, REMEMBERED_KEYS), timeout_seconds=self._deadline_seconds
            )
        except (LaneLost, asyncpg.PostgresError) as error:  # they are learned singly then
            log.warning("keys_not_listed", cause=type(error).__name__)
        else:
            self._known = set(ids)

    def _remember(self, key_id: str) -> None:
        if len(self._known) >= REMEMBERED_KEYS:
            self._known.clear()
        self._known.add(key_id)

    async def _find(self, key_ids: Sequence[str]) -> dict[str, Credential]:
        try:
            return await self._lane.run(
                lambda connection: find_credentials(connection, key_ids), timeout_seconds=self._deadline_seconds
            )
        except LaneLost:
            raise Undetermined("the database did not answer in time") from None
        except asyncpg.PostgresError:
            log.exception("key_not_looked_up")
            raise Undetermined("the database could not say whether the key holds") from None


def _prove(credential: Credential | None, secret_sha256: bytes) -> Principal:
    kept = credential.secret_sha256 if credential else NO_SECRET
    is_right = hmac.compare_digest(kept, secret_sha256)
    if credential is None or not is_right or not credential.is_valid_at(clock.now()):
        raise Unauthenticated
    return credential.principal
