"""Recording acts, in the transaction of the act itself. Who must not be recorded must not act."""

import os
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from blacklist_service.clock import new_ids, wire_instant
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.entries import SALT_BYTES, Action, Entry, leaf_of, private_part
from blacklist_service.secrecy import NONCE_BYTES, Cipher, Secrecy

ENTRY_COLUMNS = (
    *("at", "id", "action", "agency", "key_id", "operator", "matter", "reference", "check_id", "decision"),
    *("listing_ids", "list_version", "measures_version", "notices_version", "request_id", "source_ip", "leaf"),
)
SUBJECT_COLUMNS = ("at", "entry_id", "ordinal", "role", "digest", "name_masked", "identifier_masked")
SECRET_COLUMNS = ("at", "entry_id", "salt", "private", "answer")
WRITE_ONE = f"""
WITH entry AS (
    INSERT INTO ledger_entries ({", ".join(ENTRY_COLUMNS)}) VALUES ({", ".join(f"${n}" for n in range(1, 18))})
), secret AS (
    INSERT INTO ledger_secrets ({", ".join(SECRET_COLUMNS)}) VALUES ($1, $2, $18, $19, $20)
), subject AS (
    INSERT INTO ledger_subjects ({", ".join(SUBJECT_COLUMNS)})
    SELECT $1, $2, * FROM unnest($21::smallint[], $22::text[], $23::bytea[], $24::text[], $25::text[])
)
INSERT INTO ledger_pending (at, entries) VALUES ($1, ARRAY[$2::uuid])
"""
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
    entry_rows, subject_rows, secret_rows = [], [], []
    for place, (entry, entry_id) in enumerate(zip(entries, entry_ids, strict=True)):
        salt, private_nonce, answer_nonce = _split(random, place * RANDOM_BYTES)
        private = private_part(entry)
        leaf = leaf_of(entry, entry_id=entry_id, at=wire_at, salt=salt, private=private)
        entry_rows.append(_entry_row(entry, entry_id, at, leaf))
        sealed = cipher.seal(private, private_context(entry_id), private_nonce)
        answer = None if entry.answer is None else cipher.seal(entry.answer, answer_context(entry_id), answer_nonce)
        secret_rows.append((at, entry_id, salt, sealed, answer))
        subject_rows += [
            (at, entry_id, ordinal, subject.role, subject.digest, subject.name_masked, subject.identifier_masked)
            for ordinal, subject in enumerate(entry.subjects)
        ]
    if len(entries) == 1:
        await _write_one(connection, entry_rows[0], secret_rows[0], subject_rows)
    else:
        await _write_many(connection, entry_rows, secret_rows, subject_rows)
        await connection.execute("INSERT INTO ledger_pending (at, entries) VALUES ($1, $2)", at, entry_ids)
    return entry_ids


Row = tuple[object, ...]


async def _write_one(connection: Connection, entry: Row, secret: Row, subjects: Sequence[Row]) -> None:
    """All in one statement: a single check waits for one way to the database instead of seven."""
    columns = list(zip(*(subject[2:] for subject in subjects), strict=True)) if subjects else [()] * 5
    await connection.execute(WRITE_ONE, *entry, *secret[2:], *map(list, columns))


async def _write_many(
    connection: Connection, entries: Sequence[Row], secrets: Sequence[Row], subjects: Sequence[Row]
) -> None:
    await connection.copy_records_to_table("ledger_entries", records=entries, columns=ENTRY_COLUMNS)
    await connection.copy_records_to_table("ledger_secrets", records=secrets, columns=SECRET_COLUMNS)
    if subjects:
        await connection.copy_records_to_table("ledger_subjects", records=subjects, columns=SUBJECT_COLUMNS)


def ledger_cipher(secrecy: Secrecy, at: datetime) -> Cipher:
    return secrecy.cipher(f"ledger/{at:%Y-%m}")


def answer_context(entry_id: UUID) -> bytes:
    return b"answer" + entry_id.bytes


def private_context(entry_id: UUID) -> bytes:
    return b"private" + entry_id.bytes


def _entry_row(entry: Entry, entry_id: UUID, at: datetime, leaf: bytes) -> tuple[object, ...]:
    actor = entry.actor
    return (
        at,
        entry_id,
        entry.action.value,
        actor.member,
        actor.key_id,
        actor.operator,
        entry.matter,
        entry.reference,
        entry_id if entry.action is Action.CHECK else entry.check_id,
        entry.decision,
        entry.listing_ids,
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
