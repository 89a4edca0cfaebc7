"""All commands of `blacklist-service`; each module of this package has one group."""

import os
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from blacklist_service.cli import (
    checking,
    demonstration,
    follow_commands,
    key_commands,
    list_commands,
    log_commands,
    measuring,
    member_commands,
    staff_commands,
    upkeep_commands,
)
from blacklist_service.cli.environment import load_settings, opened, refusing
from blacklist_service.cli.options import DataDir
from blacklist_service.cli.serve_command import serve

measures_app = typer.Typer(no_args_is_help=True, help="Which matter leads to what, on what legal basis.")
measuring.add_to(measures_app)
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Keep a list of dishonest judgment debtors and answer checks: run the service, open members and keys, load"
    " lists, look after the installation.",
)
app.command()(serve)
for command in (upkeep_commands.migrate, upkeep_commands.backup, upkeep_commands.restore, upkeep_commands.doctor):
    app.command()(command)
app.command("import")(list_commands.import_)
for group, commands in (
    ("members", member_commands.app),
    ("keys", key_commands.app),
    ("staff", staff_commands.app),
    ("measures", measures_app),
    ("listings", list_commands.listings_app),
    ("imports", list_commands.imports_app),
    ("audit", log_commands.app),
):
    app.add_typer(commands, name=group)
follow_commands.add_to(app)


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
    """The blacklist service: serve it, load lists, manage members and keys, audit its log."""


@app.command()
def demo(port: Annotated[int | None, typer.Option()] = None) -> None:
    """Serve a sample list, with sample members and keys."""
    data_dir = Path(os.environ.get("BLACKLIST_DATA_DIR", ".demo"))
    settings = load_settings(data_dir, port=port, key_environment="test")
    with refusing():
        raise SystemExit(demonstration.demonstrate(settings))


@app.command("demo-code")
def demo_code(login: Annotated[str, typer.Argument(help="the login of a person of the demo")]) -> None:
    """Print the current second-factor code of a demo login, if you have no authenticator app at hand."""
    data_dir = Path(os.environ.get("BLACKLIST_DATA_DIR", ".demo"))
    print(demonstration.code_of(data_dir, login))


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
    """Check one person or organisation by hand; recorded like every check."""
    with opened(load_settings(data_dir)) as workplace:
        answer = checking.check(
            workplace, matter=matter, name=name, number=id_number, kind=kind, role=role, reference=reference
        )
    print(answer)


@app.command()
def openapi() -> None:
    """Print the OpenAPI document."""
    from blacklist_service.application import openapi_document  # noqa: PLC0415 - no other command needs the web application

    print(openapi_document())
