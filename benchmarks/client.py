"""What the client costs in addition to bare httpx, and what an open circuit costs.

.venv/bin/python benchmarks/client.py [--calls 4000]

Both call the same minimal server, in turns within one run. The measure is the processor time of the calling thread: waiting
times, and this machine's noise, affect both alike. Bare httpx creates a key, sends the question and parses the JSON. Exit 1
if a limit is exceeded.
"""

import argparse
import asyncio
import json
import multiprocessing
import statistics
import sys
import time
import uuid
from datetime import UTC, datetime
from email.utils import format_datetime
from multiprocessing.synchronize import Event

import httpx

from blacklist_client import Answer, AsyncBlacklist, Blacklist, Hold, Question, person

MOST_ADDED_MICROSECONDS = 60.0
MOST_OPEN_CIRCUIT_MICROSECONDS = 100.0
QUESTION = Question(
    matter="civil_service_recruitment",
    reference="GD-2018-0412-001",
    subjects=[person("张三", resident_id="530111198503170015")],
)
MATCH = {
    "listing_id": "0197c9a5-7c00-7000-8000-000000000001",
    "relation": "debtor",
    "identity": "exact",
    "effect": "block",
    "reason": "prohibition",
    "measure": {"id": "M01", "class": "prohibition", "basis": "公务员法第二十六条"},
    "listing": {
        "case_number": "(2018)云0111执1234号",
        "court": "昆明市官渡区人民法院",
        "debtor_name": "张三",
        "debtor_identifier_masked": "5301**********0015",
        "circumstances": ["C4"],
        "published_on": "2018-04-20",
        "expires_on": "2020-04-20",
        "dispute_state": None,
        "identity_contested_on": None,
    },
    "notice": None,
}


def answer(decision: str) -> bytes:
    return json.dumps(
        {
            "check_id": str(uuid.uuid4()),
            "decision": decision,
            "matter": QUESTION.matter,
            "reference": QUESTION.reference,
            "checked_at": datetime.now(UTC).isoformat(),
            "list_version": 48213,
            "measures_version": 1,
            "notices_version": 0,
            "warnings": [],
            "subjects": [
                {"role": "applicant", "decision": decision, "matches": [MATCH] if decision == "block" else []}
            ],
        }
    ).encode()


class Server(asyncio.Protocol):
    """Answers any request that arrives in one piece."""

    decision = "clear"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if b"\r\n\r\n" not in data:
            return
        content = answer(self.decision)
        head = f"HTTP/1.1 200 OK\r\ndate: {format_datetime(datetime.now(UTC), usegmt=True)}\r\n"
        head += f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
        self.transport.write(head.encode() + content)


def serve(port: "multiprocessing.Value", ready: Event, decision: str) -> None:
    async def run() -> None:
        Server.decision = decision
        server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0)
        port.value = server.sockets[0].getsockname()[1]
        ready.set()
        await server.serve_forever()

    asyncio.run(run())


def blocking(url: str, calls: int) -> tuple[list[float], list[float]]:
    """Processor seconds of each call: bare, ours."""
    body = json.dumps(QUESTION.wire(), ensure_ascii=False).encode()
    bare, ours = [], []
    with (
        httpx.Client(base_url=url, headers={"Authorization": "Bearer key"}, trust_env=False) as client,
        Blacklist(url, "key") as office,
    ):
        for number in range(calls):
            began = time.thread_time()
            headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
            client.post("/v1/checks", content=body, headers=headers).raise_for_status().json()
            between = time.thread_time()
            found = office.check_question(QUESTION)
            ended = time.thread_time()
            assert isinstance(found, Answer)
            if number >= calls // 10:
                bare.append(between - began)
                ours.append(ended - between)
    return bare, ours


async def awaiting(url: str, calls: int) -> tuple[list[float], list[float]]:
    body = json.dumps(QUESTION.wire(), ensure_ascii=False).encode()
    bare, ours = [], []
    async with (
        httpx.AsyncClient(base_url=url, headers={"Authorization": "Bearer key"}, trust_env=False) as client,
        AsyncBlacklist(url, "key") as office,
    ):
        for number in range(calls):
            began = time.thread_time()
            headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
            (await client.post("/v1/checks", content=body, headers=headers)).raise_for_status().json()
            between = time.thread_time()
            found = await office.check_question(QUESTION)
            ended = time.thread_time()
            assert isinstance(found, Answer)
            if number >= calls // 10:
                bare.append(between - began)
                ours.append(ended - between)
    return bare, ours


def open_circuit(calls: int) -> list[float]:
    took = []
    with Blacklist("http://127.0.0.1:9", "key") as office:
        while not isinstance(found := office.check_question(QUESTION), Hold) or not found.why.startswith("not asked"):
            pass
        for _ in range(calls):
            began = time.thread_time()
            office.check_question(QUESTION)
            took.append(time.thread_time() - began)
    return took


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=2000)
    calls = parser.parse_args().calls
    is_good = True
    for decision in ("clear", "block"):
        port, ready = multiprocessing.Value("i", 0), multiprocessing.Event()
        process = multiprocessing.Process(target=serve, args=(port, ready, decision), daemon=True)
        process.start()
        ready.wait()
        url = f"http://127.0.0.1:{port.value}"
        for way, (bare, ours) in (("blocking", blocking(url, calls)), ("awaiting", asyncio.run(awaiting(url, calls)))):
            medians = [statistics.median(one) * 1e6 for one in (bare, ours)]
            added = statistics.median(one - other for one, other in zip(ours, bare, strict=True)) * 1e6
            print(f"{decision}, {way}: httpx {medians[0]:.0f} µs, ours {medians[1]:.0f} µs, added {added:.0f} µs (p50)")
            is_good &= added <= MOST_ADDED_MICROSECONDS
        process.terminate()
    took = statistics.median(open_circuit(500)) * 1e6
    print(f"open circuit: {took:.0f} µs")
    return 0 if is_good and took <= MOST_OPEN_CIRCUIT_MICROSECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
