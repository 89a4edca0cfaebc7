"""`blacklist-service members`: courts, agencies and auditors."""

import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from blacklist_service.cli.environment import load_settings, opened, operator, run
from blacklist_service.cli.options import AsJson, DataDir
from blacklist_service.clock import legal_date, now
from blacklist_service.members.changes import allow_matters, change_contacts, rename_member, succeed_member
from blacklist_service.members.operations import add_member
from blacklist_service.members.queries import list_members
from blacklist_service.members.rules import MemberKind
from blacklist_service.members.sample import load_sample

app = typer.Typer(no_args_is_help=True, help="Courts, agencies and auditors: open, rename, succeed, allow matters.")


@app.command("add")
def members_add(
    code: str,
    name: Annotated[str, typer.Option()],
    kind: Annotated[MemberKind, typer.Option()],
    court_code: Annotated[str | None, typer.Option(help="of a court, such as 云0111")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Add a member; adding the same one again changes nothing."""
    with opened(load_settings(data_dir)) as workplace:

        async def add() -> bool:
            async with workplace.connected() as connection, connection.transaction():
                return await add_member(
                    connection,
                    code=code,
                    name=name,
                    kind=kind,
                    court_code=court_code,
                    actor=operator(),
                    secrecy=workplace.secrecy,
                )

        is_new = run(add())
    print(json.dumps({"member": code, "is_new": is_new}) if as_json else f"{code} {'added' if is_new else 'unchanged'}")


@app.command("load-sample")
def members_load_sample(data_dir: DataDir = None) -> None:
    """Add 36 sample units of Guandu; running it again changes nothing."""
    added = _change(data_dir, load_sample)
    print(f"{added} members added")


@app.command("rename")
def members_rename(
    code: str,
    name: Annotated[str, typer.Option()],
    since: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="default: today")] = None,
    data_dir: DataDir = None,
) -> None:
    """Rename a member from a given day on."""
    day = since.date() if since else legal_date(now())
    _say(_change(data_dir, rename_member, code, name=name, since=day))


@app.command("succeed")
def members_succeed(
    code: str,
    successor: Annotated[str, typer.Option("--by", help="the member that takes its place")],
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="default: today")] = None,
    data_dir: DataDir = None,
) -> None:
    """Let another member succeed one that was merged or dissolved."""
    _say(_change(data_dir, succeed_member, code, successor=successor, on=on.date() if on else legal_date(now())))


@app.command("contacts")
def members_contacts(
    code: str,
    leader: Annotated[str, typer.Option(help="responsible leader")],
    department: Annotated[str, typer.Option()],
    liaison: Annotated[str, typer.Option()],
    phone: Annotated[str, typer.Option()],
    data_dir: DataDir = None,
) -> None:
    """Set who leads a member and whom to call."""
    contacts = {"responsible_leader": leader, "department": department, "liaison": liaison, "phone": phone}
    _say(_change(data_dir, change_contacts, code, contacts))


@app.command("matters")
def members_matters(
    code: str,
    matters: Annotated[str | None, typer.Option(help="comma-separated; default: all matters are allowed")] = None,
    data_dir: DataDir = None,
) -> None:
    """Set the matters about which keys of a member may ask."""
    _say(_change(data_dir, allow_matters, code, None if matters is None else matters.split(",")))


@app.command("list")
def members_list(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List all members."""
    with opened(load_settings(data_dir)) as workplace:

        async def read() -> list[dict[str, Any]]:
            async with workplace.connected() as connection:
                return [dict(row) for row in await list_members(connection)]

        found = run(read())
    if as_json:
        print(json.dumps({"items": found}, ensure_ascii=False, default=str))
        return
    for member in found:
        print(f"{member['code']:24} {member['kind']:8} {member['name']}")


def _change(data_dir: Path | None, act: Callable[..., Awaitable[Any]], *values: Any, **particulars: Any) -> Any:
    with opened(load_settings(data_dir)) as workplace:

        async def change() -> Any:
            async with workplace.connected() as connection, connection.transaction():
                return await act(connection, *values, **particulars, actor=operator(), secrecy=workplace.secrecy)

        return run(change())


def _say(is_changed: bool) -> None:
    print("changed" if is_changed else "unchanged")
