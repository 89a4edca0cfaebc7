"""The command line as an operator meets it: real processes, one embedded database, exit codes and one clear sentence."""

import errno
import json
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from blacklist_service.cli import environment
from tests.support import COURT_CODE, resident_id
from tests.typist import typed

LISTED = resident_id(15)
LIST = f"姓名,身份证号码,案号,发布日期\n张三,{LISTED},(2025)云0111执1号,2025-01-05\n,{LISTED},(2025)云0111执2号,\n"


class Operator:
    """Types commands, with a home and a data directory of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.data_dir = home / "data of the service"
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}
        if programs := os.environ.get("BLACKLIST_POSTGRES_BIN"):
            self.environment["BLACKLIST_POSTGRES_BIN"] = programs

    def types(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return typed(words, env=self.environment | {"BLACKLIST_DATA_DIR": str(self.data_dir)} | environment)

    def serves(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "blacklist_service", "serve", *words],
            env=self.environment | {"BLACKLIST_DATA_DIR": str(self.data_dir)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Operator:
    return Operator(tmp_path_factory.mktemp("operator"))


@pytest.fixture(scope="module")
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def service(operator: Operator, port: int) -> Iterator[subprocess.Popen[str]]:
    with operator.serves("--port", str(port), "--workers", "1") as process:
        try:
            wait_until_ready(port)
            yield process
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()


def test_members_and_keys_print_one_object_and_can_be_repeated(operator: Operator, service):
    words = ("members", "add", "GD-HR", "--name", "官渡区人社局", "--kind", "agency", "--json")
    assert json.loads(operator.types(*words).stdout) == {"member": "GD-HR", "is_new": True}
    assert json.loads(operator.types(*words).stdout) == {"member": "GD-HR", "is_new": False}
    made = json.loads(operator.types("keys", "create", "--member", "GD-HR", "--role", "agency", "--json").stdout)
    assert set(made) == {"key_id", "key"}
    assert made["key"].startswith("sxd_live_")
    operator.types("keys", "revoke", made["key_id"])
    [kept] = json.loads(operator.types("keys", "list", "--member", "GD-HR", "--json").stdout)["items"]
    assert (kept["key_id"], kept["role"], bool(kept["revoked_at"])) == (made["key_id"], "agency", True)
    listed = operator.types("keys", "list", "--member", "GD-HR").stdout
    assert "revoked" in listed
    assert made["key"][-16:] not in listed
    assert operator.types("keys", "list", "--member", "GD-NOBODY").returncode == 1
    assert operator.types("--version").stdout.strip() == version("blacklist-service")


def test_a_list_is_loaded_beside_the_service_and_the_next_check_blocks(operator: Operator, service, port: int):
    file = operator.home / "list.csv"
    file.write_text(LIST, "gb18030")
    dry = operator.types("import", str(file), "--court", COURT_CODE, "--dry-run", "--json")
    loaded = operator.types("import", str(file), "--court", COURT_CODE, "--json")
    assert (dry.returncode, loaded.returncode) == (1, 1)  # one row was refused
    report = json.loads(loaded.stdout)
    assert report["rows"] | {"warned": 0} == {
        "total": 2,
        "created": 1,
        "corrected": 0,
        "ended": 0,
        "unchanged": 0,
        "rejected": 1,
        "warned": 0,
    }
    assert report["rejected"] == [{"row": 3, "column": "name", "code": "name-missing"}]
    assert LISTED not in loaded.stdout + loaded.stderr

    made = json.loads(operator.types("keys", "create", "--member", "GD-HR", "--role", "agency", "--json").stdout)
    body = {
        "matter": "civil_service_recruitment",
        "reference": "1",
        "subjects": [
            {
                "role": "applicant",
                "kind": "person",
                "name": "张三",
                "identifier": {"type": "resident_id", "number": LISTED},
            }
        ],
    }
    assert ask(port, made["key"], body)["decision"] == "block"
    by_hand = operator.types("check", "--matter", "civil_service_recruitment", "--name", "张三", "--id-number", LISTED)
    assert json.loads(by_hand.stdout)["decision"] == "block"


def test_a_second_serve_on_the_same_data_is_refused(operator: Operator, service):
    second = operator.types("serve", "--port", "0")
    assert second.returncode == 2
    assert len(second.stderr.strip().splitlines()) == 1


def test_a_port_in_use_is_one_clear_sentence(operator: Operator, service, port: int):
    other = operator.types("serve", "--port", str(port), BLACKLIST_DATA_DIR=str(operator.home / "other"))
    assert other.returncode == 2
    assert str(port) in other.stderr
    assert len(other.stderr.strip().splitlines()) == 1
    assert not (operator.home / "other").exists()


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("members", "add", "X", "--name", "x", "--kind", "court"), 1),
        (("keys", "create", "--member", "NOBODY", "--role", "agency"), 1),
        (("keys", "create", "--member", "GD-HR", "--role", "agency", "--matters", "no_such_matter"), 1),
        (("keys", "revoke", "nothing"), 1),
        (("import", "/dev/null", "--court", "nowhere"), 2),
        (("members", "add", "OTHER", "--name", "x", "--kind", "court", "--court-code", "云０１０３"), 2),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(operator: Operator, service, words, status):
    operator.types("members", "add", "PL", "--name", "盘龙区法院", "--kind", "court", "--court-code", "云0103")
    done = operator.types(*words)
    assert done.returncode == status
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()


def test_a_file_that_cannot_be_read_loads_nothing_and_says_where(operator: Operator, service):
    file = operator.home / "broken.csv"
    file.write_bytes(LIST.encode() + b"\xff\xff\xff\n")
    done = operator.types("import", str(file), "--court", COURT_CODE)
    assert done.returncode == 1
    assert "Line 4" in done.stderr


def test_another_key_than_the_databases_own_is_refused(operator: Operator, service):
    other = operator.types("migrate", BLACKLIST_SECRET_KEY="QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY=")
    assert other.returncode == 2
    assert "secret key" in other.stderr


def test_an_external_database_is_not_served_before_it_is_migrated(operator: Operator, service, server: str):
    key = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY="
    done = operator.types("serve", "--port", "0", BLACKLIST_DATABASE_URL=server, BLACKLIST_SECRET_KEY=key)
    assert done.returncode == 2
    assert "migrate" in done.stderr
    keyless = operator.types("migrate", BLACKLIST_DATABASE_URL=server)
    assert keyless.returncode == 2
    assert "secret key" in keyless.stderr


def ask(port: int, key: str, body: object) -> dict[str, object]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/checks",
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=5) as response:
        answer: dict[str, object] = json.load(response)
        return answer


def wait_until_ready(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
                return
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_a_listing_is_published_shown_and_withdrawn_from_a_terminal(operator: Operator, service):
    operator.types("members", "add", "GD-COURT", "--name", "官渡法院", "--kind", "court", "--court-code", COURT_CODE)
    listing = {
        "case_number": "(2025)云0111执77号",
        "court": {"code": COURT_CODE},
        "debtor": {"kind": "person", "name": "李四", "identifier": {"type": "resident_id", "number": resident_id(77)}},
        "circumstances": ["C4"],
        "published_on": "2025-01-05",
    }
    file = operator.home / "listing.json"
    file.write_text(json.dumps(listing, ensure_ascii=False), "utf-8")
    made = json.loads(operator.types("listings", "publish", str(file)).stdout)
    assert made["state"] == "published"
    shown = json.loads(operator.types("listings", "show", made["listing_id"]).stdout)
    assert [one["act"] for one in shown["acts"]] == ["published"]
    assert resident_id(77) not in json.dumps(shown)
    pause = ("--reason", "受理破产", "--decided-on", "2026-01-05")
    suspended = operator.types("listings", "suspend", made["listing_id"], "--ground", "bankruptcy", *pause)
    assert json.loads(suspended.stdout)["state"] == "suspended"
    assert json.loads(operator.types("listings", "resume", made["listing_id"], *pause).stdout)["state"] == "published"
    assert operator.types("listings", "resume", made["listing_id"], *pause).returncode == 1
    words = ("listings", "withdraw", made["listing_id"], "--reason", "错误纳入", "--decided-on", "2026-01-05")
    withdrawn = json.loads(operator.types(*words).stdout)
    assert (withdrawn["state"], withdrawn["touched_checks"]) == ("withdrawn", [])
    assert json.loads(operator.types(*words).stdout)["version"] == withdrawn["version"]  # it is so already


def test_a_snapshot_that_waits_does_not_look_loaded_and_no_name_makes_a_second_person(operator: Operator, service):
    file = operator.home / "whole.csv"
    file.write_text(LIST, "gb18030")
    operator.types("import", str(file), "--court", COURT_CODE)
    file.write_text("姓名,身份证号码,案号,发布日期\n王五,,(2025)云0111执900号,2025-01-05\n", "gb18030")
    held = operator.types("import", str(file), "--court", COURT_CODE, "--mode", "snapshot", "--json")
    assert (held.returncode, json.loads(held.stdout)["state"]) == (3, "awaiting_confirmation")
    import_id = json.loads(held.stdout)["import_id"]
    for name in ("wang", "root"):
        refused = operator.types("imports", "confirm", import_id, LOGNAME=name, USER=name)
        assert (refused.returncode, "a second person" in refused.stderr) == (1, True), refused.stderr


@pytest.mark.parametrize(
    ("runs", "logged_in", "account"),
    [(0, "1", 1), (0, "4294967295", 0), (1, "0", 1), (1, "2", 1), (1, "4294967295", 1)],
)
def test_an_operator_is_the_account_and_of_root_who_logged_in(tmp_path: Path, monkeypatch, runs, logged_in, account):
    (tmp_path / "loginuid").write_text(logged_in)
    monkeypatch.setattr(environment, "LOGIN_ACCOUNT", tmp_path / "loginuid")
    monkeypatch.setattr(os, "getuid", lambda: runs)
    monkeypatch.setenv("LOGNAME", "somebody.else")
    assert environment.operator().operator == f"cli:{pwd.getpwuid(account).pw_name}"
    monkeypatch.setattr(environment, "LOGIN_ACCOUNT", tmp_path / "not there")
    assert environment.operator().operator == f"cli:{pwd.getpwuid(runs).pw_name}"


def test_a_full_disk_is_not_said_to_be_the_database(capsys):
    with pytest.raises(SystemExit), environment.refusing():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert "No space left on device" in capsys.readouterr().err
    with pytest.raises(SystemExit), environment.refusing():
        raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")
    assert "the database cannot be reached" in capsys.readouterr().err


def test_accounts_come_from_a_table_and_their_codes_go_to_their_owner_alone(operator: Operator):
    assert operator.types("members", "add", "GD-LAND", "--name", "自然资源局", "--kind", "agency").returncode == 0
    table, out = operator.home / "people.csv", operator.home / "codes.csv"
    lines = "单位代码,登录名,姓名,工号,岗位,事项\nGD-LAND,zhao.liu,赵六,E-77,窗口,\nGD-LAND,sun.qi,孙七,E-78,局长,\n"
    table.write_bytes(lines.encode("gbk"))
    done = operator.types("staff", "import", str(table), "--out", str(out))
    assert (done.returncode, "1 accounts opened, 1 rows refused" in done.stdout) == (1, True), done.stderr
    assert out.stat().st_mode & 0o777 == 0o600
    assert [line.split(",")[1] for line in out.read_text("utf-8-sig").splitlines()] == ["登录名", "zhao.liu"]
    again = operator.types("staff", "import", str(table), "--out", str(out))
    assert (again.returncode, "already exists" in again.stderr) == (2, True)
    table.write_bytes(b"\xff\xfe\x00\x00")
    broken = operator.types("staff", "import", str(table), "--out", str(operator.home / "other.csv"))
    assert (broken.returncode, broken.stderr.count("\n")) == (2, 1)
