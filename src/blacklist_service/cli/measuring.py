"""The security officer's commands on the measures."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from blacklist_service.audit.jobs import fail
from blacklist_service.audit.simulation import DAYS, Tally
from blacklist_service.audit.simulation_jobs import ask_simulation, run_simulation
from blacklist_service.cli.environment import Workplace, load_settings, opened, operator, refusing, run, stop
from blacklist_service.cli.options import AsJson, DataDir
from blacklist_service.database.connections import connect
from blacklist_service.listings.operations.jobs import LOADING_SETTINGS
from blacklist_service.measures.brake import ConfirmationNeeded, ShownChange
from blacklist_service.measures.operations import Applied, apply_measures, founding_catalogue, read_catalogue
from blacklist_service.measures.rules import Catalogue

CatalogueArgument = Annotated[
    Path | None, typer.Argument(exists=True, dir_okay=False, help="a catalogue, TOML or JSON")
]
Founding = Annotated[bool, typer.Option("--founding", help="the catalogue that came with this version of the service")]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help=f"only show what would change, also in the answers of the last {DAYS} days"),
]

Confirm = Annotated[
    str | None,
    typer.Option(
        "--confirm", metavar="DIGEST", help="the digest of the difference, required if it removes or weakens measures"
    ),
]


def apply(
    file: CatalogueArgument = None,
    founding: Founding = False,
    dry_run: DryRun = False,
    confirm: Confirm = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Put a catalogue in force for every check that begins afterwards. If it removes or weakens measures, they are shown
    first: exit 1.
    """
    catalogue = _chosen(file, founding)
    with opened(load_settings(data_dir)) as workplace:
        try:
            applied = run(_apply(workplace, catalogue, is_dry_run=dry_run, confirm=confirm))
        except ConfirmationNeeded as needed:
            _show_and_stop(needed.shown, as_json=as_json)
        found = run(_simulate(workplace, catalogue, is_quiet=as_json)) if dry_run else None
    if as_json:
        shown = {"measures_version": applied.version} | asdict(applied.difference)
        shown |= {"weakened": applied.shown.wire["weakened"], "digest": applied.shown.digest}
        print(json.dumps(shown | ({"simulation": found} if found else {}), ensure_ascii=False))
        return
    print(f"measures version {applied.version}{' (unchanged: dry run)' if dry_run else ''}")
    _print_difference(applied.shown)
    if found:
        print("\n".join(_report(found)))


def _print_difference(shown: ShownChange) -> None:
    for word in ("added", "removed", "changed"):
        print(f"{word}: {', '.join(getattr(shown.changes, word)) or '-'}")
    for one in shown.weakened:
        until = "" if one.until is None else f" until {one.until}"
        said = f"{one.loss.value.replace('_', ' ')} ({one.measure_class}), since {one.since}{until}"
        print(f"  weakened: {one.matter}  {one.measure}  {said}")
    if shown.weakened:
        print(f"digest: {shown.digest}")


def _show_and_stop(shown: ShownChange, *, as_json: bool) -> NoReturn:
    if as_json:
        print(json.dumps({"difference": shown.wire, "digest": shown.digest}, ensure_ascii=False))
    else:
        _print_difference(shown)
    stop(f"nothing was changed: if this is intended, add --confirm {shown.digest}", status=1)


def add_to(app: typer.Typer) -> None:
    app.command()(apply)


def _chosen(file: Path | None, founding: bool) -> Catalogue:
    if (file is None) != founding:
        stop("give a catalogue's file, or --founding")
    with refusing():
        return founding_catalogue() if file is None else read_catalogue(file.read_text("utf-8"))


async def _apply(workplace: Workplace, catalogue: Catalogue, *, is_dry_run: bool, confirm: str | None) -> Applied:
    async with workplace.connected() as connection, connection.transaction():
        return await apply_measures(
            connection,
            catalogue,
            actor=operator(),
            secrecy=workplace.secrecy,
            is_dry_run=is_dry_run,
            confirm=confirm,
        )


async def _simulate(workplace: Workplace, catalogue: Catalogue, *, is_quiet: bool) -> dict[str, Any]:
    connection = await connect(workplace.dsn, application_name="blacklist-service simulation", **LOADING_SETTINGS)
    try:
        async with connection.transaction():
            row = await ask_simulation(
                connection, catalogue, actor=operator(), secrecy=workplace.secrecy, is_own_work=True
            )
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), disable=is_quiet) as progress:
            bar = progress.add_task("simulating", total=1.0)

            def tell(tally: Tally) -> None:
                progress.update(bar, completed=tally.progress)

            try:
                return await run_simulation(connection, row, workplace.secrecy, tell)
            except BaseException:
                await fail(connection, "simulations", row["id"], "interrupted at the terminal")
                raise
    finally:
        await connection.close()


def _report(found: dict[str, Any]) -> list[str]:
    looked_at = f"of {found['checks']} checks in {DAYS} days, {found['sampled']} looked at"
    left_out = f"({found['not_reproduced']} not reproduced, left out)"
    lines = [f"{looked_at} {left_out}: {found['changed']} answers would be different"]
    lines += [
        f"  {one['matter']}  {one['agency'] or '-'}  {one['from']} -> {one['to']}  {one['checks']}"
        for one in found["changes"]
    ]
    lines += [
        f"  no longer covered: {one['matter']}  {one['role']}  {one['kind']}  {one['agency'] or '-'}  {one['subjects']}"
        for one in found["no_longer_covered"]
    ]
    return lines
