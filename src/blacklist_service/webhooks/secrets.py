"""The endpoints' secrets, sealed: with the database alone nobody can sign for any of them."""

from uuid import UUID

from blacklist_service.secrecy import Secrecy

PURPOSE = "webhooks"


def seal_secret(secret: bytes, webhook_id: UUID, secrecy: Secrecy) -> bytes:
    return secrecy.cipher(PURPOSE).seal(secret, webhook_id.bytes)


def open_secret(sealed: bytes, webhook_id: UUID, secrecy: Secrecy) -> bytes:
    """Raise `SecretKeyError` if it was moved here from another webhook."""
    return secrecy.cipher(PURPOSE).open(sealed, webhook_id.bytes)
