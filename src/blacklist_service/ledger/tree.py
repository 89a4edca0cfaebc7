"""The log's arithmetic: RFC 6962 Merkle trees over SHA-256, laid out in tiles (C2SP tlog-tiles). Pure.

A *node* is (level, index): the hash over the 2^level leaves from index·2^level on. Only nodes of complete subtrees are
requested; they never change once the tree has grown past them. The nodes of a root or proof are first listed, so that a
caller can fetch them all at once, from a database, tiles on a disk or a server.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

HASH_BYTES = 32
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
MOST_LEAF_BYTES = 65_535
MOST_TILE_LEVEL = 63 // TILE_HEIGHT
EMPTY_ROOT = hashlib.sha256().digest()

Node = tuple[int, int]
Range = tuple[int, int]
HashReader = Callable[[Node], bytes]

LONGEST_PATH = 60  # more entries than the database can number
_PATH = re.compile(r"(?:([0-9]{1,2})|entries)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


class TreeError(ValueError):
    """An invalid proof, tile or path; the message says which."""


def leaf_hash(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def cover(first: int, end: int) -> list[Node]:
    """The complete subtrees, left to right, whose hashes `fold` to the hash of the leaves first … end-1 of a tree."""
    nodes = []
    while first < end:
        level = (end - first).bit_length() - 1
        if first:
            level = min(level, (first & -first).bit_length() - 1)
        nodes.append((level, first >> level))
        first += 1 << level
    return nodes


def fold(hashes: Sequence[bytes]) -> bytes:
    folded = hashes[-1]
    for one in reversed(hashes[:-1]):
        folded = node_hash(one, folded)
    return folded


def root(size: int, read: HashReader) -> bytes:
    return fold([read(node) for node in cover(0, size)]) if size else EMPTY_ROOT


def root_of_hashes(hashes: Sequence[bytes]) -> bytes:
    """The root, given all leaf hashes."""
    return root(len(hashes), reader_of_hashes(hashes))


def reader_of_hashes(hashes: Sequence[bytes]) -> HashReader:
    known: dict[Node, bytes] = {}

    def read(node: Node) -> bytes:
        level, index = node
        if level == 0:
            return hashes[index]
        if node not in known:
            known[node] = node_hash(read((level - 1, 2 * index)), read((level - 1, 2 * index + 1)))
        return known[node]

    return read


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """The leaves under each hash of an inclusion proof, in the proof's order."""
    if not 0 <= index < size:
        raise TreeError("no such leaf in a tree of this size")
    first, end, ranges = 0, size, []
    while end - first > 1:
        middle = first + _split(end - first)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((first, middle))
            first = middle
    return ranges[::-1]


def consistency_ranges(old: int, size: int) -> list[Range]:
    """The leaves under each hash of a consistency proof, in the proof's order; none from an empty or to an equal tree."""
    if not 0 <= old <= size:
        raise TreeError("a tree does not shrink")
    if old in {0, size}:
        return []
    first, end, ranges, is_whole = 0, size, [], True
    while old < end:
        middle = first + _split(end - first)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((first, middle))
            first, is_whole = middle, False
    return [*([] if is_whole else [(first, end)]), *reversed(ranges)]


def nodes_of(ranges: Iterable[Range]) -> list[Node]:
    return [node for first, end in ranges for node in cover(first, end)]


def proof(ranges: Iterable[Range], read: HashReader) -> list[bytes]:
    return [fold([read(node) for node in cover(first, end)]) for first, end in ranges]


def inclusion_proof(index: int, size: int, read: HashReader) -> list[bytes]:
    return proof(inclusion_ranges(index, size), read)


def consistency_proof(old: int, size: int, read: HashReader) -> list[bytes]:
    return proof(consistency_ranges(old, size), read)


def verify_inclusion(*, leaf: bytes, index: int, size: int, hashes: Sequence[bytes], root: bytes) -> None:
    """Raise `TreeError` unless the leaf hash `leaf` is at `index` of the tree (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size:
        raise TreeError("no such leaf in a tree of this size")
    place, last, folded = index, size - 1, leaf
    for one in hashes:
        if last == 0:
            raise TreeError("the inclusion proof is too long")
        if place & 1 or place == last:
            folded = node_hash(one, folded)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            folded = node_hash(folded, one)
        place, last = place >> 1, last >> 1
    if last:
        raise TreeError("the inclusion proof is too short")
    if folded != root:
        raise TreeError("the inclusion proof leads to another root")


def verify_consistency(*, old: int, old_root: bytes, size: int, root: bytes, hashes: Sequence[bytes]) -> None:
    """Raise `TreeError` unless the old tree is the beginning of the new one (RFC 9162 §2.1.4.2)."""
    if old > size:
        raise TreeError("a tree does not shrink")
    if old in {0, size}:
        if hashes:
            raise TreeError("the consistency proof is too long")
        if old_root != (root if old else EMPTY_ROOT):
            raise TreeError("two trees of one size differ")
        return
    # If the old tree is one complete subtree, its root is not part of the proof.
    path = [old_root, *hashes] if old & (old - 1) == 0 else list(hashes)
    if _fold_consistency(old, size, path) != (old_root, root):
        raise TreeError("the consistency proof leads to other roots")


def _fold_consistency(old: int, size: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    place, last = old - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    if not path:
        raise TreeError("the consistency proof is too short")
    old_folded = folded = path[0]
    for one in path[1:]:
        if last == 0:
            raise TreeError("the consistency proof is too long")
        if place & 1 or place == last:
            old_folded, folded = node_hash(one, old_folded), node_hash(one, folded)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            folded = node_hash(folded, one)
        place, last = place >> 1, last >> 1
    if last:
        raise TreeError("the consistency proof is too short")
    return old_folded, folded


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """`width` hashes of tile level `level` from `number`·256 on: nodes of tree level 8·`level`. Below full width: partial."""

    level: int
    number: int
    width: int = TILE_WIDTH

    @property
    def first(self) -> int:
        """The index, at its level, of its first hash."""
        return self.number * TILE_WIDTH

    @property
    def is_full(self) -> bool:
        return self.width == TILE_WIDTH

    @property
    def path(self) -> str:
        return f"tile/{self.level}/{_number_path(self.number, self.width)}"


def entries_path(number: int, width: int = TILE_WIDTH) -> str:
    """The path of the bundle of the leaves under tile 0/`number`."""
    return f"tile/entries/{_number_path(number, width)}"


def parse_path(path: str) -> tuple[Tile, bool]:
    """A tile's path (`0/x001/234.p/5`, after `tile/`) and whether it names the entries; raise `TreeError` otherwise."""
    match = _PATH.fullmatch(path) if len(path) <= LONGEST_PATH else None
    if match is None:
        raise TreeError("not a tile's path")
    level, number, width = match.groups()
    tile = Tile(int(level or 0), int(number.replace("x", "").replace("/", "")), int(width) if width else TILE_WIDTH)
    is_entries = level is None
    written = entries_path(tile.number, tile.width) if is_entries else tile.path
    if tile.level > MOST_TILE_LEVEL or written != f"tile/{path}":
        raise TreeError("not a tile's path")
    return tile, is_entries


def width_of(level: int, number: int, size: int) -> int:
    """How many hashes tile `level`/`number` has in a tree of `size` leaves; 0 when it is not there yet."""
    return max(0, min(TILE_WIDTH, (size >> TILE_HEIGHT * level) - number * TILE_WIDTH))


def tile_of(node: Node, size: int) -> Tile:
    """The tile, as wide as a tree of `size` has it, from which `node` is computed."""
    level, index = node
    tile_level, height = divmod(level, TILE_HEIGHT)
    number = (index << height) >> TILE_HEIGHT
    width = width_of(tile_level, number, size)
    if (index << height) + (1 << height) > number * TILE_WIDTH + width:
        raise TreeError("the node is not complete in a tree of this size")
    return Tile(tile_level, number, width)


def tiles_of(nodes: Iterable[Node], size: int) -> list[Tile]:
    return sorted({tile_of(node, size) for node in nodes})


def all_tiles(size: int) -> list[Tile]:
    """Every tile of a tree of `size` leaves."""
    return [
        Tile(level, number, width_of(level, number, size))
        for level in range(MOST_TILE_LEVEL + 1)
        for number in range(-(-(size >> TILE_HEIGHT * level) // TILE_WIDTH))
    ]


def split_hashes(content: bytes, width: int) -> list[bytes]:
    """The hashes of a tile's bytes."""
    if len(content) != width * HASH_BYTES:
        raise TreeError("a tile of another length than its width")
    return [content[at : at + HASH_BYTES] for at in range(0, len(content), HASH_BYTES)]


def hash_in_tile(node: Node, hashes: Sequence[bytes]) -> bytes:
    """`node` from the hashes of its tile."""
    level, index = node
    height = level % TILE_HEIGHT
    first = (index << height) % TILE_WIDTH
    row = hashes[first : first + (1 << height)]
    if len(row) != 1 << height:
        raise TreeError("the tile is too narrow")
    return _pair_up(row)


def reader_of_tiles(tiles: Mapping[Tile, Sequence[bytes]], size: int) -> HashReader:
    """A reader of tiles that have all been fetched (those that `tiles_of` names)."""

    def read(node: Node) -> bytes:
        return hash_in_tile(node, tiles[tile_of(node, size)])

    return read


def bundle(leaves: Iterable[bytes]) -> bytes:
    """Leaves as an entry bundle: each preceded by its length in two bytes, big-endian."""
    parts = []
    for leaf in leaves:
        if len(leaf) > MOST_LEAF_BYTES:
            raise TreeError("a leaf is longer than 65,535 bytes")
        parts += [len(leaf).to_bytes(2, "big"), leaf]
    return b"".join(parts)


def split_bundle(content: bytes) -> list[bytes]:
    leaves, at = [], 0
    while at < len(content):
        end = at + 2 + int.from_bytes(content[at : at + 2], "big")
        if at + 2 > len(content) or end > len(content):
            raise TreeError("an entry bundle is cut off")
        leaves.append(content[at + 2 : end])
        at = end
    return leaves


@dataclass(slots=True)
class Edge:
    """What is needed to grow a tree: for each tile level the hashes of its last, partial tile."""

    size: int = 0
    rows: list[list[bytes]] = field(default_factory=lambda: [[]])

    def append(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add a leaf hash; return (tile level, index, hash) of each tile it filled, as an entry of the level above."""
        filled = []
        level, one = 0, leaf
        while True:
            row = self.rows[level]
            row.append(one)
            if len(row) < TILE_WIDTH:
                break
            one = _pair_up(row)
            row.clear()
            level += 1
            if level == len(self.rows):
                self.rows.append([])
            filled.append((level, self.size >> TILE_HEIGHT * level, one))
        self.size += 1
        return filled

    def root(self) -> bytes:
        """The root, each row folded from the right into the subtrees to its right and below."""
        if not self.size:
            return EMPTY_ROOT
        hashes: list[bytes] = []
        for row in reversed(self.rows):
            read = reader_of_hashes(row)
            hashes += [read(node) for node in cover(0, len(row))]
        return fold(hashes)


def edge_rows(size: int) -> list[Range]:
    """Which entries of each tile level (first, end) an `Edge` of `size` leaves holds."""
    rows, level = [], 0
    while level == 0 or size >> TILE_HEIGHT * level:
        end = size >> TILE_HEIGHT * level
        rows.append((end - end % TILE_WIDTH, end))
        level += 1
    return rows


def _pair_up(hashes: Sequence[bytes]) -> bytes:
    """The hash over a complete subtree."""
    while len(hashes) > 1:
        hashes = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
    return hashes[0]


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << ((count - 1).bit_length() - 1)


def _number_path(number: int, width: int) -> str:
    parts = [f"{number % 1000:03}"]
    while number := number // 1000:
        parts.append(f"x{number % 1000:03}")
    return "/".join(reversed(parts)) + ("" if width == TILE_WIDTH else f".p/{width}")
