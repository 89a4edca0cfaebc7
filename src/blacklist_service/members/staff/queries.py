"""Reads of accounts, their duties and their login attempts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import asyncpg

from blacklist_service.access.duties import ROLE_OF_OFFICE, SCOPES_OF_DUTY, Duty, Office
from blacklist_service.access.principals import Principal
from blacklist_service.access.scopes import Role
from blacklist_service.database.connections import Connection
from blacklist_service.members.staff.problems import AccountNotFound
from blacklist_service.members.staff.rules import IDLE, Misses
from blacklist_service.secrecy import Secrecy

ACCOUNT = """
SELECT s.*, m.name AS member_name, m.court_code,
       ARRAY(SELECT duty FROM staff_duties d WHERE d.staff = s.id AND d.until IS NULL ORDER BY since, duty) AS duties,
       ARRAY(SELECT matter FROM staff_matters WHERE staff = s.id ORDER BY matter) AS matters,
       EXISTS (SELECT FROM staff_passkeys p WHERE p.staff = s.id) AS has_passkey
FROM staff s JOIN members m ON m.code = s.member
"""


class AccountConcern(StrEnum):
    """States of an account that an officer must look at."""

    NOT_ENROLLED = "not_enrolled"
    NO_DUTY = "no_duty"
    LOCKED = "locked"
    ENDED = "ended"


STANDINGS: Mapping[AccountConcern, str] = {
    AccountConcern.NOT_ENROLLED: "s.ended_at IS NULL AND s.password IS NULL"
    " AND NOT EXISTS (SELECT FROM staff_passkeys p WHERE p.staff = s.id)",
    AccountConcern.NO_DUTY: "s.ended_at IS NULL AND NOT EXISTS"
    " (SELECT FROM staff_duties d WHERE d.staff = s.id AND d.until IS NULL)",
    AccountConcern.LOCKED: "s.ended_at IS NULL AND s.locked_until > clock_timestamp()",
    AccountConcern.ENDED: "s.ended_at IS NOT NULL",
}


@dataclass(frozen=True, slots=True)
class Account:
    """An account as stored, with the sealed parts opened except the second factor."""

    id: str
    member: str
    member_name: str
    login: str
    name: str
    office: Office | None
    duties: tuple[Duty, ...]
    matters: frozenset[str]
    court_code: str | None
    password: str | None
    passwords_before: tuple[str, ...]
    password_set_at: datetime | None
    totp: bytes | None
    totp_step: int
    has_passkey: bool
    enrolment_sha256: bytes | None
    enrolment_until: datetime | None
    locked_until: datetime | None
    preferences: dict[str, object]
    opened_at: datetime
    ended_at: datetime | None

    @property
    def is_enrolled(self) -> bool:
        return self.password is not None or self.has_passkey

    def is_locked_at(self, instant: datetime) -> bool:
        return self.locked_until is not None and instant < self.locked_until

    @property
    def principal(self) -> Principal:
        granted = frozenset(scope for duty in self.duties for scope in SCOPES_OF_DUTY[duty])
        role = ROLE_OF_OFFICE[self.office] if self.office else Role.SYSTEM
        return Principal(self.id, self.member, role, self.court_code, self.matters, self.login, granted)


def read_account(row: asyncpg.Record, secrecy: Secrecy) -> Account:
    kept = {name: row[name] for name in Account.__slots__ if name in row.keys()}  # noqa: SIM118 - of a record
    return Account(
        **kept
        | {
            "name": secrecy.cipher("staff").open(row["name"], b"name" + row["id"].encode()).decode(),
            "office": row["office"] and Office(row["office"]),
            "duties": tuple(map(Duty, row["duties"])),
            "matters": frozenset(row["matters"]),
            "passwords_before": tuple(row["passwords_before"]),
        }
    )


async def find_account(connection: Connection, account_id: str, *, secrecy: Secrecy) -> Account | None:
    row = await connection.fetchrow(f"{ACCOUNT} WHERE s.id = $1", account_id)
    return None if row is None else read_account(row, secrecy)


async def find_account_by_login(connection: Connection, login: str, *, secrecy: Secrecy) -> Account | None:
    row = await connection.fetchrow(f"{ACCOUNT} WHERE s.login = $1", login)
    return None if row is None else read_account(row, secrecy)


async def get_account(connection: Connection, account_id: str, *, secrecy: Secrecy) -> Account:
    if (account := await find_account(connection, account_id, secrecy=secrecy)) is None:
        raise AccountNotFound
    return account


async def lock_account(connection: Connection, account_id: str, *, secrecy: Secrecy) -> Account:
    """Lock the account's row, so that two acts on it take turns."""
    if await connection.fetchval("SELECT 1 FROM staff WHERE id = $1 FOR UPDATE", account_id) is None:
        raise AccountNotFound
    return await get_account(connection, account_id, secrecy=secrecy)


async def list_accounts(
    connection: Connection,
    *,
    secrecy: Secrecy,
    member: str | None = None,
    standing: AccountConcern | None = None,
    after: str = "",
    limit: int = 100,
) -> list[Account]:
    """By login."""
    holds = "true" if standing is None else STANDINGS[standing]
    rows = await connection.fetch(
        f"{ACCOUNT} WHERE s.login > $1 AND ($2::text IS NULL OR s.member = $2) AND {holds} ORDER BY s.login LIMIT $3",
        *(after, member, limit),
    )
    return [read_account(row, secrecy) for row in rows]


async def count_standing(connection: Connection) -> dict[AccountConcern, int]:
    """How many accounts are in each state; some are in two."""
    counts = ", ".join(f"count(*) FILTER (WHERE {holds}) AS {standing}" for standing, holds in STANDINGS.items())
    row = await connection.fetchrow(f"SELECT {counts} FROM staff s")
    assert row is not None  # noqa: S101 - an aggregate
    return {standing: row[standing.value] for standing in AccountConcern}


async def list_sessions(connection: Connection, account_ids: Sequence[str] | None = None) -> dict[str, asyncpg.Record]:
    """Sessions that have not ended, by account: of these accounts, or of all."""
    rows = await connection.fetch(
        """
        SELECT staff, factor, begun_at, seen_at, ends_at, host(source_ip) AS source_ip FROM staff_sessions
        WHERE ($1::text[] IS NULL OR staff = ANY($1)) AND ends_at > clock_timestamp()
          AND seen_at > clock_timestamp() - $2::interval
        ORDER BY seen_at DESC
        """,
        *(None if account_ids is None else list(account_ids), IDLE),
    )
    return {row["staff"]: row for row in rows}


async def count_holders(connection: Connection, office: Office) -> int:
    """How many accounts that have not ended hold an office."""
    count: int = await connection.fetchval(
        """
        SELECT count(DISTINCT s.id) FROM staff s JOIN staff_duties d ON d.staff = s.id AND d.until IS NULL
        WHERE d.office = $1 AND s.ended_at IS NULL
        """,
        office.value,
    )
    return count


async def count_misses(connection: Connection, account_id: str, now: datetime) -> Misses:
    row = await connection.fetchrow(
        """
        SELECT count(*) FILTER (WHERE a.what = 'login' AND a.id > last.id) AS in_a_row,
               count(*) FILTER (WHERE a.what = 'lock' AND a.at > $2) AS locks_today
        FROM staff_attempts a,
             (SELECT coalesce(max(id), 0) AS id FROM staff_attempts
              WHERE staff = $1 AND (what = 'lock' OR (what = 'login' AND succeeded))) AS last
        WHERE a.staff = $1
        """,
        *(account_id, now - timedelta(days=1)),
    )
    assert row is not None  # noqa: S101 - an aggregate
    return Misses(row["in_a_row"], row["locks_today"])


async def count_factor_misses(connection: Connection, account_id: str, since: datetime) -> int:
    count: int = await connection.fetchval(
        "SELECT count(*) FROM staff_attempts WHERE staff = $1 AND what = 'factor' AND NOT succeeded AND at > $2",
        *(account_id, since),
    )
    return count


async def count_address_misses(connection: Connection, source_ip: str | None, since: datetime) -> int:
    count: int = await connection.fetchval(
        "SELECT count(*) FROM staff_attempts WHERE source_ip = $1::text::inet AND NOT succeeded AND at > $2",
        *(source_ip, since),
    )
    return count


async def list_passkeys(connection: Connection, account_id: str) -> Sequence[asyncpg.Record]:
    return await connection.fetch(
        "SELECT credential_id, label, credential, sign_count, added_at FROM staff_passkeys WHERE staff = $1"
        " ORDER BY added_at",
        account_id,
    )


async def count_backup_codes(connection: Connection, account_id: str) -> int:
    count: int = await connection.fetchval(
        "SELECT count(*) FROM staff_backup_codes WHERE staff = $1 AND used_at IS NULL", account_id
    )
    return count
