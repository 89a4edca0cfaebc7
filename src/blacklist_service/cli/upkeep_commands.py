"""Commands for the installation: migrate, back up, restore, examine."""

from pathlib import Path
from typing import Annotated

import typer

from blacklist_service.cli import doctoring, safekeeping
from blacklist_service.cli.environment import load_settings, migrate_external, opened, operator, refusing, run
from blacklist_service.cli.options import DataDir


def migrate(data_dir: DataDir = None) -> None:
    """Migrate the database to this version, and bind a new one to the secret key."""
    settings = load_settings(data_dir)
    if settings.is_embedded:
        with opened(settings):
            print("the embedded database is up to date")
        return
    with refusing():
        migrate_external(settings)
    print("the database is up to date")


def backup(
    out: Annotated[Path, typer.Option(dir_okay=False, help="the backup, one file; readable by its owner alone")],
    without_keys: Annotated[
        bool, typer.Option("--without-keys", help="leave the keys out; they are kept elsewhere")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Back up the database, the key files and the newest checkpoint; works beside a running service."""
    with opened(load_settings(data_dir)) as workplace:
        kept = safekeeping.back_up(workplace, out, with_keys=not without_keys)
    print(f"{out}: {kept.bytes} bytes, a log of {kept.log_size} entries, {_keys_in(kept)}")


def _keys_in(kept: safekeeping.Backup) -> str:
    """Name the keys exactly: a secret key given by the environment is in no file, while the signing key may still be in
    one.
    """
    held = kept.keys
    if not held:
        return "without keys: keep them apart"
    missing = {safekeeping.SECRET_KEY, safekeeping.SIGNING_KEY}.difference(held)
    apart = f"; {', '.join(sorted(missing))} is not in it: keep it apart" if missing else ""
    powers = {safekeeping.SECRET_KEY: "can read everything", safekeeping.SIGNING_KEY: "can sign in the log's name"}
    return f"with {' and '.join(held)}: whoever has it {' and '.join(powers[name] for name in held)}{apart}"


def restore(
    backup_file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    unproved: Annotated[
        bool,
        typer.Option(
            "--unproved", help="accept a backup that proves no origin, or was changed; only if you know who made it"
        ),
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Restore a backup into an empty data directory, and verify that everything fits together."""
    with refusing():
        kept = safekeeping.restore(load_settings(data_dir), backup_file, is_proof_waived=unproved)
    print(f"restored, a log of {kept.log_size} entries; what was recorded after the backup is not in it")


def doctor(
    confirm_date: Annotated[
        bool,
        typer.Option(
            "--confirm-date",
            help="confirm that today's date is right, so that everything that fell due by it is recorded",
        ),
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Report what is wrong, in one page: keys, schema, partitions, sealing, disk, clock, calendar. Exits with 1 if anything
    is.
    """
    if confirm_date:
        with opened(load_settings(data_dir)) as workplace:
            print(f"confirmed: today is {run(doctoring.confirm(workplace, operator()))}")
    with refusing():
        findings = doctoring.examine(load_settings(data_dir))
    print(doctoring.page(findings))
    raise SystemExit(1 if any(one.fault for one in findings) else 0)
