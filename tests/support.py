"""The service as a test sees it, and people who do not exist."""

import asyncio
import csv
import io
import json
import socket
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import uvicorn
from fastapi import FastAPI
from starlette.routing import BaseRoute

from blacklist_service.access.principals import Actor
from blacklist_service.access.scopes import Role, Scope
from blacklist_service.application import create_app, with_hot_lane
from blacklist_service.asgi import express_protocol
from blacklist_service.cli.environment import Workplace
from blacklist_service.cli.importing import ImportReport, load
from blacklist_service.clock import legal_date, now
from blacklist_service.database.connections import Connection
from blacklist_service.listings.calendar import write_what_fell_due
from blacklist_service.listings.rules import ImportMode
from blacklist_service.members.operations import add_member, create_key
from blacklist_service.members.rules import MemberKind
from blacklist_service.secrecy import Secrecy
from blacklist_service.settings import Settings
from blacklist_service.web.routing import Needs

COURT_CODE = "云0111"
COURT_NAME = "昆明市官渡区人民法院"
TEST = Actor(operator="test")
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_people = count(1)


def with_database(dsn: str, name: str) -> str:
    parts = urlsplit(dsn)
    return urlunsplit(parts._replace(path=f"/{name}"))


def resident_id(number: int | None = None, *, born: str | None = None) -> str:
    """A number that was never issued, with a check character that holds; without `number`, nobody's of those given one."""
    born = born or ("19850317" if number else "19850318")
    body = f"530111{born}{(number or next(_people)) % 1000:03d}"
    return body + "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, WEIGHTS, strict=True)) % 11]


def day(offset: int = 0) -> str:
    """A legal date, `offset` days from today."""
    return (legal_date(now()) + timedelta(days=offset)).isoformat()


def row(**values: Any) -> dict[str, str]:
    """A row of a list file that is right in every way, but for what is given; None leaves a cell empty."""
    number = next(_people)
    usual = {
        "action": "publish",
        "name": "张三",
        "kind": "person",
        "identifier_type": "resident_id",
        "identifier_number": resident_id(),
        "case_number": f"(2025)云0111执{number}号",
        "court_code": COURT_CODE,
        "published_on": day(-30),
        "decided_on": day(-33),
        "expires_on": day(700),
        "decision_number": f"(2025)云0111执{number}号之一",
        "circumstances": "违反财产报告制度",
        "performance": "全部未履行",
    }
    return {name: value or "" for name, value in (usual | values).items()}


def subject(name: str = "张三", number: str | None = None, **values: Any) -> dict[str, Any]:
    kind = values.pop("type", "resident_id")
    identifier = {"type": kind, "number": number} if number else None
    return {"role": "applicant", "kind": "person", "name": name, "identifier": identifier} | values


def question(*subjects: Mapping[str, Any], matter: str = "civil_service_recruitment", **values: Any) -> dict[str, Any]:
    return {"matter": matter, "reference": "GD-1", "subjects": list(subjects)} | values


@dataclass
class Service:
    """A running service and the keys of its members."""

    app: FastAPI
    client: httpx.AsyncClient
    workplace: Workplace
    keys: dict[str, str] = field(default_factory=dict)

    async def add_key(self, member: str, role: Role, *, matters: Iterable[str] | None = None) -> str:
        async with self.workplace.connected() as connection, connection.transaction():
            key = await create_key(
                connection,
                member_code=member,
                role=role,
                matters=None if matters is None else list(matters),
                days=30,
                environment="test",
                actor=TEST,
                secrecy=self.workplace.secrecy,
            )
        return key.text

    async def add_member(self, code: str, kind: MemberKind, *, court_code: str | None = None) -> None:
        async with self.workplace.connected() as connection, connection.transaction():
            await add_member(
                connection,
                code=code,
                name=COURT_NAME if court_code == COURT_CODE else code,
                kind=kind,
                court_code=court_code,
                actor=TEST,
                secrecy=self.workplace.secrecy,
            )

    async def load(self, path: Path, *, court_code: str = COURT_CODE, is_dry_run: bool = False) -> ImportReport:
        return await load(
            self.workplace, path, court_code=court_code, mode=ImportMode.UPSERT, is_dry_run=is_dry_run, is_quiet=True
        )

    async def load_rows(self, *rows: Mapping[str, str], **options: Any) -> ImportReport:
        """Load rows through a CSV file, as a court would."""
        path = self.workplace.settings.data_dir / f"list-{next(_people)}.csv"
        header = list(dict.fromkeys(name for one in rows for name in one))
        text = io.StringIO()
        writer = csv.DictWriter(text, header)
        writer.writeheader()
        writer.writerows(rows)
        path.write_text(text.getvalue(), "utf-8")
        return await self.load(path, **options)

    async def load_json(self, *lines: Mapping[str, Any]) -> ImportReport:
        """Load rows through a JSON Lines file, as the official site gives them."""
        path = self.workplace.settings.data_dir / f"list-{next(_people)}.jsonl"
        path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), "utf-8")
        return await self.load(path)

    async def do_calendar_round(self, connection: Connection) -> None:
        async with connection.transaction():
            assert not await write_what_fell_due(connection, self.workplace.secrecy)

    async def move_grace_back(self, connection: Connection) -> None:
        """As if the days had passed: nobody may wait for a calendar in a test."""
        await connection.execute("UPDATE listings SET in_force_from = in_force_from - 10 WHERE NOT is_published")

    async def post(self, path: str, body: Any, *, key: str = "agency", **headers: str) -> httpx.Response:
        return await self.client.post(path, json=body, headers=self.bearer(key) | headers)

    async def get(self, path: str, *, key: str = "agency", **params: Any) -> httpx.Response:
        return await self.client.get(path, params=params, headers=self.bearer(key))

    async def check(self, *subjects: Mapping[str, Any], **values: Any) -> dict[str, Any]:
        response = await self.post("/v1/checks", question(*subjects, **values))
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def decide(self, *subjects: Mapping[str, Any], **values: Any) -> str:
        decision: str = (await self.check(*subjects, **values))["decision"]
        return decision

    async def fetch(self, sql: str, *values: Any) -> list[Any]:
        async with self.workplace.connected() as connection:
            return list(await connection.fetch(sql, *values))

    def bearer(self, key: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys.get(key, key)}"}


_prepared: dict[int, BaseRoute] = {}


def with_prepared_routes(app: FastAPI) -> FastAPI:
    """FastAPI makes an included router ready when an application is first asked for something, every route before the one
    that is meant: a fifth of a second for the last of ours. What the process's first application has made serves each other,
    for it says nothing of settings or of a database.
    """
    routes = app.router.routes
    routes[:] = [
        _prepared.setdefault(id(route.original_router), route) if hasattr(route, "original_router") else route
        for route in routes
    ]
    return app


@asynccontextmanager
async def serving(
    settings: Settings, dsn: str, secrecy: Secrecy, keys: Mapping[str, str] | None = None
) -> AsyncIterator[Service]:
    """The whole web application; without `keys` its usual members are added, and given theirs."""
    app = with_prepared_routes(create_app(settings, dsn, secrecy))
    transport = httpx.ASGITransport(with_hot_lane(app), client=("127.0.0.1", 40000), raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        service = Service(app, client, Workplace(settings, dsn, secrecy))
        service.keys |= keys if keys is not None else await add_usual_members(service)
        yield service


async def add_usual_members(service: Service) -> dict[str, str]:
    """A court, two agencies and an auditor, each with the key of its role."""
    await service.add_member("GD-COURT", MemberKind.COURT, court_code=COURT_CODE)
    await service.add_member("GD-HR", MemberKind.AGENCY)
    await service.add_member("GD-EDU", MemberKind.AGENCY)
    await service.add_member("GD-AUDIT", MemberKind.AUDITOR)
    return {
        "court": await service.add_key("GD-COURT", Role.COURT),
        "agency": await service.add_key("GD-HR", Role.AGENCY),
        "other agency": await service.add_key("GD-EDU", Role.AGENCY),
        "auditor": await service.add_key("GD-AUDIT", Role.AUDITOR),
    }


@asynccontextmanager
async def listening(service: Service, **settings: Any) -> AsyncIterator[int]:
    """The service on a real port, its connections as `serve` makes them."""
    lane = with_hot_lane(service.app)
    usual: dict[str, Any] = {"lifespan": "off", "log_config": None, "access_log": False, "server_header": False}
    with socket.socket(proto=socket.IPPROTO_TCP) as listen:  # named, or asyncio lets answers in two writes wait 40 ms
        listen.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(lane, http=express_protocol(lane), **usual | settings))
        task = asyncio.create_task(server.serve(sockets=[listen]))
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield listen.getsockname()[1]
        finally:
            server.should_exit = True
            await task


def operations(service: Service) -> list[tuple[str, str, frozenset[Scope]]]:
    """Every guarded operation with the scopes of which it needs one; empty = any key, or asked for otherwise."""
    found: list[tuple[str, str, frozenset[Scope]]] = []
    for included in service.app.routes:
        for route in getattr(getattr(included, "original_router", None), "routes", ()):
            for dependency in route.dependencies:
                if isinstance(needed := dependency.dependency, Needs):
                    scopes = frozenset(scope for scope in (needed.scope, *needed.others) if scope is not None)
                    found += [(method, route.path, scopes) for method in sorted(route.methods)]
    return found
