"""Temporary directories for secret content, and the removal of those that a killed process left behind."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = re.compile(r"blacklist-(?:console|export|restore|metrics|roster)-(?:([0-9]+)-)?[^-]+")


@contextmanager
def passing_folder(purpose: str) -> Iterator[Path]:
    """A temporary directory for this process and user, removed with the work; its name contains the process id."""
    with tempfile.TemporaryDirectory(prefix=f"blacklist-{purpose}-{os.getpid()}-") as folder:
        yield Path(folder)


def sweep() -> int:
    """Remove directories of this user whose processes have ended; return how many."""
    swept = 0
    for folder in Path(tempfile.gettempdir()).glob("blacklist-*-*"):
        found = NAME.fullmatch(folder.name)
        if found is not None and _is_ours(folder) and not _is_alive(found[1]):
            shutil.rmtree(folder, ignore_errors=True)
            swept += 1
    return swept


def _is_ours(folder: Path) -> bool:
    try:
        status = folder.lstat()
    except OSError:
        return False
    return status.st_uid == os.geteuid() and folder.is_dir() and not folder.is_symlink()


def _is_alive(pid: str | None) -> bool:
    """An earlier version named no process: such directories belong to nobody."""
    if pid is None:
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
