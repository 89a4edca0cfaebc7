"""Two service hosts on one PostgreSQL that is restored to an earlier moment: refused, ended by an officer, and still
provable.
"""

import asyncio
import base64
import json
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from blacklist_client import Unverified, verify_receipt
from blacklist_service.access.scopes import Role
from blacklist_service.members.rules import MemberKind
from blacklist_service.secrecy import Secrecy
from blacklist_service.settings import Settings
from tests.durability.serving import IS_SOAK, Part, Served
from tests.durability.wire import Client, Lost, Reply, request_bytes
from tests.external import External, external_server, needs_postgres_15
from tests.support import question, resident_id, subject

pytestmark = [
    needs_postgres_15,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not IS_SOAK, reason="starts two services four times; ledger/test_new_log.py is the short form"),
]

LISTED = resident_id(15)
PATIENCE_SECONDS = 90.0
SECRET = base64.b64encode(bytes(range(32))).decode()


class Host(Served):
    """A service host on another's database."""

    def __init__(self, home: Path, server: External) -> None:
        home.mkdir()
        self.url_of_database = server.url("bl")
        super().__init__(home, workers=1, database_url=server.url("bl"), secret_key=SECRET, check_deadline_ms=4_000)

    @property
    def dsn(self) -> str:
        return self.url_of_database

    def _secrecy(self) -> Secrecy:
        return Settings(data_dir=self.data_dir, secret_key=SecretStr(SECRET)).load_secrecy()

    async def ask(self, path: str, body: object = None, *, who: str = "agency") -> Reply:
        async with Client(self.port) as client:
            method = "GET" if body is None else "POST"
            return await client.ask(request_bytes(path, body, key=self.keys[who], method=method))

    async def check(self) -> Reply:
        return await self.ask("/v1/checks", question(subject("张三", LISTED)))

    @property
    def held(self) -> str:
        """The name of the log whose checkpoint it keeps."""
        return (self.data_dir / "checkpoint").read_text().partition("\n")[0]

    async def receipt(self, check_id: str) -> dict[str, Any]:
        found = (await self.ask(f"/v1/checks/{check_id}")).json()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (reply := await self.ask(f"/v1/checks/{check_id}/receipt")).status != 200:
            assert time.monotonic() < deadline, reply.body
            await asyncio.sleep(0.1)
        parts = {"answer": found["answer"], "leaf": found["leaf"], "salt": found["leaf_salt"]}
        return {"receipt": reply.body.decode()} | parts

    async def wait_until_it_answers(self) -> None:
        """Whatever it is."""
        await first_answers(self, 1)

    async def until(self, status: int) -> Reply:
        """Until checks and the probe answer so."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            assert time.monotonic() < deadline
            try:
                ready = await self.ask("/readyz")
                if ready.status == (await self.check()).status == status:
                    return ready
            except (Lost, TimeoutError):
                pass
            await asyncio.sleep(0.2)

    async def until_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            assert time.monotonic() < deadline
            try:
                async with Client(self.port) as client:
                    if (await client.ask(request_bytes("/readyz", method="GET"))).status == 200:
                        return
            except (Lost, TimeoutError):
                pass
            await asyncio.sleep(0.2)


@pytest.fixture
def server() -> Iterator[External]:
    with external_server() as server:
        server.psql("CREATE DATABASE bl")
        yield server


@pytest.fixture
async def hosts(server: External, tmp_path: Path) -> AsyncIterator[tuple[Host, Host]]:
    first, second = Host(tmp_path / "first", server), Host(tmp_path / "second", server)
    migrated = first.command("migrate")
    assert migrated.returncode == 0, migrated.stderr
    second.data_dir.mkdir()
    for name in ("signing.key", "checkpoint"):
        shutil.copy(first.data_dir / name, second.data_dir / name)
    try:
        first.start()
        await first.until_ready()
        await first.enrol()
        first.keys["auditor"] = await first.add_member("GD-AUDIT", MemberKind.AUDITOR, Role.AUDITOR)
        second.keys = first.keys
        yield first, second
    finally:
        first.stop()
        second.stop()


def keep_copy(server: External, name: str) -> Path:
    """Of the data directory, as a backup's."""
    copy = server.home / name
    server.control("-m", "fast", "stop")
    subprocess.run(["cp", "-a", server.home / "data", copy], check=True)
    server.start()
    return copy


def put_back(server: External, copy: Path) -> None:
    server.control("-m", "immediate", "stop")
    shutil.rmtree(server.home / "data")
    subprocess.run(["cp", "-a", copy, server.home / "data"], check=True)
    server.start()


async def first_answers(host: Host, count: int = 4) -> list[Reply]:
    """From the very moment there is anybody to answer."""
    replies: list[Reply] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(replies) < count:
        assert time.monotonic() < deadline
        try:
            replies.append(await host.check())
        except (Lost, TimeoutError):
            await asyncio.sleep(0.005)
    return replies


async def test_restored_refused_acted_on_and_everything_said(
    server: External, hosts: tuple[Host, Host], tmp_path: Path
):
    first, second = hosts
    survivor = (await first.check()).json()
    assert survivor["decision"] == "clear"
    before = await first.receipt(survivor["check_id"])
    first.stop()
    copy = keep_copy(server, "copy")

    # It goes on: what follows will be lost.
    for host in hosts:
        host.start()
        await host.until(200)
    await first.publish(LISTED)
    lost = (await second.check()).json()
    assert lost["decision"] == "block"
    lost_receipt = await second.receipt(lost["check_id"])
    old_vkey = (await first.ask("/v1/ledger/vkey")).body.decode()
    bundle = tmp_path / "old.zip"
    assert first.command("audit", "export", "--out", str(bundle)).returncode == 0

    # Restored while both are stopped: nobody is answered, from the first question on.
    first.stop()
    second.stop()
    put_back(server, copy)
    newest = max(hosts, key=lambda host: int((host.data_dir / "checkpoint").read_text().split("\n")[1]))
    behind = second if newest is first else first
    newest.start()
    assert {reply.status for reply in await first_answers(newest)} == {503}
    behind.start()
    await behind.wait_until_it_answers()
    for host in hosts:
        ready = await host.until(503)
        assert "older than the checkpoint" in ready.json()["detail"]
    doctor = behind.command("doctor")
    assert (doctor.returncode, "audit new-log" in doctor.stdout) == (1, True), doctor.stdout

    # The officer acts once, on whichever host; both go on by themselves.
    refused = behind.command("audit", "adopt-anchor")
    assert refused.returncode == 2
    begun = behind.command("audit", "new-log", "--reason", "磁盘损坏，恢复至当日九时", "--json")
    assert begun.returncode == 0, begun.stderr
    vkey = json.loads(begun.stdout)["vkey"]
    origin = vkey.split("+")[0]
    for host in hosts:
        await host.until(200)
        host.kill(Part.SEALER)  # one that only looks on looks each minute: begun again, it looks at once
    assert (await first.check()).json()["decision"] == "clear", "the listing was lost: the court publishes it again"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while {host.held for host in hosts} != {origin}:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
    assert list(newest.data_dir.glob("checkpoint.given-up-*"))

    # Receipts: anew, by the old name, and of what is lost.
    keys = tmp_path / "keys.json"
    keys.write_bytes((await first.ask("/v1/ledger/keys", who="auditor")).body)
    vkeys = (await first.ask("/v1/ledger/vkey")).body.decode()
    assert vkeys == f"{vkey}\n{old_vkey}"
    after = await second.receipt(survivor["check_id"])
    assert verify_receipt(**after, vkey=vkey).log == origin
    assert verify_receipt(**before, vkey=vkeys).log == verify_receipt(**lost_receipt, vkey=old_vkey).log != origin
    with pytest.raises(Unverified, match="another log"):
        verify_receipt(**lost_receipt, vkey=vkey)
    for path in (f"/v1/checks/{lost['check_id']}", f"/v1/checks/{lost['check_id']}/receipt"):
        assert (await first.ask(path)).status == 404
    (tmp_path / "receipt").write_text(lost_receipt["receipt"])
    (tmp_path / "leaf").write_bytes(base64.b64decode(lost_receipt["leaf"]))
    words = ["audit", "verify-receipt", str(tmp_path / "receipt"), str(tmp_path / "leaf"), "--vkey", str(keys)]
    told = first.command(*words)
    assert told.returncode == 0, told.stderr
    assert f"{origin} follows it: of its entries it has the first" in told.stdout
    assert "this entry is not among them" in told.stdout

    # Bundles: the old one under its own name, a new one over the boundary.
    old = first.command("audit", "verify", str(bundle), "--vkey", str(keys))
    assert (old.returncode, "was ended after a restore" in old.stdout) == (0, True), old.stdout
    over = tmp_path / "new.zip"
    assert first.command("audit", "export", "--out", str(over)).returncode == 0
    new = first.command("audit", "verify", str(over), "--vkey", str(keys))
    assert new.returncode == 0, new.stdout
    assert f"entries of the log {origin}\ncomplete" in new.stdout
    assert "BAD  sealing" not in first.command("doctor").stdout

    # A second restore, which nobody acted on.
    first.stop()
    second.stop()
    put_back(server, copy)
    first.start()
    assert {reply.status for reply in await first_answers(first)} == {503}
    ready = await first.until(503)
    assert "older than the checkpoint" in ready.json()["detail"]
