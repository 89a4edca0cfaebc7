"""A real `serve` on a database of its own: its members and keys; its processes, to be killed, stopped and started again."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

import asyncpg

from blacklist_service.access.scopes import Role
from blacklist_service.database.connections import connect
from blacklist_service.database.embedded.attachment import find_running
from blacklist_service.members.operations import add_member, create_key
from blacklist_service.members.rules import MemberKind
from blacklist_service.secrecy import Secrecy
from blacklist_service.settings import Settings
from tests.durability.wire import Client, Lost, request_bytes
from tests.external import free_port
from tests.support import COURT_CODE, COURT_NAME, TEST, day
from tests.typist import typed

IS_SOAK = bool(os.environ.get("BLACKLIST_SOAK"))
READY_SECONDS = 60.0


class Part(StrEnum):
    """What a running service consists of."""

    PARENT = "parent"
    WEB = "web worker"
    WORKER = "background worker"
    SEALER = "sealer"
    CONSOLE = "console"
    POSTMASTER = "postmaster"
    BACKEND = "backend"


class Served:
    """A `serve` that can be killed in part or as a whole, and started again on the same data."""

    def __init__(self, home: Path, *, data_dir: Path | None = None, workers: int = 2, **settings: object) -> None:
        self.data_dir = data_dir or home / "data"
        self.port = free_port()
        self.log = home / "serve.log"
        self.keys: dict[str, str] = {}
        self._command = [sys.executable, "-m", "blacklist_service", "serve", "--port", str(self.port)]
        self._command += ["--workers", str(workers)]
        self._environment = {"PATH": os.environ["PATH"], "HOME": str(home), "BLACKLIST_DATA_DIR": str(self.data_dir)}
        settings = {"log_level": "warning"} | settings
        self._environment |= {f"BLACKLIST_{name.upper()}": str(value) for name, value in settings.items()}
        if programs := os.environ.get("BLACKLIST_POSTGRES_BIN"):
            self._environment["BLACKLIST_POSTGRES_BIN"] = programs
        self._process: subprocess.Popen[bytes] | None = None
        self._orphans: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self._command, env=self._environment, stdout=log, stderr=log)

    def stop(self) -> None:
        if self._process is not None:
            for pid in self._everything():
                send_signal(pid, signal.SIGCONT)  # a test that failed may have left some stopped
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(30)
            self._process = None

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command of the operator's beside it."""
        return typed(words, env=self._environment)

    def pids(self, part: Part) -> list[int]:
        """The processes that are this part now; none while it is being started again."""
        if self._process is None or self._process.poll() is not None:
            return []
        parent = self._process.pid
        if part is Part.PARENT:
            return [parent]
        if part is Part.BACKEND:
            return [
                pid
                for server in self.pids(Part.POSTMASTER)
                for pid in children_of(server)
                if "[local]" in command_of(pid)
            ]
        return [pid for pid in children_of(parent) if _part_of(command_of(pid)) is part]

    def descendants_of_the_postmaster(self) -> list[int]:
        """The database as a whole, the postmaster first."""
        return [pid for server in self.pids(Part.POSTMASTER) for pid in (server, *children_of(server))]

    def kill(self, part: Part, *, which: int = 0) -> int | None:
        """kill -9 of one process of this part; None where there is none. Start it again after its parent was killed."""
        found = self.pids(part)
        if not found:
            return None
        victim = found[which % len(found)]
        if part is Part.PARENT:
            self._orphans = self._everything()
        send_signal(victim, signal.SIGKILL)
        if part is Part.PARENT:
            self._bury_the_parent()
        return victim

    def _bury_the_parent(self) -> None:
        """Its children must end with it: at once, but for the postmaster, which writes a last checkpoint, and one that is
        only being started, which sees it once it has read its code: seconds, on a machine with much else to do.
        """
        assert self._process is not None
        self._process.wait()
        self._process = None
        wait_for(
            lambda: (
                not any(is_alive(pid) and _part_of(command_of(pid)) is not Part.POSTMASTER for pid in self._orphans)
            ),
            seconds=30,
        )

    def is_complete(self, *, workers: int) -> bool:
        """Whether every part is there, and nothing of a parent that was killed."""
        if any(is_alive(pid) for pid in self._orphans):
            return False
        return len(self.pids(Part.WEB)) == workers and all(
            self.pids(part) for part in (Part.WORKER, Part.SEALER, Part.CONSOLE, Part.POSTMASTER)
        )

    async def wait_until_ready(self) -> None:
        ready = request_bytes("/readyz", method="GET")
        deadline = time.monotonic() + READY_SECONDS
        while True:
            async with Client(self.port) as client:
                if await _is_answered(client, ready):
                    return
                assert self._process is None or self._process.poll() is None, "serve ended"
                assert time.monotonic() < deadline, "serve did not become ready"
                await asyncio.sleep(0.05)

    async def enrol(self) -> None:
        """A court and an agency, each with a key."""
        self.keys["court"] = await self.add_court("GD-COURT", COURT_NAME, COURT_CODE)
        self.keys["agency"] = await self.add_member("GD-HR", MemberKind.AGENCY, Role.AGENCY)

    async def add_court(self, member: str, name: str, code: str) -> str:
        return await self.add_member(member, MemberKind.COURT, Role.COURT, name=name, court_code=code)

    async def publish(self, number: str, *, case: int = 1) -> dict[str, Any]:
        """List the person of this number, as the court does."""
        async with Client(self.port) as client:
            reply = await client.ask(request_bytes("/v1/listings", publication(number, case), key=self.keys["court"]))
        assert reply.status == 201, reply.body
        made: dict[str, Any] = reply.json()
        return made

    async def add_member(
        self, member: str, kind: MemberKind, role: Role, *, name: str | None = None, court_code: str | None = None
    ) -> str:
        """Its key."""
        connection = await connect(self.dsn)
        act: dict[str, Any] = {"actor": TEST, "secrecy": self._secrecy()}
        try:
            async with connection.transaction():
                await add_member(connection, code=member, name=name or member, kind=kind, court_code=court_code, **act)
        finally:
            await connection.close()
        return await self.add_key(member, role)

    async def add_key(self, member: str, role: Role) -> str:
        connection = await connect(self.dsn)
        act: dict[str, Any] = {"actor": TEST, "secrecy": self._secrecy()}
        try:
            async with connection.transaction():
                made = await create_key(
                    connection, member_code=member, role=role, matters=None, days=30, environment="test", **act
                )
        finally:
            await connection.close()
        return made.text

    def _secrecy(self) -> Secrecy:
        return Settings(data_dir=self.data_dir).load_secrecy()

    @property
    def dsn(self) -> str:
        running = find_running(self.data_dir)
        assert running is not None, "the database does not run"
        return running

    async def fetch(self, sql: str, *values: Any) -> list[Any]:
        """Ask the database itself, as its superuser."""
        connection = await asyncpg.connect(self.dsn)
        try:
            return list(await connection.fetch(sql, *values))
        finally:
            await connection.close()

    def _everything(self) -> list[int]:
        """All processes below the parent."""
        found = list(self.pids(Part.PARENT))
        for pid in found:
            found += children_of(pid)
        return found[1:]


@asynccontextmanager
async def running(served: Served) -> AsyncIterator[Served]:
    """Started, with its members enrolled; stopped at the end."""
    served.start()
    try:
        await served.wait_until_ready()
        await served.enrol()
        yield served
    finally:
        served.stop()


def publication(number: str, case: int, **values: Any) -> dict[str, Any]:
    """What a court publishes of one person in one case."""
    return {
        "case_number": f"(2025)云0111执{case}号",
        "court": {"code": COURT_CODE, "name": COURT_NAME},
        "debtor": {"kind": "person", "name": "张三", "identifier": {"type": "resident_id", "number": number}},
        "circumstances": ["C4"],
        "decision": {"document_number": f"之{case}", "decided_on": day(-3)},
        "published_on": day(-1),
        "expires_on": day(700),
    } | values


def report(line: str) -> None:
    """One line of figures, to be seen with `-s`."""
    sys.stdout.write(f"\n{line}\n")


def wait_for(is_so: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that was killed and not yet reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def resident_kilobytes(pid: int) -> int:
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1])


async def _is_answered(client: Client, request: bytes) -> bool:
    try:
        return (await client.ask(request)).status == 200
    except (Lost, TimeoutError):  # the port is there before anybody behind it
        return False


def _part_of(command: str) -> Part | None:
    marks = {
        "-m blacklist_service.asgi --fd": Part.WEB,
        "-m blacklist_service.asgi --console": Part.CONSOLE,
        "-m blacklist_service.worker": Part.WORKER,
        "-m blacklist_service.sealer": Part.SEALER,
        " -D /": Part.POSTMASTER,
    }
    return next((part for mark, part in marks.items() if mark in command), None)


def children_of(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:  # it ended
        return []


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def send_signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
