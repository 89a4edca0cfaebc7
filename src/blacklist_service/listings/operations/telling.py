"""Who else is told of a listing (Art. 8): the court says whom, when and by what; a letter to print, and proof in the ledger.

Nothing leaves by itself.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from html import escape
from uuid import UUID

import asyncpg
import orjson

from blacklist_service.clock import legal_date, new_id
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.entries import Action, Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.listings import reading
from blacklist_service.listings.operations.acts import Court
from blacklist_service.listings.problems import ListingEnded, ListingNotFound
from blacklist_service.listings.rules import ListingState
from blacklist_service.problems import FieldError, InvalidRequest
from blacklist_service.secrecy import Cipher, Secrecy

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


async def record_notification(
    connection: Connection,
    listing_id: UUID,
    *,
    addressee_kind: str,
    addressee: str,
    sent_on: date,
    means: str,
    court: Court,
) -> Notification:
    """Keep whom the court told; raise `ListingEnded` where there is nothing to tell any more."""
    at = await database_clock(connection)
    row = await _own(connection, listing_id, court.code)
    state = reading.listing_wire(row, today=legal_date(at))["state"]
    if state is not ListingState.PUBLISHED:
        raise ListingEnded
    if sent_on > legal_date(at):
        raise InvalidRequest(errors=[FieldError("/sent_on", "in-future", "it has not been sent yet")])
    notification_id = new_id(at)
    sealed = orjson.dumps({"addressee": addressee, "means": means})
    await connection.execute(
        """
        INSERT INTO listing_notifications
            (id, listing_id, court_code, addressee_kind, sent_on, sealed, member, operator, at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """,
        *(notification_id, listing_id, court.code, addressee_kind, sent_on),
        _cipher(court.secrecy).seal(sealed, notification_id.bytes),
        *(court.actor.member, court.actor.operator, at),
    )
    facts = {
        "court": court.code,
        "notification": str(notification_id),
        "addressee_kind": addressee_kind,
        "sent_on": sent_on.isoformat(),
    }
    private = {"addressee": addressee, "means": means}
    entry = Entry(Action.LISTING_NOTIFIED, court.actor, listing_ids=(listing_id,), facts=facts, private=private)
    await record(connection, [entry], at=at, secrecy=court.secrecy)
    return Notification(
        notification_id, listing_id, addressee_kind, addressee, sent_on, means, court.actor.operator, at
    )


async def list_notifications(
    connection: Connection, listing_id: UUID, *, court_code: str, secrecy: Secrecy
) -> list[Notification]:
    """Oldest first, of the court's own listing."""
    await _own(connection, listing_id, court_code)
    rows = await connection.fetch("SELECT * FROM listing_notifications WHERE listing_id = $1 ORDER BY id", listing_id)
    return [_notification(row, secrecy) for row in rows]


async def write_letter(
    connection: Connection, listing_id: UUID, notification_id: UUID, *, court_code: str, secrecy: Secrecy
) -> str | None:
    """The letter of a notification, to print and seal by hand; None where there is none of that id."""
    listing = await _own(connection, listing_id, court_code)
    row = await connection.fetchrow(
        "SELECT * FROM listing_notifications WHERE id = $1 AND listing_id = $2", notification_id, listing_id
    )
    if row is None:
        return None
    told, document = _notification(row, secrecy), listing["document"]
    decision = document["decision"]["document_number"]
    lines = [
        ("被执行人", listing["debtor_name"]),
        ("证件号码", listing["identifier_masked"] or "未登记"),
        ("执行案号", listing["case_number"]),
        ("决定书文号", decision or "见决定书"),
        ("发布日期", listing["published_on"].isoformat()),
        ("期限届满", listing["expires_on"].isoformat() if listing["expires_on"] else "未设期限"),
        ("送达方式", told.means),
        ("通报编号", str(notification_id)),
    ]
    rows = "".join(f"<tr><th>{escape(label)}</th><td>{escape(value)}</td></tr>" for label, value in lines)
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>失信被执行人信息通报函</title><style>'
        "body{font-family:serif;max-width:46em;margin:2em auto}h1{text-align:center}"
        "table{border-collapse:collapse;width:100%}"
        "th,td{border:1px solid #999;padding:.4em;text-align:left}th{width:9em}.sign{text-align:right;margin-top:3em}"
        f"</style></head><body><h1>失信被执行人信息通报函</h1><p>{escape(told.addressee)}：</p>"
        "<p>依照《最高人民法院关于公布失信被执行人名单信息的若干规定》第八条，现将下列失信被执行人信息通报你单位。"
        f"{REASONS[told.addressee_kind]}</p><table>{rows}</table>"
        "<p>信息删除、更正或者撤销后，以人民法院公布的名单为准。</p>"
        f'<p class="sign">{escape(listing["court_name"])}<br>{told.sent_on.isoformat()}</p></body></html>\n'
    )


async def _own(connection: Connection, listing_id: UUID, court_code: str) -> asyncpg.Record:
    row = await reading.find_listing(connection, listing_id)
    if row is None or row["court_code"] != court_code:
        raise ListingNotFound
    return row


def _notification(row: asyncpg.Record, secrecy: Secrecy) -> Notification:
    sealed = orjson.loads(_cipher(secrecy).open(row["sealed"], row["id"].bytes))
    return Notification(
        notification_id=row["id"],
        listing_id=row["listing_id"],
        addressee_kind=row["addressee_kind"],
        addressee=sealed["addressee"],
        sent_on=row["sent_on"],
        means=sealed["means"],
        operator=row["operator"],
        at=row["at"].astimezone(UTC),
    )


def _cipher(secrecy: Secrecy) -> Cipher:
    return secrecy.cipher("notifications")
