"""`blacklist-service audit`: maintenance of the log. For reading it see `audit_commands`."""

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from blacklist_service.cli import audit_commands, logkeeping
from blacklist_service.cli.environment import load_settings, opened
from blacklist_service.cli.options import AsJson, DataDir

app = typer.Typer(no_args_is_help=True, help="The ledger and its log: search, export, verify, witnesses, retention.")
witness_app = typer.Typer(no_args_is_help=True, help="Bodies that follow the log and cosign it.")
app.add_typer(witness_app, name="witness")
audit_commands.add_to(app)


@app.command("adopt-anchor")
def audit_adopt_anchor(data_dir: DataDir = None) -> None:
    """Adopt the database's newest checkpoint after this machine's own was lost. Do so only if it really is the newest."""
    with opened(load_settings(data_dir)) as workplace:
        size = logkeeping.adopt(workplace)
    print(f"the log of {size} entries is adopted as the newest")


@app.command("new-log")
def audit_new_log(
    reason: Annotated[
        str,
        typer.Option(
            help="why the later entries are given up; this is in the log in clear text for ever: name no person"
        ),
    ],
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(exists=True, dir_okay=False, help="a newer checkpoint, as a witness or an auditor keeps it"),
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """After a restore to an earlier moment: end the log that a newer checkpoint contradicts, and begin a new one.

    The new log continues from the existing entries under another name; every process switches to it by itself.
    """
    with opened(load_settings(data_dir)) as workplace:
        made = logkeeping.begin_anew(workplace, checkpoint or [], reason)
    if as_json:
        print(json.dumps({"vkey": made.key.text, "kept": made.kept.size, "given_up": made.given_up.size}))
        return
    print(f"the log {made.kept.origin} was ended at {made.kept.size} entries; {made.given_up.size} had been signed")
    print(f"{made.origin} follows it; give its key to everybody who verifies:\n{made.key.text}")


@witness_app.command("add")
def audit_witness_add(vkey: str, data_dir: DataDir = None) -> None:
    """Accept cosignatures of this witness (its vkey, as `audit witness follow` prints it)."""
    with opened(load_settings(data_dir)) as workplace:
        is_new = logkeeping.add_witness_key(workplace, vkey)
    print("added" if is_new else "unchanged")


@witness_app.command("follow")
def audit_witness_follow(
    url: Annotated[
        str,
        typer.Option(
            help="the service's https: address, or http: on this machine; the API key is read from BLACKLIST_API_KEY"
        ),
    ],
    vkey_file: Annotated[
        Path,
        typer.Option(
            exists=True, dir_okay=False, help="the log's public keys, obtained from somewhere other than this service"
        ),
    ],
    key_file: Annotated[Path, typer.Option(help="the witness's private key; created if the file does not exist")],
    state: Annotated[Path, typer.Option(help="file with the newest checkpoint this witness cosigned")],
    name: Annotated[str, typer.Option(help="the witness's name, such as audit.example/w1")],
    every: Annotated[float, typer.Option(min=0, help="seconds between requests; 0: once")] = 0,
    onto: Annotated[
        str,
        typer.Option(
            help="the name of the log that succeeds one ended by an officer; read its first entry before you give it"
        ),
    ] = "",
    proxy: Annotated[
        str, typer.Option(help="a proxy, as http://HOST:PORT; proxies from the environment are ignored")
    ] = "",
) -> None:
    """Follow the log from another machine and cosign it. Exits with 1 if the log was rolled back, forked or forged."""
    logkeeping.follow(
        url, vkey_file=vkey_file, key_file=key_file, state=state, name=name, every_seconds=every, onto=onto, proxy=proxy
    )


@app.command("erase-month")
def audit_erase_month(
    month: Annotated[datetime, typer.Argument(formats=["%Y-%m"])],
    min_age: Annotated[
        int | None, typer.Option(min=1, help="minimum age in months; default BLACKLIST_RETENTION_MONTHS")
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Erase what links a past month's entries to persons, irreversibly; every proof remains valid."""
    settings = load_settings(data_dir)
    with opened(settings) as workplace:
        secrets, subjects = logkeeping.erase(workplace, month.date(), min_age or settings.retention_months)
    print(json.dumps({"secrets": secrets, "subjects": subjects}) if as_json else f"{secrets} secrets erased")
