"""Requests and responses of webhooks."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field

from blacklist_service.watches.rules import EventType
from blacklist_service.watches.schemas import LARGEST_SEQUENCE
from blacklist_service.web.paging import LARGEST_PAGE, USUAL_PAGE, Page, PageQuery
from blacklist_service.web.wire import OperatorName, Parameters, Request, Response, text
from blacklist_service.webhooks.rules import DeliveryState
from blacklist_service.webhooks.targets import LONGEST_URL
from blacklist_service.webhooks.waits import DisabledBy, State

Sequence = Annotated[int, Field(ge=0, le=LARGEST_SEQUENCE)]


class WebhookRequest(Request):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "url": "https://approvals.guandu.example/blacklist/events",
                    "types": ["watch.decision_changed", "check.listing_withdrawn"],
                }
            ]
        }
    )

    url: Annotated[str, *text(LONGEST_URL)] = Field(
        description="http or https as the administrator lists it; no userinfo, no fragment"
    )
    types: Annotated[list[EventType], Field(min_length=1, max_length=len(EventType))]
    after: Sequence | None = Field(None, description="begin after this event of your feed; default: with the next one")
    operator: OperatorName | None = None


class ActRequest(Request):
    """An empty body is enough."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})

    operator: OperatorName | None = None


class ReplayRequest(Request):
    model_config = ConfigDict(json_schema_extra={"examples": [{"from": 8841}, {"from": "dead"}]})

    start: Annotated[int, Field(ge=1, le=LARGEST_SEQUENCE)] | Literal["dead"] = Field(
        alias="from", description="a sequence: all events from there on; `dead`: those that were given up"
    )
    operator: OperatorName | None = None


class WebhookTest(Response):
    """The last test. `tried_at` is null while it waits for the worker; `error` is null if it was accepted."""

    asked_at: datetime
    tried_at: datetime | None
    status: int | None
    error: str | None
    milliseconds: int | None


class DeliveryFigures(Response):
    pending: int
    delivered: int
    superseded: int = Field(description="a later event of the same watch took their place")
    dead: int = Field(description="given up after the days; `replay` tells them again")


class WebhookResponse(Response):
    webhook_id: UUID
    member: str
    url: str
    types: list[EventType]
    state: State
    cause: DisabledBy | None = Field(
        description="why it is disabled: the endpoint said 410 `gone`, or failed for all the `days`"
    )
    through: int = Field(alias="cursor", serialization_alias="through", description="the last event that was taken up")
    failures: int = Field(description="in a row; five make `failing`")
    failing_since: datetime | None
    next_try_at: datetime | None = Field(description="null: at once")
    made_at: datetime
    approved_at: datetime | None
    verified_at: datetime | None
    disabled_at: datetime | None
    closed_at: datetime | None
    last_secret_until: datetime | None = Field(description="until then the secret before the last rotation signs along")
    test: WebhookTest | None


class WebhookDetails(WebhookResponse):
    deliveries: DeliveryFigures


class WebhookPage(Page[WebhookResponse]):
    pass


class NewWebhookResponse(Response):
    webhook_id: UUID
    state: State
    secret: str | None = Field(description="`whsec_…`, shown this once; null where the answer is repeated")


class ReplayResponse(Response):
    webhook_id: UUID
    events: int = Field(description="at most; of each watch its newest state alone is told")


class DeliveryResponse(Response):
    """An event on its way. Its content is in `GET /v1/watch-events`; the receiver's response is not kept."""

    sequence: int
    type: EventType
    state: DeliveryState
    pending_since: datetime
    due_at: datetime = Field(description="of a pending one: not before; its endpoint may have to wait longer")
    tries: int
    tried_at: datetime | None
    status: int | None
    error: str | None = Field(
        description="of the last try, in a word: `status`, `redirect`, `gone`, `timeout`, `timeout-connect`, `refused`, "
        "`unreachable`, `tls`, `cut`, `protocol`, `error`, `unresolved`, or the rule of targets that it broke"
    )
    milliseconds: int | None
    settled_at: datetime | None


class DeliveryPage(Response):
    items: list[DeliveryResponse]
    next: int | None = Field(description="what `before` is to be next")

    @classmethod
    def of(cls, items: list[DeliveryResponse], query: "DeliveryQuery") -> Self:
        """A page that is not full is the last, as `Page.of` has it."""
        return cls(items=items, next=items[-1].sequence if len(items) == query.limit else None)


class ToldUnit(Response):
    agency: str
    name: str
    checks: int = Field(description="that were answered block or flag by the listing")
    told: int = Field(description="of how many of them the unit was told")
    since: datetime = Field(description="when the first of them was put into its feed")
    told_at: datetime | None = Field(
        description="at the latest, of all of them; null where not told, or no longer known"
    )


class ToldUnits(Response):
    items: list[ToldUnit]
    withdrawn_at: datetime
    complete: bool = Field(description="false: checks that rested on the listing are still being looked for")


class PublicKey(Response):
    key_id: str
    algorithm: Literal["ed25519"] = "ed25519"
    public_key: str = Field(description="`whpk_…`, for `v1a` of Standard Webhooks 1.0")
    pem: str = Field(description="the same for openssl")


class PublicKeys(Response):
    items: list[PublicKey]


class WebhookQuery(PageQuery):
    state: State | None = None


class DeliveryQuery(Parameters):
    state: DeliveryState | None = None
    before: Annotated[int, Field(ge=1, le=LARGEST_SEQUENCE)] = LARGEST_SEQUENCE
    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE)] = USUAL_PAGE
