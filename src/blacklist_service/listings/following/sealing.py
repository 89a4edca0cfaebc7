"""Pages sealed for a follower: HPKE (RFC 9180) in base mode, X25519, HKDF-SHA256, AES-256-GCM. Pure.

An intermediary sees how much changes, but not whom it concerns. A page can only be opened by the follower that requested it,
and only as the answer to that request. That the page comes from the other installation is guaranteed by TLS and the list's
signed statement.
"""

import base64
import binascii
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from blacklist_service.secrecy import SecretKeyError, read_private_text

SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
KEY_BYTES = 32


def context_of(*, origin: str, member: str, after: int, next_: int, list_version: int) -> bytes:
    """The request that a page answers."""
    return f"blacklist-service.follow/v1\n{origin}\n{member}\n{after}\n{next_}\n{list_version}\n".encode()


def seal_page(page: bytes, public_key: bytes, context: bytes) -> bytes:
    return SUITE.encrypt(page, X25519PublicKey.from_public_bytes(public_key), info=context)


def open_page(sealed: bytes, private_key: X25519PrivateKey, context: bytes) -> bytes:
    """Raise `SecretKeyError` for a page that is sealed for another follower, or answers another request."""
    try:
        return SUITE.decrypt(sealed, private_key, info=context)
    except (InvalidTag, ValueError):
        raise SecretKeyError(
            "a page does not open: it is not sealed for this key, or answers another question"
        ) from None


def read_public_key(text: str) -> bytes:
    """32 bytes in base64; raise `ValueError` otherwise."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(
            "a follower's public key is 32 bytes in base64, as 'blacklist-service follower-key' prints them"
        )
    return key


def load_private_key(path: Path) -> X25519PrivateKey:
    """The follower's own key, created if there is none. Raise `SecretKeyError` if others can read it."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(X25519PrivateKey.generate().private_bytes_raw()) + b"\n")
            file.flush()
            os.fsync(file.fileno())
    try:
        return X25519PrivateKey.from_private_bytes(base64.b64decode(read_private_text(path).strip(), validate=True))
    except ValueError:
        raise SecretKeyError(f"{path} does not hold a follower's key") from None


def public_text(private_key: X25519PrivateKey) -> str:
    return base64.b64encode(private_key.public_key().public_bytes_raw()).decode()
