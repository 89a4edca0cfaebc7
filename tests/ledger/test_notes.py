"""Notes, checkpoints, cosignatures, proofs: written, read again, and refused when anything is off."""

import shutil
import subprocess
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from blacklist_service.ledger import notes
from blacklist_service.ledger.notes import Checkpoint, Note, NoteError, Proof, VerifierKey

# From golang.org/x/mod/sumdb/note's documentation.
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = VerifierKey("blacklist.local/log", notes.public_of(PRIVATE))
WITNESS = VerifierKey("auditor.example/w1", notes.public_of(PRIVATE), notes.COSIGNATURE)
CHECKPOINT = Checkpoint("blacklist.local/log", 70_000, bytes(range(32)))
SIGNED = Note(CHECKPOINT.text, (notes.sign(CHECKPOINT.text, KEY, PRIVATE),))
AT = datetime(2026, 3, 1, 8, 0, 5, tzinfo=UTC)


def test_a_note_of_the_go_implementation():
    note, key = Note.parse(GO_NOTE), VerifierKey.parse(GO_VKEY)
    assert note.content == GO_NOTE
    assert note.signed_by([key]) == [key]
    assert key.text == GO_VKEY
    with pytest.raises(NoteError, match="not valid"):
        Note.parse(GO_NOTE.replace("answer", "cure")).signed_by([key])


def test_a_checkpoint_comes_back_as_it_was():
    assert SIGNED.text == "blacklist.local/log\n70000\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
    assert notes.verified_checkpoint(Note.parse(SIGNED.content), [KEY]) == CHECKPOINT
    with pytest.raises(NoteError, match="not signed"):
        notes.verified_checkpoint(SIGNED, [WITNESS])
    with pytest.raises(NoteError, match="not signed"):
        notes.verified_checkpoint(SIGNED, [VerifierKey("other.example/log", KEY.public)])


def test_several_signatures_known_and_unknown():
    cosigned = SIGNED.with_signatures([notes.cosign(SIGNED.text, WITNESS, PRIVATE, AT)])
    read = Note.parse(cosigned.content)
    assert read.signed_by([KEY, WITNESS]) == [KEY, WITNESS]
    assert read.signed_by([VerifierKey.parse(GO_VKEY)]) == []
    assert read.signatures[1].cosigned_at == AT
    assert notes.parse_signatures(read.signatures[1].line) == [read.signatures[1]]


def test_a_cosignature_counts_with_its_time():
    line = notes.cosign(SIGNED.text, WITNESS, PRIVATE, AT)
    later = notes.Signature(line.name, line.key_id, line.content[:7] + bytes([line.content[7] ^ 1]) + line.content[8:])
    with pytest.raises(NoteError, match="not valid"):
        SIGNED.with_signatures([later]).signed_by([WITNESS])


@pytest.mark.parametrize("extra", [None, b"", b"{}"])
def test_a_proof_comes_back_as_it_was(extra):
    proof = Proof(5, (bytes(32), bytes(range(32))), SIGNED, extra)
    assert Proof.parse(proof.content) == proof
    lines = proof.content.split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert "index 5" in lines[1:3]
    assert proof.content.endswith("\n\n" + SIGNED.content)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("c2sp.org/tlog-proof@v1", "c2sp.org/tlog-proof@v2"),
        ("index 5", "index 05"),
        ("index 5", "index -5"),
        ("index 5\n", ""),
        ("AAAA=\n", "AAAB=\n"),
        ("AAAA=\n", "AAA=\n"),
        ("\n\n", "\n"),
        ("— ", "- "),
        ("70000", "070000"),
    ],
)
def test_a_damaged_proof_is_refused(old, new):
    content = Proof(5, (bytes(32),), SIGNED).content
    assert old in content
    with pytest.raises(NoteError):
        notes.verified_checkpoint(Proof.parse(content.replace(old, new)).checkpoint, [KEY])


@pytest.mark.parametrize("text", ["", "a+b", "a b+c74f20a3+AQ==", GO_VKEY.replace("c74f", "c74e"), GO_VKEY[:-4]])
def test_a_damaged_key_is_refused(text):
    with pytest.raises(NoteError):
        VerifierKey.parse(text)


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl")
def test_openssl_accepts_the_signature(tmp_path):
    public = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pem").write_bytes(public)
    (tmp_path / "signature").write_bytes(SIGNED.signatures[0].content)
    command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "key.pem", "-sigfile", "signature", "-in"]
    for text, expected in ((SIGNED.text, 0), (SIGNED.text.replace("70000", "70001"), 1)):
        (tmp_path / "text").write_bytes(text.encode())
        assert subprocess.run([*command, "text"], cwd=tmp_path, check=False).returncode == expected
