"""Who owns the server, and who is using it: two files locked by flock, which the kernel unlocks when their holder ends.

`lock` is held by the parent process of the server. `users` is held shared by every attached command, and exclusively by an
owner that is done with its own work: so it waits until the others have finished.

A kernel only knows its own locks. For a file system that several machines share, the owner's `lock` also names the machine
and its boot, and a serving owner rewrites it every few seconds. A process that finds the lock free but with the name of
another boot watches for a while whether it is still being rewritten.
"""

import fcntl
import os
import time
from enum import StrEnum
from pathlib import Path

from blacklist_service.database.embedded.errors import EmbeddedDatabaseError
from blacklist_service.database.embedded.layout import Layout, open_own_file, prepare

POLL_SECONDS = 0.02
COMMAND_PATIENCE_SECONDS = 30.0
SIGNED_WORDS = 3
BEAT_SECONDS = 2.0
WATCH_SECONDS = 10.0
"""In this time another machine that serves on the same files would have written more than once."""
BOOT = Path("/proc/sys/kernel/random/boot_id")
"""Identifies this boot of this machine: the same in all its containers, and different on any other."""
SERVICE_PATIENCE_SECONDS = 0.5  # enough for one that is just ending, or has not yet written its name


class OwnerKind(StrEnum):
    SERVICE = "service"
    COMMAND = "command"


class FileLock:
    """An advisory lock on this machine; `release` or the end of the process frees it."""

    def __init__(self, layout: Layout, name: str) -> None:
        self._layout = layout
        self._path = layout.root / name
        self._descriptor: int | None = None

    @property
    def is_held(self) -> bool:
        return self._descriptor is not None

    def try_acquire(self, *, is_shared: bool = False) -> bool:
        if self._descriptor is None:
            prepare(self._layout)
            self._descriptor = open_own_file(self._layout, self._path, os.O_RDWR)
        try:
            fcntl.flock(self._descriptor, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            return False
        return True

    def acquire(self, *, is_shared: bool = False) -> None:
        while not self.try_acquire(is_shared=is_shared):
            time.sleep(POLL_SECONDS)

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def write(self, text: str) -> None:
        if self._descriptor is None:
            raise RuntimeError("a lock is written by its holder")
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text.encode(), 0)

    def read(self) -> str:
        return self._path.read_text("utf-8")


def owner_lock(layout: Layout) -> FileLock:
    return FileLock(layout, "lock")


def users_lock(layout: Layout) -> FileLock:
    return FileLock(layout, "users")


def claim(lock: FileLock, kind: OwnerKind, data_dir: Path) -> None:
    """Become the owner; wait for a command to finish, but not for another service."""
    started_at = time.monotonic()
    while not lock.try_acquire():
        holder, pid = _read_holder(lock)
        patience = COMMAND_PATIENCE_SECONDS if holder == OwnerKind.COMMAND else SERVICE_PATIENCE_SECONDS
        if time.monotonic() - started_at > patience:
            raise EmbeddedDatabaseError(
                f"the data directory {data_dir} is in use: process {pid or 'of unknown number'} runs its database"
            )
        time.sleep(POLL_SECONDS)
    _require_left(lock, data_dir)
    sign(lock, kind)


def try_claim(lock: FileLock, kind: OwnerKind, data_dir: Path) -> bool:
    if not lock.try_acquire():
        return False
    _require_left(lock, data_dir)
    sign(lock, kind)
    return True


def sign(lock: FileLock, kind: OwnerKind) -> None:
    """Write down who owns the files; repeated regularly by a serving owner."""
    lock.write(f"{kind} {os.getpid()} {_boot()} {time.monotonic_ns()}\n")


def _boot() -> str:
    return BOOT.read_text().strip()


def _require_left(lock: FileLock, data_dir: Path) -> None:
    """Raise `EmbeddedDatabaseError` if another machine serves on the same files."""
    found = lock.read().split()
    if len(found) < SIGNED_WORDS or found[2] == _boot():
        return
    deadline = time.monotonic() + WATCH_SECONDS
    while time.monotonic() < deadline:
        if lock.read().split() != found:
            lock.release()
            raise EmbeddedDatabaseError(
                f"the data directory {data_dir} is in use on another machine: an embedded database is of one machine, so"
                " let BLACKLIST_DATABASE_URL name a PostgreSQL that both reach"
            )
        time.sleep(POLL_SECONDS)


def _read_holder(lock: FileLock) -> tuple[str, str]:
    kind, pid, *_ = [*lock.read().split(), "", ""]
    return kind, pid
