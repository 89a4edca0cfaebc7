"""The data files: created aside, synced to disk, then renamed, so that they exist completely or not at all."""

import os
import re
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from blacklist_service.database.embedded.account import SystemAccount
from blacklist_service.database.embedded.binaries import Binaries, find_major
from blacklist_service.database.embedded.errors import EmbeddedDatabaseError
from blacklist_service.database.embedded.layout import (
    DATABASE,
    OWNER,
    SUPERUSER,
    UNFINISHED_PREFIX,
    Layout,
    make_private_folder,
)
from blacklist_service.database.embedded.postmaster import launch

FIRST_MAJOR_WITH_BUILTIN_LOCALE = 17
COMPLAINT = re.compile(r"(?:error|ERROR|FATAL|PANIC): *(.+)")
LAST_WORD = re.compile(r"([^\n]*\S)\s*\Z")
"""Some of its messages have no such prefix, for instance if the user has no entry in the system's list."""

WAL_SEGMENT_MEGABYTES = 8
"""Half of the usual, for which checks are no slower. It cannot be changed later."""


def make_cluster_if_absent(layout: Layout, binaries: Binaries, account: SystemAccount) -> None:
    for unfinished in layout.list_unfinished_clusters():
        # Leftovers of a killed attempt whose initdb may still be cleaning up; what cannot be removed now is removed at the
        # next start.
        shutil.rmtree(unfinished, ignore_errors=True)
    if find_major(layout.cluster) is not None:
        return
    aside = Path(tempfile.mkdtemp(prefix=UNFINISHED_PREFIX, dir=layout.root))
    make_private_folder(aside, uid=account.uid, gid=account.gid)
    folder = os.open(aside, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _fill(folder, binaries, account)
    finally:
        os.close(folder)
    aside.rename(layout.cluster)
    _sync_folder(layout.root)


def _fill(folder: int, binaries: Binaries, account: SystemAccount) -> None:
    """Create the cluster and, while no server runs, our database in it, so that `start` never meets a half-made state."""
    data_folder = ["-D", f"/proc/self/fd/{folder}"]
    _run([binaries.initdb, *data_folder, "--no-sync", *_initdb_options(binaries.major)], folder, account)
    # An empty line ends a command in -j mode. The login that migrates owns the database, and is no superuser.
    create = (
        f"CREATE ROLE {OWNER} LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB;\n\nCREATE DATABASE {DATABASE} OWNER {OWNER};\n\n"
    ).encode()
    _run([binaries.postgres, "--single", "-F", "-j", *data_folder, "postgres"], folder, account, create)
    _run([binaries.initdb, *data_folder, "--sync-only"], folder, account)


def _initdb_options(major: int) -> list[str]:
    provider = ["--locale-provider=builtin"] if major >= FIRST_MAJOR_WITH_BUILTIN_LOCALE else []
    return [
        *provider,
        "--locale=C.UTF-8",
        *("-E", "UTF8"),
        "-k",
        "--auth-local=peer",
        "--auth-host=scram-sha-256",
        *("-U", SUPERUSER),
        f"--wal-segsize={WAL_SEGMENT_MEGABYTES}",
    ]


def _run(program: list[str], folder: int, account: SystemAccount, commands: bytes = b"") -> None:
    process = launch(program, account, folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        output, _ = process.communicate(commands)
    except BaseException:
        process.kill()
        process.wait()
        raise
    if process.returncode != 0 or b"ERROR:" in output:
        said = output.decode(errors="replace")
        reason = COMPLAINT.search(said) or LAST_WORD.search(said)
        raise EmbeddedDatabaseError(
            f"{Path(program[0]).name} could not make the database: "
            + (reason[1] if reason else f"exit status {process.returncode}")
        )


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    with suppress(OSError):  # some file systems do not support it, nor need it
        os.fsync(descriptor)
    os.close(descriptor)
