"""Export bundles: they prove themselves offline, and no forgery of any kind goes unseen."""

import asyncio
import csv
import hashlib
import io
import itertools
import json
import os
import random
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pyarrow import parquet

from blacklist_service.access.principals import Actor
from blacklist_service.access.scopes import Role
from blacklist_service.audit import export_jobs, exports
from blacklist_service.audit.export_jobs import make_next
from blacklist_service.audit.exports import make_bundle, wait_for_proof
from blacklist_service.audit.filters import EntryFilters
from blacklist_service.audit.formats import ExportFormat
from blacklist_service.audit.ranges import outside
from blacklist_service.audit.truth import LedgerAltered
from blacklist_service.audit.verify_bundle import Doubt, verify
from blacklist_service.audit.wanted import WantedExport
from blacklist_service.database.connections import connect
from blacklist_service.ledger.sequencer import Sequencer
from blacklist_service.ledger.signing import SealingPlace
from blacklist_service.members.rules import MemberKind
from tests.conftest import SECRECY
from tests.ledger.sealing import add_entries, begin, seal_all, sequencer_of
from tests.support import Service, question, resident_id, row, subject

FORGERIES = 1000 if os.environ.get("BLACKLIST_SOAK") else 120
Files = dict[str, bytes]


@pytest.fixture
async def place(service: Service, dsn: str, tmp_path: Path) -> AsyncIterator[SealingPlace]:
    """The service with a log that a worker of its own keeps sealed."""
    place = await begin(dsn, tmp_path)
    sequencer: Sequencer = await sequencer_of(dsn, place)

    async def keep() -> None:
        while True:
            if not await sequencer.seal():
                await asyncio.sleep(0.02)

    task = asyncio.create_task(keep())
    yield place
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await sequencer.connection.close()


@pytest.fixture
async def asked(service: Service, place: SealingPlace) -> Service:
    """A service that was asked all sorts of things."""
    listed = resident_id(11)
    await service.load_rows(row(name="张三", identifier_number=listed))
    for n in range(30):
        await service.check(subject("张三", listed if n % 3 == 0 else resident_id()), operator=f"=op{n % 2}")
        if n % 5 == 0:
            await service.post("/v1/checks", question(subject("李四"), reference=f"R{n}"), key="other agency")
    return service


async def export(service: Service, path: Path, form: str = "jsonl", **filters: Any) -> dict[str, Any]:
    """A bundle at `path`, as the worker would make it; returns its manifest."""
    await asyncio.sleep(0.3)  # what was asked is sealed
    async with service.workplace.connected() as connection:

        async def prove(entry_id):
            return await wait_for_proof(connection, entry_id, within=timedelta(seconds=10))

        await make_bundle(
            connection,
            WantedExport(EntryFilters.model_validate(filters), ExportFormat(form)),
            path,
            export_id=uuid4(),
            actor=Actor(operator="test"),
            secrecy=SECRECY,
            prove=prove,
        )
    with zipfile.ZipFile(path) as bundle:
        manifest: dict[str, Any] = json.loads(bundle.read("manifest.json"))
    return manifest


async def vkeys(service: Service) -> str:
    return (await service.get("/v1/ledger/vkey", key="auditor")).text


class TestWhatIsExported:
    @pytest.mark.parametrize("form", list(ExportFormat))
    async def test_without_a_filter_every_sealed_entry(self, asked: Service, tmp_path: Path, form: str):
        path = tmp_path / "bundle.zip"
        manifest = await export(asked, path, form)
        found = verify(path, await vkeys(asked))
        assert found["rows"] == manifest["rows"] == manifest["log_size"]
        assert found["is_complete"]
        assert not found["own_key"]
        [count] = await asked.fetch("SELECT count(*) AS n FROM ledger_entries")
        assert found["rows"] == count["n"] - 1  # the making of the bundle itself
        content = zipfile.ZipFile(path).read(f"entries.{form}")
        if form == "parquet":
            rows = parquet.read_table(io.BytesIO(content)).to_pylist()
        elif form == "csv":
            rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
            assert {row["operator"] for row in rows if row["action"] == "check"} == {"'=op0", "'=op1", ""}
        else:
            rows = [json.loads(line) for line in content.splitlines()]
        assert [int(row["leaf_index"]) for row in rows] == list(range(len(rows)))
        assert resident_id(11) not in str(rows)

    @pytest.mark.parametrize(
        ("filters", "is_complete"),
        [
            ({"agency": "GD-EDU"}, True),
            ({"decision": "block", "matter": "civil_service_recruitment"}, True),
            ({"action": "check", "list_version_from": 1}, True),
            ({"operator": "=op1"}, False),
            ({"reference": "R5"}, False),
            ({"agency": "GD-HR", "operator": "=op0"}, False),
        ],
    )
    async def test_a_filter_and_what_it_proves(self, asked: Service, tmp_path: Path, filters, is_complete):
        path = tmp_path / "bundle.zip"
        await export(asked, path, **filters)
        found = verify(path, await vkeys(asked))
        assert found["is_complete"] is is_complete
        listed = (await asked.get("/v1/audit/entries", key="auditor", limit=500, **filters)).json()["items"]
        assert found["rows"] == len(listed) > 0

    async def test_nothing_found_is_proved_too(self, asked: Service, tmp_path: Path):
        await export(asked, tmp_path / "none.zip", agency="NOBODY")
        assert verify(tmp_path / "none.zip")["rows"] == 0

    async def test_a_time_is_complete_though_not_all_leaves_are_there(
        self, service: Service, place: SealingPlace, dsn: str, tmp_path: Path
    ):
        owner = await connect(dsn, role=None)
        await add_entries(owner, 3000, in_one=100)
        await asyncio.sleep(0.5)
        at = (await service.fetch("SELECT max(at) AS at FROM ledger_entries"))[0]["at"]
        await owner.close()
        manifest = await export(service, tmp_path / "late.zip", **{"from": (at + timedelta(hours=1)).isoformat()})
        assert manifest["ranges"][0][0] > 0
        found = verify(tmp_path / "late.zip", await vkeys(service))
        assert (found["rows"], found["is_complete"]) == (0, True)
        manifest = await export(service, tmp_path / "early.zip", to=(at - timedelta(hours=1)).isoformat())
        assert manifest["ranges"][0][1] < manifest["log_size"]
        assert verify(tmp_path / "early.zip")["is_complete"]


class TestForgeries:
    async def test_a_thousand_are_found(self, asked: Service, tmp_path: Path):
        """Whoever holds a bundle but no key may change anything in it, and mend every digest they can."""
        genuine = tmp_path / "genuine.zip"
        await export(asked, genuine)
        keys = await vkeys(asked)
        with zipfile.ZipFile(genuine) as bundle:
            files = {name: bundle.read(name) for name in bundle.namelist()}
        chance = random.Random(7)
        kinds = [
            edit_row,
            drop_row,
            drop_tail,
            swap_rows,
            add_row,
            edit_checkpoint,
            edit_leaf,
            edit_tile,
            edit_manifest,
            flip,
        ]
        unseen = []
        for n in range(FORGERIES):
            forged = dict(files)
            kinds[n % len(kinds)](forged, chance)
            if n // len(kinds) % 2:
                mend_manifest(forged)
            path = tmp_path / "forged.zip"
            write(path, forged)
            assert forged != files
            try:
                verify(path, keys)
            except Doubt:
                continue
            unseen.append((kinds[n % len(kinds)].__name__, n))
        assert unseen == []
        verify(genuine, keys)

    async def test_a_bundle_of_another_log_is_foreign(self, asked: Service, tmp_path: Path):
        await export(asked, tmp_path / "one.zip")
        other = "blacklist.local/other+" + "00000000+AQ=="
        with pytest.raises(Doubt):
            verify(tmp_path / "one.zip", other)

    async def test_each_file_is_described_alike_before_it_and_at_the_end(self, asked: Service, tmp_path: Path):
        """Programs that unpack go by the one or by the other, and would show different contents."""
        await export(asked, tmp_path / "bundle.zip")
        content = (tmp_path / "bundle.zip").read_bytes()
        for place in (6, 8, 14, 18, 22, 28):  # flags, method, CRC, both sizes, the length of what follows
            damaged = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
            (tmp_path / "damaged.zip").write_bytes(damaged)
            with pytest.raises(Doubt):
                verify(tmp_path / "damaged.zip", await vkeys(asked))

    async def test_the_sizes_of_a_large_file_stand_behind_its_header(self, asked: Service, tmp_path: Path):
        await export(asked, tmp_path / "bundle.zip")
        with zipfile.ZipFile(tmp_path / "bundle.zip") as bundle, zipfile.ZipFile(tmp_path / "b.zip", "w") as large:
            for name in bundle.namelist():
                with large.open(name, "w", force_zip64=True) as file:
                    file.write(bundle.read(name))
            first = large.infolist()[0].filename
        verify(tmp_path / "b.zip", await vkeys(asked))
        content = (tmp_path / "b.zip").read_bytes()
        place = 30 + len(first) + 4
        (tmp_path / "b.zip").write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(Doubt, match="two sizes"):
            verify(tmp_path / "b.zip", await vkeys(asked))

    async def test_a_file_of_whatever_kind_is_a_doubt(self, tmp_path: Path):
        path = tmp_path / "x.zip"
        for content in (b"", b"PK\x05\x06" + bytes(18), os.urandom(300)):
            path.write_bytes(content)
            with pytest.raises(Doubt):
                verify(path)
        with pytest.raises(Doubt):
            verify(tmp_path / "absent.zip")

    async def test_a_row_dropped_by_the_maker_is_missed(self, asked: Service, tmp_path: Path, monkeypatch):
        """Also by whoever can seal: the leaves of the range say what belongs there."""
        genuine = exports._groups

        async def dishonest(*args):
            async for leaves, rows in genuine(*args):
                yield leaves, [one for one in rows if one["decision"] != "block"]

        monkeypatch.setattr(exports, "_groups", dishonest)
        await export(asked, tmp_path / "b.zip", action="check")
        with pytest.raises(Doubt, match="missing"):
            verify(tmp_path / "b.zip", await vkeys(asked))

    async def test_a_row_rewritten_by_the_maker_is_seen(self, asked: Service, tmp_path: Path, monkeypatch):
        genuine = exports._row

        def dishonest(one, subjects):
            row = genuine(one, subjects)
            return row | {"decision": "clear"} if row["decision"] == "block" else row

        monkeypatch.setattr(exports, "_row", dishonest)
        await export(asked, tmp_path / "b.zip")
        with pytest.raises(Doubt, match="decision"):
            verify(tmp_path / "b.zip", await vkeys(asked))


def edit_row(files: Files, chance: random.Random) -> None:
    rows = files["entries.jsonl"].splitlines()
    place = chance.randrange(len(rows))
    one = json.loads(rows[place])
    name = chance.choice(["decision", "agency", "operator", "reference", "matter", "at", "list_version", "source_ip"])
    one[name] = "clear" if one[name] != "clear" else "block"
    rows[place] = json.dumps(one).encode()
    files["entries.jsonl"] = b"\n".join(rows) + b"\n"


def drop_row(files: Files, chance: random.Random) -> None:
    rows = files["entries.jsonl"].splitlines(keepends=True)
    del rows[chance.randrange(len(rows))]
    files["entries.jsonl"] = b"".join(rows)


def drop_tail(files: Files, chance: random.Random) -> None:
    """The last rows with their leaves, as if the log ended earlier."""
    rows = files["entries.jsonl"].splitlines(keepends=True)
    kept = chance.randrange(1, len(rows))
    files["entries.jsonl"] = b"".join(rows[:kept])
    manifest = json.loads(files["manifest.json"])
    manifest |= {"rows": kept, "last_index": kept - 1, "log_size": kept, "ranges": [[0, kept]]}
    files["manifest.json"] = json.dumps(manifest).encode()


def swap_rows(files: Files, chance: random.Random) -> None:
    rows = files["entries.jsonl"].splitlines(keepends=True)
    one, other = chance.sample(range(len(rows)), 2)
    rows[one], rows[other] = rows[other], rows[one]
    files["entries.jsonl"] = b"".join(rows)


def add_row(files: Files, chance: random.Random) -> None:
    rows = files["entries.jsonl"].splitlines(keepends=True)
    rows.insert(chance.randrange(len(rows)), chance.choice(rows))
    files["entries.jsonl"] = b"".join(rows)


def edit_checkpoint(files: Files, chance: random.Random) -> None:
    lines = files["checkpoint"].decode().split("\n")
    place = chance.choice([0, 1, 2, 4])
    old = lines[place]
    at = chance.randrange(len(old))
    lines[place] = old[:at] + ("7" if old[at] != "7" else "8") + old[at + 1 :]
    files["checkpoint"] = "\n".join(lines).encode()


def edit_leaf(files: Files, chance: random.Random) -> None:
    name = next(name for name in files if name.startswith("tile/entries/"))
    files[name] = flipped(files[name], chance)


def edit_tile(files: Files, chance: random.Random) -> None:
    """A proof's bytes: of the manifest's seal."""
    files["manifest.proof"] = flipped(files["manifest.proof"], chance)


def edit_manifest(files: Files, chance: random.Random) -> None:
    manifest = json.loads(files["manifest.json"])
    field = chance.choice(["rows", "log_size", "first_index", "last_index"])
    manifest[field] += 1
    files["manifest.json"] = json.dumps(manifest).encode()


def flip(files: Files, chance: random.Random) -> None:
    name = chance.choice(sorted(files))
    files[name] = flipped(files[name], chance)


def flipped(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(content))
    return content[:at] + bytes([content[at] ^ (1 << chance.randrange(8))]) + content[at + 1 :]


def mend_manifest(files: Files) -> None:
    """The forger mends every digest within reach, the sealed leaf too."""
    try:
        manifest = json.loads(files["manifest.json"])
        leaf = json.loads(files["manifest.leaf"])
    except ValueError:
        return
    manifest["files"] = {
        name: hashlib.sha256(content).hexdigest() for name, content in files.items() if not name.startswith("manifest")
    }
    files["manifest.json"] = json.dumps(manifest).encode()
    leaf["facts"]["manifest"] = hashlib.sha256(files["manifest.json"]).hexdigest()
    files["manifest.leaf"] = json.dumps(leaf, sort_keys=True, separators=(",", ":")).encode()


def write(path: Path, files: Files) -> None:
    with zipfile.ZipFile(path, "w") as bundle:
        for name, content in files.items():
            bundle.writestr(name, content)


HIDDEN = {
    "another time": ("UPDATE ledger_entries SET at = at - interval '50 minutes' WHERE decision = 'block'", {}),
    "taken away": ("DELETE FROM ledger_entries WHERE decision = 'block'", {"agency": "GD-EDU"}),
    "another agency": ("UPDATE ledger_entries SET agency = 'GD-X' WHERE decision = 'block'", {"agency": "GD-HR"}),
    "another decision": (
        "UPDATE ledger_entries SET decision = 'clear' WHERE decision = 'block'",
        {"decision": "block"},
    ),
    "another operator": ("UPDATE ledger_entries SET operator = 'x' WHERE decision = 'block'", {"operator": "=op0"}),
}


@pytest.mark.parametrize("how", HIDDEN)
async def test_no_export_is_made_past_a_row_that_was_hidden_from_it(asked: Service, tmp_path: Path, how: str):
    alteration, filters = HIDDEN[how]
    owner = await connect(asked.workplace.dsn, role=None)
    assert await owner.execute(alteration) not in {"UPDATE 0", "DELETE 0"}
    await owner.close()
    with pytest.raises(LedgerAltered):
        await export(asked, tmp_path / "bundle.zip", **filters)


def test_outside_is_what_no_range_touches():
    for size in (1, 255, 256, 257, 1000, 5000, 70_000):
        blocks = -(-size // 256)
        for first in {0, blocks // 3, blocks - 1}:
            for end in {first + 1, blocks}:
                one = (first * 256, min(size, end * 256))
                covered = sorted([*outside(size, [one]), one])
                assert covered[0][0] == 0
                assert covered[-1][1] == size
                assert all(a[1] == b[0] for a, b in itertools.pairwise(covered))


async def test_the_file_in_the_bundle_verifies_without_the_service(asked: Service, tmp_path: Path):
    await export(asked, tmp_path / "bundle.zip")
    with zipfile.ZipFile(tmp_path / "bundle.zip") as bundle:
        (tmp_path / "verify_bundle.py").write_bytes(bundle.read("docs/verify_bundle.py"))
        (tmp_path / "vkey").write_text(await vkeys(asked))
    command = [sys.executable, "-I", "verify_bundle.py", "bundle.zip", "--vkey", "vkey"]
    run = await asyncio.to_thread(subprocess.run, command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "complete" in run.stdout
    with zipfile.ZipFile(tmp_path / "bundle.zip") as bundle:
        files = {name: bundle.read(name) for name in bundle.namelist()}
    files["entries.jsonl"] = files["entries.jsonl"].replace(b'"block"', b'"clear"', 1)
    write(tmp_path / "bundle.zip", files)
    run = await asyncio.to_thread(subprocess.run, command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "DOUBT" in run.stdout


class TestOverHttp:
    async def test_asked_for_made_and_fetched(self, asked: Service, tmp_path: Path, monkeypatch):
        monkeypatch.setattr(export_jobs, "PART_BYTES", 5000)
        body = {"action": "check", "agency": "GD-HR", "format": "csv"}
        replies = [await asked.post("/v1/audit/exports", body, key="auditor", **{"Idempotency-Key": "e"}) for _ in "ab"]
        assert [reply.status_code for reply in replies] == [202, 202]
        assert replies[0].json() == replies[1].json()
        export_id = replies[0].json()["export_id"]
        assert replies[0].json()["state"] == "queued"
        [entry] = await asked.fetch(
            "SELECT convert_from(leaf, 'UTF8') AS leaf FROM ledger_entries WHERE action = 'export_asked'"
        )
        assert export_id in entry["leaf"]
        waiting = await asked.get(f"/v1/audit/exports/{export_id}/bundle", key="auditor")
        assert (waiting.status_code, waiting.headers["retry-after"]) == (202, "1")
        await asyncio.sleep(0.3)
        async with asked.workplace.connected() as connection:
            assert await make_next(connection, SECRECY)
            assert not await make_next(connection, SECRECY)
        done = (await asked.get(f"/v1/audit/exports/{export_id}", key="auditor")).json()
        assert (done["state"], done["rows"]) == ("done", 30)
        fetched = await asked.get(f"/v1/audit/exports/{export_id}/bundle", key="auditor")
        assert fetched.headers["content-type"] == "application/zip"
        (tmp_path / "b.zip").write_bytes(fetched.content)
        assert verify(tmp_path / "b.zip", await vkeys(asked))["rows"] == 30
        reads = await asked.fetch("SELECT leaf FROM ledger_entries WHERE action = 'audit_read'")
        assert any(b'"bundle"' in one["leaf"] for one in reads)

    async def test_about_one_person(self, asked: Service, tmp_path: Path):
        who = {"kind": "person", "name": "张三", "identifier": {"type": "resident_id", "number": resident_id(11)}}
        asking = await asked.post("/v1/audit/exports", {"subject": who, "action": "check"}, key="auditor")
        await asyncio.sleep(0.3)
        async with asked.workplace.connected() as connection:
            await make_next(connection, SECRECY)
        export_id = asking.json()["export_id"]
        fetched = await asked.get(f"/v1/audit/exports/{export_id}/bundle", key="auditor")
        (tmp_path / "b.zip").write_bytes(fetched.content)
        found = verify(tmp_path / "b.zip")
        assert (found["rows"], found["not_provable"]) == (10, ["subject"])
        assert resident_id(11).encode() not in zipfile.ZipFile(tmp_path / "b.zip").read("manifest.json")

    @pytest.mark.parametrize("key", ["agency", "court"])
    async def test_nobody_but_an_auditor_exports(self, service: Service, key: str):
        assert (await service.post("/v1/audit/exports", {}, key=key)).status_code == 403

    async def test_another_auditors_is_not_there(self, service: Service):
        await service.add_member("OTHER-AUDIT", MemberKind.AUDITOR)
        other = await service.add_key("OTHER-AUDIT", Role.AUDITOR)
        export_id = (await service.post("/v1/audit/exports", {}, key="auditor")).json()["export_id"]
        for path in (f"/v1/audit/exports/{export_id}", f"/v1/audit/exports/{export_id}/bundle"):
            assert (await service.get(path, key=other)).status_code == 404

    async def test_where_nobody_seals_the_job_fails_with_a_sentence(self, service: Service, dsn, tmp_path, monkeypatch):
        monkeypatch.setattr(export_jobs, "SEALED_WITHIN", timedelta(milliseconds=200))
        place = await begin(dsn, tmp_path)
        await seal_all(dsn, place)
        export_id = (await service.post("/v1/audit/exports", {}, key="auditor")).json()["export_id"]
        async with service.workplace.connected() as connection:
            await make_next(connection, SECRECY)
        found = (await service.get(f"/v1/audit/exports/{export_id}", key="auditor")).json()
        assert found["state"] == "failed"
        assert "sealed" in found["problem"]
        assert (await service.get(f"/v1/audit/exports/{export_id}/bundle", key="auditor")).status_code == 409
