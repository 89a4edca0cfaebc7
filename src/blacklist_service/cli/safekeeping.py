"""`backup` and `restore`: the database, the keys and the newest checkpoint in one file, and back onto an empty machine.

The checkpoint is copied before the database, so it is never ahead of it. A log that went on elsewhere after the backup is
recognised by its own, newer checkpoint.
"""

import hashlib
import hmac
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

import orjson

from blacklist_service.cli.environment import SERVER_DATABASE, Workplace, prepared, run, stop
from blacklist_service.cli.exporting import seal_waiting
from blacklist_service.clock import now, wire_instant
from blacklist_service.database.addresses import read_address, with_database, with_login
from blacklist_service.database.connections import connect
from blacklist_service.database.duties import prepare_server
from blacklist_service.database.embedded.binaries import choose_binaries
from blacklist_service.database.embedded.layout import OWNER, Layout
from blacklist_service.database.embedded.server import EmbeddedPostgres
from blacklist_service.database.restarts import restart_versions
from blacklist_service.database.sessions import APPLICATION_ROLE
from blacklist_service.ledger.log import published_size
from blacklist_service.ledger.signing import SealingPlace
from blacklist_service.leftovers import passing_folder
from blacklist_service.secrecy import read_key_file
from blacklist_service.settings import Settings

FORMAT, UNPROVED_FORMAT = 2, 1
DATABASE, CHECKPOINT, SECRET_KEY, SIGNING_KEY = "database.dump", "checkpoint", "secret.key", "signing.key"
ABOUT, PROOF = "backup.json", "backup.mac"
"""The manifest: the SHA-256 of each member, and an HMAC over the list under a key derived from the secret key."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A finished backup. `keys` names the key files in it."""

    log_size: int
    bytes: int
    keys: tuple[str, ...]


def back_up(workplace: Workplace, out: Path, *, with_keys: bool) -> Backup:
    """Write the backup beside `out`, readable by its owner alone, and rename it to `out` when it is complete."""
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
            # The serving login may read everything that is backed up, once it has switched to the service's role.
            words = () if workplace.owner else (f"--role={APPLICATION_ROLE}",)
            tool = ("pg_dump", "--format=custom", "--no-owner", f"--file={dump}", *words)
            _run_tool(settings, workplace.owner_dsn, *tool)
            size = run(_size(workplace.dsn))
            digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
            about = orjson.dumps(
                {
                    "format": FORMAT,
                    "made_at": wire_instant(now()),
                    "log_size": size,
                    "members": digests | {DATABASE: _digest_of(dump)},
                }
            )
            proof = hmac.digest(workplace.secrecy.backup_key, about, "sha256").hex().encode()
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w") as tar:
                for name, content in ({ABOUT: about, PROOF: proof} | files).items():
                    _add(tar, name, content)
                tar.add(dump, DATABASE)
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)
    return Backup(size, out.stat().st_size, tuple(name for name in (SECRET_KEY, SIGNING_KEY) if name in files))


def restore(settings: Settings, backup: Path, *, is_proof_waived: bool = False) -> Backup:
    """Restore a backup into an empty data directory, and verify that key, schema, anchor and leaves fit together.

    The dump runs as a login that owns this database and nothing else: it can run no program and read no file.
    """
    if not settings.is_embedded:
        stop(
            "restore fills an embedded database; for another one use pg_restore on database.dump, as docs/operators.md says"
        )
    data_dir = settings.data_dir
    if data_dir.exists() and any(data_dir.iterdir()):
        stop(f"{data_dir} is not empty: a backup can only be restored into an empty directory")
    place = SealingPlace.of(settings)
    with passing_folder("restore") as folder:
        parts = _unpack(backup, folder)
        if not is_proof_waived:
            _require_proof(settings, backup, parts)
        server = EmbeddedPostgres(data_dir, postgres_bin=settings.postgres_bin)
        is_whole = True
        server.start()
        try:
            run(prepare_server(with_database(server.dsn, SERVER_DATABASE)))
            dump = str(parts / DATABASE)
            tool = ("pg_restore", "--no-owner", "--exit-on-error", "--single-transaction", dump)
            _run_tool(settings, with_login(server.dsn, OWNER), *tool)
            for name, path in (
                (CHECKPOINT, place.anchor),
                (SECRET_KEY, settings.key_path),
                (SIGNING_KEY, place.key_file),
            ):
                if (parts / name).exists() and not path.exists():
                    _put(path, (parts / name).read_bytes())
            workplace = prepared(settings, server.dsn)
            run(_restart_versions(workplace))
            run(seal_waiting(workplace))
            keys = tuple(name for name in (SECRET_KEY, SIGNING_KEY) if (parts / name).exists())
            return Backup(run(_size(workplace.dsn)), backup.stat().st_size, keys)
        except BaseException:
            is_whole = False
            raise
        finally:
            server.stop()
            if not is_whole:
                _empty(data_dir)


def _unpack(backup: Path, folder: Path) -> Path:
    known = {DATABASE, CHECKPOINT, SECRET_KEY, SIGNING_KEY, ABOUT, PROOF}
    try:
        with tarfile.open(backup) as tar:
            for member in tar:
                source = tar.extractfile(member) if member.isfile() and member.name in known else None
                if source is None or (folder / member.name).exists():
                    stop(f"{backup} is not a backup of this service")
                descriptor = os.open(folder / member.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "wb") as target:
                    shutil.copyfileobj(source, target)
        about = orjson.loads((folder / ABOUT).read_bytes())
    except (tarfile.TarError, OSError, ValueError, EOFError):
        stop(f"{backup} is not a backup of this service, or is damaged")
    if not isinstance(about, dict) or not (folder / DATABASE).exists():
        stop(f"{backup} is not a backup of this service, or is damaged")
    if about.get("format") not in (FORMAT, UNPROVED_FORMAT):
        stop(f"{backup} is a backup of another version of this service")
    return folder


def _require_proof(settings: Settings, backup: Path, parts: Path) -> None:
    """Verify that the maker of the backup had the secret key. With only the key inside the backup, this proves no more than
    that nobody without it changed anything.
    """
    about = (parts / ABOUT).read_bytes()
    if orjson.loads(about)["format"] == UNPROVED_FORMAT:
        stop(f"{backup} is of an earlier version and proves nothing of itself: if you know who made it, add --unproved")
    is_apart = settings.secret_key is not None or settings.secret_key_file is not None
    if not is_apart and not (parts / SECRET_KEY).exists():
        stop(f"{backup} was made without keys: give the secret key by BLACKLIST_SECRET_KEY or …_FILE")
    secrecy = settings.load_secrecy() if is_apart else read_key_file(parts / SECRET_KEY)
    if (
        is_apart
        and (parts / SECRET_KEY).exists()
        and read_key_file(parts / SECRET_KEY).fingerprint != secrecy.fingerprint
    ):
        stop(f"{backup} was made under another secret key than the one at hand")
    found = {path.name: _digest_of(path) for path in parts.iterdir() if path.name not in (ABOUT, PROOF)}
    proof = (parts / PROOF).read_bytes() if (parts / PROOF).exists() else b""
    expected = hmac.digest(secrecy.backup_key, about, "sha256").hex().encode()
    if not hmac.compare_digest(proof, expected) or orjson.loads(about).get("members") != found:
        stop(f"{backup} was changed after it was made under this secret key: use another backup")


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _empty(folder: Path) -> None:
    """Remove what a failed restore left, so that it cannot be taken for a service's data."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _run_tool(settings: Settings, dsn: str, tool: str, *words: str) -> None:
    """PostgreSQL's own tool, of the cluster's version; the password does not show in the list of processes."""
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
    return shutil.which(tool) or stop(f"{tool} was not found: install PostgreSQL's client programs")


async def _restart_versions(workplace: Workplace) -> None:
    owner = await connect(workplace.owner_dsn, role=None)
    try:
        async with owner.transaction():
            await restart_versions(owner)
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
