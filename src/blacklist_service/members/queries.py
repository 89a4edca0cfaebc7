"""Reads of members and keys."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from blacklist_service.access.principals import Principal
from blacklist_service.access.scopes import Role
from blacklist_service.database.connections import Connection
from blacklist_service.members.problems import MemberNotFound
from blacklist_service.members.rules import MemberKind


@dataclass(frozen=True, slots=True)
class Member:
    code: str
    name: str
    kind: MemberKind
    court_code: str | None


@dataclass(frozen=True, slots=True)
class Credential:
    """A key as it is kept. Nothing of it ever changes but its end: another matter or role needs another key."""

    principal: Principal
    secret_sha256: bytes
    expires_at: datetime
    revoked_at: datetime | None

    def is_valid_at(self, instant: datetime) -> bool:
        return self.revoked_at is None and instant < self.expires_at


async def find_credential(connection: Connection, key_id: str) -> Credential | None:
    row = await connection.fetchrow(
        """
        SELECT k.id, k.member, k.role, k.secret_sha256, k.expires_at, k.revoked_at, m.court_code,
               ARRAY(SELECT matter FROM api_key_matters WHERE key_id = k.id) AS matters
        FROM api_keys k JOIN members m ON m.code = k.member
        WHERE k.id = $1
        """,
        key_id,
    )
    if row is None:
        return None
    principal = Principal(row["id"], row["member"], Role(row["role"]), row["court_code"], frozenset(row["matters"]))
    return Credential(principal, row["secret_sha256"], row["expires_at"], row["revoked_at"])


async def find_member(connection: Connection, code: str) -> Member | None:
    row = await connection.fetchrow("SELECT code, name, kind, court_code FROM members WHERE code = $1", code)
    return None if row is None else Member(row["code"], row["name"], MemberKind(row["kind"]), row["court_code"])


async def get_member(connection: Connection, code: str) -> Member:
    if (member := await find_member(connection, code)) is None:
        raise MemberNotFound
    return member


async def list_courts(connection: Connection) -> list[Member]:
    rows = await connection.fetch("SELECT code, name, kind, court_code FROM members WHERE kind = 'court'")
    return [Member(row["code"], row["name"], MemberKind(row["kind"]), row["court_code"]) for row in rows]


async def list_matters(connection: Connection) -> list[str]:
    return [row["code"] for row in await connection.fetch("SELECT code FROM matters ORDER BY code")]


async def find_unknown_matters(connection: Connection, matters: Collection[str]) -> set[str]:
    return set(matters) - set(await list_matters(connection))
