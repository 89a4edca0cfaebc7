"""The commands of the security officer on the measures."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from blacklist_service.cli.environment import load_settings, opened, operator, refusing, run, stop
from blacklist_service.cli.options import AsJson, DataDir
from blacklist_service.measures.operations import Applied, apply_measures, founding_catalogue, read_catalogue
from blacklist_service.measures.rules import Catalogue

CatalogueFile = Annotated[Path | None, typer.Argument(exists=True, dir_okay=False, help="a catalogue, TOML or JSON")]
Founding = Annotated[bool, typer.Option("--founding", help="the catalogue that came with this version of the service")]


def apply(
    file: CatalogueFile = None,
    founding: Founding = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would change")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Put a catalogue in force for every check that begins afterwards."""
    catalogue = _chosen(file, founding)
    with opened(load_settings(data_dir)) as workplace:

        async def act() -> Applied:
            async with workplace.connected() as connection, connection.transaction():
                return await apply_measures(
                    connection, catalogue, actor=operator(), secrecy=workplace.secrecy, is_dry_run=dry_run
                )

        applied = run(act())
    if as_json:
        print(json.dumps({"measures_version": applied.version} | asdict(applied.difference)))
        return
    print(f"measures version {applied.version}{' (unchanged: dry run)' if dry_run else ''}")
    for word in ("added", "removed", "changed"):
        print(f"{word}: {', '.join(getattr(applied.difference, word)) or '-'}")


def add_to(app: typer.Typer) -> None:
    app.command()(apply)


def _chosen(file: Path | None, founding: bool) -> Catalogue:
    if (file is None) != founding:
        stop("give a catalogue's file, or --founding")
    with refusing():
        return founding_catalogue() if file is None else read_catalogue(file.read_text("utf-8"))
