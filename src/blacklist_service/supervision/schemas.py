"""Requests and responses of the scorecard."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from blacklist_service.web.wire import LegalDate, Parameters, Response
from blacklist_service.webhooks.waits import State


class CheckFigures(Response):
    matter: str
    block: int = 0
    flag: int = 0
    clear: int = 0


class Override(Response):
    check_id: UUID
    matter: str
    at: datetime
    reason: str


class OutcomeFigures(Response):
    expected: int = Field(description="blocks and flags")
    given: int
    rate: float | None
    median_seconds: float | None
    overdue: int = Field(description="without an outcome past their working days")
    overridden: int
    overrides: list[Override]


class NoticeFigures(Response):
    served: int = 0
    due: int = 0
    in_time: int = 0
    late: int = 0
    escalated: int = 0


class LeadFigures(Response):
    """Leads that units sent to the courts in the period, and what the courts have done with them since."""

    filed: int = 0
    taken_up: int = 0
    closed: int = 0


class ToldFigures(Response):
    """Events of the period: changes that affected a watched question, or an earlier answer."""

    events: int = 0
    told: int = Field(0, description="acknowledged, or taken by an endpoint of the unit")
    median_seconds: float | None = Field(None, description="until an endpoint took it")


class AgencyScore(Response):
    agency: str
    name: str
    checks: int
    by_matter: list[CheckFigures]
    last_check_at: datetime | None = Field(description="ever; null = never asked: that is the finding")
    outcomes: OutcomeFigures
    notices: NoticeFigures
    leads: LeadFigures
    events: ToldFigures


class ActFigures(Response):
    total: int = 0
    dated: int = Field(0, description="those with a decision's date")
    in_time: int = Field(0, description="within 3 working days of it")


class ObjectionFigures(Response):
    filed: int = 0
    decided: int = 0
    in_time: int = 0


class CourtScore(Response):
    court: str
    name: str
    publications: ActFigures
    corrections: ActFigures
    deletions: ActFigures
    withdrawals: ActFigures
    objections: ObjectionFigures
    late_removals: int = Field(description="performed, due for deletion in the days, and late or still on the list")
    leads: LeadFigures


class LateRemoval(Response):
    """A listing without a term that the court knew to be performed and did not delete in time. It names nobody."""

    listing_id: UUID
    court: str
    name: str
    case_number: str
    performed_on: date | None = Field(description="null where only the listing says that it was performed")
    since: date = Field(description="the day on which the court said so")
    due_on: date
    removed_on: date | None
    days_late: int


class LateRemovals(Response):
    items: list[LateRemoval]
    open: int = Field(description="of these, still on the list")


class Scorecard(Response):
    first: date = Field(alias="from")
    last: date = Field(alias="to")
    at: datetime
    agencies: list[AgencyScore]
    courts: list[CourtScore]


class ScorecardQuery(Parameters):
    first: LegalDate = Field(alias="from", description="legal date, included")
    last: LegalDate = Field(alias="to", description="legal date, included")
    format: Literal["json", "csv"] | None = None


class LateRemovalsQuery(Parameters):
    first: LegalDate | None = Field(None, alias="from", description="legal date, included")
    last: LegalDate | None = Field(None, alias="to", description="legal date, included")


class UntoldEndpoint(Response):
    webhook_id: UUID
    state: State
    failing_since: datetime | None


class UntoldUnit(Response):
    agency: str
    name: str
    events: int = Field(description="that it neither acknowledged nor was told of by webhook")
    late: int = Field(description="of these, for more than an hour")
    since: datetime = Field(description="the oldest")
    webhooks: list[UntoldEndpoint] = Field(description="empty: the unit reads its feed, or should")


class UntoldUnits(Response):
    items: list[UntoldUnit]
    late: int = Field(description="events untold for more than an hour, of all units")


class UntoldQuery(Parameters):
    late: bool = Field(False, description="units with events untold for more than an hour alone")
