"""Granting duties to accounts and taking them away."""

from collections.abc import Collection, Mapping
from typing import Any

from blacklist_service.access.duties import OFFICE_OF_DUTY, ROLE_OF_OFFICE, Duty, Office
from blacklist_service.access.principals import Actor
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.queries import database_clock
from blacklist_service.members import queries as members
from blacklist_service.members.operations import known_matters
from blacklist_service.members.rules import MEMBER_KIND_OF_ROLE, MemberKind
from blacklist_service.members.staff.operations.accounts import end_session, record_act, refuse_own
from blacklist_service.members.staff.problems import AccountInvalid, DutyExcluded
from blacklist_service.members.staff.queries import get_account, lock_account
from blacklist_service.secrecy import Secrecy

MEMBER_KIND_OF_OFFICE: Mapping[Office, MemberKind] = {
    **{office: kind for office, role in ROLE_OF_OFFICE.items() if (kind := MEMBER_KIND_OF_ROLE[role]) is not None},
    Office.WINDOW: MemberKind.AGENCY,
}


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
    refuse_own(account_id, actor)
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
    await record_act(connection, Action.STAFF_GRANTED, account_id, actor, secrecy, now, facts, account.login)


async def take_duty(connection: Connection, account_id: str, duty: Duty, *, actor: Actor, secrecy: Secrecy) -> None:
    """End a duty at once; ending one that is not held changes nothing."""
    refuse_own(account_id, actor)
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
    await record_act(connection, Action.STAFF_GRANTED, account_id, actor, secrecy, now, facts, account.login)


async def _set_matters(connection: Connection, account_id: str, matters: Collection[str]) -> None:
    await connection.execute("DELETE FROM staff_matters WHERE staff = $1", account_id)
    rows = [(account_id, matter) for matter in matters]
    await connection.executemany("INSERT INTO staff_matters (staff, matter) VALUES ($1, $2)", rows)
