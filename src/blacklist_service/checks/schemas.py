"""Requests and responses of checks (design §5)."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue

from blacklist_service.checks.rules import Decision, OutcomeAction, Reason, Tell
from blacklist_service.measures.rules import MeasureClass, SubjectRole
from blacklist_service.subjects.identifiers import IdentifierType, SubjectKind
from blacklist_service.subjects.keys import Identity
from blacklist_service.subjects.relations import Relation
from blacklist_service.web.paging import Page, PageQuery
from blacklist_service.web.wire import Code, Instant, LegalDate, Name, Number, Reference, Request, Response, text

MOST_SUBJECTS = 20
MOST_CHECKS = 1000
SCREENING = "^[A-Za-z0-9_-]{1,64}$"

EXAMPLE_CHECK: dict[str, JsonValue] = {
    "matter": "civil_service_recruitment",
    "reference": "GD-2018-0412-001",
    "operator": "wang.li",
    "subjects": [
        {
            "role": "applicant",
            "kind": "person",
            "name": "张三",
            "identifier": {"type": "resident_id", "number": "530111198503170015"},
        }
    ],
}


EXAMPLE_ANSWER: dict[str, JsonValue] = {
    "check_id": "0197c9a5-7c00-7000-8000-000000000002",
    "decision": "block",
    "matter": "civil_service_recruitment",
    "reference": "GD-2018-0412-001",
    "checked_at": "2018-04-26T00:41:00.123456Z",
    "list_version": 48213,
    "measures_version": 1,
    "notices_version": 0,
    "warnings": [],
    "subjects": [
        {
            "role": "applicant",
            "decision": "block",
            "matches": [
                {
                    "listing_id": "0197c9a5-7c00-7000-8000-000000000001",
                    "relation": "debtor",
                    "identity": "exact",
                    "effect": "block",
                    "reason": "prohibition",
                    "measure": {"id": "M01", "class": "prohibition", "basis": "公务员法第二十六条"},
                    "listing": {
                        "case_number": "(2018)云0111执1234号",
                        "court": "昆明市官渡区人民法院",
                        "debtor_name": "张三",
                        "debtor_identifier_masked": "5301**********0015",
                        "circumstances": ["C4"],
                        "published_on": "2018-04-20",
                        "expires_on": "2020-04-20",
                        "dispute_state": None,
                        "identity_contested_on": None,
                    },
                    "notice": None,
                }
            ],
        }
    ],
}


class IdentifierRequest(Request):
    type: IdentifierType
    number: Number = Field(description="the complete number; a masked one is refused")


class SubjectRequest(Request):
    role: SubjectRole
    kind: SubjectKind
    name: Name
    identifier: IdentifierRequest | None = None


class WatchRequest(Request):
    """Watch the question: report when its answer changes."""

    until: LegalDate = Field(description="the last day; at most 400 days from now")
    tell: Tell = Field(
        Tell.DECISION, description="`matches`: also when what matched changes, and the decision does not"
    )
    after_outcome: bool = Field(
        False,
        description="goes on after a final outcome (`approved`, `refused`, `withdrawn`), as for holders of an office",
    )


class CheckRequest(Request):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_CHECK]})

    matter: Code
    reference: Reference = Field(description="the agency's own file number: the purpose of the query")
    operator: Annotated[str, *text(100)] | None = None
    object: Annotated[str, *text(200)] | None = Field(
        None, description="property or licence number, where there is one"
    )
    subjects: Annotated[list[SubjectRequest], Field(min_length=1, max_length=MOST_SUBJECTS)]
    watch: WatchRequest | None = Field(None, description="needs the scope `watches:write`")


class BatchRequest(Request):
    """Each check is parsed by itself: an invalid one is refused alone, in its place."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"checks": [EXAMPLE_CHECK]}]})

    checks: Annotated[list[CheckRequest], Field(min_length=1, max_length=MOST_CHECKS)]
    screening: Annotated[str, Field(pattern=SCREENING)] | None = Field(
        None,
        description="the name, made by the caller, of the screening of a roster that this is a part of: on record with each "
        "check, counted as one act, within the unit's quota of rows in a day. Needs an `Idempotency-Key`",
    )


class MeasureShown(Response):
    id: str
    measure_class: MeasureClass = Field(alias="class")
    basis: str


class ListingShown(Response):
    case_number: str
    court: str
    debtor_name: str
    debtor_identifier_masked: str | None
    circumstances: list[str]
    published_on: date
    expires_on: date | None
    dispute_state: Literal["filed", "reconsideration", "rejected", "upheld"] | None
    identity_contested_on: date | None = Field(
        description="since when the court doubts that the number is the debtor's: an exact hit is a flag meanwhile"
    )


class NoticeShown(Response):
    notice_id: UUID
    number: str
    court: str
    action: str
    served_at: datetime
    valid_until: date | None


class MatchResponse(Response):
    listing_id: UUID | None
    relation: Relation
    identity: Identity
    effect: Decision
    reason: Reason
    measure: MeasureShown
    listing: ListingShown | None
    notice: NoticeShown | None


class SubjectResponse(Response):
    role: SubjectRole
    decision: Decision
    matches: list[MatchResponse]
    matches_total: int | None = Field(None, description="only where more matched than are shown")


class WatchOpened(Response):
    watch_id: UUID
    until: date


class CheckResponse(Response):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_ANSWER]})

    check_id: UUID
    decision: Decision
    matter: str
    reference: str
    checked_at: datetime
    list_version: int
    measures_version: int
    notices_version: int
    warnings: list[str] = Field(
        description="`list-empty`: nothing was ever loaded; `list-stale`: the list was not fed for longer than is allowed, "
        "and clear became flag; `identifier-checksum`, `identifier-unusual`: the number was taken though it looks wrong"
    )
    subjects: list[SubjectResponse]
    watch: WatchOpened | None = Field(None, description="only where the question is kept open")


class RecordedCheckResponse(CheckResponse):
    """The stored answer, with the values that open its leaf in the transparency log."""

    answer: str = Field(description="base64 of the exact bytes that were answered")
    leaf: str = Field(description="base64 of the log entry's exact bytes")
    leaf_salt: str = Field(description="base64; SHA-256(salt ‖ answer) is the leaf's `answer`")


class BatchItemResponse(Response):
    """Either a `check` with status 200, or a `problem` with the status it would have had as a single check."""

    status: int
    check: CheckResponse | None = None
    problem: dict[str, Any] | None = None


class BatchResponse(Response):
    model_config = ConfigDict(json_schema_extra={"examples": [{"results": [{"status": 200, "check": EXAMPLE_ANSWER}]}]})

    results: list[BatchItemResponse]


class OutcomeRequest(Request):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"action": "refused", "reason": "依公务员法第二十六条不予录用"}]}
    )

    action: OutcomeAction
    reason: Annotated[str, *text(2000, 0)] | None = Field(None, description="needed where a block is overridden")
    operator: Annotated[str, *text(100)] | None = None


class OutcomeResponse(Response):
    check_id: UUID
    revision: int
    decision: Decision
    action: OutcomeAction
    reason: str | None
    operator: str | None
    at: datetime


class WaitingResponse(Response):
    check_id: UUID
    decision: Literal["block", "flag"]
    matter: str
    reference: str
    checked_at: datetime
    due_on: date
    is_overdue: bool


class WaitingPage(Page[WaitingResponse]):
    pass


class CheckItem(Response):
    check_id: UUID
    decision: Decision
    matter: str
    reference: str
    operator: str | None
    checked_at: datetime
    outcome: OutcomeAction | None = Field(description="the last one said; null where none was")


class CheckPage(Page[CheckItem]):
    pass


class ChecksQuery(PageQuery):
    """All filters that are given must match. `from` is inclusive, `to` exclusive. `pending` accepts no other filter but
    `overdue`, which only applies to it.
    """

    pending: Literal["outcome"] | None = Field(None, description="only blocks and flags without an outcome")
    overdue: bool = Field(False, description="of those, only the ones past their working days")
    from_: Instant | None = Field(None, alias="from")
    to: Instant | None = None
    reference: Annotated[str, *text(200)] | None = None
    matter: Annotated[str, *text(64)] | None = None
    decision: Decision | None = None
    agency: Annotated[str, *text(64)] | None = Field(None, description="for auditors: whose checks")
