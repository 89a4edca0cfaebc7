"""Acts on watches: opening, changing, closing, and acknowledging events. Each act is a ledger entry."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from blacklist_service.access.desks import Desk
from blacklist_service.access.principals import Actor
from blacklist_service.checks.asks import Answer, Question, require_until
from blacklist_service.checks.queries import Snapshot
from blacklist_service.checks.rules import OutcomeAction
from blacklist_service.clock import instant_of, legal_date
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.problems import NotYours
from blacklist_service.secrecy import Secrecy
from blacklist_service.watches import opening
from blacklist_service.watches.opening import Terms
from blacklist_service.watches.problems import NotToldYet, WatchClosed
from blacklist_service.watches.rules import FINAL, Cause, EventType
from blacklist_service.watches.telling import Event, tell

MOST_OPEN = 200_000

CLOSE = """
UPDATE watches SET closed_at = $2, cause = sent.cause, question = NULL, recheck_on = NULL, revision = sent.revision
FROM unnest($1::uuid[], $3::text[], $4::integer[]) AS sent (id, cause, revision) WHERE watches.id = sent.id
"""


class Watches:
    """What checks need of this package (`checks.watching.Watching`). At most `most` watches may be open for each member."""

    def __init__(self, secrecy: Secrecy, *, most: int = MOST_OPEN) -> None:
        self._secrecy = secrecy
        self.most = most

    async def count_room(self, connection: Connection, members: Collection[str]) -> Mapping[str, int]:
        return await opening.count_room(connection, members, most=self.most)

    async def open(self, connection: Connection, opened: Sequence[tuple[Question, Answer]], snapshot: Snapshot) -> None:
        watches = [opening.opened_by_check(question, answer, snapshot) for question, answer in opened]
        await opening.open_watches(connection, watches, at=snapshot.at, secrecy=self._secrecy)

    async def end_by_outcome(
        self, connection: Connection, check_id: UUID, outcome: OutcomeAction, *, actor: Actor
    ) -> None:
        if outcome not in FINAL:
            return
        watch_id = await _watch_of_check(connection, check_id)
        row = await connection.fetchrow(
            """
            SELECT * FROM watches
            WHERE id = $1 AND member_code = $2 AND closed_at IS NULL AND NOT after_outcome FOR UPDATE
            """,
            *(watch_id, actor.member),
        )
        if row is not None:
            await end_watches(connection, [(row, Cause.OUTCOME)], at=await database_clock(connection))


async def _watch_of_check(connection: Connection, check_id: UUID) -> UUID:
    """A check's watch has the check's own id; a recheck names its watch in its leaf."""
    leaf = await connection.fetchval(
        "SELECT leaf FROM ledger_entries WHERE at = $1 AND id = $2 AND action = 'recheck'",
        *(instant_of(check_id), check_id),
    )
    return check_id if leaf is None else UUID(orjson.loads(leaf)["facts"]["watch"])


async def end_watches(connection: Connection, ended: Sequence[tuple[Any, Cause]], *, at: datetime) -> None:
    """End watches whose rows are locked: delete their keys and questions, tell their units."""
    ids = [row["id"] for row, _ in ended]
    revisions = [row["revision"] + 1 for row, _ in ended]
    await connection.execute(CLOSE, ids, at, [cause.value for _, cause in ended], revisions)
    await connection.execute("DELETE FROM watch_keys WHERE watch_id = ANY($1::uuid[])", ids)
    await connection.execute("DELETE FROM watches_due WHERE watch_id = ANY($1::uuid[])", ids)
    uncounted = await connection.fetch(
        "DELETE FROM watches_unprimed WHERE watch_id = ANY($1::uuid[]) RETURNING watch_id", ids
    )
    unprimed = {row["watch_id"] for row in uncounted}
    fewer: dict[str, int] = {}
    for row, _ in ended:
        fewer[row["member_code"]] = fewer.get(row["member_code"], 0) + (row["id"] not in unprimed)
    events = [
        Event(
            *(
                row["member_code"],
                EventType.ENDED,
                row["id"],
                revision,
                row["check_id"] or row["id"],
                row["reference"],
                row["matter"],
            ),
            *(row["decision"], None, None, None, cause),
        )
        for (row, cause), revision in zip(ended, revisions, strict=True)
    ]
    await tell(connection, events, at=at, fewer=fewer)


async def open_for_checks(
    connection: Connection, check_ids: Sequence[UUID], terms: Terms, *, desk: Desk, most: int
) -> None:
    """Watch the questions of earlier checks. Raise as `open_afterwards`, and `WatchTooLong`."""
    at = await database_clock(connection)
    require_until(terms.until, legal_date(at))
    opened = await opening.open_afterwards(
        connection,
        check_ids,
        terms,
        caller=desk.caller,
        at=at,
        most=most,
        secrecy=desk.secrecy,
        digester=desk.digester,
    )
    if opened:
        facts = {"watches": [str(one) for one in opened]} | _terms_wire(terms)
        await record(connection, [Entry(Action.WATCHES_OPENED, desk.actor, facts=facts)], at=at, secrecy=desk.secrecy)


async def change_watch(connection: Connection, watch_id: UUID, terms: Terms, *, desk: Desk) -> None:
    """Raise `NotYours`, `WatchClosed`, `WatchTooLong`; repeating the same terms changes nothing."""
    row = await _lock_own(connection, watch_id, desk)
    if row["closed_at"] is not None:
        raise WatchClosed
    if (row["until"], row["tell"], row["after_outcome"]) == (terms.until, terms.tell.value, terms.after_outcome):
        return
    at = await database_clock(connection)
    require_until(terms.until, legal_date(at))
    await connection.execute(
        "UPDATE watches SET until = $2, tell = $3, after_outcome = $4 WHERE id = $1",
        *(watch_id, terms.until, terms.tell.value, terms.after_outcome),
    )
    entry = _entry(Action.WATCH_CHANGED, row, desk, _terms_wire(terms))
    await record(connection, [entry], at=at, secrecy=desk.secrecy)


async def close_watch(connection: Connection, watch_id: UUID, *, desk: Desk) -> None:
    """End it, and delete its question. A watch that has ended stays as it is. Raise `NotYours`."""
    row = await _lock_own(connection, watch_id, desk)
    if row["closed_at"] is not None:
        return
    at = await database_clock(connection)
    await record(connection, [_entry(Action.WATCH_CLOSED, row, desk, {})], at=at, secrecy=desk.secrecy)
    await end_watches(connection, [(row, Cause.CLOSED)], at=at)


async def acknowledge(connection: Connection, through: int, *, desk: Desk) -> None:
    """Record that the unit has received all its events up to `through`; an earlier, higher acknowledgement remains. Raise
    `NotToldYet`.
    """
    feed = await connection.fetchrow(
        "SELECT last_sequence, acknowledged FROM watch_feeds WHERE member_code = $1 FOR UPDATE", desk.caller.member
    )
    last, before = (feed["last_sequence"], feed["acknowledged"]) if feed else (0, 0)
    if through > last:
        raise NotToldYet
    if through <= before:
        return
    at = await database_clock(connection)
    await connection.execute(
        "UPDATE watch_feeds SET acknowledged = $2, acknowledged_at = $3 WHERE member_code = $1",
        *(desk.caller.member, through, at),
    )
    facts = {"how": "acknowledged", "after": before, "through": through}
    await record(connection, [Entry(Action.EVENTS_TOLD, desk.actor, facts=facts)], at=at, secrecy=desk.secrecy)


async def _lock_own(connection: Connection, watch_id: UUID, desk: Desk) -> Any:
    row = await connection.fetchrow(
        "SELECT * FROM watches WHERE id = $1 AND member_code = $2 FOR UPDATE", watch_id, desk.caller.member
    )
    if row is None:
        raise NotYours
    return row


def _entry(action: Action, row: Any, desk: Desk, facts: Mapping[str, object]) -> Entry:
    return Entry(
        action,
        desk.actor,
        matter=row["matter"],
        reference=row["reference"],
        check_id=row["id"],
        facts={"watch": str(row["id"]), **facts},
    )


def _terms_wire(terms: Terms) -> dict[str, object]:
    return {"until": terms.until.isoformat(), "tell": terms.tell.value, "after_outcome": terms.after_outcome}
