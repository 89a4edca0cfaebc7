#!/usr/bin/env python3
"""An experiment, not for production: Patroni with four of its waits shortened, to see what they cost (docs/cluster.md).

`patroni_quick.py CONFIG` in place of `patroni CONFIG`, by the interpreter that Patroni is installed for.

1. A switchover gives the leader's key back in the moment in which PostgreSQL has ended, not up to a second later. Patroni
   looks once a second whether the shutdown checkpoint is written, so that a server which still archives need not be waited
   for. Here it is waited for: nothing is given back earlier than Patroni would after it.
2. A PostgreSQL that has ended is noticed at once, not at the next of Patroni's rounds: the end of the process begins one.
3. Who might take over asks the other hosts how far they are, and waits for one that is gone: 1 s, not 2. One that does not
   answer has no vote, so it is a takeover that may have to wait, never a commit that is lost.
4. `ttl` may be below 20 s with Patroni 3.2 and newer, which raise it to 20 with a warning. Debian 12's has no such floor.
"""

import contextlib
import os
import select
import sys
import threading
import time
from pathlib import Path
from typing import Any

from patroni.__main__ import main
from patroni.config import Config
from patroni.ha import Ha
from patroni.postgresql import Postgresql
from patroni.request import PatroniRequest

LEAST_TTL_SECONDS = 8
MEMBER_SECONDS = 1.0
TAKEN_IN_SECONDS = 0.5
"""Until the host's first process has taken a dead one in, it seems to run."""
ADJUSTED = "_Config__get_and_maybe_adjust_int_value"


def give_back_at_the_end() -> None:
    stop = Postgresql.stop

    def stop_whole(self: Postgresql, *arguments: Any, **options: Any) -> Any:
        return stop(self, *arguments, **options | {"on_shutdown": None})

    Postgresql.stop = stop_whole


def notice_the_end() -> None:
    watch = Ha.watch
    guarded = set()

    def wake(ha: Ha, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            file = os.pidfd_open(pid)
            try:
                select.select([file], [], [])
            finally:
                os.close(file)
        until = time.monotonic() + TAKEN_IN_SECONDS
        while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
            time.sleep(0.005)
        guarded.discard(pid)
        ha.wakeup()

    def watch_and_guard(self: Ha, timeout: float) -> Any:
        postmaster = self.state_handler.is_running()
        if postmaster and postmaster.pid not in guarded:
            guarded.add(postmaster.pid)
            threading.Thread(target=wake, args=(self, postmaster.pid), daemon=True).start()
        return watch(self, timeout)

    Ha.watch = watch_and_guard


def wait_less_for_the_lost() -> None:
    ask = PatroniRequest.__call__

    def ask_shortly(self: PatroniRequest, member: Any, method: str = "GET", *arguments: Any, **options: Any) -> Any:
        if method == "GET" and "timeout" in options:
            options["timeout"] = min(options["timeout"], MEMBER_SECONDS)
        return ask(self, member, method, *arguments, **options)

    PatroniRequest.__call__ = ask_shortly


def lower_the_floor() -> None:
    adjust = getattr(Config, ADJUSTED, None)
    if adjust is None:
        if hasattr(Config, "_validate_and_adjust_timeouts"):
            sys.exit("this Patroni keeps its floor of ttl elsewhere: run patroni itself")
        return

    def adjust_lower(self: Config, config: dict[str, Any], name: str, least: int) -> Any:
        return adjust(self, config, name, min(least, LEAST_TTL_SECONDS) if name == "ttl" else least)

    setattr(Config, ADJUSTED, adjust_lower)


if __name__ == "__main__":
    give_back_at_the_end()
    notice_the_end()
    wait_less_for_the_lost()
    lower_the_floor()
    main()
