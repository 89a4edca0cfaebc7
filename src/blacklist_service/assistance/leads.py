"""Leads (线索): what a unit knows about a listed debtor and the court does not. The executing court follows each up, or
closes it with a remark; both sides are counted.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from blacklist_service.access.desks import Desk
from blacklist_service.assistance.lead_queries import Lead, cipher_of, find_lead
from blacklist_service.assistance.problems import LeadClosed
from blacklist_service.clock import new_id
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock, was_told_of
from blacklist_service.problems import NotFound, NotYours

ACTION_OF_STATE: Mapping[str, Action] = {
    "filed": Action.LEAD_FILED,
    "taken_up": Action.LEAD_TAKEN_UP,
    "closed": Action.LEAD_CLOSED,
}


async def file_lead(connection: Connection, listing_id: UUID, *, kind: str, text: str, desk: Desk) -> Lead:
    """Send a lead to the executing court; only about a listing that was named in an answer to the unit."""
    listing = await connection.fetchrow("SELECT court_code, case_number FROM listings WHERE id = $1", listing_id)
    if listing is None:
        raise NotFound
    if not await was_told_of(connection, desk.caller.member, listing_id):
        raise NotYours
    at = await database_clock(connection)
    lead_id = new_id(at)
    await connection.execute(
        """
        INSERT INTO leads (id, listing_id, case_number, court_code, agency, kind, text, state, operator, filed_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 'filed', $8, $9)
        """,
        *(lead_id, listing_id, listing["case_number"], listing["court_code"], desk.caller.member, kind),
        *(cipher_of(desk.secrecy).seal(text.encode(), lead_id.bytes), desk.actor.operator, at),
    )
    return await _recorded(connection, lead_id, at, desk, {"kind": kind})


async def take_up_lead(connection: Connection, lead_id: UUID, *, word: str | None, desk: Desk) -> Lead:
    """The court follows it up. Repeating this changes nothing; a closed lead is a `Conflict`."""
    lead = await _lock_own(connection, lead_id, desk)
    if lead.state == "closed":
        raise LeadClosed
    if lead.state == "taken_up":
        return lead
    return await _turn(connection, lead_id, "taken_up", word, desk)


async def close_lead(connection: Connection, lead_id: UUID, *, word: str, desk: Desk) -> Lead:
    """Close it: dealt with, or unfounded, as the court says."""
    lead = await _lock_own(connection, lead_id, desk)
    if lead.state == "closed":
        raise LeadClosed
    return await _turn(connection, lead_id, "closed", word, desk)


async def _turn(connection: Connection, lead_id: UUID, state: str, word: str | None, desk: Desk) -> Lead:
    at = await database_clock(connection)
    sealed = None if word is None else cipher_of(desk.secrecy).seal(word.encode(), lead_id.bytes)
    await connection.execute(
        f"UPDATE leads SET state = $2, {state}_at = $3, word = coalesce($4, word) WHERE id = $1",
        *(lead_id, state, at, sealed),
    )
    return await _recorded(connection, lead_id, at, desk, {})


async def _lock_own(connection: Connection, lead_id: UUID, desk: Desk) -> Lead:
    await connection.execute("SELECT FROM leads WHERE id = $1 FOR UPDATE", lead_id)
    lead = await find_lead(connection, lead_id, desk.caller, secrecy=desk.secrecy)
    if lead.court_code != desk.caller.court_code:
        raise NotYours
    return lead


async def _recorded(connection: Connection, lead_id: UUID, at: datetime, desk: Desk, facts: Mapping[str, str]) -> Lead:
    lead = await find_lead(connection, lead_id, desk.caller, secrecy=desk.secrecy)
    known = {"lead": str(lead_id), "court": lead.court_code, "unit": lead.agency, **facts}
    private = {"word": lead.word} if lead.word else {"text": lead.text}
    entry = Entry(ACTION_OF_STATE[lead.state], desk.actor, listing_ids=(lead.listing_id,), facts=known, private=private)
    await record(connection, [entry], at=at, secrecy=desk.secrecy)
    return lead
