"""What an outage consists of: when the primary was gone, etcd's key went and was taken, the other server was promoted,
/primary said so, HAProxy routed, the service connected, a standby was in step again, and the first answer came.

Run on the client host it is the watcher: `timeline.py CONFIG.json OUT.json` looks every 20 ms at etcd's key, at each
Patroni's /primary and at each HAProxy's opinion, until SIGTERM. `parts` puts that together with the logs and
the load's answers. Times are CLOCK_MONOTONIC, as the load's are.
"""

import asyncio
import base64
import json
import re
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

LOOK_SECONDS = 0.02
PRIMARY_LOOK_SECONDS = 0.1
"""Each is a query to PostgreSQL, and a page in the log if it is gone: more often, and it would be part of the outage."""
PATIENCE_SECONDS = 0.4
POSTGRES_LINE = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) UTC \[(\d+)\] +\w+: +(.*)")
PATRONI_LINE = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) (\w+): (.*)")
FROM = re.compile(r"connection received: host=(\S+)")
MOST_LINES = 400

OLD_SAID = {
    "received fast shutdown request": "old primary: told to shut down",
    "received immediate shutdown request": "old primary: told to stop at once",
    "shutting down": "old primary: shutdown checkpoint begins",
    "database system is shut down": "old primary: shut down",
    "Leader key released": "old Patroni: key given back",
    "Lock owner: None": "old Patroni: sees no owner",
    "demoting": "old Patroni: demotes",
    "demoted self": "old Patroni: demoted",
}
NEW_SAID = {
    "promoted self to leader": "new Patroni: has the key, promotes",
    "received promote request": "new primary: told to promote",
    "redo done": "new primary: redo done",
    "selected new timeline": "new primary: new timeline",
    "archive recovery complete": "new primary: recovery complete",
    "database system is ready to accept connections": "new primary: takes writes",
    '"synchronous_standby_names" changed': "new primary: synchronous_standby_names set",
    '"synchronous_standby_names" removed': "new primary: synchronous_standby_names empty",
    "is now a synchronous standby": "new primary: a standby is in step",
    "is now a candidate for quorum": "new primary: a standby is in step",
}
SEES_NEW = "other Patroni: sees the new owner"
OTHER_SAID = {
    "Lock owner: None": "other Patroni: sees no owner",
    "following": "other Patroni: round",
    "Local timeline": "other Patroni: asks whether it must rewind",
    "Loop time exceeded": "other Patroni: its round took longer than loop_wait",
    '"primary_conninfo" changed': "other standby: primary_conninfo changed",
    "does not exist": "other standby: refused, for want of its slot",
    "could not connect to the primary": "other standby: cannot connect",
    "started streaming WAL": "other standby: streams",
    "restarted WAL streaming": "other standby: streams",
    "new target timeline": "other standby: new timeline",
    "replication terminated by primary": "other standby: replication ended by its primary",
}


# ---- the watcher ----------------------------------------------------------------------------------------------------


class Watcher:
    def __init__(self, config):
        self.config = config
        self.changes = []
        self.last = {}

    def note(self, what, value):
        if self.last.get(what, "?") != value:
            self.last[what] = value
            self.changes.append((time.monotonic(), what, value))

    async def ask(self, host, port, head, body=b""):
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                reader, writer = await asyncio.open_connection(host, port)
                try:
                    writer.write(head.encode() + b"\r\nConnection: close\r\n\r\n" + body)
                    return await reader.read()
                finally:
                    writer.transport.abort()
        except (OSError, TimeoutError):
            return b""

    async def key(self, host):
        """Whose name etcd holds, according to that member."""
        if self.config["api"] == "etcd":
            got = await self.ask(host, 2379, f"GET /v2/keys/service/blacklist/leader HTTP/1.1\r\nHost: {host}")
            _, _, body = got.partition(b"\r\n\r\n")
            found = re.search(rb'"value":"([^"]*)"', body)
            return found[1].decode() if found else ("nobody" if body else None)
        key = base64.b64encode(b"/service/blacklist/leader").decode()
        text = json.dumps({"key": key}).encode()
        head = f"POST /v3/kv/range HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(text)}"
        got = await self.ask(host, 2379, head, text)
        found = re.search(rb'"value":"([^"]*)"', got)
        return base64.b64decode(found[1]).decode() if found else ("nobody" if b"200 OK" in got else None)

    async def keys(self):
        while True:
            for host in self.config["databases"].values():
                said = await self.key(host)
                if said is not None:
                    self.note("key", said)
                    break
            await asyncio.sleep(LOOK_SECONDS)

    async def primaries(self, name, host):
        while True:
            got = await self.ask(host, 8008, f"OPTIONS /primary HTTP/1.0\r\nHost: {host}")
            self.note(f"primary {name}", got[9:12].decode() or "none")
            await asyncio.sleep(PRIMARY_LOOK_SECONDS)

    async def haproxies(self, name, path):
        while True:
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    reader, writer = await asyncio.open_unix_connection(path)
                    writer.write(b"show stat\n")
                    got = await reader.read()
                    writer.close()
            except (OSError, TimeoutError):
                got = b""
            for line in got.decode().splitlines():
                words = line.split(",")
                if words[0] in ("primary", "service") and words[1] not in ("FRONTEND", "BACKEND"):
                    self.note(f"haproxy {name} {words[1]}", words[17].split()[0])
            await asyncio.sleep(LOOK_SECONDS)

    async def run(self):
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        tasks = [self.keys()]
        tasks += [self.primaries(*one) for one in self.config["databases"].items()]
        tasks += [self.haproxies(*one) for one in self.config["haproxies"].items()]
        running = [asyncio.create_task(task) for task in tasks]
        await stopping.wait()
        for task in running:
            task.cancel()


# ---- putting it together --------------------------------------------------------------------------------------------


def parts(window, *, logs, changes, observed, hosts, offset):
    """[(seconds since the fault, what)], for one window; `offset` is the wall clock minus the monotonic one."""
    began, ended = window["began"], window["ended"]
    old, new = window["before"], window["after"]
    found = []
    for at, what, value in changes:
        if began <= at <= ended:
            words = what.split()
            if words[0] == "key":
                found.append((at, f"etcd: the key is {value}'s" if value != "nobody" else "etcd: no key"))
            elif words[0] == "primary" and words[1] in (old, new):
                side = "old" if words[1] == old else "new"
                found.append((at, f"{side} Patroni: /primary {value}"))
            elif words[0] == "haproxy" and words[2] in (old, new):
                side = "old" if words[2] == old else "new"
                found.append((at, f"HAProxy {words[1]}: {side} {value}"))
            elif words[0] == "haproxy" and words[1] == "front":
                found.append((at, f"front: {words[2]} {value}"))
    if old != new:
        found += _said(logs / f"{old}-patroni.log", OLD_SAID, began, ended, offset)
        found += _said(logs / f"{new}-patroni.log", NEW_SAID, began, ended, offset)
        [other] = {"db1", "db2", "db3"} - {old, new}
        found += _said(logs / f"{other}-patroni.log", OTHER_SAID, began, ended, offset)
        found += _said(logs / f"{other}-patroni.log", {f"Lock owner: {new}": SEES_NEW}, began, ended, offset)
        found += _connected(logs / f"{new}-patroni.log", hosts, began, ended, offset)
    good = {}
    for kind, target, _, received, outcome in observed["tries"]:
        if outcome in ("200", "201") and target in ("svc1", "svc2"):
            what = "check" if kind in ("check", "keyed") else kind
            for one in (target, "anywhere"):
                good.setdefault((what, one), []).append(received)
    for (what, target), times in good.items():
        if what in ("check", "publish"):
            last, first = _gap(sorted(times), began, ended)
            if last is not None and first - last > 0.5:
                found.append((last, f"last {what} answered ({target})"))
                found.append((first, f"FIRST {what} answered ({target}), {first - last:.2f} s after the last"))
    return sorted((round(at - began, 3), what) for at, what in found)


def show(found, say):
    seen = set()
    for at, what in found:
        if what not in seen or what.startswith(("etcd", "HAProxy", "front")):
            say(f"    {at:8.3f}  {what}")
        seen.add(what)


def _gap(times, began, ended):
    longest = (0.0, None, None)
    last = began
    for at in times:
        if at < began:
            last = at
            continue
        if last > ended:
            break
        longest = max(longest, (at - last, last, at))
        last = at
    return longest[1:] if longest[1] is not None else (None, None)


def _lines(path, began, ended, offset):
    for line in path.read_text(errors="replace").splitlines():
        if found := POSTGRES_LINE.match(line):
            at = datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC).timestamp() - offset
            words = (found[2], found[3])
        elif found := PATRONI_LINE.match(line):
            at = datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S,%f").astimezone().timestamp() - offset
            words = ("", found[3])
        else:
            continue
        if began <= at <= ended:
            yield at, *words


def _said(path, wanted, began, ended, offset):
    for at, _, said in _lines(path, began, ended, offset):
        for words, meaning in wanted.items():
            if words in said:
                yield at, meaning


def _connected(path, hosts, began, ended, offset):
    """When each service host began its first session on the new primary."""
    names, seen, by_pid = {ip: name for name, ip in hosts.items()}, set(), {}
    for at, pid, said in _lines(path, began, ended, offset):
        if found := FROM.search(said):
            by_pid[pid] = names.get(found[1], found[1])
        elif "connection authorized: user=blacklist" in said and (name := by_pid.get(pid)) is not None:
            if name not in seen:
                yield at, f"{name}: first session"
            seen.add(name)


def main():
    watcher = Watcher(json.loads(Path(sys.argv[1]).read_text()))
    asyncio.run(watcher.run())
    Path(sys.argv[2]).write_text(json.dumps(watcher.changes))


if __name__ == "__main__":
    main()
