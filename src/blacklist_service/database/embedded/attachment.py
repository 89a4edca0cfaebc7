"""The database for a command: the one that `serve` or another command runs, or one started for as long as the command
takes.
"""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from blacklist_service.database.embedded.configuration import PORT
from blacklist_service.database.embedded.errors import EmbeddedDatabaseError, telling_the_operator
from blacklist_service.database.embedded.layout import Layout, dsn
from blacklist_service.database.embedded.ownership import FileLock, OwnerKind, owner_lock, try_claim, users_lock
from blacklist_service.database.embedded.postmaster import find_ready_pid
from blacklist_service.database.embedded.server import EmbeddedPostgres

POLL_SECONDS = 0.02
PATIENCE_SECONDS = 60.0


def find_running(data_dir: Path) -> str | None:
    """The address of the server that any process runs on this directory, if it accepts connections."""
    layout = Layout.of(data_dir)
    with telling_the_operator(layout.root):
        if find_ready_pid(layout.cluster) is None:
            return None
        folder = layout.find_socket_folder()
        return dsn(folder) if folder is not None and _is_listening(folder / f".s.PGSQL.{PORT}") else None


@contextmanager
def attached_or_started(data_dir: Path, *, postgres_bin: Path | None = None) -> Iterator[str]:
    """Lend the address of the running server; if none runs, run one until the command and all attached commands are done."""
    layout = Layout.of(data_dir)
    owner, users = owner_lock(layout), users_lock(layout)
    with telling_the_operator(layout.root):
        running = _attach_or_claim(layout, owner, users)
    try:
        if running is not None:
            yield running
        else:
            with _started(EmbeddedPostgres(data_dir, postgres_bin=postgres_bin), owner, users) as dsn_of_ours:
                yield dsn_of_ours
    finally:
        users.release()


def _attach_or_claim(layout: Layout, owner: FileLock, users: FileLock) -> str | None:
    """Attach to the running server and return its address, or become the owner and return None."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if users.try_acquire(is_shared=True):
            if (running := find_running(layout.root)) is not None:
                return running
            users.release()
        if try_claim(owner, OwnerKind.COMMAND, layout.root):
            return None
        time.sleep(POLL_SECONDS)
    raise EmbeddedDatabaseError(f"another process has the database in {layout.root}, and it does not become ready")


@contextmanager
def _started(database: EmbeddedPostgres, owner: FileLock, users: FileLock) -> Iterator[str]:
    with telling_the_operator(database.data_dir):
        database.start_owned(owner)
    try:
        yield database.dsn
    finally:
        try:
            users.acquire()  # wait for attached commands to finish; new ones wait for this lock, then run a server themselves
        finally:
            database.stop()


def _is_listening(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        return probe.connect_ex(bytes(path)) == 0
