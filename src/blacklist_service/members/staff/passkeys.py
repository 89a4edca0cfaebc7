"""Passkeys (Web Authentication Level 2): a device that verified its user proves two factors at once.

They are bound to a host name: on an IP address they do not work, and one-time codes remain. A challenge travels through the
browser sealed, so that no worker stores anything; once answered, it is stored and cannot be answered again.
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
"""The options for the browser, as JSON, and what is needed to verify its answer."""


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """The host that passkeys are for, and the only origin that may use them."""

    host: str
    origin: str

    @classmethod
    def of(cls, origin: str) -> Self | None:
        """Return None if browsers support no passkeys there: on an IP address, and without TLS except on `localhost`."""
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
    """A device's credential, as stored."""

    credential_id: bytes
    credential: bytes
    sign_count: int


def ask_to_register(
    party: RelyingParty, *, account_id: str, login: str, known: Sequence[bytes] = ()
) -> PasskeyChallenge:
    """Options for a new passkey: it must verify its user, and be discoverable without a login. They contain no person's
    name.
    """
    user = PublicKeyCredentialUserEntity(id=account_id.encode(), name=login, display_name=login)
    options, state = party.server.register_begin(
        user,
        [_descriptor(one) for one in known],
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return dict(options)["publicKey"], dict(state)


def ask_to_prove(party: RelyingParty, known: Sequence[bytes] = ()) -> PasskeyChallenge:
    """Options for one of `known`, or for any passkey of this host that the person picks."""
    options, state = party.server.authenticate_begin(
        [_descriptor(one) for one in known] or None, user_verification=UserVerificationRequirement.REQUIRED
    )
    return dict(options)["publicKey"], dict(state)


def read_registration(party: RelyingParty, state: dict[str, Any], answer: str) -> Passkey | None:
    """Return the new passkey; None if the answer is invalid, or has another host or challenge or an unverified user."""
    try:
        made = party.server.register_complete(state, RegistrationResponse.from_dict(_parsed(answer)))
    except _NO_ANSWER:
        return None
    data = made.credential_data
    return None if data is None else Passkey(data.credential_id, bytes(data), made.counter)


def credential_id_of(answer: str) -> bytes | None:
    """The passkey that an answer claims; nothing is proved yet."""
    try:
        return AuthenticationResponse.from_dict(_parsed(answer)).raw_id
    except _NO_ANSWER:
        return None


def read_proof(party: RelyingParty, state: dict[str, Any], answer: str, passkey: Passkey) -> int | None:
    """Return the device's new signature counter if it proved its user just now; None if it did not, or if the counter went
    back, which means that the key was cloned.
    """
    try:
        response = AuthenticationResponse.from_dict(_parsed(answer))
        party.server.authenticate_complete(state, [AttestedCredentialData(passkey.credential)], response)
    except _NO_ANSWER:
        return None
    count = response.response.authenticator_data.counter
    return None if (count or passkey.sign_count) and count <= passkey.sign_count else count


async def use_up(connection: Connection, state: dict[str, Any], *, now: datetime) -> bool:
    """Return whether this challenge is answered for the first time."""
    digest = hashlib.sha256(websafe_decode(state["challenge"])).digest()
    status = await connection.execute(
        "INSERT INTO staff_challenges (challenge_sha256, at) VALUES ($1, $2) ON CONFLICT DO NOTHING", digest, now
    )
    return status.endswith(" 1")


async def find_passkey(connection: Connection, credential_id: bytes) -> tuple[str, Passkey] | None:
    """The owner of a passkey, and what is stored of it."""
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
"""The exceptions that the library raises for an invalid answer."""
