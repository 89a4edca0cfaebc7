"""Which system user the server runs as, because PostgreSQL refuses to run as root."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from blacklist_service.database.embedded.errors import EmbeddedDatabaseError

OWN_USER = "blacklist"
# The others are fallbacks: other services may run as these users, and could read our files.
SYSTEM_USERS = (OWN_USER, "postgres", "nobody")
READ_AND_ENTER = 0o5
ENTER = 0o1


@dataclass(frozen=True, slots=True)
class SystemAccount:
    uid: int
    gid: int

    @property
    def name(self) -> str:
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)

    @property
    def is_shared(self) -> bool:
        """Whether unrelated programs may run as this user."""
        return self.name in SYSTEM_USERS and self.name != OWN_USER

    def can_execute(self, program: Path) -> bool:
        return self._has(program, READ_AND_ENTER) and all(self.can_enter(folder) for folder in program.parents)

    def can_enter(self, folder: Path) -> bool:
        return self._has(folder, ENTER)

    def _has(self, path: Path, rights: int) -> bool:
        status = path.stat()
        shift = 6 if status.st_uid == self.uid else 3 if status.st_gid == self.gid else 0
        return status.st_mode >> shift & rights == rights


def choose_account(cluster: Path, data_dir: Path) -> SystemAccount:
    """The current user; for root, the user who owns these files already, or else a system user."""
    if os.geteuid() != 0:
        return SystemAccount(os.geteuid(), os.getegid())
    for path in (cluster, data_dir):
        if path.is_dir() and (status := path.stat()).st_uid != 0:
            return SystemAccount(status.st_uid, _group_of(status.st_uid, otherwise=status.st_gid))
    account = _find_system_account()
    if cluster.is_dir() and any(cluster.iterdir()):
        raise EmbeddedDatabaseError(
            f"{cluster} belongs to root, which PostgreSQL refuses: chown -R {account.name} '{cluster}'"
        )
    return account


def _group_of(uid: int, *, otherwise: int) -> int:
    try:
        return pwd.getpwuid(uid).pw_gid
    except KeyError:
        return otherwise


def _find_system_account() -> SystemAccount:
    for name in SYSTEM_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return SystemAccount(entry.pw_uid, entry.pw_gid)
    raise EmbeddedDatabaseError(f"PostgreSQL refuses to run as root, and none of {', '.join(SYSTEM_USERS)} exists here")
