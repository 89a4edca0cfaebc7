"""People with accounts, as tests need them: opened, granted, enrolled by the service's own acts."""

import itertools
from dataclasses import dataclass

from blacklist_service.access.duties import OFFICE_OF_DUTY, Duty, Office
from blacklist_service.access.principals import Actor
from blacklist_service.clock import now
from blacklist_service.members.staff import totp
from blacklist_service.members.staff.operations import accounts, factors, grants
from tests.support import TEST, Service

PASSWORD = "Tea-4-two-clerks!"
MEMBER_OF_OFFICE = {Office.WINDOW: "GD-HR", Office.COURT: "GD-COURT"}
_employees = itertools.count(1)


@dataclass
class Person:
    account: str
    login: str
    secret: bytes
    backup_codes: list[str]

    def code(self) -> str:
        """What the app shows now."""
        return totp.code_at(self.secret, totp.step_of(now()))


async def forget_code(service: Service, person: Person) -> None:
    """As if half a minute had passed since the last code: each counts once."""
    await service.fetch("UPDATE staff SET totp_step = 0 WHERE id = $1", person.account)


async def add_person(service: Service, login: str, *duties: Duty, member: str | None = None) -> Person:
    """Somebody who can log in, with these duties."""
    office = OFFICE_OF_DUTY[duties[0]] if duties else Office.WINDOW
    member = member or MEMBER_OF_OFFICE.get(office, "GD-AUDIT")
    secret, secrecy = totp.new_secret(), service.workplace.secrecy
    async with service.workplace.connected() as connection, connection.transaction():
        account, code = await accounts.open_account(
            connection,
            member=member,
            login=login,
            name=f"测试{login}",
            employee_number=f"E{next(_employees)}",
            actor=TEST,
            secrecy=secrecy,
        )
        for duty in duties:
            await grants.grant_duty(connection, account, duty, actor=TEST, secrecy=secrecy)
        step = totp.step_of(now()) - 1
        codes = await factors.enrol(
            connection,
            account,
            code=code,
            password=PASSWORD,
            totp_secret=secret,
            typed=totp.code_at(secret, step),
            actor=Actor(),
            secrecy=secrecy,
        )
    return Person(account, login, secret, codes)
