"""Copies PostgreSQL to where its user can read it: if we are root, our virtual environment may be inside a 0700 directory."""

import hashlib
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from blacklist_service.database.embedded.account import SystemAccount
from blacklist_service.database.embedded.binaries import Binaries
from blacklist_service.database.embedded.errors import EmbeddedDatabaseError

CACHE = Path("/var/cache/blacklist-service")


def readable_binaries(binaries: Binaries, account: SystemAccount) -> Binaries:
    """The same programs, where `account` can run them."""
    folder = binaries.folder.resolve()
    if all(account.can_execute(folder / program) for program in ("postgres", "initdb")):
        return binaries
    try:
        return replace(binaries, folder=_copy_once(folder))
    except OSError as error:
        raise EmbeddedDatabaseError(
            f"user {account.name} cannot read {folder}, nor can it be copied to {CACHE}: {error.strerror}"
        ) from error


def _copy_once(folder: Path) -> Path:
    CACHE.mkdir(mode=0o755, parents=True, exist_ok=True)
    CACHE.chmod(0o755)
    target = CACHE / _fingerprint(folder / "postgres")
    if not target.is_dir():
        _copy(folder.parent, target)
    return target / folder.parent.parent.name / folder.parent.name / folder.name


def _fingerprint(program: Path) -> str:
    status = program.stat()
    return hashlib.sha256(f"{program}\0{status.st_size}\0{status.st_mtime_ns}".encode()).hexdigest()[:16]


def _copy(installation: Path, target: Path) -> None:
    """Copy aside, then rename, because another process may be doing the same."""
    aside = Path(tempfile.mkdtemp(dir=CACHE))
    package = installation.parent
    clutter = shutil.ignore_patterns("include", "*.a", "pgxs", "pkgconfig", "doc", "man", "locale")
    shutil.copytree(installation, aside / package.name / installation.name, ignore=clutter)
    libraries = package.with_name(f"{package.name}.libs")  # where a wheel keeps the libraries of its programs
    if libraries.is_dir():
        shutil.copytree(libraries, aside / libraries.name)
    _open_for_reading(aside)
    try:
        aside.rename(target)
    except OSError:
        shutil.rmtree(aside)
        if not target.is_dir():
            raise


def _open_for_reading(top: Path) -> None:
    for folder, _, names in os.walk(top):
        Path(folder).chmod(0o755)
        for path in (Path(folder, name) for name in names):
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
