"""Requests and responses of the trends, and of the checks behind a figure."""

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from blacklist_service.checks.rules import Decision
from blacklist_service.checks.schemas import CheckItem
from blacklist_service.supervision.trends import MOST_MONTHS
from blacklist_service.web.paging import Page, PageQuery
from blacklist_service.web.wire import Instant, Parameters, Response, text


class UnitMonthResponse(Response):
    agency: str
    block: int
    flag: int
    clear: int


class CourtMonthResponse(Response):
    court: str
    acts: int = Field(description="publications, corrections, deletions, withdrawals")
    dated: int = Field(description="those with a decision's date")
    in_time: int = Field(description="within 3 working days of it")
    late_removals: int = Field(description="due in the month, and late or still on the list")


class MonthResponse(Response):
    first: date = Field(alias="from")
    last: date = Field(alias="to", description="today where the month is not over")
    agencies: list[UnitMonthResponse] = Field(description="those that asked")
    courts: list[CourtMonthResponse] = Field(description="those that acted, or should have")


class Months(Response):
    items: list[MonthResponse]


class MonthsQuery(Parameters):
    months: Annotated[int, Field(ge=1, le=MOST_MONTHS)] = 6


class SupervisedQuery(PageQuery):
    """All filters that are given must match. `from` is inclusive, `to` exclusive."""

    agency: Annotated[str, *text(64)]
    from_: Instant | None = Field(None, alias="from")
    to: Instant | None = None
    matter: Annotated[str, *text(64)] | None = None
    decision: Decision | None = None


class SupervisedPage(Page[CheckItem]):
    pass


class SupervisedCheck(CheckItem):
    """A check as recorded, and what the unit did with the answer; it names nobody."""

    agency: str
    reason: str | None = Field(description="that the unit gave with its outcome")
    said_at: datetime | None
    leaf_index: int | None = Field(description="its place in the log; null while it is not sealed")
