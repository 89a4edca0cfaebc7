"""Reads of notifications that a court recorded, and the letters that go with them."""

from datetime import UTC
from uuid import UUID

import asyncpg
import orjson

from blacklist_service.database.connections import Connection
from blacklist_service.listings import reading
from blacklist_service.listings.letters import Notification, letter
from blacklist_service.secrecy import Cipher, Secrecy


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
    sealed = orjson.loads(cipher_of(secrecy).open(row["sealed"], row["id"].bytes))
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


def cipher_of(secrecy: Secrecy) -> Cipher:
    return secrecy.cipher("notifications")
