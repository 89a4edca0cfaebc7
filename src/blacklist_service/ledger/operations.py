"""Recording acts in the transaction of the act itself. What must not be recorded must not be done."""

import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from itertools import chain, groupby
from typing import NamedTuple
from uuid import UUID

from blacklist_service.clock import new_ids, wire_instant
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import SALT_BYTES, Entry, leaf_of, private_part
from blacklist_service.secrecy import NONCE_BYTES, Cipher, Secrecy

# The three tables of an entry in one statement: one round trip, and a transaction of its own if none is open. `$1` is the
# timestamp and `$2` the ids; the action and two versions are the same for all entries of a statement. Columns other than
# bytea are sent as an array literal, one text, because the driver encodes the elements of an array one by one.
_ENTRIES = """
WITH entry AS (
    INSERT INTO ledger_entries (
        at, action, measures_version, notices_version, id, agency, key_id, operator, matter, reference, check_id, decision,
        listing_ids, list_version, request_id, source_ip, leaf)
    SELECT $1, $3::text, $4::bigint, $5::bigint, id, agency, key_id, operator, matter, reference,
           CASE WHEN $3::text IN ('check', 'recheck') THEN id ELSE check_id END, decision,
           listing_ids::uuid[], list_version, request_id, source_ip::inet, leaf
    FROM unnest(
        $2::uuid[], $6::text::text[], $7::text::text[], $8::text::text[], $9::text::text[], $10::text::text[],
        $11::text::uuid[], $12::text::text[], $13::text::text[], $14::text::bigint[], $15::text::text[], $16::text::text[],
        $17::bytea[]
    ) AS sent (
        id, agency, key_id, operator, matter, reference, check_id, decision, listing_ids, list_version, request_id,
        source_ip, leaf)
), secret AS (
    INSERT INTO ledger_secrets (at, entry_id, salt, private, answer)
    SELECT $1, * FROM unnest($2::uuid[], $18::bytea[], $19::bytea[], $20::bytea[])
), subject AS (
    INSERT INTO ledger_subjects (at, entry_id, ordinal, role, digest, name_masked, identifier_masked)
    SELECT $1, ($2::uuid[])[place], ordinal, role, digest, name_masked, identifier_masked
    FROM unnest(
        $21::text::integer[], $22::text::smallint[], $23::text::text[], $24::bytea[], $25::text::text[], $26::text::text[]
    ) AS sent (place, ordinal, role, digest, name_masked, identifier_masked)
)"""
_PENDING = """
INSERT INTO ledger_pending (at, entries) VALUES ($1, $2)
"""
WRITE = _ENTRIES + _PENDING
FIRST_FREE_PLACE = 27

BINARY = "bytea"
ENTRY_KINDS = (*("text",) * 11, BINARY)
SECRET_KINDS = (BINARY,) * 3
SUBJECT_KINDS = ("text", "text", "text", BINARY, "text", "text")
"""How each column of the statement is sent, in order."""

RowValues = tuple[object, ...]
RANDOM_BYTES = SALT_BYTES + 2 * NONCE_BYTES


class Beside(NamedTuple):
    """Rows of another table that the same statement writes as the entries: both or neither, without another round trip.
    `kinds` are the types of its columns; its column `at` is that of the entries.
    """

    table: str
    kinds: tuple[tuple[str, str], ...]
    rows: Sequence[RowValues]

    @property
    def statement(self) -> str:
        return _write_beside(self.table, self.kinds)

    @property
    def columns(self) -> Iterator[object]:
        return _columns(self.rows, [kind for _, kind in self.kinds])


@cache
def _write_beside(table: str, kinds: tuple[tuple[str, str], ...]) -> str:
    names = ", ".join(name for name, _ in kinds)
    sent = ", ".join(
        f"${place}::{kind}[]" if kind == BINARY else f"${place}::text::{kind}[]"
        for place, (_, kind) in enumerate(kinds, FIRST_FREE_PLACE)
    )
    beside = f", beside AS (INSERT INTO {table} (at, {names}) SELECT $1, * FROM unnest({sent}))"
    return _ENTRIES + beside + _PENDING


async def record(
    connection: Connection,
    entries: Sequence[Entry],
    *,
    at: datetime,
    secrecy: Secrecy,
    ids: Sequence[UUID] = (),
    beside: Beside | None = None,
) -> list[UUID]:
    """Append `entries` and queue them for sealing, as one transaction; `ids` are generated here unless given.

    `at` is the database's clock. A check's entry has the check's own id. `beside` goes with the first of the statements,
    which is the only one if all entries have the same action and versions.
    """
    entry_ids = list(ids) or new_ids(at, len(entries))
    first = 0
    for shared, alike in groupby(entries, key=_shared):
        group = list(alike)
        group_ids = entry_ids[first : first + len(group)]
        sent = (at, group_ids, *shared, *_sent(group, group_ids, at, secrecy))
        if beside is None:
            await connection.execute(WRITE, *sent)
        else:
            await connection.execute(beside.statement, *sent, *beside.columns)
            beside = None
        first += len(group)
    return entry_ids


async def rehearse(connection: Connection, *, at: datetime, beside: Beside) -> None:
    """Write no entries, with and without rows of another table, and roll back, so that both statements are planned on this
    connection.
    """
    await connection.execute("BEGIN")
    nothing = [*chain(*(_columns((), kinds) for kinds in (ENTRY_KINDS, SECRET_KINDS, SUBJECT_KINDS)))]
    for statement, more in ((WRITE, ()), (beside.statement, beside.columns)):
        await connection.execute(statement, at, [], Action.CHECK.value, None, None, *nothing, *more)
    await connection.execute("ROLLBACK")


def _shared(entry: Entry) -> RowValues:
    return (entry.action._value_, entry.measures_version, entry.notices_version)


def _sent(entries: Sequence[Entry], ids: Sequence[UUID], at: datetime, secrecy: Secrecy) -> Iterator[object]:
    """The columns of the three tables, each a sequence over the entries, or over their subjects."""
    cipher, wire_at = ledger_cipher(secrecy, at), wire_instant(at)
    # All the randomness of a batch in one call: salts that open commitments, and nonces that are never reused.
    random = os.urandom(RANDOM_BYTES * len(entries))
    entry_rows: list[RowValues] = []
    secret_rows: list[RowValues] = []
    subject_rows: list[RowValues] = []
    for place, (entry, entry_id) in enumerate(zip(entries, ids, strict=True)):
        salt, private_nonce, answer_nonce = _split(random, place * RANDOM_BYTES)
        private = private_part(entry)
        leaf = leaf_of(entry, entry_id=entry_id, at=wire_at, salt=salt, private=private)
        entry_rows.append(_entry_row(entry, leaf))
        sealed = cipher.seal(private, private_context(entry_id), private_nonce)
        answer = None if entry.answer is None else cipher.seal(entry.answer, answer_context(entry_id), answer_nonce)
        secret_rows.append((salt, sealed, answer))
        for ordinal, subject in enumerate(entry.subjects):
            digest, name, identifier, role, _ = subject
            subject_rows.append((str(place + 1), str(ordinal), role, digest, name, identifier))
    yield from _columns(entry_rows, ENTRY_KINDS)
    yield from _columns(secret_rows, SECRET_KINDS)
    yield from _columns(subject_rows, SUBJECT_KINDS)


def _columns(rows: Sequence[RowValues], kinds: Sequence[str]) -> Iterator[object]:
    columns = zip(*rows, strict=True) if rows else [()] * len(kinds)
    for column, kind in zip(columns, kinds, strict=True):
        yield column if kind == BINARY else array_literal(column)


def array_literal(values: Sequence[object]) -> str:
    """An array literal in PostgreSQL's syntax; texts that need no escape are joined at once."""
    if not values:
        return "{}"
    try:
        joined = '","'.join(values)  # type: ignore[arg-type] # what is no text is met below
    except TypeError:
        return f"{{{','.join(map(_element, values))}}}"
    if joined.count('"') > 2 * (len(values) - 1) or "\\" in joined:
        return f"{{{','.join(map(_element, values))}}}"
    return f'{{"{joined}"}}'


def _element(value: object) -> str:
    if value is None:
        return "NULL"
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def ledger_cipher(secrecy: Secrecy, at: datetime) -> Cipher:
    return secrecy.cipher(f"ledger/{at.year:04}-{at.month:02}")


def answer_context(entry_id: UUID) -> bytes:
    return b"answer" + entry_id.bytes


def private_context(entry_id: UUID) -> bytes:
    return b"private" + entry_id.bytes


def _entry_row(entry: Entry, leaf: bytes) -> RowValues:
    agency, key_id, operator, request_id, source_ip = entry.actor
    version = entry.list_version
    listings = f"{{{','.join(map(str, entry.listing_ids))}}}" if entry.listing_ids else "{}"
    return (
        *(agency, key_id, operator, entry.matter, entry.reference, entry.check_id, entry.decision),
        *(listings, None if version is None else str(version), request_id, source_ip, leaf),
    )


def _split(random: bytes, start: int) -> tuple[bytes, bytes, bytes]:
    middle, last = start + SALT_BYTES, start + SALT_BYTES + NONCE_BYTES
    return random[start:middle], random[middle:last], random[last : last + NONCE_BYTES]
