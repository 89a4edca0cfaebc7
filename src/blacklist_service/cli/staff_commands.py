"""`staff`: people's accounts from a terminal. Officers are appointed here; all others at the console, or from a table."""

import csv
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, TextIO

import typer
from python_calamine import CalamineWorkbook

from blacklist_service.access.duties import OFFICE_OF_DUTY, OFFICERS, Duty
from blacklist_service.cli.environment import Workplace, load_settings, opened, operator, run, stop
from blacklist_service.cli.options import DataDir
from blacklist_service.database.connections import Connection
from blacklist_service.listings.files import UnreadableFile
from blacklist_service.listings.files.encodings import errors_of, scan_text
from blacklist_service.members.staff import queries
from blacklist_service.members.staff.operations import accounts, factors, grants
from blacklist_service.members.staff.problems import AccountInvalid, AccountNotFound
from blacklist_service.members.staff.queries import Account
from blacklist_service.problems import Problem

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "member": ("单位代码", "member"),
    "login": ("登录名", "login"),
    "name": ("姓名", "name"),
    "employee_number": ("工号", "employee_number"),
    "duty": ("岗位", "duty"),
    "matters": ("事项", "matters"),
}
DUTY_WORDS: Mapping[str, Duty] = {
    "窗口": Duty.WINDOW,
    "经办": Duty.MAKER,
    "复核": Duty.CHECKER,
    "审计": Duty.AUDITOR,
    "督查": Duty.SUPERVISOR,
    **{duty.value: duty for duty in Duty},
}

app = typer.Typer(no_args_is_help=True, help="Accounts of people who log in to the console.")

LoginArgument = Annotated[str, typer.Argument(help="the person's login")]


@app.command()
def add(
    member: Annotated[str, typer.Option(help="code of the member the person works for")],
    login: Annotated[str, typer.Option()],
    name: Annotated[str, typer.Option()],
    duty: Annotated[list[Duty], typer.Option(help="may be repeated, for duties of one office")],
    employee_number: Annotated[str, typer.Option(help="staff number, so that nobody gets two accounts")],
    instead_of: Annotated[str | None, typer.Option(help="login of the officer whose account ends")] = None,
    data_dir: DataDir = None,
) -> None:
    """Open an account with its duties; print the enrolment code (启用码), which is shown this once."""
    with opened(load_settings(data_dir)) as workplace:
        code = run(_add(workplace, member, login, name, duty, employee_number, instead_of))
    print(code)


@app.command("list")
def list_(member: Annotated[str | None, typer.Option()] = None, data_dir: DataDir = None) -> None:
    """List accounts with their duties and state, without names."""
    with opened(load_settings(data_dir)) as workplace:
        for account in run(_list(workplace, member)):
            duties = ",".join(account.duties) or "-"
            state = "ended" if account.ended_at else "enrolled" if account.is_enrolled else "not enrolled"
            print(f"{account.login}\t{account.member}\t{duties}\t{state}")


@app.command("reset-factor")
def reset_factor(login: LoginArgument, data_dir: DataDir = None) -> None:
    """Reset a lost password and factors; prints a new enrolment code."""
    with opened(load_settings(data_dir)) as workplace:
        print(run(_reset(workplace, login)))


@app.command()
def unlock(login: LoginArgument, data_dir: DataDir = None) -> None:
    """Unlock an account that was locked after too many failed logins."""
    with opened(load_settings(data_dir)) as workplace:
        run(_unlock(workplace, login))
    print("unlocked")


@app.command()
def end(login: LoginArgument, data_dir: DataDir = None) -> None:
    """End an account for good."""
    with opened(load_settings(data_dir)) as workplace:
        run(_end(workplace, login))
    print("ended")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="XLSX or CSV")],
    out: Annotated[
        Path, typer.Option(dir_okay=False, help="CSV with each person's enrolment code; for its owner alone")
    ],
    data_dir: DataDir = None,
) -> None:
    """Open accounts from a table with 单位代码, 登录名, 姓名, 工号, 岗位 and, for the window, 事项 (separated by 、).

    Officers cannot be opened this way. A row that cannot be opened is reported, the others are opened, and the exit status is
    then 1.
    """
    with opened(load_settings(data_dir)) as workplace:
        refused = run(_import(workplace, list(_rows(file)), out))
    if refused:
        raise typer.Exit(1)


async def _add(
    workplace: Workplace,
    member: str,
    login: str,
    name: str,
    duties: list[Duty],
    employee_number: str,
    instead_of: str | None,
) -> str:
    secrecy, actor = workplace.secrecy, operator()
    async with workplace.connected() as connection, connection.transaction():
        if instead_of is not None:
            old = await queries.find_account_by_login(connection, instead_of, secrecy=secrecy)
            if old is None:
                raise AccountNotFound
            await accounts.end_account(connection, old.id, actor=actor, secrecy=secrecy)
        for office in {OFFICE_OF_DUTY[duty] for duty in duties} & OFFICERS:
            if await queries.count_holders(connection, office):
                stop(
                    f"another login holds the office {office.value} now: name it by --instead-of, or have the other"
                    " officers grant the duty at the console"
                )
        account, code = await accounts.open_account(
            connection,
            member=member,
            login=login,
            name=name,
            employee_number=employee_number,
            actor=actor,
            secrecy=secrecy,
        )
        for duty in duties:
            await grants.grant_duty(connection, account, duty, actor=actor, secrecy=secrecy)
    return code


async def _list(workplace: Workplace, member: str | None) -> list[Account]:
    async with workplace.connected() as connection:
        return await queries.list_accounts(connection, secrecy=workplace.secrecy, member=member, limit=10_000)


async def _find(connection: Connection, workplace: Workplace, login: str) -> str:
    account = await queries.find_account_by_login(connection, login, secrecy=workplace.secrecy)
    if account is None:
        raise AccountNotFound
    return account.id


async def _reset(workplace: Workplace, login: str) -> str:
    async with workplace.connected() as connection, connection.transaction():
        account = await _find(connection, workplace, login)
        return await factors.reset_factor(connection, account, actor=operator(), secrecy=workplace.secrecy)


async def _unlock(workplace: Workplace, login: str) -> None:
    async with workplace.connected() as connection, connection.transaction():
        account = await _find(connection, workplace, login)
        await accounts.unlock(connection, account, actor=operator(), secrecy=workplace.secrecy)


async def _end(workplace: Workplace, login: str) -> None:
    async with workplace.connected() as connection, connection.transaction():
        account = await _find(connection, workplace, login)
        await accounts.end_account(connection, account, actor=operator(), secrecy=workplace.secrecy)


def _rows(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row with its number; exit through `stop` if the table lacks a column."""
    if file.suffix.lower() == ".csv":
        try:
            encoding = scan_text(file).encoding
        except UnreadableFile as error:
            stop(str(error))
        with file.open(encoding=encoding, errors=errors_of(encoding), newline="") as opened_file:
            table = [[str(cell) for cell in row] for row in csv.reader(opened_file)]
    else:
        sheet = CalamineWorkbook.from_path(str(file)).get_sheet_by_index(0)
        table = [["" if cell is None else str(cell) for cell in row] for row in sheet.to_python()]
    header = [cell.strip() for cell in table[0]] if table else []
    places = {
        field: next((n for n, cell in enumerate(header) if cell in words), None) for field, words in COLUMNS.items()
    }
    if missing := [COLUMNS[field][0] for field, place in places.items() if place is None and field != "matters"]:
        stop(f"the table lacks the columns {'、'.join(missing)}")
    for number, row in enumerate(table[1:], start=2):
        if any(cell.strip() for cell in row):
            yield (
                number,
                {f: row[p].strip() if p is not None and p < len(row) else "" for f, p in places.items()},
            )


async def _import(workplace: Workplace, rows: list[tuple[int, dict[str, str]]], out: Path) -> int:
    """Write each code to disk before the next account is opened: a lost code would have to be made anew."""
    opened_accounts = refused = 0
    with _private_file(out) as file:
        writer = csv.writer(file)
        writer.writerow(("单位代码", "登录名", "启用码"))
        async with workplace.connected() as connection:
            for number, row in rows:
                try:
                    code = await _open_row(connection, workplace, row)
                except Problem as problem:
                    print(f"row {number}: {problem.detail}")
                    refused += 1
                    continue
                writer.writerow((row["member"], row["login"].lower(), code))
                file.flush()
                opened_accounts += 1
    print(f"{opened_accounts} accounts opened, {refused} rows refused; the enrolment codes are in {out}")
    return refused


async def _open_row(connection: Connection, workplace: Workplace, row: dict[str, str]) -> str:
    duties = [DUTY_WORDS.get(word) for word in row["duty"].replace("，", "、").split("、") if word]
    wanted = [duty for duty in duties if duty is not None and OFFICE_OF_DUTY[duty] not in OFFICERS]
    if not wanted or len(wanted) != len(duties):
        raise AccountInvalid("岗位 must be 窗口, 经办, 复核 or 督查")
    matters = [one for one in row["matters"].replace(",", "、").split("、") if one]
    actor, secrecy = operator(), workplace.secrecy
    async with connection.transaction():
        account, code = await accounts.open_account(
            connection,
            member=row["member"],
            login=row["login"].lower(),
            name=row["name"],
            employee_number=row["employee_number"].removesuffix(".0"),
            actor=actor,
            secrecy=secrecy,
        )
        for duty in wanted:
            narrowed = matters if duty is Duty.WINDOW and matters else None
            await grants.grant_duty(connection, account, duty, matters=narrowed, actor=actor, secrecy=secrecy)
    return code


def _private_file(path: Path) -> TextIO:
    """A new file for its owner alone, whatever the umask; an existing file is refused, because others may have it open."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        stop(f"{path} already exists; name a new file")
    return os.fdopen(descriptor, "w", encoding="utf-8-sig", newline="")
