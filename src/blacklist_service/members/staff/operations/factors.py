"""Enrolment, passwords and second factors of accounts."""

from collections.abc import Mapping
from datetime import datetime

import asyncpg

from blacklist_service.access.duties import OFFICERS
from blacklist_service.access.principals import Actor
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.queries import database_clock
from blacklist_service.members.staff import passwords, rules, totp
from blacklist_service.members.staff.operations.accounts import end_session, record_act, refuse_own
from blacklist_service.members.staff.passkeys import Passkey
from blacklist_service.members.staff.problems import AccountInvalid, EnrolmentRefused, OfficersAccount, PasswordRefused
from blacklist_service.members.staff.queries import Account, lock_account
from blacklist_service.members.staff.rules import ENROLMENT, Factor, PasswordFault
from blacklist_service.problems import FieldError
from blacklist_service.secrecy import Secrecy


async def reset_factor(connection: Connection, account_id: str, *, actor: Actor, secrecy: Secrecy) -> str:
    """Reset a lost password and factors; return a new enrolment code.

    Raise `OfficersAccount` if an account requests that for an officer: with the code it could log in as that officer.
    """
    refuse_own(account_id, actor)
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
    await record_act(connection, Action.FACTOR_REMOVED, account_id, actor, secrecy, now, {"what": "all"}, account.login)
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
    await record_act(
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
    await record_act(connection, Action.FACTOR_ADDED, account_id, actor, secrecy, now, facts, account.login)
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
    await record_act(connection, Action.STAFF_ENROLLED, account_id, actor, secrecy, now, facts, account.login)


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
    await record_act(connection, Action.FACTOR_ADDED, account_id, actor, secrecy, now, facts, account.login)


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
    await record_act(connection, Action.FACTOR_REMOVED, account_id, actor, secrecy, now, facts, account.login)
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
    await record_act(
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
    await record_act(connection, Action.FACTOR_ADDED, account_id, actor, secrecy, now, facts, account.login)
    return codes


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
