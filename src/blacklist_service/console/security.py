"""安全: who may do what. Here duties are granted to accounts, and the policy of logins stands; members are in `members.py`.

The officer opens no accounts and sees nothing of the list.
"""

from datetime import timedelta
from typing import Any

from starlette.responses import Response

from blacklist_service.access.duties import OFFICE_OF_DUTY, UNLOCKED_BY_SECURITY, Duty
from blacklist_service.clock import now
from blacklist_service.console.forms import Form
from blacklist_service.console.home import DESKS, all_matters, chosen_matters, matter_options
from blacklist_service.console.routing import page
from blacklist_service.console.visits import FULL_PAGE, Visit
from blacklist_service.console.wording_officers import STANDINGS
from blacklist_service.members.queries import find_allowed_matters, get_member, list_members
from blacklist_service.members.staff import rules
from blacklist_service.members.staff.operations import accounts
from blacklist_service.members.staff.operations.grants import MEMBER_KIND_OF_OFFICE, grant_duty, take_duty
from blacklist_service.members.staff.problems import AccountInvalid, AccountNotFound, DutyExcluded, OwnAccount
from blacklist_service.members.staff.queries import Account, AccountConcern, count_standing, find_account, list_accounts
from blacklist_service.web.transactions import borrowed, snapshot

SHOWN = 5
SOON = timedelta(days=30)
"""Days before a key's end in which a new one should be made and handed over."""


@page("GET", "/grants", Duty.SECURITY)
async def grants(visit: Visit) -> Response:
    """Accounts that wait for a duty first, unless another state is requested."""
    asked = dict(visit.query)
    asked.setdefault("standing", AccountConcern.NO_DUTY.value)
    standing = AccountConcern(asked["standing"]) if asked["standing"] in STANDINGS else None
    async with snapshot(visit.state.pool) as connection:
        found = await list_accounts(
            connection,
            secrecy=visit.state.secrecy,
            member=asked.get("member") or None,
            standing=standing,
            after=asked.get("cursor", ""),
            limit=FULL_PAGE,
        )
        counts, members = await count_standing(connection), await list_members(connection)
    return visit.show(
        "grants.html",
        form=Form(asked),
        accounts=found,
        counts=counts,
        members=[(row["code"], row["name"]) for row in members],
        at=now(),
        next=found[-1].login if len(found) == FULL_PAGE else None,
        kept={name: asked[name] for name in ("member", "standing") if name in asked},
    )


@page("GET", "/grants/{account}", Duty.SECURITY)
async def grant_page(visit: Visit) -> Response:
    return await _grant(visit, None)


@page("POST", "/grants/{account}", Duty.SECURITY)
async def grant(visit: Visit) -> Response:
    """The account holds exactly the ticked duties from now on. Needs the second factor."""
    form = visit.form
    wanted = {duty for duty in Duty if form[f"duty-{duty.value}"] == "on"}
    matters = None
    if form["narrowed"] == "on":
        matters = chosen_matters(form)
    if Duty.WINDOW in wanted and matters == []:
        form.faults["narrowed"] = "请至少选择一个事项，或不限定事项"
    if len({OFFICE_OF_DUTY[duty] for duty in wanted}) > 1:
        form.faults["duties"] = "所选岗位互斥，不能由一人兼任"
    if form.is_faulty:
        return await _grant(visit, form, status=422)
    if not await visit.is_proved():
        return await _grant(visit, form, status=403)
    try:
        await _set_duties(visit, wanted, matters)
    except (DutyExcluded, AccountInvalid) as problem:
        is_excluded = isinstance(problem, DutyExcluded)
        form.faults["duties"] = "所选岗位与此账号的岗位互斥，须另开账号" if is_excluded else "此账号不能授予该岗位"
        return await _grant(visit, form, status=409)
    except OwnAccount:
        form.general.append("不能给自己授予或收回岗位")
        return await _grant(visit, form, status=403)
    return visit.go(f"/grants/{visit.path['account']}", done="1")


@page("POST", "/grants/{account}/unlocking", Duty.SECURITY)
async def unlock(visit: Visit) -> Response:
    """Unlock a system officer, who can unlock everybody else."""
    async with borrowed(visit.state.pool) as connection, connection.transaction():
        account = await _get(visit, connection)
        if account.office not in UNLOCKED_BY_SECURITY:
            raise AccountNotFound
        await accounts.unlock(connection, account.id, actor=visit.actor, secrecy=visit.state.secrecy)
    return visit.go(f"/grants/{visit.path['account']}", done="1")


@page("GET", "/policy", Duty.SECURITY)
async def policy(visit: Visit) -> Response:
    """The rules for everybody who logs in."""
    return visit.show("policy.html", rules=rules, minutes=_minutes)


async def desk(visit: Visit) -> dict[str, Any]:
    """Accounts that wait for duties, and keys that end soon."""
    async with snapshot(visit.state.pool) as connection:
        waiting = await list_accounts(
            connection, secrecy=visit.state.secrecy, standing=AccountConcern.NO_DUTY, limit=SHOWN
        )
        ending = await connection.fetch(
            """
            SELECT k.id, k.member, m.name, k.role, k.expires_at FROM api_keys k JOIN members m ON m.code = k.member
            WHERE k.kind = 'machine' AND k.revoked_at IS NULL
              AND k.expires_at BETWEEN clock_timestamp() AND clock_timestamp() + $1::interval ORDER BY k.expires_at LIMIT 20
            """,
            SOON,
        )
        standing = await count_standing(connection)
    proposed = await visit.find("/v1/proposals")
    open_ones = [one for one in proposed.json["items"] if one["state"] == "waiting"] if proposed else None
    return {"waiting_accounts": waiting, "ending": ending, "standing": standing, "proposed": open_ones}


DESKS[Duty.SECURITY] = desk


async def _grant(visit: Visit, form: Form | None, *, status: int = 200) -> Response:
    async with snapshot(visit.state.pool) as connection:
        found = await _get(visit, connection)
        member = await get_member(connection, found.member)
        allowed = await find_allowed_matters(connection, found.member)
        history = await connection.fetch(
            "SELECT duty, since, until FROM staff_duties WHERE staff = $1 ORDER BY since DESC LIMIT 20", found.id
        )
    matters = [one for one in await all_matters(visit) if allowed is None or one["matter"] in allowed]
    is_narrowed = Duty.WINDOW in found.duties and found.matters != {one["matter"] for one in matters}
    if form is None:
        held = {f"duty-{duty.value}": "on" for duty in found.duties} | {f"matter-{one}": "on" for one in found.matters}
        form = Form(held | ({"narrowed": "on"} if is_narrowed else {}))
    possible = [duty for duty in Duty if MEMBER_KIND_OF_OFFICE.get(OFFICE_OF_DUTY[duty], member.kind) is member.kind]
    return visit.show(
        "grant.html",
        status=status,
        form=form,
        found=found,
        possible=[duty for duty in possible if found.office in (None, OFFICE_OF_DUTY[duty])],
        matters=matter_options(visit, matters),
        history=history,
        at=now(),
        is_locked=found.is_locked_at(now()),
        is_own=found.id == visit.person.account.id,
        is_systems=found.office in UNLOCKED_BY_SECURITY,
        done=bool(visit.query.get("done")),
    )


async def _set_duties(visit: Visit, wanted: set[Duty], matters: list[str] | None) -> None:
    """In one transaction; duties that are already held, and stay, are not granted again."""
    actor, secrecy = visit.actor, visit.state.secrecy
    async with borrowed(visit.state.pool) as connection, connection.transaction():
        account = await _get(visit, connection)
        for duty in set(account.duties) - wanted:
            await take_duty(connection, account.id, duty, actor=actor, secrecy=secrecy)
        for duty in sorted(wanted):
            if duty in account.duties and duty is not Duty.WINDOW:
                continue
            narrowed = matters if duty is Duty.WINDOW else None
            await grant_duty(connection, account.id, duty, matters=narrowed, actor=actor, secrecy=secrecy)


async def _get(visit: Visit, connection: Any) -> Account:
    account = await find_account(connection, visit.path["account"], secrecy=visit.state.secrecy)
    if account is None:
        raise AccountNotFound
    return account


def _minutes(span: Any) -> int:
    return int(span.total_seconds() // 60)
