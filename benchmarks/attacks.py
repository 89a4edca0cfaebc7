"""How much of the service one agency, one court, one auditor and 800 strangers can take from everybody else, all at once.

A real `serve` with two web processes and a list loaded by its court. First without an attack; then each attack alone, and all
of them together (the combinations of a security review: bulk reads, slow readers, batches, scorecards, searches, exports,
interrupted uploads, endless heads, slow bodies, metrics, unknown keys). Meanwhile another agency asks single checks, fetches
receipts, a security officer revokes keys, and another court sends a file.

All of it runs on one machine. Attackers have machines of their own: here they are at the lowest priority (nice 19), so that
what is measured is what they take by being answered, not by their own programs' running. Those who must not notice are at
the priority of the service. Where other programs run beside, `--attackers-niceness` keeps the attackers from being
those who wait: "attackers got" says how much they were answered.

    python benchmarks/attacks.py --rows 20000 --out benchmarks/results/attacks.json
"""

import argparse
import asyncio
import csv
import itertools
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
import synthetic
import uvloop
from load import request_bytes
from stand import Stand, questions

from blacklist_service.members.rules import make_key

IDLE_SECONDS = 10
ALONE_SECONDS = 4
TOGETHER_SECONDS = 30
PAUSE_SECONDS = 0.01
ATTACKERS_NICENESS = 19
Attack = Callable[[], Awaitable[None]]


class ClosedError(ConnectionError):
    """The connection ends after a whole answer, which says so."""


class Line:
    """One connection of an attacker: it repeats its request at once, and reconnects after it was cut off."""

    def __init__(self, port: int, statuses: "Counter[str]") -> None:
        self._port = port
        self._statuses = statuses

    async def keep_asking(self, request: bytes) -> None:
        while True:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 20)
                try:
                    while True:
                        writer.write(request)
                        await self.read(reader)
                finally:
                    writer.transport.abort()
            await asyncio.sleep(0.02)

    async def read(self, reader: asyncio.StreamReader) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        self._statuses[head[9:12].decode()] += 1
        if b"transfer-encoding: chunked" in head:
            while size := int((await reader.readuntil(b"\r\n")).strip(), 16):
                await reader.readexactly(size + 2)
            await reader.readexactly(2)
        elif b"content-length: " in head:
            await reader.readexactly(int(head.split(b"content-length: ", 1)[1].split(b"\r", 1)[0]))
        if b"connection: close" in head:
            raise ClosedError

    async def leave_lying(self, request: bytes) -> None:
        """Send a request, and read nothing of the answer."""
        while True:
            with suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1024)
                reader._transport.pause_reading()  # type: ignore[attr-defined] # noqa: SLF001
                writer.write(request)
                await asyncio.sleep(20)
                writer.transport.abort()

    async def send_and_cut(self, head: bytes, content: bytes, *, pieces: int, pause: float) -> None:
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self._port)
                writer.write(head)
                for _ in range(pieces):
                    writer.write(content)
                    await writer.drain()
                    await asyncio.sleep(pause)
                writer.transport.abort()
            await asyncio.sleep(0.05)


def attacks(port: int, keys: dict[str, str]) -> dict[str, tuple[int, Callable[[Line], Awaitable[None]]]]:
    """Each attack by name: on how many connections, and what is done on each."""
    base = f"http://127.0.0.1:{port}"
    person = {"role": "applicant", "kind": "person", "name": "张三"}
    many = [person | {"identifier": {"type": "resident_id", "number": synthetic.resident_id(n)}} for n in range(10)]
    check = {"matter": "civil_service_recruitment", "reference": "x", "subjects": many}
    today = datetime.now(UTC).date().isoformat()
    month = f"{today[:8]}01"

    def get(path: str, key: str | None) -> bytes:
        return request_bytes(base + path, b"", key=key, method="GET")

    def post(path: str, body: object, key: str) -> bytes:
        return request_bytes(base + path, json.dumps(body).encode(), key=key)

    unknown = itertools.count()
    strangers = [make_key("live").text for _ in range(800)]
    upload = (
        f"POST /v1/imports HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {keys['court']}\r\nContent-Length: 400000000\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n"
        'Content-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
    ).encode()
    half = b"POST /v1/checks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n{"
    head = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
    export = {"from": f"{month}T00:00:00Z", "to": f"{today}T23:59:59Z", "format": "jsonl"}
    span = f"from={month}&to={today}"
    agency, second, auditor = keys["agency"], keys["second"], keys["auditor"]
    return {
        "publication x 8": (8, lambda line: line.keep_asking(get("/v1/publication", agency))),
        "publication unread x 16": (16, lambda line: line.leave_lying(get("/v1/publication", second))),
        "digest x 16": (16, lambda line: line.keep_asking(get("/v1/changes?limit=1&digest=true", agency))),
        "feed pages of 500 x 16": (16, lambda line: line.keep_asking(get("/v1/changes?limit=500", agency))),
        "batches of 1,000 x 10 x 8": (
            8,
            lambda line: line.keep_asking(post("/v1/checks/batch", {"checks": [check] * 1000}, agency)),
        ),
        "scorecards x 16": (16, lambda line: line.keep_asking(get(f"/v1/supervision/scorecard?{span}", auditor))),
        "searches x 16": (
            16,
            lambda line: line.keep_asking(get("/v1/audit/entries?matter=real_estate_transfer&decision=flag", auditor)),
        ),
        "exports x 8": (8, lambda line: line.keep_asking(post("/v1/audit/exports", export, auditor))),
        "uploads cut off x 3": (3, lambda line: line.send_and_cut(upload, b"x" * 65536, pieces=300, pause=0)),
        "endless heads x 8": (8, lambda line: line.send_and_cut(head, b"X-Abcde: a\r\n" * 5000, pieces=100, pause=0)),
        "dripping bodies x 100": (100, lambda line: line.send_and_cut(half, b" ", pieces=1000, pause=1)),
        "figures x 32": (32, lambda line: line.keep_asking(get("/metrics", None))),
        "document x 16": (16, lambda line: line.keep_asking(get("/openapi.json", None))),
        "unknown keys x 800": (
            800,
            lambda line: line.keep_asking(post("/v1/checks", check, strangers[next(unknown) % 800])),
        ),
    }


async def attack(port: int, keys: dict[str, str], names: list[str]) -> None:
    """Run until this process is ended; print the responses once a second."""
    statuses: dict[str, Counter[str]] = {name: Counter() for name in names}
    found = attacks(port, keys)
    tasks = [
        asyncio.ensure_future(act(Line(port, statuses[name])))
        for name in names
        for number, act in (found[name],)
        for _ in range(number)
    ]
    while True:
        await asyncio.sleep(1)
        print(json.dumps(statuses), flush=True)
        assert tasks


async def check(port: int, key: str, seconds: float) -> None:
    """Ask single checks on one connection, one after the other, and print how long each took."""
    statuses: Counter[str] = Counter()
    line, taken = Line(port, statuses), []
    url = f"http://127.0.0.1:{port}/v1/checks"
    requests = [request_bytes(url, json.dumps(one).encode(), key=key) for one in questions(1, 500)]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    until = time.monotonic() + seconds
    for request in itertools.cycle(requests):
        if time.monotonic() > until:
            break
        began = time.perf_counter()
        try:
            writer.write(request)
            await line.read(reader)
        except (OSError, asyncio.IncompleteReadError) as error:
            statuses["closed" if isinstance(error, ClosedError) else "cut off"] += 1
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        taken.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(PAUSE_SECONDS)
    print(json.dumps({"statuses": statuses, **_shares(taken)}))


class Others:
    """Those who must not be affected: another agency, an officer, another court."""

    def __init__(self, stand: Stand, keys: dict[str, str], folder: Path) -> None:
        self._stand = stand
        self._keys = keys
        self._folder = folder
        self._numbers = itertools.count()
        self._url = f"http://127.0.0.1:{stand.port}"

    async def measure(self, seconds: float) -> dict[str, object]:
        until = time.monotonic() + seconds
        checks, receipts, revocations, imported = await asyncio.gather(
            self._check(until), self._fetch_receipts(until), self._revoke(until), self._import(until)
        )
        return {"checks": checks, "receipts": receipts, "revocations": revocations, "other court's import": imported}

    def _client(self, key: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self._url, headers={"Authorization": f"Bearer {self._keys[key]}"}, timeout=30, verify=False
        )

    async def _check(self, until: float) -> dict[str, object]:
        """In a separate process, so that other work here is not counted."""
        asked = json.dumps([self._stand.port, self._keys["other agency"], until - time.monotonic()])
        checker = await asyncio.create_subprocess_exec(
            *(sys.executable, __file__, "--check", asked), stdout=asyncio.subprocess.PIPE
        )
        printed, _ = await checker.communicate()
        found: dict[str, object] = json.loads(printed)
        return found

    async def _fetch_receipts(self, until: float) -> dict[str, float]:
        taken: list[float] = []
        body = next(questions(1, 1))
        async with self._client("other agency") as client:
            while time.monotonic() < until:
                answer = await client.post("/v1/checks", json=body)
                if answer.status_code != 200:
                    continue
                began = time.perf_counter()
                path = f"/v1/checks/{answer.json()['check_id']}/receipt"
                while (await client.get(path)).status_code != 200:
                    await asyncio.sleep(0.05)
                taken.append((time.perf_counter() - began) * 1000)
                await asyncio.sleep(0.2)
        return _shares(taken)

    async def _revoke(self, until: float) -> dict[str, float]:
        """From the officer's request until no process accepts the key."""
        taken: list[float] = []
        refused = 0
        async with self._client("security") as officer:
            while time.monotonic() < until:
                made = await officer.post("/v1/members/GD-HR/keys", json={"role": "agency", "days": 1})
                if made.status_code != 201:
                    await asyncio.sleep(0.1)
                    continue
                key = made.json()
                bearers = {"Authorization": f"Bearer {key['key']}"}
                clients = [
                    httpx.AsyncClient(base_url=self._url, headers=bearers, timeout=30, verify=False) for _ in range(4)
                ]
                for client in clients:
                    await client.get("/v1/matters?limit=1")
                began = time.perf_counter()
                while (await officer.post(f"/v1/keys/{key['key_id']}/revocation", json={})).status_code != 200:
                    refused += 1
                last = max([time.perf_counter(), *await asyncio.gather(*map(_answered_last, clients))])
                taken.append((last - began) * 1000)
                await asyncio.sleep(1)
        return {"refused": refused, **_shares(taken)}

    async def _import(self, until: float) -> dict[str, object]:
        file = self._folder / f"other-{next(self._numbers)}.csv"
        write_list(file, 500, court="云0112")
        began, state = time.perf_counter(), "not sent"
        async with self._client("other court") as client:
            while time.monotonic() < until + 30:
                with file.open("rb") as content:
                    sent = await client.post("/v1/imports", files={"file": content})
                if sent.status_code == 202:
                    break
                await asyncio.sleep(0.2)
            while time.monotonic() < until + 30:
                state = (await client.get(f"/v1/imports/{sent.json()['import_id']}")).json().get("state", "?")
                if state not in ("queued", "running", "?"):
                    break
                await asyncio.sleep(0.2)
        return {"state": state, "seconds": round(time.perf_counter() - began, 2)}


async def _answered_last(client: httpx.AsyncClient) -> float:
    """When the last request was sent that was not refused for its key, whenever the refusal itself comes; 0.0 = none."""
    last = 0.0
    try:
        while True:
            sent = time.perf_counter()
            if (await client.get("/v1/matters?limit=1")).status_code == 401:
                return last
            last = sent
    finally:
        await client.aclose()


def write_list(file: Path, rows: int, *, court: str = "云0111") -> None:
    header = [
        "被执行人姓名/名称",
        "身份证号码/组织机构代码",
        "案号",
        "法院代码",
        "发布时间",
        "决定日期",
        "期限届满日",
        "决定书文号",
    ]
    day = datetime.now(UTC).date()
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow((*header, "失信被执行人行为具体情形", "生效法律文书确定的义务"))
        for n in range(rows):
            case = f"(2025){court}执{n + 1}号"
            dates = (day.isoformat(), day.isoformat(), day.replace(year=day.year + 2, day=1).isoformat())
            identity = (synthetic.name_of(n), synthetic.resident_id(n), case, court)
            writer.writerow((*identity, *dates, f"{case}之一", "违反财产报告制度", "给付借款本金及利息" * 20))


def _shares(taken: list[float]) -> dict[str, float]:
    if not taken:
        return {"count": 0}
    ordered = sorted(taken)
    return {
        "count": len(ordered),
        "p50": round(statistics.median(ordered), 2),
        "p99": round(ordered[int(len(ordered) * 0.99)], 2),
        "max": round(ordered[-1], 2),
    }


def make_keys(stand: Stand) -> dict[str, str]:
    say = stand._say  # noqa: SLF001 - the benchmarks' own
    members = {
        "GD-COURT": ("court", synthetic.COURT, "云0111"),
        "XS-COURT": ("court", "昆明市西山区人民法院", "云0112"),
        "GD-HR": ("agency", "人社局", None),
        "GD-SLOW": ("agency", "某局", None),
        "GD-EDU": ("agency", "教体局", None),
        "GD-AUDIT": ("auditor", "审计局", None),
        "GD-SEC": ("agency", "大数据局", None),
    }
    for code, (kind, name, court) in members.items():
        say("members", "add", code, "--name", name, "--kind", kind, *(("--court-code", court) if court else ()))
    holders = {
        "court": ("GD-COURT", "court"),
        "other court": ("XS-COURT", "court"),
        "agency": ("GD-HR", "agency"),
        "second": ("GD-SLOW", "agency"),
        "other agency": ("GD-EDU", "agency"),
        "auditor": ("GD-AUDIT", "auditor"),
        "security": ("GD-SEC", "security"),
    }
    return {
        name: json.loads(say("keys", "create", "--member", member, "--role", role, "--json"))["key"]
        for name, (member, role) in holders.items()
    }


async def under(
    names: list[str], stand: Stand, keys: dict[str, str], others: Others, seconds: float, niceness: int
) -> dict[str, object]:
    """What the others notice of these attacks, which run in a separate process."""
    if not names:
        return await others.measure(seconds)
    attacker = await asyncio.create_subprocess_exec(
        *(sys.executable, __file__, "--attack", json.dumps([stand.port, keys, names])),
        *("--attackers-niceness", str(niceness)),
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )
    try:
        await asyncio.sleep(1.5)
        found = await others.measure(seconds)
    finally:
        attacker.terminate()
        printed, _ = await attacker.communicate()
    lines = printed.decode().splitlines()
    return found | {"attackers got": json.loads(lines[-1]) if lines else None}


async def run(options: argparse.Namespace, stand: Stand, keys: dict[str, str], folder: Path) -> dict[str, object]:
    others = Others(stand, keys, folder)
    found: dict[str, object] = {}

    async def note(name: str, names: list[str], seconds: float) -> None:
        found[name] = await under(names, stand, keys, others, seconds, options.attackers_niceness)
        print(name, json.dumps(found[name], ensure_ascii=False), flush=True)

    everything = [name for name in attacks(stand.port, keys) if not options.only or options.only in name]
    await note("idle", [], options.idle)
    if options.alone:
        for one in everything:
            await note(one, [one], options.alone)
    await note("all together", everything, options.together)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--idle", type=float, default=IDLE_SECONDS)
    parser.add_argument("--alone", type=float, default=ALONE_SECONDS, help="seconds for each attack alone; 0 = not")
    parser.add_argument("--together", type=float, default=TOGETHER_SECONDS)
    parser.add_argument("--attackers-niceness", type=int, default=ATTACKERS_NICENESS)
    parser.add_argument("--only", help="the attacks in whose name this stands")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--attack", help=argparse.SUPPRESS)
    parser.add_argument("--check", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.attack:
        os.setpriority(os.PRIO_PROCESS, 0, options.attackers_niceness)
        port, keys, names = json.loads(options.attack)
        uvloop.run(attack(port, keys, names))
        return
    if options.check:
        uvloop.run(check(*json.loads(options.check)))
        return
    with tempfile.TemporaryDirectory(prefix="blacklist-attacks-") as name:
        folder = Path(name)
        stand = Stand(folder, options.rows, workers=2)
        stand.start()
        try:
            keys = make_keys(stand)
            write_list(folder / "list.csv", options.rows)
            stand._say("import", str(folder / "list.csv"), "--court", "云0111")  # noqa: SLF001
            found = uvloop.run(run(options, stand, keys, folder))
        finally:
            stand.stop()
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    at = datetime.now(UTC).isoformat(timespec="seconds")
    result = {"at": at, "machine": machine, "rows": options.rows, "found": found}
    if options.out:
        options.out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
