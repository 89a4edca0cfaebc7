"""The wire of imports."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from blacklist_service.web.paging import Page, PageQuery
from blacklist_service.web.wire import Response

ImportState = Literal["queued", "running", "awaiting_confirmation", "done", "failed", "cancelled"]


class ImportQuery(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["upsert", "snapshot"] = "upsert"
    dry_run: bool = False


class RowsQuery(PageQuery):
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


class RowResponse(Response):
    row: int = Field(description="as the worksheet counts, or the file")
    sheet: str | None = None
    column: str | None
    code: str
    message: str


class RowAboutOthersResponse(RowResponse):
    """One that is about other listings of the same debtor in the case, as `possible-duplicate` is."""

    listing_ids: list[UUID]


class RowPage(Page[RowAboutOthersResponse | RowResponse]):
    pass
