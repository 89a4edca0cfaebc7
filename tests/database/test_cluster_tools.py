"""What deploy/cluster adds to Patroni: who is woken when, and when the lead is not given away."""

import contextlib
import importlib.util
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from types import ModuleType

import pytest

FILES = Path(__file__).parents[2] / "deploy" / "cluster"
PATIENCE_SECONDS = 30


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, FILES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Heard(ThreadingHTTPServer):
    """Where Patroni and etcd would listen: it notes the PATCHes, and says what the keys are."""

    def __init__(self) -> None:
        self.patches: Queue[tuple[str, object]] = Queue()
        self.keys: Queue[dict[str, object]] = Queue()
        self.sync = {"leader": "db1", "sync_standby": "db2"}
        super().__init__(("127.0.0.1", 0), Answers)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Heard

    def do_PATCH(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.patches.put((self.path, body))
        self.say({})

    def do_GET(self):
        if self.path.endswith("/sync"):
            self.say({"node": {"value": json.dumps(self.server.sync)}})
        else:
            self.say({"node": self.server.keys.get(timeout=PATIENCE_SECONDS)})

    def say(self, answer: dict[str, object]) -> None:
        text = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("X-Etcd-Index", "7")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@pytest.fixture
def heard() -> Iterator[Heard]:
    server = Heard()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def open_files() -> list[str]:
    found = []
    for file in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(str(file.readlink()))
    return found


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def settings(name: str, heard: Heard, data: Path) -> dict[str, object]:
    return {
        "name": name,
        "scope": "blacklist",
        "restapi": {"listen": heard.address},
        "etcd": {"hosts": [heard.address]},
        "postgresql": {"data_dir": str(data)},
    }


def test_a_server_that_ends_begins_a_round_that_changes_nothing(heard: Heard, tmp_path: Path):
    server = subprocess.Popen(["sleep", "600"])
    (tmp_path / "postmaster.pid").write_text(f"{server.pid}\n")
    waker = tool("patroni_wake").Waker(settings("db1", heard, tmp_path))
    threading.Thread(target=waker.watch_server, daemon=True).start()
    wait_until(lambda: "anon_inode:[pidfd]" in open_files())
    server.kill()
    server.wait()
    assert heard.patches.get(timeout=PATIENCE_SECONDS) == ("/config", {"woken": None})


@pytest.mark.parametrize(("name", "woken"), [("db1", 2), ("db2", 1), ("db3", 1)])
def test_who_is_woken_by_the_leaders_key(name: str, woken: int, heard: Heard, tmp_path: Path):
    """It is db1's, is renewed, goes, and is taken by another: db1 and db2 may take it, and who has it needs no telling."""
    waker = tool("patroni_wake").Waker(settings(name, heard, tmp_path))
    waker.leader = "db1"
    for value in ("db1", "db1", None, "db3" if name == "db1" else "db2"):
        heard.keys.put({"value": value, "modifiedIndex": 8} if value else {"modifiedIndex": 8})
    threading.Thread(target=waker.watch_leader, daemon=True).start()
    for _ in range(woken):
        heard.patches.get(timeout=PATIENCE_SECONDS)
    wait_until(lambda: waker.leader in ("db2", "db3"))
    with pytest.raises(Empty):
        heard.patches.get(timeout=0.5)


LEADER: dict[str, object] = {"name": "db1", "role": "leader", "state": "running"}
IN_STEP: dict[str, object] = {"name": "db2", "role": "sync_standby", "state": "running", "lag": 0}


@pytest.mark.parametrize(
    ("members", "name", "is_refused"),
    [
        ([LEADER, IN_STEP], "db1", False),
        ([LEADER, IN_STEP], "db2", True),
        ([LEADER], "db1", True),
        ([LEADER, IN_STEP | {"role": "replica"}], "db1", True),
        ([LEADER, IN_STEP | {"state": "stopped"}], "db1", True),
        ([LEADER, IN_STEP | {"lag": "unknown"}], "db1", True),
        ([LEADER, IN_STEP | {"lag": 2_000_000}], "db1", True),
    ],
)
def test_the_lead_is_given_away_to_a_standby_in_step_alone(
    members: list[dict[str, object]], name: str, is_refused: bool
):
    assert (tool("switchover").refusal(members, name) is not None) == is_refused
