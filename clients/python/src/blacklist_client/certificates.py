"""Certificates of removal (解除证明): verifies a statement without asking the service."""

import base64
import binascii
import hashlib
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from blacklist_client.errors import NotUnderstood, Unverified
from blacklist_client.notes import Proof, parse_keys, verified_checkpoint, verify_inclusion
from blacklist_client.reading import parse

PART = re.compile(r'<pre id="(statement|leaf|receipt)">([^<]*)</pre>')


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was proved: rely on `statement`, not on anything else that the page shows."""

    number: str
    statement: Mapping[str, Any] = field(repr=False)
    index: int
    size: int


def verify_certificate(page: str, vkey: str) -> Certificate:
    """Raise `Unverified` unless the log of `vkey` holds the entry of exactly this certificate's statement.

    The rest of the page's text is not compared; `blacklist-service audit verify-certificate` does that.
    """
    parts = dict(PART.findall(page))
    if set(parts) != {"statement", "leaf", "receipt"}:
        raise Unverified("this page is no certificate of removal")
    stated, leaf = _decode(parts["statement"]), _decode(parts["leaf"])
    proof = Proof.parse(html.unescape(parts["receipt"]).replace("\r\n", "\n"))
    checkpoint = verified_checkpoint(proof.checkpoint, parse_keys(vkey))
    verify_inclusion(leaf=leaf, index=proof.index, size=checkpoint.size, hashes=proof.hashes, root=checkpoint.root)
    statement, entry = _object(stated), _object(leaf)
    facts = entry.get("facts")
    if entry.get("action") != "removal_certified" or not isinstance(facts, dict):
        raise Unverified("the log's entry is no certificate's")
    if facts.get("certificate") != hashlib.sha256(stated).hexdigest() or facts.get("number") != statement.get("number"):
        raise Unverified("the log's entry is about another certificate")
    return Certificate(str(statement["number"]), statement, proof.index, checkpoint.size)


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
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
