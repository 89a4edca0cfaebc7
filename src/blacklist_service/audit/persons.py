"""Persons in the ledger: searching for one, revealing one behind a mask, and what a person may know of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson

from blacklist_service.access.principals import Actor
from blacklist_service.audit.queries import find_sealed, list_askings
from blacklist_service.audit.schemas import SearchSubjectRequest
from blacklist_service.clock import legal_date, new_id, now
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry, EntrySubject
from blacklist_service.ledger.operations import ledger_cipher, private_context, record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.problems import FieldError, InvalidIdentifier, InvalidRequest, NotFound
from blacklist_service.secrecy import Secrecy
from blacklist_service.subjects.digests import Digester
from blacklist_service.subjects.identifiers import IdentifierQuality, mask_identifier, read_identifier
from blacklist_service.subjects.keys import Subject, asked_keys
from blacklist_service.subjects.names import mask_name, name_key


@dataclass(frozen=True, slots=True)
class Unmasked:
    """What an entry commits to without showing it. `private` is the sealed content."""

    entry_id: UUID
    at: datetime
    action: str
    agency: str | None
    private: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asking:
    """One question about a person, as that person may know it (PIPL Art. 45)."""

    check_id: UUID
    at: datetime
    agency: str | None
    """None if it was asked at the service's own command line."""
    agency_name: str | None
    matter: str
    matter_name: str
    decision: str


@dataclass(frozen=True, slots=True)
class SubjectReport:
    askings: list[Asking]
    withheld: int
    """Left out under an embargo; recorded in the ledger, never told to the person."""


def read_subject(asked: SearchSubjectRequest) -> Subject:
    """Raise `InvalidRequest` or `InvalidIdentifier` if nobody can be found by these particulars."""
    if not name_key(asked.name):
        raise InvalidRequest(errors=[FieldError("/subject/name", "blank", "Must not be blank")])
    if asked.identifier is None:
        return Subject(asked.kind, asked.name, None)
    identifier = read_identifier(asked.kind, asked.identifier.type, asked.identifier.number, today=legal_date(now()))
    subject = Subject(asked.kind, asked.name, identifier)
    if identifier is None or identifier.quality in {IdentifierQuality.UNUSABLE, IdentifierQuality.MASKED}:
        fault = "not a complete number of this type"
        raise InvalidIdentifier(errors=[FieldError("/subject/identifier/number", "invalid-identifier", fault)])
    return subject


def entry_subject(subject: Subject, asked: SearchSubjectRequest, digester: Digester) -> EntrySubject:
    """The subject of an entry about a search: searching for a person also finds earlier searches for that person."""
    return EntrySubject(
        digest=asked_keys(subject, digester)[0].digest,
        name_masked=mask_name(subject.name),
        identifier_masked=mask_identifier(subject.identifier.number) if subject.identifier else None,
        role=None,
        private=asked.model_dump(mode="json", exclude_none=True),
    )


async def unmask(connection: Connection, entry_id: UUID, *, reason: str, actor: Actor, secrecy: Secrecy) -> Unmasked:
    """Open what an entry seals, and record that; raise `NotFound` also if its month's secrets were erased."""
    row = await find_sealed(connection, entry_id)
    if row is None:
        raise NotFound
    entry = Entry(Action.AUDIT_UNMASKED, actor, facts={"entry": str(entry_id)}, private={"reason": reason})
    await record(connection, [entry], at=await database_clock(connection), secrecy=secrecy)
    private = orjson.loads(ledger_cipher(secrecy, row["at"]).open(row["private"], private_context(entry_id)))
    return Unmasked(entry_id, row["at"], row["action"], row["agency"], private)


async def report_to_subject(
    connection: Connection, asked: SearchSubjectRequest, *, reason: str, actor: Actor, secrecy: Secrecy
) -> SubjectReport:
    """All questions about a person, oldest first, except those under an embargo. Needs a number, because names are shared."""
    if asked.identifier is None:
        raise InvalidRequest(
            errors=[FieldError("/subject/identifier", "missing", "a name alone is no proof of who asks")]
        )
    digester = Digester(secrecy.digest_key)
    subject = read_subject(asked)
    today = legal_date(await database_clock(connection))
    rows = await list_askings(connection, asked_keys(subject, digester)[0].digest, today=today)
    shown = [
        Asking(**{name: row[name] for name in Asking.__dataclass_fields__}) for row in rows if not row["is_withheld"]
    ]
    entry = Entry(
        Action.SUBJECT_REPORTED,
        actor,
        subjects=(entry_subject(subject, asked, digester),),
        facts={"rows": len(shown), "withheld": len(rows) - len(shown)},
        private={"reason": reason},
    )
    await record(connection, [entry], at=await database_clock(connection), secrecy=secrecy)
    return SubjectReport(shown, len(rows) - len(shown))


async def set_embargo(
    connection: Connection,
    asked: SearchSubjectRequest,
    *,
    agency: str | None,
    reference: str | None,
    until: date,
    reason: str,
    actor: Actor,
    secrecy: Secrecy,
) -> UUID:
    """Leave questions out of a person's report until a day: all of them, one unit's, or those of one reference."""
    at = await database_clock(connection)
    if until < legal_date(at):
        raise InvalidRequest(errors=[FieldError("/until", "past", "an embargo ends in the future")])
    digester = Digester(secrecy.digest_key)
    subject = entry_subject(read_subject(asked), asked, digester)
    embargo_id = new_id(at)
    await connection.execute(
        "INSERT INTO embargoes (id, digest, agency, reference, reason, until, set_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        *(embargo_id, subject.digest, agency, reference),
        *(secrecy.cipher("embargoes").seal(reason.encode(), embargo_id.bytes), until, at),
    )
    facts = {"embargo": str(embargo_id), "until": until.isoformat()}
    entry = Entry(Action.EMBARGO_SET, actor, subjects=(subject,), facts=facts, private={"reason": reason})
    await record(connection, [entry], at=at, secrecy=secrecy)
    return embargo_id


async def lift_embargo(connection: Connection, embargo_id: UUID, *, actor: Actor, secrecy: Secrecy) -> bool:
    """Return False if it was lifted before; raise `NotFound` if there is none."""
    row = await connection.fetchrow("SELECT lifted_at FROM embargoes WHERE id = $1 FOR UPDATE", embargo_id)
    if row is None:
        raise NotFound("there is no such embargo")
    if row["lifted_at"] is not None:
        return False
    at = await database_clock(connection)
    await connection.execute("UPDATE embargoes SET lifted_at = $2 WHERE id = $1", embargo_id, at)
    entry = Entry(Action.EMBARGO_LIFTED, actor, facts={"embargo": str(embargo_id)})
    await record(connection, [entry], at=at, secrecy=secrecy)
    return True
