"""Setting a court's options; requesting and giving a review. Each is a ledger entry in the act's own transaction."""

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from blacklist_service.access.principals import Actor, Principal
from blacklist_service.clock import new_id
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.members.problems import MemberInvalid
from blacklist_service.members.queries import get_member
from blacklist_service.members.rules import MemberKind
from blacklist_service.members.second_person.problems import NeverTwo, OwnWork, ReviewedAlready, ReviewNotFound
from blacklist_service.members.second_person.queries import Review, list_set_options, read_review
from blacklist_service.members.second_person.rules import (
    AT_ONCE,
    RULES,
    CourtAct,
    Look,
    ReviewFinding,
    SoloAct,
    persons_needed,
)
from blacklist_service.problems import FieldError
from blacklist_service.secrecy import Secrecy


async def set_options(
    connection: Connection, member: str, options: Mapping[CourtAct, int], *, actor: Actor, secrecy: Secrecy
) -> Mapping[CourtAct, int]:
    """Set how many people acts of a court's accounts need; acts that are not named keep their setting. Repeating it changes
    nothing.

    Raise `NeverTwo` for an act whose delay would do harm.
    """
    if (await get_member(connection, member)).kind is not MemberKind.COURT:
        raise MemberInvalid("only a court has these options")
    for act, persons in options.items():
        if act in AT_ONCE and persons > 1:
            raise NeverTwo(errors=[FieldError(f"/options/{act.value}", "never-two", NeverTwo.title())])
    await connection.execute("SELECT FROM members WHERE code = $1 FOR UPDATE", member)
    kept = await list_set_options(connection, member)
    before, after = persons_needed(kept), persons_needed({**kept, **options})
    first_set = {act for act in options if RULES[act].like is not None and act not in kept}
    changed = [act for act in CourtAct if before[act] != after[act] or act in first_set]
    if not changed:
        return before
    at = await database_clock(connection)
    await connection.executemany(
        """
        INSERT INTO court_options (member, act, persons, changed_at, changed_by) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (member, act) DO UPDATE
        SET persons = excluded.persons, changed_at = excluded.changed_at, changed_by = excluded.changed_by
        """,
        [(member, act.value, persons, at, actor.key_id or actor.operator) for act, persons in options.items()],
    )
    facts = {
        "member": member,
        "before": {act.value: before[act] for act in changed},
        "after": {act.value: after[act] for act in changed},
    }
    await record(connection, [Entry(Action.COURT_OPTIONS_CHANGED, actor, facts=facts)], at=at, secrecy=secrecy)
    return after


async def owe_review(
    connection: Connection,
    caller: Principal,
    actor: Actor,
    act: CourtAct | SoloAct,
    target: UUID,
    *,
    version: int | None = None,
    due_on: date,
) -> None:
    """Request a review of what a person just did alone, if the act is one of those. A system's key needs none."""
    if not caller.is_account or RULES[act].look is not Look.AFTERWARDS:
        return
    at = await database_clock(connection)
    await connection.execute(
        """
        INSERT INTO reviews (id, member, act, target, version, made_by, operator, made_at, due_on)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """,
        *(new_id(at), caller.member, act.value, target, version, caller.key_id, actor.operator, at, due_on),
    )


async def give_review(
    connection: Connection,
    review_id: UUID,
    *,
    finding: ReviewFinding,
    note: str | None,
    caller: Principal,
    actor: Actor,
    secrecy: Secrecy,
) -> Review:
    """Record a finding. Raise `OwnWork` if the reviewer did the act, `ReviewedAlready` if there is a finding."""
    row = await connection.fetchrow("SELECT * FROM reviews WHERE id = $1 FOR UPDATE", review_id)
    if row is None or row["member"] != caller.member:
        raise ReviewNotFound
    if row["made_by"] == caller.key_id:
        raise OwnWork
    if row["reviewed_at"] is not None:
        raise ReviewedAlready
    at = await database_clock(connection)
    sealed = None if note is None else secrecy.cipher("reviews").seal(note.encode(), review_id.bytes)
    done = await connection.fetchrow(
        "UPDATE reviews SET reviewed_by = $2, reviewer = $3, reviewed_at = $4, finding = $5, note = $6 WHERE id = $1"
        " RETURNING *",
        *(review_id, caller.key_id, actor.operator, at, finding.value, sealed),
    )
    assert done is not None  # noqa: S101 - it is locked
    is_listing = row["act"] != CourtAct.RELEASE.value
    facts = {"review": str(review_id), "act": row["act"], "finding": finding.value, "made_by": row["made_by"]}
    entry = Entry(
        Action.REVIEW_DONE,
        actor,
        listing_ids=(row["target"],) if is_listing else (),
        facts=facts if is_listing else facts | {"notice": str(row["target"])},
        private={"note": note} if note else {},
    )
    await record(connection, [entry], at=at, secrecy=secrecy)
    return read_review(done, secrecy)
