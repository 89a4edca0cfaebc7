"""Answers stored under Idempotency-Keys: a request repeated with the same key and body gets the same bytes for 24 hours.

The look-up statement also reads stored answers, and the recording statement also stores new ones. No transaction is open
between the two: if another process answers under a key meanwhile, the table's primary key rejects the whole second
statement, and the next look-up finds the answer that was given.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from blacklist_service.checks.asks import Answer, Ask, Outcome
from blacklist_service.database.connections import Connection
from blacklist_service.database.fences import pass_fence
from blacklist_service.ledger.operations import Beside, RowValues
from blacklist_service.ledger.queries import find_answers
from blacklist_service.problems import IdempotencyKeyReused, Undetermined
from blacklist_service.secrecy import Secrecy
from blacklist_service.web.stored_answers import FREE, KINDS, TABLE, Place, StoredAnswer


async def replay(
    connection: Connection, asks: Sequence[Ask], held: Mapping[Place, StoredAnswer], *, at: datetime, secrecy: Secrecy
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
    if settled:
        await pass_fence(connection)  # these answers were only read: a failover could still lose them
    return fresh, settled


async def _answers(
    connection: Connection, asked: Sequence[tuple[Ask, UUID]], secrecy: Secrecy
) -> list[tuple[Ask, Outcome]]:
    recorded = await find_answers(connection, [check_id for _, check_id in asked], secrecy)
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
    return Beside(TABLE, KINDS, rows)
