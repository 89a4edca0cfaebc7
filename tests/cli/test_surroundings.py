"""Unusual environments of a process: closed streams, file modes of others, an ASCII terminal, a visible command line."""

import base64
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from blacklist_service.ledger import signing
from blacklist_service.leftovers import passing_folder, sweep
from blacklist_service.secrecy import SecretKeyError, make_key_file, read_key_file
from tests.cli.test_commands import Operator, wait_until_ready
from tests.external import free_port
from tests.support import resident_id

ASK = ("check", "--matter", "civil_service_recruitment", "--name", "张三")
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="NOT TRIED: only root can be another user")
ARBITRARY = 1_000_650_000


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Operator:
    made = Operator(tmp_path_factory.mktemp("operator"))
    assert made.types("members", "list").returncode == 0
    return made


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_service_whose_standard_streams_are_closed_serves(operator: Operator, closed: str):
    port = free_port()
    command = f'exec "{sys.executable}" -m blacklist_service serve --workers 1 --port {port} {closed}'
    process = subprocess.Popen(
        ["/bin/sh", "-c", command],
        env=operator.environment | {"BLACKLIST_DATA_DIR": str(operator.data_dir)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until_ready(port)
        assert json.loads(operator.types(*ASK, "--id-number", resident_id(3)).stdout)["decision"] == "clear"
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


@AS_ROOT
@pytest.mark.parametrize(
    ("mode", "uid", "gid", "is_taken"),
    [
        (0o600, ARBITRARY, ARBITRARY, True),
        (0o400, ARBITRARY, ARBITRARY, True),
        (0o440, 0, 0, True),
        (0o640, 0, ARBITRARY, True),
        (0o440, ARBITRARY, ARBITRARY, False),
        (0o640, ARBITRARY, 0, False),
        (0o660, 0, 0, False),
        (0o444, 0, 0, False),
        (0o644, 0, 0, False),
        (0o604, ARBITRARY, 0, False),
        (0o650, 0, 0, False),
    ],
)
def test_a_key_file_is_taken_as_libpq_takes_one(tmp_path: Path, mode: int, uid: int, gid: int, is_taken: bool):
    path = tmp_path / "a.key"
    make_key_file(path)
    os.chown(path, uid, gid)
    path.chmod(mode)
    for read, refusal in ((read_key_file, SecretKeyError), (signing.read_key_file, signing.SigningKeyError)):
        if is_taken:
            read(path)
        else:
            with pytest.raises(refusal, match=r"open to others: chmod 6[04]0 it"):
                read(path)


@AS_ROOT
def test_a_user_without_a_name_is_told_of_initdbs_own_reason(tmp_path: Path):
    """As OpenShift runs a container. As root, the database runs as whom its folder belongs to."""
    operator = Operator(tmp_path)
    operator.data_dir.mkdir()
    os.chown(operator.data_dir, ARBITRARY, 0)
    done = operator.types("serve", "--port", "0")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert f"could not look up effective user ID {ARBITRARY}: user does not exist" in done.stderr


def test_a_number_is_read_from_the_input(operator: Operator):
    done = subprocess.run(
        [sys.executable, "-m", "blacklist_service", *ASK, "--id-number", "-"],
        env=operator.environment | {"BLACKLIST_DATA_DIR": str(operator.data_dir)},
        input=resident_id(4) + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert json.loads(done.stdout)["decision"] == "clear", done.stderr


def test_a_number_on_the_command_line_is_blanked(operator: Operator):
    number = resident_id(5)
    process = subprocess.Popen(
        [sys.executable, "-m", "blacklist_service", *ASK, "--id-number", number],
        env=operator.environment | {"BLACKLIST_DATA_DIR": str(operator.data_dir)},
        stdout=subprocess.PIPE,
    )
    seen = b""
    deadline = time.monotonic() + 20
    while b"***" not in seen and time.monotonic() < deadline and process.poll() is None:
        seen = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        time.sleep(0.005)
    assert b"*" * len(number) in seen
    assert number.encode() not in seen
    answer, _ = process.communicate(timeout=60)
    assert json.loads(answer)["decision"] == "clear"


def test_an_answer_that_was_recorded_is_told_on_an_ascii_terminal(operator: Operator):
    done = operator.types(*ASK, "--id-number", resident_id(6), PYTHONIOENCODING="ascii", LANG="C", LC_ALL="C")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["decision"] == "clear"
    done = operator.types(
        "members", "add", "GD-HR", "--name", "官渡区人社局", "--kind", "agency", PYTHONIOENCODING="ascii:strict"
    )
    assert done.returncode == 0, done.stderr
    assert operator.types("members", "list", PYTHONIOENCODING="ascii").returncode == 0


def test_what_a_killed_process_left_in_clear_is_swept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead = subprocess.Popen(["/bin/true"])
    dead.wait()
    for name in (f"blacklist-export-{dead.pid}-abc", "blacklist-export-ab_c1", f"blacklist-restore-{dead.pid}-x"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "bundle.zip.rows").write_text("personal")
    (tmp_path / "blacklist-test-other").mkdir()
    with passing_folder("export") as mine:
        assert sweep() == 3
        assert mine.is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["blacklist-test-other"]


@AS_ROOT
def test_the_anchors_lock_cannot_be_held_by_a_stranger(tmp_path: Path):
    import fcntl  # noqa: PLC0415 - for this test alone

    lock = tmp_path / "checkpoint.lock"
    lock.write_text("")
    lock.chmod(0o644)
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        began = time.monotonic()
        with signing._alone(tmp_path / "checkpoint"):
            assert time.monotonic() - began < 1
    assert lock.stat().st_mode & 0o777 == 0o600


def test_mounted_urls_are_read(tmp_path: Path):
    (tmp_path / "url").write_text("postgresql://u:p@127.0.0.1:1/db\n")
    operator = Operator(tmp_path)
    secret = base64.b64encode(bytes(32)).decode()
    done = operator.types("doctor", BLACKLIST_DATABASE_URL_FILE=str(tmp_path / "url"), BLACKLIST_SECRET_KEY=secret)
    assert (done.returncode, "cannot be reached" in done.stderr) == (2, True), done.stderr
    done = operator.types("doctor", BLACKLIST_DATABASE_URL_FILE=str(tmp_path / "none"))
    assert (done.returncode, done.stderr.count("\n"), "BLACKLIST_DATABASE_URL_FILE" in done.stderr) == (2, 1, True)
