"""Notifying others of a listing (Art. 8): the court records whom, when and by what; it gets a letter to print, and proof in
the ledger.

The service sends nothing by itself.
"""

from datetime import date
from uuid import UUID

import orjson

from blacklist_service.clock import legal_date, new_id
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.listings import reading
from blacklist_service.listings.letter_queries import cipher_of
from blacklist_service.listings.letters import Notification
from blacklist_service.listings.operations.carrying_out import Court
from blacklist_service.listings.problems import ListingEnded
from blacklist_service.listings.rules import ListingState
from blacklist_service.problems import FieldError, InvalidRequest


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
    """Record whom the court notified; raise `ListingEnded` if the listing has ended."""
    at = await database_clock(connection)
    row = await reading.get_own_listing(connection, listing_id, court_code=court.code)
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
        cipher_of(court.secrecy).seal(sealed, notification_id.bytes),
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
