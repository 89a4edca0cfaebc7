"""A unit's receiver on this machine: it verifies events as the official library does, and fails when told to."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any
from uuid import UUID, uuid4

from standardwebhooks.webhooks import Webhook

from blacklist_service.access.scopes import Role
from blacklist_service.clock import now
from blacklist_service.database.connections import Connection
from blacklist_service.watches.rules import Cause, EventType
from blacklist_service.watches.telling import Event, tell
from blacklist_service.webhooks.posting import Poster, Stream
from blacklist_service.webhooks.sender import Sender
from blacklist_service.webhooks.targets import Address, Destination, Surroundings, Targets
from tests.support import Service

TARGETS = Targets.parse("http://*.guandu.example:8080@10.20.0.0/16")
CONTEXT = ssl.create_default_context()
LONGEST = timedelta(days=15)
Reply = Callable[[dict[str, str], bytes], Awaitable[tuple[int, bytes, dict[str, str]]]]


@dataclass
class Receiver:
    """What came, in order. `reply` says what is answered; by default a challenge's echo, and 204 to all else."""

    port: int = 0
    secret: str | None = None
    reply: Reply | None = None
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    most_at_once: int = 0
    _at_once: int = 0

    @property
    def told(self) -> list[dict[str, Any]]:
        """Events, as often as they came."""
        return [body for body in self.bodies if body["type"].partition(".")[0] != "webhook"]

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.requests]

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers["content-length"]))
            self.requests.append((headers, body))
            if self.secret is not None:
                Webhook(self.secret).verify(body, headers)
            status, content, more = await (self.reply or take)(headers, body)
            lines = [f"HTTP/1.1 {status} x", f"content-length: {len(content)}"]
            lines += [f"{name}: {value}" for name, value in more.items()]
            writer.write("\r\n".join([*lines, "", ""]).encode() + content)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._at_once -= 1
            writer.close()


async def take(_headers: dict[str, str], body: bytes) -> tuple[int, bytes, dict[str, str]]:
    """Echo a challenge, take everything else."""
    said = json.loads(body)
    if said["type"] == "webhook.verification":
        return 200, json.dumps({"challenge": said["data"]["challenge"]}).encode(), {}
    return 204, b"", {}


def failing(status: int, **headers: str) -> Reply:
    async def fail(_headers: dict[str, str], _body: bytes) -> tuple[int, bytes, dict[str, str]]:
        return status, b"", {name.replace("_", "-"): value for name, value in headers.items()}

    return fail


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    async with await asyncio.start_server(receiver.meet, "127.0.0.1", 0) as server:
        receiver.port = server.sockets[0].getsockname()[1]
        yield receiver


def poster_to(receivers: dict[str, Receiver]) -> Poster:
    """Every listed name resolves into the listed network; what is dialled there is the receiver of that name."""

    async def resolve(host: str, port: int) -> Sequence[Address]:
        return [ip_address("10.20.0.1")]

    async def dial(address: Address, destination: Destination, context: ssl.SSLContext | None) -> Stream:
        return await asyncio.open_connection("127.0.0.1", receivers[destination.host].port)

    async def look() -> Surroundings:
        return Surroundings()

    return Poster(TARGETS, context=CONTEXT, look=look, resolve=resolve, dial=dial)


@dataclass
class Clock:
    """Time that passes when it is told to."""

    at: datetime = field(default_factory=now)

    def __call__(self) -> datetime:
        return self.at


def sender_to(service: Service, receivers: dict[str, Receiver], clock: Callable[[], datetime] = now) -> Sender:
    return Sender(poster_to(receivers), secrecy=service.workplace.secrecy, longest=LONGEST, clock=clock)


async def settle_all(sender: Sender, connection: Connection) -> None:
    """Rounds until nothing is under way and nothing is due."""
    while True:
        await sender.round(connection)
        if sender.is_idle:
            await sender.round(connection)
            if sender.is_idle:
                return
        await sender.wait(5)


async def open_hook(
    service: Service,
    host: str = "gw.guandu.example",
    *,
    types: Sequence[str] | None = None,
    key: str = "agency",
    **body: Any,
) -> tuple[str, str]:
    """A webhook that was asked for and approved; its id and secret."""
    service.app.state.webhook_targets = TARGETS
    if "security" not in service.keys:
        service.keys["security"] = await service.add_key("GD-HR", Role.SECURITY)
    asked = {"url": f"http://{host}:8080/events", "types": types or [one.value for one in EventType]} | body
    made = await service.post("/v1/webhooks", asked, key=key)
    assert made.status_code == 201, made.text
    webhook_id = made.json()["webhook_id"]
    approved = await service.post(f"/v1/webhooks/{webhook_id}/approval", {}, key="security")
    assert approved.status_code == 200, approved.text
    return webhook_id, made.json()["secret"]


async def happen(connection: Connection, *events: Event) -> None:
    """Write events into the feeds, as the worker does where something changed."""
    async with connection.transaction():
        await tell(connection, events, at=await connection.fetchval("SELECT clock_timestamp()"))


def change(
    watch_id: UUID | None = None,
    revision: int = 1,
    *,
    member: str = "GD-HR",
    kind: EventType = EventType.DECISION_CHANGED,
    after: str | None = "block",
) -> Event:
    watch_id = watch_id or uuid4()
    return Event(
        *(member, kind, watch_id, revision, uuid4(), "报名-1", "civil_service_recruitment", "clear", after, 1, 1),
        Cause.LIST,
    )


def withdrawn(check_id: UUID, *, member: str = "GD-HR", list_version: int = 1) -> Event:
    kind, cause = EventType.LISTING_WITHDRAWN, Cause.LIST
    return Event(
        member, kind, None, None, check_id, "报名-1", "civil_service_recruitment", "block", None, list_version, 1, cause
    )
