"""A person's account asking the API as the console does: in this process, in the account's name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx

from blacklist_service.access.duties import Duty
from blacklist_service.members.staff.operations import accounts, grants
from blacklist_service.members.staff.queries import get_account
from tests.support import COURT_CODE, TEST, Service, day, resident_id

_employees = count(1)


@dataclass
class Clerk:
    """Somebody with an account."""

    account: str
    client: httpx.AsyncClient

    async def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return await self.client.post(path, json=body, headers=headers)

    async def get(self, path: str, **params: Any) -> httpx.Response:
        return await self.client.get(path, params=params)

    async def put(self, path: str, body: Any) -> httpx.Response:
        return await self.client.put(path, json=body)

    async def propose(self, **body: Any) -> dict[str, Any]:
        response = await self.post("/v1/proposals", body)
        assert response.status_code == 201, response.text
        proposal: dict[str, Any] = response.json()
        return proposal

    async def approve(self, proposal: dict[str, Any], number: str | None = None) -> httpx.Response:
        body = {"sha256": proposal["sha256"], "identifier_number": number}
        return await self.post(f"/v1/proposals/{proposal['proposal_id']}/approval", body)


@asynccontextmanager
async def seated(service: Service, login: str, *duties: Duty, member: str = "GD-COURT") -> AsyncIterator[Clerk]:
    """Without a password: nobody logs in here."""
    secrecy = service.workplace.secrecy
    async with service.workplace.connected() as connection, connection.transaction():
        account_id, _ = await accounts.open_account(
            connection,
            member=member,
            login=login,
            name=f"测试{login}",
            employee_number=f"P{next(_employees)}",
            actor=TEST,
            secrecy=secrecy,
        )
        for duty in duties:
            await grants.grant_duty(connection, account_id, duty, actor=TEST, secrecy=secrecy)
        account = await get_account(connection, account_id, secrecy=secrecy)

    async def in_their_name(scope: Any, receive: Any, send: Any) -> None:
        await service.app(scope | {"principal": account.principal}, receive, send)

    transport = httpx.ASGITransport(in_their_name, client=("127.0.0.1", 40000), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield Clerk(account_id, client)


def publication(number: str | None = None, **values: Any) -> dict[str, Any]:
    """A publication that is right in every way, but for what is given."""
    number = number or resident_id()
    case = f"(2025)云0111执{int(number[14:17]) + 5000}号"
    return {
        "case_number": case,
        "court": {"code": COURT_CODE},
        "debtor": {"kind": "person", "name": "赵六", "identifier": {"type": "resident_id", "number": number}},
        "circumstances": ["C4"],
        "decision": {"document_number": f"{case}之一", "decided_on": day(-3)},
        "published_on": day(-1),
        "expires_on": day(700),
        "obligation": "支付货款 120000 元",
        "performance": "none",
    } | values
