"""What lies where in the data directory.

postgres/       the cluster                         of the server's user, 0700
run/            its socket                          of the server's user, 0700
socket          names another folder for the socket, when `run/…` is longer than an address may be
log/            postgres.log and the one before     of the directory's owner, 0700
lock, users     who owns the server, who uses it    of the directory's owner, 0600
"""

import os
import shutil
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from blacklist_service.database.embedded.account import SystemAccount
from blacklist_service.database.embedded.configuration import PORT
from blacklist_service.database.embedded.errors import EmbeddedDatabaseError

SUPERUSER = "blacklist"
OWNER = "blacklist_owner"
DATABASE = "blacklist"
UNFINISHED_PREFIX = "postgres.new-"
SOCKET_PATH_BYTES = 107
SHORT_BASES = ("/run", "/tmp")  # noqa: S108 - mkdtemp: unguessable and 0700
LOG_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class Layout:
    root: Path

    @classmethod
    def of(cls, data_dir: Path) -> "Layout":
        return cls(data_dir.resolve())

    @property
    def cluster(self) -> Path:
        return self.root / "postgres"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def socket_record(self) -> Path:
        return self.root / "socket"

    @property
    def log(self) -> Path:
        return self.root / "log" / "postgres.log"

    def list_unfinished_clusters(self) -> list[Path]:
        return list(self.root.glob(f"{UNFINISHED_PREFIX}*"))

    def find_socket_folder(self) -> Path | None:
        """The directory of the server's socket, if it is private to the user that owns the cluster."""
        folder = self._recorded_folder() or self.run
        try:
            status = folder.lstat()
            is_private = stat.S_ISDIR(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o700
            return folder if is_private and status.st_uid == self.cluster.stat().st_uid else None
        except FileNotFoundError:
            return None

    def _recorded_folder(self) -> Path | None:
        try:
            return Path(os.fsdecode(self.socket_record.read_bytes()))
        except FileNotFoundError:
            return None


def connect_kwargs(socket_folder: Path) -> dict[str, str | int]:
    """The server's address as keywords of `asyncpg.connect`."""
    return {"host": str(socket_folder), "port": PORT, "user": SUPERUSER, "database": DATABASE}


def dsn(socket_folder: Path) -> str:
    """The same as a URL; SQLAlchemy needs another scheme."""
    return f"postgresql://{SUPERUSER}@/{DATABASE}?host={quote(str(socket_folder), safe='')}&port={PORT}"


def prepare(layout: Layout) -> None:
    """Create the data directory and what the locks need; parent directories get the usual mode and are never changed."""
    layout.root.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        layout.root.mkdir(mode=0o700)
    if not layout.root.is_dir():
        raise EmbeddedDatabaseError(f"{layout.root} is not a folder")


def admit(layout: Layout, account: SystemAccount) -> None:
    """Let the server's user traverse the data directory, and nobody else."""
    if not account.can_enter(layout.root):
        os.chown(layout.root, -1, account.gid)
        layout.root.chmod(stat.S_IMODE(layout.root.stat().st_mode) & 0o700 | 0o010)


def make_private_folder(path: Path, *, uid: int, gid: int) -> None:
    path.mkdir(mode=0o700, exist_ok=True)
    _give(path, uid, gid)
    path.chmod(0o700)


def make_socket_folder(layout: Layout, account: SystemAccount) -> Path:
    """Create the socket's directory; elsewhere if the path here is too long for an address or clients would misread it."""
    forget_socket_folder(layout)
    if _is_address(layout.run):
        make_private_folder(layout.run, uid=account.uid, gid=account.gid)
        return layout.run
    folder = _make_short_folder()
    _give(folder, account.uid, account.gid)
    _write_record(layout, folder)
    return folder


def forget_socket_folder(layout: Layout) -> None:
    """Remove a socket directory outside the data directory, even one left by a killed owner."""
    recorded = layout.find_socket_folder()
    if recorded is not None and recorded != layout.run and str(recorded.parent) in SHORT_BASES:
        shutil.rmtree(recorded, ignore_errors=True)
    layout.socket_record.unlink(missing_ok=True)


def forget_dead_server(layout: Layout, socket_folder: Path) -> None:
    """Remove the files that say that a server runs, once it is known that none does.

    PostgreSQL believes such a file if any process has its process id: an unreaped zombie, or, in a container where ids start
    again, one of our workers.
    """
    socket_file = socket_folder / f".s.PGSQL.{PORT}"
    for path in (layout.cluster / "postmaster.pid", socket_file, socket_file.with_name(f"{socket_file.name}.lock")):
        path.unlink(missing_ok=True)


def open_log(layout: Layout) -> int:
    """Open the log for the server to inherit; a large one is rotated, and the previous one removed."""
    owner = layout.root.stat()
    make_private_folder(layout.log.parent, uid=owner.st_uid, gid=owner.st_gid)
    with suppress(FileNotFoundError):
        if layout.log.stat().st_size > LOG_BYTES:
            layout.log.rename(layout.log.with_suffix(".log.1"))
    return open_own_file(layout, layout.log, os.O_WRONLY | os.O_APPEND)


def turn_log(layout: Layout) -> None:
    """Rotate by copying: the server keeps appending to its open file, which is then empty."""
    with suppress(OSError):
        shutil.copy2(layout.log, layout.log.with_suffix(".log.1"))
        os.truncate(layout.log, 0)


def open_own_file(layout: Layout, path: Path, flags: int) -> int:
    """Open a file of the data directory's owner, and keep it theirs even if root opened it once."""
    descriptor = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    owner = layout.root.stat()
    if os.geteuid() == 0 and os.fstat(descriptor).st_uid != owner.st_uid:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


def _is_address(folder: Path) -> bool:
    path = os.fsencode(folder / f".s.PGSQL.{PORT}")
    return len(path) <= SOCKET_PATH_BYTES and b"," not in path  # to a client, a comma separates two hosts


def _make_short_folder() -> Path:
    for base in SHORT_BASES:
        with suppress(OSError):
            return Path(tempfile.mkdtemp(prefix="blacklist-", dir=base))
    raise EmbeddedDatabaseError("the data directory's path is too long for a socket, and /tmp takes none either")


def _write_record(layout: Layout, folder: Path) -> None:
    aside = layout.socket_record.with_suffix(".new")
    with os.fdopen(open_own_file(layout, aside, os.O_WRONLY | os.O_TRUNC), "wb") as file:
        file.write(os.fsencode(folder))
    aside.rename(layout.socket_record)


def _give(path: Path, uid: int, gid: int) -> None:
    if os.geteuid() == 0:
        os.chown(path, uid, gid, follow_symlinks=False)
