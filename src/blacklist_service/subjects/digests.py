"""Keyed digests: what a listing is found by, without keeping the number or the name in clear."""

from hashlib import sha256

# Rises when what is digested changes, here, in `keys`, or in a normal form; `migrate` then digests anew.
DIGEST_RULES = 1

DIGEST_BYTES = 16
BLOCK_BYTES = 64

_INNER_PAD = bytes(byte ^ 0x36 for byte in range(256))
_OUTER_PAD = bytes(byte ^ 0x5C for byte in range(256))


class Digester:
    """HMAC-SHA-256 (RFC 2104) with both pads prepared: a digest copies two states and hashes one short text."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = (sha256(key).digest() if len(key) > BLOCK_BYTES else key).ljust(BLOCK_BYTES, b"\0")
        self._inner = sha256(block.translate(_INNER_PAD))
        self._outer = sha256(block.translate(_OUTER_PAD))

    def of(self, tag: str, *parts: str) -> bytes:
        """The first 16 bytes; each part carries its length, so that no two lists of parts read the same."""
        message = f"{len(tag)}:{tag}"
        for part in parts:
            message = f"{message}{len(part)}:{part}"
        inner = self._inner.copy()
        inner.update(_encoded(message))
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()[:DIGEST_BYTES]


def _encoded(message: str) -> bytes:
    try:
        return message.encode()
    except UnicodeEncodeError:
        # A lone surrogate must have a digest too: text from anywhere never raises here.
        return message.encode("utf-8", "surrogatepass")
