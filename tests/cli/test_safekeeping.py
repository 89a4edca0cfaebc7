"""Backup and restore: a service is backed up while it serves, its machine is lost, and a new one answers and verifies."""

import asyncio
import base64
import io
import json
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from blacklist_service.cli import doctoring
from blacklist_service.database import room
from blacklist_service.database.connections import connect
from blacklist_service.database.embedded.attachment import attached_or_started
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


@pytest.mark.timeout(300)  # a dozen commands, one after the other
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
        assert sorted(tar.getnames()) == ["backup.json", "backup.mac", "checkpoint", "database.dump"]
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
    keys = found.home / "vkey"
    with zipfile.ZipFile(out) as bundle:
        keys.write_bytes(bundle.read("vkey"))
    assert found.types("audit", "verify", str(out), "--vkey", str(keys)).returncode == 0
    by_itself = found.types("audit", "verify", str(out))
    assert (by_itself.returncode, "NOT VERIFIED" in by_itself.stdout) == (3, True)
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
    findings = [
        doctoring.DoctorFinding("disk", "3% free", "make room"),
        doctoring.DoctorFinding("clock", "0.0 s apart"),
    ]
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
        monkeypatch.setattr("blacklist_service.readiness.free_share", lambda _folder: 0.09)
        refused = await service.client.get("/readyz")
        assert (refused.status_code, "9% of the disk" in refused.json()["detail"]) == (503, True)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Operator, Path, str]:
    operator = Operator(tmp_path_factory.mktemp("kept"))
    backup = operator.home / "x.tar"
    made = operator.types("backup", "--out", str(backup))
    assert made.returncode == 0, made.stderr
    return operator, backup, (operator.data_dir / "secret.key").read_text().strip()


class TestProof:
    """A backup says who made it: whoever has the secret key."""

    @pytest.mark.parametrize("member", ["database.dump", "checkpoint", "signing.key", "secret.key", "backup.json"])
    def test_one_in_which_anything_was_changed_is_refused(self, kept, tmp_path, member):
        _, backup, secret = kept
        forged = rewritten(backup, tmp_path / "forged.tar", member, lambda content: content[:-2] + b"0\n")
        operator = Operator(tmp_path)
        refused = operator.types("restore", str(forged), BLACKLIST_SECRET_KEY=secret)
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1), refused.stderr
        assert not operator.data_dir.exists()

    def test_one_of_another_key_is_refused(self, kept, tmp_path):
        _, backup, _ = kept
        other = base64.b64encode(bytes(32)).decode()
        refused = Operator(tmp_path).types("restore", str(backup), BLACKLIST_SECRET_KEY=other)
        assert (refused.returncode, "under another secret key" in refused.stderr) == (2, True), refused.stderr

    def test_one_without_its_proof_is_taken_only_where_that_is_waived(self, kept, tmp_path):
        _, backup, _ = kept
        old = rewritten(backup, tmp_path / "old.tar", "backup.mac", lambda _: None)
        old = rewritten(old, tmp_path / "older.tar", "backup.json", lambda _: b'{"format":1,"log_size":0}')
        operator = Operator(tmp_path)
        refused = operator.types("restore", str(old))
        assert (refused.returncode, "--unproved" in refused.stderr) == (2, True), refused.stderr
        taken = operator.types("restore", str(old), "--unproved")
        assert taken.returncode == 0, taken.stderr
        assert operator.types("doctor").returncode == 0

    def test_a_dump_that_runs_programs_runs_none(self, kept, tmp_path):
        operator, _, _ = kept
        trace = tmp_path / "it-ran"
        planted = operator.home / "planted.tar"
        with attached_or_started(operator.data_dir) as dsn:
            asyncio.run(plant(dsn, trace))
            assert operator.types("backup", "--out", str(planted)).returncode == 0
        victim = Operator(tmp_path)
        refused = victim.types("restore", str(planted))
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1), refused.stderr
        assert "permission denied" in refused.stderr
        assert not trace.exists()
        assert not any(victim.data_dir.iterdir())

    @pytest.mark.parametrize(
        "about", [b"[]", b"1", b"null", b'{"format":[]}', b"{", b'{"format":2}', b'{"format":"2"}']
    )
    def test_nonsense_is_one_sentence(self, kept, tmp_path, about):
        _, backup, _ = kept
        forged = rewritten(backup, tmp_path / "forged.tar", "backup.json", lambda _: about)
        refused = Operator(tmp_path).types("restore", str(forged))
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1), refused.stderr
        assert "Traceback" not in refused.stderr


def rewritten(backup: Path, out: Path, member: str, change: Callable[[bytes], bytes | None]) -> Path:
    with tarfile.open(backup) as source, tarfile.open(out, "w") as target:
        for entry in source:
            file = source.extractfile(entry)
            assert file is not None
            content = file.read()
            made = change(content) if entry.name == member else content
            if made is not None:
                entry.size = len(made)
                target.addfile(entry, io.BytesIO(made))
    return out


async def plant(dsn: str, trace: Path) -> None:
    """What whoever writes a dump could put into one: a view that is filled while it is restored."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        f"""
        CREATE FUNCTION run_it() RETURNS integer LANGUAGE plpgsql AS $$
        BEGIN COPY (SELECT 1) TO PROGRAM 'touch {trace}'; RETURN 1; END $$;
        CREATE MATERIALIZED VIEW evil AS SELECT run_it() AS it WITH NO DATA;
        """
    )
    await connection.execute("UPDATE pg_class SET relispopulated = true WHERE relname = 'evil'")
    await connection.close()
