"""Numbers that are planted everywhere come out nowhere: no log line, metric, error, tile, export or command line."""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_commands import Operator, wait_until_ready
from tests.support import COURT_CODE, COURT_NAME, day, resident_id

ASKED, LISTED, WRONG = resident_id(901), resident_id(902), "530111198503179999"
PLANTED = (ASKED, LISTED, WRONG, "G12345678X", "91530111MA6K00009X")


class Client:
    """Asks a running service, and keeps every byte it ever answered with an error."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.errors: list[bytes] = []

    def send(self, method: str, path: str, key: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        given = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"} | headers
        request = urllib.request.Request(self.base + path, content, given, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            with error:
                self.errors.append(error.read() + str(error.headers).encode())
                return error.code, self.errors[-1]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Operator, Client, Path]]:
    operator = Operator(tmp_path_factory.mktemp("planted"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = operator.home / "serve.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "blacklist_service", "serve", "--port", str(port), "--workers", "1"],
            env=operator.environment | {"BLACKLIST_DATA_DIR": str(operator.data_dir), "BLACKLIST_LOG_LEVEL": "debug"},
            stdout=file,
            stderr=file,
        )
        wait_until_ready(port)
        yield operator, Client(port), log
        process.terminate()
        process.wait(20)


def person(name: str, number: str, kind: str = "resident_id", **more: str) -> dict[str, Any]:
    return {"kind": "person", "name": name, "identifier": {"type": kind, "number": number}} | more


def test_planted_numbers_come_out_nowhere(running: tuple[Operator, Client, Path]):
    operator, client, log = running
    keys = {}
    for code, kind, role in (
        ("GD-COURT", "court", "court"),
        ("GD-HR", "agency", "agency"),
        ("AUD", "auditor", "auditor"),
    ):
        court = ["--court-code", COURT_CODE] if kind == "court" else []
        name = COURT_NAME if kind == "court" else code
        assert operator.types("members", "add", code, "--name", name, "--kind", kind, *court).returncode == 0
        keys[kind] = json.loads(operator.types("keys", "create", "--member", code, "--role", role, "--json").stdout)[
            "key"
        ]
    agency, court_key, auditor = keys["agency"], keys["court"], keys["auditor"]
    listing = {
        "case_number": "(2025)云0111执9001号",
        "court": {"code": COURT_CODE, "name": COURT_NAME},
        "debtor": {"kind": "person", "name": "张三", "identifier": {"type": "resident_id", "number": LISTED}},
        "circumstances": ["C4"],
        "decision": {"document_number": "d", "decided_on": day(-2)},
        "published_on": day(-1),
        "expires_on": day(300),
        "basis": {"document_number": "b", "issuer": COURT_NAME},
        "filed_on": day(-90),
        "obligation": "支付货款",
        "performance": "none",
    }
    assert client.send("POST", "/v1/listings", court_key, listing)[0] == 201
    again = listing | {
        "debtor": {"kind": "person", "name": "李四", "identifier": {"type": "resident_id", "number": LISTED}}
    }
    assert client.send("POST", "/v1/listings", court_key, again)[0] == 409
    damaged = listing | {
        "debtor": {"kind": "person", "name": "李四", "identifier": {"type": "resident_id", "number": "5.30111E+17"}}
    }
    assert client.send("POST", "/v1/listings", court_key, damaged)[0] == 422
    check = {
        "matter": "civil_service_recruitment",
        "reference": "R",
        "subjects": [person("张三", ASKED, role="applicant")],
    }
    statuses = [
        client.send("POST", "/v1/checks", agency, check)[0],
        client.send("POST", "/v1/checks", agency, check | {"subjects": [person("张三", LISTED, role="applicant")]})[0],
        client.send("POST", "/v1/checks", agency, check | {"subjects": [person("张三", WRONG, role="applicant")]})[0],
        client.send("POST", "/v1/checks", agency, check | {"matter": ASKED})[0],
        client.send("POST", "/v1/checks", agency, check | {ASKED: ASKED})[0],
        client.send("POST", "/v1/checks", agency, check | {"operator": [ASKED]})[0],
        client.send("POST", "/v1/checks", agency, json.dumps(check).encode() + ASKED.encode())[0],
        client.send("POST", "/v1/checks", agency, check, **{"Idempotency-Key": ASKED + " " + WRONG})[0],
        client.send("POST", f"/v1/checks/{ASKED}/outcome", agency, {})[0],
        client.send("GET", f"/v1/checks/{ASKED}", agency)[0],
        client.send("GET", "/v1/checks/batch", ASKED)[0],
        client.send("POST", "/v1/checks/batch", agency, {"checks": [check, check | {"reference": None, "x": ASKED}]})[
            0
        ],
        client.send("POST", "/v1/notices", court_key, {"number": ASKED, "subject": person("张三", ASKED)})[0],
        client.send("POST", "/v1/listings/search", court_key, {"subject": person("张三", WRONG)})[0],
        client.send("POST", "/v1/audit/as-of", auditor, {"matter": "m", "subject": person("张三", ASKED), "at": ASKED})[
            0
        ],
        client.send("POST", "/v1/audit/entries/search", auditor, {"subject": person("张三", ASKED)})[0],
        client.send("GET", f"/v1/audit/entries?cursor={ASKED}", auditor)[0],
    ]
    assert set(statuses) >= {200, 401, 405, 422}, statuses
    assert all(status < 500 for status in statuses), statuses
    time.sleep(1)
    bundle = operator.home / "all.zip"
    export = operator.types("audit", "export", "--out", str(bundle))
    wrong = operator.types("check", "--matter", "civil_service_recruitment", "--name", "张三", "--id-number", WRONG)
    with zipfile.ZipFile(bundle) as files:
        exported = {name: files.read(name) for name in files.namelist()}
    outputs = {
        "errors": b"".join(client.errors),
        "the service's log": log.read_bytes(),
        "the database's log": b"".join(path.read_bytes() for path in operator.data_dir.rglob("*.log")),
        "metrics": client.send("GET", "/metrics", agency)[1],
        "the public list": client.send("GET", "/v1/publication", court_key)[1],
        "the feed": client.send("GET", "/v1/changes?after=0", court_key)[1],
        "the search": client.send("GET", "/v1/audit/entries?limit=500", auditor)[1],
        "a tile": client.send("GET", "/v1/ledger/tile/0/000.p/3", auditor)[1],
        "commands": (export.stdout + export.stderr + wrong.stdout + wrong.stderr).encode(),
        "processes": subprocess.run(["ps", "-eo", "args"], capture_output=True, check=False).stdout
        if Path("/bin/ps").exists()
        else b"",
    } | exported
    assert len(outputs["the service's log"]) > 1000
    found = {where: [number for number in PLANTED if number.encode() in content] for where, content in outputs.items()}
    assert {where: numbers for where, numbers in found.items() if numbers} == {}
