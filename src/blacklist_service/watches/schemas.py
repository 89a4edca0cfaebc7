"""Requests and responses of watches and events."""

from datetime import date, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue

from blacklist_service.checks.rules import Decision, Tell
from blacklist_service.watches.rules import Cause, EventType
from blacklist_service.web.paging import LARGEST_PAGE, USUAL_PAGE, Page, PageQuery
from blacklist_service.web.wire import LegalDate, OperatorName, Parameters, Request, Response, text

MOST_OPENED = 1000
LARGEST_SEQUENCE = 2**62


EXAMPLE_EVENT: dict[str, JsonValue] = {
    "sequence": 8841,
    "at": "2018-06-01T02:11:09.120031Z",
    "type": "watch.decision_changed",
    "watch_id": "0197c9a5-7c00-7000-8000-000000000002",
    "revision": 1,
    "check_id": "0197d1b2-1000-7000-8000-000000000007",
    "reference": "GD-2018-0412-001",
    "matter": "civil_service_recruitment",
    "before": "clear",
    "after": "block",
    "list_version": 48377,
    "notices_version": 12,
    "cause": "list",
}


class TermsRequest(Request):
    model_config = ConfigDict(json_schema_extra={"examples": [{"until": "2018-12-31", "tell": "matches"}]})

    until: LegalDate = Field(description="the last day; at most 400 days from now")
    tell: Tell = Field(
        Tell.DECISION, description="`matches`: also when what matched changes, and the decision does not"
    )
    after_outcome: bool = Field(False, description="goes on after a final outcome")
    operator: OperatorName | None = None


class WatchesRequest(TermsRequest):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"check_ids": ["0197c9a5-7c00-7000-8000-000000000002"], "until": "2018-12-31"}]}
    )

    check_ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST_OPENED)]


class WatchClosureRequest(Request):
    model_config = ConfigDict(json_schema_extra={"examples": [{"operator": "wang.li"}]})

    operator: OperatorName | None = None


class EventsAcknowledgementRequest(Request):
    model_config = ConfigDict(json_schema_extra={"examples": [{"through": 8841}]})

    through: int = Field(ge=0, le=LARGEST_SEQUENCE, description="the sequence of the last event that was taken in")
    operator: OperatorName | None = None


class WatchResponse(Response):
    watch_id: UUID = Field(description="that of the check whose question it is")
    state: Literal["open", "closed"]
    latest_check_id: UUID = Field(description="the newest answer: the check's own, or a recheck's")
    matter: str
    reference: str
    decision: Decision
    revision: int = Field(description="of its last event; 0 before the first")
    tell: Tell
    until: date
    after_outcome: bool
    opened_at: datetime
    closed_at: datetime | None
    cause: Cause | None = Field(description="why it ended")


class WatchList(Response):
    items: list[WatchResponse]


class WatchPage(Page[WatchResponse]):
    pass


class EventResponse(Response):
    """What changed, without a name, a number or a listing: `GET /v1/checks/{check_id}` has them, and is recorded."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_EVENT]})

    sequence: int
    at: datetime
    type: EventType
    watch_id: UUID | None
    revision: int | None = Field(description="rises with each event of a watch")
    check_id: UUID = Field(description="the recheck; of `check.listing_withdrawn` the check that rested on it")
    reference: str
    matter: str
    before: Decision | None
    after: Decision | None
    list_version: int | None
    notices_version: int | None
    cause: Cause


class EventPage(Response):
    items: list[EventResponse]
    next: int = Field(description="what `after` is to be next")
    more: bool

    @classmethod
    def of(cls, found: list[EventResponse], *, after: int, limit: int) -> Self:
        """Of up to `limit` + 1 events after `after`: whether there is one more says `more`."""
        shown = found[:limit]
        return cls(items=shown, next=shown[-1].sequence if shown else after, more=len(found) > limit)


class FeedResponse(Response):
    last: int = Field(description="the sequence of the newest event")
    acknowledged: int


class WatchQuery(PageQuery):
    state: Literal["open", "closed"] | None = None
    reference: Annotated[str, *text(200)] | None = None


class EventQuery(Parameters):
    after: Annotated[int, Field(ge=0, le=LARGEST_SEQUENCE)] | None = Field(
        None, description="the sequence of the last event you have; default: the last one acknowledged"
    )
    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE)] = USUAL_PAGE
