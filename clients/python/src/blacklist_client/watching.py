"""Watches and their events, and how a stream of server-sent events is read. Without I/O."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from blacklist_client.models import Decision

MOST_LINE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchOpened:
    """That a question is kept open: `watch_id` is the check's own id."""

    watch_id: UUID
    until: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    watch_id: UUID
    state: Literal["open", "closed"]
    latest_check_id: UUID
    """The newest answer: the check's own, or a recheck's."""
    matter: str
    reference: str
    decision: Decision
    revision: int
    tell: Literal["decision", "matches"]
    until: date
    after_outcome: bool
    opened_at: datetime
    closed_at: datetime | None
    cause: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchList:
    items: list[Watch]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchPage:
    items: list[Watch]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchEvent:
    """What changed, without a name, a number or a listing: `recorded(event.check_id)` has them, and is on record.

    `type` is `watch.decision_changed`, `watch.matches_changed`, `watch.ended`, `check.listing_withdrawn`, or one of a
    newer service: pass over what you do not know. The same `sequence` may be told twice.
    """

    sequence: int
    at: datetime
    type: str
    watch_id: UUID | None
    revision: int | None
    check_id: UUID
    reference: str
    matter: str
    before: Decision | None
    after: Decision | None
    list_version: int | None
    notices_version: int | None
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    items: list[WatchEvent]
    next: int
    """What `after` is to be next."""
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    last: int
    acknowledged: int


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event of a stream. `data` is its text, `id` the last that was said."""

    name: str
    data: str
    id: str | None


class EventReader:
    """Takes a stream in pieces of any size and gives its events (HTML Living Standard §9.2.6)."""

    def __init__(self) -> None:
        self._rest = b""
        self._name = ""
        self._data: list[str] = []
        self._id: str | None = None

    def feed(self, piece: bytes) -> Iterator[ServerSentEvent]:
        """Raise `ValueError` where it is no such stream."""
        self._rest += piece
        *lines, self._rest = self._rest.split(b"\n")
        if len(self._rest) > MOST_LINE_BYTES:
            raise ValueError("a line does not end")
        for line in lines:
            yield from self._take(line.rstrip(b"\r").decode("utf-8"))

    def _take(self, line: str) -> Iterator[ServerSentEvent]:
        if not line:
            if self._data:
                yield ServerSentEvent(self._name or "message", "\n".join(self._data), self._id)
            self._name, self._data = "", []
            return
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._name = value
        elif name == "id":
            self._id = value
