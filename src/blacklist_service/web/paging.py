"""Pages by an opaque cursor that carries its filters, so that a page can only be continued with the filters it began with."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, Self, TypeVar
from uuid import UUID

import orjson
from pydantic import Field

from blacklist_service.problems import FieldError, InvalidRequest
from blacklist_service.web.wire import Parameters, Response, text

LARGEST_PAGE = 500
USUAL_PAGE = 100
LARGEST_ID = UUID(int=2**128 - 1)
"""Where a list with the newest id first begins."""

T = TypeVar("T")
R = TypeVar("R")


class PageQuery(Parameters):
    """Paging parameters. A list's own filters are fields of its query class."""

    cursor: Annotated[str, *text(400)] | None = None
    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE)] = USUAL_PAGE

    def before(self, filters: Any) -> UUID:
        """The id before which the page begins, in a list with the newest first. Raises as `read_cursor` does."""
        return read_place(self.cursor, filters) if self.cursor else LARGEST_ID


class FeedQuery(Parameters):
    """Paging parameters of a feed whose reader keeps the number up to which it has read."""

    after: Annotated[int, Field(ge=0, lt=2**63)] = 0
    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE)] = USUAL_PAGE


class Page(Response, Generic[T]):
    items: list[T]
    next: str | None

    @classmethod
    def of(
        cls,
        items: Sequence[T],
        query: PageQuery,
        place: Callable[[Any], list[Any]],
        filters: Any,
        *,
        read: Sequence[Any] | None = None,
    ) -> Self:
        """Build the page. A page that is not full is the last; otherwise the next one begins at the `place` of its last item.

        `read` is what was read for the page, where the items are fewer or do not know their places.
        """
        end = next_cursor(items if read is None else read, query.limit, place, filters)
        return cls(items=list(items), next=end)


def next_cursor(read: Sequence[R], limit: int, place: Callable[[R], list[Any]], filters: Any) -> str | None:
    """The cursor of the page after the one for which `read` was read; None if that was the last."""
    return None if len(read) < limit else make_cursor(place(read[-1]), filters)


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
