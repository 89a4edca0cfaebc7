"""EmbeddedPostgres: a server owned by this process that never outlives it."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from blacklist_service.database.embedded import layout as places
from blacklist_service.database.embedded import postmaster
from blacklist_service.database.embedded.access import write_access
from blacklist_service.database.embedded.account import SystemAccount, choose_account
from blacklist_service.database.embedded.binaries import Binaries, choose_binaries
from blacklist_service.database.embedded.cluster import make_cluster_if_absent
from blacklist_service.database.embedded.configuration import server_options
from blacklist_service.database.embedded.errors import EmbeddedDatabaseError, telling_the_operator
from blacklist_service.database.embedded.layout import Layout
from blacklist_service.database.embedded.ownership import BEAT_SECONDS, FileLock, OwnerKind, claim, owner_lock, sign
from blacklist_service.database.embedded.relocation import readable_binaries

ATTEMPTS = 5
LAST_WORDS = 4096
FATAL = re.compile(r"(?:FATAL|PANIC): (.+)")
PAUSE_SECONDS = 0.2


class EmbeddedPostgres:
    """A PostgreSQL server on `data_dir`. Start it from the main thread; it ends when this process ends, for whatever
    reason.
    """

    def __init__(self, data_dir: Path, *, postgres_bin: Path | None = None) -> None:
        self._layout = Layout.of(data_dir)
        self._postgres_bin = postgres_bin
        self._lock = owner_lock(self._layout)
        self._beaten_at = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._binaries: Binaries
        self._account: SystemAccount
        self._socket_folder: Path

    @property
    def dsn(self) -> str:
        """`postgresql://…?host=<the socket's directory>&port=…`, in asyncpg's form."""
        return places.dsn(self._socket_folder)

    @property
    def connect_kwargs(self) -> dict[str, str | int]:
        return places.connect_kwargs(self._socket_folder)

    @property
    def data_dir(self) -> Path:
        return self._layout.root

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Create the cluster if there is none; return when the server accepts connections."""
        with telling_the_operator(self._layout.root):
            claim(self._lock, OwnerKind.SERVICE, self._layout.root)
            self.start_owned(self._lock)

    def start_owned(self, lock: FileLock) -> None:
        """Start under a lock that the caller already holds."""
        self._lock = lock
        try:
            self._prepare()
            self._launch_until_ready()
        except BaseException:
            self.stop()
            raise

    def poll(self) -> int | None:
        """The exit status of a server that died; None while it runs."""
        return None if self._process is None else self._process.poll()

    def restart(self, *, is_wanted: Callable[[], bool] = lambda: True) -> None:
        """Start the server again after it died; return early if `is_wanted` returns False."""
        with telling_the_operator(self._layout.root):
            self._end_process()
            self._launch_until_ready(is_wanted)

    def beat(self) -> None:
        """Called regularly: tell other machines that share the data directory that this one is using it."""
        if self._lock.is_held and time.monotonic() - self._beaten_at >= BEAT_SECONDS:
            sign(self._lock, OwnerKind.SERVICE)
            self._beaten_at = time.monotonic()

    def turn_log(self) -> None:
        """Rotate the server's log and continue with an empty one."""
        places.turn_log(self._layout)

    def stop(self) -> None:
        """Stop the server and release the data directory; does nothing if it is not running."""
        self._end_process()
        if self._lock.is_held:  # otherwise the directory already belongs to another owner
            places.forget_socket_folder(self._layout)
            self._lock.write("")
            self._lock.release()

    def _prepare(self) -> None:
        if not sys.platform.startswith("linux"):
            raise EmbeddedDatabaseError("the embedded database runs on Linux only: set BLACKLIST_DATABASE_URL")
        layout = self._layout
        self._account = choose_account(layout.cluster, layout.root)
        places.admit(layout, self._account)
        self._binaries = readable_binaries(choose_binaries(layout.cluster, self._postgres_bin), self._account)
        make_cluster_if_absent(layout, self._binaries, self._account)
        write_access(layout, self._account)
        postmaster.clear_leftovers(layout.cluster)
        self._socket_folder = places.make_socket_folder(layout, self._account)

    def _launch_until_ready(self, is_wanted: Callable[[], bool] = lambda: True) -> None:
        """Try more than once: after kill -9, the shared memory of the killed server may remain for a moment."""
        for attempt in range(ATTEMPTS):
            time.sleep(PAUSE_SECONDS * attempt)
            postmaster.clear_leftovers(self._layout.cluster)
            places.forget_dead_server(self._layout, self._socket_folder)
            self._process = self._launch()
            if postmaster.wait_until_ready(self._process, self._layout.cluster, is_wanted) or not is_wanted():
                return
        raise EmbeddedDatabaseError(
            f"PostgreSQL does not start{self._reason()}; its full output is in {self._layout.log}"
        )

    def _reason(self) -> str:
        """The last message it called fatal, which concerns the server itself and quotes no row."""
        try:
            said = self._layout.log.read_text("utf-8", "replace")[-LAST_WORDS:]
        except OSError:
            return ""
        fatal = FATAL.findall(said)
        return f" ({fatal[-1].strip()})" if fatal else ""

    def _launch(self) -> subprocess.Popen[bytes]:
        folder = os.open(self._layout.cluster, os.O_RDONLY | os.O_DIRECTORY)
        log = places.open_log(self._layout)
        try:
            return postmaster.launch(self._command(folder), self._account, folder, stdout=log, stderr=log)
        finally:
            os.close(log)
            os.close(folder)

    def _command(self, folder: int) -> list[str]:
        # By a path relative to the cluster if possible: the server's user may be unable to reach it from the root.
        is_inside = self._socket_folder == self._layout.run
        socket_folder = f"../{self._layout.run.name}" if is_inside else str(self._socket_folder)
        data_folder = postmaster.PLACE.format(folder=folder)
        return [self._binaries.postgres, "-D", data_folder, *server_options(socket_folder)]

    def _end_process(self) -> None:
        if self._process is not None and self._process.poll() is None:
            postmaster.end(self._process)
        self._process = None
