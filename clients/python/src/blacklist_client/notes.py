"""Signed notes (C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof): parsed and verified offline.

A note is a text, an empty line, and signature lines `— name base64(key id ‖ signature)`. Only the lines of the given keys are
examined; an invalid line in the name of one of them makes the note invalid.
"""

import base64
import binascii
import hashlib
import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from blacklist_client.ed25519 import is_signed_by
from blacklist_client.errors import Unverified

ED25519, COSIGNATURE = 0x01, 0x04
HASH_BYTES = 32
KEY_ID_BYTES = 4
DASH = "— "
PROOF_HEADER = "c2sp.org/tlog-proof@v1"
_NUMBER = re.compile("0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its owner's name: `name+hex(key id)+base64(algorithm ‖ key)`."""

    name: str
    public: bytes
    algorithm: int = ED25519

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.algorithm]) + self.public).digest()[
            :KEY_ID_BYTES
        ]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raise `ValueError` if it is not a key: a trusted key is the caller's responsibility."""
        parts = text.strip().split("+", 2)
        try:
            content = _decode(parts[2]) if len(parts) == 3 else b""
        except Unverified:
            content = b""
        if len(content) != 33 or content[0] not in {ED25519, COSIGNATURE} or not _is_name(parts[0]):
            raise ValueError("not a verifier key: name+id+key")
        key = cls(parts[0], content[1:], content[0])
        if key.key_id.hex() != parts[1]:
            raise ValueError("the verifier key's id is not that of its key")
        return key

    def verify(self, text: str, signature: bytes) -> None:
        """Raise `Unverified` unless `signature` (without the key id) is this key's over `text`."""
        message = text.encode()
        if self.algorithm == COSIGNATURE:
            if len(signature) != 72:
                raise Unverified("a cosignature of another length")
            message = f"cosignature/v1\ntime {struct.unpack('>Q', signature[:8])[0]}\n{text}".encode()
            signature = signature[8:]
        if not is_signed_by(self.public, signature, message):
            raise Unverified(f"the signature of {self.name} is not valid")


def parse_keys(text: str) -> list[VerifierKey]:
    """One key a line, as the service writes its own; raise `ValueError` if a line is not a key, or there is none."""
    keys = [VerifierKey.parse(line) for line in text.splitlines() if line.strip()]
    if not keys:
        raise ValueError("no verifier key is given")
    return keys


@dataclass(frozen=True, slots=True)
class Signature:
    name: str
    key_id: bytes
    content: bytes

    def is_by(self, key: VerifierKey) -> bool:
        return self.name == key.name and self.key_id == key.key_id


@dataclass(frozen=True, slots=True)
class Note:
    text: str
    signatures: tuple[Signature, ...]

    @classmethod
    def parse(cls, content: str) -> Self:
        head, found, tail = content.rpartition("\n\n")
        if not found or not head or not tail.endswith("\n"):
            raise Unverified("not a signed note")
        if any(ord(one) < 0x20 and one != "\n" for one in content):
            raise Unverified("a note has no control characters")
        return cls(head + "\n", tuple(_signature(line) for line in tail[:-1].split("\n")))

    def signed_by(self, keys: Iterable[VerifierKey]) -> list[VerifierKey]:
        """Those of `keys` that signed it; raise `Unverified` if a line in the name of one of them is invalid."""
        signers = []
        for key in keys:
            own = [signature for signature in self.signatures if signature.is_by(key)]
            for signature in own:
                key.verify(self.text, signature.content)
            if own:
                signers.append(key)
        return signers


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's tree at one size."""

    origin: str
    size: int
    root: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
            raise Unverified("not a checkpoint")
        root = _decode(lines[2])
        if len(root) != HASH_BYTES:
            raise Unverified("a checkpoint's root is a SHA-256 hash")
        return cls(lines[0], _number(lines[1]), root)


@dataclass(frozen=True, slots=True)
class Proof:
    """An entry's index, the hashes that lead to the root, and the signed checkpoint."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: Note

    @classmethod
    def parse(cls, content: str) -> Self:
        head, found, checkpoint = content.partition("\n\n")
        lines = head.split("\n")
        if not found or lines[0] != PROOF_HEADER:
            raise Unverified(f"not a proof: it does not begin with {PROOF_HEADER}")
        if len(lines) > 1 and lines[1].startswith("extra "):
            _decode(lines.pop(1).removeprefix("extra "))
        if len(lines) < 2 or not lines[1].startswith("index "):
            raise Unverified("a proof says its index")
        hashes = tuple(_decode(line) for line in lines[2:])
        if any(len(one) != HASH_BYTES for one in hashes) or len(hashes) > 63:
            raise Unverified("a proof's hashes are SHA-256 hashes")
        return cls(_number(lines[1].removeprefix("index ")), hashes, Note.parse(checkpoint))


def verified_checkpoint(note: Note, keys: Sequence[VerifierKey]) -> Checkpoint:
    """The checkpoint, signed by one of the log's keys with that key's name as origin; raise `Unverified` otherwise."""
    checkpoint = Checkpoint.parse(note.text)
    if not any(key.name == checkpoint.origin for key in keys):
        raise Unverified(f"the checkpoint is of another log, {checkpoint.origin}: ask the auditors for its key")
    if not note.signed_by(key for key in keys if key.name == checkpoint.origin and key.algorithm == ED25519):
        raise Unverified("the checkpoint is not signed by a key of this log")
    return checkpoint


def cosigned_at(note: Note, key: VerifierKey) -> datetime:
    """When a witness says that it saw the note; it must be among the signers."""
    content = next(signature.content for signature in note.signatures if signature.is_by(key))
    return datetime.fromtimestamp(struct.unpack(">Q", content[:8])[0], UTC)


def verify_inclusion(*, leaf: bytes, index: int, size: int, hashes: Sequence[bytes], root: bytes) -> None:
    """Raise `Unverified` unless the bytes `leaf` are at `index` of the tree (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size:
        raise Unverified("no such leaf in a tree of this size")
    place, last, folded = index, size - 1, hashlib.sha256(b"\x00" + leaf).digest()
    for one in hashes:
        if last == 0:
            raise Unverified("the inclusion proof is too long")
        if place & 1 or place == last:
            folded = _node(one, folded)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            folded = _node(folded, one)
        place, last = place >> 1, last >> 1
    if last:
        raise Unverified("the inclusion proof is too short")
    if folded != root:
        raise Unverified("the inclusion proof leads to another root")


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _signature(line: str) -> Signature:
    name, found, encoded = line.removeprefix(DASH).partition(" ")
    if not line.startswith(DASH) or not found or not _is_name(name):
        raise Unverified("not a signature line")
    content = _decode(encoded)
    if len(content) <= KEY_ID_BYTES:
        raise Unverified("a signature line without a signature")
    return Signature(name, content[:KEY_ID_BYTES], content[KEY_ID_BYTES:])


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and name.isprintable() and not any(one.isspace() for one in name)


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text) or int(text) >= 1 << 63:
        raise Unverified("a number is written in digits, without leading zeros")
    return int(text)


def _decode(text: str) -> bytes:
    """Only canonical base64: with two spellings of one content, a receipt could be altered unseen."""
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Unverified("not base64") from None
    if base64.b64encode(content).decode() != text:
        raise Unverified("not canonical base64")
    return content
