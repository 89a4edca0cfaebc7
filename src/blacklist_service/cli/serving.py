"""`serve`: opens the port first, then the database, then starts the workers."""

import os
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import asyncpg

from blacklist_service.cli.environment import Workplace, prepared, run, stop
from blacklist_service.cli.supervisor import Supervisor, SupervisorError, bind
from blacklist_service.cli.waiting import refuse_for_now
from blacklist_service.database.connections import LOST
from blacklist_service.database.embedded.server import EmbeddedPostgres
from blacklist_service.database.sessions import ReadOnlySession, UnfitSession
from blacklist_service.ledger.sealing import tell_disproof
from blacklist_service.ledger.signing import SealingPlace
from blacklist_service.leftovers import passing_folder, sweep
from blacklist_service.settings import COMPANY_VARIABLE, CONSOLE_VARIABLE, DSN_VARIABLE, SEALER_DSN_VARIABLE, Settings
from blacklist_service.web.courtesy import make_place
from blacklist_service.webhooks.posting import trusting
from blacklist_service.webhooks.targets import Targets, TargetsInvalid

OWNERS_ALONE = frozenset({"BLACKLIST_OWNER_DATABASE_URL", "BLACKLIST_OWNER_DATABASE_URL_FILE"})
METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
READY_PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 0.5
"""Seconds between attempts to reach a database that is away."""
AWAY = (*LOST, *(asyncpg.OperatorInterventionError, asyncpg.InsufficientResourcesError))
BEHIND = ("sealer", "worker")
"""Processes without a port. Sealing has its own, so that nothing in the worker can end or block it. The console's process is
reached through the web workers only.
"""


def serve(settings: Settings, *, when_prepared: Callable[[Workplace], None] | None = None) -> int:
    """Serve until a signal ends it; return the exit status. `when_prepared` is called with the database before the port
    opens.
    """
    _require_webhooks(settings)
    try:
        listening = bind(settings.host, settings.port)
    except SupervisorError as error:
        stop(str(error))
    sweep()
    with ExitStack() as stack:
        stack.enter_context(listening)
        database = _start_database(settings)
        stack.callback(database.stop) if database else None
        workplace = prepared(settings, database.dsn) if database else _prepared_external(settings, listening)
        run(tell_disproof(workplace.dsn, SealingPlace.of(settings)))
        if when_prepared:
            when_prepared(workplace)
        metrics = str(stack.enter_context(passing_folder("metrics")))
        console = str(stack.enter_context(passing_folder("console")) / "socket")
        make_place(company := Path(console).with_name("company"))
        host, port = listening.getsockname()[:2]
        _say_when_ready(host, port)
        supervisor = Supervisor(
            listen=listening,
            web_argv=lambda fd, _index: [sys.executable, "-m", "blacklist_service.asgi", "--fd", str(fd)],
            web_count=settings.workers,
            behind=_behind(console),
            environment=_environment(settings, workplace, metrics, (host, port))
            | {CONSOLE_VARIABLE: console, COMPANY_VARIABLE: str(company)},
            database=database,
            on_child_exit=lambda pid: _forget_gauges(pid, metrics),
            drain_seconds=settings.drain_seconds,
        )
        return supervisor.run()


def _behind(console: str) -> dict[str, list[str]]:
    return {
        **{name: [sys.executable, "-m", f"blacklist_service.{name}"] for name in BEHIND},
        "console": [sys.executable, "-m", "blacklist_service.asgi", "--console", console],
    }


def _require_webhooks(settings: Settings) -> None:
    """Stop if the administrator's list of webhook targets, or the certificate authorities, cannot be read."""
    try:
        Targets.parse(settings.webhook_targets)
        trusting(settings.webhook_ca_file)
    except TargetsInvalid as error:
        stop(f"BLACKLIST_WEBHOOK_TARGETS: {error}")
    except OSError:
        stop("BLACKLIST_WEBHOOK_CA_FILE holds no certificates that can be read")


def _start_database(settings: Settings) -> EmbeddedPostgres | None:
    if not settings.is_embedded:
        return None
    database = EmbeddedPostgres(settings.data_dir, postgres_bin=settings.postgres_bin)
    database.start()
    return database


def _prepared_external(settings: Settings, listening: socket.socket) -> Workplace:
    """Wait for a database that is away or has no primary yet; meanwhile the port answers 503."""
    assert settings.database_url is not None  # noqa: S101 - not embedded
    url = settings.database_url.get_secret_value()
    deadline = time.monotonic() + settings.start_patience
    is_said = False
    while True:
        try:
            return prepared(settings, url)
        except AWAY as error:
            is_other = isinstance(error, UnfitSession) and not isinstance(error, ReadOnlySession)
            if is_other or time.monotonic() > deadline:
                raise
            if not is_said:
                print(
                    f"blacklist-service: waiting for the database ({type(error).__name__})", file=sys.stderr, flush=True
                )
                is_said = True
        refuse_for_now(listening, seconds=LOOK_SECONDS)


def _environment(settings: Settings, workplace: Workplace, metrics: str, listening: tuple[str, int]) -> dict[str, str]:
    """The environment of the child processes: the same settings, and where the database is."""
    return {
        **{name: value for name, value in os.environ.items() if name not in OWNERS_ALONE},
        DSN_VARIABLE: workplace.dsn,
        SEALER_DSN_VARIABLE: workplace.sealer_dsn,
        METRICS_VARIABLE: metrics,
        "BLACKLIST_DATA_DIR": str(settings.data_dir.absolute()),
        "BLACKLIST_HOST": listening[0],
        "BLACKLIST_PORT": str(listening[1]),
    }


def _forget_gauges(pid: int, folder: str) -> None:
    """Remove the gauges of a worker that died, so that its queue is no longer counted (prometheus_client's
    mark_process_dead).
    """
    for file in Path(folder).glob(f"gauge_live*_{pid}.db"):
        file.unlink(missing_ok=True)


def _say_when_ready(host: str, port: int) -> None:
    threading.Thread(target=_wait_until_ready, args=(host, port), daemon=True).start()


def _wait_until_ready(host: str, port: int) -> None:
    """Runs in a daemon thread that starts no process: the kernel ends children together with the thread that forked them."""
    near = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    address = f"http://{near}:{port}"
    deadline = time.monotonic() + READY_PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=2):  # noqa: S310 - our own address
                print(f"ready on {address} (docs: {address}/docs)", flush=True)
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
