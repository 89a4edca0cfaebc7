"""The wire of notices (design §7)."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from blacklist_service.assistance.rules import NoticeAction, NoticeState, ObjectKind, ReplyResult, Urgency
from blacklist_service.subjects.identifiers import IdentifierType, SubjectKind
from blacklist_service.web.paging import LARGEST_PAGE, USUAL_PAGE
from blacklist_service.web.wire import (
    Code,
    Instant,
    LegalDate,
    LongText,
    Name,
    Number,
    Reference,
    Request,
    Response,
    text,
)

Operator = Annotated[str, *text(100)]


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
    operator: Operator | None = None


class AcknowledgementRequest(Request):
    model_config = ConfigDict(json_schema_extra={"examples": [{"operator": "li.na"}]})

    operator: Operator | None = None


class Finding(Request):
    """One thing that was found, in answer to a query. `amount` is in yuan, as a number or its digits."""

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

    operator: Operator | None = None
    result: ReplyResult
    text: LongText = ""
    findings: Annotated[list[Finding], Field(default_factory=list, max_length=200)]


class RenewalRequest(Request):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"valid_until": "2021-04-20", "ruling_number": "(2018)云0111执1234号之五"}]}
    )

    valid_until: LegalDate
    ruling_number: Reference
    operator: Operator | None = None


class ReleaseRequest(Request):
    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "已履行完毕"}]})

    reason: Annotated[str, *text(2000)]
    operator: Operator | None = None


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


class NoticePage(Response):
    items: list[NoticeResponse]
    next: str | None


class DutyResponse(Response):
    """What a kind of notice asks of a unit."""

    action: NoticeAction
    name: str
    duty: str
    basis: str
    longest: str
    certainty: Literal["found", "to_confirm"]


class DutyPage(Response):
    items: list[DutyResponse]


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


class NoticeQuery(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    state: Literal["served", "acknowledged", "answered", "released", "expired", "overdue"] | None = None
    cursor: Annotated[str, *text(400)] | None = None
    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE)] = USUAL_PAGE
