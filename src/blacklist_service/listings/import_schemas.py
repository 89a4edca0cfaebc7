"""Requests and responses of imports."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from blacklist_service.web.paging import Page, PageQuery
from blacklist_service.web.wire import Parameters, Response

ImportState = Literal["queued", "running", "awaiting_confirmation", "done", "failed", "cancelled"]


class ImportQuery(Parameters):
    mode: Literal["upsert", "snapshot"] = "upsert"
    dry_run: bool = False
    preview: bool = Field(
        False, description="say what would become of each row, and wait until it is confirmed; of accounts always"
    )


class ImportsQuery(PageQuery):
    state: ImportState | None = None


class ImportRowsQuery(PageQuery):
    status: Literal["rejected", "warned"] = "rejected"


class QueuedResponse(Response):
    import_id: UUID
    state: ImportState


class CountsResponse(Response):
    total: int
    created: int
    corrected: int
    ended: int
    unchanged: int
    rejected: int
    warned: int


class FindingResponse(Response):
    code: str
    count: int = Field(description="rows that have it; of a finding about the file, 1")
    example_row: int | None = Field(description="the first of the rows, as the worksheet or the file counts them")
    sheet: str | None = Field(description="the worksheet it is about, or that the example is on")
    zh: str
    en: str


class PlanResponse(Response):
    """As counts; an import that would end more than 1 % or change more than 5 % of them waits for a second person."""

    in_force: int
    absent: int
    ended: int
    changed: int
    rejected: int


class ImportSummaryResponse(Response):
    import_id: UUID
    state: ImportState
    mode: Literal["upsert", "snapshot"]
    dry_run: bool
    is_preview: bool
    progress: float
    total: int
    list_version: int | None
    file_name: str | None
    operator: str | None
    is_own: bool
    queued_at: datetime
    finished_at: datetime | None


class ImportPage(Page[ImportSummaryResponse]):
    pass


class ImportResponse(Response):
    import_id: UUID
    state: ImportState
    mode: Literal["upsert", "snapshot"]
    dry_run: bool
    progress: float
    rows: CountsResponse
    absent: int = Field(description="listings that a snapshot lacked")
    list_version: int | None
    unknown_columns: list[str]
    findings: list[FindingResponse] = Field(
        description="what a person should know of the file and its rows, in words; a dry run tells it before a load"
    )
    format: str | None
    file_sha256: str | None
    problem: str | None = Field(description="why it failed: where the file stopped being readable")
    queued_at: datetime
    finished_at: datetime | None
    file_name: str | None
    is_preview: bool = Field(description="it waits until it is confirmed, whatever it holds")
    needs_another: bool = Field(description="while it waits: another than its sender confirms it")
    is_own: bool
    plan: PlanResponse | None = Field(description="what it would do to the court's listings in force")
    has_moved: bool = Field(description="the court's list has changed since the preview: have it made anew")
    has_rows: bool = Field(description="its rows lie ready, to be compared with the list")


class RowResponse(Response):
    row: int = Field(description="as the worksheet counts, or the file")
    sheet: str | None = None
    column: str | None
    code: str
    message: str


class RowAboutOthersResponse(RowResponse):
    """A row that concerns other listings of the same debtor in the case, as for `possible-duplicate`."""

    listing_ids: list[UUID]


class RowPage(Page[RowAboutOthersResponse | RowResponse]):
    pass


Fate = Literal["created", "corrected", "ended", "unchanged", "rejected"]


class FatesQuery(PageQuery):
    fate: Fate | None = None
    warned: bool = False


class ChangeOfRowResponse(Response):
    """A field of the listing, as a dotted path; numbers are masked."""

    field: str
    before: Any
    after: Any


class SentenceResponse(Response):
    code: str
    zh: str
    en: str


class FateResponse(Response):
    row: int = Field(description="as the worksheet counts, or the file")
    sheet: str | None
    fate: Fate
    case_number: str | None
    debtor_name: str | None
    identifier_masked: str | None
    listing_id: UUID | None = Field(description="of a preview's new row: the listing that it would become")
    refusal: SentenceResponse | None
    column: str | None
    warnings: list[SentenceResponse]
    other_listings: list[UUID]
    changes: list[ChangeOfRowResponse] = Field(description="of a corrected row: what it changes in its listing")


class AbsentResponse(Response):
    """A listing that is missing from a snapshot, and would be ended."""

    listing_id: UUID
    case_number: str
    debtor_name: str
    identifier_masked: str | None
    published_on: date
    expires_on: date | None


class AbsentPage(Page[AbsentResponse]):
    pass


class FatePage(Page[FateResponse]):
    pass
