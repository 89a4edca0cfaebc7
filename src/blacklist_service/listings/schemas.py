"""Requests and responses of the list (design §6)."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue

from blacklist_service.listings.lengths import MOST_BYTES
from blacklist_service.listings.rules import Ground, ListingState, SuspensionGround
from blacklist_service.subjects.identifiers import IdentifierType, SubjectKind
from blacklist_service.web.paging import FeedQuery, Page, PageQuery
from blacklist_service.web.wire import (
    Code,
    Explanation,
    LegalDate,
    Name,
    Number,
    OperatorName,
    Parameters,
    Request,
    Response,
    text,
)

WholeText = Annotated[str, *text(MOST_BYTES, 0)]
"""Kept whole; the total size of a listing's texts is bounded (`lengths`)."""
Severity = Literal["light", "ordinary", "serious"]
DisputeState = Literal["filed", "reconsideration", "rejected", "upheld"]

EXAMPLE_LISTING: dict[str, JsonValue] = {
    "case_number": "(2018)云0111执1234号",
    "court": {"code": "云0111", "name": "昆明市官渡区人民法院"},
    "party_sequence": 1,
    "debtor": {
        "kind": "person",
        "name": "张三",
        "sex": "male",
        "identifier": {"type": "resident_id", "number": "530111198503170015"},
        "people": [],
    },
    "circumstances": ["C4"],
    "decision": {"document_number": "(2018)云0111执1234号之一", "decided_on": "2018-04-18"},
    "published_on": "2018-04-20",
    "expires_on": "2020-04-20",
    "grace_until": None,
    "basis": {"document_number": "(2017)云0111民初4321号", "issuer": "昆明市官渡区人民法院"},
    "filed_on": "2018-01-05",
    "obligation": "支付货款 120000 元",
    "performance": "none",
    "performed_part": None,
    "unperformed_part": None,
}


EXAMPLE_CORRECTION: dict[str, JsonValue] = {
    "listing": {**EXAMPLE_LISTING, "obligation": "支付货款 20000 元"},
    "reason": "金额笔误",
    "decided_on": "2018-05-02",
}
EXAMPLE_DELETION: dict[str, JsonValue] = {"ground": "performed", "decided_on": "2018-06-01", "note": "已全部履行"}
EXAMPLE_WITHDRAWAL: dict[str, JsonValue] = {"reason": "错误纳入", "decided_on": "2018-05-02"}
EXAMPLE_EXTENSION: dict[str, JsonValue] = {
    "expires_on": "2022-04-20",
    "decided_on": "2019-03-01",
    "reason": "以暴力方法抗拒执行",
}
EXAMPLE_DISPUTE: dict[str, JsonValue] = {"state": "filed", "filed_on": "2018-05-02"}
EXAMPLE_SUSPENSION: dict[str, JsonValue] = {
    "ground": "bankruptcy",
    "decided_on": "2018-06-01",
    "reason": "(2018)云01破3号裁定受理破产清算",
}
EXAMPLE_RESUMPTION: dict[str, JsonValue] = {"decided_on": "2018-09-03", "reason": "破产申请被驳回"}
EXAMPLE_SEARCH: dict[str, JsonValue] = {"name": "张三"}
EXAMPLE_ACT: dict[str, JsonValue] = {
    "listing_id": "0197c9a5-7c00-7000-8000-000000000001",
    "version": 2,
    "list_version": 48214,
    "state": "published",
    "warnings": [],
}


class CourtRequest(Request):
    code: Code
    name: Annotated[str, *text(200)] | None = None


class ListedIdentifierRequest(Request):
    type: IdentifierType
    number: Number


class PersonRequest(Request):
    relation: Literal["legal_representative", "principal", "directly_responsible", "actual_controller"]
    name: Name
    identifier: ListedIdentifierRequest | None = None
    from_: LegalDate | None = Field(None, alias="from")
    to: LegalDate | None = None


class DebtorRequest(Request):
    kind: SubjectKind
    name: Name
    sex: Literal["male", "female"] | None = None
    identifier: ListedIdentifierRequest | None = None
    people: Annotated[list[PersonRequest], Field(default_factory=list, max_length=200)]


class DecisionRequest(Request):
    document_number: Annotated[str, *text(200)] | None = None
    decided_on: LegalDate | None = None
    on_application_of: Literal["creditor", "court"] | None = None
    served_on: LegalDate | None = Field(None, description="when the decision letter was served on the debtor")


class BasisRequest(Request):
    document_number: Annotated[str, *text(500)] | None = None
    issuer: Annotated[str, *text(500)] | None = None


class PublishRequest(Request):
    """One debtor in one enforcement case. `circumstances` are codes C1–C6 or a court's wording."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_LISTING]})

    case_number: Annotated[str, *text(200)]
    court: CourtRequest
    party_sequence: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    debtor: DebtorRequest
    circumstances: Annotated[list[Annotated[str, *text(500)]], Field(default_factory=list, max_length=20)]
    decision: DecisionRequest = DecisionRequest()
    published_on: LegalDate | None = None
    expires_on: LegalDate | None = None
    grace_until: LegalDate | None = None
    basis: BasisRequest = BasisRequest()
    filed_on: LegalDate | None = None
    obligation: WholeText | None = None
    performance: Literal["none", "partial", "full", "other"] | None = None
    performed_part: WholeText | None = None
    unperformed_part: WholeText | None = None
    record_id: Annotated[str, *text(64)] | None = Field(
        None, description="失信ID or 流水号: tells apart two listings of one debtor in one case"
    )
    severity: Severity | None = Field(
        None, description="轻微 / 一般 / 严重, as the court finds; no effect on any answer"
    )
    operator: OperatorName | None = None


class CorrectionRequest(Request):
    """The whole listing as it should be, of the same court."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_CORRECTION]})

    listing: PublishRequest
    reason: Explanation
    decided_on: LegalDate
    operator: OperatorName | None = None


class DeletionRequest(Request):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_DELETION]})

    ground: Ground = Field(description="Art. 10(1) ①–⑦, early_by_decision (Art. 2(2)), term_expired (Art. 10(2))")
    decided_on: LegalDate
    note: Explanation | None = None
    operator: OperatorName | None = None


class WithdrawalRequest(Request):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_WITHDRAWAL]})

    reason: Explanation
    decided_on: LegalDate
    note: Explanation | None = None
    operator: OperatorName | None = None


class SuspensionRequest(Request):
    """暂时屏蔽 (国办发〔2025〕22号): on a bankruptcy ruling, or another decision of the court."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_SUSPENSION]})

    ground: SuspensionGround
    decided_on: LegalDate
    reason: Explanation
    operator: OperatorName | None = None


class ResumptionRequest(Request):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_RESUMPTION]})

    decided_on: LegalDate
    reason: Explanation
    operator: OperatorName | None = None


class ExtensionRequest(Request):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_EXTENSION]})

    expires_on: LegalDate
    decided_on: LegalDate
    reason: Explanation
    operator: OperatorName | None = None


class DisputeRequest(Request):
    """What was filed with the court; null if nothing is pending. It changes no decision (Art. 12)."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_DISPUTE]})

    state: DisputeState | None
    filed_on: LegalDate | None = None
    operator: OperatorName | None = None


class SearchedSubjectRequest(Request):
    kind: SubjectKind
    name: Name
    identifier: ListedIdentifierRequest | None = None
    role: Annotated[str, *text(64)] | None = None


class SearchRequest(Request):
    """By a name, or by a subject as a check would ask."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_SEARCH]})

    name: Name | None = None
    subject: SearchedSubjectRequest | None = None
    case_number: Annotated[str, *text(200)] | None = None
    state: ListingState | None = None
    include_ended: bool = Field(False, description="the caller's own court's that have ended are found as well")


class ActResponse(Response):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_ACT]})

    listing_id: UUID
    version: int
    list_version: int | None = Field(description="the list version it took; null while the listing is in grace")
    state: ListingState
    warnings: list[str]
    other_listings: list[UUID] = Field(
        default_factory=list,
        description="of the same debtor in this case: what `possible-duplicate` and `other-listing-remains` are about",
    )


class TouchedCheckResponse(Response):
    check_id: UUID
    agency: str | None
    decision: str
    checked_at: datetime


class WithdrawalResponse(ActResponse):
    touched_checks: list[TouchedCheckResponse] = Field(description="past answers that rested on the listing")


class ListingResponse(Response):
    """A listing as it is now: in the form of a publication, numbers masked, with its later history."""

    model_config = ConfigDict(extra="allow")

    listing_id: UUID
    version: int
    list_version: int | None
    state: ListingState
    in_force_from: date
    dispute_state: DisputeState | None
    severity: Severity | None = None
    identity_contested_on: date | None = Field(
        description="since when the court doubts that the number is the debtor's"
    )
    suspended_on: date | None = Field(description="the day of the decision, while the listing is suspended")
    ended_on: date | None


class ListingPage(Page[ListingResponse]):
    pass


class VersionResponse(Response):
    version: int
    list_version: int | None
    at: datetime
    act: str
    actor: str | None
    operator: str | None
    reason: str | None
    ground: str | None
    decided_on: date | None
    filed_on: date | None = Field(description="of a dispute: when it was filed with the court")
    listing: dict[str, Any]


class HistoryResponse(Response):
    items: list[VersionResponse]


class ChangeResponse(Response):
    version: int
    at: datetime
    type: Literal["published", "corrected", "extended", "disputed", "suspended", "deleted", "withdrawn", "expired"] = (
        Field(description="`suspended`: not on the list until it is `published` again")
    )
    listing_id: UUID
    listing: dict[str, Any] | None = Field(description="public fields and masks; null for endings and suspensions")


class SetDigestResponse(Response):
    count: int
    sha256: str = Field(description="over the lines `listing_id list_version\\n` of all listings in the feed, by id")


class ChangePage(Response):
    items: list[ChangeResponse]
    next: int
    list_version: int
    more: bool
    set: SetDigestResponse | None = None


class TaskResponse(Response):
    """What the law requires of the court, and until when."""

    task: Literal[
        "delete_after_term",
        "delete_after_performance",
        "review_after_performance",
        "decide_early_deletion",
        "confirm_identity",
        "give_ground",
        "decide_objection",
        "decide_reconsideration",
        "act_on_upheld_objection",
    ]
    listing_id: UUID
    case_number: str
    objection_id: UUID | None = None
    since: date
    due_on: date
    is_overdue: bool
    is_calendar_certain: bool
    is_emergency: bool = Field(description="to be done the same day: somebody may be blocked for another")


class TaskPage(Response):
    items: list[TaskResponse]
    next: str | None = None
    overdue: int


class HeartbeatResponse(Response):
    court_code: str
    alive_at: datetime
    list_version: int


class ListingQuery(PageQuery):
    case_number: Annotated[str, *text(200)] | None = None
    state: ListingState | None = None
    court_code: Annotated[str, *text(16)] | None = None
    severity: Severity | None = None


class ChangesQuery(FeedQuery):
    digest: bool = Field(False, description="also the SHA-256 of the whole set, so that a copy can prove itself whole")


class PerformanceRequest(Request):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "performed", "performed_on": "2018-06-01", "note": "全部到账"}]}
    )

    kind: Literal["performed", "settlement_performed"]
    performed_on: LegalDate
    note: Explanation | None = None
    operator: OperatorName | None = None


class PerformanceResponse(Response):
    performance_id: UUID
    listing_id: UUID
    kind: Literal["performed", "settlement_performed"]
    performed_on: date
    stated_on: date = Field(description="the day on which the court said so; what is due counts from it")
    task: Literal["delete_after_performance", "decide_early_deletion"]
    due_on: date = Field(
        description="3 working days; of a listing with a term its last day, until which the court may decide"
    )
    note: str | None
    operator: str | None
    at: datetime


class PerformancePage(Response):
    items: list[PerformanceResponse]


class ContestRequest(Request):
    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "号码系同名人员所有，正在核实"}]})

    reason: Annotated[Explanation, Field(description="why the number may not be the debtor's, or why it is after all")]
    operator: OperatorName | None = None


class PublicationQuery(Parameters):
    format: Literal["jsonl", "csv"] | None = Field(None, description="default: by `Accept`, else JSON Lines")
    set: Literal["public", "feed"] = Field(
        "public",
        description="`public`: what is in force today; `feed`: what a copy of the change feed holds at this version, and its "
        "digest covers, with each one's `list_version`, as JSON Lines alone",
    )
