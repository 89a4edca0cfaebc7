"""The acts on a notice: serve, acknowledge, reply, renew, release; and the escalation of unacknowledged emergencies.

Every step takes the next version of the notices under the lock of their head, and is a ledger entry in the same transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from blacklist_service.access.desks import Desk
from blacklist_service.access.principals import Actor
from blacklist_service.access.scopes import Scope
from blacklist_service.assistance.problems import NoticeEnded, NoticeExists
from blacklist_service.assistance.queries import Notice, does_notice_exist, find_notice
from blacklist_service.assistance.rules import (
    DECIDING,
    UNLIMITED,
    WORKING_DAYS_TO_REPLY,
    NoticeAction,
    NoticeState,
    ObjectKind,
    ReplyResult,
    Urgency,
    last_day,
    object_key,
)
from blacklist_service.clock import SHANGHAI, legal_date, new_id
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry, EntrySubject
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.listings.deadlines import working_days_after
from blacklist_service.members.queries import is_agency
from blacklist_service.problems import FieldError, InvalidRequest, NotFound, NotYours
from blacklist_service.secrecy import Secrecy
from blacklist_service.subjects.identifiers import mask_identifier
from blacklist_service.subjects.keys import Subject, listed_keys
from blacklist_service.subjects.names import mask_name

ACTION_OF_ACT: Mapping[str, Action] = {
    "served": Action.NOTICE_SERVED,
    "acknowledged": Action.NOTICE_ACKNOWLEDGED,
    "answered": Action.NOTICE_ANSWERED,
    "renewed": Action.NOTICE_RENEWED,
    "released": Action.NOTICE_RELEASED,
    "escalated": Action.NOTICE_ESCALATED,
    "attached": Action.NOTICE_ATTACHED,
}


@dataclass(frozen=True, slots=True)
class NoticeContent:
    """The content of a notice; `subject_wire` is the subject as it was sent."""

    number: str
    case_number: str
    ruling_number: str
    agency: str
    action: NoticeAction
    subject: Subject
    subject_wire: Mapping[str, Any]
    object: str | None
    object_kind: ObjectKind | None
    valid_until: date | None
    due_at: datetime | None
    urgency: Urgency
    text: str


@dataclass(frozen=True, slots=True)
class _Step:
    notice_id: UUID
    agency: str
    court_code: str
    act: str
    valid_until: date | None = None
    detail: Mapping[str, Any] | None = None
    subject: EntrySubject | None = None
    facts: Mapping[str, str | int] = field(default_factory=dict)


async def serve_notice(connection: Connection, content: NoticeContent, *, desk: Desk) -> Notice:
    """Serve a notice on a unit; from the commit on, a stop notice blocks that unit's matters."""
    at = await _take_turn(connection)
    served_at = at.replace(microsecond=0)
    valid_until = _valid_until(content, legal_date(at))
    if not await is_agency(connection, content.agency):
        raise InvalidRequest(errors=[FieldError("/agency", "unknown", "no unit of this code")])
    court_name = await connection.fetchval("SELECT name FROM members WHERE code = $1", desk.caller.member)
    notice_id = new_id(at)
    identifier = content.subject.identifier
    secret = orjson.dumps({"subject": content.subject_wire, "text": content.text})
    try:
        async with connection.transaction():
            await connection.execute(
                """
                INSERT INTO notices (id, number, case_number, ruling_number, court_member, court_code, court_name, agency,
                    action, subject_kind, subject_name, identifier_masked, object, object_key, object_kind, valid_until,
                    due_at, urgency, secret, served_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
                """,
                *(notice_id, content.number, content.case_number, content.ruling_number, desk.caller.member),
                *(desk.caller.court_code, court_name, content.agency, content.action, content.subject.kind),
                *(content.subject.name, mask_identifier(identifier.number) if identifier else None),
                *(content.object, object_key(content.object), content.object_kind, valid_until),
                content.due_at or _usual_due(legal_date(at)),
                *(content.urgency, desk.secrecy.cipher("notices").seal(secret, notice_id.bytes), served_at),
            )
    except asyncpg.UniqueViolationError:
        raise NoticeExists from None
    keys = listed_keys(content.subject, desk.digester)
    if content.action in DECIDING:
        await connection.executemany(
            "INSERT INTO notice_keys (digest, notice_id, kind) VALUES ($1, $2, $3)",
            [(key.digest, notice_id, int(key.kind)) for key in keys],
        )
    subject = EntrySubject(
        digest=keys[0].digest,
        name_masked=mask_name(content.subject.name),
        identifier_masked=mask_identifier(identifier.number) if identifier else None,
        role=None,
        private=content.subject_wire,
    )
    step = _Step(notice_id, content.agency, desk.caller.court_code or "", "served", valid_until, subject=subject)
    await _take_step(connection, step, at=at, actor=desk.actor, secrecy=desk.secrecy)
    return await _reread(connection, notice_id, desk, at)


async def acknowledge_notice(connection: Connection, notice_id: UUID, *, desk: Desk) -> Notice:
    """The addressee has received it. A second acknowledgement changes nothing."""
    at = await _take_turn(connection)
    notice = await _lock_addressed(connection, notice_id, desk, at)
    if notice.acknowledged_at is not None:
        return notice
    _refuse_ended(notice, NoticeState.RELEASED, NoticeState.EXPIRED)
    await connection.execute("UPDATE notices SET acknowledged_at = $2 WHERE id = $1", notice_id, at)
    step = _Step(notice_id, notice.agency, notice.court_code, "acknowledged")
    await _take_step(connection, step, at=at, actor=desk.actor, secrecy=desk.secrecy)
    return await _reread(connection, notice_id, desk, at)


async def reply_to_notice(
    connection: Connection,
    notice_id: UUID,
    *,
    result: ReplyResult,
    text: str,
    findings: Sequence[Mapping[str, Any]] = (),
    desk: Desk,
) -> Notice:
    """What the addressee did and found. A reply also acknowledges, does not end a stop notice, and can be repeated."""
    at = await _take_turn(connection)
    notice = await _lock_addressed(connection, notice_id, desk, at)
    _refuse_ended(notice, NoticeState.RELEASED)
    await connection.execute(
        "UPDATE notices SET acknowledged_at = coalesce(acknowledged_at, $2), answered_at = $2, result = $3, reply = $4,"
        " findings = $5 WHERE id = $1",
        *(notice_id, at, result, desk.secrecy.cipher("notices").seal(text.encode(), notice_id.bytes)),
        desk.secrecy.cipher("notices").seal(orjson.dumps(list(findings)), notice_id.bytes) if findings else None,
    )
    detail: dict[str, Any] = {"result": result, "text": text} | ({"findings": list(findings)} if findings else {})
    step = _Step(notice_id, notice.agency, notice.court_code, "answered", detail=detail)
    await _take_step(connection, step, at=at, actor=desk.actor, secrecy=desk.secrecy)
    return await _reread(connection, notice_id, desk, at)


async def attach_to_notice(
    connection: Connection, notice_id: UUID, *, facts: Mapping[str, str | int], desk: Desk
) -> None:
    """Record a file that the court or the addressee attached to a notice: a step that both see."""
    at = await _take_turn(connection)
    notice = await _lock(connection, notice_id, desk, at)
    step = _Step(notice_id, notice.agency, notice.court_code, "attached", detail=dict(facts), facts=facts)
    await _take_step(connection, step, at=at, actor=desk.actor, secrecy=desk.secrecy)


async def renew_notice(
    connection: Connection, notice_id: UUID, *, valid_until: date, ruling_number: str, desk: Desk
) -> Notice:
    """Extend a notice before it ends, on another ruling; the limit counts from the day of renewal."""
    at = await _take_turn(connection)
    notice = await _lock_served(connection, notice_id, desk, at)
    _refuse_ended(notice, NoticeState.RELEASED, NoticeState.EXPIRED)
    object_kind = ObjectKind(notice.object_kind) if notice.object_kind else None
    action = NoticeAction(notice.action)
    latest = date.max if action in UNLIMITED else last_day(action, object_kind, legal_date(at))
    if latest is None or notice.valid_until is None:
        raise NoticeEnded("what is done once has no validity to renew")
    _require_within(valid_until, notice.valid_until, latest)
    await connection.execute(
        "UPDATE notices SET valid_until = $2, ruling_number = $3 WHERE id = $1", notice_id, valid_until, ruling_number
    )
    detail = {"ruling_number": ruling_number}
    step = _Step(notice_id, notice.agency, notice.court_code, "renewed", valid_until, detail)
    await _take_step(connection, step, at=at, actor=desk.actor, secrecy=desk.secrecy)
    return await _reread(connection, notice_id, desk, at)


async def release_notice(connection: Connection, notice_id: UUID, *, reason: str, desk: Desk) -> Notice:
    """End a notice; from the commit on it blocks nothing."""
    at = await _take_turn(connection)
    notice = await _lock_served(connection, notice_id, desk, at)
    _refuse_ended(notice, NoticeState.RELEASED)
    await connection.execute("UPDATE notices SET released_at = $2 WHERE id = $1", notice_id, at)
    await connection.execute("UPDATE notice_keys SET is_live = false WHERE notice_id = $1", notice_id)
    step = _Step(notice_id, notice.agency, notice.court_code, "released", detail={"reason": reason})
    await _take_step(connection, step, at=at, actor=desk.actor, secrecy=desk.secrecy)
    return await _reread(connection, notice_id, desk, at)


async def escalate_notice(connection: Connection, row: asyncpg.Record, *, secrecy: Secrecy) -> None:
    """Mark an emergency that was not acknowledged in time: seen by court, addressee and supervision."""
    at = await _take_turn(connection)
    marked = await connection.fetchval(
        "UPDATE notices SET escalated_at = $2 WHERE id = $1 AND acknowledged_at IS NULL AND released_at IS NULL"
        " AND escalated_at IS NULL RETURNING true",
        *(row["id"], at),
    )
    if marked:
        step = _Step(row["id"], row["agency"], row["court_code"], "escalated")
        await _take_step(connection, step, at=at, actor=Actor(), secrecy=secrecy)


async def _take_turn(connection: Connection) -> datetime:
    """Writers of notices take turns, so that versions are gapless and in commit order; return the instant afterwards."""
    await connection.execute("SELECT FROM heads WHERE name = 'notices' FOR UPDATE")
    return await database_clock(connection)


async def _take_step(connection: Connection, step: _Step, *, at: datetime, actor: Actor, secrecy: Secrecy) -> None:
    version = await connection.fetchval(
        "UPDATE heads SET version = version + 1, changed_at = $1 WHERE name = 'notices' RETURNING version", at
    )
    detail = None
    if step.detail is not None:
        detail = secrecy.cipher("notices").seal(orjson.dumps(step.detail), step.notice_id.bytes)
    await connection.execute(
        """
        INSERT INTO notice_events (version, notice_id, agency, court_code, act, at, member, operator, valid_until, detail)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        """,
        *(version, step.notice_id, step.agency, step.court_code, step.act, at),
        *(actor.member, actor.operator, step.valid_until, detail),
    )
    entry = Entry(
        action=ACTION_OF_ACT[step.act],
        actor=actor,
        notices_version=version,
        subjects=(step.subject,) if step.subject else (),
        facts={"notice": str(step.notice_id), "addressee": step.agency, "court": step.court_code, **step.facts},
        private=step.detail or {},
    )
    await record(connection, [entry], at=at, secrecy=secrecy)


async def _lock_addressed(connection: Connection, notice_id: UUID, desk: Desk, at: datetime) -> Notice:
    notice = await _lock(connection, notice_id, desk, at)
    if not desk.caller.may(Scope.NOTICES_ANSWER):
        raise NotYours
    return notice


async def _lock_served(connection: Connection, notice_id: UUID, desk: Desk, at: datetime) -> Notice:
    notice = await _lock(connection, notice_id, desk, at)
    if notice.court_code != desk.caller.court_code:
        raise NotYours
    return notice


async def _lock(connection: Connection, notice_id: UUID, desk: Desk, at: datetime) -> Notice:
    """The head is locked, so nobody else can write a notice now."""
    notice = await find_notice(connection, notice_id, desk.caller, secrecy=desk.secrecy, at=at)
    if notice is None:
        raise NotYours if await does_notice_exist(connection, notice_id) else NotFound
    return notice


async def _reread(connection: Connection, notice_id: UUID, desk: Desk, at: datetime) -> Notice:
    notice = await find_notice(connection, notice_id, desk.caller, secrecy=desk.secrecy, at=at)
    assert notice is not None  # noqa: S101 - it was just written
    return notice


def _valid_until(content: NoticeContent, today: date) -> date | None:
    """As served, within the law's limit. A binding notice that names no day binds as long as the law allows; if the law sets
    no limit, the notice must name a day.
    """
    if content.action in UNLIMITED:
        if content.valid_until is None:
            message = "the law names no longest time for this kind: the notice names its last day"
            raise InvalidRequest(errors=[FieldError("/valid_until", "missing", message)])
        _require_within(content.valid_until, today, date.max)
        return content.valid_until
    latest = last_day(content.action, content.object_kind, today)
    if latest is None:
        return content.valid_until
    if content.valid_until is None:
        return latest
    _require_within(content.valid_until, today, latest)
    return content.valid_until


def _usual_due(served_on: date) -> datetime:
    """The end of the third working day after service."""
    last = working_days_after(served_on, WORKING_DAYS_TO_REPLY).on
    return datetime.combine(last, time(23, 59, 59), SHANGHAI).astimezone(UTC)


def _require_within(valid_until: date, earliest: date, latest: date) -> None:
    if valid_until < earliest:
        raise InvalidRequest(errors=[FieldError("/valid_until", "too-early", f"not before {earliest}")])
    if valid_until > latest:
        message = f"a notice of this kind binds until {latest} at most, and can be renewed"
        raise InvalidRequest(errors=[FieldError("/valid_until", "beyond-limit", message)])


def _refuse_ended(notice: Notice, *states: NoticeState) -> None:
    if notice.state in states:
        raise NoticeEnded(f"the notice is {notice.state.value}")
