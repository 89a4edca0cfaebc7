"""Outcomes of checks: what the agency did with an answer, and which answers still have none. A human decides on every
flag.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from blacklist_service.access.principals import Actor
from blacklist_service.checks.outcome_queries import Outcome, find_outcome
from blacklist_service.checks.problems import ReasonMissing
from blacklist_service.checks.rules import OutcomeAction
from blacklist_service.clock import instant_of
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.secrecy import Secrecy


async def record_outcome(
    connection: Connection,
    answer: Mapping[str, Any],
    *,
    action: OutcomeAction,
    reason: str | None,
    actor: Actor,
    secrecy: Secrecy,
) -> Outcome:
    """Record what the caller's own agency did with an answer; repeating it changes nothing.

    Raise `ReasonMissing` if a block is overridden without a reason.
    """
    check_id, decision = UUID(answer["check_id"]), answer["decision"]
    if decision == "block" and action is OutcomeAction.APPROVED and not (reason or "").strip():
        raise ReasonMissing
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"outcome {check_id}")
    held = await find_outcome(connection, check_id, secrecy=secrecy)
    if held is not None and (held.action, held.reason, held.operator) == (action, reason, actor.operator):
        return held
    at = await database_clock(connection)
    revision = 1 if held is None else held.revision + 1
    sealed = None if reason is None else secrecy.cipher("outcomes").seal(reason.encode(), check_id.bytes)
    await connection.execute(
        """
        INSERT INTO check_outcomes (check_id, revision, agency, matter, decision, checked_at, action, reason, operator, at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        """,
        *(check_id, revision, actor.member, answer["matter"], decision, instant_of(check_id), action, sealed),
        *(actor.operator, at),
    )
    entry = Entry(
        Action.OUTCOME_RECORDED,
        actor,
        matter=answer["matter"],
        reference=answer["reference"],
        check_id=check_id,
        decision=decision,
        facts={"check": str(check_id), "outcome": action.value, "revision": revision},
        private={} if reason is None else {"reason": reason},
    )
    await record(connection, [entry], at=at, secrecy=secrecy)
    return Outcome(check_id, revision, decision, action, reason, actor.operator, at)
