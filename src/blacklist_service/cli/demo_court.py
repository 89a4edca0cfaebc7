"""Open work of the demo's court: notices, an import that waits for confirmation, two proposals; made by the service's own
operations.
"""

import csv
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import orjson

from blacklist_service.access.desks import Desk
from blacklist_service.access.principals import Actor
from blacklist_service.access.scopes import Role
from blacklist_service.assistance.operations import NoticeContent, serve_notice
from blacklist_service.assistance.rules import NoticeAction, Urgency
from blacklist_service.cli.environment import Workplace
from blacklist_service.cli.importing import load
from blacklist_service.clock import legal_date, now
from blacklist_service.database.connections import Connection
from blacklist_service.listings.rules import ImportMode
from blacklist_service.members.queries import find_credential
from blacklist_service.members.staff.queries import Account, find_account_by_login
from blacklist_service.proposals.acts import ProposalDesk
from blacklist_service.proposals.operations import make_proposal
from blacklist_service.proposals.schemas import ProposalRequest
from blacklist_service.subjects.digests import Digester
from blacklist_service.subjects.identifiers import IdentifierType, SubjectKind, read_identifier
from blacklist_service.subjects.keys import Subject

MAKER = "chen.jie"
COURT, AGENCY = "GD-COURT", "GD-HR"
LACKING, CORRECTED, REFUSED = 12, 9, 3
"""Differences of the waiting list from the loaded one: rows left out, rows with another obligation, new rows without a
name.
"""
NAME, NUMBER, CASE, OBLIGATION = 1, 4, 6, 13
EXTENDED_DAYS = 365


async def serve(
    workplace: Workplace, row: Sequence[str], number: int, *, due_at: datetime, urgency: Urgency = Urgency.NORMAL
) -> None:
    """Serve one stop notice about the person in a row on the personnel bureau."""
    identifier = read_identifier(SubjectKind.PERSON, IdentifierType.RESIDENT_ID, row[NUMBER], today=legal_date(now()))
    content = NoticeContent(
        number=f"(2026)云0111执协{number}号",
        case_number=row[6],
        ruling_number=f"{row[6]}之二",
        agency=AGENCY,
        action=NoticeAction.STOP_PROCEDURE,
        subject=Subject(SubjectKind.PERSON, row[1], identifier),
        subject_wire={
            "kind": "person", "name": row[1], "identifier": {"type": "resident_id", "number": row[NUMBER]}
        },
        object=None,
        object_kind=None,
        valid_until=None,
        due_at=due_at,
        urgency=urgency,
        text="请协助停止办理上列人员的录用手续，并于期限内回复办理情况。",
    )  # fmt: skip
    async with workplace.connected() as connection, connection.transaction():
        is_served = await connection.fetchval("SELECT EXISTS (SELECT FROM notices WHERE number = $1)", content.number)
        desk = None if is_served else await _system_desk(connection, workplace)
        if desk is not None:
            await serve_notice(connection, content, desk=desk)


async def _system_desk(connection: Connection, workplace: Workplace) -> Desk | None:
    """The court's own system, with one of its keys."""
    key_id = await connection.fetchval(
        "SELECT id FROM api_keys WHERE member = $1 AND role = $2 AND kind = 'machine' ORDER BY made_at LIMIT 1",
        *(COURT, Role.COURT.value),
    )
    credential = None if key_id is None else await find_credential(connection, key_id)
    if credential is None:
        return None
    principal, secrecy = credential.principal, workplace.secrecy
    return Desk(principal, Actor(principal.member, principal.key_id, MAKER), secrecy, Digester(secrecy.digest_key))


async def have_in_hand(workplace: Workplace, rows: Sequence[Sequence[str]]) -> None:
    """Make an import that waits, a proposed extension and a proposed publication; `rows` are those of the sample list."""
    async with workplace.connected() as connection:
        maker = await find_account_by_login(connection, MAKER, secrecy=workplace.secrecy)
    if maker is None:
        return
    await _preview(workplace, rows, maker)
    await _propose(workplace, rows, maker)


async def _preview(workplace: Workplace, rows: Sequence[Sequence[str]], maker: Account) -> None:
    """A whole list that leaves out more of the court's listings than a file may end by itself, corrects some, and has rows
    that need fixing.
    """
    changed = [list(row) for row in rows[:-LACKING]]
    for row in changed[30 : 30 + CORRECTED]:
        row[OBLIGATION] = f"{row[OBLIGATION]}及迟延履行利息"
    for number, wanting in enumerate(rows[60 : 60 + REFUSED], start=1):
        nameless = list(wanting)
        nameless[NAME], nameless[CASE] = "", f"(2026)云0111执80{number}号"
        changed.append(nameless)
    path = workplace.settings.data_dir / "whole-list.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(changed)
    actor = Actor(maker.member, maker.id, maker.login)
    court_code = rows[1][8]
    await load(
        workplace,
        path,
        court_code=court_code,
        mode=ImportMode.SNAPSHOT,
        is_dry_run=False,
        is_quiet=True,
        previewed_by=actor,
    )


async def _propose(workplace: Workplace, rows: Sequence[Sequence[str]], maker: Account) -> None:
    secrecy, today = workplace.secrecy, legal_date(now())
    desk = ProposalDesk(
        maker.principal, Actor(maker.member, maker.id, maker.login), secrecy, Digester(secrecy.digest_key), "test"
    )
    row = rows[50]
    async with workplace.connected() as connection, connection.transaction():
        listing = await connection.fetchrow("SELECT id, version FROM listings WHERE case_number = $1", row[6])
        assert listing is not None  # noqa: S101 - the sample list is loaded
        longer = {
            "expires_on": (date.fromisoformat(row[18]) + timedelta(days=EXTENDED_DAYS)).isoformat(),
            "decided_on": today.isoformat(),
            "reason": "有多项失信行为，依照第二条第三款延长期限",
        }
        extension = {
            "act": "extend",
            "listing_id": str(listing["id"]),
            "version": listing["version"],
            "extension": longer,
        }
        for asked in (extension, {"act": "publish", "publication": _publication(rows[51], today)}):
            await make_proposal(connection, ProposalRequest.model_validate_json(orjson.dumps(asked)), desk=desk)


def _publication(row: Sequence[str], today: date) -> dict[str, Any]:
    """A publication of another case of a debtor who is already listed, so that the second person sees the warning about
    it.
    """
    case = f"({today.year})云0111执701号"
    return {
        "case_number": case,
        "court": {"code": row[8], "name": row[7]},
        "debtor": {
            "kind": "person",
            "name": row[1],
            "sex": "male" if row[5] == "男性" else "female",
            "identifier": {"type": "resident_id", "number": row[NUMBER]},
        },
        "circumstances": ["C4"],
        "decision": {"document_number": f"{case}之一", "decided_on": today.isoformat()},
        "expires_on": (today + timedelta(days=730)).isoformat(),
        "basis": {"document_number": f"({today.year - 1})云0111民初701号", "issuer": row[7]},
        "filed_on": (today - timedelta(days=90)).isoformat(),
        "obligation": "支付工程款36万元",
        "performance": "none",
    }
