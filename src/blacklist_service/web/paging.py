"""Pages by an opaque cursor that carries its filters, so that a page can only be continued with the filters it began with."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, Self, TypeVar
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field

from blacklist_service.problems import FieldError, InvalidRequest
from blacklist_service.web.wire import Response, text

LARGEST_PAGE = 500
USUAL_PAGE = 100
LARGEST_ID = UUID(int=2**128 - 1)
"""Where a list with the newest id first begins."""

T = TypeVar("T")


class PageQuery(BaseModel):
    """Paging parameters. A list's own filters are fields of its query class."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    cursor: Annotated[str, *text(400)] | None = None
    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE)] = USUAL_PAGE

    def before(self, filters: Any) -> UUID:
        """The id before which the page begins, in a list with the newest first. Raises as `read_cursor` does."""
        return read_place(self.cursor, filters) if self.cursor else LARGEST_ID


class Page(Response, Generic[T]):
    items: list[T]
    next: str | None

    @classmethod
    def of(cls, items: Sequence[T], query: PageQuery, place: Callable[[T], list[Any]], filters: Any) -> Self:
        """Build the page. A page that is not full is the last; otherwise the next one begins after its last item."""
        is_last = len(items) < query.limit
        return cls(items=list(items), next=None if is_last else make_cursor(place(items[-1]), filters))


def make_cursor(position: list[Any], filters: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([_fingerprint(filters), position])).decode().rstrip("=")


def read_cursor(cursor: str, filters: Any) -> list[Any]:
    """Raise `InvalidRequest` for a cursor that is forged, or was begun with other filters."""
    try:
        fingerprint, position = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, TypeError):
        raise _refusal("not a cursor of this service") from None
    if fingerprint != _fingerprint(filters):
        raise _refusal("this cursor belongs to other filters")
    if not isinstance(position, list):
        raise _refusal("not a cursor of this service")
    return position


def read_text(cursor: str, filters: Any) -> str:
    """The text with which a page ended; raise `InvalidRequest` as `read_cursor` does."""
    match read_cursor(cursor, filters):
        case [str(text)] if "\0" not in text:
            return text
    raise _refusal("not a cursor of this service")


def read_place(cursor: str, filters: Any) -> UUID:
    """The id with which a page of ids ended; raise `InvalidRequest` as `read_cursor` does."""
    try:
        [place] = read_cursor(cursor, filters)
        return UUID(place)
    except (ValueError, TypeError, AttributeError):
        raise _refusal("not a cursor of this service") from None


def _fingerprint(filters: Any) -> str:
    return hashlib.sha256(orjson.dumps(filters, option=orjson.OPT_SORT_KEYS, default=str)).hexdigest()[:16]


def _refusal(message: str) -> InvalidRequest:
    return InvalidRequest(errors=[FieldError("cursor", "cursor", message)])
