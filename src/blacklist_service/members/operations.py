"""Adding members, making and revoking keys. Each act is a ledger entry in the same transaction."""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

from blacklist_service.access.principals import Actor
from blacklist_service.access.scopes import Role
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.members import queries, rules
from blacklist_service.members.problems import CourtExists, KeyInvalid, KeyNotFound, MemberExists, MemberInvalid
from blacklist_service.members.queries import Member
from blacklist_service.members.rules import MemberKind, NewKey
from blacklist_service.secrecy import Secrecy
from blacklist_service.subjects.case_numbers import fold_court_code

FOLLOWER_KEY_BYTES = 32


async def add_member(
    connection: Connection,
    *,
    code: str,
    name: str,
    kind: MemberKind,
    court_code: str | None,
    actor: Actor,
    secrecy: Secrecy,
) -> bool:
    """Add a member; return whether it is new. Repeating the same particulars changes nothing.

    A court's code is stored in its folded form; a second court with that code, or that name, is refused.
    """
    court_code = None if court_code is None else fold_court_code(court_code)
    _check_member(code, name, kind, court_code)
    if kind is MemberKind.COURT:
        await refuse_second_court(connection, code, name=name, court_code=court_code)
    now = await database_clock(connection)
    status = await connection.execute(
        "INSERT INTO members (code, name, kind, court_code, added_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        code,
        name,
        kind.value,
        court_code,
        now,
    )
    if not status.endswith(" 1"):
        held = await queries.find_member(connection, code)
        if held is not None and held.court_code is not None:
            held = replace(held, court_code=fold_court_code(held.court_code))
        if held != Member(code, name, kind, court_code):
            raise MemberExists
        return False
    facts = {"member": code, "kind": kind.value} | ({"court": court_code} if court_code else {})
    await record(connection, [Entry(Action.MEMBER_ADDED, actor, facts=facts)], at=now, secrecy=secrecy)
    return True


async def refuse_second_court(connection: Connection, code: str, *, name: str, court_code: str | None) -> None:
    """Raise `CourtExists` if another member is a court with this code or name."""
    if (other := await queries.find_court_like(connection, besides=code, name=name, court_code=court_code)) is not None:
        raise CourtExists(f"the member {other} is a court of this code or name already")


async def create_key(
    connection: Connection,
    *,
    member_code: str,
    role: Role,
    matters: Collection[str] | None,
    days: int,
    environment: str,
    actor: Actor,
    secrecy: Secrecy,
) -> NewKey:
    """Make a key for a member's system. `matters=None` means every matter known today, stored one by one."""
    member = await queries.get_member(connection, member_code)
    _check_key(member, role, matters, days)
    if rules.asks_about_matters(role):
        matters = await known_matters(connection, matters, await queries.find_allowed_matters(connection, member_code))
    key, now = rules.make_key(environment), await database_clock(connection)
    await connection.execute(
        "INSERT INTO api_keys (id, member, role, secret_sha256, made_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)",
        key.key_id,
        member.code,
        role.value,
        key.secret_sha256,
        now,
        now + timedelta(days=days),
    )
    rows = [(key.key_id, matter) for matter in matters or ()]
    await connection.executemany("INSERT INTO api_key_matters (key_id, matter) VALUES ($1, $2)", rows)
    facts = {
        "key": key.key_id,
        "member": member.code,
        "role": role.value,
        "matters": sorted(matters or ()),
        "days": days,
    }
    await record(connection, [Entry(Action.KEY_CREATED, actor, facts=facts)], at=now, secrecy=secrecy)
    return key


async def register_follower(
    connection: Connection, code: str, public_key: bytes, *, actor: Actor, secrecy: Secrecy
) -> None:
    """From now on, seal for this member's installation with that key; a later key replaces the first.

    Raise `MemberInvalid` for anything that is not an X25519 key.
    """
    if len(public_key) != FOLLOWER_KEY_BYTES:
        raise MemberInvalid("a follower's public key is 32 bytes (X25519)")
    member, at = await queries.get_member(connection, code), await database_clock(connection)
    await connection.execute(
        """
        INSERT INTO followers (member, public_key, since) VALUES ($1, $2, $3)
        ON CONFLICT (member) DO UPDATE SET (public_key, since) = ROW (EXCLUDED.public_key, EXCLUDED.since)
        """,
        *(member.code, public_key, at),
    )
    facts = {"member": member.code, "public_key": public_key.hex()}
    await record(connection, [Entry(Action.FOLLOWER_REGISTERED, actor, facts=facts)], at=at, secrecy=secrecy)


async def revoke_key(connection: Connection, key_id: str, *, actor: Actor, secrecy: Secrecy) -> None:
    """Revoke a key at once; revoking it again changes nothing."""
    now = await database_clock(connection)
    status = await connection.execute(
        "UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL AND kind = 'machine'", key_id, now
    )
    if status.endswith(" 1"):
        await record(connection, [Entry(Action.KEY_REVOKED, actor, facts={"key": key_id})], at=now, secrecy=secrecy)
    elif await queries.find_credential(connection, key_id) is None:
        raise KeyNotFound


def _check_member(code: str, name: str, kind: MemberKind, court_code: str | None) -> None:
    if not rules.MEMBER_CODE_FORM.fullmatch(code):
        raise MemberInvalid("a member's code is 1 to 64 letters, digits, dots, dashes and underscores")
    if not name.strip():
        raise MemberInvalid("a member needs a name")
    if (kind is MemberKind.COURT) != (court_code is not None):
        raise MemberInvalid("a court, and only a court, has a court code such as 云0111")
    if court_code is not None and not rules.COURT_CODE_FORM.fullmatch(court_code):
        raise MemberInvalid("a court code is a province's character with two or four digits, such as 云0111")


def _check_key(member: Member, role: Role, matters: Collection[str] | None, days: int) -> None:
    needed = rules.MEMBER_KIND_OF_ROLE[role]
    if needed is not None and member.kind is not needed:
        raise KeyInvalid(f"a key with the role {role.value} belongs to a member of kind {needed.value}")
    if matters and not rules.asks_about_matters(role):
        raise KeyInvalid("only a key with the role agency asks about matters")
    if not 1 <= days <= rules.LONGEST_KEY_DAYS:
        raise KeyInvalid(f"a key lives 1 to {rules.LONGEST_KEY_DAYS} days")


async def known_matters(
    connection: Connection, matters: Collection[str] | None, allowed: Collection[str] | None
) -> Collection[str]:
    """The matters a key is given: those named, or all of today. `allowed` is what the member may ask, if restricted.

    Raise `KeyInvalid` for a matter that is unknown, or not allowed.
    """
    if matters is None:
        return await queries.list_matters(connection) if allowed is None else sorted(allowed)
    if unknown := await queries.find_unknown_matters(connection, matters):
        raise KeyInvalid(f"unknown matters: {', '.join(sorted(unknown))}")
    if allowed is not None and (beyond := set(matters) - set(allowed)):
        raise KeyInvalid(f"this member may not ask about: {', '.join(sorted(beyond))}")
    return sorted(set(matters))
