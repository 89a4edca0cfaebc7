"""A process that answers requests, as `serve` starts it: `python -m blacklist_service.asgi --fd N`, or `--console SOCKET`."""

import argparse
import asyncio
import contextlib
import gc
import os
import resource
import signal
import socket
import sys
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from blacklist_service.application import create_app, with_hot_lane
from blacklist_service.checks.routes import check_taker
from blacklist_service.console.routing import PREFIX as CONSOLE_PREFIX
from blacklist_service.database.embedded.child import die_with_parent
from blacklist_service.database.installation import NotReadyError, require_fitting
from blacklist_service.settings import (
    COMPANY_VARIABLE,
    CONFIGURATION_ERROR,
    CONSOLE_VARIABLE,
    DRAIN_SIGNAL,
    DSN_VARIABLE,
    Settings,
)
from blacklist_service.telemetry import configure_logging
from blacklist_service.web.courtesy import Company
from blacklist_service.web.express import ExpressProtocol
from blacklist_service.web.hotlane import HotLane
from blacklist_service.web.relay import Relay, Relayed

DESCRIPTORS_FOR_ELSE = 96
"""Descriptors of a process that are not clients' connections: the database, files, what a library opens."""
THREADS_GIVE_WAY_SECONDS = 0.0005
"""A thread that computes metrics yields to the event loop that answers checks: the default of 5 ms would be many checks."""
CONSOLE_NICENESS = 10
"""The nice value of the process that renders pages: when processors are short, checks get nine times its share."""
SERVED: dict[str, Any] = {
    "loop": "uvloop",
    "ws": "none",
    "log_config": None,
    "access_log": False,
    "server_header": False,
    "timeout_keep_alive": 30,
    "timeout_graceful_shutdown": 5,
}
COLLECT_AFTER = (10_000, 20, 100)
"""Nearly everything a check allocates is freed by reference counting, so cycles are collected rarely."""


def express_protocol(lane: HotLane) -> Any:
    """The class of connections on which a plain check bypasses everything that it does not need."""
    settings: Settings = lane.app.state.settings
    return partial(
        ExpressProtocol,
        lane=lane,
        takers={"/v1/checks": check_taker},
        most_of_an_address=settings.connections_per_address,
        most_of_all=min(settings.connections or sys.maxsize, _descriptors() - DESCRIPTORS_FOR_ELSE),
        shared_addresses=frozenset(settings.trusted_proxies),
    )


def _descriptors() -> int:
    """How many descriptors this process may have open: as many as the machine allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    return soft if soft > 0 else sys.maxsize


def main() -> None:
    die_with_parent()
    parser = argparse.ArgumentParser()
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--fd", type=int, help="the listening socket that the web workers share")
    place.add_argument(
        "--console", metavar="SOCKET", help="make the console's pages, for the web workers that ask there"
    )
    asked = parser.parse_args()
    settings = Settings()
    configure_logging(settings.log_level)
    dsn, secrecy = os.environ[DSN_VARIABLE], settings.load_secrecy()
    try:
        asyncio.run(require_fitting(dsn, secrecy))
    except NotReadyError as error:
        print(f"blacklist-service: {error}", file=sys.stderr)  # noqa: T201 - `serve` stops, and its operator reads why
        raise SystemExit(CONFIGURATION_ERROR) from None
    app = create_app(settings, dsn, secrecy, is_rehearsed=True, company=_company(asked.console is not None))
    signal.signal(DRAIN_SIGNAL, lambda *_: app.state.draining.set())
    _settle_memory()
    sys.setswitchinterval(THREADS_GIVE_WAY_SECONDS)
    if asked.console is not None:
        os.nice(CONSOLE_NICENESS)
        uvicorn.Server(_for_console(app, asked.console)).run()
    else:
        uvicorn.Server(_for_all(app)).run(sockets=[socket.socket(fileno=asked.fd)])


def _company(is_console: bool) -> Company:
    """The web workers share one. The console's process is niced, so it only yields to checks asked of itself."""
    place = os.environ.get(COMPANY_VARIABLE)
    if place is not None and not is_console:
        with contextlib.suppress(OSError):  # the file was deleted: each process then only knows of its own checks
            return Company(Path(place))
    return Company()


def _for_all(app: FastAPI) -> uvicorn.Config:
    """A web worker: it answers everything except the console's pages, if another process renders them."""
    lane, console, settings = with_hot_lane(app), os.environ.get(CONSOLE_VARIABLE), app.state.settings
    return uvicorn.Config(
        Relay(lane, below=CONSOLE_PREFIX, socket_path=console) if console else lane,
        http=express_protocol(lane),
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        **SERVED,
    )


def _for_console(app: FastAPI, place: str) -> uvicorn.Config:
    """The process behind the web workers, which have already verified the client's address and the head."""
    return uvicorn.Config(Relayed(app), uds=place, proxy_headers=False, date_header=False, **SERVED)


def _settle_memory() -> None:
    gc.collect()
    gc.freeze()  # modules that are loaded stay: no collection has to visit them again
    gc.set_threshold(*COLLECT_AFTER)


if __name__ == "__main__":
    main()
