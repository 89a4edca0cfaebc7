"""Logging in, sessions, and proving the second factor again (step-up).

A failed attempt must stay on record, so these functions return None instead of raising: the caller commits, then refuses.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from blacklist_service.access.principals import Actor
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.members.staff import passkeys, passwords, queries, rules, totp
from blacklist_service.members.staff.operations.accounts import end_session, lock_out, stand_again
from blacklist_service.members.staff.operations.factors import open_totp
from blacklist_service.members.staff.passkeys import RelyingParty
from blacklist_service.members.staff.problems import TooManyTries
from blacklist_service.members.staff.queries import Account, read_account
from blacklist_service.members.staff.rules import FACTOR_MISSES, IDLE, LONGEST_SESSION, STEP_UP, Factor
from blacklist_service.secrecy import Secrecy

SECRET_BYTES = 32
SEEN_EVERY_SECONDS = 20
"""How often a session's last use is stored: idle time is accurate to a third of a minute, and reading stays cheap."""


@dataclass(frozen=True, slots=True)
class StaffSession:
    """The session of a logged-in person, as a request sees it. `secret` is the value of the cookie."""

    secret: str
    account: Account
    factor: Factor
    begun_at: datetime
    seen_at: datetime
    proved_at: datetime
    ends_at: datetime

    def is_alive_at(self, instant: datetime) -> bool:
        account = self.account
        is_barred = account.ended_at is not None or account.is_locked_at(instant)
        return not is_barred and instant < self.ends_at and instant - self.seen_at < IDLE

    def is_proved_at(self, instant: datetime) -> bool:
        """Whether the second factor was proved recently enough for an act that needs it."""
        return instant - self.proved_at < STEP_UP


async def log_in(
    connection: Connection, *, login: str, password: str, code: str, actor: Actor, secrecy: Secrecy
) -> str | None:
    """Begin a session by password and code; return its secret, or None whatever is wrong, after the same time.

    Raise `TooManyTries` for an address with too many failures.
    """
    now = await database_clock(connection)
    await refuse_busy_address(connection, actor.source_ip, now)
    account = await queries.find_account_by_login(connection, login, secrecy=secrecy)
    if account is not None:
        account = await queries.lock_account(connection, account.id, secrecy=secrecy)
    is_right = await passwords.is_password(password, account.password if account else None)
    if account is None:
        await note_attempt(connection, now, None, actor.source_ip, "login", succeeded=False)
        return None
    factor = None
    if is_right and account.ended_at is None and not account.is_locked_at(now):
        factor = await use_code(connection, account, code, now=now, secrecy=secrecy)
    if factor is None:
        await miss(connection, account, now, actor, secrecy)
        return None
    return await begin_session(connection, account, factor, now=now, actor=actor, secrecy=secrecy)


async def log_in_by_passkey(
    connection: Connection,
    party: RelyingParty,
    asked: Mapping[str, Any],
    answer: str,
    *,
    actor: Actor,
    secrecy: Secrecy,
) -> str | None:
    """Begin a session by a passkey; return its secret, or None whatever is wrong.

    A failure counts against the address only: nobody can lock another person's account by it. Raise `TooManyTries` as
    `log_in` does.
    """
    now = await database_clock(connection)
    await refuse_busy_address(connection, actor.source_ip, now)
    account_id = await _proved_by_passkey(connection, party, asked, answer, now=now)
    account = None if account_id is None else await queries.lock_account(connection, account_id, secrecy=secrecy)
    if account is None or account.ended_at is not None or account.is_locked_at(now):
        await note_attempt(connection, now, None, actor.source_ip, "login", succeeded=False)
        return None
    return await begin_session(connection, account, Factor.PASSKEY, now=now, actor=actor, secrecy=secrecy)


async def _proved_by_passkey(
    connection: Connection, party: RelyingParty, asked: Mapping[str, Any], answer: str, *, now: datetime
) -> str | None:
    """The account whose passkey answered a challenge that was not answered before."""
    credential_id = passkeys.credential_id_of(answer)
    found = None if credential_id is None else await passkeys.find_passkey(connection, credential_id)
    if found is None:
        return None
    account_id, passkey = found
    count = passkeys.read_proof(party, dict(asked), answer, passkey)
    if count is None or not await passkeys.use_up(connection, dict(asked), now=now):
        return None
    await connection.execute(
        "UPDATE staff_passkeys SET sign_count = $2 WHERE credential_id = $1", passkey.credential_id, count
    )
    return account_id


async def begin_session(
    connection: Connection, account: Account, factor: Factor, *, now: datetime, actor: Actor, secrecy: Secrecy
) -> str:
    """Begin the account's session, replacing any earlier one; return its secret."""
    await note_attempt(connection, now, account.id, actor.source_ip, "login", succeeded=True)
    if account.locked_until is not None:
        await stand_again(connection, account.id)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    await end_session(connection, account.id)
    await connection.execute(
        """
        INSERT INTO staff_sessions (staff, secret_sha256, factor, begun_at, seen_at, proved_at, ends_at, source_ip)
        VALUES ($1, $2, $3, $4, $4, $4, $5, $6::text::inet)
        """,
        *(account.id, hash_secret(secret), factor.value, now, now + LONGEST_SESSION, actor.source_ip),
    )
    facts = {"account": account.id, "factor": factor.value}
    await _record(connection, Action.SESSION_BEGUN, facts, by_account(account, actor), secrecy, now)
    return secret


async def find_session(connection: Connection, secret: str, *, secrecy: Secrecy) -> StaffSession | None:
    """The session with this secret, alive or ended; None if none is stored."""
    session = await connection.fetchrow(
        "SELECT staff, factor, begun_at, seen_at, proved_at, ends_at FROM staff_sessions WHERE secret_sha256 = $1",
        hash_secret(secret),
    )
    if session is None:
        return None
    row = await connection.fetchrow(f"{queries.ACCOUNT} WHERE s.id = $1", session["staff"])
    assert row is not None  # noqa: S101 - a foreign key
    begun, seen, proved, ends = (session[name] for name in ("begun_at", "seen_at", "proved_at", "ends_at"))
    return StaffSession(secret, read_account(row, secrecy), Factor(session["factor"]), begun, seen, proved, ends)


async def note_use(connection: Connection, session: StaffSession, now: datetime) -> None:
    if (now - session.seen_at).total_seconds() > SEEN_EVERY_SECONDS:
        await connection.execute(
            "UPDATE staff_sessions SET seen_at = $2 WHERE secret_sha256 = $1", hash_secret(session.secret), now
        )


async def log_out(connection: Connection, session: StaffSession, *, actor: Actor, secrecy: Secrecy) -> None:
    now = await database_clock(connection)
    await end_session(connection, session.account.id)
    await _record(connection, Action.SESSION_ENDED, {"account": session.account.id}, actor, secrecy, now)


async def prove_again(
    connection: Connection, session: StaffSession, code: str, *, actor: Actor, secrecy: Secrecy
) -> str | None:
    """Prove the second factor by a code; return the session's new secret, or None if the code is wrong.

    Raise `TooManyTries` after too many wrong codes.
    """
    now = await database_clock(connection)
    account = await queries.lock_account(connection, session.account.id, secrecy=secrecy)
    await _refuse_busy_account(connection, account, now)
    factor = await use_code(connection, account, code, now=now, secrecy=secrecy)
    await note_attempt(connection, now, account.id, actor.source_ip, "factor", succeeded=factor is not None)
    if factor is None:
        facts = {"account": account.id, "what": "factor"}
        await _record(connection, Action.LOGIN_REFUSED, facts, actor, secrecy, now)
        return None
    return await renew_secret(connection, session, now=now)


async def prove_by_passkey(
    connection: Connection,
    session: StaffSession,
    party: RelyingParty,
    asked: Mapping[str, Any],
    answer: str,
    *,
    actor: Actor,
    secrecy: Secrecy,
) -> str | None:
    """As `prove_again`, by one of the account's own passkeys."""
    now = await database_clock(connection)
    account = await queries.lock_account(connection, session.account.id, secrecy=secrecy)
    await _refuse_busy_account(connection, account, now)
    is_own = await _proved_by_passkey(connection, party, asked, answer, now=now) == account.id
    await note_attempt(connection, now, account.id, actor.source_ip, "factor", succeeded=is_own)
    if not is_own:
        facts = {"account": account.id, "what": "factor"}
        await _record(connection, Action.LOGIN_REFUSED, facts, actor, secrecy, now)
        return None
    return await renew_secret(connection, session, now=now)


async def _refuse_busy_account(connection: Connection, account: Account, now: datetime) -> None:
    """Raise `TooManyTries` for an account with too many recent failures of its second factor."""
    for most, window in FACTOR_MISSES:
        if await queries.count_factor_misses(connection, account.id, now - window) >= most:
            raise TooManyTries(retry_after_seconds=int(window.total_seconds()))


async def renew_secret(connection: Connection, session: StaffSession, *, now: datetime) -> str:
    """Give a new secret to a session whose person just proved the second factor."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    await connection.execute(
        "UPDATE staff_sessions SET secret_sha256 = $2, proved_at = $3, seen_at = $3 WHERE staff = $1 AND secret_sha256 = $4",
        *(session.account.id, hash_secret(secret), now, hash_secret(session.secret)),
    )
    return secret


async def use_code(
    connection: Connection, account: Account, typed: str, *, now: datetime, secrecy: Secrecy
) -> Factor | None:
    """Return the second factor that the code proves, and mark it used; None if it proves none."""
    secret = open_totp(secrecy, account)
    if secret is None:
        return None
    step = totp.matching_step(secret, typed, now=now, after=account.totp_step)
    if step is not None:
        await connection.execute("UPDATE staff SET totp_step = $2 WHERE id = $1", account.id, step)
        return Factor.TOTP
    used = await connection.execute(
        "UPDATE staff_backup_codes SET used_at = $3 WHERE staff = $1 AND code_sha256 = $2 AND used_at IS NULL",
        *(account.id, rules.hash_code(typed), now),
    )
    return Factor.BACKUP_CODE if used.endswith(" 1") else None


async def miss(connection: Connection, account: Account, now: datetime, actor: Actor, secrecy: Secrecy) -> None:
    """Record a failed login, and lock the account after too many in a row."""
    actor = by_account(account, actor)
    await note_attempt(connection, now, account.id, actor.source_ip, "login", succeeded=False)
    facts = {"account": account.id, "what": "login"}
    await _record(connection, Action.LOGIN_REFUSED, facts, actor, secrecy, now)
    if account.ended_at is not None or account.is_locked_at(now):
        return
    until = rules.next_lock(await queries.count_misses(connection, account.id, now), now)
    if until is not None:
        await lock_out(connection, account, until, actor=actor, secrecy=secrecy, now=now)


async def refuse_busy_address(connection: Connection, source_ip: str | None, now: datetime) -> None:
    """Raise `TooManyTries` for an address with too many recent failures."""
    window = rules.ADDRESS_WINDOW
    if await queries.count_address_misses(connection, source_ip, now - window) >= rules.ADDRESS_MISSES:
        raise TooManyTries(retry_after_seconds=int(window.total_seconds()))


async def note_attempt(
    connection: Connection, now: datetime, account_id: str | None, source_ip: str | None, what: str, *, succeeded: bool
) -> None:
    await connection.execute(
        "INSERT INTO staff_attempts (at, staff, source_ip, what, succeeded) VALUES ($1, $2, $3::text::inet, $4, $5)",
        *(now, account_id, source_ip, what, succeeded),
    )


def by_account(account: Account, actor: Actor) -> Actor:
    return actor._replace(member=account.member, key_id=account.id, operator=account.login)


def hash_secret(secret: str) -> bytes:
    """256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def form_token(session: StaffSession) -> str:
    """The token in each form of a session, so that no other site can submit one in its person's name."""
    return hmac.digest(session.secret.encode(), b"form", "sha256").hex()[:32]


def is_form_token(session: StaffSession, given: str) -> bool:
    return hmac.compare_digest(form_token(session).encode(), given.encode("utf-8", "surrogatepass"))


async def _record(
    connection: Connection, action: Action, facts: dict[str, str], actor: Actor, secrecy: Secrecy, now: datetime
) -> None:
    await record(connection, [Entry(action, actor, facts=facts)], at=now, secrecy=secrecy)
