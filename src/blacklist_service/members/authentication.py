"""Proving who asks. A credential is remembered for half a second, so that a revoked key is refused within one.

A known key with a wrong secret and an unknown key take the same path: one look into the database, one comparison.
"""

import hmac
import time
from collections import OrderedDict

from blacklist_service import clock
from blacklist_service.access.principals import Principal
from blacklist_service.database.lanes import Lane, LaneLost
from blacklist_service.members.queries import Credential, find_credential
from blacklist_service.members.rules import read_key
from blacklist_service.problems import Unauthenticated, Undetermined

FRESH_SECONDS = 0.5
REMEMBERED_KEYS = 4096
BEARER = "bearer "
NO_SECRET = bytes(32)


class Authenticator:
    """Turns an `Authorization` header into a principal, or raises `Unauthenticated`; `Undetermined` past the deadline."""

    def __init__(self, dsn: str, *, deadline_seconds: float) -> None:
        self._lane = Lane(dsn)
        self._deadline_seconds = deadline_seconds
        self._remembered: OrderedDict[str, tuple[float, Credential]] = OrderedDict()

    async def authenticate(self, authorization: str | None) -> Principal:
        if authorization is None or authorization[: len(BEARER)].lower() != BEARER:
            raise Unauthenticated
        presented = read_key(authorization[len(BEARER) :].strip())
        if presented is None:
            raise Unauthenticated
        credential = self._recall(presented.key_id)
        if credential is None or not hmac.compare_digest(credential.secret_sha256, presented.secret_sha256):
            credential = await self._load(presented.key_id)
        return _prove(credential, presented.secret_sha256)

    def close(self) -> None:
        self._lane.terminate()

    def _recall(self, key_id: str) -> Credential | None:
        remembered = self._remembered.get(key_id)
        if remembered is None or time.monotonic() - remembered[0] > FRESH_SECONDS:
            return None
        return remembered[1]

    async def _load(self, key_id: str) -> Credential | None:
        asked_at = time.monotonic()
        try:
            credential = await self._lane.run(
                lambda connection: find_credential(connection, key_id), timeout_seconds=self._deadline_seconds
            )
        except LaneLost:
            raise Undetermined("the database did not answer in time") from None
        if credential is None:
            self._remembered.pop(key_id, None)
            return None
        self._remembered[key_id] = (asked_at, credential)
        self._remembered.move_to_end(key_id)
        if len(self._remembered) > REMEMBERED_KEYS:
            self._remembered.popitem(last=False)
        return credential


def _prove(credential: Credential | None, secret_sha256: bytes) -> Principal:
    kept = credential.secret_sha256 if credential else NO_SECRET
    is_right = hmac.compare_digest(kept, secret_sha256)
    if credential is None or not is_right or not credential.is_valid_at(clock.now()):
        raise Unauthenticated
    return credential.principal
