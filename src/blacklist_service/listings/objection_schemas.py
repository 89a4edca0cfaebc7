"""Requests and responses of objections."""

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from blacklist_service.web.paging import Page, PageQuery
from blacklist_service.web.wire import Code, LegalDate, LongText, OperatorName, Request, Response

Grounds = Literal["not_to_be_listed", "inaccurate", "to_be_deleted", "not_the_debtor"]


class ObjectionRequest(Request):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "listing_id": "0197c9a5-7c00-7000-8000-000000000001",
                    "received_on": "2018-05-02",
                    "grounds": "inaccurate",
                    "text": "金额有误",
                }
            ]
        }
    )

    listing_id: UUID
    received_on: LegalDate
    grounds: Grounds
    text: LongText
    filed_by_member: Code | None = Field(
        None, description="the unit that files it for the person: a unit's own code, or whose the court passes on"
    )
    operator: OperatorName | None = None


class ObjectionDecisionRequest(Request):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"result": "upheld", "decided_on": "2018-05-10", "reason": "异议成立"}]}
    )

    result: Literal["upheld", "rejected"]
    decided_on: LegalDate
    reason: LongText
    operator: OperatorName | None = None


class ReconsiderationRequest(Request):
    model_config = ConfigDict(json_schema_extra={"examples": [{"filed_on": "2018-05-12"}]})

    filed_on: LegalDate
    operator: OperatorName | None = None


class ObjectionResponse(Response):
    objection_id: UUID
    listing_id: UUID
    court_code: str
    grounds: Grounds
    state: Literal["filed", "rejected", "upheld", "reconsideration"]
    received_on: date
    due_on: date = Field(description="the last day for the step this state waits for")
    is_overdue: bool
    decided_on: date | None = Field(description="of the court itself; a decision on reconsideration has its own day")
    reconsideration_filed_on: date | None
    reconsideration_decided_on: date | None
    led_to: str | None = Field(description="the act that an upheld objection led to")
    led_to_version: int | None
    filed_by_member: str | None


class ObjectionPage(Page[ObjectionResponse]):
    pass


class ObjectionQuery(PageQuery):
    listing_id: UUID | None = None
