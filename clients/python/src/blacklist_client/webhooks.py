"""Verifies webhooks by Standard Webhooks: `v1` (HMAC-SHA-256) and `v1a` (Ed25519)."""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from blacklist_client.ed25519 import is_signed_by
from blacklist_client.errors import NotUnderstood, Unverified
from blacklist_client.reading import parse

TOLERANCE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Delivered:
    """A verified webhook. The same `id` may arrive twice; process it only once."""

    id: str
    type: str
    data: Mapping[str, Any]
    sent_at: float
    """When this try was sent: seconds since 1970."""


class Webhook:
    """Verifies webhooks with the secret (`whsec_…`) or the public key (`whpk_…`) of the endpoint.

    Pass one or several, as during a rotation. Raise `ValueError` if one is invalid.
    """

    def __init__(self, *secrets: str) -> None:
        if not secrets:
            raise ValueError("a webhook is verified by its secret, or by the service's public key for webhooks")
        self._secrets = [_secret(one, "whsec_") for one in secrets if not one.startswith("whpk_")]
        self._publics = [_secret(one, "whpk_") for one in secrets if one.startswith("whpk_")]
        if any(len(one) != 32 for one in self._publics):
            raise ValueError("an Ed25519 public key has 32 bytes")

    def verify(self, body: bytes, headers: Mapping[str, str], *, now: float | None = None) -> Delivered:
        """Raise `Unverified` unless exactly these bytes were signed, within five minutes of `now`."""
        given = {name.lower(): value for name, value in headers.items()}
        try:
            id_, stamp, signatures = (given[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
        except KeyError as missing:
            raise Unverified(f"the header {missing.args[0]} is missing") from None
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 16):
            raise Unverified("webhook-timestamp is no instant")
        if abs((time.time() if now is None else now) - int(stamp)) > TOLERANCE_SECONDS:
            raise Unverified("it was signed at another time: a replay, or a clock that is wrong")
        message = f"{id_}.{stamp}.".encode() + body
        if not any(self._is_signed(one, message) for one in signatures.split(" ")):
            raise Unverified("no signature is ours")
        return _delivered(id_, float(stamp), body)

    def _is_signed(self, signature: str, message: bytes) -> bool:
        version, _, encoded = signature.partition(",")
        try:
            content = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            return False
        if version == "v1":
            made = (hmac.digest(secret, message, hashlib.sha256) for secret in self._secrets)
            return any(hmac.compare_digest(one, content) for one in made)
        return version == "v1a" and any(is_signed_by(public, content, message) for public in self._publics)


def _secret(text: str, prefix: str) -> bytes:
    try:
        content = base64.b64decode(text.removeprefix(prefix), validate=True)
    except (binascii.Error, ValueError):
        content = b""
    if not content:
        raise ValueError(f"not a webhook's secret: {prefix} and base64")
    return content


def _delivered(id_: str, sent_at: float, body: bytes) -> Delivered:
    try:
        said = parse(body)
    except NotUnderstood:
        said = None
    if not isinstance(said, dict) or not isinstance(said.get("type"), str) or not isinstance(said.get("data"), dict):
        raise Unverified("signed, but no event")
    return Delivered(id_, said["type"], said["data"], sent_at)
