"""Notifying others of a listing (Art. 8): the court records whom, when and by what; it gets a letter to print, and proof in
the ledger.

The service sends nothing by itself.
"""

from datetime import UTC, date
from uuid import UUID

import asyncpg
import orjson

from blacklist_service.clock import legal_date, new_id
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.listings import reading
from blacklist_service.listings.letters import Notification, letter
from blacklist_service.listings.operations.acts import Court
from blacklist_service.listings.problems import ListingEnded
from blacklist_service.listings.rules import ListingState
from blacklist_service.problems import FieldError, InvalidRequest
from blacklist_service.secrecy import Cipher, Secrecy


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
    """Oldest first, for the court's own listing."""
    await reading.get_own_listing(connection, listing_id, court_code=court_code)
    rows = await connection.fetch("SELECT * FROM listing_notifications WHERE listing_id = $1 ORDER BY id", listing_id)
    return [_notification(row, secrecy) for row in rows]


async def write_letter(
    connection: Connection, listing_id: UUID, notification_id: UUID, *, court_code: str, secrecy: Secrecy
) -> str | None:
    """The letter of a notification, to print and seal by hand; None if there is none with that id."""
    listing = await reading.get_own_listing(connection, listing_id, court_code=court_code)
    row = await connection.fetchrow(
        "SELECT * FROM listing_notifications WHERE id = $1 AND listing_id = $2", notification_id, listing_id
    )
    if row is None:
        return None
    return letter(_notification(row, secrecy), dict(listing))


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
