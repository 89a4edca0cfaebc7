"""Proving who asks. A proof is remembered for half a second, so that a revoked key is refused within one.

A known key with a wrong secret and an unknown key take the same path: one look into the database, one comparison.
"""

import asyncio
import hashlib
import hmac
import time

import asyncpg
import structlog

from blacklist_service import clock
from blacklist_service.access.principals import Principal
from blacklist_service.database.lanes import REHEARSED_SECONDS, Lane, LaneLost
from blacklist_service.members.queries import Credential, find_credential
from blacklist_service.members.rules import read_key
from blacklist_service.problems import Unauthenticated, Undetermined

FRESH_SECONDS = 0.5
AGEING_SECONDS = FRESH_SECONDS / 2
REMEMBERED_KEYS = 4096
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
        await self._lane.run(lambda connection: find_credential(connection, ""), timeout_seconds=REHEARSED_SECONDS)

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
        """Requests that need the same key at the same moment look once."""
        looking = self._looking.get(key_id)
        if looking is None:
            looking = self._looking[key_id] = asyncio.ensure_future(self._load(key_id))
            looking.add_done_callback(lambda _: self._looking.pop(key_id, None))
        return await asyncio.shield(looking)

    async def _load(self, key_id: str) -> tuple[float, Credential | None]:
        asked_at = time.monotonic()
        try:
            return asked_at, await self._lane.run(
                lambda connection: find_credential(connection, key_id), timeout_seconds=self._deadline_seconds
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
