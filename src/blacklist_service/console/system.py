"""系统: here accounts are opened, unlocked and ended, sessions seen, and the service's state shown. No data of the list."""

from typing import Any

from starlette.responses import Response

from blacklist_service.access.duties import Duty
from blacklist_service.audit.stuck_jobs import count_stuck_jobs
from blacklist_service.clock import now
from blacklist_service.console.forms import Form
from blacklist_service.console.home import DESKS
from blacklist_service.console.routing import page
from blacklist_service.console.visits import FULL_PAGE, Visit
from blacklist_service.console.wording_officers import STANDINGS
from blacklist_service.database.room import FEWEST_MONTHS_AHEAD, LEAST_FREE_SHARE, free_share, months_ahead
from blacklist_service.ledger.log import published_size, sealing_state
from blacklist_service.ledger.order import count_displaced
from blacklist_service.members.queries import list_members
from blacklist_service.members.staff.operations import accounts, factors
from blacklist_service.members.staff.problems import AccountExists, AccountInvalid, AccountNotFound, OfficersAccount
from blacklist_service.members.staff.queries import (
    AccountConcern,
    count_standing,
    find_account,
    list_accounts,
    list_sessions,
)
from blacklist_service.members.staff.rules import EMPLOYEE_NUMBER_FORM, LOGIN_FORM
from blacklist_service.problems import NotFound, Undetermined
from blacklist_service.web.transactions import borrowed, snapshot

WRONG_LOGIN = "登录名为3至32个小写字母、数字、点、横线或下划线"
WRONG_EMPLOYEE = "工号为1至40个字母、数字或横线"
BY_COMMAND_LINE = "安全员、审计员和系统管理员的登录方式只能由运维人员用命令行重置"


@page("GET", "/staff", Duty.SYSTEM)
async def staff(visit: Visit) -> Response:
    asked = visit.query
    standing = AccountConcern(asked["standing"]) if asked.get("standing") in STANDINGS else None
    async with snapshot(visit.state.pool) as connection:
        found = await list_accounts(
            connection,
            secrecy=visit.state.secrecy,
            member=asked.get("member") or None,
            standing=standing,
            after=asked.get("cursor", ""),
            limit=FULL_PAGE,
        )
        sessions = await list_sessions(connection, [one.id for one in found])
        counts, members = await count_standing(connection), await list_members(connection)
    return visit.show(
        "staff.html",
        form=Form(dict(asked)),
        accounts=found,
        sessions=sessions,
        counts=counts,
        members=_options(members),
        at=now(),
        next=found[-1].login if len(found) == FULL_PAGE else None,
        kept={name: asked[name] for name in ("member", "standing") if asked.get(name)},
    )


@page("GET", "/staff/new", Duty.SYSTEM)
async def new_account_page(visit: Visit) -> Response:
    return await _new(visit, Form())


@page("POST", "/staff/new", Duty.SYSTEM, keeps=True)
async def open_account(visit: Visit) -> Response:
    """Without rights: the security officer grants them. The enrolment code is shown on this page and nowhere else."""
    form = visit.form
    if form["edit"]:
        return await _new(visit, form)
    for name, sentence in (("member", "请选择单位"), ("name", "请填写姓名")):
        form.require(name, sentence)
    if not LOGIN_FORM.fullmatch(form["login"].strip()):
        form.faults["login"] = WRONG_LOGIN
    if not EMPLOYEE_NUMBER_FORM.fullmatch(form["employee_number"].strip()):
        form.faults["employee_number"] = WRONG_EMPLOYEE
    if form.is_faulty:
        return await _new(visit, form, status=422)
    try:
        async with borrowed(visit.state.pool) as connection, connection.transaction():
            account_id, code = await accounts.open_account(
                connection,
                member=form["member"],
                login=form["login"].strip(),
                name=form["name"].strip(),
                employee_number=form["employee_number"].strip(),
                actor=visit.actor,
                secrecy=visit.state.secrecy,
            )
    except AccountExists:
        form.general.append("登录名已被使用，或者该工号已有账号：一人只能有一个账号")
        return await _new(visit, form, status=409)
    except (AccountInvalid, NotFound):
        form.general.append("所填内容不能开立账号，请核对")
        return await _new(visit, form, status=422)
    shown = {"account_id": account_id, "login": form["login"].strip(), "code": code, "is_new": True}
    return visit.show("staff_code.html", status=201, **shown)


@page("GET", "/staff/{account}", Duty.SYSTEM)
async def account_page(visit: Visit) -> Response:
    return await _account(visit, Form())


@page("POST", "/staff/{account}/unlocking", Duty.SYSTEM)
async def unlock(visit: Visit) -> Response:
    async with borrowed(visit.state.pool) as connection, connection.transaction():
        await accounts.unlock(connection, visit.path["account"], actor=visit.actor, secrecy=visit.state.secrecy)
    return visit.go(f"/staff/{visit.path['account']}", done="unlocked")


@page("POST", "/staff/{account}/putting-out", Duty.SYSTEM)
async def put_out(visit: Visit) -> Response:
    async with borrowed(visit.state.pool) as connection, connection.transaction():
        await accounts.put_out(connection, visit.path["account"], actor=visit.actor, secrecy=visit.state.secrecy)
    return visit.go(f"/staff/{visit.path['account']}", done="out")


@page("POST", "/staff/{account}/reset", Duty.SYSTEM)
async def reset(visit: Visit) -> Response:
    """After a lost telephone: a new enrolment code. Needs the second factor."""
    if not await visit.is_proved():
        return await _account(visit, visit.form, status=403)
    try:
        async with borrowed(visit.state.pool) as connection, connection.transaction():
            code = await factors.reset_factor(
                connection, visit.path["account"], actor=visit.actor, secrecy=visit.state.secrecy
            )
            account = await find_account(connection, visit.path["account"], secrecy=visit.state.secrecy)
    except OfficersAccount:
        return await _account(visit, Form(general=[BY_COMMAND_LINE]), status=403)
    except AccountInvalid:
        return await _account(visit, Form(general=["账号已注销"]), status=422)
    assert account is not None  # noqa: S101 - it was locked
    return visit.show("staff_code.html", account_id=account.id, login=account.login, code=code, is_new=False)


@page("POST", "/staff/{account}/ending", Duty.SYSTEM)
async def end(visit: Visit) -> Response:
    """For good. Needs the second factor."""
    if visit.form["sure"] != "on":
        return await _account(visit, Form(faults={"sure": "请先确认注销"}), status=422)
    if not await visit.is_proved():
        return await _account(visit, visit.form, status=403)
    async with borrowed(visit.state.pool) as connection, connection.transaction():
        await accounts.end_account(connection, visit.path["account"], actor=visit.actor, secrecy=visit.state.secrecy)
    return visit.go(f"/staff/{visit.path['account']}", done="ended")


@page("GET", "/state", Duty.SYSTEM)
async def state(visit: Visit) -> Response:
    """The state of the service, without anything of the list."""
    try:
        is_ready = (await visit.call("GET", "/readyz")).is_ok
    except Undetermined:
        is_ready = False
    settings = visit.state.settings
    async with snapshot(visit.state.pool) as connection:
        sealing = await sealing_state(connection)
        shown: dict[str, Any] = {
            "sealed": await published_size(connection),
            "stuck": await count_stuck_jobs(connection),
            "displaced": await count_displaced(connection),
            "months": await months_ahead(connection),
            "standing": await count_standing(connection),
            "sessions": list((await list_sessions(connection)).values()),
            "logins": await _logins(connection),
            "queues": await _queues(connection),
        }
    free = free_share(settings.data_dir) if settings.is_embedded else None
    return visit.show(
        "state.html",
        is_ready=is_ready,
        sealing=sealing,
        is_behind=sealing.refusal is not None or sealing.lag_seconds > settings.seal_limit,
        free=free,
        is_disk_short=free is not None and free < LEAST_FREE_SHARE,
        is_calendar_short=shown["months"] < FEWEST_MONTHS_AHEAD,
        at=now(),
        **shown,
    )


async def desk(visit: Visit) -> dict[str, Any]:
    async with snapshot(visit.state.pool) as connection:
        return {"standing": await count_standing(connection), "online": len(await list_sessions(connection))}


DESKS[Duty.SYSTEM] = desk


async def _new(visit: Visit, form: Form, *, status: int = 200) -> Response:
    async with snapshot(visit.state.pool) as connection:
        members = _options(await list_members(connection))
    return visit.show("staff_new.html", status=status, form=form, members=members)


async def _account(visit: Visit, form: Form, *, status: int = 200) -> Response:
    async with snapshot(visit.state.pool) as connection:
        found = await find_account(connection, visit.path["account"], secrecy=visit.state.secrecy)
        if found is None:
            raise AccountNotFound
        session = (await list_sessions(connection, [found.id])).get(found.id)
        tries = await connection.fetch(
            "SELECT at, what, succeeded, host(source_ip) AS source_ip FROM staff_attempts WHERE staff = $1"
            " ORDER BY id DESC LIMIT 10",
            found.id,
        )
    return visit.show(
        "staff_account.html",
        status=status,
        form=form,
        found=found,
        session=session,
        tries=tries,
        at=now(),
        is_locked=found.is_locked_at(now()),
        is_own=found.id == visit.person.account.id,
        done=visit.query.get("done", ""),
    )


async def _logins(connection: Any) -> Any:
    """Login attempts within a day."""
    return await connection.fetchrow(
        """
        SELECT count(*) FILTER (WHERE succeeded) AS good, count(*) FILTER (WHERE NOT succeeded) AS missed,
               count(*) FILTER (WHERE NOT succeeded AND staff IS NULL) AS unknown
        FROM staff_attempts WHERE what = 'login' AND at > clock_timestamp() - interval '1 day'
        """
    )


async def _queues(connection: Any) -> Any:
    """The worker's queues."""
    return await connection.fetchrow(
        """
        SELECT (SELECT count(*) FROM imports WHERE state IN ('queued', 'running')) AS imports,
               (SELECT count(*) FROM exports WHERE state IN ('queued', 'running')) AS exports,
               (SELECT count(*) FROM simulations WHERE state IN ('queued', 'running')) AS simulations
        """
    )


def _options(members: Any) -> list[tuple[str, str]]:
    return [(row["code"], row["name"]) for row in members]
