"""Receipts: proof that a check was asked and answered in this way, without asking the service."""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from blacklist_client.errors import NotUnderstood, Unverified
from blacklist_client.notes import COSIGNATURE, Proof, VerifierKey, parse_keys, verified_checkpoint, verify_inclusion
from blacklist_client.reading import parse

CHECKS = frozenset({"check", "recheck"})


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was proved. Store all of it with the matter: it will prove the same in ten years."""

    check_id: UUID
    decision: str
    index: int
    size: int
    """The size of the checkpoint: pass the largest one seen for this log to the next verification."""
    root: bytes
    log: str
    """The name of the log. A log that was ended after a restore still proves what it held; another one succeeds it."""
    witnesses: tuple[str, ...]
    proof: str = field(repr=False)
    answer: bytes = field(repr=False)
    leaf: bytes = field(repr=False)
    salt: bytes = field(repr=False)

    def as_json(self) -> dict[str, str]:
        """To be stored; `verify_receipt(**stored, vkey=…)` verifies it again."""
        encoded = {"answer": self.answer, "leaf": self.leaf, "salt": self.salt}
        return {"receipt": self.proof} | {name: base64.b64encode(one).decode() for name, one in encoded.items()}


def verify_receipt(
    answer: bytes | str,
    receipt: str,
    leaf: bytes | str,
    salt: bytes | str,
    vkey: str,
    *,
    witnesses: Sequence[str] = (),
    newer_than: int = 0,
) -> Receipt:
    """Raise `Unverified` unless the log of `vkey` holds the entry of exactly this answer.

    `answer`, `leaf`, `salt`: the exact bytes, or their base64 as in `GET /v1/checks/{id}`. `vkey`: the log's keys, one a
    line, from the auditors, not from the service. `witnesses`: verifier keys of bodies that must have cosigned. `newer_than`:
    the largest size seen before of the log with this name (`log`); a log does not shrink.
    """
    answered, entry, salted = (_bytes(one) for one in (answer, leaf, salt))
    proof = Proof.parse(receipt)
    checkpoint = verified_checkpoint(proof.checkpoint, parse_keys(vkey))
    if checkpoint.size < newer_than:
        raise Unverified("the log is smaller than it was before")
    cosigners = _cosigners(proof, witnesses)
    verify_inclusion(leaf=entry, index=proof.index, size=checkpoint.size, hashes=proof.hashes, root=checkpoint.root)
    facts, said = _object(entry), _object(answered)
    if facts.get("action") not in CHECKS or facts.get("answer") != hashlib.sha256(salted + answered).hexdigest():
        raise Unverified("the log's entry is about another answer")
    if facts.get("decision") != said.get("decision") or facts.get("list") != said.get("list_version"):
        raise Unverified("the log's entry says something else than the answer")
    return Receipt(
        _check_id(said),
        str(said["decision"]),
        proof.index,
        checkpoint.size,
        checkpoint.root,
        checkpoint.origin,
        tuple(key.name for key in cosigners),
        receipt,
        answered,
        entry,
        salted,
    )


def _cosigners(proof: Proof, witnesses: Sequence[str]) -> list[VerifierKey]:
    keys = [VerifierKey.parse(one) for one in witnesses]
    if any(key.algorithm != COSIGNATURE for key in keys):
        raise ValueError("a witness's key is one for cosignatures (type 0x04)")
    signers = proof.checkpoint.signed_by(keys)
    if missing := [key.name for key in keys if key not in signers]:
        raise Unverified(f"not cosigned by {', '.join(missing)}")
    return signers


def _bytes(given: bytes | str) -> bytes:
    if isinstance(given, bytes):
        return given
    try:
        return base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        raise Unverified("not base64") from None


def _object(content: bytes) -> Mapping[str, Any]:
    try:
        found = parse(content)
    except NotUnderstood:
        found = None
    if not isinstance(found, dict):
        raise Unverified("what should be proved is no JSON object")
    return found


def _check_id(said: Mapping[str, Any]) -> UUID:
    try:
        return UUID(said["check_id"])
    except (KeyError, ValueError, AttributeError, TypeError):
        raise Unverified("the answer has no check_id") from None
