"""How the child processes of `serve` (worker, sealer) are run and stopped."""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from typing import Any

from blacklist_service.database.installation import NotReadyError
from blacklist_service.settings import CONFIGURATION_ERROR


def told_to_stop() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set from now on."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return stopping


def run_child(main: Coroutine[Any, Any, None]) -> None:
    """Run a child to its end; exit if the database does not fit, so that `serve` stops and shows the reason to its
    operator.
    """
    try:
        asyncio.run(main)
    except NotReadyError as error:
        print(f"blacklist-service: {error}", file=sys.stderr)  # noqa: T201 - said above
        raise SystemExit(CONFIGURATION_ERROR) from None
