"""The letter by which a court notifies others of a listing (Art. 8 of the Provisions on the list). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from html import escape
from typing import Any
from uuid import UUID

from blacklist_service.listings.printing import sheet, table

TITLE = "失信被执行人信息通报函"
REASONS = {
    "employer": "该人系贵单位工作人员，依照规定通报其所在单位。",
    "superior": "该单位系贵单位所属或者主管，依照规定通报其上级单位、主管部门。",
    "investor": "贵单位系该单位的出资人或者履行出资人职责的机构，依照规定予以通报。",
    "credit_bureau": "请依照规定将该失信信息记入信用信息系统。",
    "industry_body": "请依照规定在行业管理中对该失信信息予以参考。",
}


@dataclass(frozen=True, slots=True)
class Notification:
    notification_id: UUID
    listing_id: UUID
    addressee_kind: str
    addressee: str
    sent_on: date
    means: str
    operator: str | None
    at: datetime


def letter(told: Notification, listing: Mapping[str, Any]) -> str:
    """A page to print and to seal by hand. `listing` is the row that `reading.find_listing` returns."""
    lines = [
        ("被执行人", listing["debtor_name"]),
        ("证件号码", listing["identifier_masked"] or "未登记"),
        ("执行案号", listing["case_number"]),
        ("决定书文号", listing["document"]["decision"]["document_number"] or "见决定书"),
        ("发布日期", listing["published_on"].isoformat()),
        ("期限届满", listing["expires_on"].isoformat() if listing["expires_on"] else "未设期限"),
        ("送达方式", told.means),
        ("通报编号", str(told.notification_id)),
    ]
    body = (
        f"<p>{escape(told.addressee)}：</p>"
        "<p>依照《最高人民法院关于公布失信被执行人名单信息的若干规定》第八条，现将下列失信被执行人信息通报你单位。"
        f"{REASONS[told.addressee_kind]}</p>{table(lines)}"
        "<p>信息删除、更正或者撤销后，以人民法院公布的名单为准。</p>"
        f'<p class="sign">{escape(listing["court_name"])}<br>{told.sent_on.isoformat()}</p>'
    )
    return sheet(TITLE, body, style=".sign{text-align:right;margin-top:3em}")
