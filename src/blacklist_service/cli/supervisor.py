"""The parent process of `serve`: it owns the port, the embedded database and the children, and restarts children that die.

Everything happens in the main thread: the kernel ends a child when the thread that forked it ends.
"""

import math
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from blacklist_service.database.embedded.child import PARENT_VARIABLE, die_with_parent
from blacklist_service.database.embedded.errors import EmbeddedDatabaseError
from blacklist_service.database.embedded.server import EmbeddedPostgres
from blacklist_service.settings import CONFIGURATION_ERROR, DRAIN_SIGNAL

__all__ = ["ChildSpec", "Supervisor", "SupervisorError", "bind", "die_with_parent"]

BACKLOG = 2048
GRACE_SECONDS = 10.0
QUICK_DEATH_SECONDS = 5.0
LONGEST_DELAY_SECONDS = 5.0
START_SECONDS = 30.0
TICK_SECONDS = 0.5
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class SupervisorError(Exception):
    """Serving is impossible; the message is one sentence for the operator."""


@dataclass(frozen=True, slots=True)
class ChildSpec:
    name: str
    argv: tuple[str, ...]


class Supervisor:
    """Runs the web workers and the processes behind them; it takes over `listen` and `database`, which are already
    started.
    """

    def __init__(
        self,
        *,
        listen: socket.socket,
        web_argv: Callable[[int, int], list[str]],
        web_count: int,
        behind: Mapping[str, list[str]],
        environment: Mapping[str, str],
        database: EmbeddedPostgres | None,
        on_child_exit: Callable[[int], None] | None = None,
        drain_seconds: float = 0.0,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self._listen = listen
        self._drain_seconds = drain_seconds
        self._database = database
        self._on_child_exit = on_child_exit
        self._say = say or _say_on_stderr
        environment = {**environment, PARENT_VARIABLE: str(os.getpid())}
        web = [ChildSpec(f"web-{index}", tuple(web_argv(listen.fileno(), index))) for index in range(web_count)]
        self._web = [_Child(spec, environment, (listen.fileno(),)) for spec in web]
        self._children = list(self._web)
        self._children += [_Child(ChildSpec(name, tuple(argv)), environment, ()) for name, argv in behind.items()]
        self._stops = 0
        self._database_retry = _Retry()
        self._exit_status = 0

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT (return 0), or until a child finds its configuration invalid (return 2)."""
        with self._woken_by_signals() as wake_up:
            try:
                while not self._stops:
                    self._look_after_database()
                    self._look_after_children()
                    self._sleep(wake_up, min(TICK_SECONDS, *(child.seconds_until_due() for child in self._children)))
            finally:
                self._stop_everything(wake_up)
        return self._exit_status

    @contextmanager
    def _woken_by_signals(self) -> Iterator[int]:
        """Every signal writes a byte that ends the sleep, so no signal is missed between a check and the sleep."""
        read_end, write_end = os.pipe()
        os.set_blocking(read_end, False)
        os.set_blocking(write_end, False)
        former = {number: signal.getsignal(number) for number in (*STOP_SIGNALS, signal.SIGHUP, signal.SIGCHLD)}
        former_wake_up = signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        for number in STOP_SIGNALS:
            signal.signal(number, self._ask_to_stop)
        signal.signal(signal.SIGHUP, self._turn_logs)
        signal.signal(signal.SIGCHLD, _notice)
        try:
            yield read_end
        finally:
            signal.set_wakeup_fd(former_wake_up)
            for number, handler in former.items():
                signal.signal(number, handler)
            os.close(read_end)
            os.close(write_end)

    def _ask_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stops += 1

    def _turn_logs(self, _number: int, _frame: FrameType | None) -> None:
        """Handle SIGHUP, which comes from logrotate or from a terminal that is gone; neither asks to stop. Our own log goes
        to stderr, which its reader rotates; the database's log file is rotated here.
        """
        if self._database is not None:
            self._database.turn_log()

    def _sleep(self, wake_up: int, seconds: float) -> None:
        select.select([wake_up], [], [], seconds)
        try:
            os.read(wake_up, 4096)
        except BlockingIOError:
            return

    def _look_after_database(self) -> None:
        """Restart the database if it died. The children stay meanwhile: they answer 503 and reconnect by themselves."""
        database = self._database
        if database is None:
            return
        database.beat()
        if self._database_retry.seconds_until_due() > 0:
            return
        if database.pid is not None and database.poll() is None:
            return
        self._say("the database stopped; starting it again")
        self._database_retry.note_death()
        try:
            database.restart(is_wanted=lambda: not self._stops)
        except EmbeddedDatabaseError as error:
            self._say(str(error))
        else:
            self._database_retry.note_start()

    def _look_after_children(self) -> None:
        for child in self._children:
            pid, status = child.pid, child.reap()
            if status is not None and pid is not None:
                self._note_exit(child, pid, status)
            if self._stops:
                return
            child.start_if_due()

    def _note_exit(self, child: "_Child", pid: int, status: int) -> None:
        if self._on_child_exit is not None:
            self._on_child_exit(pid)
        if status == CONFIGURATION_ERROR and child.lived_seconds < START_SECONDS:
            self._say(f"{child.name} cannot work with this configuration; stopping")
            self._exit_status = CONFIGURATION_ERROR
            self._stops += 1
        else:
            self._say(f"{child.name} (process {pid}) ended with {_describe(status)}; starting it again")

    def _stop_everything(self, wake_up: int) -> None:
        """Stop the children first, so that they can finish what they have begun with the database."""
        self._drain(wake_up)
        self._listen.close()
        self._stop_children(wake_up)
        if self._database is not None:
            self._database.stop()

    def _drain(self, wake_up: int) -> None:
        """Keep serving but report not ready, until the load balancer has noticed and sends requests elsewhere."""
        if self._exit_status or self._drain_seconds <= 0:
            return
        for child in self._web:
            child.send(DRAIN_SIGNAL)
        deadline, stops = time.monotonic() + self._drain_seconds, self._stops
        while (left := deadline - time.monotonic()) > 0 and self._stops == stops:
            if self._database is not None:
                self._database.beat()
            self._sleep(wake_up, min(left, TICK_SECONDS))

    def _stop_children(self, wake_up: int) -> None:
        for child in self._children:
            child.send(signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        stops = max(self._stops, 1)
        while any(child.is_running for child in self._children):
            if time.monotonic() > deadline or self._stops > stops:  # a second Ctrl-C ends the wait
                for child in self._children:
                    child.send(signal.SIGKILL)
            self._sleep(wake_up, 0.1)


class _Retry:
    """When to start again: at once, then after ever longer pauses while the process keeps dying soon."""

    def __init__(self) -> None:
        self.started_at = time.monotonic()
        self._quick_deaths = 0
        self._due_at = 0.0

    def note_start(self) -> None:
        self.started_at = time.monotonic()

    def note_death(self) -> None:
        now = time.monotonic()
        self._quick_deaths = self._quick_deaths + 1 if now - self.started_at < QUICK_DEATH_SECONDS else 0
        delay = 0.0 if self._quick_deaths <= 1 else 0.25 * 2 ** min(self._quick_deaths - 2, 10)
        self._due_at = now + min(delay, LONGEST_DELAY_SECONDS)

    def seconds_until_due(self) -> float:
        return max(0.0, self._due_at - time.monotonic())


class _Child:
    """A slot for a process, and the process that runs in it."""

    def __init__(self, spec: ChildSpec, environment: Mapping[str, str], descriptors: tuple[int, ...]) -> None:
        self._spec = spec
        self._environment = environment
        self._descriptors = descriptors
        self._process: subprocess.Popen[bytes] | None = None
        self._retry = _Retry()
        self.lived_seconds = 0.0

    @property
    def name(self) -> str:
        return self._spec.name

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def seconds_until_due(self) -> float:
        return math.inf if self._process is not None else self._retry.seconds_until_due()

    def start_if_due(self) -> None:
        if self.seconds_until_due() > 0:
            return
        self._retry.note_start()
        try:
            self._process = self._launch()
        except OSError:  # no memory or no process id free at the moment
            self._retry.note_death()

    def _launch(self) -> subprocess.Popen[bytes]:
        """Start it in a session of its own: a Ctrl-C in the terminal then reaches only the parent, which stops everything in
        order.
        """
        return subprocess.Popen(  # noqa: S603 - our own programs
            self._spec.argv,
            env=self._environment,
            pass_fds=self._descriptors,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def reap(self) -> int | None:
        """Return the exit status of a process that ended since the last call; the slot is then empty."""
        if self._process is None or (status := self._process.poll()) is None:
            return None
        self.lived_seconds = time.monotonic() - self._retry.started_at
        self._retry.note_death()
        self._process = None
        return status

    def send(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)


def bind(host: str, port: int) -> socket.socket:
    """Bind the port before anything else is started."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except socket.gaierror as error:
        raise SupervisorError(f"{host} is not an address of this machine: {error.strerror}") from error
    listen = socket.socket(family, socket.SOCK_STREAM)
    listen.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listen.bind(address)
        listen.listen(BACKLOG)
    except OSError as error:
        listen.close()
        raise SupervisorError(
            f"port {port} of {host} cannot be used ({error.strerror}): choose another with --port or BLACKLIST_PORT"
        ) from error
    return listen


def _notice(_number: int, _frame: FrameType | None) -> None:
    """A handler that does nothing: it makes Python write to the wake-up descriptor."""


def _describe(status: int) -> str:
    return f"status {status}" if status >= 0 else signal.Signals(-status).name


def _say_on_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
