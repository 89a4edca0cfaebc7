"""The endpoints' secrets, sealed: whoever has the database alone can sign for none of them."""

from uuid import UUID

from blacklist_service.secrecy import Secrecy

PURPOSE = "webhooks"


def seal_secret(secret: bytes, webhook_id: UUID, secrecy: Secrecy) -> bytes:
    return secrecy.cipher(PURPOSE).seal(secret, webhook_id.bytes)


def open_secret(sealed: bytes, webhook_id: UUID, secrecy: Secrecy) -> bytes:
    """Raise `SecretKeyError` for one that was moved from another webhook."""
    return secrecy.cipher(PURPOSE).open(sealed, webhook_id.bytes)
