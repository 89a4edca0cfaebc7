"""Opening, locking and ending accounts, and what all acts on an account share."""

import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg

from blacklist_service.access.principals import Actor
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.members import queries as members
from blacklist_service.members.staff import rules
from blacklist_service.members.staff.problems import AccountExists, AccountInvalid, OwnAccount
from blacklist_service.members.staff.queries import Account, lock_account
from blacklist_service.members.staff.rules import ENROLMENT, LOGIN_FORM
from blacklist_service.secrecy import Secrecy
from blacklist_service.subjects.digests import Digester


async def open_account(
    connection: Connection,
    *,
    member: str,
    login: str,
    name: str,
    employee_number: str,
    actor: Actor,
    secrecy: Secrecy,
) -> tuple[str, str]:
    """Open an account without rights; return its id and the enrolment code (启用码), which is shown this once.

    Raise `AccountInvalid` for an invalid login, name or number, `AccountExists` if the login is taken or the employee has an
    account that has not ended.
    """
    _check_particulars(login, name, employee_number)
    await members.get_member(connection, member)
    now, account_id, code = await database_clock(connection), rules.new_account_id(), rules.new_code()
    await connection.execute(
        "INSERT INTO api_keys (id, member, role, kind, secret_sha256, made_at, expires_at)"
        " VALUES ($1, $2, 'system', 'staff', $3, $4, 'infinity')",
        *(account_id, member, os.urandom(32), now),  # a digest of a secret that nobody knows
    )
    try:
        async with connection.transaction():
            await connection.execute(
                """
                INSERT INTO staff (id, member, login, name, employee_digest, enrolment_sha256, enrolment_until,
                                   opened_at, opened_by)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                """,
                *(account_id, member, login, seal_name(secrecy, account_id, name)),
                Digester(secrecy.digest_key).of("employee", employee_number.upper()),
                *(rules.hash_code(code), now + ENROLMENT, now, actor.key_id or actor.operator),
            )
    except asyncpg.UniqueViolationError:
        raise AccountExists from None
    await record_act(connection, Action.STAFF_ADDED, account_id, actor, secrecy, now, {"member": member}, login, name)
    return account_id, code


async def end_account(connection: Connection, account_id: str, *, actor: Actor, secrecy: Secrecy) -> None:
    """End an account for good; its next check is refused like a revoked key's. Ending it again changes nothing."""
    refuse_own(account_id, actor)
    account = await lock_account(connection, account_id, secrecy=secrecy)
    if account.ended_at is not None:
        return
    now = await database_clock(connection)
    await connection.execute(
        "UPDATE staff SET ended_at = $2, password = NULL, totp = NULL, enrolment_sha256 = NULL WHERE id = $1",
        *(account_id, now),
    )
    await connection.execute("UPDATE api_keys SET revoked_at = $2 WHERE id = $1", account_id, now)
    await connection.execute("UPDATE staff_duties SET until = $2 WHERE staff = $1 AND until IS NULL", account_id, now)
    await connection.execute("DELETE FROM staff_passkeys WHERE staff = $1", account_id)
    await connection.execute("DELETE FROM staff_backup_codes WHERE staff = $1", account_id)
    await end_session(connection, account_id)
    await record_act(connection, Action.STAFF_ENDED, account_id, actor, secrecy, now, {}, account.login)


async def lock_out(
    connection: Connection, account: Account, until: datetime, *, actor: Actor, secrecy: Secrecy, now: datetime
) -> None:
    """Lock an account until an instant; its session and its row among the keys end at once."""
    is_for_ever = until == rules.FOR_EVER
    await connection.execute(
        "UPDATE staff SET locked_until = CASE WHEN $3 THEN 'infinity' ELSE $2::timestamptz END WHERE id = $1",
        *(account.id, None if is_for_ever else until, is_for_ever),
    )
    await connection.execute("UPDATE api_keys SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1", account.id, now)
    await connection.execute(
        "INSERT INTO staff_attempts (at, staff, source_ip, what, succeeded) VALUES ($1, $2, $3::text::inet, 'lock', true)",
        *(now, account.id, actor.source_ip),
    )
    await end_session(connection, account.id)
    facts = {"until": "unlocked"} if is_for_ever else {"minutes": int((until - now).total_seconds() // 60)}
    await record_act(connection, Action.STAFF_LOCKED, account.id, actor, secrecy, now, facts, account.login)


async def unlock(connection: Connection, account_id: str, *, actor: Actor, secrecy: Secrecy) -> None:
    refuse_own(account_id, actor)
    account = await lock_account(connection, account_id, secrecy=secrecy)
    if account.locked_until is None or account.ended_at is not None:
        return
    now = await database_clock(connection)
    await stand_again(connection, account_id)
    await connection.execute("DELETE FROM staff_attempts WHERE staff = $1", account_id)
    await record_act(connection, Action.STAFF_UNLOCKED, account_id, actor, secrecy, now, {}, account.login)


async def stand_again(connection: Connection, account_id: str) -> None:
    """Restore an account after its lock has expired or was removed."""
    await connection.execute("UPDATE staff SET locked_until = NULL WHERE id = $1", account_id)
    await connection.execute("UPDATE api_keys SET revoked_at = NULL WHERE id = $1 AND kind = 'staff'", account_id)


async def end_session(connection: Connection, account_id: str) -> None:
    await connection.execute("DELETE FROM staff_sessions WHERE staff = $1", account_id)


async def put_out(connection: Connection, account_id: str, *, actor: Actor, secrecy: Secrecy) -> bool:
    """End the session of another account; return whether there was one."""
    account = await lock_account(connection, account_id, secrecy=secrecy)
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM staff_sessions WHERE staff = $1)", account_id):
        return False
    await end_session(connection, account_id)
    now = await database_clock(connection)
    await record_act(
        connection, Action.SESSION_ENDED, account_id, actor, secrecy, now, {"by": "officer"}, account.login
    )
    return True


async def set_preferences(connection: Connection, account_id: str, preferences: Mapping[str, object]) -> None:
    await connection.execute("UPDATE staff SET preferences = $2 WHERE id = $1", account_id, dict(preferences))


def seal_name(secrecy: Secrecy, account_id: str, name: str) -> bytes:
    return secrecy.cipher("staff").seal(name.encode(), b"name" + account_id.encode())


def _check_particulars(login: str, name: str, employee_number: str) -> None:
    if not LOGIN_FORM.fullmatch(login):
        raise AccountInvalid("a login is 3 to 32 small letters, digits, dots, dashes and underscores")
    if not 1 <= len(name.strip()) <= 100:
        raise AccountInvalid("an account needs a name of at most 100 characters")
    if not rules.EMPLOYEE_NUMBER_FORM.fullmatch(employee_number):
        raise AccountInvalid("an employee number is 1 to 40 letters, digits and hyphens")


def refuse_own(account_id: str, actor: Actor) -> None:
    """An officer's powers apply to others only."""
    if actor.key_id == account_id:
        raise OwnAccount


async def record_act(
    connection: Connection,
    action: Action,
    account_id: str,
    actor: Actor,
    secrecy: Secrecy,
    now: datetime,
    facts: Mapping[str, Any],
    login: str,
    name: str | None = None,
) -> None:
    """Record an act on an account; `facts` beside the account's id, its login and name sealed."""
    private = {"login": login} | ({"name": name} if name else {})
    entry = Entry(action, actor, facts={"account": account_id, **facts}, private=private)
    await record(connection, [entry], at=now, secrecy=secrecy)
