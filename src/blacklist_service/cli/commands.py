"""The commands, each a thin shell over one act."""

import json
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from blacklist_service.access.scopes import Role
from blacklist_service.cli import (
    audit_commands,
    checking,
    demonstration,
    doctoring,
    importing,
    keeping,
    logkeeping,
    measuring,
    safekeeping,
    staff_commands,
)
from blacklist_service.cli.environment import load_settings, migrate_external, opened, operator, refusing, run
from blacklist_service.cli.options import AsJson, DataDir
from blacklist_service.cli.serve_command import serve
from blacklist_service.clock import legal_date, now
from blacklist_service.listings.rules import Ground, RowAction, SuspensionGround
from blacklist_service.members.changes import allow_matters, change_contacts, rename_member, succeed_member
from blacklist_service.members.operations import add_member, create_key, revoke_key
from blacklist_service.members.queries import get_member, list_keys, list_members
from blacklist_service.members.rules import LONGEST_KEY_DAYS, MemberKind
from blacklist_service.members.sample import load_sample

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
members_app = typer.Typer(no_args_is_help=True, help="Courts, agencies and auditors.")
keys_app = typer.Typer(no_args_is_help=True, help="API keys of members' systems.")
app.add_typer(members_app, name="members")
app.add_typer(keys_app, name="keys")
listings_app = typer.Typer(no_args_is_help=True, help="The court's acts on single listings.")
imports_app = typer.Typer(no_args_is_help=True, help="Imports that were sent over HTTP, or wait for a second person.")
measures_app = typer.Typer(no_args_is_help=True, help="Which matter leads to what, on what legal basis.")
app.add_typer(measures_app, name="measures")
measuring.add_to(measures_app)
audit_app = typer.Typer(no_args_is_help=True, help="The ledger's log: its anchor, its witnesses, its retention.")
witness_app = typer.Typer(no_args_is_help=True, help="Bodies that follow the log and cosign it.")
app.add_typer(audit_app, name="audit")
audit_app.add_typer(witness_app, name="witness")
audit_commands.add_to(audit_app)
app.add_typer(staff_commands.app, name="staff")
app.add_typer(listings_app, name="listings")
app.add_typer(imports_app, name="imports")


app.command()(serve)


def _say_version(is_asked: bool) -> None:
    if is_asked:
        print(version("blacklist-service"))
        raise typer.Exit


@app.callback()
def main(
    _version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="print the version and exit")
    ] = False,
) -> None:
    """The commands, each a thin shell over one act."""


@app.command()
def demo(port: Annotated[int | None, typer.Option()] = None) -> None:
    """Serve a sample list, with sample members and keys."""
    data_dir = Path(os.environ.get("BLACKLIST_DATA_DIR", ".demo"))
    settings = load_settings(data_dir, port=port, key_environment="test")
    with refusing():
        raise SystemExit(demonstration.demonstrate(settings))


@app.command("demo-code")
def demo_code(login: Annotated[str, typer.Argument(help="login of somebody of the demo")]) -> None:
    """The demo's second factor of now, for whoever has no app at hand."""
    data_dir = Path(os.environ.get("BLACKLIST_DATA_DIR", ".demo"))
    print(demonstration.code_of(data_dir, login))


@app.command()
def migrate(data_dir: DataDir = None) -> None:
    """Bring the database up to this version, and bind a new one to the secret key."""
    settings = load_settings(data_dir)
    if settings.is_embedded:
        with opened(settings):
            print("the embedded database is up to date")
        return
    with refusing():
        migrate_external(settings)
    print("the database is up to date")


@app.command()
def backup(
    out: Annotated[Path, typer.Option(dir_okay=False, help="the backup, one file; readable by its owner alone")],
    without_keys: Annotated[bool, typer.Option("--without-keys", help="the keys are kept elsewhere")] = False,
    data_dir: DataDir = None,
) -> None:
    """Back up the database, the key files and the newest checkpoint, beside a running service too."""
    with opened(load_settings(data_dir)) as workplace:
        kept = safekeeping.back_up(workplace, out, with_keys=not without_keys)
    print(f"{out}: {kept.bytes} bytes, a log of {kept.log_size} entries, {_keys_in(kept)}")


def _keys_in(kept: safekeeping.Kept) -> str:
    """Exactly which: a secret key given by the environment is in no file, and the signing key may still be here."""
    held = kept.keys
    if not held:
        return "without keys: keep them apart"
    missing = {safekeeping.SECRET_KEY, safekeeping.SIGNING_KEY}.difference(held)
    apart = f"; {', '.join(sorted(missing))} is not in it: keep it apart" if missing else ""
    powers = {safekeeping.SECRET_KEY: "can read everything", safekeeping.SIGNING_KEY: "can sign in the log's name"}
    return f"with {' and '.join(held)}: whoever has it {' and '.join(powers[name] for name in held)}{apart}"


@app.command()
def restore(
    backup_file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    unproved: Annotated[
        bool,
        typer.Option("--unproved", help="of a version that proved nothing, or changed since; you know whose it is"),
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Restore a backup into an empty data directory, and see that everything fits together."""
    with refusing():
        kept = safekeeping.restore(load_settings(data_dir), backup_file, is_proof_waived=unproved)
    print(f"restored, a log of {kept.log_size} entries; what was recorded after the backup is not in it")


@app.command()
def doctor(
    confirm_date: Annotated[
        bool,
        typer.Option("--confirm-date", help="today's date is right: what has fallen due by it may all be written down"),
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Say what is wrong, in one page: keys, schema, partitions, sealing, disk, clock, calendar. Exit 1 if anything is."""
    if confirm_date:
        with opened(load_settings(data_dir)) as workplace:
            print(f"confirmed: today is {run(doctoring.confirm(workplace, operator()))}")
    with refusing():
        findings = doctoring.examine(load_settings(data_dir))
    print(doctoring.page(findings))
    raise SystemExit(1 if any(one.fault for one in findings) else 0)


@members_app.command("add")
def members_add(
    code: str,
    name: Annotated[str, typer.Option()],
    kind: Annotated[MemberKind, typer.Option()],
    court_code: Annotated[str | None, typer.Option(help="of a court, such as 云0111")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Add a member; the same again changes nothing."""
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


@members_app.command("load-sample")
def members_load_sample(data_dir: DataDir = None) -> None:
    """Add the plausible 36 units of Guandu; run again, it changes nothing."""
    added = _change(data_dir, load_sample)
    print(f"{added} members added")


@members_app.command("rename")
def members_rename(
    code: str,
    name: Annotated[str, typer.Option()],
    since: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="default: today")] = None,
    data_dir: DataDir = None,
) -> None:
    """Give a member another name from a day on."""
    day = since.date() if since else legal_date(now())
    _say(_change(data_dir, rename_member, code, name=name, since=day))


@members_app.command("succeed")
def members_succeed(
    code: str,
    successor: Annotated[str, typer.Option("--by", help="the member that takes its place")],
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="default: today")] = None,
    data_dir: DataDir = None,
) -> None:
    """Put another member in the place of one that was merged or dissolved."""
    _say(_change(data_dir, succeed_member, code, successor=successor, on=on.date() if on else legal_date(now())))


@members_app.command("contacts")
def members_contacts(
    code: str,
    leader: Annotated[str, typer.Option(help="responsible leader")],
    department: Annotated[str, typer.Option()],
    liaison: Annotated[str, typer.Option()],
    phone: Annotated[str, typer.Option()],
    data_dir: DataDir = None,
) -> None:
    """Say who leads and who is to be called."""
    contacts = {"responsible_leader": leader, "department": department, "liaison": liaison, "phone": phone}
    _say(_change(data_dir, change_contacts, code, contacts))


@members_app.command("matters")
def members_matters(
    code: str,
    matters: Annotated[str | None, typer.Option(help="comma-separated; without it nothing is narrowed")] = None,
    data_dir: DataDir = None,
) -> None:
    """Say what the keys of a member may be given to ask."""
    _say(_change(data_dir, allow_matters, code, None if matters is None else matters.split(",")))


@members_app.command("list")
def members_list(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show all members."""
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


@keys_app.command("create")
def keys_create(
    member: Annotated[str, typer.Option()],
    role: Annotated[Role, typer.Option()],
    matters: Annotated[str | None, typer.Option(help="comma-separated; default: every matter known today")] = None,
    days: Annotated[int, typer.Option()] = LONGEST_KEY_DAYS,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make a key; it is shown this once."""
    wanted = None if matters is None else [matter.strip() for matter in matters.split(",") if matter.strip()]
    settings = load_settings(data_dir)
    with opened(settings) as workplace:

        async def create() -> dict[str, str]:
            async with workplace.connected() as connection, connection.transaction():
                key = await create_key(
                    connection,
                    member_code=member,
                    role=role,
                    matters=wanted,
                    days=days,
                    environment=settings.key_environment,
                    actor=operator(),
                    secrecy=workplace.secrecy,
                )
                return {"key_id": key.key_id, "key": key.text}

        made = run(create())
    print(json.dumps(made) if as_json else f"key id  {made['key_id']}\nkey     {made['key']}\n(it is not shown again)")


@keys_app.command("list")
def keys_list(
    member: Annotated[str, typer.Option(help="whose")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show a member's keys, newest first, without their secrets."""
    with opened(load_settings(data_dir)) as workplace:

        async def read() -> list[dict[str, Any]]:
            async with workplace.connected() as connection:
                await get_member(connection, member)
                return [dict(row) for row in await list_keys(connection, member)]

        found = run(read())
    if as_json:
        print(json.dumps({"items": found}, ensure_ascii=False, default=str))
        return
    for key in found:
        end = f"revoked {key['revoked_at']:%Y-%m-%d}" if key["revoked_at"] else f"until {key['expires_at']:%Y-%m-%d}"
        print(f"{key['key_id']}  {key['role']:8} {end:18}  {', '.join(key['matters']) or '-'}")


@keys_app.command("revoke")
def keys_revoke(key_id: str, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """End a key at once, on every worker."""
    with opened(load_settings(data_dir)) as workplace:

        async def revoke() -> None:
            async with workplace.connected() as connection, connection.transaction():
                await revoke_key(connection, key_id, actor=operator(), secrecy=workplace.secrecy)

        run(revoke())
    print(json.dumps({"key_id": key_id, "revoked": True}) if as_json else f"{key_id} revoked")


@keys_app.command("rotate-signing")
def keys_rotate_signing(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Let a new key sign the log, beside the old one; publish its vkey to whoever verifies."""
    with opened(load_settings(data_dir)) as workplace:
        vkey = logkeeping.rotate(workplace)
    print(json.dumps({"vkey": vkey}) if as_json else vkey)


@audit_app.command("adopt-anchor")
def audit_adopt_anchor(data_dir: DataDir = None) -> None:
    """Where the newest checkpoint outside the database was lost: take the database's for it. Only if it is the newest!"""
    with opened(load_settings(data_dir)) as workplace:
        size = logkeeping.adopt(workplace)
    print(f"the log of {size} entries is taken for the newest")


@witness_app.command("add")
def audit_witness_add(vkey: str, data_dir: DataDir = None) -> None:
    """Accept cosignatures of this witness (its vkey, as `audit witness follow` prints it)."""
    with opened(load_settings(data_dir)) as workplace:
        is_new = logkeeping.add_witness_key(workplace, vkey)
    print("added" if is_new else "unchanged")


@witness_app.command("follow")
def audit_witness_follow(
    url: Annotated[str, typer.Option(help="the service; the API key is read from BLACKLIST_API_KEY")],
    vkey_file: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="the log's keys, got by another way")],
    key_file: Annotated[Path, typer.Option(help="the witness's private key; made where there is none")],
    state: Annotated[Path, typer.Option(help="the newest checkpoint this witness cosigned")],
    name: Annotated[str, typer.Option(help="the witness's name, such as audit.example/w1")],
    every: Annotated[float, typer.Option(min=0, help="seconds between two looks; 0: once")] = 0,
) -> None:
    """Follow the log from another machine and cosign it; exit 1 where it was rolled back, forked or forged."""
    logkeeping.follow(url, vkey_file=vkey_file, key_file=key_file, state=state, name=name, every_seconds=every)


@audit_app.command("erase-month")
def audit_erase_month(
    month: Annotated[datetime, typer.Argument(formats=["%Y-%m"])],
    min_age: Annotated[int | None, typer.Option(min=1, help="months; default BLACKLIST_RETENTION_MONTHS")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make the persons in a past month's entries unlinkable, for ever; every proof still holds."""
    settings = load_settings(data_dir)
    with opened(settings) as workplace:
        secrets, subjects = logkeeping.erase(workplace, month.date(), min_age or settings.retention_months)
    print(json.dumps({"secrets": secrets, "subjects": subjects}) if as_json else f"{secrets} secrets erased")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    court: Annotated[str, typer.Option(help="the importing court's code, such as 云0111")],
    mode: Annotated[importing.Mode, typer.Option()] = importing.Mode.UPSERT,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="the same report; nothing is changed")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Load a list file: CSV, XLSX or JSON Lines. Exit 1 if any row was refused, 3 if a second person has to confirm it."""
    with opened(load_settings(data_dir)) as workplace:
        report = importing.import_file(
            workplace,
            file,
            court_code=court,
            mode=mode,
            is_dry_run=dry_run,
            is_quiet=as_json or not sys.stderr.isatty(),
        )
    print(report.as_json() if as_json else report.as_text())
    raise SystemExit(report.exit_status)


@listings_app.command("publish")
def listings_publish(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSON, as for POST /v1/listings")],
    data_dir: DataDir = None,
) -> None:
    """Publish one listing; the same content again changes nothing."""
    with opened(load_settings(data_dir)) as workplace:
        print(keeping.as_json(keeping.publish(workplace, file)))


@listings_app.command("delete")
def listings_delete(
    listing_id: UUID,
    ground: Annotated[Ground, typer.Option()],
    decided_on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"])],
    note: Annotated[str | None, typer.Option()] = None,
    data_dir: DataDir = None,
) -> None:
    """Delete a listing (删除): right then, over now."""
    with opened(load_settings(data_dir)) as workplace:
        done = keeping.end(
            workplace,
            listing_id,
            RowAction.DELETE,
            ground=ground.value,
            decided_on=decided_on.date(),
            reason=note,
        )
        print(keeping.as_json(done))


@listings_app.command("withdraw")
def listings_withdraw(
    listing_id: UUID,
    reason: Annotated[str, typer.Option()],
    decided_on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"])],
    data_dir: DataDir = None,
) -> None:
    """Withdraw a listing (撤销): wrong from the start. Prints the past checks it touched."""
    with opened(load_settings(data_dir)) as workplace:
        done = keeping.end(
            workplace, listing_id, RowAction.WITHDRAW, ground=None, decided_on=decided_on.date(), reason=reason
        )
        print(keeping.as_json(done))


@listings_app.command("suspend")
def listings_suspend(
    listing_id: UUID,
    ground: Annotated[SuspensionGround, typer.Option()],
    decided_on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"])],
    reason: Annotated[str, typer.Option()],
    data_dir: DataDir = None,
) -> None:
    """Suspend a listing (暂时屏蔽): off the list for a time, its term runs on."""
    with opened(load_settings(data_dir)) as workplace:
        done = keeping.suspend(workplace, listing_id, ground=ground, decided_on=decided_on.date(), reason=reason)
        print(keeping.as_json(done))


@listings_app.command("resume")
def listings_resume(
    listing_id: UUID,
    decided_on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"])],
    reason: Annotated[str, typer.Option()],
    data_dir: DataDir = None,
) -> None:
    """Resume a suspended listing (恢复): in force for the very next check."""
    with opened(load_settings(data_dir)) as workplace:
        print(keeping.as_json(keeping.resume(workplace, listing_id, decided_on=decided_on.date(), reason=reason)))


@listings_app.command("show")
def listings_show(listing_id: UUID, data_dir: DataDir = None) -> None:
    """Show a listing and the acts that made it so."""
    with opened(load_settings(data_dir)) as workplace:
        print(keeping.as_json(keeping.show(workplace, listing_id)))


@imports_app.command("status")
def imports_status(import_id: UUID, data_dir: DataDir = None) -> None:
    """How far an import is."""
    with opened(load_settings(data_dir)) as workplace:
        print(keeping.as_json(keeping.import_status(workplace, import_id)))


@imports_app.command("confirm")
def imports_confirm(import_id: UUID, data_dir: DataDir = None) -> None:
    """Let a held snapshot go on, as its second person."""
    with opened(load_settings(data_dir)) as workplace:
        print(keeping.as_json(keeping.confirm(workplace, import_id)))


@app.command()
def check(
    matter: Annotated[str, typer.Option()],
    name: Annotated[str, typer.Option()],
    id_number: Annotated[
        str | None, typer.Option(help="resident ID; for an organisation its USCC or organisation code")
    ] = None,
    kind: Annotated[checking.SubjectKind, typer.Option()] = checking.SubjectKind.PERSON,
    role: Annotated[checking.SubjectRole, typer.Option()] = checking.SubjectRole.APPLICANT,
    reference: Annotated[str, typer.Option()] = f"cli-{date.today():%Y%m%d}",  # noqa: DTZ011 - the operator's own day
    data_dir: DataDir = None,
) -> None:
    """Ask by hand; recorded like every check."""
    with opened(load_settings(data_dir)) as workplace:
        answer = checking.check(
            workplace, matter=matter, name=name, number=id_number, kind=kind, role=role, reference=reference
        )
    print(answer)


@app.command()
def openapi() -> None:
    """Print the OpenAPI document."""
    from blacklist_service.asgi import openapi_document  # noqa: PLC0415 - no other command needs the web application

    print(openapi_document())
