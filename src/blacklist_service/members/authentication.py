"""Authentication. A proof is cached for half a second, so that a revoked key is refused within one second.

A known key with a wrong secret and an unknown key take the same path: one database look-up, one comparison.
"""

import hashlib
import hmac
import time
from dataclasses import dataclass

from blacklist_service import clock
from blacklist_service.access.principals import Principal
from blacklist_service.members.lookups import REMEMBERED_KEYS, CredentialLookup
from blacklist_service.members.queries import Credential
from blacklist_service.members.rules import read_key
from blacklist_service.problems import Unauthenticated
from blacklist_service.web.fencing import note_reading

FRESH_SECONDS = 0.5
AGEING_SECONDS = FRESH_SECONDS / 2
BEARER = "bearer "
NO_SECRET = bytes(32)


@dataclass(slots=True)
class KeyProof:
    """Whom a header authenticates, and since when that is known. When the proof is ageing, the first request with that header
    proves it again; meanwhile it remains valid for the others.
    """

    known_at: float
    principal: Principal
    is_sent_for: bool = False
    """A request was already told to prove it again."""
    is_being_renewed: bool = False

    def holds(self, *, renewed_by_another: bool) -> bool:
        age = time.monotonic() - self.known_at
        return age <= AGEING_SECONDS or (renewed_by_another and age <= FRESH_SECONDS)


class Authenticator:
    """Turns an `Authorization` header into a principal, or raises `Unauthenticated`; `Undetermined` past the deadline."""

    def __init__(self, dsn: str, *, deadline_seconds: float) -> None:
        self._lookup = CredentialLookup(dsn, deadline_seconds=deadline_seconds)
        self._proofs: dict[bytes, KeyProof] = {}

    async def authenticate(self, authorization: str | None) -> Principal:
        if authorization is None:
            raise Unauthenticated
        place = self.place_of(authorization)
        proof = self._proofs.get(place)
        if proof is not None:
            if proof.holds(renewed_by_another=proof.is_being_renewed):
                return proof.principal
            proof.is_being_renewed = True
        try:
            known_at, principal = await self._prove(authorization)
        except Unauthenticated:
            self._proofs.pop(place, None)
            raise
        finally:
            if proof is not None:
                proof.is_sent_for = proof.is_being_renewed = False
        if len(self._proofs) >= REMEMBERED_KEYS:
            self._proofs.clear()
        self._proofs[place] = KeyProof(known_at, principal)
        return principal

    def place_of(self, authorization: str) -> bytes:
        """The cache key: a digest, so that no secret is kept in memory."""
        return hashlib.sha256(authorization.encode("latin-1", "replace")).digest()

    def recall(self, place: bytes) -> Principal | None:
        """The principal that this header proved at most half a second ago. After half of that, None for the first caller: a
        caller that gets None calls `authenticate`, and the others need not wait for it.
        """
        proof = self._proofs.get(place)
        if proof is None:
            return None
        if proof.holds(renewed_by_another=proof.is_sent_for):
            return proof.principal
        proof.is_sent_for = True
        return None

    def has_proved(self, authorization: str | None) -> bool:
        """Whether that header was valid when it was last looked up, however long ago."""
        return authorization is not None and self.place_of(authorization) in self._proofs

    async def rehearse(self) -> None:
        """Open the connection before the first request. Raise `LaneLost` if the database does not answer in time."""
        await self._lookup.rehearse()

    def close(self) -> None:
        self._lookup.close()

    async def _prove(self, authorization: str) -> tuple[float, Principal]:
        """The principal, and since when its credential is known."""
        if authorization[: len(BEARER)].lower() != BEARER:
            raise Unauthenticated
        presented = read_key(authorization[len(BEARER) :].strip())
        if presented is None:
            raise Unauthenticated
        found = await self._lookup.look_up(presented.key_id)
        try:
            return found.known_at, _prove(found.credential, presented.secret_sha256)
        except Unauthenticated:  # it may say that a key was revoked
            note_reading(found.server)
            raise


def _prove(credential: Credential | None, secret_sha256: bytes) -> Principal:
    kept = credential.secret_sha256 if credential else NO_SECRET
    is_right = hmac.compare_digest(kept, secret_sha256)
    if credential is None or not is_right or not credential.is_valid_at(clock.now()):
        raise Unauthenticated
    return credential.principal
