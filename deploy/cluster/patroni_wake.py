#!/usr/bin/python3
"""Wakes this host's Patroni where it would notice up to `loop_wait` later.

`patroni_wake.py /etc/patroni/config.yml`, as postgres. Three things begin a round of Patroni at once:

1. this host's PostgreSQL has ended (a primary that was killed is replaced; one that was stopped hands over);
2. the leader's key in etcd is gone, and this host is one of those that may take it;
3. another host has taken it: this one follows.

A host that may not take the key is not woken by 2: in Patroni's own switchover it would sleep for two seconds then, and
follow later.

It wakes Patroni by `PATCH /config` with the removal of a value that is not there, which changes nothing. It decides nothing
and keeps nothing: without it Patroni looks once in `loop_wait`, as always. Patroni watches the key itself through `etcd3`, so
with that only 1 is done.
"""

import base64
import contextlib
import http.client
import json
import os
import select
import sys
import threading
import time
from pathlib import Path
from typing import Any

import yaml  # Patroni's own requirement

LOOK_SECONDS = 0.2
"""Between two looks for a server that is not there, or an etcd that does not answer."""
TAKEN_IN_SECONDS = 0.5
"""Until the host's first process has taken a dead one in, it seems to run."""
WATCH_SECONDS = 10.0
PATRONI_SECONDS = 2.0


class Waker:
    def __init__(self, config: dict[str, Any]) -> None:
        self.name: str = config["name"]
        self.path = f"/v2/keys/{config.get('namespace', 'service').strip('/')}/{config['scope']}"
        self.data = Path(config["postgresql"]["data_dir"])
        self.api: str = config["restapi"]["listen"]
        login = config["restapi"].get("authentication")
        words = f"{login['username']}:{login['password']}".encode() if login else None
        self.headers = {"Authorization": f"Basic {base64.b64encode(words).decode()}"} if words else {}
        hosts: list[str] = config.get("etcd", {}).get("hosts", [])
        own, _, _ = self.api.rpartition(":")
        self.etcds = sorted(hosts, key=lambda host: host.rpartition(":")[0] != own)  # this host's first
        self.leader: str | None = ""

    def wake(self) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            patroni = http.client.HTTPConnection(self.api, timeout=PATRONI_SECONDS)
            patroni.request("PATCH", "/config", json.dumps({"woken": None}), self.headers)
            patroni.getresponse().read()
            patroni.close()

    # ---- this host's PostgreSQL ------------------------------------------------------------------------------------

    def watch_server(self) -> None:
        while True:
            try:
                pid = int((self.data / "postmaster.pid").read_text().split()[0])
                file = os.pidfd_open(pid)
            except (OSError, ValueError, IndexError):
                time.sleep(LOOK_SECONDS)
                continue
            try:
                has_ended, _, _ = select.select([file], [], [], WATCH_SECONDS)
            finally:
                os.close(file)
            if has_ended:
                until = time.monotonic() + TAKEN_IN_SECONDS
                while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
                    time.sleep(0.005)
                self.wake()
                time.sleep(LOOK_SECONDS)

    # ---- the leader's key, by etcd's v2 API ------------------------------------------------------------------------

    def watch_leader(self) -> None:
        turn = 0
        while True:
            host = self.etcds[turn % len(self.etcds)]
            try:
                self.follow_leader(host)
            except (OSError, http.client.HTTPException, ValueError, KeyError):
                turn += 1
                time.sleep(LOOK_SECONDS)

    def follow_leader(self, host: str) -> None:
        """Every change of the key, as that host knows it, until it no longer answers."""
        etcd = http.client.HTTPConnection(host, timeout=WATCH_SECONDS)
        try:
            leader, index = self.read(etcd, "leader")
            while True:
                if leader != self.leader:
                    self.leader = leader
                    if leader != self.name and (leader is not None or self.may_lead(etcd)):
                        self.wake()
                etcd.request("GET", f"{self.path}/leader?wait=true&waitIndex={index + 1}")
                node = json.loads(etcd.getresponse().read())["node"]
                leader, index = node.get("value"), node["modifiedIndex"]
        finally:
            etcd.close()

    def may_lead(self, etcd: http.client.HTTPConnection) -> bool:
        """Of those that the last leader named in the key `sync`; everybody, where there is none."""
        said, _ = self.read(etcd, "sync")
        sync = json.loads(said or "{}")
        names = [sync.get("leader") or "", *(sync.get("sync_standby") or "").split(",")]
        return not any(names) or self.name in names

    def read(self, etcd: http.client.HTTPConnection, key: str) -> tuple[str | None, int]:
        """A key's value, and etcd's index at the reading."""
        etcd.request("GET", f"{self.path}/{key}")
        answer = etcd.getresponse()
        node = json.loads(answer.read()).get("node", {})
        return node.get("value"), int(answer.headers["X-Etcd-Index"])


def main() -> None:
    waker = Waker(yaml.safe_load(Path(sys.argv[1]).read_text(encoding="utf-8")))
    if waker.etcds:
        threading.Thread(target=waker.watch_leader, daemon=True).start()
    waker.watch_server()


if __name__ == "__main__":
    main()
