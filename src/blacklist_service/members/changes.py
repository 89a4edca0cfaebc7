"""Changes of a member: another name, a successor, other contacts, other matters."""

from collections.abc import Collection, Mapping
from datetime import date

import orjson

from blacklist_service.access.principals import Actor
from blacklist_service.database.connections import Connection
from blacklist_service.database.legal_dates import TODAY
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.members import queries
from blacklist_service.members.operations import refuse_second_court
from blacklist_service.members.problems import MemberInvalid
from blacklist_service.members.rules import MemberKind
from blacklist_service.secrecy import Secrecy


async def rename_member(
    connection: Connection, code: str, *, name: str, since: date, actor: Actor, secrecy: Secrecy
) -> bool:
    """Rename a member from a day on; earlier answers keep the old name. Return whether anything changed."""
    await queries.lock_member(connection, code)
    if not name.strip():
        raise MemberInvalid("a member needs a name")
    if await queries.find_name(connection, code, on=since) == name:
        return False
    if (await queries.get_member(connection, code)).kind is MemberKind.COURT:
        await refuse_second_court(connection, code, name=name, court_code=None)
    await connection.execute(
        "INSERT INTO member_names (member, valid_from, name) VALUES ($1, $2, $3)"
        " ON CONFLICT (member, valid_from) DO UPDATE SET name = excluded.name",
        *(code, since, name),
    )
    await connection.execute(
        f"""
        UPDATE members SET name = (SELECT name FROM member_names
            WHERE member = $1 AND valid_from <= {TODAY}
            ORDER BY valid_from DESC LIMIT 1)
        WHERE code = $1
        """,
        code,
    )
    await _record(connection, Action.MEMBER_RENAMED, {"member": code, "since": since.isoformat()}, actor, secrecy)
    return True


async def succeed_member(
    connection: Connection, code: str, *, successor: str, on: date, actor: Actor, secrecy: Secrecy
) -> bool:
    """Let `successor` succeed a member: it answers to the member's notices, and to those of its predecessors.

    The old member keeps its keys until they are revoked, and its own log.
    """
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('lineage', 0))")
    member, heir = await queries.get_member(connection, code), await queries.get_member(connection, successor)
    if code == successor or member.kind is not heir.kind:
        raise MemberInvalid("a member is succeeded by another one of its kind")
    if await connection.fetchval("SELECT 1 FROM member_lineage WHERE member = $1 AND ancestor = $2", code, successor):
        raise MemberInvalid("the successor was itself succeeded by this member")
    status = await connection.execute(
        """
        INSERT INTO member_lineage (member, ancestor, since)
        SELECT later.member, earlier.ancestor, $3::date
        FROM member_lineage later CROSS JOIN member_lineage earlier
        WHERE later.ancestor = $2 AND earlier.member = $1
        ON CONFLICT DO NOTHING
        """,
        *(code, successor, on),
    )
    if status.endswith(" 0"):
        return False
    facts = {"member": code, "successor": successor, "on": on.isoformat()}
    await _record(connection, Action.MEMBER_SUCCEEDED, facts, actor, secrecy)
    return True


async def change_contacts(
    connection: Connection, code: str, contacts: Mapping[str, str | None], *, actor: Actor, secrecy: Secrecy
) -> bool:
    """Store who leads and who is to be called. The ledger records that they changed, not to whom."""
    await queries.lock_member(connection, code)
    held = await queries.find_contacts(connection, code, secrecy=secrecy)
    if held == dict(contacts):
        return False
    now = await database_clock(connection)
    await connection.execute(
        """
        INSERT INTO member_contacts (member, revision, contacts, at)
        SELECT $1, coalesce(max(revision), 0) + 1, $2, $3 FROM member_contacts WHERE member = $1
        """,
        *(code, secrecy.cipher("members").seal(orjson.dumps(dict(contacts)), code.encode()), now),
    )
    await _record(connection, Action.MEMBER_CONTACTS_CHANGED, {"member": code}, actor, secrecy)
    return True


async def allow_matters(
    connection: Connection, code: str, matters: Collection[str] | None, *, actor: Actor, secrecy: Secrecy
) -> bool:
    """Set the matters about which a member's keys may ask; None means all. Existing keys keep theirs."""
    await queries.lock_member(connection, code)
    wanted = None if matters is None else sorted(set(matters))
    if wanted and (unknown := await queries.find_unknown_matters(connection, wanted)):
        raise MemberInvalid(f"{len(unknown)} of the matters are not known")
    if await queries.find_allowed_matters(connection, code) == wanted:
        return False
    await connection.execute("UPDATE members SET matters = $2 WHERE code = $1", code, wanted)
    await _record(connection, Action.MEMBER_MATTERS_CHANGED, {"member": code, "matters": wanted}, actor, secrecy)
    return True


async def _record(
    connection: Connection, action: Action, facts: Mapping[str, object], actor: Actor, secrecy: Secrecy
) -> None:
    await record(connection, [Entry(action, actor, facts=facts)], at=await database_clock(connection), secrecy=secrecy)
