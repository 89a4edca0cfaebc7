"""Accounts of people: which duties they may hold, and attempts to get around that."""

import asyncpg
import pytest

from blacklist_service.access.duties import Duty
from blacklist_service.access.principals import Actor
from blacklist_service.access.scopes import Role
from blacklist_service.clock import now
from blacklist_service.database.connections import connect
from blacklist_service.members.staff import passwords, queries, sessions, totp
from blacklist_service.members.staff.operations import accounts, factors, grants
from blacklist_service.members.staff.problems import (
    AccountExists,
    AccountInvalid,
    DutyExcluded,
    EnrolmentRefused,
    PasswordRefused,
    TooManyTries,
)
from blacklist_service.members.staff.tasks import forget_attempts
from tests.members.staff.people import PASSWORD, Person, add_person, forget_code
from tests.support import TEST, Service

DESK = Actor(source_ip="10.0.0.7")


async def test_nobody_has_two_accounts(service: Service):
    await opened(service, "wang.li", "E-1")
    with pytest.raises(AccountExists):
        await opened(service, "wang.li2", "e-1")
    with pytest.raises(AccountExists):
        await opened(service, "wang.li", "E-2")


@pytest.mark.parametrize("login", ["ab", "Wang", "wang li", "wang@x", ".wang", "w" * 33, "王丽"])
async def test_a_login_is_plain(service: Service, login: str):
    with pytest.raises(AccountInvalid):
        await opened(service, login, "E-9")


@pytest.mark.parametrize(
    ("first", "second", "member"),
    [
        (Duty.AUDITOR, Duty.SUPERVISOR, "GD-AUDIT"),
        (Duty.SYSTEM, Duty.SECURITY, "GD-AUDIT"),
        (Duty.SECURITY, Duty.AUDITOR, "GD-AUDIT"),
        (Duty.MAKER, Duty.SECURITY, "GD-COURT"),
        (Duty.WINDOW, Duty.SYSTEM, "GD-HR"),
    ],
)
async def test_duties_of_two_offices_exclude_each_other(service: Service, first: Duty, second: Duty, member: str):
    person = await add_person(service, "someone", first, member=member)
    with pytest.raises(DutyExcluded):
        await grant(service, person.account, second)
    async with service.workplace.connected() as connection, connection.transaction():
        await grants.take_duty(connection, person.account, first, actor=TEST, secrecy=service.workplace.secrecy)
    with pytest.raises(DutyExcluded):  # nor one after the other: another office is another account
        await grant(service, person.account, second)


async def test_the_database_itself_refuses_a_second_office(service: Service):
    person = await add_person(service, "someone", Duty.AUDITOR)
    async with service.workplace.connected() as connection:
        for sql in (
            "INSERT INTO staff_duties VALUES ($1, 'security', 'security', now())",
            "INSERT INTO staff_duties VALUES ($1, 'auditor', 'security', now())",
            "UPDATE staff SET office = 'security' WHERE id = $1",
        ):
            with pytest.raises(asyncpg.IntegrityConstraintViolationError):
                await connection.execute(sql, person.account)


async def test_maker_and_checker_may_be_one_person(service: Service):
    person = await add_person(service, "both", Duty.MAKER, Duty.CHECKER)
    account = await read(service, person.account)
    assert set(account.duties) == {Duty.MAKER, Duty.CHECKER}


@pytest.mark.parametrize(
    ("duty", "member"), [(Duty.WINDOW, "GD-COURT"), (Duty.MAKER, "GD-HR"), (Duty.AUDITOR, "GD-HR")]
)
async def test_a_duty_needs_its_kind_of_member(service: Service, duty: Duty, member: str):
    with pytest.raises(AccountInvalid):
        await add_person(service, "someone", duty, member=member)


async def test_an_enrolment_code_works_once_and_not_for_ever(service: Service):
    account, code = await opened(service, "wang.li", "E-1")
    await service.fetch("UPDATE staff SET enrolment_until = now() - interval '1 s'")
    with pytest.raises(EnrolmentRefused):
        await enrol(service, account, code)
    await service.fetch("UPDATE staff SET enrolment_until = now() + interval '1 h'")
    with pytest.raises(EnrolmentRefused):
        await enrol(service, account, "AAAA-BBBB-CCCC-DDDD")
    assert len(await enrol(service, account, code)) == 10
    with pytest.raises(EnrolmentRefused):
        await enrol(service, account, code)


async def test_old_passwords_do_not_come_back(service: Service):
    person = await add_person(service, "someone", Duty.WINDOW)
    for password in (PASSWORD, "Another-1-of-mine", PASSWORD, "Another-1-of-mine"):
        is_new = password == "Another-1-of-mine" and not await was_set(service, person, password)
        if is_new:
            await change(service, person, password)
        else:
            with pytest.raises(PasswordRefused):
                await change(service, person, password)


async def test_a_login_begins_the_one_session_of_its_account(service: Service):
    person = await add_person(service, "someone", Duty.WINDOW)
    first, second = await log_in(service, person), await log_in(service, person)
    assert first
    assert second
    assert await find(service, first) is None
    session = await find(service, second)
    assert session is not None
    assert session.is_alive_at(now())
    assert session.account.principal.operator == "someone"


async def test_each_code_counts_once(service: Service):
    person = await add_person(service, "someone", Duty.WINDOW)
    code = person.code()
    assert await log_in(service, person, code=code)
    assert await log_in(service, person, code=code) is None
    spare = person.backup_codes[0]
    assert await log_in(service, person, code=spare)
    assert await log_in(service, person, code=spare) is None


async def test_the_sixth_try_is_refused_with_right_data_too_and_a_check_of_the_account_as_well(service: Service):
    person = await add_person(service, "someone", Duty.WINDOW)
    assert await stands(service, person)
    for _ in range(5):
        assert await log_in(service, person, password="wrong") is None
    assert not await stands(service, person)
    assert await log_in(service, person) is None
    await service.fetch("UPDATE staff SET locked_until = now() - interval '1 s'")
    assert await log_in(service, person)
    assert await stands(service, person)


async def test_the_third_lock_of_a_day_stays_until_an_officer_takes_it_away(service: Service):
    person = await add_person(service, "someone", Duty.WINDOW)
    for _ in range(3):
        await service.fetch("UPDATE staff SET locked_until = now() - interval '1 s' WHERE locked_until IS NOT NULL")
        for place in range(5):
            await log_in(service, person, password="wrong", address=f"10.0.{place}.1")
    [row] = await service.fetch("SELECT locked_until::text AS until FROM staff")
    assert row["until"] == "infinity"
    async with service.workplace.connected() as connection, connection.transaction():
        await accounts.unlock(connection, person.account, actor=TEST, secrecy=service.workplace.secrecy)
    assert await log_in(service, person)


async def test_an_address_that_misses_too_often_waits(service: Service):
    person = await add_person(service, "someone", Duty.WINDOW)
    for number in range(20):
        assert await log_in(service, person, login=f"nobody{number}") is None
    with pytest.raises(TooManyTries):
        await log_in(service, person)
    assert await log_in(service, person, address="10.0.0.8")


async def test_tries_are_forgotten_once_nothing_asks_about_them(service: Service):
    person = await add_person(service, "someone", Duty.WINDOW)
    await log_in(service, person, login="nobody")
    await log_in(service, person, password="wrong")
    assert await log_in(service, person)
    await log_in(service, person, password="wrong")
    owner = await connect(service.workplace.dsn, role=None)
    await owner.execute("UPDATE staff_attempts SET at = at - interval '3 days'")
    await owner.close()
    async with service.workplace.connected() as connection:
        assert not await forget_attempts(connection, service.workplace.secrecy)
    rows = await service.fetch("SELECT what, succeeded FROM staff_attempts ORDER BY id")
    assert [tuple(row) for row in rows] == [("login", True), ("login", False)]  # misses in a row still count


async def test_unknown_logins_leave_nothing_that_was_typed(service: Service):
    person = await add_person(service, "someone", Duty.WINDOW)
    await log_in(service, person, login="my-password-by-mistake")
    rows = await service.fetch("SELECT * FROM staff_attempts")
    assert [row["staff"] for row in rows] == [None]
    assert not await service.fetch("SELECT FROM ledger_entries WHERE action = 'login_refused'")


async def test_an_ended_account_is_over_at_once(service: Service):
    person = await add_person(service, "someone", Duty.WINDOW)
    secret = await log_in(service, person)
    assert secret
    async with service.workplace.connected() as connection, connection.transaction():
        await accounts.end_account(connection, person.account, actor=TEST, secrecy=service.workplace.secrecy)
    assert await find(service, secret) is None
    assert not await stands(service, person)
    assert await log_in(service, person) is None
    account, _ = await opened(service, "someone.else", "E-77")  # the employee may have another one now
    assert account


async def test_proving_the_factor_again_changes_the_secret_and_is_counted(service: Service):
    person = await add_person(service, "someone", Duty.AUDITOR)
    secret = await log_in(service, person)
    assert secret
    session = await find(service, secret)
    assert session
    await forget_code(service, person)
    async with service.workplace.connected() as connection:
        async with connection.transaction():
            renewed = await sessions.prove_again(
                connection, session, person.code(), actor=DESK, secrecy=service.workplace.secrecy
            )
        assert renewed
        assert await find(service, secret) is None
        for _ in range(5):
            async with connection.transaction():
                assert not await sessions.prove_again(
                    connection, session, "000000", actor=DESK, secrecy=service.workplace.secrecy
                )
        with pytest.raises(TooManyTries):
            async with connection.transaction():
                await sessions.prove_again(
                    connection, session, person.code(), actor=DESK, secrecy=service.workplace.secrecy
                )


async def test_staff_are_no_keys_of_the_api(service: Service):
    person = await add_person(service, "someone", Duty.WINDOW)
    security = await service.add_key("GD-AUDIT", Role.SECURITY)
    listed = await service.get("/v1/members/GD-HR/keys", key=security)
    assert person.account not in listed.text
    revoked = await service.post(f"/v1/keys/{person.account}/revocation", {}, key=security)
    assert revoked.status_code == 404
    assert await stands(service, person)


async def test_the_ledger_tells_accounts_apart_and_names_nobody(service: Service):
    person = await add_person(service, "someone", Duty.WINDOW)
    await log_in(service, person)
    await log_in(service, person, password="wrong")
    rows = await service.fetch(
        "SELECT action, leaf FROM ledger_entries WHERE action LIKE 'staff%' OR action LIKE 'session%' OR action LIKE 'login%'"
        " ORDER BY at, id"
    )
    assert [row["action"] for row in rows] == [
        *("staff_added", "staff_granted", "staff_enrolled", "session_begun", "login_refused")
    ]
    for row in rows:
        assert person.account.encode() in row["leaf"]
        assert b"someone" not in row["leaf"]
        assert "测试".encode() not in row["leaf"]


async def opened(service: Service, login: str, employee: str) -> tuple[str, str]:
    async with service.workplace.connected() as connection, connection.transaction():
        return await accounts.open_account(
            connection,
            member="GD-HR",
            login=login,
            name="王丽",
            employee_number=employee,
            actor=TEST,
            secrecy=service.workplace.secrecy,
        )


async def grant(service: Service, account: str, duty: Duty) -> None:
    async with service.workplace.connected() as connection, connection.transaction():
        await grants.grant_duty(connection, account, duty, actor=TEST, secrecy=service.workplace.secrecy)


async def enrol(service: Service, account: str, code: str) -> list[str]:
    secret = totp.new_secret()
    async with service.workplace.connected() as connection, connection.transaction():
        return await factors.enrol(
            connection,
            account,
            code=code,
            password=PASSWORD,
            totp_secret=secret,
            typed=totp.code_at(secret, totp.step_of(now())),
            actor=DESK,
            secrecy=service.workplace.secrecy,
        )


async def change(service: Service, person: Person, password: str) -> None:
    async with service.workplace.connected() as connection, connection.transaction():
        await factors.change_password(
            connection, person.account, password, actor=DESK, secrecy=service.workplace.secrecy
        )


async def was_set(service: Service, person: Person, password: str) -> bool:
    account = await read(service, person.account)
    kept = [account.password or "", *account.passwords_before]
    return any([await passwords.is_password(password, one) for one in kept])


async def log_in(
    service: Service,
    person: Person,
    *,
    login: str | None = None,
    password: str = PASSWORD,
    code: str | None = None,
    address: str = "10.0.0.7",
) -> str | None:
    if code is None:
        await forget_code(service, person)
    async with service.workplace.connected() as connection, connection.transaction():
        return await sessions.log_in(
            connection,
            login=login or person.login,
            password=password,
            code=code or person.code(),
            actor=Actor(source_ip=address),
            secrecy=service.workplace.secrecy,
        )


async def find(service: Service, secret: str) -> sessions.StaffSession | None:
    async with service.workplace.connected() as connection:
        return await sessions.find_session(connection, secret, secrecy=service.workplace.secrecy)


async def read(service: Service, account: str) -> queries.Account:
    async with service.workplace.connected() as connection:
        return await queries.get_account(connection, account, secrecy=service.workplace.secrecy)


async def stands(service: Service, person: Person) -> bool:
    """Whether a check's own snapshot takes the account for a valid key."""
    [row] = await service.fetch(
        "SELECT revoked_at IS NULL AND expires_at > now() AS stands FROM api_keys WHERE id = $1", person.account
    )
    return bool(row["stands"])
