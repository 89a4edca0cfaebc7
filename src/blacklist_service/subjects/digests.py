"""Keyed digests by which a listing is found without storing the number or the name in clear text."""

from collections.abc import Callable
from hashlib import sha256

# Raise this when what is digested changes, here, in `keys`, or in a normal form: the worker then digests the list again
# (`listings/operations/digesting`). 2: numbers within words, names of more forms (0.6).
DIGEST_RULES = 2

DIGEST_BYTES = 16
BLOCK_BYTES = 64

_INNER_PAD = bytes(byte ^ 0x36 for byte in range(256))
_OUTER_PAD = bytes(byte ^ 0x5C for byte in range(256))


class Digester:
    """HMAC-SHA-256 (RFC 2104) with both pads precomputed: a digest copies two states and hashes one short text."""

    __slots__ = ("_begun", "_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = (sha256(key).digest() if len(key) > BLOCK_BYTES else key).ljust(BLOCK_BYTES, b"\0")
        self._inner = sha256(block.translate(_INNER_PAD))
        self._outer = sha256(block.translate(_OUTER_PAD))
        self._begun: dict[tuple[str, ...], Callable[[str], bytes]] = {}

    def of(self, tag: str, *parts: str) -> bytes:
        """The first 16 bytes of the digest. Each part is preceded by its length, so that different lists of parts never hash
        the same bytes.
        """
        return self.begun(tag)("".join(map(measured, parts)))

    def begun(self, *parts: str) -> Callable[[str], bytes]:
        """A digester that has hashed the first parts, which take few values. Its argument is the remaining parts, `measured`
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
                # A lone surrogate must have a digest too: no text may raise here.
                inner.update(rest.encode("utf-8", "surrogatepass"))
            outer = outer_pad.copy()
            outer.update(inner.digest())
            return outer.digest()[:DIGEST_BYTES]

        return finish


def measured(part: str) -> str:
    """The part after its length, so that different lists of parts never hash the same bytes."""
    return f"{len(part)}:{part}"
