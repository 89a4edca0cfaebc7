"""A real `serve` tells a real receiver over this machine's own network, whatever becomes of its worker."""

import asyncio
import json
import random
import socket
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from blacklist_service.access.scopes import Role
from tests.durability.serving import IS_SOAK, Part, Served, publication, running
from tests.support import day, resident_id, subject
from tests.webhooks.receiver import Receiver, take

KILLS = 30 if IS_SOAK else 1
PEOPLE = 20 if IS_SOAK else 3
PATIENCE_SECONDS = 90


async def test_each_change_is_told_over_the_network_though_the_worker_is_killed(tmp_path: Path, receiver: Receiver):
    address = own_address()
    targets = f"http://{address}:{receiver.port}"
    async with running(Served(tmp_path, workers=1, webhook_targets=targets)) as served, client_of(served) as client:
        receiver.secret = await verified(served, client, receiver, f"{targets}/events?unit=7")
        person = 0
        for _ in range(KILLS):
            for _ in range(PEOPLE):
                person += 1
                number = resident_id(person)
                asked = await client.post("/v1/checks", json=question(number, person), headers=bearer(served, "agency"))
                assert asked.json()["watch"], asked.text
                listing = publication(number, 1_000_000 + person)
                published = await client.post("/v1/listings", json=listing, headers=bearer(served, "court"))
                assert published.status_code == 201, published.text
            if IS_SOAK:
                await asyncio.sleep(random.random())
            else:  # nothing is under way, so that nobody has to wait for a lease to end
                await told_of(receiver, person)
            served.kill(Part.WORKER)
        await told_of(receiver, person)
        assert all(states == {"block"} for states in effects(receiver).values())
        [hook] = (await client.get("/v1/webhooks", headers=bearer(served, "agency"))).json()["items"]
        assert hook["state"] == "active"
    log = served.log.read_text("utf-8")
    assert "unit=7" not in log
    assert receiver.secret not in log


async def test_a_list_that_cannot_be_read_is_said_before_anything_is_served(tmp_path: Path):
    for settings, named in (
        ({"webhook_targets": "http://127.0.0.1:8080"}, "BLACKLIST_WEBHOOK_TARGETS: 127.0.0.1 is never spoken to"),
        ({"webhook_ca_file": tmp_path / "nothing.pem"}, "BLACKLIST_WEBHOOK_CA_FILE"),
    ):
        said = Served(tmp_path, **settings).command("serve")
        assert said.returncode == 2
        assert named in said.stderr


async def verified(served: Served, client: httpx.AsyncClient, receiver: Receiver, url: str) -> str:
    """The secret of a webhook that is active."""
    body = {"url": url, "types": ["watch.decision_changed"]}
    made = (await client.post("/v1/webhooks", json=body, headers=bearer(served, "agency"))).json()
    served.keys["security"] = json.loads(
        served.command("keys", "create", "--member", "GD-HR", "--role", Role.SECURITY.value, "--json").stdout
    )["key"]
    path = f"/v1/webhooks/{made['webhook_id']}"
    approved = await client.post(f"{path}/approval", json={}, headers=bearer(served, "security"))
    assert approved.status_code == 200, approved.text
    await until(lambda: bool(receiver.requests))
    secret: str = made["secret"]
    return secret


async def told_of(receiver: Receiver, watches: int) -> None:
    await until(lambda: len(effects(receiver)) == watches)


def effects(receiver: Receiver) -> dict[str, set[str]]:
    """Of each watch the decisions that it was told, each id counted once."""
    found: dict[str, set[str]] = defaultdict(set)
    for body in receiver.told:
        found[body["data"]["watch_id"]].add(body["data"]["after"])
    return found


def question(number: str, person: int) -> dict[str, Any]:
    return {
        "matter": "civil_service_recruitment",
        "reference": f"GD-{person}",
        "subjects": [subject("张三", number)],
        "watch": {"until": day(30)},
    }


def client_of(served: Served) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=served.url, timeout=30)


def bearer(served: Served, key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {served.keys[key]}"}


def own_address() -> str:
    """Of this machine and not of its loopback, to which no webhook may go; no packet is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.254", 9))
        except OSError:
            pytest.skip("this machine has no address but its loopback")
        address: str = probe.getsockname()[0]
    if address.startswith("127."):
        pytest.skip("this machine has no address but its loopback")
    return address


async def until(condition: Any) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.05)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver(reply=take)
    async with await asyncio.start_server(receiver.meet, own_address(), 0) as server:
        receiver.port = server.sockets[0].getsockname()[1]
        yield receiver
