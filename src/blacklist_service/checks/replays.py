"""Answers stored under Idempotency-Keys: a request repeated with the same key and body gets the same bytes for 24 hours.

The look-up statement also reads stored answers, and the recording statement also stores new ones. No transaction is open
between the two: if another process answers under a key meanwhile, the table's primary key rejects the whole second
statement, and the next look-up finds the answer that was given.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from blacklist_service.checks.asks import Answer, Ask, Outcome
from blacklist_service.database.connections import Connection
from blacklist_service.database.fences import pass_fence
from blacklist_service.ledger.operations import Beside, RowValues
from blacklist_service.ledger.queries import find_answers
from blacklist_service.problems import IdempotencyKeyReused, Undetermined
from blacklist_service.secrecy import Secrecy

Place = tuple[str, str]
"""Where an answer is stored: a member, and one of its keys."""

KEPT_FOR = "24 hours"

# For the members and keys in $3 and $4: what is stored, with the bytes of a check's id, and whether it has expired.
HELD = f"""
    SELECT jsonb_agg(jsonb_build_array(kept.member, kept.key, encode(kept.request_digest, 'hex'),
                                       encode(kept.answer, 'hex'),
                                       kept.at <= (SELECT at FROM instant) - interval '{KEPT_FOR}'))
    FROM unnest($3::text::text[], $4::text::text[]) AS sent (member, key)
    JOIN idempotency_keys AS kept USING (member, key)
"""
KINDS = (("member", "text"), ("key", "text"), ("request_digest", "bytea"), ("answer", "bytea"), ("status", "smallint"))
FREE = f"""
    DELETE FROM idempotency_keys AS kept USING unnest($1::text[], $2::text[]) AS sent (member, key)
    WHERE kept.member = sent.member AND kept.key = sent.key AND kept.at <= $3::timestamptz - interval '{KEPT_FOR}'
"""


class Held(NamedTuple):
    """What is stored under a key: the digest of the request, and the stored form of its answer."""

    request_digest: bytes
    answer: bytes
    is_over: bool


def read_held(rows: Iterable[Sequence[Any]] | None) -> dict[Place, Held]:
    """Read the rows of `HELD`."""
    return {
        (member, key): Held(bytes.fromhex(digest), bytes.fromhex(answer), is_over)
        for member, key, digest, answer, is_over in rows or ()
    }


async def replay(
    connection: Connection, asks: Sequence[Ask], held: Mapping[Place, Held], *, at: datetime, secrecy: Secrecy
) -> tuple[list[Ask], list[tuple[Ask, Outcome]]]:
    """Return the asks that have no answer yet, and the answers of the others; a key that had expired at `at` is free."""
    fresh: list[Ask] = []
    settled: list[tuple[Ask, Outcome]] = []
    again: list[tuple[Ask, UUID]] = []
    over: list[Place] = []
    for ask in asks:
        place = ask.idempotency_place
        known = held.get(place) if place else None
        if place is None or known is None or known.is_over:
            fresh.append(ask)
            if place is not None and known is not None:
                over.append(place)
        elif known.request_digest != ask.request_digest:
            settled.append((ask, IdempotencyKeyReused()))
        else:
            again.append((ask, UUID(bytes=known.answer)))
    if over:
        await connection.execute(FREE, [member for member, _ in over], [key for _, key in over], at)
    if again:
        settled += await _answers(connection, again, secrecy)
    return fresh, settled


async def _answers(
    connection: Connection, asked: Sequence[tuple[Ask, UUID]], secrecy: Secrecy
) -> list[tuple[Ask, Outcome]]:
    recorded = await find_answers(connection, [check_id for _, check_id in asked], secrecy)
    await pass_fence(connection)  # these answers were only read: a failover could still lose them
    return [
        (ask, Answer(check_id, recorded[check_id]))
        if check_id in recorded
        else (ask, Undetermined("the answer has been erased"))
        for ask, check_id in asked
    ]


def kept(answered: Iterable[tuple[Ask, UUID]]) -> Beside:
    """Rows that store the answers, sorted by key: two lanes writing in opposite orders would deadlock."""
    rows: list[RowValues] = sorted(
        (*ask.idempotency_place, ask.request_digest, check_id.bytes, "200")
        for ask, check_id in answered
        if ask.idempotency_place
    )
    return Beside("idempotency_keys", KINDS, rows)
