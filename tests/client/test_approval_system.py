"""The example of an approval system, through a day: applications, officers, an outage, a person listed and delisted
meanwhile.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from blacklist_client import AsyncBlacklist, verify_receipt
from blacklist_service.access.scopes import Role
from blacklist_service.members.rules import MemberKind
from examples.approval_system.app import create_app
from examples.approval_system.store import Store
from tests.durability.serving import Served, running
from tests.durability.wire import Client, request_bytes
from tests.support import day, resident_id

SECONDS = 60


class Page:
    """The example, as a browser without pictures sees it."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def post(self, path: str, **fields: str) -> Any:
        done = await self._client.post(path, data=fields, headers={"accept": "application/json"})
        return done.json()

    async def apply(self, number: str) -> Any:
        return await self.post("/applications", name="张三", number=number, post="科员")

    async def get(self, path: str) -> Any:
        return (await self._client.get(path)).json()

    async def html(self, path: str) -> str:
        return (await self._client.get(path)).text

    async def until(self, application: Any, is_so: Callable[[Any], bool], path: str = "") -> Any:
        deadline = time.monotonic() + SECONDS
        while not is_so(found := await self.get(f"/applications/{application['id']}{path}")):
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.1)
        return found


@asynccontextmanager
async def hiring(served: Served, folder: Path, vkey: str) -> AsyncIterator[Page]:
    """The example, begun anew on its own record."""
    store = Store(folder)
    async with AsyncBlacklist(served.url, served.keys["agency"], vkey=vkey) as office:
        app = create_app(office, store)
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://example") as client,
        ):
            yield Page(client)
    store.close()


async def read_vkey(served: Served) -> str:
    auditor = await served.add_member("GD-AUDIT", MemberKind.AUDITOR, Role.AUDITOR)
    async with httpx.AsyncClient(base_url=served.url, headers={"Authorization": f"Bearer {auditor}"}) as client:
        if (await client.get("/v1/watch-events")).status_code == 404:
            pytest.skip("NOT TRIED: this service keeps no watches")
        return (await client.get("/v1/ledger/vkey")).raise_for_status().text


async def outcomes(served: Served) -> int:
    [found] = await served.fetch("SELECT count(*) AS n FROM ledger_entries WHERE action = 'outcome_recorded'")
    return int(found["n"])


async def test_a_day_of_an_approval_system(tmp_path: Path) -> None:
    listed, other, late = resident_id(), resident_id(), resident_id()
    async with running(Served(tmp_path, log_level="error", workers=1)) as served:
        await served.publish(listed, case=1)
        vkey = await read_vkey(served)
        async with hiring(served, tmp_path / "office", vkey) as page:
            blocked, clear = await page.apply(listed), await page.apply(other)
            assert blocked["state"] == "with_officer"
            assert "公务员法" in blocked["reasons"][0]
            assert clear["state"] == "goes_on"
            wrong = await page.apply("530111198503170016")
            assert wrong["state"] == "to_mend"
            assert (await page.post(f"/applications/{wrong['id']}/correction", resident_id=resident_id()))[
                "state"
            ] == "goes_on"
            assert listed not in await page.html("/") + await page.html("/officers")

            refused = await page.post(f"/applications/{blocked['id']}/decision", decision="approve", officer="王丽")
            assert "理由" in refused["detail"]

            served.stop()
            held = await page.apply(late)
            assert (held["state"], held["decision"]) == ("filed", None)
            done = await page.post(f"/applications/{blocked['id']}/decision", decision="refuse", officer="王丽")
            assert done["state"] == "refused"

        served.start()
        await served.wait_until_ready()
        assert await outcomes(served) == 0
        async with hiring(served, tmp_path / "office", vkey) as page:  # begun anew, it goes on
            answered = await page.until(held, lambda one: one["state"] == "goes_on")
            deadline = time.monotonic() + SECONDS
            while await outcomes(served) == 0:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.1)

            made = await served.publish(other, case=2)
            told = await page.until(clear, lambda one: one["state"] == "with_officer")
            assert told["decision"] == "block"
            assert "已变化" in told["why"]
            await delete(served, made)
            told = await page.until(clear, lambda one: one["decision"] == "clear")
            assert told["state"] == "with_officer"  # once it was questioned, a human says so
            await page.post(f"/applications/{clear['id']}/decision", decision="approve", officer="王丽")
            await served.publish(other, case=3)
            late_hit = await page.post(f"/applications/{clear['id']}/appointment", officer="王丽")
            assert late_hit["state"] == "with_officer"  # asked again at the last moment

            appointed = await page.post(f"/applications/{answered['id']}/appointment", officer="王丽")
            assert appointed["state"] == "appointed"
            receipt = await page.until(appointed, bool, "/receipt")
            assert str(verify_receipt(**receipt, vkey=vkey).check_id) == appointed["check_id"]

        first, second = await listen(served, vkey, "--after", "0", "--count", "2", "--answers")
        assert 0 < first["receipt"]["index"] < second["receipt"]["index"] < second["receipt"]["size"]
        assert [first["after"], second["after"]] == ["block", "clear"], (first, second)
        assert first["reference"] == clear["reference"]
        assert "公务员法" in first["reasons"][0]
        assert other not in str(first)


async def listen(served: Served, vkey: str, *words: str) -> list[Any]:
    """`blacklist-client listen`, and what it prints."""
    program = [sys.executable, "-c", "import sys; from blacklist_client.cli import main; sys.exit(main())"]
    environment = {"PATH": os.environ["PATH"], "BLACKLIST_URL": served.url, "BLACKLIST_KEY": served.keys["agency"]}
    environment["BLACKLIST_VKEY"] = vkey
    process = await asyncio.create_subprocess_exec(
        *program, "listen", *words, env=environment, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return [json.loads(line) for line in printed.splitlines()]


async def delete(served: Served, made: Any) -> None:
    body = {"ground": "performed", "decided_on": day()}
    path = f"/v1/listings/{made['listing_id']}/deletion"
    async with Client(served.port) as client:
        reply = await client.ask(request_bytes(path, body, key=served.keys["court"], If_Match='"1"'))
    assert reply.status == 200, reply.body
