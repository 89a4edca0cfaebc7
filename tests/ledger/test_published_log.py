"""The log as auditors, agencies and witnesses see it over HTTP; recomputed without the code that made it."""

import base64
import hashlib
import shutil
import struct
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from blacklist_service.cli.witnessing import Witness, WitnessRefusedError
from blacklist_service.database.connections import connect
from blacklist_service.ledger.log import prove_consistency
from blacklist_service.ledger.notes import Checkpoint, Note, Proof, VerifierKey
from blacklist_service.ledger.retention import erase_month
from blacklist_service.ledger.signing import SealingPlace, pair, sign_checkpoint
from blacklist_service.ledger.tree import all_tiles
from blacklist_service.ledger.witnesses import add_witness
from blacklist_service.problems import Conflict
from tests.conftest import SECRECY
from tests.ledger.sealing import add_entries, begin, root_by_definition, seal_all, sequencer_of
from tests.support import TEST, Service, question, resident_id, row, subject

LISTED = resident_id(15)


@pytest.fixture
async def place(dsn: str, tmp_path: Path) -> SealingPlace:
    return await begin(dsn, tmp_path)


async def grow(service: Service, place: SealingPlace, count: int = 0) -> None:
    async with service.workplace.connected() as connection:
        await add_entries(connection, count, in_one=50)
    await seal_all(service.workplace.dsn, place)


async def read(service: Service, path: str) -> bytes:
    response = await service.get(f"/v1/ledger/{path}", key="auditor")
    assert response.status_code == 200, (path, response.text)
    return response.content


def number_path(number: int) -> str:
    text = f"{number:03d}" if number < 1000 else f"x{number // 1000:03d}/{number % 1000:03d}"
    assert number < 1_000_000
    return text


async def download(service: Service) -> tuple[str, int, bytes, list[bytes]]:
    """Checkpoint text, size, root, leaves; everything that tlog-tiles asks for is there and true."""
    text = (await read(service, "checkpoint")).decode().split("\n\n")[0] + "\n"
    size, root = int(text.split("\n")[1]), base64.b64decode(text.split("\n")[2])
    leaves: list[bytes] = []
    for number in range(-(-size // 256)):
        width = min(256, size - 256 * number)
        suffix = number_path(number) + ("" if width == 256 else f".p/{width}")
        content, at = await read(service, f"tile/entries/{suffix}"), 0
        here = []
        while at < len(content):
            [length] = struct.unpack_from(">H", content, at)
            here.append(content[at + 2 : at + 2 + length])
            at += 2 + length
        assert len(here) == width
        hashes = [hashlib.sha256(b"\0" + leaf).digest() for leaf in here]
        assert await read(service, f"tile/0/{suffix}") == b"".join(hashes)
        leaves += here
    return text, size, root, leaves


async def test_the_root_is_recomputed_from_what_is_published(service: Service, place: SealingPlace):
    await grow(service, place, 1200)
    text, size, root, leaves = await download(service)
    hashes = [hashlib.sha256(b"\0" + leaf).digest() for leaf in leaves]
    assert len(leaves) == size > 1200
    assert root_by_definition(hashes) == root
    full = [root_by_definition(hashes[at : at + 256]) for at in range(0, size - size % 256, 256)]
    assert await read(service, f"tile/1/000.p/{len(full)}") == b"".join(full)
    for index, entry in enumerate((await service.get("/v1/audit/entries", key="auditor")).json()["items"][::-1]):
        if entry["leaf_index"] is not None:
            assert entry["entry_id"].encode() in leaves[entry["leaf_index"]], index
    [name, key_id, encoded] = (await read(service, "vkey")).decode().splitlines()[0].split("+", 2)
    public = base64.b64decode(encoded)[1:]
    note = (await read(service, "checkpoint")).decode()
    signer, signature = note.splitlines()[-1].removeprefix("— ").split(" ")
    blob = base64.b64decode(signature)
    assert (signer, blob[:4].hex()) == (name, key_id)
    assert name == text.split("\n")[0]
    Ed25519PublicKey.from_public_bytes(public).verify(blob[4:], text.encode())


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl")
async def test_openssl_accepts_the_published_signature(service: Service, place: SealingPlace, tmp_path: Path):
    await grow(service, place)
    note = (await read(service, "checkpoint")).decode()
    text, _, signature = note.partition("\n\n")
    key = base64.b64decode((await read(service, "vkey")).decode().strip().split("+", 2)[2])[1:]
    pem = Ed25519PublicKey.from_public_bytes(key).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pem").write_bytes(pem)
    (tmp_path / "text").write_text(text + "\n")
    (tmp_path / "signature").write_bytes(base64.b64decode(signature.strip().split(" ")[2])[4:])
    command = "openssl pkeyutl -verify -rawin -pubin -inkey key.pem -sigfile signature -in text"
    assert subprocess.run(command.split(), cwd=tmp_path, check=False).returncode == 0


async def test_every_width_that_is_published_can_be_read_again(service: Service, place: SealingPlace):
    await grow(service, place, 300)
    full = await read(service, "tile/0/000")
    for width in (1, 77, 255):
        assert await read(service, f"tile/0/000.p/{width}") == full[: 32 * width]
    size = int((await read(service, "checkpoint")).split(b"\n")[1])
    for path in (f"tile/0/001.p/{size - 256 + 1}", "tile/0/001", "tile/1/000.p/2", "tile/0/002.p/1", "tile/0/0"):
        assert (await service.get(f"/v1/ledger/{path}", key="auditor")).status_code == 404, path


async def test_manners_of_static_reads(service: Service, place: SealingPlace):
    await grow(service, place)
    entries = await service.fetch("SELECT count(*) AS n FROM ledger_entries")
    tile = await service.get("/v1/ledger/tile/0/000.p/1", key="auditor")
    assert tile.headers["content-type"] == "application/octet-stream"
    assert tile.headers["cache-control"] == "private, max-age=31536000, immutable"
    again = await service.client.get(
        "/v1/ledger/tile/0/000.p/1", headers=service.bearer("auditor") | {"If-None-Match": tile.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    for path in ("checkpoint", "vkey"):
        response = await service.get(f"/v1/ledger/{path}", key="auditor")
        assert response.headers["content-type"] == "text/plain; charset=utf-8"
        assert response.headers["cache-control"] == "private, no-cache"
        assert (await service.client.get(f"/v1/ledger/{path}")).status_code == 401
    assert await service.fetch("SELECT count(*) AS n FROM ledger_entries") == entries
    assert (await service.get("/v1/ledger/checkpoint")).status_code == 403


async def test_nothing_is_published_beyond_the_checkpoint(service: Service, place: SealingPlace):
    """Leaves that were given their places, but are not signed yet."""
    await grow(service, place)
    size = int((await read(service, "checkpoint")).split(b"\n")[1])
    async with service.workplace.connected() as connection:
        await add_entries(connection, 3)
    sequencer = await sequencer_of(service.workplace.dsn, place)
    await sequencer.append()
    await sequencer.connection.close()
    response = await service.get(f"/v1/ledger/tile/0/000.p/{size + 1}", key="auditor")
    assert response.status_code == 404


@pytest.mark.parametrize("listed", [True, False])
async def test_a_receipt_stands_alone(service: Service, place: SealingPlace, listed: bool):
    if listed:
        await service.load_rows(row(name="张三", identifier_number=LISTED))
    answer = await service.check(subject("张三", LISTED))
    path = f"/v1/checks/{answer['check_id']}/receipt"
    early = await service.get(path)
    assert (early.status_code, early.headers["retry-after"], early.content) == (202, "1", b"")
    await grow(service, place, 300)
    response = await service.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    recorded = (await service.get(f"/v1/checks/{answer['check_id']}")).json()
    verify_receipt(response.text, base64.b64decode(recorded["leaf"]), (await read(service, "vkey")).decode())
    salt, exact = base64.b64decode(recorded["leaf_salt"]), base64.b64decode(recorded["answer"])
    assert hashlib.sha256(salt + exact).hexdigest().encode() in base64.b64decode(recorded["leaf"])


def verify_receipt(receipt: str, leaf: bytes, vkey: str) -> None:
    """By RFC 9162 §2.1.3.2 and C2SP tlog-proof, written out here."""
    head, _, checkpoint = receipt.partition("\n\n")
    lines = head.split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    index = int(lines[1].removeprefix("index "))
    text, _, signatures = checkpoint.partition("\n\n")
    size, root = int(text.split("\n")[1]), base64.b64decode(text.split("\n")[2])
    fn, sn, r = index, size - 1, hashlib.sha256(b"\0" + leaf).digest()
    for p in [base64.b64decode(line) for line in lines[2:]]:
        if fn & 1 or fn == sn:
            r = hashlib.sha256(b"\1" + p + r).digest()
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = hashlib.sha256(b"\1" + r + p).digest()
        fn, sn = fn >> 1, sn >> 1
    assert (sn, r) == (0, root)
    public = base64.b64decode(vkey.splitlines()[0].split("+", 2)[2])[1:]
    signature = base64.b64decode(signatures.split("\n")[0].split(" ")[2])[4:]
    Ed25519PublicKey.from_public_bytes(public).verify(signature, text.encode() + b"\n")


async def test_a_receipt_is_for_who_asked_and_for_auditors(service: Service, place: SealingPlace):
    answer = await service.check(subject("张三", LISTED))
    await grow(service, place)
    path = f"/v1/checks/{answer['check_id']}/receipt"
    assert (await service.get(path, key="other agency")).status_code == 404
    assert (await service.get("/v1/checks/018f0000-0000-7000-8000-000000000000/receipt")).status_code == 404
    assert (await service.get(path, key="court")).status_code == 403
    assert (await service.get(path, key="auditor")).status_code == 200
    [entry, *_] = (await service.get("/v1/audit/entries", key="auditor", action="audit_read")).json()["items"]
    assert entry["check_id"] == answer["check_id"]


async def test_an_independent_verifier_agrees(service: Service, place: SealingPlace):
    """metamorphic-log (Rust) shares nothing with this project."""
    verifier = pytest.importorskip("metamorphic_log")
    await grow(service, place, 50)
    older = (await read(service, "checkpoint")).decode()
    answer = await service.check(subject("张三", LISTED))
    await grow(service, place, 513)
    keys = (await read(service, "vkey")).decode().splitlines()
    newer = (await read(service, "checkpoint")).decode()
    receipt = (await service.get(f"/v1/checks/{answer['check_id']}/receipt")).text
    head, _, note = receipt.partition("\n\n")
    leaf = base64.b64decode((await service.get(f"/v1/checks/{answer['check_id']}")).json()["leaf"])
    index = int(head.split("\n")[1].removeprefix("index "))
    path = [base64.b64decode(line) for line in head.split("\n")[2:]]
    digest = hashlib.sha256(b"\0" + leaf).digest()
    verifier.checkpoint_verify_inclusion(note, keys, index, digest, path)
    with pytest.raises(verifier.VerifyError):
        verifier.checkpoint_verify_inclusion(note, keys, index, hashlib.sha256(b"\0{}").digest(), path)
    async with service.workplace.connected() as connection:
        old, new = (Checkpoint.parse(Note.parse(text).text).size for text in (older, newer))
        consistency = await prove_consistency(connection, old, new)
    verifier.checkpoint_verify_consistency(older, newer, keys, consistency)
    with pytest.raises(verifier.VerifyError):
        verifier.checkpoint_verify_consistency(older, newer, keys, consistency[:-1])


# Lag


async def age_pending(service: Service, age: timedelta) -> None:
    owner = await connect(service.workplace.dsn, role=None)
    await owner.execute("UPDATE ledger_pending SET at = clock_timestamp() - $1::interval", age)
    await owner.close()


async def test_checks_are_answered_until_sealing_lags_an_hour(service: Service, place: SealingPlace):
    await grow(service, place)
    assert (await service.get("/readyz")).json()["ledger"] == {"state": "sealed"}
    await service.check(subject("张三", LISTED))
    await age_pending(service, timedelta(minutes=2))
    ready = (await service.get("/readyz")).json()
    assert ready["status"] == "ready"
    assert ready["ledger"]["state"] == "behind"
    assert 120 <= ready["ledger"]["lag_seconds"] < 180
    await age_pending(service, timedelta(minutes=59))
    await service.check(subject("张三", LISTED))
    await age_pending(service, timedelta(minutes=61))
    refused = await service.post("/v1/checks", question(subject("张三", LISTED)))
    assert (refused.status_code, refused.json()["code"]) == (503, "undetermined")
    assert refused.headers["retry-after"] == "60"
    assert (await service.get("/readyz")).status_code == 503


# Witnesses


class FromService:
    """Fetches from the service's own answers, as read just before: a witness is synchronous."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    def __call__(self, path: str) -> bytes:
        return self.files[path]


async def files_of(service: Service) -> dict[str, bytes]:
    note = await read(service, "checkpoint")
    size = int(note.split(b"\n")[1])
    return {"checkpoint": note} | {tile.path: await read(service, tile.path) for tile in all_tiles(size)}


async def witness_of(service: Service, folder: Path) -> Witness:
    keys = tuple(VerifierKey.parse(line) for line in (await read(service, "vkey")).decode().splitlines())
    return Witness("auditor.example/w1", Ed25519PrivateKey.generate(), keys, folder / "witness.state")


async def test_a_witness_follows_and_its_cosignature_is_published(
    service: Service, place: SealingPlace, tmp_path: Path
):
    await grow(service, place, 300)
    witness = await witness_of(service, tmp_path)
    note = witness.follow(FromService(await files_of(service)))
    assert note is not None
    refused = await service.post("/v1/ledger/cosignatures", {"note": note.content}, key="auditor")
    assert refused.status_code == 422  # not a known witness yet
    async with service.workplace.connected() as connection, connection.transaction():
        assert await add_witness(connection, witness.key.text, actor=TEST, secrecy=SECRECY)
    done = await service.post("/v1/ledger/cosignatures", {"note": note.content}, key="auditor")
    size = Checkpoint.parse(note.text).size
    assert done.json() == {"size": size, "witnesses": ["auditor.example/w1"]}
    assert (await read(service, "checkpoint")).decode() == note.content
    assert witness.follow(FromService(await files_of(service))) is None
    published = await files_of(service)
    unheard = published | {"checkpoint": Note(note.text, note.signatures[:1]).content.encode()}
    assert witness.follow(FromService(unheard)) == note  # it did not arrive: said again
    answer = await service.check(subject("张三", LISTED))
    await grow(service, place, 700)
    assert (await read(service, "checkpoint/cosigned")).decode() == note.content
    newer = witness.follow(FromService(await files_of(service)))
    assert newer is not None
    await service.post("/v1/ledger/cosignatures", {"note": newer.content}, key="auditor")
    await grow(service, place, 5)
    receipt = Proof.parse((await service.get(f"/v1/checks/{answer['check_id']}/receipt")).text)
    assert receipt.checkpoint.content == newer.content  # the receipt prefers what a witness saw


async def test_a_witness_refuses_a_rollback_and_a_fork(service: Service, place: SealingPlace, tmp_path: Path):
    await grow(service, place, 100)
    early = await files_of(service)
    await grow(service, place, 300)
    witness = await witness_of(service, tmp_path)
    assert witness.follow(FromService(await files_of(service))) is not None
    state = witness.state.read_text()
    with pytest.raises(WitnessRefusedError, match="rolled back"):
        witness.follow(FromService(early))
    await grow(service, place, 300)
    later = await files_of(service)
    [needed] = [path for path in later if path.startswith("tile/0/002")]
    damaged = later[needed][:-1] + bytes([later[needed][-1] ^ 1])
    with pytest.raises(WitnessRefusedError, match="other roots"):
        witness.follow(FromService(later | {needed: damaged}))
    checkpoint = Checkpoint.parse(Note.parse(later["checkpoint"].decode()).text)
    forged_text = Checkpoint(checkpoint.origin, checkpoint.size, bytes(32)).text
    edited = later["checkpoint"].replace(checkpoint.text.encode(), forged_text.encode())
    with pytest.raises(WitnessRefusedError, match="not valid"):
        witness.follow(FromService(later | {"checkpoint": edited}))
    fork = signed_by_the_log(forged_text, place)
    with pytest.raises(WitnessRefusedError, match="fork"):
        witness.follow(FromService(later | {"checkpoint": fork.content.encode()}))
    assert witness.state.read_text() == state


def signed_by_the_log(text: str, place: SealingPlace) -> Note:
    return sign_checkpoint(Checkpoint.parse(text), pair(Checkpoint.parse(text).origin, place.load_keys()))


# Retention


async def test_after_a_months_erasure_every_proof_holds_and_nobody_is_found(service: Service, place: SealingPlace):
    answer = await service.check(subject("张三", LISTED), reference="GD-77")
    await grow(service, place)
    recorded = (await service.get(f"/v1/checks/{answer['check_id']}")).json()
    month = datetime.now(UTC).date().replace(day=1)
    owner = await connect(service.workplace.dsn, role=None)
    # As if five years and a month had passed: the month cannot be moved, so the clock of the rule is.
    with pytest.raises(Conflict):
        async with owner.transaction():
            await erase_month(owner, month, min_age_months=60, actor=TEST, secrecy=SECRECY)
    async with owner.transaction():
        secrets, subjects = await erase_month(owner, month, min_age_months=-1, actor=TEST, secrecy=SECRECY)
    assert secrets > 1
    assert subjects == 1
    await owner.close()
    await seal_all(service.workplace.dsn, place)
    receipt = await service.get(f"/v1/checks/{answer['check_id']}/receipt")
    verify_receipt(receipt.text, base64.b64decode(recorded["leaf"]), (await read(service, "vkey")).decode())
    _, _, root, leaves = await download(service)
    assert root_by_definition([hashlib.sha256(b"\0" + leaf).digest() for leaf in leaves]) == root
    assert (await service.get(f"/v1/checks/{answer['check_id']}")).status_code == 404
    [kept] = await service.fetch("SELECT * FROM ledger_entries WHERE id = $1", answer["check_id"])
    assert (kept["reference"], kept["listing_ids"]) == (None, [])
    [erased] = await service.fetch("SELECT leaf FROM ledger_entries WHERE action = 'secrets_erased'")
    assert f'"secrets":{secrets}'.encode() in erased["leaf"]
