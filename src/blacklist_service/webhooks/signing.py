"""Signatures of Standard Webhooks 1.0: `v1` by the endpoint's own secret, `v1a` by the service's Ed25519 key. Pure.

Both sign `id.timestamp.body`, with the exact bytes of the body. `v1` is for the holder of the secret, and is what the
official libraries verify; `v1a` lets a third party verify that the service sent it, without being able to forge it.
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from blacklist_service.secrecy import Secrecy

SECRET_PREFIX, PUBLIC_PREFIX = "whsec_", "whpk_"
SECRET_BYTES = 32
"""24 to 64 by the specification."""


@dataclass(frozen=True)
class SigningKey:
    """The service's own key for webhooks, derived from its secret key and used for nothing else."""

    private: Ed25519PrivateKey

    @classmethod
    def of(cls, secrecy: Secrecy) -> "SigningKey":
        return cls(Ed25519PrivateKey.from_private_bytes(secrecy.webhook_seed))

    @cached_property
    def public(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @cached_property
    def public_text(self) -> str:
        """As Standard Webhooks writes it."""
        return PUBLIC_PREFIX + base64.b64encode(self.public).decode()

    @cached_property
    def public_pem(self) -> str:
        """For `openssl pkeyutl -verify -pubin -rawin`."""
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    @cached_property
    def key_id(self) -> str:
        return hashlib.sha256(self.public).hexdigest()[:16]


def new_secret() -> bytes:
    return os.urandom(SECRET_BYTES)


def secret_text(secret: bytes) -> str:
    return SECRET_PREFIX + base64.b64encode(secret).decode()


def signed_headers(
    message_id: str, body: bytes, *, at: datetime, secrets: Iterable[bytes], key: SigningKey
) -> Mapping[str, str]:
    """The three headers of one try; `secrets` are those that sign, the newest first."""
    timestamp = str(int(at.timestamp()))
    content = f"{message_id}.{timestamp}.".encode() + body
    signatures = [f"v1,{_base64(hmac.digest(secret, content, 'sha256'))}" for secret in secrets]
    signatures.append(f"v1a,{_base64(key.private.sign(content))}")
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": " ".join(signatures)}


def _base64(signature: bytes) -> str:
    return base64.b64encode(signature).decode()
