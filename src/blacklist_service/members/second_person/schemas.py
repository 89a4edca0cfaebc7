"""Requests and responses of reviews and of the courts' options."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from blacklist_service.members.second_person.rules import CourtAct, ReviewFinding
from blacklist_service.web.paging import Page, PageQuery
from blacklist_service.web.wire import Explanation, OperatorName, Request, Response


class ReviewRequest(Request):
    model_config = ConfigDict(json_schema_extra={"examples": [{"finding": "in_order"}]})

    finding: ReviewFinding
    note: Explanation | None = Field(None, description="needed where something is not in order")
    operator: OperatorName | None = None


class ReviewResponse(Response):
    review_id: UUID
    act: CourtAct
    listing_id: UUID | None
    notice_id: UUID | None
    version: int | None
    made_by: str
    maker: str | None
    made_at: datetime
    due_on: date
    is_overdue: bool
    is_own: bool
    reviewed_by: str | None
    reviewer: str | None
    reviewed_at: datetime | None
    finding: ReviewFinding | None
    note: str | None


class ReviewPage(Page[ReviewResponse]):
    pass


class ReviewQuery(PageQuery):
    state: Literal["open", "done"] = "open"


class OptionsResponse(Response):
    member: str
    options: dict[CourtAct, int] = Field(description="how many people each act of its accounts needs")


class OptionsRequest(Request):
    """Acts that are not named keep their setting. `delete`, `withdraw`, `release`, `suspend` and `contest` take effect at
    once: never 2.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"options": {"extend": 1}}]})

    options: dict[CourtAct, Annotated[int, Field(ge=1, le=2)]]
