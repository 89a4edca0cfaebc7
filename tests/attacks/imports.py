"""Two courts that send files, and the worker that takes them up."""

import csv
import io
from collections.abc import Mapping
from typing import Any

from blacklist_service.access.scopes import Role
from blacklist_service.database.connections import connect
from blacklist_service.listings.operations.jobs import LOADING_SETTINGS
from blacklist_service.listings.tasks import load_next
from blacklist_service.members.rules import MemberKind
from tests.support import Service

OTHER_COURT = "云0112"


async def add_other_court(service: Service) -> None:
    await service.add_member("XS-COURT", MemberKind.COURT, court_code=OTHER_COURT)
    service.keys["other court"] = await service.add_key("XS-COURT", Role.COURT)


def as_csv(*rows: Mapping[str, str]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for one in rows for name in one)))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


async def send(service: Service, content: bytes, *, key: str = "court", **query: Any) -> str:
    response = await service.client.post(
        "/v1/imports", files={"file": ("list", content)}, params=query, headers=service.bearer(key)
    )
    assert response.status_code == 202, response.text
    import_id: str = response.json()["import_id"]
    return import_id


async def work_once(service: Service) -> bool:
    """Take up one job, as the worker does; whatever it raises ends this connection, and the next time has its own."""
    connection = await connect(service.workplace.dsn, **LOADING_SETTINGS)
    try:
        return await load_next(connection, service.workplace.secrecy)
    finally:
        connection.terminate()


async def state_of(service: Service, import_id: str, *, key: str = "court") -> dict[str, Any]:
    state: dict[str, Any] = (await service.get(f"/v1/imports/{import_id}", key=key)).json()
    return state


async def load(service: Service, content: bytes, *, key: str = "court", **query: Any) -> dict[str, Any]:
    import_id = await send(service, content, key=key, **query)
    while await work_once(service):
        pass
    return await state_of(service, import_id, key=key)
