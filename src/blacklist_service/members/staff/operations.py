"""Opening accounts, granting duties, enrolling, ending: each is a ledger entry in the act's own transaction.

Facts name accounts by their id; names and logins are in the entry's private part.
"""

import os
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import asyncpg

from blacklist_service.access.duties import OFFICE_OF_DUTY, OFFICERS, ROLE_OF_OFFICE, Duty, Office
from blacklist_service.access.principals import Actor
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.members import queries as members
from blacklist_service.members.operations import known_matters
from blacklist_service.members.rules import MEMBER_KIND_OF_ROLE, MemberKind
from blacklist_service.members.staff import passwords, rules, totp
from blacklist_service.members.staff.passkeys import Passkey
from blacklist_service.members.staff.problems import (
    AccountExists,
    AccountInvalid,
    DutyExcluded,
    EnrolmentRefused,
    OfficersAccount,
    OwnAccount,
    PasswordRefused,
)
from blacklist_service.members.staff.queries import Account, get_account, lock_account
from blacklist_service.members.staff.rules import ENROLMENT, LOGIN_FORM, Factor, PasswordFault
from blacklist_service.problems import FieldError
from blacklist_service.secrecy import Secrecy
from blacklist_service.subjects.digests import Digester

MEMBER_KIND_OF_OFFICE: Mapping[Office, MemberKind] = {
    Office.WINDOW: MemberKind.AGENCY,
    **{office: MEMBER_KIND_OF_ROLE[role] for office, role in ROLE_OF_OFFICE.items() if role in MEMBER_KIND_OF_ROLE},
}


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
    await _record(connection, Action.STAFF_ADDED, account_id, actor, secrecy, now, {"member": member}, login, name)
    return account_id, code


async def grant_duty(
    connection: Connection,
    account_id: str,
    duty: Duty,
    *,
    matters: Collection[str] | None = None,
    actor: Actor,
    secrecy: Secrecy,
) -> None:
    """Give an account a duty; `matters`, for window duty only, restrict what it may ask (None = all its member may).

    Raise `DutyExcluded` if it holds, or held, a duty of another office: such a person needs another account. Raise
    `OwnAccount` if the caller would grant their own.
    """
    _refuse_own(account_id, actor)
    account = await lock_account(connection, account_id, secrecy=secrecy)
    office = OFFICE_OF_DUTY[duty]
    member = await members.get_member(connection, account.member)
    needed = MEMBER_KIND_OF_OFFICE.get(office)
    if account.ended_at is not None:
        raise AccountInvalid("the account has ended")
    if needed is not None and member.kind is not needed:
        raise AccountInvalid(f"the duty {duty.value} belongs to a member of kind {needed.value}")
    if account.office is not None and account.office is not office:
        raise DutyExcluded
    if matters is not None and duty is not Duty.WINDOW:
        raise AccountInvalid("only the window asks about matters")
    now = await database_clock(connection)
    await connection.execute("UPDATE staff SET office = $2 WHERE id = $1", account_id, office.value)
    if duty not in account.duties:
        await connection.execute(
            "INSERT INTO staff_duties (staff, office, duty, since, granted_by) VALUES ($1, $2, $3, $4, $5)",
            *(account_id, office.value, duty.value, now, actor.key_id or actor.operator),
        )
    if duty is Duty.WINDOW:
        allowed = await members.find_allowed_matters(connection, account.member)
        await _set_matters(connection, account_id, await known_matters(connection, matters, allowed))
    await end_session(connection, account_id)
    facts: dict[str, Any] = {"duty": duty.value}
    if duty is Duty.WINDOW:
        facts["matters"] = sorted((await get_account(connection, account_id, secrecy=secrecy)).matters)
    await _record(connection, Action.STAFF_GRANTED, account_id, actor, secrecy, now, facts, account.login)


async def take_duty(connection: Connection, account_id: str, duty: Duty, *, actor: Actor, secrecy: Secrecy) -> None:
    """End a duty at once; ending one that is not held changes nothing."""
    _refuse_own(account_id, actor)
    account = await lock_account(connection, account_id, secrecy=secrecy)
    if duty not in account.duties:
        return
    now = await database_clock(connection)
    await connection.execute(
        "UPDATE staff_duties SET until = $3 WHERE staff = $1 AND duty = $2 AND until IS NULL",
        *(account_id, duty.value, now),
    )
    if duty is Duty.WINDOW:
        await _set_matters(connection, account_id, ())
    await end_session(connection, account_id)
    facts = {"duty": duty.value, "taken": True}
    await _record(connection, Action.STAFF_GRANTED, account_id, actor, secrecy, now, facts, account.login)


async def end_account(connection: Connection, account_id: str, *, actor: Actor, secrecy: Secrecy) -> None:
    """End an account for good; its next check is refused like a revoked key's. Ending it again changes nothing."""
    _refuse_own(account_id, actor)
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
    await _record(connection, Action.STAFF_ENDED, account_id, actor, secrecy, now, {}, account.login)


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
    await _record(connection, Action.STAFF_LOCKED, account.id, actor, secrecy, now, facts, account.login)


async def unlock(connection: Connection, account_id: str, *, actor: Actor, secrecy: Secrecy) -> None:
    _refuse_own(account_id, actor)
    account = await lock_account(connection, account_id, secrecy=secrecy)
    if account.locked_until is None or account.ended_at is not None:
        return
    now = await database_clock(connection)
    await stand_again(connection, account_id)
    await connection.execute("DELETE FROM staff_attempts WHERE staff = $1", account_id)
    await _record(connection, Action.STAFF_UNLOCKED, account_id, actor, secrecy, now, {}, account.login)


async def stand_again(connection: Connection, account_id: str) -> None:
    """Restore an account after its lock has expired or was removed."""
    await connection.execute("UPDATE staff SET locked_until = NULL WHERE id = $1", account_id)
    await connection.execute("UPDATE api_keys SET revoked_at = NULL WHERE id = $1 AND kind = 'staff'", account_id)


async def reset_factor(connection: Connection, account_id: str, *, actor: Actor, secrecy: Secrecy) -> str:
    """Reset a lost password and factors; return a new enrolment code.

    Raise `OfficersAccount` if an account requests that for an officer: with the code it could log in as that officer.
    """
    _refuse_own(account_id, actor)
    account = await lock_account(connection, account_id, secrecy=secrecy)
    if account.ended_at is not None:
        raise AccountInvalid("the account has ended")
    if account.office in OFFICERS and actor.key_id is not None:
        raise OfficersAccount
    now, code = await database_clock(connection), rules.new_code()
    await connection.execute(
        """
        UPDATE staff SET password = NULL, totp = NULL, totp_step = 0, enrolment_sha256 = $2, enrolment_until = $3
        WHERE id = $1
        """,
        *(account_id, rules.hash_code(code), now + ENROLMENT),
    )
    await connection.execute("DELETE FROM staff_passkeys WHERE staff = $1", account_id)
    await connection.execute("DELETE FROM staff_backup_codes WHERE staff = $1", account_id)
    await end_session(connection, account_id)
    await _record(connection, Action.FACTOR_REMOVED, account_id, actor, secrecy, now, {"what": "all"}, account.login)
    return code


async def enrol(
    connection: Connection,
    account_id: str,
    *,
    code: str,
    password: str,
    totp_secret: bytes,
    typed: str,
    actor: Actor,
    secrecy: Secrecy,
) -> list[str]:
    """Set a person's first password and second factor against the enrolment code; return ten backup codes (备用码).

    Raise `EnrolmentRefused` if the code is wrong, used or expired; `PasswordRefused` for an unacceptable password;
    `AccountInvalid` if the app's code does not fit the secret.
    """
    account = await lock_account(connection, account_id, secrecy=secrecy)
    now = await database_clock(connection)
    require_enrolment(account, code, now)
    codes = await _keep_codes(connection, account, password, totp_secret, typed, now=now, secrecy=secrecy)
    await connection.execute(
        "UPDATE staff SET enrolment_sha256 = NULL, enrolment_until = NULL WHERE id = $1", account_id
    )
    await _record(
        connection, Action.STAFF_ENROLLED, account_id, actor, secrecy, now, {"factor": Factor.TOTP.value}, account.login
    )
    return codes


async def add_codes(
    connection: Connection,
    account_id: str,
    *,
    password: str,
    totp_secret: bytes,
    typed: str,
    actor: Actor,
    secrecy: Secrecy,
) -> list[str]:
    """Add a password and an app's codes to an account that has only passkeys; return its backup codes.

    Without them it could neither remove its last passkey nor log in where passkeys do not work. Raises as `enrol` does.
    """
    account = await lock_account(connection, account_id, secrecy=secrecy)
    if account.totp is not None:
        raise AccountInvalid("it has a password and codes already")
    now = await database_clock(connection)
    codes = await _keep_codes(connection, account, password, totp_secret, typed, now=now, secrecy=secrecy)
    facts = {"factor": Factor.TOTP.value}
    await _record(connection, Action.FACTOR_ADDED, account_id, actor, secrecy, now, facts, account.login)
    return codes


async def _keep_codes(
    connection: Connection,
    account: Account,
    password: str,
    totp_secret: bytes,
    typed: str,
    *,
    now: datetime,
    secrecy: Secrecy,
) -> list[str]:
    step = totp.matching_step(totp_secret, typed, now=now, after=0)
    if step is None:
        raise AccountInvalid(
            errors=[FieldError("/code", "code", "the code does not fit; is the telephone's clock right?")]
        )
    await set_password(connection, account, password, now=now)
    await connection.execute(
        "UPDATE staff SET totp = $2, totp_step = $3 WHERE id = $1",
        *(account.id, seal_totp(secrecy, account.id, totp_secret), step),
    )
    return await make_backup_codes(connection, account.id)


async def enrol_passkey(
    connection: Connection, account_id: str, passkey: Passkey, *, code: str, label: str, actor: Actor, secrecy: Secrecy
) -> None:
    """Register a passkey as a person's first factors against the enrolment code; raise `EnrolmentRefused` as `enrol` does."""
    account = await lock_account(connection, account_id, secrecy=secrecy)
    now = await database_clock(connection)
    require_enrolment(account, code, now)
    await _keep_passkey(connection, account_id, passkey, label, now)
    await connection.execute(
        "UPDATE staff SET enrolment_sha256 = NULL, enrolment_until = NULL WHERE id = $1", account_id
    )
    facts = {"factor": Factor.PASSKEY.value}
    await _record(connection, Action.STAFF_ENROLLED, account_id, actor, secrecy, now, facts, account.login)


async def add_passkey(
    connection: Connection, account_id: str, passkey: Passkey, *, label: str, actor: Actor, secrecy: Secrecy
) -> None:
    """Add a factor to an account that already has one. Raise `AccountInvalid` if it has the most it may have."""
    account = await lock_account(connection, account_id, secrecy=secrecy)
    held = await connection.fetchval("SELECT count(*) FROM staff_passkeys WHERE staff = $1", account_id)
    if held >= rules.MOST_PASSKEYS:
        raise AccountInvalid("an account has a few passkeys, not many")
    now = await database_clock(connection)
    await _keep_passkey(connection, account_id, passkey, label, now)
    facts = {"factor": Factor.PASSKEY.value}
    await _record(connection, Action.FACTOR_ADDED, account_id, actor, secrecy, now, facts, account.login)


async def remove_passkey(
    connection: Connection, account_id: str, credential_id: bytes, *, actor: Actor, secrecy: Secrecy
) -> bool:
    """Remove a passkey; return whether it was there. Raise `AccountInvalid` if it is the account's only way to log in."""
    account = await lock_account(connection, account_id, secrecy=secrecy)
    held = await connection.fetchval("SELECT count(*) FROM staff_passkeys WHERE staff = $1", account_id)
    if held == 1 and account.password is None:
        raise AccountInvalid("nobody could log in to it any more")
    status = await connection.execute(
        "DELETE FROM staff_passkeys WHERE staff = $1 AND credential_id = $2", account_id, credential_id
    )
    if not status.endswith(" 1"):
        return False
    now, facts = await database_clock(connection), {"what": Factor.PASSKEY.value}
    await _record(connection, Action.FACTOR_REMOVED, account_id, actor, secrecy, now, facts, account.login)
    return True


async def _keep_passkey(connection: Connection, account_id: str, passkey: Passkey, label: str, now: datetime) -> None:
    try:
        async with connection.transaction():
            await connection.execute(
                "INSERT INTO staff_passkeys (credential_id, staff, label, credential, sign_count, added_at)"
                " VALUES ($1, $2, $3, $4, $5, $6)",
                *(passkey.credential_id, account_id, label, passkey.credential, passkey.sign_count, now),
            )
    except asyncpg.UniqueViolationError:
        raise AccountInvalid("this passkey is in use already") from None


def require_enrolment(account: Account, code: str, now: datetime) -> None:
    """Raise `EnrolmentRefused` unless the code is this account's, unused and not expired."""
    is_young = account.enrolment_until is not None and now < account.enrolment_until
    if account.ended_at is not None or not is_young or account.enrolment_sha256 != rules.hash_code(code):
        raise EnrolmentRefused


async def set_password(connection: Connection, account: Account, password: str, *, now: datetime) -> None:
    """Raise `PasswordRefused` with the code of the fault."""
    fault = rules.password_fault(password, login=account.login, name=account.name)
    before = [*([account.password] if account.password else []), *account.passwords_before]
    if fault is None and await passwords.was_used(password, before):
        fault = PasswordFault.USED_BEFORE
    if fault is not None:
        raise PasswordRefused(errors=[FieldError("/password", fault.value, PASSWORD_FAULTS[fault])])
    await connection.execute(
        "UPDATE staff SET password = $2, passwords_before = $3, password_set_at = $4 WHERE id = $1",
        *(account.id, await passwords.hash_password(password), before[: rules.PASSWORDS_REMEMBERED], now),
    )


async def change_password(
    connection: Connection, account_id: str, password: str, *, actor: Actor, secrecy: Secrecy
) -> None:
    account = await lock_account(connection, account_id, secrecy=secrecy)
    now = await database_clock(connection)
    await set_password(connection, account, password, now=now)
    await end_session(connection, account_id)
    await _record(
        connection, Action.FACTOR_ADDED, account_id, actor, secrecy, now, {"factor": "password"}, account.login
    )


async def make_backup_codes(connection: Connection, account_id: str) -> list[str]:
    codes = [rules.new_code() for _ in range(rules.BACKUP_CODES)]
    await connection.execute("DELETE FROM staff_backup_codes WHERE staff = $1", account_id)
    await connection.executemany(
        "INSERT INTO staff_backup_codes (staff, code_sha256) VALUES ($1, $2)",
        [(account_id, rules.hash_code(code)) for code in codes],
    )
    return codes


async def renew_backup_codes(connection: Connection, account_id: str, *, actor: Actor, secrecy: Secrecy) -> list[str]:
    """Make ten new codes that replace the remaining ones."""
    account = await lock_account(connection, account_id, secrecy=secrecy)
    codes, now = await make_backup_codes(connection, account_id), await database_clock(connection)
    facts = {"factor": Factor.BACKUP_CODE.value}
    await _record(connection, Action.FACTOR_ADDED, account_id, actor, secrecy, now, facts, account.login)
    return codes


async def end_session(connection: Connection, account_id: str) -> None:
    await connection.execute("DELETE FROM staff_sessions WHERE staff = $1", account_id)


async def put_out(connection: Connection, account_id: str, *, actor: Actor, secrecy: Secrecy) -> bool:
    """End the session of another account; return whether there was one."""
    account = await lock_account(connection, account_id, secrecy=secrecy)
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM staff_sessions WHERE staff = $1)", account_id):
        return False
    await end_session(connection, account_id)
    now = await database_clock(connection)
    await _record(connection, Action.SESSION_ENDED, account_id, actor, secrecy, now, {"by": "officer"}, account.login)
    return True


async def set_preferences(connection: Connection, account_id: str, preferences: Mapping[str, object]) -> None:
    await connection.execute("UPDATE staff SET preferences = $2 WHERE id = $1", account_id, dict(preferences))


def seal_name(secrecy: Secrecy, account_id: str, name: str) -> bytes:
    return secrecy.cipher("staff").seal(name.encode(), b"name" + account_id.encode())


def seal_totp(secrecy: Secrecy, account_id: str, secret: bytes) -> bytes:
    return secrecy.cipher("staff").seal(secret, b"totp" + account_id.encode())


def open_totp(secrecy: Secrecy, account: Account) -> bytes | None:
    if account.totp is None:
        return None
    return secrecy.cipher("staff").open(account.totp, b"totp" + account.id.encode())


PASSWORD_FAULTS: Mapping[PasswordFault, str] = {
    PasswordFault.TOO_SHORT: f"needs {rules.SHORTEST_PASSWORD} characters or more",
    PasswordFault.TOO_LONG: f"takes {rules.LONGEST_PASSWORD} characters at most",
    PasswordFault.TOO_FEW_KINDS: "needs three of: small letters, capital letters, digits, other signs",
    PasswordFault.HOLDS_LOGIN: "must not hold the login or the name",
    PasswordFault.COMMON: "is among those that are guessed first",
    PasswordFault.USED_BEFORE: f"is one of the last {rules.PASSWORDS_REMEMBERED}",
}


def _check_particulars(login: str, name: str, employee_number: str) -> None:
    if not LOGIN_FORM.fullmatch(login):
        raise AccountInvalid("a login is 3 to 32 small letters, digits, dots, dashes and underscores")
    if not 1 <= len(name.strip()) <= 100:
        raise AccountInvalid("an account needs a name of at most 100 characters")
    if not rules.EMPLOYEE_NUMBER_FORM.fullmatch(employee_number):
        raise AccountInvalid("an employee number is 1 to 40 letters, digits and hyphens")


def _refuse_own(account_id: str, actor: Actor) -> None:
    """An officer's powers apply to others only."""
    if actor.key_id == account_id:
        raise OwnAccount


async def _set_matters(connection: Connection, account_id: str, matters: Collection[str]) -> None:
    await connection.execute("DELETE FROM staff_matters WHERE staff = $1", account_id)
    rows = [(account_id, matter) for matter in matters]
    await connection.executemany("INSERT INTO staff_matters (staff, matter) VALUES ($1, $2)", rows)


async def _record(
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
    private = {"login": login} | ({"name": name} if name else {})
    entry = Entry(action, actor, facts={"account": account_id, **facts}, private=private)
    await record(connection, [entry], at=now, secrecy=secrecy)
