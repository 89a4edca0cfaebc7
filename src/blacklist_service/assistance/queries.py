"""Reads of notices: for the court that served and the unit it was served on, and nobody else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
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
from blacklist_service.secrecy import Secrecy

# $1 the court's code, or null; $2 the member: the addressee or whoever took its place.
MINE = """
(n.court_code = $1 OR EXISTS (SELECT FROM member_lineage l WHERE l.ancestor = n.agency AND l.member = $2))
"""
WAITING_ORDER = """
CASE WHEN n.object_key IS NULL OR n.action NOT IN ('seize', 'freeze', 'stop_transfer') OR n.released_at IS NOT NULL
THEN NULL ELSE 1 + (
    SELECT count(*) FROM notices e
    WHERE e.agency = n.agency AND e.object_key = n.object_key AND e.action IN ('seize', 'freeze', 'stop_transfer')
      AND e.released_at IS NULL AND (e.valid_until IS NULL OR e.valid_until >= $3)
      AND (e.served_at, e.id) < (n.served_at, n.id)
) END AS waiting_order
"""
STATES = {
    "served": "acknowledged_at IS NULL AND answered_at IS NULL",
    "acknowledged": "acknowledged_at IS NOT NULL AND answered_at IS NULL",
    "answered": "answered_at IS NOT NULL",
    "released": "released_at IS NOT NULL",
    "expired": "released_at IS NULL AND valid_until < $3",
    "overdue": "answered_at IS NULL AND due_at < clock_timestamp()",
}
NOT_ENDED = "released_at IS NULL AND (valid_until IS NULL OR valid_until >= $3)"
ENDED = frozenset({"released", "expired"})


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice as it stands at an instant. `waiting_order` counts those on the same object from 1 (轮候)."""

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
    released_at: datetime | None
    waiting_order: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a notice; `version` is the notices' version that it made."""

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
    rows = await connection.fetch(
        f"SELECT n.*, {WAITING_ORDER} FROM notices n WHERE n.id = $4 AND {MINE}",
        *(caller.court_code, caller.member, legal_date(at), notice_id),
    )
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
    """Newest first. `overdue` is a state here: what was due and is neither answered nor ended."""
    wanted = "true" if state is None else STATES[state]
    if state is not None and state not in ENDED:
        wanted = f"{wanted} AND {NOT_ENDED}"
    rows = await connection.fetch(
        f"SELECT n.*, {WAITING_ORDER} FROM notices n WHERE n.id < $4 AND {MINE} AND ({wanted})"
        " AND $3::date IS NOT NULL ORDER BY n.id DESC LIMIT $5",
        *(caller.court_code, caller.member, legal_date(at), before, limit),
    )
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
    """Steps after a version in notices that are the caller's, oldest first: version, act, the notice as it stands."""
    rows = await connection.fetch(
        f"""
        SELECT v.version AS event_version, v.act AS event_act, n.*, {WAITING_ORDER}
        FROM notice_events v JOIN notices n ON n.id = v.notice_id
        WHERE v.version > $4 AND {MINE} ORDER BY v.version LIMIT 500
        """,
        *(caller.court_code, caller.member, legal_date(at), after),
    )
    return [(row["event_version"], row["event_act"], _notice(row, secrecy, at)) for row in rows]


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
        released_at=row["released_at"],
        waiting_order=row["waiting_order"],
    )
