"""Requests and responses of certificates and notifications."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict

from blacklist_service.web.wire import LegalDate, Name, OperatorName, Request, Response, text


class CertificateRequest(Request):
    model_config = ConfigDict(json_schema_extra={"examples": [{"operator": "li.na"}]})

    operator: OperatorName | None = None


class NotificationRequest(Request):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "addressee_kind": "employer",
                    "addressee": "昆明市官渡区某某中学",
                    "sent_on": "2018-05-02",
                    "means": "机要交换",
                }
            ]
        }
    )

    addressee_kind: Literal["employer", "superior", "investor", "credit_bureau", "industry_body"]
    addressee: Name
    sent_on: LegalDate
    means: Annotated[str, *text(200)]
    operator: OperatorName | None = None


class NotificationResponse(Response):
    notification_id: UUID
    listing_id: UUID
    addressee_kind: Literal["employer", "superior", "investor", "credit_bureau", "industry_body"]
    addressee: str
    sent_on: date
    means: str
    operator: str | None
    at: datetime


class NotificationPage(Response):
    items: list[NotificationResponse]


class Issued(Response):
    """What is stored of an issue for a replay: the page itself is rendered again from the statement."""

    number: str
