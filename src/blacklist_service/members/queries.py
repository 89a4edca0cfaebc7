"""Reads of members and keys."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

import asyncpg
import orjson

from blacklist_service.access.principals import Principal
from blacklist_service.access.scopes import Role
from blacklist_service.database.connections import Connection
from blacklist_service.database.legal_dates import TODAY
from blacklist_service.members.problems import MemberNotFound
from blacklist_service.members.rules import MemberKind
from blacklist_service.secrecy import Secrecy
from blacklist_service.subjects.case_numbers import fold_court_code
from blacklist_service.subjects.identifiers import SubjectKind
from blacklist_service.subjects.names import comparison_key


@dataclass(frozen=True, slots=True)
class Member:
    code: str
    name: str
    kind: MemberKind
    court_code: str | None


@dataclass(frozen=True, slots=True)
class Credential:
    """A key as stored. Nothing of it ever changes except its end: another matter or role needs another key."""

    principal: Principal
    secret_sha256: bytes
    expires_at: datetime
    revoked_at: datetime | None

    def is_valid_at(self, instant: datetime) -> bool:
        return self.revoked_at is None and instant < self.expires_at


async def find_credentials(connection: Connection, key_ids: Collection[str]) -> dict[str, Credential]:
    """The keys that exist among these ids."""
    rows = await connection.fetch(
        """
        SELECT k.id, k.member, k.role, k.secret_sha256, k.expires_at, k.revoked_at, m.court_code,
               ARRAY(SELECT matter FROM api_key_matters WHERE key_id = k.id) AS matters
        FROM api_keys k JOIN members m ON m.code = k.member
        WHERE k.id = ANY($1::text[]) AND k.kind = 'machine'
        """,
        list(key_ids),
    )
    return {
        row["id"]: Credential(
            Principal(row["id"], row["member"], Role(row["role"]), row["court_code"], frozenset(row["matters"])),
            row["secret_sha256"],
            row["expires_at"],
            row["revoked_at"],
        )
        for row in rows
    }


async def list_valid_ids(connection: Connection, limit: int) -> list[str]:
    """The newest valid keys."""
    rows = await connection.fetch(
        "SELECT id FROM api_keys WHERE revoked_at IS NULL AND expires_at > clock_timestamp()"
        " ORDER BY made_at DESC LIMIT $1",
        limit,
    )
    return [row["id"] for row in rows]


async def find_credential(connection: Connection, key_id: str) -> Credential | None:
    return (await find_credentials(connection, [key_id])).get(key_id)


async def find_member(connection: Connection, code: str) -> Member | None:
    row = await connection.fetchrow("SELECT code, name, kind, court_code FROM members WHERE code = $1", code)
    return None if row is None else Member(row["code"], row["name"], MemberKind(row["kind"]), row["court_code"])


async def get_member(connection: Connection, code: str) -> Member:
    if (member := await find_member(connection, code)) is None:
        raise MemberNotFound
    return member


async def is_agency(connection: Connection, code: str) -> bool:
    """Whether a unit, and not a court or an auditor, has this code."""
    kind = await connection.fetchval("SELECT kind FROM members WHERE code = $1", code)
    return bool(kind == MemberKind.AGENCY)


async def lock_member(connection: Connection, code: str) -> None:
    if await connection.fetchval("SELECT 1 FROM members WHERE code = $1 FOR UPDATE", code) is None:
        raise MemberNotFound


async def find_name(connection: Connection, code: str, *, on: date) -> str | None:
    """The name a member had on that day."""
    name: str | None = await connection.fetchval(
        "SELECT name FROM member_names WHERE member = $1 AND valid_from <= $2 ORDER BY valid_from DESC LIMIT 1",
        code,
        on,
    )
    return name


async def find_allowed_matters(connection: Connection, code: str) -> list[str] | None:
    """What the member's keys may be allowed to ask; None if they are not restricted."""
    matters: list[str] | None = await connection.fetchval("SELECT matters FROM members WHERE code = $1", code)
    return matters


async def find_contacts(connection: Connection, code: str, *, secrecy: Secrecy) -> dict[str, str | None] | None:
    sealed = await connection.fetchval(
        "SELECT contacts FROM member_contacts WHERE member = $1 ORDER BY revision DESC LIMIT 1", code
    )
    if sealed is None:
        return None
    contacts: dict[str, str | None] = orjson.loads(secrecy.cipher("members").open(sealed, code.encode()))
    return contacts


async def list_members(
    connection: Connection, *, kind: str | None = None, code: str | None = None, after: str = "", limit: int = 10_000
) -> list[asyncpg.Record]:
    """By code, with names over time and the members each one answers for."""
    return await connection.fetch(
        """
        SELECT m.code, m.name, m.kind, m.court_code, m.matters, m.added_at,
               (SELECT coalesce(jsonb_agg(jsonb_build_object('name', n.name, 'from',
                    CASE WHEN n.valid_from = '-infinity' THEN NULL ELSE n.valid_from END) ORDER BY n.valid_from), '[]')
                FROM member_names n WHERE n.member = m.code) AS names,
               (SELECT coalesce(jsonb_agg(jsonb_build_object('member', l.member, 'on', l.since) ORDER BY l.since), '[]')
                FROM member_lineage l WHERE l.ancestor = m.code AND l.member <> m.code) AS successors
        FROM members m WHERE m.code > $1 AND ($2::text IS NULL OR m.kind = $2) AND ($4::text IS NULL OR m.code = $4)
        ORDER BY m.code LIMIT $3
        """,
        *(after, kind, limit, code),
    )


async def list_keys(connection: Connection, code: str) -> list[asyncpg.Record]:
    """Newest first; never a secret."""
    return await connection.fetch(
        """
        SELECT k.id AS key_id, k.role, k.made_at, k.expires_at, k.revoked_at,
               ARRAY(SELECT matter FROM api_key_matters WHERE key_id = k.id ORDER BY matter) AS matters
        FROM api_keys k WHERE k.member = $1 AND k.kind = 'machine' ORDER BY k.made_at DESC, k.id
        """,
        code,
    )


async def list_courts(connection: Connection) -> list[Member]:
    rows = await connection.fetch("SELECT code, name, kind, court_code FROM members WHERE kind = 'court'")
    return [Member(row["code"], row["name"], MemberKind(row["kind"]), row["court_code"]) for row in rows]


async def find_court_like(connection: Connection, *, besides: str, name: str, court_code: str | None) -> str | None:
    """Another member that is a court with this code, or with this name now or from a later day on, in any spelling.

    Until the caller's transaction ends, others cannot add or rename a court.
    """
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('courts', 0))")
    rows = await connection.fetch(
        f"""
        SELECT m.code, m.court_code, ARRAY(
            SELECT m.name UNION SELECT n.name FROM member_names n WHERE n.member = m.code
            AND n.valid_from > {TODAY}) AS names
        FROM members m WHERE m.kind = 'court' AND m.code <> $1 ORDER BY m.code
        """,
        besides,
    )
    folded = comparison_key(SubjectKind.ORGANISATION, name)
    for row in rows:
        has_code = court_code is not None and fold_court_code(row["court_code"]) == fold_court_code(court_code)
        if has_code or folded in {comparison_key(SubjectKind.ORGANISATION, one) for one in row["names"]}:
            code: str = row["code"]
            return code
    return None


async def list_matters(connection: Connection) -> list[str]:
    return [row["code"] for row in await connection.fetch("SELECT code FROM matters ORDER BY code")]


async def find_unknown_matters(connection: Connection, matters: Collection[str]) -> set[str]:
    return set(matters) - set(await list_matters(connection))
