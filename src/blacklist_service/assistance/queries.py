"""Reads of notices, only for the court that served them and the unit they were served on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import orjson

from blacklist_service.access.principals import Principal
from blacklist_service.assistance.rules import (
    NoticeState,
    Urgency,
    escalates_at,
    is_overdue,
    state_of,
)
from blacklist_service.clock import legal_date
from blacklist_service.database.connections import Connection
from blacklist_service.database.statements import Deferred, composed
from blacklist_service.secrecy import Secrecy

if TYPE_CHECKING:
    from blacklist_service.assistance import selects
else:
    selects = Deferred("blacklist_service.assistance.selects")


@dataclass(frozen=True, slots=True)
class Notice:
    """The state of a notice at an instant. `waiting_order` counts those on the same object from 1 (轮候)."""

    notice_id: UUID
    number: str
    case_number: str
    ruling_number: str
    court: str
    court_code: str
    agency: str
    action: str
    subject: dict[str, Any]
    object: str | None
    object_kind: str | None
    valid_until: date | None
    due_at: datetime | None
    urgency: Urgency
    text: str
    state: NoticeState
    is_overdue: bool
    served_at: datetime
    acknowledged_at: datetime | None
    escalates_at: datetime | None
    escalated_at: datetime | None
    answered_at: datetime | None
    result: str | None
    reply: str | None
    findings: list[dict[str, Any]]
    released_at: datetime | None
    waiting_order: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a notice; `version` is the notices' version that it created."""

    version: int
    act: str
    at: datetime
    member: str | None
    operator: str | None
    valid_until: date | None
    detail: dict[str, Any]


async def find_notice(
    connection: Connection, notice_id: UUID, caller: Principal, *, secrecy: Secrecy, at: datetime
) -> Notice | None:
    found = await composed(selects.one_notice)
    rows = await found.fetch(connection, notice_id=notice_id, **_asked_by(caller, at))
    return _notice(rows[0], secrecy, at) if rows else None


async def does_notice_exist(connection: Connection, notice_id: UUID) -> bool:
    return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM notices WHERE id = $1)", notice_id))


async def list_notices(
    connection: Connection,
    caller: Principal,
    *,
    state: str | None,
    before: UUID,
    limit: int,
    secrecy: Secrecy,
    at: datetime,
) -> list[Notice]:
    """Newest first. `overdue` is a state here: due, and neither answered nor ended."""
    page = await composed(selects.page_of_notices, state=state)
    rows = await page.fetch(connection, before=before, limit=limit, **_asked_by(caller, at))
    return [_notice(row, secrecy, at) for row in rows]


async def list_steps(connection: Connection, notice_id: UUID, *, secrecy: Secrecy) -> list[Step]:
    rows = await connection.fetch("SELECT * FROM notice_events WHERE notice_id = $1 ORDER BY version", notice_id)
    cipher = secrecy.cipher("notices")
    return [
        Step(
            version=row["version"],
            act=row["act"],
            at=row["at"].astimezone(UTC),
            member=row["member"],
            operator=row["operator"],
            valid_until=row["valid_until"],
            detail={} if row["detail"] is None else orjson.loads(cipher.open(row["detail"], notice_id.bytes)),
        )
        for row in rows
    ]


async def get_notices_version(connection: Connection) -> int:
    version: int = await connection.fetchval("SELECT version FROM heads WHERE name = 'notices'")
    return version


async def list_events(
    connection: Connection, caller: Principal, *, after: int, secrecy: Secrecy, at: datetime
) -> Sequence[tuple[int, str, Notice]]:
    """Steps after a version in the caller's notices, oldest first: version, act, the notice as it was then."""
    found = await composed(selects.events_after)
    rows = await found.fetch(connection, after=after, **_asked_by(caller, at))
    return [(row["event_version"], row["event_act"], _notice(row, secrecy, at)) for row in rows]


def _asked_by(caller: Principal, at: datetime) -> dict[str, Any]:
    return {"court_code": caller.court_code, "member": caller.member, "today": legal_date(at)}


def _notice(row: asyncpg.Record, secrecy: Secrecy, at: datetime) -> Notice:
    cipher = secrecy.cipher("notices")
    secret = orjson.loads(cipher.open(row["secret"], row["id"].bytes))
    reply = None if row["reply"] is None else cipher.open(row["reply"], row["id"].bytes).decode()
    state = state_of(
        acknowledged_at=row["acknowledged_at"],
        answered_at=row["answered_at"],
        released_at=row["released_at"],
        valid_until=row["valid_until"],
        on=legal_date(at),
    )
    return Notice(
        notice_id=row["id"],
        number=row["number"],
        case_number=row["case_number"],
        ruling_number=row["ruling_number"],
        court=row["court_name"],
        court_code=row["court_code"],
        agency=row["agency"],
        action=row["action"],
        subject=secret["subject"],
        object=row["object"],
        object_kind=row["object_kind"],
        valid_until=row["valid_until"],
        due_at=row["due_at"],
        urgency=Urgency(row["urgency"]),
        text=secret["text"],
        state=state,
        is_overdue=is_overdue(state, row["due_at"], at),
        served_at=row["served_at"].astimezone(UTC),
        acknowledged_at=row["acknowledged_at"],
        escalates_at=escalates_at(Urgency(row["urgency"]), row["served_at"]),
        escalated_at=row["escalated_at"],
        answered_at=row["answered_at"],
        result=row["result"],
        reply=reply,
        findings=[] if row["findings"] is None else orjson.loads(cipher.open(row["findings"], row["id"].bytes)),
        released_at=row["released_at"],
        waiting_order=row["waiting_order"],
    )


async def list_addressees(connection: Connection) -> list[asyncpg.Record]:
    """The units, by code; a unit with a successor can no longer be served."""
    return await connection.fetch(
        """
        SELECT code, name FROM members m WHERE kind = 'agency'
          AND NOT EXISTS (SELECT FROM member_lineage l WHERE l.ancestor = m.code AND l.member <> m.code)
        ORDER BY code
        """
    )
