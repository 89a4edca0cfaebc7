"""What a court knows about performance. It changes no answer: it starts the period in which the court has to act (Art.
10(1)), or asks the court whether it will delete before the term's end (Art. 2(2)).
"""

from datetime import date
from uuid import UUID

from blacklist_service.clock import legal_date, new_id
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.listings.operations.applying import lock_head
from blacklist_service.listings.operations.carrying_out import Court, get_own
from blacklist_service.listings.performance_queries import Performance, cipher_of, list_performances
from blacklist_service.listings.problems import ListingEnded
from blacklist_service.problems import FieldError, InvalidRequest


async def record_performance(
    connection: Connection,
    listing_id: UUID,
    *,
    expected_version: int,
    kind: str,
    performed_on: date,
    note: str | None,
    court: Court,
) -> Performance:
    """Record that the debt was performed. Days count from today, never from before, so nothing is late when it is
    recorded.
    """
    head = await lock_head(connection)
    listing = await get_own(connection, listing_id, expected_version, court)
    if listing.has_ended(head.today):
        raise ListingEnded
    if performed_on > head.today:
        raise InvalidRequest(errors=[FieldError("/performed_on", "in-future", "it has not been performed yet")])
    performance_id = new_id(head.at)
    await connection.execute(
        """
        INSERT INTO listing_performances
            (id, listing_id, court_code, kind, performed_on, note, member, operator, stated_on, at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        """,
        *(performance_id, listing_id, court.code, kind, performed_on),
        None if note is None else cipher_of(court.secrecy).seal(note.encode(), performance_id.bytes),
        *(court.actor.member, court.actor.operator, legal_date(head.at), head.at),
    )
    facts = {"court": court.code, "kind": kind, "performed_on": performed_on.isoformat()}
    entry = Entry(
        Action.PERFORMANCE_RECORDED,
        court.actor,
        listing_ids=(listing_id,),
        facts=facts,
        private={"note": note} if note else {},
    )
    await record(connection, [entry], at=head.at, secrecy=court.secrecy)
    [performance] = [
        one
        for one in await list_performances(connection, listing_id, secrecy=court.secrecy)
        if one.performance_id == performance_id
    ]
    return performance
