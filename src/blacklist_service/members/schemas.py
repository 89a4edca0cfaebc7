"""Requests and responses of members and their keys."""

from datetime import date, datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from blacklist_service.access.scopes import Role
from blacklist_service.members.rules import LONGEST_KEY_DAYS, MemberKind
from blacklist_service.web.paging import Page, PageQuery
from blacklist_service.web.wire import Code, LegalDate, Name, Request, Response, text


class MemberRequest(Request):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"code": "GD-URBAN", "name": "官渡区城市管理局", "kind": "agency"}]}
    )

    code: Code
    name: Name
    kind: MemberKind
    court_code: Annotated[str, *text(16)] | None = None


class NameRequest(Request):
    model_config = ConfigDict(
        populate_by_name=True, json_schema_extra={"examples": [{"name": "官渡区卫生健康局", "from": "2019-03-01"}]}
    )

    name: Name
    since: LegalDate = Field(alias="from")


class SuccessorRequest(Request):
    model_config = ConfigDict(json_schema_extra={"examples": [{"successor": "GD-EMERGENCY", "on": "2019-03-01"}]})

    successor: Code
    on: LegalDate


class Contacts(Request):
    """Whom to call about notices and supervision."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"responsible_leader": "样例", "department": "办公室", "liaison": "样例", "phone": "0871-00000000"}
            ]
        }
    )

    responsible_leader: Annotated[str, *text(100)] | None = None
    department: Annotated[str, *text(100)] | None = None
    liaison: Annotated[str, *text(100)] | None = None
    phone: Annotated[str, *text(50)] | None = None


class MattersRequest(Request):
    model_config = ConfigDict(json_schema_extra={"examples": [{"matters": ["vehicle_transfer"]}]})

    matters: list[Code] | None = Field(description="null: its keys are not narrowed")


class KeyRequest(Request):
    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "agency", "days": 180}]})

    role: Role
    matters: list[Code] | None = Field(None, description="default: all that the member may ask today")
    days: Annotated[int, Field(ge=1, le=LONGEST_KEY_DAYS)] = LONGEST_KEY_DAYS


class DatedName(Response):
    name: str
    since: date | None = Field(alias="from", description="null: from the beginning")


class Successor(Response):
    member: str
    on: date | None


class MemberResponse(Response):
    code: str
    name: str
    kind: MemberKind
    court_code: str | None
    matters: list[str] | None
    added_at: datetime
    names: list[DatedName]
    successors: list[Successor]
    contacts: Contacts | None


class MemberPage(Page[MemberResponse]):
    pass


class KeyResponse(Response):
    key_id: str
    role: Role
    matters: list[str]
    made_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class KeyPage(Response):
    items: list[KeyResponse]


class NewKeyResponse(Response):
    key_id: str
    key: str | None = Field(description="shown this once; null where the answer is repeated")


class RevocationRequest(Request):
    """An empty body is enough."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})


class RevocationResponse(Response):
    key_id: str
    revoked: bool = True


class MemberQuery(PageQuery):
    kind: MemberKind | None = None
