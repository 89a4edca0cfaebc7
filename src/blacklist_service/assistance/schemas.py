"""Requests and responses of notices (design §7)."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from blacklist_service.assistance.rules import NoticeAction, NoticeState, ObjectKind, ReplyResult, Urgency
from blacklist_service.subjects.identifiers import IdentifierType, SubjectKind
from blacklist_service.web.paging import Page, PageQuery
from blacklist_service.web.wire import (
    Code,
    Instant,
    LegalDate,
    LongText,
    Name,
    Number,
    OperatorName,
    Reference,
    Request,
    Response,
    text,
)

Word = Annotated[str, *text(2000)]
LeadKind = Literal["asset", "whereabouts", "evasion", "refusal_to_perform", "other"]
LeadState = Literal["filed", "taken_up", "closed"]


class NoticeIdentifierRequest(Request):
    type: IdentifierType
    number: Number


class NoticeSubjectRequest(Request):
    role: Annotated[str, *text(64)] | None = None
    kind: SubjectKind
    name: Name
    identifier: NoticeIdentifierRequest | None = None


class NoticeRequest(Request):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "number": "(2018)云0111执1234号之二",
                    "case_number": "(2018)云0111执1234号",
                    "ruling_number": "(2018)云0111执1234号之一",
                    "agency": "GD-LAND",
                    "action": "stop_transfer",
                    "subject": {
                        "kind": "person",
                        "name": "张三",
                        "identifier": {"type": "resident_id", "number": "530111198503170015"},
                    },
                    "object": "530111001001GB00001F00010001",
                    "valid_until": None,
                    "due_at": "2018-05-01T00:00:00Z",
                    "urgency": "normal",
                    "text": "请协助停止办理上列不动产的转移登记。",
                }
            ]
        }
    )

    number: Reference
    case_number: Reference
    ruling_number: Reference
    agency: Code = Field(description="the code of the unit it is served on")
    action: NoticeAction
    subject: NoticeSubjectRequest
    object: Annotated[str, *text(200)] | None = Field(
        None, description="property-unit number, licence number or plate; the notice then covers that alone"
    )
    object_kind: ObjectKind | None = Field(None, description="sets how long the notice may bind")
    valid_until: LegalDate | None = Field(
        None,
        description="last day; deposits 1 year, movables 2, real estate and other rights 3; null = that limit. An exit ban "
        "and the withholding of income have none, and name their day",
    )
    due_at: Instant | None = Field(None, description="null = the end of the third working day after service")
    urgency: Urgency = Urgency.NORMAL
    text: LongText = ""
    operator: OperatorName | None = None


class AcknowledgementRequest(Request):
    model_config = ConfigDict(json_schema_extra={"examples": [{"operator": "li.na"}]})

    operator: OperatorName | None = None


class Finding(Request):
    """One finding in answer to a query. `amount` is in yuan, as a number or its digits."""

    kind: Literal["project", "real_estate", "account", "vehicle", "former_name", "entry_exit", "lodging", "other"]
    text: Annotated[str, *text(2000)]
    amount: (
        Annotated[int, Field(ge=0, le=10**15)]
        | Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False)]
        | Annotated[str, Field(pattern=r"^[0-9]{1,16}(\.[0-9]{1,2})?$")]
        | None
    ) = None
    as_of: LegalDate | None = Field(None, description="the day on which it was so")


class ReplyRequest(Request):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"operator": "li.na", "result": "done", "text": "已停止办理。"},
                {
                    "result": "done",
                    "text": "查询结果如下。",
                    "findings": [
                        {"kind": "account", "text": "某银行官渡支行活期存款", "amount": 12000, "as_of": "2018-05-02"}
                    ],
                },
            ]
        }
    )

    operator: OperatorName | None = None
    result: ReplyResult
    text: LongText = ""
    findings: Annotated[list[Finding], Field(default_factory=list, max_length=200)]


class RenewalRequest(Request):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"valid_until": "2021-04-20", "ruling_number": "(2018)云0111执1234号之五"}]}
    )

    valid_until: LegalDate
    ruling_number: Reference
    operator: OperatorName | None = None


class ReleaseRequest(Request):
    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "已履行完毕"}]})

    reason: Annotated[str, *text(2000)]
    operator: OperatorName | None = None


class NoticeResponse(Response):
    notice_id: UUID
    number: str
    case_number: str
    ruling_number: str
    court: str
    court_code: str
    agency: str
    action: NoticeAction
    subject: dict[str, Any]
    object: str | None
    object_kind: ObjectKind | None
    valid_until: date | None
    due_at: datetime | None
    urgency: Urgency
    text: str
    state: NoticeState
    overdue: bool
    served_at: datetime
    acknowledged_at: datetime | None
    escalates_at: datetime | None = Field(description="an emergency not acknowledged by then is escalated")
    escalated_at: datetime | None
    answered_at: datetime | None
    result: ReplyResult | None
    reply: str | None
    findings: list[dict[str, Any]] = Field(description="what was found, as the addressee replied")
    duty: str = Field(description="what a notice of this kind asks of the unit")
    basis: str
    released_at: datetime | None
    waiting_order: int | None = Field(description="place among the notices on the same object, from 1 (轮候)")


class NoticePage(Page[NoticeResponse]):
    pass


class DutyResponse(Response):
    """What a kind of notice requires of a unit."""

    action: NoticeAction
    name: str
    duty: str
    basis: str
    longest: str
    certainty: Literal["found", "to_confirm"]


class DutyPage(Response):
    items: list[DutyResponse]


class AddresseeResponse(Response):
    agency: str
    name: str


class AddresseePage(Response):
    items: list[AddresseeResponse]


class StepResponse(Response):
    version: int
    act: str
    at: datetime
    member: str | None
    operator: str | None
    valid_until: date | None
    detail: dict[str, Any]


class StepPage(Response):
    items: list[StepResponse]


class NoticeQuery(PageQuery):
    state: Literal["served", "acknowledged", "answered", "released", "expired", "overdue"] | None = None


class AttachmentResponse(Response):
    attachment_id: UUID
    name: str
    media_type: str
    bytes: int
    sha256: str
    member: str
    at: datetime


class AttachmentPage(Response):
    items: list[AttachmentResponse]


class LeadRequest(Request):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "listing_id": "0197c9a5-7c00-7000-8000-000000000001",
                    "kind": "asset",
                    "text": "窗口发现其名下新登记车辆一辆。",
                    "operator": "wang.li",
                }
            ]
        }
    )

    listing_id: UUID = Field(description="as an answer to this unit named it")
    kind: LeadKind = Field(description="财产 / 下落 / 规避执行 / 拒不执行 / 其他")
    text: Annotated[str, *text(5000)]
    operator: OperatorName | None = None


class TakingUpRequest(Request):
    model_config = ConfigDict(json_schema_extra={"examples": [{"word": "已派员核查"}]})

    word: Word | None = None
    operator: OperatorName | None = None


class ClosureRequest(Request):
    model_config = ConfigDict(json_schema_extra={"examples": [{"word": "车辆已查封"}]})

    word: Word = Field(description="what came of it")
    operator: OperatorName | None = None


class LeadResponse(Response):
    lead_id: UUID
    listing_id: UUID
    case_number: str
    court_code: str
    agency: str
    kind: LeadKind
    text: str
    state: LeadState
    word: str | None = Field(description="the court's last")
    filed_at: datetime
    taken_up_at: datetime | None
    closed_at: datetime | None


class LeadPage(Page[LeadResponse]):
    pass


class LeadQuery(PageQuery):
    state: LeadState | None = None
