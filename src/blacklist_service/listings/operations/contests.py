"""A contest of identity: the number that the court itself used may be another person's (a namesake's).

During a contest, the holder of that number and name is not blocked by the listing: an officer decides, and sees the contest.
"""

from datetime import date
from uuid import UUID

from blacklist_service.clock import legal_date
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Act
from blacklist_service.listings import queries
from blacklist_service.listings.operations.applying import By, lock_head
from blacklist_service.listings.operations.carrying_out import Court, Done, get_own, revise
from blacklist_service.listings.operations.revising import Revision
from blacklist_service.listings.problems import IdentityContested, IdentityNotContested, ListingEnded


async def contest_identity(
    connection: Connection, listing_id: UUID, *, expected_version: int, reason: str, court: Court
) -> Done:
    """From the commit on, an exact hit of this listing is a flag. A second contest is a `Conflict`."""
    return await _turn(
        connection, listing_id, Act.CONTESTED, expected_version=expected_version, reason=reason, court=court
    )


async def withdraw_contest(
    connection: Connection, listing_id: UUID, *, expected_version: int, reason: str, court: Court
) -> Done:
    """The number is the debtor's after all: the listing blocks again. Without a contest it is a `Conflict`."""
    return await _turn(
        connection, listing_id, Act.CONTEST_WITHDRAWN, expected_version=expected_version, reason=reason, court=court
    )


async def _turn(
    connection: Connection, listing_id: UUID, act: Act, *, expected_version: int, reason: str, court: Court
) -> Done:
    head = await lock_head(connection)
    listing = await get_own(connection, listing_id, expected_version, court)
    if listing.has_ended(head.today):
        raise ListingEnded
    stored = await queries.get_stored_content(connection, listing_id)
    held: date | None = await connection.fetchval("SELECT contested_on FROM listings WHERE id = $1", listing_id)
    is_contest = act is Act.CONTESTED
    if is_contest and held is not None:
        raise IdentityContested
    if not is_contest and held is None:
        raise IdentityNotContested
    today = legal_date(head.at)
    await connection.execute(
        "UPDATE listings SET contested_on = $2 WHERE id = $1", listing_id, today if is_contest else None
    )
    revision = Revision(
        listing_id=listing_id,
        version=listing.version + 1,
        act=act,
        dispute_state=stored.dispute_state,
        expires_on=stored.expires_on,
        decided_on=today,
    )
    return await revise(connection, listing, revision, head, By(court.actor, None, reason), court)
