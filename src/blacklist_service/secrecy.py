"""The installation's one secret and what is derived from it: the digest key, the ciphers, the fingerprint.

Without this key, somebody who has the database can neither read an identifier nor enumerate them: resident IDs have so little
entropy that a plain hash is no protection, so every digest is keyed (trust.md §6).
"""

import base64
import binascii
import os
import stat
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
NONCE_BYTES = 12
OF_GROUP_AND_OTHERS = 0o077
OF_OTHERS_AND_CHANGED_BY_GROUP = 0o037


class SecretKeyError(Exception):
    """The secret key is missing, malformed, or not the one this database was made with."""


class Secrecy:
    """Derives, from the master key, one key for each purpose (HKDF-SHA-256, RFC 5869)."""

    def __init__(self, master: bytes) -> None:
        if len(master) != KEY_BYTES:
            raise SecretKeyError(f"the secret key must be {KEY_BYTES} bytes in base64")
        self._master = master
        self.digest_key = self._derive("digest")
        self.fingerprint = self._derive("fingerprint")[:16]
        """Stored in the database: shows whether this key belongs to the database, and reveals nothing about the key."""
        self.backup_key = self._derive("backup")
        """Proves that a backup was made by a holder of this key."""
        self.webhook_seed = self._derive("webhook-signing")
        """The seed of the Ed25519 key that signs webhook events."""
        self.cipher = lru_cache(maxsize=64)(self._cipher)
        """The cipher for a purpose, such as `listing` or `ledger/2026-11`; a key for each month keeps AES-GCM's random nonces
        far below their limit of 2^32 for each key.
        """

    def __reduce__(self) -> tuple[type["Secrecy"], tuple[bytes]]:
        """For the parsing processes, which are children of the process that has the key."""
        return (Secrecy, (self._master,))

    def _derive(self, purpose: str) -> bytes:
        info = f"blacklist-service/{purpose}".encode()
        return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=info).derive(self._master)

    def _cipher(self, purpose: str) -> "Cipher":
        return Cipher(self._derive(f"cipher/{purpose}"))


class Cipher:
    """AES-256-GCM; a sealed text is nonce ‖ ciphertext ‖ tag, bound to its `context` (the row it belongs to)."""

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def seal(self, plain: bytes, context: bytes, nonce: bytes | None = None) -> bytes:
        """`nonce`, if given, is 12 random bytes that were never used before: a batch draws all of its nonces at once."""
        nonce = nonce or os.urandom(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plain, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Raise `SecretKeyError` when the text was changed, moved to another row, or sealed under another key."""
        try:
            return self._aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)
        except InvalidTag:
            raise SecretKeyError("a sealed value does not open with this key") from None


def parse_key(text: str) -> Secrecy:
    try:
        return Secrecy(base64.b64decode(text.strip(), validate=True))
    except binascii.Error:
        raise SecretKeyError(f"the secret key must be {KEY_BYTES} bytes in base64") from None


def read_private_text(path: Path) -> str:
    """The text of a file that others may not read. The rule is libpq's for key files: readable by its owner only (0600), or
    owned by root and readable by one group (0640), which is how Kubernetes (fsGroup) and Docker mount secrets for a user that
    is not root.

    Raise `SecretKeyError` if others can read it, otherwise whatever reading raises.
    """
    with path.open("r", encoding="ascii") as file:
        status = os.fstat(file.fileno())
        forbidden = OF_OTHERS_AND_CHANGED_BY_GROUP if status.st_uid == 0 else OF_GROUP_AND_OTHERS
        if stat.S_IMODE(status.st_mode) & forbidden:
            may = "640" if status.st_uid == 0 and status.st_gid != 0 else "600"
            raise SecretKeyError(f"the key file {path} is open to others: chmod {may} it")
        return file.read()


def read_key_file(path: Path) -> Secrecy:
    try:
        return parse_key(read_private_text(path))
    except FileNotFoundError:
        raise SecretKeyError(f"the secret key file {path} is missing") from None
    except (OSError, UnicodeDecodeError):
        raise SecretKeyError(f"the secret key file {path} cannot be read") from None


def make_key_file(path: Path) -> Secrecy:
    """Make a new key, readable by its owner only; never overwrite an existing one."""
    key = os.urandom(KEY_BYTES)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(base64.b64encode(key) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return Secrecy(key)


def load(key: str | None, path: Path) -> Secrecy:
    """The key from the environment if given, or else from its file."""
    return parse_key(key) if key else read_key_file(path)
