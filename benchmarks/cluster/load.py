"""A light load from the client host: checks, publications, the change feed, signed checkpoints, and a direct probe of every
database node. It remembers everything it sent and received; `verify.py` compares that with the database.

Runs until SIGTERM, then writes its observations. Times are CLOCK_MONOTONIC, which all processes of a machine share.
"""

import argparse
import asyncio
import json
import random
import signal
import time
from datetime import UTC, date, datetime, timedelta

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
COURT = {"code": "云0111", "name": "昆明市官渡区人民法院"}
CHECK_PATIENCE = 2.0
PUBLISH_PATIENCE = 4.0


def resident_id(number):
    """A number that was never issued, with a valid check character; unique below ten million."""
    born = date(1950, 1, 1) + timedelta(days=number % 19_000)
    body = f"{530_100 + number // 19_000 // 999 % 100}{born:%Y%m%d}{number // 19_000 % 999 + 1:03d}"
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, WEIGHTS, strict=True)) % 11]


def today(offset=0):
    return (datetime.now(UTC) + timedelta(hours=8)).date() + timedelta(days=offset)


class Lost(Exception):  # noqa: N818 - what happened
    pass


class Line:
    """One keep-alive HTTP/1.1 connection, one request at a time, reopened after it was lost."""

    def __init__(self, host, port):
        self.host, self.port = host, port
        self.reader = self.writer = None

    def close(self):
        if self.writer is not None:
            self.writer.transport.abort()
        self.reader = self.writer = None

    async def ask(self, method, path, body=None, *, key="", patience, headers=()):
        content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}", f"Content-Length: {len(content)}"]
        lines += [f"Authorization: Bearer {key}"] if key else []
        lines += ["Content-Type: application/json"] if content else []
        lines += [f"{name}: {value}" for name, value in headers]
        request = "\r\n".join(lines).encode() + b"\r\n\r\n" + content
        try:
            async with asyncio.timeout(patience):
                if self.writer is None:
                    self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
                self.writer.write(request)
                head = await self.reader.readuntil(b"\r\n\r\n")
                status = int(head[9:12])
                fields = dict(line.split(b":", 1) for line in head.lower().split(b"\r\n")[1:] if b":" in line)
                size = int(fields.get(b"content-length", b"0"))
                if b"chunked" in fields.get(b"transfer-encoding", b""):
                    got = b""
                    while step := int(await self.reader.readline(), 16):
                        got += await self.reader.readexactly(step)
                        await self.reader.readline()
                    await self.reader.readline()
                else:
                    got = await self.reader.readexactly(size)
                if b"close" in fields.get(b"connection", b""):
                    self.close()
                return status, got
        except TimeoutError:
            self.close()
            raise Lost("timeout") from None
        except (OSError, asyncio.IncompleteReadError, ValueError) as error:
            self.close()
            raise Lost(type(error).__name__) from None
        except BaseException:
            self.close()
            raise


class Load:
    def __init__(self, config):
        self.config = config
        self.keys = config["keys"]
        self.targets = {name: tuple(where) for name, where in config["targets"].items()}
        self.floor = config.get("floor", 0)
        self.published = []  # (number, list_version), in the order of acknowledgement
        self.next_number = config["first_number"]
        self.tries = []  # kind, target, sent, received, outcome
        self.checks, self.publications, self.feed, self.notes = [], [], [], []
        self.beats, self.views, self.stale_reads = [], [], []
        self.stopping = asyncio.Event()

    def number(self):
        self.next_number += 1
        return self.next_number

    async def attempt(self, kind, target, line, *words, **more):
        sent = time.monotonic()
        try:
            status, body = await line.ask(*words, **more)
            outcome = str(status)
        except Lost as error:
            status, body, outcome = 0, b"", str(error)
        self.tries.append((kind, target, sent, time.monotonic(), outcome))
        return status, body

    async def check_loop(self, name, target, *, keyed):
        line, turn, interval = Line(*self.targets[target]), 0, self.config["check_interval"]
        kind = "keyed" if keyed else "check"
        await asyncio.sleep(random.random() * interval)
        while not self.stopping.is_set():
            turn += 1
            listed = bool(self.published) and turn % 3 != 0
            number = 0
            if listed:
                number, _version = self.published[-1] if turn % 3 == 1 else random.choice(self.published[-500:])
            who = number if listed else 9_000_000 + random.randrange(900_000)
            reference, asked, floor = f"{name}-{turn}", time.monotonic(), self.floor
            tries = 0
            while not self.stopping.is_set():
                tries += 1
                if not keyed:
                    reference, asked, floor = f"{name}-{turn}-{tries}", time.monotonic(), self.floor
                body = {
                    "matter": "civil_service_recruitment",
                    "reference": reference,
                    "subjects": [
                        {
                            "role": "applicant",
                            "kind": "person",
                            "name": f"测试{who}",
                            "identifier": {"type": "resident_id", "number": resident_id(who)},
                        }
                    ],
                }
                headers = [("Idempotency-Key", reference)] if keyed else []
                status, got = await self.attempt(
                    kind,
                    target,
                    line,
                    "POST",
                    "/v1/checks",
                    body,
                    key=self.keys["agency"],
                    patience=CHECK_PATIENCE,
                    headers=headers,
                )
                if status == 200:
                    answer = json.loads(got)
                    self.checks.append(
                        {
                            "id": answer["check_id"],
                            "reference": reference,
                            "target": target,
                            "keyed": keyed,
                            "decision": answer["decision"],
                            "list_version": answer["list_version"],
                            "asked": asked,
                            "acked": time.monotonic(),
                            "floor": floor,
                            "expected": "block" if listed else "clear",
                            "number": number,
                            "tries": tries,
                        }
                    )
                    break
                await asyncio.sleep(interval)
            await asyncio.sleep(interval)

    async def publish_loop(self, name, target):
        line, turn, interval = Line(*self.targets[target]), 0, self.config["publish_interval"]
        await asyncio.sleep(random.random() * interval)
        while not self.stopping.is_set():
            turn += 1
            number = self.number()
            case = f"({today().year})云0111执{number}号"
            body = {
                "case_number": case,
                "court": COURT,
                "debtor": {
                    "kind": "person",
                    "name": f"测试{number}",
                    "identifier": {"type": "resident_id", "number": resident_id(number)},
                },
                "circumstances": ["C4"],
                "decision": {"document_number": f"之{number}", "decided_on": today(-3).isoformat()},
                "published_on": today(-1).isoformat(),
                "expires_on": today(700).isoformat(),
            }
            key, first, tries = f"{name}-{turn}", time.monotonic(), 0
            while not self.stopping.is_set():
                tries += 1
                status, got = await self.attempt(
                    "publish",
                    target,
                    line,
                    "POST",
                    "/v1/listings",
                    body,
                    key=self.keys["court"],
                    patience=PUBLISH_PATIENCE,
                    headers=[("Idempotency-Key", key)],
                )
                if status in (200, 201):
                    answer = json.loads(got)
                    self.publications.append(
                        {
                            "case": case,
                            "number": number,
                            "listing_id": answer["listing_id"],
                            "list_version": answer["list_version"],
                            "asked": first,
                            "acked": time.monotonic(),
                            "target": target,
                            "tries": tries,
                            "status": status,
                        }
                    )
                    self.floor = max(self.floor, answer["list_version"] or 0)
                    self.published.append((number, answer["list_version"]))
                    break
                await asyncio.sleep(0.2)
            await asyncio.sleep(interval)

    async def feed_loop(self, target):
        line, after = Line(*self.targets[target]), self.floor
        while not self.stopping.is_set():
            floor = self.floor
            status, got = await self.attempt(
                "feed",
                target,
                line,
                "GET",
                f"/v1/changes?after={after}&limit=500",
                key=self.keys["agency"],
                patience=2.0,
            )
            if status == 200:
                page = json.loads(got)
                at = time.monotonic()
                if page["list_version"] < floor:
                    self.stale_reads.append({"target": target, "at": at, "said": page["list_version"], "floor": floor})
                self.feed += [(one["version"], one["listing_id"], one["type"], target, at) for one in page["items"]]
                after = page["next"]
            await asyncio.sleep(0.25)

    async def checkpoint_loop(self, target):
        line, last = Line(*self.targets[target]), None
        while not self.stopping.is_set():
            status, got = await self.attempt(
                "checkpoint", target, line, "GET", "/v1/ledger/checkpoint", key=self.keys["auditor"], patience=2.0
            )
            if status == 200 and got != last:
                last = got
                self.notes.append({"target": target, "at": time.monotonic(), "note": got.decode()})
            await asyncio.sleep(0.3)

    async def ready_loop(self, target):
        line = Line(*self.targets[target])
        while not self.stopping.is_set():
            await self.attempt("ready", target, line, "GET", "/readyz", patience=2.5)
            await asyncio.sleep(0.25)

    async def probe_loop(self, node, dsn):
        """Does the node itself answer, and does it acknowledge a write? Without the service and HAProxy in between."""
        import asyncpg  # imported here, because others only use this module's people

        connection, n = None, 0
        while not self.stopping.is_set():
            sent = time.monotonic()
            in_recovery = wrote = None
            try:
                if connection is None or connection.is_closed():
                    connection = await asyncpg.connect(dsn, timeout=1)
                async with asyncio.timeout(0.8):
                    in_recovery = await connection.fetchval("SELECT pg_is_in_recovery()")
                if not in_recovery:
                    n += 1
                    async with asyncio.timeout(0.8):
                        await connection.execute("INSERT INTO beats (node, n) VALUES ($1, $2)", node, n)
                    wrote = n
                    self.beats.append((node, n, time.monotonic()))
            except Exception:
                if connection is not None:
                    connection.terminate()
                connection = None
            self.views.append((node, sent, time.monotonic(), in_recovery, wrote))
            await asyncio.sleep(0.4)

    async def run(self):
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopping.set)
        run = self.config["run"]
        tasks = []
        for target in self.targets:
            for index in range(self.config["check_loops"]):
                tasks.append(self.check_loop(f"{run}{target}k{index}", target, keyed=True))
                tasks.append(self.check_loop(f"{run}{target}c{index}", target, keyed=False))
            if target in self.config["publish_targets"]:
                tasks.append(self.publish_loop(f"{run}{target}p", target))
            if target != "front":
                tasks += [self.feed_loop(target), self.checkpoint_loop(target), self.ready_loop(target)]
        tasks += [self.probe_loop(node, dsn) for node, dsn in self.config["nodes"].items()]
        running = [asyncio.create_task(task) for task in tasks]
        await self.stopping.wait()
        await asyncio.wait(running, timeout=5)
        failures = []
        for task in running:
            if task.done() and not task.cancelled() and task.exception():
                failures.append(repr(task.exception()))
            task.cancel()
        return failures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("config")
    parser.add_argument("out")
    arguments = parser.parse_args()
    with open(arguments.config) as file:
        load = Load(json.load(file))
    failures = asyncio.run(load.run())
    with open(arguments.out, "w") as file:
        json.dump(
            {
                "tries": load.tries,
                "checks": load.checks,
                "publications": load.publications,
                "feed": load.feed,
                "notes": load.notes,
                "beats": load.beats,
                "views": load.views,
                "stale_reads": load.stale_reads,
                "failures": failures,
                "next_number": load.next_number,
                "floor": load.floor,
            },
            file,
        )


if __name__ == "__main__":
    main()
