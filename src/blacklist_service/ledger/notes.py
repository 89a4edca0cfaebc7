"""Signed notes, and what the log writes with them: checkpoints, cosignatures, proofs (C2SP). Pure.

A note is a text, an empty line, and signature lines `— name base64(key id ‖ signature)`. A reader examines only the lines of
keys it knows; there may be others.
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

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from blacklist_service.ledger.tree import HASH_BYTES

ED25519 = 0x01
COSIGNATURE = 0x04
KEY_ID_BYTES = 4
PROOF_HEADER = "c2sp.org/tlog-proof@v1"
DASH = "— "

LARGEST_NUMBER = 2**63 - 1  # the largest value the database can hold
_NUMBER = re.compile("0|[1-9][0-9]{0,18}")


class NoteError(ValueError):
    """A note, key or proof that cannot be parsed or trusted; the message says why."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its owner's name: a log's (`ED25519`) or a witness's (`COSIGNATURE`)."""

    name: str
    public: bytes
    algorithm: int = ED25519

    def __post_init__(self) -> None:
        if not is_key_name(self.name):
            raise NoteError("a key's name is not empty and has no space and no plus sign")
        if len(self.public) != 32 or self.algorithm not in {ED25519, COSIGNATURE}:
            raise NoteError("not an Ed25519 key")

    @property
    def key_id(self) -> bytes:
        keyed = self.name.encode() + b"\n" + bytes([self.algorithm]) + self.public
        return hashlib.sha256(keyed).digest()[:KEY_ID_BYTES]

    @property
    def text(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{_encode(bytes([self.algorithm]) + self.public)}"

    @classmethod
    def parse(cls, text: str) -> Self:
        parts = text.strip().split("+", 2)
        if len(parts) != 3:
            raise NoteError("not a verifier key: name+id+key")
        content = _decode(parts[2])
        if len(content) != 33:
            raise NoteError("not an Ed25519 verifier key")
        key = cls(parts[0], content[1:], content[0])
        if key.key_id.hex() != parts[1]:
            raise NoteError("the verifier key's id is not that of its key")
        return key

    def verify(self, text: str, signature: bytes) -> None:
        """Raise `NoteError` unless `signature` (without the key id) is this key's over `text`."""
        message = text.encode()
        if self.algorithm == COSIGNATURE:
            if len(signature) != 72:
                raise NoteError("a cosignature of another length")
            message = _cosigned(text, struct.unpack(">Q", signature[:8])[0])
            signature = signature[8:]
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            raise NoteError(f"the signature of {self.name} is not valid") from None


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line."""

    name: str
    key_id: bytes
    content: bytes

    @property
    def line(self) -> str:
        return f"{DASH}{self.name} {_encode(self.key_id + self.content)}\n"

    @property
    def cosigned_at(self) -> datetime:
        """The time at which a witness says it saw the checkpoint."""
        return datetime.fromtimestamp(struct.unpack(">Q", self.content[:8])[0], UTC)

    def is_by(self, key: VerifierKey) -> bool:
        return self.name == key.name and self.key_id == key.key_id


@dataclass(frozen=True, slots=True)
class Note:
    text: str
    signatures: tuple[Signature, ...]

    @property
    def content(self) -> str:
        return self.text + "\n" + "".join(signature.line for signature in self.signatures)

    @classmethod
    def parse(cls, content: str) -> Self:
        head, found, tail = content.rpartition("\n\n")
        if not found or not head or not tail.endswith("\n"):
            raise NoteError("not a signed note")
        if any(ord(one) < 0x20 and one != "\n" for one in content):
            raise NoteError("a note has no control characters")
        return cls(head + "\n", tuple(_parse_signature(line) for line in tail[:-1].split("\n")))

    def signed_by(self, keys: Iterable[VerifierKey]) -> list[VerifierKey]:
        """The keys among `keys` that signed it; raise `NoteError` if a line in the name of one of them is invalid."""
        signers = []
        for key in keys:
            own = [signature for signature in self.signatures if signature.is_by(key)]
            for signature in own:
                key.verify(self.text, signature.content)
            if own:
                signers.append(key)
        return signers

    def with_signatures(self, more: Iterable[Signature]) -> "Note":
        return Note(self.text, (*self.signatures, *more))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's tree at one size."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{_encode(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Extension lines after the third are accepted: the signature covers them."""
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
            raise NoteError("not a checkpoint")
        size = _number(lines[1])
        root = _decode(lines[2])
        if len(root) != HASH_BYTES:
            raise NoteError("a checkpoint's root is a SHA-256 hash")
        return cls(lines[0], size, root)


@dataclass(frozen=True, slots=True)
class Proof:
    """A self-contained receipt: an entry's index, the hashes that lead to the root, and the signed checkpoint."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: Note
    extra: bytes | None = None

    @property
    def content(self) -> str:
        lines = [PROOF_HEADER]
        if self.extra is not None:
            lines.append(f"extra {_encode(self.extra)}")
        lines += [f"index {self.index}", *(_encode(one) for one in self.hashes), ""]
        return "\n".join(lines) + "\n" + self.checkpoint.content

    @classmethod
    def parse(cls, content: str) -> Self:
        head, found, checkpoint = content.partition("\n\n")
        lines = head.split("\n")
        if not found or lines[0] != PROOF_HEADER:
            raise NoteError(f"not a proof: it does not begin with {PROOF_HEADER}")
        extra = _decode(lines.pop(1).removeprefix("extra ")) if len(lines) > 1 and lines[1][:6] == "extra " else None
        if len(lines) < 2 or not lines[1].startswith("index "):
            raise NoteError("a proof says its index")
        hashes = tuple(_decode(line) for line in lines[2:])
        if any(len(one) != HASH_BYTES for one in hashes) or len(hashes) > 63:
            raise NoteError("a proof's hashes are SHA-256 hashes")
        return cls(_number(lines[1].removeprefix("index ")), hashes, Note.parse(checkpoint), extra)


def is_key_name(name: str) -> bool:
    return bool(name) and "+" not in name and name.isprintable() and not any(one.isspace() for one in name)


def public_of(private: Ed25519PrivateKey) -> bytes:
    return private.public_key().public_bytes_raw()


def sign(text: str, key: VerifierKey, private: Ed25519PrivateKey) -> Signature:
    return Signature(key.name, key.key_id, private.sign(text.encode()))


def cosign(text: str, key: VerifierKey, private: Ed25519PrivateKey, at: datetime) -> Signature:
    """A witness's statement that at `at` the checkpoint was consistent with all earlier ones it saw."""
    seconds = int(at.timestamp())
    return Signature(key.name, key.key_id, struct.pack(">Q", seconds) + private.sign(_cosigned(text, seconds)))


def parse_signatures(content: str) -> list[Signature]:
    """Parse signature lines alone, as a witness sends them."""
    return [_parse_signature(line) for line in content.split("\n") if line]


def verified_checkpoint(note: Note, keys: Sequence[VerifierKey]) -> Checkpoint:
    """The checkpoint, signed by at least one of the log's `keys` and with that key's name as origin; raise `NoteError`
    otherwise.
    """
    checkpoint = Checkpoint.parse(note.text)
    if not note.signed_by(key for key in keys if key.name == checkpoint.origin and key.algorithm == ED25519):
        raise NoteError("the checkpoint is not signed by a key of this log")
    return checkpoint


def _cosigned(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _parse_signature(line: str) -> Signature:
    name, found, encoded = line.removeprefix(DASH).partition(" ")
    if not line.startswith(DASH) or not found or not is_key_name(name):
        raise NoteError("not a signature line")
    content = _decode(encoded)
    if len(content) <= KEY_ID_BYTES:
        raise NoteError("a signature line without a signature")
    return Signature(name, content[:KEY_ID_BYTES], content[KEY_ID_BYTES:])


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text) or int(text) > LARGEST_NUMBER:
        raise NoteError("a number is written in digits, without leading zeros")
    return int(text)


def _encode(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _decode(text: str) -> bytes:
    """Raise `NoteError` unless `text` is canonical: with two spellings of one content, a receipt could be altered unseen."""
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError("not base64") from None
    if _encode(content) != text:
        raise NoteError("not canonical base64")
    return content
