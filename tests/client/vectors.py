"""Writes clients/python/vectors from the service's own code: what a client in another language is held to.

    python -m tests.client.vectors            # `make client`

Nobody in them exists, and the private keys are of nobody: all bytes alike.
"""

import base64
import hashlib
import hmac
import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from blacklist_service.access.principals import Actor
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry, leaf_of, private_part
from blacklist_service.ledger.notes import (
    COSIGNATURE,
    Checkpoint,
    Note,
    Proof,
    VerifierKey,
    cosign,
    public_of,
    sign,
)
from blacklist_service.ledger.tree import inclusion_proof, leaf_hash, reader_of_hashes, root_of_hashes
from blacklist_service.subjects.identifiers import IdentifierType, SubjectKind, mask_identifier, read_identifier
from blacklist_service.subjects.names import comparison_key, is_suspect_name, mask_name
from tests.client.answers import answer
from tests.support import resident_id

FOLDER = Path(__file__).parents[2] / "clients" / "python" / "vectors"
TODAY = date(2026, 1, 1)
AT = "2026-01-01T00:00:00.000000Z"
LOG, WITNESS, WEBHOOK = (Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32) for seed in (1, 2, 3))
SECRET = bytes(range(32))
SALT = bytes(range(16))
LEAVES, PLACE = 9, 5

IDENTIFIERS: tuple[tuple[str, str, str], ...] = (
    ("person", "resident_id", resident_id(15)),
    ("person", "resident_id", resident_id(1, born="19620229"[:6] + "28")),
    ("person", "resident_id", "530111198503170016"),
    ("person", "resident_id", "53011119850230001X"),
    ("person", "resident_id", "530111850317001"),
    ("person", "resident_id", " 5301 1119 8503 1700 15 "),
    ("person", "resident_id", "５３０１１１１９８５０３１７００１５"),
    ("person", "resident_id", "5301**********0015"),
    ("person", "passport", "E12345678"),
    ("person", "hk_macao_permit", "H12345678"),
    ("person", "military_id", "军字第1234567号"),
    ("organisation", "uscc", "91530111080734599W"),
    ("organisation", "uscc", "91530111080734599X"),
    ("organisation", "organisation_code", "08073459-9"),
    ("organisation", "business_registration_number", "530111000123456"),
)
NAMES: tuple[tuple[str, str], ...] = (
    ("person", "张三"),
    ("person", " 张　三 "),
    ("person", "买买提•吐尔逊"),
    ("person", "買買提·吐爾遜"),
    ("person", "John-Paul SMITH"),
    ("person", "Smith, John Paul"),
    ("person", "张?"),
    ("person", "⼤伟"),
    ("organisation", "昆明某某物流有限公司"),
    ("organisation", "昆明某某物流有限公司（法定代表人：张三）"),
    ("organisation", "昆明(官渡)某某物流有限责任公司"),
)


def main() -> int:
    FOLDER.mkdir(exist_ok=True)
    for name, content in made().items():
        (FOLDER / name).write_text(written(content), "utf-8")
    return 0


def written(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def made() -> dict[str, Any]:
    return {
        "identifiers.json": [identifier(*one) for one in IDENTIFIERS],
        "names.json": [name(*one) for one in NAMES],
        "signatures.json": signatures(),
        "receipts.json": receipts(),
    }


def identifier(kind: str, type_: str, number: str) -> dict[str, Any]:
    """`quality`: what the service takes the number for; `masked`: as it may be shown."""
    found = read_identifier(SubjectKind(kind), IdentifierType(type_), number, today=TODAY)
    assert found is not None
    return {
        "kind": kind,
        "type": type_,
        "given": number,
        "read_as": {"type": found.type.value, "number": found.number, "quality": found.quality.value},
        "masked": mask_identifier(found.number),
    }


def name(kind: str, given: str) -> dict[str, Any]:
    """Two names are the same where their `key` is; a `suspect` one agrees with any name under an equal number."""
    of_kind = SubjectKind(kind)
    return {
        "kind": kind,
        "given": given,
        "key": comparison_key(of_kind, given),
        "suspect": is_suspect_name(of_kind, given),
        "masked": mask_name(given, of_kind),
    }


def signatures() -> dict[str, Any]:
    """Standard Webhooks: signed is `id.timestamp.body`."""
    body = b'{"type":"watch.decision_changed","timestamp":"2026-01-01T00:00:00Z","data":{"sequence":1}}'
    id_, stamp = "evt_GD-HR_1", 1_767_225_600
    message = f"{id_}.{stamp}.".encode() + body
    v1 = base64.b64encode(hmac.digest(SECRET, message, hashlib.sha256)).decode()
    v1a = base64.b64encode(WEBHOOK.sign(message)).decode()
    headers = {"webhook-id": id_, "webhook-timestamp": str(stamp), "webhook-signature": f"v1,{v1} v1a,{v1a}"}
    other = base64.b64encode(bytes(32)).decode()
    return {
        "secret": "whsec_" + base64.b64encode(SECRET).decode(),
        "public_key": "whpk_" + base64.b64encode(public_of(WEBHOOK)).decode(),
        "now": stamp,
        "valid": [{"body": body.decode(), "headers": headers}],
        "invalid": [
            {"why": "another body", "body": body.decode().replace("1}", "2}"), "headers": headers},
            {"why": "another id", "body": body.decode(), "headers": headers | {"webhook-id": "evt_GD-HR_2"}},
            {
                "why": "six minutes ago",
                "body": body.decode(),
                "headers": headers | {"webhook-timestamp": str(stamp - 360)},
            },
            {"why": "another key", "body": body.decode(), "headers": headers | {"webhook-signature": f"v1,{other}"}},
            {"why": "no signature", "body": body.decode(), "headers": headers | {"webhook-signature": ""}},
        ],
    }


def receipts() -> dict[str, Any]:
    """A log of nine entries, of which the sixth is the check's."""
    checked = answer("clear", checked_at=AT)
    answered = json.dumps(checked, ensure_ascii=False, separators=(",", ":")).encode()
    salt, entry_id = SALT, UUID(checked["check_id"])
    entry = Entry(
        Action.CHECK,
        Actor("GD-HR", "key"),
        matter=checked["matter"],
        reference=checked["reference"],
        check_id=entry_id,
        decision="clear",
        list_version=checked["list_version"],
        measures_version=1,
        notices_version=0,
        request=b"{}",
        answer=answered,
    )
    leaf, proof = sealed(entry, entry_id)
    log, witness = _log(), _witness()
    valid = {
        name: base64.b64encode(one).decode() for name, one in (("answer", answered), ("leaf", leaf), ("salt", salt))
    }
    other = VerifierKey("log.example", public_of(WITNESS)).text
    return {
        "vkey": log.text,
        "witness": witness.text,
        "size": LEAVES,
        "valid": valid | {"receipt": proof},
        "invalid": [
            {"why": "another answer", "answer": _encoded(answered.replace(b'"clear"', b'"block"'))},
            {"why": "another salt", "salt": _encoded(bytes(16))},
            {"why": "another leaf", "leaf": _encoded(leaf.replace(b"clear", b"block"))},
            {"why": "another place", "receipt": proof.replace("index 5", "index 4")},
            {"why": "a larger tree", "receipt": proof.replace("\n9\n", "\n10\n")},
            {"why": "another log's key", "vkey": other},
        ],
    }


def sealed(entry: Entry, entry_id: UUID) -> tuple[bytes, str]:
    """The entry's leaf, and its receipt in a log of nine where it is the sixth, signed and cosigned."""
    leaf = leaf_of(entry, entry_id=entry_id, at=AT, salt=SALT, private=private_part(entry))
    hashes = [leaf_hash(leaf if index == PLACE else b"another entry %d" % index) for index in range(LEAVES)]
    text = Checkpoint("log.example", LEAVES, root_of_hashes(hashes)).text
    signatures = (sign(text, _log(), LOG), cosign(text, _witness(), WITNESS, datetime(2026, 1, 1, tzinfo=UTC)))
    proof = inclusion_proof(PLACE, LEAVES, reader_of_hashes(hashes))
    return leaf, Proof(PLACE, tuple(proof), Note(text, signatures)).content


def _log() -> VerifierKey:
    return VerifierKey("log.example", public_of(LOG))


def _witness() -> VerifierKey:
    return VerifierKey("witness", public_of(WITNESS), COSIGNATURE)


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


if __name__ == "__main__":
    sys.exit(main())
