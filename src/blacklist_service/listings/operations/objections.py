"""Objections (申请纠正): filed, decided in 15 days, reconsidered on request; never a suspension (Art. 11, 12)."""

from dataclasses import replace
from datetime import date
from uuid import UUID

from blacklist_service.clock import legal_date, new_id
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock, was_told_of
from blacklist_service.listings.deadlines import (
    DAYS_TO_ASK_RECONSIDERATION,
    DAYS_TO_DECIDE,
    WORKING_DAYS_TO_ACT,
    days_after,
    working_days_after,
)
from blacklist_service.listings.objection_queries import Objection, find_objection, read_objection
from blacklist_service.listings.operations.acts import dispute_listing
from blacklist_service.listings.operations.carrying_out import Court
from blacklist_service.listings.problems import ListingNotFound, ObjectionClosed, ObjectionNotFound
from blacklist_service.problems import FieldError, InvalidRequest, NotYours
from blacklist_service.secrecy import Cipher

NOT_THE_DEBTOR = "not_the_debtor"
ACTION_OF_STATE = {
    "filed": Action.OBJECTION_FILED,
    "upheld": Action.OBJECTION_DECIDED,
    "rejected": Action.OBJECTION_DECIDED,
    "reconsideration": Action.OBJECTION_RECONSIDERED,
}


async def file_for_person(
    connection: Connection, listing_id: UUID, *, received_on: date, grounds: str, text: str, unit: Court
) -> Objection:
    """File that the person at a unit's window is not the debtor; only about a listing that was named in an answer to the
    unit.

    Anything else a person requests from the court itself (Art. 12).
    """
    if grounds != NOT_THE_DEBTOR:
        message = "a unit files for somebody only that he is not the debtor"
        raise InvalidRequest(errors=[FieldError("/grounds", "not-for-units", message)])
    court_code = await connection.fetchval("SELECT court_code FROM listings WHERE id = $1", listing_id)
    if court_code is None:
        raise ListingNotFound
    if not await was_told_of(connection, unit.actor.member, listing_id):
        raise NotYours
    court = replace(unit, code=court_code, is_itself=False)
    return await file_objection(
        connection,
        listing_id,
        received_on=received_on,
        grounds=grounds,
        text=text,
        court=court,
        filed_by=unit.actor.member,
    )


async def file_objection(
    connection: Connection,
    listing_id: UUID,
    *,
    received_on: date,
    grounds: str,
    text: str,
    court: Court,
    filed_by: str | None = None,
) -> Objection:
    """Register an objection; the listing shows it and stays in force. The court decides within 15 days; if the person may not
    be the debtor, it looks into it the same day.
    """
    now = await database_clock(connection)
    if received_on > legal_date(now):  # its 15 days would end that much later
        raise InvalidRequest(errors=[FieldError("/received_on", "in-future", "a day that has not come yet")])
    await dispute_listing(connection, listing_id, "filed", filed_on=received_on, expected_version=None, court=court)
    objection_id = new_id(now)
    await connection.execute(
        """
        INSERT INTO objections (id, listing_id, court_code, grounds, state, received_on, due_on, text, at, filed_by_member)
        VALUES ($1, $2, $3, $4, 'filed', $5, $6, $7, $8, $9)
        """,
        *(objection_id, listing_id, court.code, grounds, received_on, days_after(received_on, DAYS_TO_DECIDE).on),
        *(_cipher(court).seal(text.encode(), objection_id.bytes), now, filed_by),
    )
    return await _recorded(connection, objection_id, court)


async def decide_objection(
    connection: Connection, objection_id: UUID, *, result: str, decided_on: date, reason: str, court: Court
) -> Objection:
    """Uphold or reject. An upheld objection must be acted on within 3 working days; the act is recorded with it.

    A higher court's decision on reconsideration is stored beside the first one, whose 15 days are judged by its own day.
    """
    objection = await _lock_own(connection, objection_id, court)
    if objection.state not in ("filed", "reconsideration"):
        raise ObjectionClosed("only an objection that is filed or under reconsideration can be decided")
    if decided_on < (objection.reconsideration_filed_on or objection.received_on):
        raise InvalidRequest(errors=[FieldError("/decided_on", "too-early", "before the objection was received")])
    await dispute_listing(connection, objection.listing_id, result, expected_version=None, court=court)
    step = "reconsideration_" if objection.state == "reconsideration" else ""
    due = (
        working_days_after(decided_on, WORKING_DAYS_TO_ACT)
        if result == "upheld"
        else days_after(decided_on, DAYS_TO_ASK_RECONSIDERATION)
    )
    await connection.execute(
        f"UPDATE objections SET state = $2, {step}decided_on = $3, {step}reason = $4, due_on = $5 WHERE id = $1",
        *(objection_id, result, decided_on, _cipher(court).seal(reason.encode(), objection_id.bytes), due.on),
    )
    return await _recorded(connection, objection_id, court)


async def reconsider_objection(
    connection: Connection, objection_id: UUID, *, filed_on: date, court: Court
) -> Objection:
    """Ask the next higher court: once, within 10 days of the rejection. It decides within 15 days."""
    objection = await _lock_own(connection, objection_id, court)
    row = await connection.fetchrow("SELECT reconsidered FROM objections WHERE id = $1", objection_id)
    if objection.state != "rejected" or (row and row["reconsidered"]):
        raise ObjectionClosed("only a rejected objection can be reconsidered, and once")
    if filed_on > objection.due_on:
        raise InvalidRequest(
            errors=[FieldError("/filed_on", "too-late", "reconsideration is asked for within 10 days of the rejection")]
        )
    await dispute_listing(
        connection, objection.listing_id, "reconsideration", filed_on=filed_on, expected_version=None, court=court
    )
    await connection.execute(
        """
        UPDATE objections SET state = 'reconsideration', reconsidered = true, reconsideration_filed_on = $2, due_on = $3
        WHERE id = $1
        """,
        objection_id,
        filed_on,
        days_after(filed_on, DAYS_TO_DECIDE).on,
    )
    return await _recorded(connection, objection_id, court)


async def _lock_own(connection: Connection, objection_id: UUID, court: Court) -> Objection:
    row = await connection.fetchrow("SELECT * FROM objections WHERE id = $1 FOR UPDATE", objection_id)
    if row is None or row["court_code"] != court.code:
        raise ObjectionNotFound
    return read_objection(row)


async def _recorded(connection: Connection, objection_id: UUID, court: Court) -> Objection:
    objection = await find_objection(connection, objection_id, court_code=court.code)
    assert objection is not None  # noqa: S101 - it was just written
    facts = {
        "court": court.code,
        "objection": str(objection_id),
        "state": objection.state,
        "grounds": objection.grounds,
    }
    if objection.filed_by_member is not None:
        facts["filed_by"] = objection.filed_by_member
    entry = Entry(ACTION_OF_STATE[objection.state], court.actor, listing_ids=(objection.listing_id,), facts=facts)
    await record(connection, [entry], at=await database_clock(connection), secrecy=court.secrecy)
    return objection


def _cipher(court: Court) -> Cipher:
    return court.secrecy.cipher("objections")
