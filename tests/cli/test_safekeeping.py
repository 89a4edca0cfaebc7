"""The drill: a service is backed up while it serves, its machine is lost, and an empty one answers and verifies."""

import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from blacklist_service.cli import doctoring
from blacklist_service.database import room
from blacklist_service.database.connections import connect
from tests.cli.test_commands import LIST, LISTED, Operator
from tests.support import COURT_CODE, Service

ASK = ("check", "--matter", "civil_service_recruitment", "--name", "张三", "--id-number", LISTED)


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Operator:
    operator = Operator(tmp_path_factory.mktemp("lost"))
    added = operator.types(
        "members", "add", "GD-COURT", "--name", "法院", "--kind", "court", "--court-code", COURT_CODE
    )
    assert added.returncode == 0, added.stderr
    (operator.home / "list.csv").write_text(LIST, "gb18030")
    operator.types("import", str(operator.home / "list.csv"), "--court", COURT_CODE)
    assert json.loads(operator.types(*ASK).stdout)["decision"] == "block"
    return operator


def test_an_empty_machine_answers_and_verifies(lost: Operator, tmp_path_factory: pytest.TempPathFactory):
    backup = lost.home / "monday.tar"
    kept = lost.types("backup", "--out", str(backup))
    assert kept.returncode == 0, kept.stderr
    assert backup.stat().st_mode & 0o777 == 0o600
    assert "with secret.key and signing.key" in kept.stdout
    secret = (lost.data_dir / "secret.key").read_text().strip()
    (lost.data_dir / "secret.key").rename(lost.home / "apart")
    half = lost.types("backup", "--out", str(lost.home / "half.tar"), BLACKLIST_SECRET_KEY=secret)
    (lost.home / "apart").rename(lost.data_dir / "secret.key")
    assert "with signing.key: whoever has it can sign in the log's name; secret.key is not in it" in half.stdout
    bare = lost.types("backup", "--out", str(lost.home / "bare.tar"), "--without-keys")
    assert "without keys" in bare.stdout
    with tarfile.open(lost.home / "bare.tar") as tar:
        assert sorted(tar.getnames()) == ["backup.json", "checkpoint", "database.dump"]
    sealed = lost.types("audit", "export", "--out", str(lost.home / "before.zip"), "--json")
    shutil.rmtree(lost.data_dir)

    found = Operator(tmp_path_factory.mktemp("found"))
    restored = found.types("restore", str(backup))
    assert restored.returncode == 0, restored.stderr
    assert (found.data_dir / "secret.key").stat().st_mode & 0o777 == 0o600
    assert json.loads(found.types(*ASK).stdout)["decision"] == "block"
    out = found.home / "after.zip"
    made = found.types("audit", "export", "--out", str(out), "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["rows"] >= json.loads(sealed.stdout)["rows"] - 2
    assert found.types("audit", "verify", str(out)).returncode == 0
    healthy = found.types("doctor")
    assert (healthy.returncode, "BAD" in healthy.stdout) == (0, False), healthy.stdout
    again = found.types("restore", str(backup))
    assert (again.returncode, "not empty" in again.stderr) == (2, True)


def test_what_is_no_backup_is_refused_and_leaves_nothing(tmp_path: Path):
    operator = Operator(tmp_path)
    (tmp_path / "x.tar").write_bytes(b"no backup")
    with tarfile.open(tmp_path / "y.tar", "w") as tar:
        tar.add(tmp_path / "x.tar", "../escape")
    for name in ("x.tar", "y.tar"):
        refused: subprocess.CompletedProcess[str] = operator.types("restore", str(tmp_path / name))
        assert (refused.returncode, "is not a backup" in refused.stderr) == (2, True), refused.stderr
    assert not operator.data_dir.exists()
    assert "there is no database here" in operator.types("doctor").stdout


def test_a_doctor_sees_a_lost_key_and_a_lost_anchor(tmp_path: Path):
    operator = Operator(tmp_path)
    assert operator.types("members", "list").returncode == 0
    assert operator.types("doctor").returncode == 0
    (operator.data_dir / "checkpoint").unlink()
    ill = operator.types("doctor")
    assert (ill.returncode, "adopt-anchor" in ill.stdout) == (1, True), ill.stdout
    (operator.data_dir / "secret.key").rename(tmp_path / "kept")
    ill = operator.types("doctor")
    assert (ill.returncode, "BAD  secret key" in ill.stdout) == (1, True)


def test_a_file_that_is_not_there_is_not_said_to_be_the_database(tmp_path: Path):
    operator = Operator(tmp_path)
    assert operator.types("members", "list").returncode == 0
    (operator.data_dir / "checkpoint").unlink()
    refused = operator.types("backup", "--out", str(tmp_path / "x.tar"))
    assert refused.returncode == 2
    assert f"{operator.data_dir / 'checkpoint'}: No such file or directory" in refused.stderr
    assert not (tmp_path / "x.tar").exists()


def test_a_page_says_what_to_do():
    findings = [doctoring.Finding("disk", "3% free", "make room"), doctoring.Finding("clock", "0.0 s apart")]
    assert doctoring.page(findings).splitlines()[1] == "     -> make room"


class TestRoom:
    async def test_a_service_without_partitions_ahead_is_not_ready(self, service: Service):
        async with service.workplace.connected() as connection:
            assert await room.months_ahead(connection) >= 11
        owner = await connect(service.workplace.dsn, role=None)
        [month] = await service.fetch("SELECT to_char(clock_timestamp() + interval '2 months', 'YYYY_MM') AS name")
        await owner.execute(f"DROP TABLE ledger_subjects_{month['name']}")
        await owner.close()
        refused = await service.client.get("/readyz")
        assert refused.status_code == 503
        assert "1 months ahead" in refused.json()["detail"]

    async def test_a_full_disk_is_not_ready(self, service: Service, monkeypatch):
        monkeypatch.setattr("blacklist_service.asgi.free_share", lambda _folder: 0.09)
        refused = await service.client.get("/readyz")
        assert (refused.status_code, "9% of the disk" in refused.json()["detail"]) == (503, True)
