"""Responses for a follower."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from blacklist_service.web.paging import LARGEST_PAGE, USUAL_PAGE
from blacklist_service.web.wire import Response


class SealedChangesQuery(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    after: Annotated[int, Field(ge=0, lt=2**63)] = 0
    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE)] = USUAL_PAGE


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
