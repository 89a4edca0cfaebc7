"""`backup` and `restore`: the database, the keys and the newest checkpoint in one file, and back onto an empty machine.

The checkpoint is copied before the database, so it is never ahead of it; a log that went on elsewhere after the backup is
known by its own, newer checkpoint.
"""

import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import orjson

from blacklist_service.cli.environment import Workplace, prepared, run, stop
from blacklist_service.cli.exporting import seal_waiting
from blacklist_service.clock import now, wire_instant
from blacklist_service.database.addresses import read_address
from blacklist_service.database.connections import connect
from blacklist_service.database.embedded.binaries import choose_binaries
from blacklist_service.database.embedded.layout import Layout
from blacklist_service.database.embedded.server import EmbeddedPostgres
from blacklist_service.ledger.log import published_size
from blacklist_service.ledger.signing import SealingPlace
from blacklist_service.settings import Settings

FORMAT = 1
DATABASE, CHECKPOINT, SECRET_KEY, SIGNING_KEY, ABOUT = (
    *("database.dump", "checkpoint", "secret.key", "signing.key"),
    "backup.json",
)


@dataclass(frozen=True, slots=True)
class Kept:
    """`keys` names the key files that are in the backup."""

    log_size: int
    bytes: int
    keys: tuple[str, ...]


def back_up(workplace: Workplace, out: Path, *, with_keys: bool) -> Kept:
    """Write the backup beside `out`, readable by its owner alone, and put it in its place when it is whole."""
    settings = workplace.settings
    place = SealingPlace.of(settings)
    files: dict[str, bytes] = {CHECKPOINT: place.anchor.read_bytes()}
    if with_keys:
        for name, path in ((SECRET_KEY, settings.key_path), (SIGNING_KEY, place.key_file)):
            if path.exists():
                files[name] = path.read_bytes()
    temporary = out.with_name(out.name + ".part")
    try:
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".backup-") as folder:
            dump = Path(folder) / DATABASE
            _run_tool(settings, workplace.dsn, "pg_dump", "--format=custom", "--no-owner", f"--file={dump}")
            size = run(_size(workplace.dsn))
            about = {"format": FORMAT, "made_at": wire_instant(now()), "log_size": size}
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w") as tar:
                for name, content in ({ABOUT: orjson.dumps(about)} | files).items():
                    _add(tar, name, content)
                tar.add(dump, DATABASE)
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)
    return Kept(size, out.stat().st_size, tuple(name for name in (SECRET_KEY, SIGNING_KEY) if name in files))


def restore(settings: Settings, backup: Path) -> Kept:
    """Put a backup into an empty data directory, and see that it answers: key, schema, anchor and leaves fit together."""
    if not settings.is_embedded:
        stop(
            "restore fills an embedded database; for another one use pg_restore on database.dump, as docs/operators.md says"
        )
    data_dir = settings.data_dir
    if data_dir.exists() and any(data_dir.iterdir()):
        stop(f"{data_dir} is not empty: a backup is restored into an empty place")
    place = SealingPlace.of(settings)
    with tempfile.TemporaryDirectory(prefix="blacklist-restore-") as folder:
        parts = _unpack(backup, Path(folder))
        server = EmbeddedPostgres(data_dir, postgres_bin=settings.postgres_bin)
        server.start()
        try:
            run(_make_role(server.dsn))
            dump = str(parts / DATABASE)
            _run_tool(settings, server.dsn, "pg_restore", "--no-owner", "--exit-on-error", "--single-transaction", dump)
            for name, path in (
                (CHECKPOINT, place.anchor),
                (SECRET_KEY, settings.key_path),
                (SIGNING_KEY, place.key_file),
            ):
                if (parts / name).exists() and not path.exists():
                    _put(path, (parts / name).read_bytes())
            workplace = prepared(settings, server.dsn)
            run(seal_waiting(workplace))
            keys = tuple(name for name in (SECRET_KEY, SIGNING_KEY) if (parts / name).exists())
            return Kept(run(_size(server.dsn)), backup.stat().st_size, keys)
        finally:
            server.stop()


def _unpack(backup: Path, folder: Path) -> Path:
    known = {DATABASE, CHECKPOINT, SECRET_KEY, SIGNING_KEY, ABOUT}
    try:
        with tarfile.open(backup) as tar:
            for member in tar:
                source = tar.extractfile(member) if member.isfile() and member.name in known else None
                if source is None:
                    stop(f"{backup} is not a backup of this service")
                with (folder / member.name).open("wb") as target:
                    shutil.copyfileobj(source, target)
        about = orjson.loads((folder / ABOUT).read_bytes())
    except (tarfile.TarError, OSError, ValueError):
        stop(f"{backup} is not a backup of this service, or is damaged")
    if about.get("format") != FORMAT or not (folder / DATABASE).exists():
        stop(f"{backup} is a backup of another version of this service")
    return folder


def _run_tool(settings: Settings, dsn: str, tool: str, *words: str) -> None:
    """PostgreSQL's own tool, of the cluster's version; a password is not shown to who lists processes."""
    address = read_address(dsn)
    environment = dict(os.environ)
    if address.password is not None:
        environment["PGPASSWORD"] = address.password
    done = subprocess.run(  # noqa: S603 - PostgreSQL's program
        [_tool(settings, tool), f"--dbname={address.tools_dsn}", *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        stop(f"{tool} failed: {done.stderr.strip().splitlines()[0] if done.stderr.strip() else 'without a word'}")


def _tool(settings: Settings, tool: str) -> str:
    if settings.is_embedded:
        return str(choose_binaries(Layout.of(settings.data_dir).cluster, settings.postgres_bin).folder / tool)
    if settings.postgres_bin is not None:
        return str(settings.postgres_bin / tool)
    return shutil.which(tool) or stop(f"{tool} is not here: install PostgreSQL's client programs")


async def _make_role(dsn: str) -> None:
    """Roles belong to the server, not to the database: no dump has them."""
    owner = await connect(dsn, role=None)
    try:
        await owner.execute("CREATE ROLE blacklist_app NOLOGIN")
    except asyncpg.DuplicateObjectError:
        pass
    finally:
        await owner.close()


async def _size(dsn: str) -> int:
    connection = await connect(dsn)
    try:
        return await published_size(connection) or 0
    finally:
        await connection.close()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o600
    tar.addfile(entry, io.BytesIO(content))


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
