"""Who may connect to the server: only the system users that run this service, as the kernel identifies them (peer).

If we are root, the server's own user is not among them: other programs that run as that user cannot log in. The two files are
written at each start, so that a cluster made by an earlier version, which trusted everybody who reached its socket, is closed
too.
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
        # `peer` cannot match a user without a name on this system. The socket's directory is private to that user in any
        # case.
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
    """Write a temporary file and rename it; never follow a link that the directory's user may have left there."""
    aside = path.with_name(f"{path.name}.new")
    aside.unlink(missing_ok=True)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        if os.geteuid() == 0:
            os.fchown(file.fileno(), account.uid, account.gid)
    aside.rename(path)
