"""What a synchronous standby costs a check: the same server with `synchronous_commit` of `local`, `on` and `remote_apply`.

Two PostgreSQL 15 on this machine with fsync, the second following the first as its synchronous standby; a real `serve` with
one worker. The setting is changed between turns. Both servers share the machine's processors and its disk here: on two
machines the standby's part would be nobody's, and the network's way there and back would be added.

    PYTHONPATH=. python benchmarks/synchronous.py --turns 5
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from load import drive, request_bytes
from replica import LISTINGS, Place
from stand import questions

from tests.external import External, external_server, standby_of

LEVELS = ("local", "on", "remote_apply")
CONNECTIONS = (1, 16, 64)
TURN_SECONDS = 2.0
SETTLE_SECONDS = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    with external_server() as primary, standby_of(primary) as standby, tempfile.TemporaryDirectory() as home:
        for server in (standby, primary):
            server.control("-m", "fast", "stop")
        for server in (primary, standby):
            server.start(is_durable=True)
        primary.psql("ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
        primary.psql("CREATE DATABASE bl")
        place = Place(Path(home), primary.url("bl"), standby.url("bl"))
        place.say("migrate")
        place.say("members", "add", "GD-HR", "--name", "人社局", "--kind", "agency")
        place.keys = {"agency": place.key("GD-HR", "agency")}
        with place.serving(from_standby=False):
            for connections in CONNECTIONS:
                print(json.dumps({"connections": connections} | compare(place, primary, connections, options.turns)))


def compare(place: Place, primary: External, connections: int, turns: int) -> dict[str, object]:
    """For each level the median of checks/s, of p50 in milliseconds, and of the turn's rate to that of `local`."""
    rates: dict[str, list[float]] = {level: [] for level in LEVELS}
    middles: dict[str, list[float]] = {level: [] for level in LEVELS}
    for turn in range(turns):
        for level in LEVELS if turn % 2 == 0 else reversed(LEVELS):
            primary.psql(f"ALTER SYSTEM SET synchronous_commit = '{level}'", "SELECT pg_reload_conf()")
            time.sleep(SETTLE_SECONDS)
            taken = asyncio.run(_drive(place, connections))
            if set(taken["statuses"]) != {"200"}:  # type: ignore[call-overload]
                sys.exit(f"checks were not answered: {taken['statuses']}")
            rates[level].append(float(str(taken["per_second"])))
            middles[level].append(float(str(taken["p50"])))
    ratios = {level: [one / local for one, local in zip(rates[level], rates["local"], strict=True)] for level in LEVELS}
    return {
        level: {
            "per_second": round(statistics.median(rates[level])),
            "p50": round(statistics.median(middles[level]), 2),
            "ratio": round(statistics.median(ratios[level]), 2),
        }
        for level in LEVELS
    }


async def _drive(place: Place, connections: int) -> dict[str, object]:
    url = f"http://127.0.0.1:{place.port}/v1/checks"
    asked = [request_bytes(url, json.dumps(one).encode(), key=place.keys["agency"]) for one in questions(LISTINGS)]
    return await drive(url, asked, connections=connections, seconds=TURN_SECONDS)


if __name__ == "__main__":
    main()
