"""Requests and responses of proposals."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self, TypeVar
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue, model_validator
from pydantic_core import PydanticCustomError

from blacklist_service.assistance.schemas import NoticeRequest, RenewalRequest
from blacklist_service.listings.schemas import (
    EXAMPLE_EXTENSION,
    EXAMPLE_LISTING,
    ContestRequest,
    CorrectionRequest,
    ExtensionRequest,
    PublishRequest,
    ResumptionRequest,
)
from blacklist_service.measures.schemas import CatalogueRequest
from blacklist_service.members.schemas import KeyRequest
from blacklist_service.proposals.rules import ProposalAct, ProposalState, ReturnCode
from blacklist_service.web.paging import Page, PageQuery
from blacklist_service.web.wire import Code, Explanation, Number, OperatorName, Parameters, Request, Response

Part = TypeVar("Part")

PARTS: Mapping[ProposalAct, frozenset[str]] = {
    ProposalAct.PUBLISH: frozenset({"publication"}),
    ProposalAct.CORRECT: frozenset({"listing_id", "version", "correction"}),
    ProposalAct.EXTEND: frozenset({"listing_id", "version", "extension"}),
    ProposalAct.IMPORT: frozenset({"import_id"}),
    ProposalAct.STOP_NOTICE: frozenset({"notice"}),
    ProposalAct.RESUME: frozenset({"listing_id", "version", "resumption"}),
    ProposalAct.LIFT_CONTEST: frozenset({"listing_id", "version", "contest_withdrawal"}),
    ProposalAct.RENEW_NOTICE: frozenset({"notice_id", "renewal"}),
    ProposalAct.KEY: frozenset({"member", "key"}),
    ProposalAct.CATALOGUE: frozenset({"catalogue", "version"}),
}
"""The parts that each act is proposed with; no others are allowed."""

EXAMPLES: list[JsonValue] = [
    {"act": "publish", "publication": EXAMPLE_LISTING},
    {
        "act": "extend",
        "listing_id": "0197c9a5-7c00-7000-8000-000000000001",
        "version": 2,
        "extension": EXAMPLE_EXTENSION,
    },
]


class ProposalRequest(Request):
    """An act, as its own operation takes it. `version` is that of the object to change, as in its `ETag`."""

    model_config = ConfigDict(json_schema_extra={"examples": EXAMPLES})

    act: ProposalAct
    listing_id: UUID | None = None
    version: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    publication: PublishRequest | None = None
    correction: CorrectionRequest | None = None
    extension: ExtensionRequest | None = None
    resumption: ResumptionRequest | None = None
    contest_withdrawal: ContestRequest | None = None
    import_id: UUID | None = None
    notice: NoticeRequest | None = None
    notice_id: UUID | None = None
    renewal: RenewalRequest | None = None
    member: Code | None = Field(None, description="whose key is made")
    key: KeyRequest | None = None
    catalogue: CatalogueRequest | None = None
    replaces: UUID | None = Field(
        None,
        description="your proposal that this one takes the place of, of the same act on the same target: it waits no longer",
    )
    operator: OperatorName | None = None

    @staticmethod
    def given(part: Part | None) -> Part:
        """A part of the act: `_has_what_its_act_needs` refuses a proposal without it."""
        if part is None:
            raise LookupError("a proposal without a part of its act")
        return part

    @property
    def target(self) -> UUID | None:
        """The listing, import or notice it concerns; None if that does not exist yet."""
        return self.listing_id or self.import_id or self.notice_id

    @model_validator(mode="after")
    def _has_what_its_act_needs(self) -> Self:
        given = {name for names in PARTS.values() for name in names if getattr(self, name) is not None}
        if given != PARTS[self.act]:
            needed = ", ".join(sorted(PARTS[self.act]))
            raise PydanticCustomError("parts", f"this act is proposed with {needed}, and nothing else")
        return self


class ApprovalRequest(Request):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"sha256": "0" * 64, "identifier_number": "530111198503170015"}]}
    )

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="of the proposal as it was read")]
    identifier_number: Number | None = Field(
        None, description="the debtor's number, typed from the paper, where `needs_number`"
    )
    operator: OperatorName | None = None


class ReturnRequest(Request):
    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "决定书文号与扫描件不一致"}]})

    reason: Explanation
    operator: OperatorName | None = None


class RecallRequest(Request):
    model_config = ConfigDict(json_schema_extra={"examples": [{}]})

    operator: OperatorName | None = None


class FieldDifferenceResponse(Response):
    """A field of the listing, as a dotted path; numbers are masked."""

    field: str
    before: Any
    after: Any


class ProposalOutcomeResponse(Response):
    """The result of the act."""

    listing_id: UUID | None = None
    version: int | None = None
    list_version: int | None = None
    notice_id: UUID | None = None
    import_id: UUID | None = None
    key_id: str | None = None
    measures_version: int | None = None
    warnings: list[str] = Field(default_factory=list)


class ProposalResponse(Response):
    proposal_id: UUID
    act: ProposalAct
    state: ProposalState
    title: str = Field(description="the case, the notice or the file that it is about")
    debtor: str | None
    listing_id: UUID | None
    import_id: UUID | None
    notice_id: UUID | None
    base_version: int | None
    is_stale: bool = Field(description="what it is about has changed since: it cannot be approved any more")
    sha256: str
    made_by: str = Field(description="the key or the account")
    maker: str | None = Field(description="who, as it was said or logged in")
    made_at: datetime
    ends_at: datetime
    is_own: bool
    may_decide: bool
    needs_number: bool = Field(description="whoever approves types the debtor's number, from the paper")
    decided_by: str | None
    decider: str | None
    decided_at: datetime | None
    return_code: ReturnCode | None
    reason: str | None = Field(description="why it was returned")
    replaces: UUID | None


class ProposalDetailResponse(ProposalResponse):
    content: dict[str, Any] = Field(description="what was proposed, numbers masked")
    given: dict[str, Any] | None = Field(description="the same as it was sent, to its maker alone")
    changes: list[FieldDifferenceResponse] = Field(description="of a correction, an extension or a renewal")
    alike: int = Field(description="how many fields stay as they are")
    warnings: list[str] = Field(description="what the act would have been answered with when it was proposed")
    other_listings: list[UUID]
    outcome: ProposalOutcomeResponse | None
    key: str | None = Field(None, description="of a key that this approval made: shown this once")


class ProposalPage(Page[ProposalResponse]):
    pass


class ProposeQuery(Parameters):
    dry_run: bool = Field(False, description="only say what the act would change, and be warned of")


class ProposalQuery(PageQuery):
    state: ProposalState | None = None
    act: ProposalAct | None = None
    by: Literal["me", "others"] | None = None


class ProposalCountsResponse(Response):
    """What waits for the caller, for badges."""

    to_decide: int = Field(description="proposals of others that the caller may decide")
    waiting: int = Field(description="the caller's own that wait")
    returned: int = Field(description="the caller's own of the last 30 days that came back, and were not proposed anew")
    to_review: int = Field(description="acts of others that took effect at once, to be reviewed")
