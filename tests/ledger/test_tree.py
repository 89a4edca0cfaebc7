"""The tree against RFC 6962's reference vectors, and against the definition written out."""

import hashlib
from collections.abc import Iterator
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blacklist_service.ledger import tree

# The inputs and roots of the Certificate Transparency reference implementation.
INPUTS = [
    bytes.fromhex(one)
    for one in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
SIZES = (1, 2, 255, 256, 257, 70_000)


def by_definition(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + by_definition(leaves[:k]) + by_definition(leaves[k:])).digest()


def leaves_of(size: int) -> list[bytes]:
    return [b"leaf %d" % n for n in range(size)]


def hashes_of(leaves: list[bytes]) -> list[bytes]:
    return [tree.leaf_hash(leaf) for leaf in leaves]


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_of_the_reference_implementation(size):
    assert tree.root_of_hashes(hashes_of(INPUTS[:size])).hex() == ROOTS[size - 1]


def test_the_empty_tree():
    assert tree.root_of_hashes([]) == hashlib.sha256(b"").digest() == tree.EMPTY_ROOT == tree.Edge().root()


# (leaf, size) -> proof, of the reference implementation; counted from 0.
INCLUSION = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


@pytest.mark.parametrize("case", INCLUSION)
def test_inclusion_proofs_of_the_reference_implementation(case):
    index, size = case
    read = tree.reader_of_hashes(hashes_of(INPUTS))
    assert [one.hex() for one in tree.inclusion_proof(index, size, read)] == INCLUSION[case]


@pytest.mark.parametrize("case", CONSISTENCY)
def test_consistency_proofs_of_the_reference_implementation(case):
    read = tree.reader_of_hashes(hashes_of(INPUTS))
    assert [one.hex() for one in tree.consistency_proof(case[0], case[1], read)] == CONSISTENCY[case]


@pytest.mark.parametrize("size", SIZES)
def test_growing_and_tiles_give_the_root_of_the_definition(size):
    leaves = leaves_of(size)
    expected = by_definition(leaves)
    edge = tree.Edge()
    stored = {(0, index): one for index, one in enumerate(hashes_of(leaves))}
    for index in range(size):
        stored |= {(level, at): one for level, at, one in edge.append(stored[0, index])}
    tiles = {tile: [stored[tile.level, tile.first + at] for at in range(tile.width)] for tile in tree.all_tiles(size)}
    read = tree.reader_of_tiles(tiles, size)
    assert edge.root() == expected
    assert tree.root(size, read) == expected
    assert (
        tree.Edge(
            size, [[stored[level, at] for at in range(*row)] for level, row in enumerate(tree.edge_rows(size))]
        ).root()
        == expected
    )
    index = size * 2 // 3
    tree.verify_inclusion(
        leaf=stored[0, index], index=index, size=size, hashes=tree.inclusion_proof(index, size, read), root=expected
    )


def test_an_edge_taken_up_again_grows_on():
    hashes = hashes_of(leaves_of(70_000))
    begun = tree.Edge()
    for one in hashes[:66_000]:
        begun.append(one)
    again = tree.Edge(66_000, [list(row) for row in begun.rows])
    for one in hashes[66_000:]:
        again.append(one)
    assert again.root() == tree.root_of_hashes(hashes)


@given(st.integers(1, 600), st.data())
def test_every_proof_holds_and_no_changed_one(size, data):
    hashes = hashes_of(leaves_of(size))
    read = tree.reader_of_hashes(hashes)
    root = tree.root(size, read)
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    included = tree.inclusion_proof(index, size, read)
    consistent = tree.consistency_proof(old, size, read)
    old_root = tree.root_of_hashes(hashes[:old])
    tree.verify_inclusion(leaf=hashes[index], index=index, size=size, hashes=included, root=root)
    tree.verify_consistency(old=old, old_root=old_root, size=size, root=root, hashes=consistent)
    for changed in _changed(included, data):
        with pytest.raises(tree.TreeError):
            tree.verify_inclusion(leaf=hashes[index], index=index, size=size, hashes=changed, root=root)
    for changed in _changed(consistent, data):
        with pytest.raises(tree.TreeError):
            tree.verify_consistency(old=old, old_root=old_root, size=size, root=root, hashes=changed)
    with pytest.raises(tree.TreeError):
        tree.verify_inclusion(leaf=tree.leaf_hash(b"other"), index=index, size=size, hashes=included, root=root)


def _changed(hashes: list[bytes], data: st.DataObject) -> Iterator[list[bytes]]:
    yield [*hashes, bytes(32)]
    if hashes:
        at = data.draw(st.integers(0, len(hashes) - 1))
        yield hashes[:at] + hashes[at + 1 :]
        yield [*hashes[:at], bytes([hashes[at][0] ^ 1]) + hashes[at][1:], *hashes[at + 1 :]]


@pytest.mark.parametrize(
    ("number", "width", "path"),
    [
        (0, 256, "tile/0/000"),
        (67, 256, "tile/0/067"),
        (1_234_067, 256, "tile/0/x001/x234/067"),
        (1_000, 5, "tile/0/x001/000.p/5"),
        (5, 255, "tile/0/005.p/255"),
    ],
)
def test_tile_paths(number, width, path):
    tile = tree.Tile(0, number, width)
    assert tile.path == path
    assert tree.parse_path(path.removeprefix("tile/")) == (tile, False)
    assert tree.parse_path(tree.entries_path(number, width).removeprefix("tile/")) == (tile, True)


@pytest.mark.parametrize(
    "path",
    [
        *("", "0", "0/1", "0/0001", "0/x000/001", "0/001.p/0", "0/001.p/256", "0/001.p/1000", "0/001.p/05", "00/001"),
        *("8/000", "64/000", "-1/000", "entries/1", "0/001/002", "0/x001", "0/٠٠١", "0/001\n", "data/000"),
    ],
)
def test_no_second_spelling_of_a_path(path):
    with pytest.raises(tree.TreeError):
        tree.parse_path(path)


def test_bundles():
    leaves = [b"", b"a" * 65_535, b"{}"]
    content = tree.bundle(leaves)
    assert content[:4] == b"\0\0\xff\xff"
    assert tree.split_bundle(content) == leaves
    for cut in (1, 3, len(content) - 1):
        with pytest.raises(tree.TreeError):
            tree.split_bundle(content[:cut])
    with pytest.raises(tree.TreeError):
        tree.bundle([b"a" * 65_536])


def test_every_partial_tile_is_the_beginning_of_the_full_one():
    widths = list(accumulate([1] * 256))
    assert [tree.width_of(0, 1, 256 + width) for width in widths] == widths
    assert tree.width_of(1, 0, 70_000) == 273 - 17
    assert tree.width_of(1, 1, 70_000) == 17
    assert tree.width_of(2, 0, 70_000) == 1
    assert tree.width_of(3, 0, 70_000) == 0
