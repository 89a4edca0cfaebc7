"""Who may enter the server: the users this service runs as, by what the kernel says of them (peer), and nobody else.

The server's own user is not one of them where we are root: another program that runs as it cannot log in. The two files
are written at each start, so that a cluster of an earlier version, which trusted whoever reached its socket, is closed too.
"""

import os
import pwd
from collections.abc import Iterable
from pathlib import Path

from blacklist_service.database.embedded.account import SystemAccount
from blacklist_service.database.embedded.layout import Layout

HEAD = "# Written by blacklist-service at each start of this server: what is changed here does not last.\n"
MAP = "blacklist"
LOGINS = ("blacklist", "blacklist_owner", "blacklist_service", "blacklist_sealing")


def write_access(layout: Layout, account: SystemAccount) -> None:
    names = _names({0, os.geteuid(), layout.root.stat().st_uid})
    if names is None:
        # A user without a name in this system is none to `peer`. The socket's folder is private to that user all the same.
        access, users = "local all all trust\n", ""
    else:
        access = f"local all all peer map={MAP}\n"
        users = "".join(f'{MAP} "{name}" {login}\n' for name in names for login in LOGINS)
    _write(layout.cluster / "pg_ident.conf", HEAD + users, account)
    _write(layout.cluster / "pg_hba.conf", HEAD + access, account)


def _names(uids: Iterable[int]) -> list[str] | None:
    try:
        return sorted(pwd.getpwuid(uid).pw_name for uid in uids)
    except KeyError:
        return None


def _write(path: Path, text: str, account: SystemAccount) -> None:
    """Aside, then renamed; never through a link that the folder's user may have left there."""
    aside = path.with_name(f"{path.name}.new")
    aside.unlink(missing_ok=True)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        if os.geteuid() == 0:
            os.fchown(file.fileno(), account.uid, account.gid)
    aside.rename(path)
