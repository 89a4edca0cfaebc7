"""Keyed digests: what a listing is found by, without keeping the number or the name in clear."""

from collections.abc import Callable
from hashlib import sha256

# Rises when what is digested changes, here, in `keys`, or in a normal form: the worker then digests the list anew
# (`listings/operations/digesting`). 2: numbers within words, names of more forms (0.6).
DIGEST_RULES = 2

DIGEST_BYTES = 16
BLOCK_BYTES = 64

_INNER_PAD = bytes(byte ^ 0x36 for byte in range(256))
_OUTER_PAD = bytes(byte ^ 0x5C for byte in range(256))


class Digester:
    """HMAC-SHA-256 (RFC 2104) with both pads prepared: a digest copies two states and hashes one short text."""

    __slots__ = ("_begun", "_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = (sha256(key).digest() if len(key) > BLOCK_BYTES else key).ljust(BLOCK_BYTES, b"\0")
        self._inner = sha256(block.translate(_INNER_PAD))
        self._outer = sha256(block.translate(_OUTER_PAD))
        self._begun: dict[tuple[str, ...], Callable[[str], bytes]] = {}

    def of(self, tag: str, *parts: str) -> bytes:
        """The first 16 bytes; each part carries its length, so that no two lists of parts read the same."""
        return self.begun(tag)("".join(map(measured, parts)))

    def begun(self, *parts: str) -> Callable[[str], bytes]:
        """What is left to do after the first parts, a tag and what few values it has: to digest the others, `measured`
        and joined.
        """
        finish = self._begun.get(parts)
        if finish is None:
            finish = self._begun[parts] = self._begin("".join(map(measured, parts)))
        return finish

    def _begin(self, beginning: str) -> Callable[[str], bytes]:
        begun, outer_pad = self._inner.copy(), self._outer
        begun.update(beginning.encode())

        def finish(rest: str) -> bytes:
            inner = begun.copy()
            try:
                inner.update(rest.encode())
            except UnicodeEncodeError:
                # A lone surrogate must have a digest too: text from anywhere never raises here.
                inner.update(rest.encode("utf-8", "surrogatepass"))
            outer = outer_pad.copy()
            outer.update(inner.digest())
            return outer.digest()[:DIGEST_BYTES]

        return finish


def measured(part: str) -> str:
    """The part after its length: no two lists of parts read the same."""
    return f"{len(part)}:{part}"
