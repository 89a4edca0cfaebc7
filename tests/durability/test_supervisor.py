"""The parent of `serve` and its children: stand-in programs, real signals."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from blacklist_service.cli.supervisor import SupervisorError, bind
from blacklist_service.database.embedded.attachment import find_running
from blacklist_service.database.embedded.server import EmbeddedPostgres

CHILD = """
import os, socket, sys, time
from blacklist_service.database.embedded.child import die_with_parent
die_with_parent()
name, fd, mode = sys.argv[1], int(sys.argv[2]), sys.argv[3]
with open(os.environ["DIARY"], "a") as diary:
    diary.write(f"{name} {os.getpid()} {time.monotonic()}\\n")
if mode == "wrong":
    sys.exit(2)
if mode == "brief":
    sys.exit(1)
if mode == "stubborn":
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if fd < 0:
    time.sleep(60)
listen = socket.socket(fileno=fd)
listen.setblocking(True)
while True:
    client, _ = listen.accept()
    client.recv(4096)
    client.sendall(f"HTTP/1.0 200 OK\\r\\n\\r\\n{os.getpid()}".encode())
    client.close()
"""
PARENT = """
import json, os, sys
from pathlib import Path
from blacklist_service.cli import supervisor
from blacklist_service.cli.supervisor import Supervisor, bind
from blacklist_service.database.embedded.server import EmbeddedPostgres
child, data_dir, mode = sys.argv[1:4]
supervisor.GRACE_SECONDS = 1.0 if mode != "stubborn" else 30.0
database = None
if data_dir:
    database = EmbeddedPostgres(Path(data_dir))
    database.start()
listen = bind("127.0.0.1", 0)
print(json.dumps({"port": listen.getsockname()[1], "database": database and database.pid}), flush=True)
sys.exit(Supervisor(
    listen=listen,
    web_argv=lambda fd, index: [sys.executable, child, f"web-{index}", str(fd), "plain" if mode == "brief" else mode],
    web_count=2,
    behind={"worker": [sys.executable, child, "worker", "-1", "brief" if mode == "brief" else "plain"]},
    environment=dict(os.environ),
    database=database,
    on_child_exit=lambda pid: print(f"exit {pid}", flush=True),
).run())
"""


class Service:
    """A parent in a process of its own, and what its children wrote about themselves."""

    def __init__(self, folder: Path, *, mode: str = "plain", made: Path | None = None) -> None:
        if made is not None:
            subprocess.run(["cp", "-a", made, folder / "data"], check=True)
        (folder / "child.py").write_text(CHILD)
        self.diary = folder / "diary"
        self.data_dir = folder / "data"
        self.errors = folder / "errors"
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PARENT, folder / "child.py", self.data_dir if made else "", mode],
                env={**os.environ, "DIARY": str(self.diary)},
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,  # a terminal's process group of its own
            )
        assert self.process.stdout is not None
        facts = json.loads(self.process.stdout.readline())
        self.port: int = facts["port"]
        self.database: int | None = facts["database"]

    def births(self, name: str = "") -> list[int]:
        """Every process that has been a child so far, in order."""
        lines = self.diary.read_text().splitlines() if self.diary.exists() else []
        return [int(line.split()[1]) for line in lines if line.startswith(name)]

    def birth_times(self, name: str) -> list[float]:
        return [float(line.split()[2]) for line in self.diary.read_text().splitlines() if line.startswith(name)]

    def everyone(self) -> list[int]:
        return [*self.births(), *([self.database] if self.database else [])]

    def wait_until_complete(self, count: int = 3) -> None:
        wait_for(lambda: len(self.births()) >= count)

    def answer(self) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5) as response:
            return int(response.read())

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory to copy: quicker than to make one anew."""
    data_dir = tmp_path_factory.mktemp("made") / "data"
    database = EmbeddedPostgres(data_dir)
    database.start()
    database.stop()
    return data_dir


Serve = Callable[..., Service]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    services: list[Service] = []

    def serve_with(**options: object) -> Service:
        services.append(Service(tmp_path, **options))  # type: ignore[arg-type]
        return services[-1]

    yield serve_with
    for service in services:
        service.close()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition: Callable[[], object], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


def can_be_reached(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop_it_leaves_nothing(serve: Serve, made: Path, number: signal.Signals) -> None:
    service = serve(made=made)
    service.wait_until_complete()
    assert service.answer() in service.births("web")
    service.process.send_signal(number)
    assert service.process.wait(timeout=5) == 0
    assert not any(is_alive(pid) for pid in service.everyone())
    assert not can_be_reached(service.port)
    assert find_running(service.data_dir) is None


def test_a_hang_up_stops_nobody_and_puts_the_databases_log_aside(serve: Serve, made: Path) -> None:
    service = serve(made=made)
    service.wait_until_complete()
    log = service.data_dir / "log" / "postgres.log"
    with log.open("a") as file:
        file.write("a line of before\n")
    everyone = service.everyone()
    service.process.send_signal(signal.SIGHUP)
    wait_for(lambda: log.with_suffix(".log.1").exists() and "a line of before" not in log.read_text(), seconds=5)
    assert "a line of before" in log.with_suffix(".log.1").read_text()
    assert service.process.poll() is None
    assert all(is_alive(pid) for pid in everyone)
    assert can_be_reached(service.port)


def test_asked_to_stop_while_children_are_being_born_it_leaves_nothing(serve: Serve) -> None:
    service = serve()
    service.process.terminate()
    assert service.process.wait(timeout=5) in (0, -signal.SIGTERM)
    time.sleep(0.3)
    assert not any(is_alive(pid) for pid in service.births())


def test_a_killed_parent_takes_everyone_along(serve: Serve, made: Path) -> None:
    service = serve(made=made)
    service.wait_until_complete()
    service.process.kill()
    service.process.wait()
    wait_for(lambda: not any(is_alive(pid) for pid in service.everyone()), seconds=3)
    assert not can_be_reached(service.port)


def test_a_parent_killed_at_once_leaves_no_newborn(serve: Serve) -> None:
    service = serve()
    wait_for(lambda: Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text())
    newborn = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text().split()
    service.process.kill()
    service.process.wait()
    wait_for(lambda: not any(is_alive(int(pid)) for pid in newborn), seconds=3)


def test_a_killed_child_comes_back_and_the_others_serve_meanwhile(serve: Serve) -> None:
    service = serve()
    service.wait_until_complete()
    victim = service.births("web-0")[0]
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: not is_alive(victim))
    assert service.answer() != victim
    wait_for(lambda: len(service.births("web-0")) == 2)
    os.kill(service.births("worker")[0], signal.SIGKILL)
    wait_for(lambda: len(service.births("worker")) == 2)
    assert service.process.stdout is not None
    assert service.process.stdout.readline() == f"exit {victim}\n".encode()
    assert f"web-0 (process {victim}) ended with SIGKILL" in service.errors.read_text()


def test_a_child_that_keeps_dying_is_given_ever_more_time(serve: Serve) -> None:
    service = serve(mode="brief")
    wait_for(lambda: len(service.births("worker")) >= 5)
    times = service.birth_times("worker")
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert pauses[0] < 0.25 < pauses[1] < pauses[2] < pauses[3]
    assert len(service.births("web")) == 2


def test_a_wrong_configuration_stops_everything_with_status_2(serve: Serve, made: Path) -> None:
    service = serve(mode="wrong", made=made)
    assert service.process.wait(timeout=5) == 2
    assert "configuration" in service.errors.read_text()
    assert not any(is_alive(pid) for pid in service.everyone())


def test_a_child_that_does_not_listen_is_killed_after_its_grace(serve: Serve) -> None:
    service = serve(mode="stubborn")
    service.wait_until_complete()
    time.sleep(0.1)
    service.process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert service.process.poll() is None
    service.process.send_signal(signal.SIGINT)  # a second Ctrl-C: do not wait for the grace
    assert service.process.wait(timeout=5) == 0
    assert not any(is_alive(pid) for pid in service.everyone())


def test_a_ctrl_c_in_the_terminal_reaches_the_parent_alone(serve: Serve, made: Path) -> None:
    service = serve(made=made)
    service.wait_until_complete()
    assert service.database is not None
    assert all(os.getpgid(pid) != service.process.pid for pid in service.everyone())
    os.killpg(service.process.pid, signal.SIGINT)
    assert service.process.wait(timeout=5) == 0


def test_a_killed_database_comes_back_under_its_children(serve: Serve, made: Path) -> None:
    service = serve(made=made)
    service.wait_until_complete()
    assert service.database is not None
    address = find_running(service.data_dir)
    database = service.database
    os.kill(database, signal.SIGKILL)
    wait_for(lambda: not is_alive(database) and find_running(service.data_dir) == address)
    assert service.answer() in service.births()
    assert len(service.births()) == 3
    service.process.terminate()
    assert service.process.wait(timeout=5) == 0
    assert find_running(service.data_dir) is None


def test_a_port_in_use_is_said_in_one_sentence() -> None:
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SupervisorError, match=f"port {port} of 127.0.0.1 cannot be used .*--port"):
            bind("127.0.0.1", port)


def test_an_address_that_is_not_ours_is_refused() -> None:
    with pytest.raises(SupervisorError, match=r"port 0 of 192\.0\.2\.1"):
        bind("192.0.2.1", 0)


def test_both_families_can_be_bound() -> None:
    for host in ("127.0.0.1", "::1", "localhost"):
        with bind(host, 0) as listen:
            assert listen.getsockname()[1] > 0
