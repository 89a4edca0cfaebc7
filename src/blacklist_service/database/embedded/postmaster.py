"""The server process: its launch, readiness and shutdown, and the leftovers of a killed server."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from blacklist_service.database.embedded import child
from blacklist_service.database.embedded.account import SystemAccount
from blacklist_service.database.embedded.errors import EmbeddedDatabaseError

POLL_SECONDS = 0.005
FAST_SECONDS = 20.0
IMMEDIATE_SECONDS = 5.0
SHUTDOWN_PATIENCE_SECONDS = 20.0
ORPHAN_PATIENCE_SECONDS = 0.5
# The data directory by its open descriptor, because the server's user may be unable to reach it by name below a 0700 parent.
PLACE = "/proc/self/fd/{folder}"


def launch(
    program: list[str],
    account: SystemAccount,
    folder: int,
    *,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    stdout: int | IO[bytes],
    stderr: int | IO[bytes],
) -> subprocess.Popen[bytes]:
    """Start a PostgreSQL program as `account`, in its own session: Ctrl-C then reaches only us, and we stop it in order."""
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("the database is started from the main thread: it ends with the thread that starts it")
    role = [str(number) for number in (os.getpid(), account.uid, account.gid, int(signal.SIGINT))]
    return subprocess.Popen(  # noqa: S603 - our own script and PostgreSQL's programs
        [sys.executable, "-I", "-S", child.__file__, *role, *program],
        env=_environment(),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        pass_fds=(folder,),
        start_new_session=True,
    )


def wait_until_ready(
    process: subprocess.Popen[bytes], cluster: Path, is_wanted: Callable[[], bool] = lambda: True
) -> bool:
    """Wait as long as the server lives, because recovery after a crash may take long. Return False if it ended, or is no
    longer wanted.
    """
    while process.poll() is None and is_wanted():
        state = _read_state(cluster)
        if state is not None and state == (process.pid, "ready"):
            return True
        time.sleep(POLL_SECONDS)
    return False


def find_ready_pid(cluster: Path) -> int | None:
    """The process that the cluster's pid file calls ready; the file may be left from a killed server."""
    state = _read_state(cluster)
    return state[0] if state is not None and state[1] == "ready" else None


def end(process: subprocess.Popen[bytes]) -> None:
    """Stop in fast mode (a checkpoint, clients disconnected), then immediate (the next start recovers), then by SIGKILL."""
    for death_signal, patience in ((signal.SIGINT, FAST_SECONDS), (signal.SIGQUIT, IMMEDIATE_SECONDS)):
        process.send_signal(death_signal)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
        return
    process.kill()
    process.wait()


def clear_leftovers(cluster: Path) -> None:
    """Wait until no process of an earlier server uses the cluster's shared memory; after a while, kill those that do."""
    started_at = time.monotonic()
    while pids := list(_processes_in(cluster)):
        state = _read_state(cluster)
        postmaster = state[0] if state is not None and state[0] in pids else None
        if postmaster is not None and not _is_ours(postmaster):
            raise EmbeddedDatabaseError(f"process {postmaster}, which this service did not start, runs on {cluster}")
        # With its postmaster the server is writing its last checkpoint; without it, a process has not noticed yet, or never
        # will.
        patience = ORPHAN_PATIENCE_SECONDS if postmaster is None else SHUTDOWN_PATIENCE_SECONDS
        if time.monotonic() - started_at > patience:
            _kill(pids)
        time.sleep(POLL_SECONDS * 4)


def _environment() -> dict[str, str]:
    """Without the caller's PG… variables, locale and time zone; with LD_LIBRARY_PATH for an operator's own build."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return {"PATH": "/usr/bin:/bin", "TZ": "UTC", "LC_ALL": "C", **kept}


def _read_state(cluster: Path) -> tuple[int, str] | None:
    """The process id and the state in lines 1 and 8 of the pid file."""
    try:
        lines = (cluster / "postmaster.pid").read_text("utf-8", "replace").splitlines()
        return int(lines[0]), lines[7].strip() if len(lines) > 7 else ""
    except (FileNotFoundError, IndexError, ValueError):  # missing, or being written
        return None


def _processes_in(cluster: Path) -> Iterator[int]:
    """Every process of a server works in its data directory."""
    wanted = cluster.stat()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            here = (entry / "cwd").stat()
            is_server = (entry / "comm").read_text("utf-8", "replace").startswith("postgres")
        except OSError:  # it ended, or belongs to another user
            continue
        if is_server and (here.st_dev, here.st_ino) == (wanted.st_dev, wanted.st_ino):
            yield int(entry.name)


def _is_ours(pid: int) -> bool:
    try:
        return PLACE.format(folder="").encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True


def _kill(pids: list[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
