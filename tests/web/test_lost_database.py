"""Whatever happens to the database, an operation that needs it is refused with 503, never with 500."""

import asyncio
import os
import signal
import socket
from pathlib import Path

import asyncpg
import httpx

from blacklist_service.database.connections import connect
from blacklist_service.settings import Settings
from tests.conftest import SECRECY
from tests.support import Service, listening, row, serving, subject

READS = {
    "court": ("/v1/listings", "/v1/listings/tasks", "/v1/publication", "/v1/changes?after=0"),
    "auditor": ("/v1/audit/entries", "/v1/supervision/scorecard?from=2026-01-01&to=2026-02-01"),
    "agency": ("/v1/matters", "/v1/checks?pending=outcome", "/v1/notices", "/v1/notices/stream"),
}


async def test_a_server_that_is_shutting_down_is_503_to_whoever_asks(own_server: tuple[Service, int]):
    service, postmaster = own_server
    await _let_nobody_in(service, postmaster)
    found = {}
    for key, paths in READS.items():
        for path in paths:
            response = await service.client.get(path, headers=service.bearer(key))
            found[path] = (response.status_code, response.json().get("code"))
    assert found == dict.fromkeys(found, (503, "undetermined"))


async def test_a_file_sent_to_a_server_that_is_gone_is_503(own_server: tuple[Service, int]):
    service, postmaster = own_server
    async with listening(service) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        await _let_nobody_in(service, postmaster)
        files = {"file": ("list.csv", b"name,case_number\n", "text/csv")}
        response = await client.post("/v1/imports", files=files, headers=service.bearer("court"))
        assert (response.status_code, response.json()["code"]) == (503, "undetermined")


async def test_a_publication_that_nobody_reads_to_its_end_gives_its_connection_back(dsn: str, tmp_path: Path):
    settings = Settings(data_dir=tmp_path, pool_size=1, check_deadline_ms=10_000)
    async with serving(settings, dsn, SECRECY) as service, listening(service) as port:
        await service.load_rows(*(row(name=f"张{number}") for number in range(6000)))
        head = f"GET /v1/publication HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {service.keys['court']}\r\n\r\n"
        for _ in range(3):
            with socket.socket() as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # the answer does not fit on the way
                client.setblocking(False)
                loop = asyncio.get_running_loop()
                await loop.sock_connect(client, ("127.0.0.1", port))
                await loop.sock_sendall(client, head.encode())
                assert (await loop.sock_recv(client, 20)).startswith(b"HTTP/1.1 200")
        assert (await service.get("/v1/listings", key="court")).status_code == 200


async def _let_nobody_in(service: Service, postmaster: int) -> None:
    """Shut it down in the way that lets stay who is connected: checks, and the proofs of keys."""
    await service.app.state.proofs.rehearse()
    await service.check(subject())
    os.kill(postmaster, signal.SIGTERM)
    async with asyncio.timeout(5):
        while True:
            try:
                connection = await connect(service.workplace.dsn)
            except asyncpg.CannotConnectNowError:
                return
            await connection.close()
            await asyncio.sleep(0.02)
