"""Sample content of the demo: people for every duty, past checks with and without outcomes, two notices of which one is
overdue.

Everything is made by the service's own operations, in the name of the people who would make it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import orjson

from blacklist_service.access.duties import Duty
from blacklist_service.access.principals import Actor
from blacklist_service.assistance.rules import Urgency
from blacklist_service.checks.asks import Asker
from blacklist_service.checks.batcher import Batcher
from blacklist_service.checks.outcomes import record_outcome
from blacklist_service.checks.rules import OutcomeAction
from blacklist_service.cli.demo_court import have_in_hand, serve
from blacklist_service.cli.demo_past import ask
from blacklist_service.cli.environment import Workplace, operator
from blacklist_service.clock import now
from blacklist_service.database.connections import Connection
from blacklist_service.members.staff import totp
from blacklist_service.members.staff.operations import accounts, factors, grants
from blacklist_service.members.staff.queries import find_account_by_login

PEOPLE = (
    # duty, login, name, member
    (Duty.WINDOW, "wang.li", "王丽", "GD-HR"),
    (Duty.MAKER, "chen.jie", "陈杰", "GD-COURT"),
    (Duty.CHECKER, "lin.fang", "林芳", "GD-COURT"),
    (Duty.AUDITOR, "zhao.min", "赵敏", "GD-SUPERVISION"),
    (Duty.SUPERVISOR, "sun.qiang", "孙强", "GD-SUPERVISION"),
    (Duty.SYSTEM, "xu.hao", "徐浩", "GD-SUPERVISION"),
    (Duty.SECURITY, "he.ping", "何萍", "GD-SUPERVISION"),
)
PASSWORD = "Guan-Du-Shi-Fan-7!"  # noqa: S105 - of a demonstration, printed by it


@dataclass(frozen=True, slots=True)
class DemoLogin:
    """A login of the demo."""

    login: str
    password: str
    totp_secret: str


async def furnish(workplace: Workplace, rows: Sequence[Sequence[str]]) -> dict[str, DemoLogin]:
    """Make people for every duty; on the first run also checks and notices about people in the sample list's `rows`."""
    logins = await _people(workplace)
    async with workplace.connected() as connection:
        is_new = not await connection.fetchval("SELECT EXISTS (SELECT FROM proposals)")
    if is_new:
        await _checks(workplace, rows)
        await serve(workplace, rows[20], 1, due_at=now() - timedelta(days=2), urgency=Urgency.URGENT)
        await serve(workplace, rows[21], 2, due_at=now() + timedelta(days=3))
        await have_in_hand(workplace, rows)
    return logins


async def _people(workplace: Workplace) -> dict[str, DemoLogin]:
    """Make the people. Their second factors are kept in the demo's own file, so that a second run prints the same ones."""
    kept = workplace.settings.data_dir / "demo.json"
    known = json.loads(kept.read_text()).get("logins", {}) if kept.exists() else {}
    logins = {}
    for number, (duty, login, name, member) in enumerate(PEOPLE, start=1):
        async with workplace.connected() as connection:
            held = await find_account_by_login(connection, login, secrecy=workplace.secrecy)
            if held is not None and duty.value in known:
                logins[duty.value] = DemoLogin(**known[duty.value])
                continue
            async with connection.transaction():
                logins[duty.value] = await _person(connection, workplace, duty, login, name, member, f"DEMO-{number}")
    return logins


async def _person(
    connection: Connection, workplace: Workplace, duty: Duty, login: str, name: str, member: str, number: str
) -> DemoLogin:
    """Make one person. If the account exists but the file is new, its password is unknown, so it gets a new one."""
    secret, secrecy, actor = totp.new_secret(), workplace.secrecy, operator()
    held = await find_account_by_login(connection, login, secrecy=secrecy)
    if held is None:
        account, code = await accounts.open_account(
            connection, member=member, login=login, name=name, employee_number=number, actor=actor, secrecy=secrecy
        )
        await grants.grant_duty(connection, account, duty, actor=actor, secrecy=secrecy)
    else:
        account, code = held.id, await factors.reset_factor(connection, held.id, actor=actor, secrecy=secrecy)
    password = PASSWORD if held is None else f"{PASSWORD}{now():%y%m%d%H%M%S}"
    await factors.enrol(
        connection,
        account,
        code=code,
        password=password,
        totp_secret=secret,
        typed=totp.code_at(secret, totp.step_of(now()) - 1),  # the current code is left for the user
        actor=Actor(),
        secrecy=secrecy,
    )
    return DemoLogin(login, password, totp.written(secret))


async def _checks(workplace: Workplace, rows: Sequence[Sequence[str]]) -> None:
    """Checks by the window clerk, some about listed people and some not; a few already have their outcome."""
    async with workplace.connected() as connection:
        account = await find_account_by_login(connection, "wang.li", secrecy=workplace.secrecy)
    if account is None:
        return
    asker = Asker(account.principal)
    batcher = Batcher(workplace.dsn, secrecy=workplace.secrecy, lanes=1, queue=64)
    batcher.start()
    try:
        answers = [await ask(batcher, asker, body) for body in _questions(rows)]
    finally:
        await batcher.stop()
    actor = Actor(account.member, account.id, account.login)
    said = (OutcomeAction.REFUSED, OutcomeAction.SUSPENDED, OutcomeAction.APPROVED)
    listed = [answer for answer in answers if answer and answer["decision"] != "clear"]
    async with workplace.connected() as connection, connection.transaction():
        for answer, action in zip(listed, said, strict=False):
            reason = "申请人已提交法院出具的履行完毕证明，经核实" if action is OutcomeAction.APPROVED else None
            await record_outcome(
                connection, answer, action=action, reason=reason, actor=actor, secrecy=workplace.secrecy
            )


def _questions(rows: Sequence[Sequence[str]]) -> list[bytes]:
    asked = []
    for number, row in enumerate(rows[1:13], start=1):
        subject = {
            "role": "applicant",
            "kind": "person",
            "name": row[1],
            "identifier": {"type": "resident_id", "number": row[4]} if number % 3 else None,
        }
        matter = "civil_service_recruitment" if number % 2 else "public_institution_recruitment"
        asked.append(orjson.dumps({"matter": matter, "reference": f"RS-2026-{number:03d}", "subjects": [subject]}))
    for number, name in enumerate(("田野", "方舟", "白露", "江南"), start=13):
        subject = {"role": "applicant", "kind": "person", "name": name, "identifier": None}
        body = {"matter": "civil_service_recruitment", "reference": f"RS-2026-{number:03d}", "subjects": [subject]}
        asked.append(orjson.dumps(body))
    return asked
