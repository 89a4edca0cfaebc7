"""Passkeys (Web Authentication Level 2): a device that verified its user proves two factors at once.

They are bound to a host's name: on an IP address there are none, and one-time codes stay. What the browser is asked travels
through it sealed, so that no worker keeps anything; a challenge that was answered once is kept, and answers no second time.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Any, Self
from urllib.parse import urlsplit

import asyncpg
import orjson
from fido2.server import Fido2Server
from fido2.utils import websafe_decode
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from blacklist_service.database.connections import Connection

NAME = "失信核查"
LARGEST_ANSWER = 16 * 1024
LOCALHOST = "localhost"

PasskeyChallenge = tuple[dict[str, Any], dict[str, Any]]
"""What the browser is asked, as JSON, and what is needed to read its answer."""


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """The host that passkeys are for, and the one origin from which they are used."""

    host: str
    origin: str

    @classmethod
    def of(cls, origin: str) -> Self | None:
        """None where browsers have no passkeys: at an IP address, and without TLS but on `localhost`."""
        parts = urlsplit(origin)
        host = parts.hostname or ""
        is_secure = parts.scheme == "https" or host == LOCALHOST
        return cls(host, origin) if is_secure and host and not _is_address(host) else None

    @property
    def server(self) -> Fido2Server:
        party = PublicKeyCredentialRpEntity(id=self.host, name=NAME)
        return Fido2Server(party, verify_origin=lambda origin: origin == self.origin)


@dataclass(frozen=True, slots=True)
class Passkey:
    """A device's credential, as it is kept."""

    credential_id: bytes
    credential: bytes
    sign_count: int


def ask_to_register(
    party: RelyingParty, *, account_id: str, login: str, known: Sequence[bytes] = ()
) -> PasskeyChallenge:
    """For a new passkey: one that verifies its user, and is found without a login being typed. Names no one's name."""
    user = PublicKeyCredentialUserEntity(id=account_id.encode(), name=login, display_name=login)
    options, state = party.server.register_begin(
        user,
        [_descriptor(one) for one in known],
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return dict(options)["publicKey"], dict(state)


def ask_to_prove(party: RelyingParty, known: Sequence[bytes] = ()) -> PasskeyChallenge:
    """For one of `known`, or for whichever passkey of this host the person picks."""
    options, state = party.server.authenticate_begin(
        [_descriptor(one) for one in known] or None, user_verification=UserVerificationRequirement.REQUIRED
    )
    return dict(options)["publicKey"], dict(state)


def read_registration(party: RelyingParty, state: dict[str, Any], answer: str) -> Passkey | None:
    """The new passkey; None for an answer that is none, or of another host, challenge or unverified user."""
    try:
        made = party.server.register_complete(state, RegistrationResponse.from_dict(_parsed(answer)))
    except _NO_ANSWER:
        return None
    data = made.credential_data
    return None if data is None else Passkey(data.credential_id, bytes(data), made.counter)


def credential_id_of(answer: str) -> bytes | None:
    """Which passkey an answer says it is by: nothing is proved yet."""
    try:
        return AuthenticationResponse.from_dict(_parsed(answer)).raw_id
    except _NO_ANSWER:
        return None


def read_proof(party: RelyingParty, state: dict[str, Any], answer: str, passkey: Passkey) -> int | None:
    """The device's new count of signatures where it proved its user just now; None where it did not, or where its count
    went back: then there are two of it.
    """
    try:
        response = AuthenticationResponse.from_dict(_parsed(answer))
        party.server.authenticate_complete(state, [AttestedCredentialData(passkey.credential)], response)
    except _NO_ANSWER:
        return None
    count = response.response.authenticator_data.counter
    return None if (count or passkey.sign_count) and count <= passkey.sign_count else count


async def use_up(connection: Connection, state: dict[str, Any], *, now: datetime) -> bool:
    """Whether this challenge is answered for the first time."""
    digest = hashlib.sha256(websafe_decode(state["challenge"])).digest()
    status = await connection.execute(
        "INSERT INTO staff_challenges (challenge_sha256, at) VALUES ($1, $2) ON CONFLICT DO NOTHING", digest, now
    )
    return status.endswith(" 1")


async def find_passkey(connection: Connection, credential_id: bytes) -> tuple[str, Passkey] | None:
    """Whose it is, and what is kept of it."""
    row = await connection.fetchrow(
        "SELECT staff, credential_id, credential, sign_count FROM staff_passkeys WHERE credential_id = $1",
        credential_id,
    )
    return None if row is None else (row["staff"], _passkey(row))


async def list_ids(connection: Connection, account_id: str) -> list[bytes]:
    rows = await connection.fetch("SELECT credential_id FROM staff_passkeys WHERE staff = $1", account_id)
    return [row["credential_id"] for row in rows]


def _passkey(row: asyncpg.Record) -> Passkey:
    return Passkey(row["credential_id"], row["credential"], row["sign_count"])


def _descriptor(credential_id: bytes) -> PublicKeyCredentialDescriptor:
    return PublicKeyCredentialDescriptor(type=PublicKeyCredentialType.PUBLIC_KEY, id=credential_id)


def _parsed(answer: str) -> dict[str, Any]:
    if len(answer) > LARGEST_ANSWER:
        raise ValueError("too long")
    parsed = orjson.loads(answer)
    if not isinstance(parsed, dict):
        raise TypeError("no object")
    return parsed


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


_NO_ANSWER = (ValueError, TypeError, KeyError, AttributeError, IndexError)
"""What the library raises for what is no answer, or a wrong one."""
