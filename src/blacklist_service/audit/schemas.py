"""Requests and responses of the audit (design §7)."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from blacklist_service.audit.filters import EntryFilters
from blacklist_service.audit.formats import ExportFormat
from blacklist_service.checks.rules import Decision
from blacklist_service.checks.schemas import SubjectResponse
from blacklist_service.ledger.actions import Action
from blacklist_service.measures.rules import SubjectRole
from blacklist_service.subjects.identifiers import IdentifierType, SubjectKind
from blacklist_service.web.paging import Page, PageQuery
from blacklist_service.web.wire import Code, Instant, Name, Number, Request, Response, text

EXAMPLE_SUBJECT: dict[str, JsonValue] = {
    "kind": "person",
    "name": "张三",
    "identifier": {"type": "resident_id", "number": "530111198503170015"},
}


class EntryQuery(EntryFilters, PageQuery):
    """Filters and a page."""


class SearchIdentifierRequest(Request):
    type: IdentifierType
    number: Number


class SearchSubjectRequest(Request):
    role: Annotated[str, *text(64)] | None = None
    kind: SubjectKind
    name: Name
    identifier: SearchIdentifierRequest | None = None


class EntrySearchRequest(EntryQuery):
    """The filters of the search, and the subject of the entries: in the body, because no number may be in a URL."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        json_schema_extra={
            "examples": [
                {
                    "action": "check",
                    "from": "2018-04-01T00:00:00Z",
                    "subject": {
                        "kind": "person",
                        "name": "张三",
                        "identifier": {"type": "resident_id", "number": "530111198503170015"},
                    },
                }
            ]
        },
    )

    subject: SearchSubjectRequest | None = None


class EntrySubjectResponse(Response):
    role: str | None
    name_masked: str
    identifier_masked: str | None


class EntryResponse(Response):
    entry_id: UUID
    at: datetime
    action: Action
    agency: str | None
    key_id: str | None
    operator: str | None
    matter: str | None
    reference: str | None
    check_id: UUID | None
    subjects: list[EntrySubjectResponse]
    decision: Decision | None
    listing_ids: list[UUID]
    list_version: int | None
    measures_version: int | None
    notices_version: int | None
    request_id: str | None
    source_ip: str | None
    leaf_index: int | None
    refused_as: str | None = Field(description="the problem code of a refusal")


class ProvedEntryResponse(EntryResponse):
    """An entry with its bytes in the log, and the proof that the log holds them."""

    leaf: str = Field(description="base64 of the exact bytes")
    receipt: str | None = Field(description="a C2SP tlog-proof; null until the entry is sealed")


class EntryPage(Page[EntryResponse]):
    pass


COSIGNED = """blacklist.local/query-log/1f2e3d4c
2
AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=

— auditor.example/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""


class CosignaturesRequest(Request):
    """A checkpoint of this log with the cosignature/v1 lines of known witnesses."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": COSIGNED}]})

    note: Annotated[str, Field(max_length=16_384)]


class CosignedResponse(Response):
    size: int
    witnesses: list[str]


class LedgerKeyResponse(BaseModel):
    vkey: str
    since: datetime
    until_size: int | None = Field(
        description="the largest log that it vouched for alone; null of the key that signs now"
    )


class EndedLogResponse(BaseModel):
    log: str
    followed_by: str
    at: datetime
    kept_size: int | None = Field(
        description="how many of its first entries the log that goes on now has; null where it was begun after the moment"
        " restored, and it cannot be said"
    )
    act: str = Field(description="the officer's act: a note that the ended log's key signed")


class LedgerKeysResponse(BaseModel):
    keys: list[LedgerKeyResponse]
    ended: list[EndedLogResponse] = Field(description="logs that an officer ended after a restore, the newest first")
    verifier_sha256: str


class ExportRequest(EntryFilters):
    """The filters of the search; with a `subject`, completeness cannot be proved."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        json_schema_extra={
            "examples": [{"from": "2018-04-01T00:00:00Z", "to": "2018-05-01T00:00:00Z", "format": "jsonl"}]
        },
    )

    format: ExportFormat = ExportFormat.JSONL
    subject: SearchSubjectRequest | None = None


class ExportResponse(Response):
    export_id: UUID
    state: Literal["queued", "running", "done", "failed"]
    format: ExportFormat
    queued_at: datetime
    finished_at: datetime | None = None
    rows: int | None = None
    bytes: int | None = None
    problem: str | None = None


class UnmaskingRequest(Request):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "信访件 2018-77 复核", "operator": "zhao.min"}]}
    )

    reason: Annotated[str, *text(2000)]
    operator: Annotated[str, *text(100)] | None = None


class UnmaskedResponse(Response):
    entry_id: UUID
    at: datetime
    action: Action
    agency: str | None
    operator: str | None
    reference: str | None
    subjects: list[dict[str, Any]] = Field(description="as they were asked about, in clear")


class AsOfSubjectRequest(SearchSubjectRequest):
    role: SubjectRole | None = Field(
        None, description="absent: the strongest answer of all roles the matter tells apart"
    )


class AsOfRequest(Request):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"matter": "civil_service_recruitment", "subject": EXAMPLE_SUBJECT, "at": "2018-04-26T00:41:00Z"}
            ]
        }
    )

    matter: Code
    subject: AsOfSubjectRequest
    at: Instant
    agency: Code | None = Field(None, description="who would have asked: a notice binds its addressee alone")
    object: Annotated[str, *text(200)] | None = None
    list_version: Annotated[int, Field(ge=0, lt=2**63)] | None = Field(
        None, description="of an answer that is replayed; default: the newest at that instant"
    )
    notices_version: Annotated[int, Field(ge=0, lt=2**63)] | None = None


class AsOfResponse(Response):
    decision: Decision
    matter: str
    at: datetime
    list_version: int
    measures_version: int
    notices_version: int
    warnings: list[str]
    subjects: list[SubjectResponse]


class Change(Response):
    """How many answers would be different; `refused`: the question would not be answered at all."""

    model_config = ConfigDict(populate_by_name=True, frozen=True)

    matter: str
    agency: str = Field(description="member code; what was asked at the service itself is not looked at")
    before: Literal["block", "flag", "clear"] = Field(alias="from")
    after: Literal["block", "flag", "clear", "refused"] = Field(alias="to")
    checks: int


class Uncovered(Response):
    """How many subjects a unit asked about in a role, or of a kind, that no measure of the candidate covers any more."""

    matter: str
    role: str
    kind: str
    agency: str
    subjects: int


class Found(Response):
    model_config = ConfigDict(populate_by_name=True, frozen=True)

    first: datetime = Field(alias="from")
    last: datetime = Field(alias="to")
    checks: int = Field(description="asked in that time")
    sampled: int = Field(description="of those, looked at: all, or an even share of about 1,000,000")
    not_reproduced: int = Field(
        description="looked at and left out: today's reading does not give the recorded answer (a stale list, an object "
        "that was named, erased secrets)"
    )
    changed: int
    changes: list[Change]
    no_longer_covered: list[Uncovered]


class SimulationResponse(Response):
    simulation_id: UUID
    state: Literal["queued", "running", "done", "failed"]
    progress: float
    queued_at: datetime
    finished_at: datetime | None = None
    problem: str | None = None
    result: Found | None = None
