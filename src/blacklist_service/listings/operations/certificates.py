"""Issuing a certificate of removal. Each issue is an entry of its own, and changes nothing of the listing."""

import secrets
from datetime import date
from uuid import UUID

from blacklist_service.clock import legal_date, new_id
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry, canonical
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.listings import reading
from blacklist_service.listings.certificate_queries import Certificate, cipher_of
from blacklist_service.listings.certificates import VERSION, digest_of
from blacklist_service.listings.operations.carrying_out import Court
from blacklist_service.listings.problems import ListingNotEnded
from blacklist_service.listings.rules import ENDED


async def issue_certificate(connection: Connection, listing_id: UUID, *, court: Court) -> Certificate:
    """Certify that a listing of this court has ended; raise `ListingNotEnded` if it has not."""
    at = await database_clock(connection)
    row = await reading.get_own_listing(connection, listing_id, court_code=court.code)
    today = legal_date(at)
    wire = reading.listing_wire(row, today=today)
    if wire["state"] not in ENDED:
        raise ListingNotEnded
    certificate_id = new_id(at)
    number = await _next_number(connection, court.code, today)
    statement = {
        "v": VERSION,
        "id": str(certificate_id),
        "number": number,
        "court": row["court_name"],
        "court_code": row["court_code"],
        "case_number": row["case_number"],
        "listing": str(listing_id),
        "debtor_name": row["debtor_name"],
        "debtor_identifier_masked": row["identifier_masked"],
        "published_on": row["published_on"].isoformat(),
        "ended": wire["state"].value,
        "ended_on": (row["ended_on"] or row["expires_on"]).isoformat(),
        "ground": await _ground(connection, listing_id),
        "issued_on": today.isoformat(),
        # Without this random value, the statement could be guessed from its digest in the log.
        "nonce": secrets.token_hex(16),
    }
    facts = {"court": court.code, "number": number, "certificate": digest_of(statement)}
    entry = Entry(Action.REMOVAL_CERTIFIED, court.actor, listing_ids=(listing_id,), facts=facts)
    [entry_id] = await record(connection, [entry], at=at, secrecy=court.secrecy)
    await connection.execute(
        """
        INSERT INTO removal_certificates (id, listing_id, court_code, number, entry_id, statement, member, operator, at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """,
        *(certificate_id, listing_id, court.code, number, entry_id),
        cipher_of(court.secrecy).seal(canonical(statement), certificate_id.bytes),
        *(court.actor.member, court.actor.operator, at),
    )
    return Certificate(certificate_id, listing_id, number, entry_id, statement)


async def _next_number(connection: Connection, court_code: str, today: date) -> str:
    """The next number of the court and the year, without a gap: issues of one court take turns."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('removal_certificates' || $1, 0))", court_code
    )
    prefix = f"（{today.year}）{court_code}失信解除"
    issued: int = await connection.fetchval(
        "SELECT count(*) FROM removal_certificates WHERE court_code = $1 AND starts_with(number, $2)",
        court_code,
        prefix,
    )
    return f"{prefix}{issued + 1}号"


async def _ground(connection: Connection, listing_id: UUID) -> str | None:
    """The ground of a deletion that was not withdrawn afterwards: a listing that was wrong from the start was not
    performed.
    """
    ground: str | None = await connection.fetchval(
        """
        SELECT v.ground FROM listing_versions v JOIN listings l ON l.id = v.listing_id
        WHERE v.listing_id = $1 AND v.act = 'deleted' AND l.ended = 'deleted' ORDER BY v.version DESC LIMIT 1
        """,
        listing_id,
    )
    return ground
