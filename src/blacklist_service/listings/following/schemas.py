"""Responses for a follower."""

from pydantic import Field

from blacklist_service.web.wire import Response


class SealedPage(Response):
    origin: str = Field(description="the name of this installation's log")
    member: str = Field(description="whom the page is sealed for")
    next: int
    list_version: int
    more: bool
    sealed: str = Field(
        description="base64 of the items, sealed by HPKE (X25519, HKDF-SHA256, AES-256-GCM) for the member's registered key; "
        "`info` is `blacklist-service.follow/v1`, origin, member, `after`, `next` and `list_version`, each ended by a newline"
    )
