#!/usr/bin/python3
"""Hands the primary's place to its synchronous standby.

`switchover.py /etc/patroni/config.yml`, on the primary's host, as postgres. It asks Patroni whether a standby could take it,
and stops PostgreSQL in order: what was committed is on the standbys before it has ended. Patroni then gives the lead away, as
after a crash (`primary_start_timeout: 0`), and starts this server again as a standby. `patronictl switchover` takes a second
longer: it looks once a second whether PostgreSQL has ended.

Exit 1, with nothing done, where this host does not lead, or no synchronous standby is in step.
"""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import yaml  # Patroni's own requirement

STEP_BYTES = 1024 * 1024
PATIENCE_SECONDS = 60


def refusal(members: list[dict[str, Any]], name: str) -> str | None:
    """Why the lead is not given away."""
    if not any(one["name"] == name and one["role"] == "leader" for one in members):
        return f"{name} does not lead"
    standbys = [one for one in members if one["role"] in ("sync_standby", "quorum_standby")]
    if not any(one["state"] in ("running", "streaming") and one.get("lag") in range(STEP_BYTES) for one in standbys):
        return "no synchronous standby is in step"
    return None


def main() -> None:
    config = yaml.safe_load(Path(sys.argv[1]).read_text(encoding="utf-8"))
    with urllib.request.urlopen(f"http://{config['restapi']['listen']}/cluster", timeout=5) as answer:
        members = json.load(answer)["members"]
    if why := refusal(members, config["name"]):
        sys.exit(f"not handed over: {why}")
    server = config["postgresql"]
    programs, data = Path(server["bin_dir"]), server["data_dir"]
    folder, user = server["parameters"]["unix_socket_directories"], server["authentication"]["superuser"]["username"]
    login = ["-h", folder, "-U", user, "-d", "postgres"]
    subprocess.run([programs / "psql", *login, "-qXc", "CHECKPOINT"], check=True, timeout=PATIENCE_SECONDS)  # noqa: S603
    subprocess.run([programs / "pg_ctl", "stop", "-D", data, "-m", "fast", "-s"], check=True)  # noqa: S603


if __name__ == "__main__":
    main()
