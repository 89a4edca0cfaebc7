"""Recording acts, in the transaction of the act itself. Who must not be recorded must not act."""

import os
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from itertools import count
from uuid import UUID

from blacklist_service.clock import new_ids, wire_instant
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.entries import SALT_BYTES, Action, Entry, leaf_of, private_part
from blacklist_service.secrecy import NONCE_BYTES, Cipher, Secrecy

ENTRY_COLUMNS = {
    "id": "uuid",
    "action": "text",
    "agency": "text",
    "key_id": "text",
    "operator": "text",
    "matter": "text",
    "reference": "text",
    "check_id": "uuid",
    "decision": "text",
    "listing_ids": "text",
    "list_version": "bigint",
    "measures_version": "bigint",
    "notices_version": "bigint",
    "request_id": "text",
    "source_ip": "text",
    "leaf": "bytea",
}
SECRET_COLUMNS = {"salt": "bytea", "private": "bytea", "answer": "bytea"}
SUBJECT_COLUMNS = {
    "entry_id": "uuid",
    "ordinal": "smallint",
    "role": "text",
    "digest": "bytea",
    "name_masked": "text",
    "identifier_masked": "text",
}
"""As they are sent: a list of lists and an address are texts that PostgreSQL reads."""


def _write_statement() -> str:
    """All of a batch in one statement: one way to the database, and a transaction of its own where none is open."""
    place = count(2)
    entry, secret, subject = (
        ", ".join(f"${next(place)}::{kind}[]" for kind in columns.values())
        for columns in (ENTRY_COLUMNS, SECRET_COLUMNS, SUBJECT_COLUMNS)
    )
    sent = ", ".join(READ_BY_POSTGRESQL.get(name, name) for name in ENTRY_COLUMNS)
    return f"""
    WITH entry AS (
        INSERT INTO ledger_entries (at, {", ".join(ENTRY_COLUMNS)})
        SELECT $1, {sent} FROM unnest({entry}) AS sent ({", ".join(ENTRY_COLUMNS)})
    ), secret AS (
        INSERT INTO ledger_secrets (at, entry_id, {", ".join(SECRET_COLUMNS)})
        SELECT $1, * FROM unnest($2::uuid[], {secret})
    ), subject AS (
        INSERT INTO ledger_subjects (at, {", ".join(SUBJECT_COLUMNS)}) SELECT $1, * FROM unnest({subject})
    )
    INSERT INTO ledger_pending (at, entries) VALUES ($1, $2)
    """


READ_BY_POSTGRESQL = {"listing_ids": "listing_ids::uuid[]", "source_ip": "source_ip::inet"}
WRITE = _write_statement()
Row = tuple[object, ...]
_CHECK = Action.CHECK
RANDOM_BYTES = SALT_BYTES + 2 * NONCE_BYTES


async def record(
    connection: Connection, entries: Sequence[Entry], *, at: datetime, secrecy: Secrecy, ids: Sequence[UUID] = ()
) -> list[UUID]:
    """Append `entries` and queue them for sealing, as one transaction's worth; `ids` are made here unless given.

    `at` is the database's clock. A check's entry has the check's own id.
    """
    entry_ids = list(ids) or new_ids(at, len(entries))
    cipher, wire_at = ledger_cipher(secrecy, at), wire_instant(at)
    # All the randomness of a batch in one call: salts that open commitments, nonces that are never used twice.
    random = os.urandom(RANDOM_BYTES * len(entries))
    entry_rows: list[Row] = []
    secret_rows: list[Row] = []
    subject_rows: list[Row] = []
    for place, (entry, entry_id) in enumerate(zip(entries, entry_ids, strict=True)):
        salt, private_nonce, answer_nonce = _split(random, place * RANDOM_BYTES)
        private = private_part(entry)
        leaf = leaf_of(entry, entry_id=entry_id, at=wire_at, salt=salt, private=private)
        entry_rows.append(_entry_row(entry, entry_id, leaf))
        sealed = cipher.seal(private, private_context(entry_id), private_nonce)
        answer = None if entry.answer is None else cipher.seal(entry.answer, answer_context(entry_id), answer_nonce)
        secret_rows.append((salt, sealed, answer))
        subject_rows += [
            (entry_id, ordinal, subject.role, subject.digest, subject.name_masked, subject.identifier_masked)
            for ordinal, subject in enumerate(entry.subjects)
        ]
    await connection.execute(
        WRITE,
        at,
        *_columns(entry_rows, ENTRY_COLUMNS),
        *_columns(secret_rows, SECRET_COLUMNS),
        *_columns(subject_rows, SUBJECT_COLUMNS),
    )
    return entry_ids


def _columns(rows: Sequence[Row], names: Collection[str]) -> Iterable[Sequence[object]]:
    return zip(*rows, strict=True) if rows else [()] * len(names)


def ledger_cipher(secrecy: Secrecy, at: datetime) -> Cipher:
    return secrecy.cipher(f"ledger/{at:%Y-%m}")


def answer_context(entry_id: UUID) -> bytes:
    return b"answer" + entry_id.bytes


def private_context(entry_id: UUID) -> bytes:
    return b"private" + entry_id.bytes


def _entry_row(entry: Entry, entry_id: UUID, leaf: bytes) -> Row:
    actor = entry.actor
    return (
        entry_id,
        entry.action._value_,
        actor.member,
        actor.key_id,
        actor.operator,
        entry.matter,
        entry.reference,
        entry_id if entry.action is _CHECK else entry.check_id,
        entry.decision,
        "{{{}}}".format(",".join(map(str, entry.listing_ids))) if entry.listing_ids else "{}",
        entry.list_version,
        entry.measures_version,
        entry.notices_version,
        actor.request_id,
        actor.source_ip,
        leaf,
    )


def _split(random: bytes, start: int) -> tuple[bytes, bytes, bytes]:
    middle, last = start + SALT_BYTES, start + SALT_BYTES + NONCE_BYTES
    return random[start:middle], random[middle:last], random[last : last + NONCE_BYTES]
