"""Verifies a receipt with its leaf on the server, as the browser does, for browsers that cannot."""

import base64
import binascii
import json
from typing import Any

from blacklist_service.audit.verify_bundle import ended_of
from blacklist_service.ledger.notes import Checkpoint, NoteError, Proof, VerifierKey, verified_checkpoint
from blacklist_service.ledger.tree import TreeError, leaf_hash, verify_inclusion

NO_RECEIPT = "这不是回执文件"
NO_KEY = "没有日志公钥，无法验证"
NOT_PROVED = "回执不成立：内容、位置或签名不符"


def shown_proof(text: str) -> dict[str, Any]:
    """What a printed receipt shows of a proof by this service: the index, the checkpoint, the whole text to scan."""
    proof = Proof.parse(text)
    checkpoint = Checkpoint.parse(proof.checkpoint.text)
    root = base64.b64encode(checkpoint.root).decode()
    return {"text": text, "index": proof.index, "origin": checkpoint.origin, "size": checkpoint.size, "root": root}


def verify_receipt(text: str, leaf: str, vkey: str) -> dict[str, Any]:
    """Whether the leaf (base64) is in the log under a checkpoint that one of the keys signed; `vkey` is the answer of `GET
    /v1/ledger/vkey` or `…/keys`. `ended` tells the successor of a log that was ended after a restore.
    """
    try:
        ranges = _ranges_of(vkey)
    except (NoteError, ValueError, KeyError, TypeError):
        ranges = []
    if not ranges:
        return {"is_proved": False, "sentence": NO_KEY}
    try:
        proof, content = Proof.parse(text), base64.b64decode(leaf, validate=True)
    except (NoteError, binascii.Error, ValueError):
        return {"is_proved": False, "sentence": NO_RECEIPT}
    try:
        size = Checkpoint.parse(proof.checkpoint.text).size
        keys = [key for key, until in ranges if until is None or size <= until]
        checkpoint = verified_checkpoint(proof.checkpoint, keys)
        verify_inclusion(
            leaf=leaf_hash(content), index=proof.index, size=checkpoint.size, hashes=proof.hashes, root=checkpoint.root
        )
    except (NoteError, TreeError):
        return {"is_proved": False, "sentence": NOT_PROVED}
    found = {"is_proved": True, "index": proof.index, "size": checkpoint.size, "origin": checkpoint.origin}
    return found | {"ended": ended_of(checkpoint.origin, vkey)}


def _ranges_of(vkey: str) -> list[tuple[VerifierKey, int | None]]:
    """The keys, and the largest tree size that each vouches for alone."""
    if vkey.lstrip().startswith("{"):
        return [(VerifierKey.parse(one["vkey"]), one["until_size"]) for one in json.loads(vkey)["keys"]]
    return [(VerifierKey.parse(line), None) for line in vkey.split()]
