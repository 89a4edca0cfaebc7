"""Loading a list, and a court's acts on single listings."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from blacklist_service.cli import importing, keeping
from blacklist_service.cli.environment import load_settings, opened
from blacklist_service.cli.options import AsJson, DataDir
from blacklist_service.listings.rules import Ground, ImportMode, RowAction, SuspensionGround

listings_app = typer.Typer(no_args_is_help=True, help="One listing: publish, delete, withdraw, suspend, resume, show.")
imports_app = typer.Typer(no_args_is_help=True, help="Imports that were sent over HTTP, or wait for a second person.")


def import_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    court: Annotated[str, typer.Option(help="the importing court's code, such as 云0111")],
    mode: Annotated[ImportMode, typer.Option()] = ImportMode.UPSERT,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print the same report, but change nothing")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Load a list file: CSV, XLSX or JSON Lines. Exits with 1 if any row was refused, and with 3 if a second person has to
    confirm it.
    """
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
    """Delete a listing (删除): it was right then, and is over now."""
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
    """Withdraw a listing (撤销): it was wrong from the start. Prints the past checks that rested on it."""
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
    """Suspend a listing (暂时屏蔽): take it off the list for a time, while its term runs on."""
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
    """Resume a suspended listing (恢复): it is in force for the very next check."""
    with opened(load_settings(data_dir)) as workplace:
        print(keeping.as_json(keeping.resume(workplace, listing_id, decided_on=decided_on.date(), reason=reason)))


@listings_app.command("show")
def listings_show(listing_id: UUID, data_dir: DataDir = None) -> None:
    """Show a listing and its history."""
    with opened(load_settings(data_dir)) as workplace:
        print(keeping.as_json(keeping.show(workplace, listing_id)))


@imports_app.command("status")
def imports_status(import_id: UUID, data_dir: DataDir = None) -> None:
    """Show the progress of an import."""
    with opened(load_settings(data_dir)) as workplace:
        print(keeping.as_json(keeping.import_status(workplace, import_id)))


@imports_app.command("confirm")
def imports_confirm(import_id: UUID, data_dir: DataDir = None) -> None:
    """Confirm a held snapshot as its second person; the import then goes on."""
    with opened(load_settings(data_dir)) as workplace:
        print(keeping.as_json(keeping.confirm(workplace, import_id)))
