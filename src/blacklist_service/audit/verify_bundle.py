"""Verify an export bundle of blacklist-service, offline: `python verify_bundle.py BUNDLE [--vkey FILE]`.

One file that needs Python 3.11 and `cryptography` and nothing of the service; it shares no code with what made the
bundle. Get it from the service (`GET /v1/ledger/verifier`) or the project, never out of the bundle that it is to judge, and
compare its SHA-256 with the one that `GET /v1/ledger/keys` names. It proves that the rows are, unchanged and in the log's
order, what the log's leaves say; that none is missing among those the filter asks for, where the filter is on what a leaf
shows; and that the service itself sealed the whole bundle in its log. Exit 0 only when there is no doubt, 1 where there is; 3
where the bundle was judged by nothing but its own key, which a forger would have put there. FILE is the answer of
`GET /v1/ledger/keys`, by which a key that another followed counts no further than it signed alone, or lines of
`GET /v1/ledger/vkey`, which say nothing of that. Formats: C2SP signed-note, tlog-checkpoint, tlog-tiles, tlog-proof;
RFC 6962.
"""

import argparse
import base64
import binascii
import csv
import hashlib
import io
import json
import struct
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

BLOCK = 256
NOT_VERIFIED = 3
ZIP64_SIZE = 0xFFFF_FFFF
"""Stands for a size that is written behind the header (APPNOTE 4.5.3)."""
UNLISTED = {"manifest.json", "manifest.proof", "manifest.leaf"}
DISORDER = timedelta(seconds=60)
"""Leaves are in the order of their transactions; no transaction of the service lasts as long as this. Those of which that is
not true, since a clock was wrong or somebody wrote them, are named by the manifest as displaced.
"""
MOST_BUNDLE_BYTES = BLOCK * (65_535 + 2)
PROVEN = {
    "entry_id": "id",
    "at": "at",
    "action": "action",
    "agency": "agency",
    "key_id": "key",
    "matter": "matter",
    "decision": "decision",
    "list_version": "list",
    "measures_version": "measures",
    "notices_version": "notices",
}
"""Columns of a row that its leaf shows in clear, and under which name. The others are proved as exported, by the seal."""
EQUAL = {"agency": "agency", "matter": "matter", "decision": "decision", "action": "action"}
ON_LEAF = {*EQUAL, "from", "to", "list_version_from", "list_version_to"}
FORMULA = "=+-@\t\r\0＝＋－＠"


class Doubt(Exception):  # noqa: N818 - the word says more than "error"
    """Why the bundle proves nothing."""


def require(holds: object, sentence: str) -> None:
    if not holds:
        raise Doubt(sentence)


def verify(path: Path | IO[bytes], vkeys: str | None = None) -> dict[str, Any]:
    """What was proved: rows, log and completeness; raise `Doubt`. `vkeys` are the log's keys, got by another way."""
    try:
        with zipfile.ZipFile(path) as bundle:
            _verify_container(bundle)
            return _verify(bundle, vkeys)
    except Doubt:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a damaged file makes fail: it is not proved
        raise Doubt(f"the bundle cannot be read ({type(error).__name__})") from None


def _verify_container(bundle: zipfile.ZipFile) -> None:
    """What is unpacked is what is verified, whichever program unpacks it; and it is no bomb."""
    entries = sorted(bundle.infolist(), key=lambda entry: entry.header_offset)
    require(entries and entries[0].header_offset == 0, "something stands before the bundle in its file")
    end = 0
    for entry in entries:
        require(entry.header_offset == end, "something stands between the bundle's files")
        end = _end_of(bundle, entry)
        is_streamed = entry.filename.startswith("entries.")
        require(is_streamed or entry.file_size <= MOST_BUNDLE_BYTES, "a file of the bundle is larger than it may be")
    require(bundle.start_dir == end, "something stands behind the bundle's files")


def _end_of(bundle: zipfile.ZipFile, entry: zipfile.ZipInfo) -> int:
    """Where the entry's content ends, by the header that stands before it; it says what the directory at the end says."""
    file = bundle.fp
    if file is None:
        raise Doubt("the bundle cannot be read")
    file.seek(entry.header_offset)
    header = file.read(30)
    require(header[:4] == b"PK\x03\x04", "the bundle is damaged")
    flags, method, crc, packed, whole, name, extra = struct.unpack("<6x2H4x3L2H", header)
    require(not flags & 0x08, "the bundle was not written by this service")
    file.seek(name, io.SEEK_CUR)
    sizes = (packed, whole)
    if ZIP64_SIZE in sizes:
        sizes = (entry.compress_size, entry.file_size)
        require(file.read(extra) == struct.pack("<2H2Q", 1, 16, *reversed(sizes)), "a file of the bundle has two sizes")
    said = (flags, method, crc, *sizes)
    listed = (entry.flag_bits, entry.compress_type, entry.CRC, entry.compress_size, entry.file_size)
    require(said == listed, "a file of the bundle is described in two ways")
    return entry.header_offset + 30 + int(name + extra) + entry.compress_size


def _verify(bundle: zipfile.ZipFile, vkeys: str | None) -> dict[str, Any]:
    names = bundle.namelist()
    require(len(names) == len(set(names)), "the bundle names a file twice")
    content = bundle.read("manifest.json")
    manifest = _parse(content)
    require(manifest["version"] == 1, "the bundle is of a version that is not known here")
    require(set(names) == {*manifest["files"], *UNLISTED}, "the bundle has more or fewer files than it says")
    keys = _parse_keys(bundle.read("vkey").decode() if vkeys is None else vkeys)
    _verify_seal(bundle, content, manifest, keys)
    for name, digest in manifest["files"].items():
        require(_digest(bundle, name) == digest, f"{name} is not what was exported")
    log, size, root = _verify_note(bundle.read("checkpoint").decode(), keys)
    require(size == manifest["log_size"], "the checkpoint is of another log size")
    require(log == manifest["log"], "the checkpoint is of another log than the bundle says")
    ranges = [(first, end) for first, end in manifest["ranges"]]
    _verify_ranges(ranges, size)
    leaves = _Leaves(bundle, ranges, size)
    rows = _match(manifest, leaves, _rows(bundle, manifest))
    require(leaves.root() == root, "the leaves do not lead to the checkpoint's root")
    return {
        "rows": rows,
        "log": log,
        "log_size": size,
        "ended": ended_of(log, vkeys or ""),
        "is_complete": manifest["is_complete"],
        "not_provable": manifest["not_provable"],
        "displaced": [(run.first, run.end) for run in _displaced_of(manifest)],
        "own_key": vkeys is None,
    }


# The seal: the service put the manifest's digest into its own log.


def _verify_seal(bundle: zipfile.ZipFile, content: bytes, manifest: Mapping[str, Any], keys: "Keys") -> None:
    head, _, note = bundle.read("manifest.proof").decode().partition("\n\n")
    lines = head.split("\n")
    require(lines[0] == "c2sp.org/tlog-proof@v1" and lines[1].startswith("index "), "manifest.proof is not a proof")
    require(str(int(lines[1][6:])) == lines[1][6:], "manifest.proof is not a proof")
    index, hashes = int(lines[1][6:]), [_decode(line) for line in lines[2:]]
    leaf = bundle.read("manifest.leaf")
    _, size, root = _verify_note(note, keys)
    require(_root_of_proof(_leaf_hash(leaf), index, size, hashes) == root, "the manifest is not in the log")
    sealed = _parse(leaf)
    facts = {"export": manifest["export_id"], "manifest": hashlib.sha256(content).hexdigest()}
    require(sealed["action"] == "export_made" and sealed["facts"] == facts, "the manifest is not the sealed one")


# Rows against leaves.


def _match(manifest: Mapping[str, Any], leaves: "_Leaves", rows: Iterator[Mapping[str, Any]]) -> int:
    filters = manifest["filters"]
    reach = _Reach(filters, manifest)
    unproven = sorted(set(filters) - ON_LEAF)
    require(manifest["not_provable"] == unproven, "the manifest says otherwise what is provable")
    require(manifest["is_complete"] is (not unproven), "the manifest says otherwise whether it is complete")
    count, first, last = 0, None, None
    row = next(rows, None)
    for index, content in leaves:
        leaf = _parse(content)
        reach.see(index, leaf)
        is_wanted = is_asked(filters, leaf)
        if row is not None and row["leaf_index"] == index:
            require(is_wanted, f"row {index} is not one that the filter asks for")
            _compare(row, leaf, index)
            count, first, last = count + 1, index if first is None else first, index
            row = next(rows, None)
        else:
            require(not (is_wanted and manifest["is_complete"]), f"the row of leaf {index} is missing")
    require(row is None, "a row has no leaf, or stands out of order")
    counted = (manifest["rows"], manifest["first_index"], manifest["last_index"])
    require((count, first, last) == counted, "the bundle has more or fewer rows than it says")
    if manifest["is_complete"]:
        reach.require_whole()
    return count


class _Displaced(NamedTuple):
    """A run of leaves that stand elsewhere in the log than their instants say, and from when to when those are."""

    first: int
    end: int
    earliest: datetime
    latest: datetime


def _displaced_of(said: Mapping[str, Any]) -> list[_Displaced]:
    """As a manifest says it, or an entry of the log; one made before there was such a list names none."""
    return [_Displaced(one[0], one[1], _instant(one[2]), _instant(one[3])) for one in said.get("displaced", [])]


class _Reach:
    """Whether the bundle holds every leaf that bears a time of the filter: one range reaches far enough past both of its ends
    for none in order to lie beyond, and those out of order are there by name.
    """

    def __init__(self, filters: Mapping[str, Any], manifest: Mapping[str, Any]) -> None:
        self._from = None if "from" not in filters else _instant(filters["from"])
        self._to = None if "to" not in filters else _instant(filters["to"])
        self._ranges = [(first, end) for first, end in manifest["ranges"]]
        self._size = manifest["log_size"]
        self._starts = {first for first, _ in self._ranges if first == 0}
        self._ends = {first for first, end in self._ranges if end == self._size}
        self._place = 0
        self._newest: datetime | None = None
        self._missing: list[str] = []
        self._displaced = _displaced_of(manifest)
        for run in self._displaced:
            self._require_held(run)

    def see(self, index: int, leaf: Mapping[str, Any]) -> None:
        at = _instant(leaf["at"])
        while index >= self._ranges[self._place][1]:
            self._place += 1
        first = self._ranges[self._place][0]
        if leaf["action"] == "entries_displaced":
            for run in _displaced_of(leaf["facts"]):
                self._require_held(run)
        named = [run for run in self._displaced if run.first <= index < run.end]
        if named:
            if not any(run.earliest <= at <= run.latest for run in named):
                self._missing.append(f"leaf {index} bears another time than is said of it")
            return
        if self._newest is not None and at < self._newest - DISORDER:
            self._missing.append(
                f"leaf {index} bears an earlier time than those before it, and is not named as displaced"
            )
        self._newest = at if self._newest is None else max(at, self._newest)
        if self._from is not None and at < self._from - DISORDER:
            self._starts.add(first)
        if self._to is not None and at >= self._to + DISORDER:
            self._ends.add(first)

    def require_whole(self) -> None:
        is_whole = self._size == 0 or bool(self._starts & self._ends)
        require(is_whole, "the bundle does not reach past both ends of what was asked for")
        if self._from is not None or self._to is not None:
            require(not self._missing, self._missing[0] if self._missing else "")

    def _require_held(self, run: _Displaced) -> None:
        """Where it bears a time of the filter."""
        if (self._from is None or run.latest >= self._from) and (self._to is None or run.earliest < self._to):
            is_held = run.end > self._size or any(one <= run.first and run.end <= end for one, end in self._ranges)
            if not is_held:
                self._missing.append(f"the displaced leaves {run.first} to {run.end - 1} are missing")


def is_asked(filters: Mapping[str, Any], leaf: Mapping[str, Any]) -> bool:
    """Whether a leaf satisfies the filters on what it shows. Instants are compared as text: one form, always UTC."""
    version = leaf.get("list")
    return (
        all(leaf.get(field) == filters[name] for name, field in EQUAL.items() if name in filters)
        and ("from" not in filters or leaf["at"] >= filters["from"])
        and ("to" not in filters or leaf["at"] < filters["to"])
        and ("list_version_from" not in filters or (version is not None and version >= filters["list_version_from"]))
        and ("list_version_to" not in filters or (version is not None and version <= filters["list_version_to"]))
    )


def _compare(row: Mapping[str, Any], leaf: Mapping[str, Any], index: int) -> None:
    shown = {column: leaf.get(field) for column, field in PROVEN.items()}
    if leaf["action"] in {"check", "recheck"}:
        shown["check_id"] = leaf["id"]
    for column, value in shown.items():
        require(row["is_equal"](column, value), f"row {index}: {column} is not what the log says")


def _rows(bundle: zipfile.ZipFile, manifest: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Each row with its leaf index and a way to compare a column."""
    form = manifest["format"]
    reader = {"jsonl": _jsonl_rows, "csv": _csv_rows, "parquet": _parquet_rows}[form]
    with bundle.open(f"entries.{form}") as file:
        yield from reader(file)


def _jsonl_rows(file: Any) -> Iterator[dict[str, Any]]:
    for line in file:
        row = _parse(line)
        yield {"leaf_index": row["leaf_index"], "is_equal": lambda column, value, row=row: row[column] == value}


def _csv_rows(file: Any) -> Iterator[dict[str, Any]]:
    for row in csv.DictReader(io.TextIOWrapper(file, "utf-8-sig", newline="")):
        yield {
            "leaf_index": int(row["leaf_index"]),
            "is_equal": lambda column, value, row=row: row[column] == _cell(value),
        }


def _parquet_rows(file: Any) -> Iterator[dict[str, Any]]:
    try:
        from pyarrow import parquet  # noqa: PLC0415 - an extra, needed for this format alone
    except ImportError:
        raise Doubt("to read Parquet, install pyarrow") from None
    for batch in parquet.ParquetFile(io.BytesIO(file.read())).iter_batches(10_000):
        for row in batch.to_pylist():
            row["at"] = row["at"].astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
            yield {"leaf_index": row["leaf_index"], "is_equal": lambda column, value, row=row: row[column] == value}


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] and text[0] in FORMULA else text


# Leaves and the tree above them.


class _Leaves:
    """The leaves of the entry bundles in the log's order; afterwards the root they lead to."""

    def __init__(self, bundle: zipfile.ZipFile, ranges: Sequence[tuple[int, int]], size: int) -> None:
        self._bundle, self._ranges, self._size = bundle, ranges, size
        self._blocks: dict[int, bytes] = {}
        self._tiles: dict[str, bytes] = {}

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        for first, end in self._ranges:
            for start in range(first, end, BLOCK):
                width = min(BLOCK, end - start)
                leaves = self._read(start // BLOCK, width)
                require(len(leaves) == width, "an entry bundle has more or fewer leaves than its name says")
                self._blocks[start] = _fold_leaves([_leaf_hash(leaf) for leaf in leaves])
                yield from enumerate(leaves, start)

    def root(self) -> bytes:
        return self._hash(0, self._size) if self._size else hashlib.sha256().digest()

    def _read(self, number: int, width: int) -> list[bytes]:
        name = _tile_path("entries", number, width)
        require(self._bundle.getinfo(name).file_size <= MOST_BUNDLE_BYTES, "an entry bundle is too long")
        content, leaves, at = self._bundle.read(name), [], 0
        while at < len(content):
            length = int.from_bytes(content[at : at + 2], "big")
            require(at + 2 + length <= len(content), "an entry bundle is cut off")
            leaves.append(content[at + 2 : at + 2 + length])
            at += 2 + length
        return leaves

    def _hash(self, first: int, end: int) -> bytes:
        """RFC 6962's MTH over the leaves first … end-1, from the blocks at hand and from tiles for the rest."""
        if not any(one < end and first < other for one, other in self._ranges):
            return self._outside(first, end)
        if end - first <= BLOCK:
            return self._blocks[first]
        middle = first + (1 << ((end - first - 1).bit_length() - 1))
        return _node_hash(self._hash(first, middle), self._hash(middle, end))

    def _outside(self, first: int, end: int) -> bytes:
        size = end - first
        if size & (size - 1) == 0 and first % size == 0:
            return self._node(size.bit_length() - 1, first // size)
        middle = first + (1 << ((size - 1).bit_length() - 1))
        return _node_hash(self._outside(first, middle), self._outside(middle, end))

    def _node(self, level: int, index: int) -> bytes:
        """The hash of a complete subtree of 2^level leaves, from the tile that holds what it is made of."""
        tile_level, height = divmod(level, 8)
        start, count = index << height, 1 << height
        number = start // BLOCK
        width = min(BLOCK, (self._size >> (8 * tile_level)) - number * BLOCK)
        name = _tile_path(str(tile_level), number, width)
        if name not in self._tiles:
            self._tiles[name] = self._bundle.read(name)
            require(len(self._tiles[name]) == 32 * width, "a tile is not as wide as its name says")
        tile, offset = self._tiles[name], start - number * BLOCK
        hashes = [tile[32 * (offset + n) : 32 * (offset + n + 1)] for n in range(count)]
        require(len(hashes[-1]) == 32, "a tile is too narrow")
        return _fold_leaves(hashes)


def _verify_ranges(ranges: Sequence[tuple[int, int]], size: int) -> None:
    for first, end in ranges:
        require(0 <= first < end <= size and first % BLOCK == 0, "a range is not one of this log")
        require(end % BLOCK == 0 or end == size, "a range is not one of this log")
    require(all(one[1] < other[0] for one, other in pairwise(ranges)), "the ranges stand out of order")


def _leaf_hash(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + leaf).digest()


def _node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _fold_leaves(hashes: list[bytes]) -> bytes:
    """MTH over hashes: pairs from the left, an odd one is carried up."""
    while len(hashes) > 1:
        paired = [_node_hash(hashes[n], hashes[n + 1]) for n in range(0, len(hashes) - 1, 2)]
        hashes = paired + ([hashes[-1]] if len(hashes) % 2 else [])
    return hashes[0]


def _root_of_proof(leaf: bytes, index: int, size: int, hashes: Sequence[bytes]) -> bytes:
    """RFC 9162 §2.1.3.2."""
    require(0 <= index < size and all(len(one) == 32 for one in hashes), "the manifest's proof is malformed")
    place, last, folded = index, size - 1, leaf
    for one in hashes:
        require(last, "the manifest's proof is too long")
        if place % 2 or place == last:
            folded = _node_hash(one, folded)
            while place and not place % 2:
                place, last = place // 2, last // 2
        else:
            folded = _node_hash(folded, one)
        place, last = place // 2, last // 2
    require(last == 0, "the manifest's proof is too short")
    return folded


def _tile_path(kind: str, number: int, width: int) -> str:
    parts = [f"{number % 1000:03}"]
    while number := number // 1000:
        parts.append(f"x{number % 1000:03}")
    return f"tile/{kind}/" + "/".join(reversed(parts)) + ("" if width == BLOCK else f".p/{width}")


# Signed notes.

Keys = list[tuple[str, bytes, bytes, int | None]]
"""Name, key id, public key, and the largest log that its signature alone vouches for; None where there is no end."""


def _parse_keys(text: str) -> Keys:
    keys: Keys = []
    ranges: list[tuple[str, int | None]] = [(line, None) for line in text.split()]
    if text.lstrip().startswith("{"):
        ranges = [(one["vkey"], one["until_size"]) for one in _parse(text.encode())["keys"]]
    for line, until in ranges:
        name, key_id, encoded = line.split("+", 2)
        content = _decode(encoded)
        require(len(content) == 33 and content[0] == 1, "the vkey is not of an Ed25519 key")
        own = hashlib.sha256(name.encode() + b"\n" + content).digest()[:4]
        require(own.hex() == key_id, "the vkey's id is not that of its key")
        keys.append((name, own, content[1:], until))
    require(keys, "there is no vkey")
    return keys


def ended_of(log: str, vkeys: str) -> Mapping[str, Any] | None:
    """What the keys say of a log that was ended after a restore, as `GET /v1/ledger/keys` gives it; None of any other."""
    if not vkeys.lstrip().startswith("{"):
        return None
    found: Mapping[str, Any] | None = next(
        (one for one in _parse(vkeys.encode()).get("ended", ()) if one["log"] == log), None
    )
    return found


def ending_of(log: str, ended: Mapping[str, Any]) -> str:
    """In one sentence."""
    kept = ended["kept_size"]
    reach = (
        "which of its entries it has, cannot be said"
        if kept is None
        else f"of its entries it has the first {kept} alone"
    )
    return f"the log {log} was ended after a restore ({ended['at']}); {ended['followed_by']} follows it: {reach}"


def _verify_note(note: str, keys: Keys) -> tuple[str, int, bytes]:
    """Log, size and root of a checkpoint that at least one of that log's keys signed, and none falsely."""
    text, found, tail = note.rpartition("\n\n")
    require(found and tail.endswith("\n"), "the checkpoint is not a signed note")
    text += "\n"
    origin, size, root = text.split("\n")[:3]
    require(size.isascii() and str(int(size)) == size and len(_decode(root)) == 32, "the checkpoint is malformed")
    require(origin in {name for name, _, _, _ in keys}, "the checkpoint is of another log")
    is_signed, is_retired = False, False
    for line in tail[:-1].split("\n"):
        name, _, encoded = line.removeprefix("— ").partition(" ")
        signature = _decode(encoded)
        for key_name, key_id, public, until in keys:
            if name == key_name == origin and signature[:4] == key_id:
                try:
                    Ed25519PublicKey.from_public_bytes(public).verify(signature[4:], text.encode())
                except InvalidSignature:
                    raise Doubt("the checkpoint's signature is false") from None
                is_in_time = until is None or int(size) <= until
                is_signed, is_retired = is_signed or is_in_time, is_retired or not is_in_time
    require(is_signed or not is_retired, "the checkpoint is signed by nothing but a key that was retired before")
    require(is_signed, "the checkpoint is not signed by this log's key")
    return origin, int(size), _decode(root)


def _decode(text: str) -> bytes:
    try:
        content = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise Doubt("not base64") from None
    require(base64.b64encode(content).decode() == text, "not canonical base64")
    return content


def _digest(bundle: zipfile.ZipFile, name: str) -> str:
    with bundle.open(name) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def _parse(content: bytes) -> Any:
    return json.loads(content, object_pairs_hook=_without_doubles)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    require(len(made) == len(pairs), "a JSON object names a field twice")
    return made


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Verify an export bundle, offline.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--vkey", type=Path, help="what /v1/ledger/keys or /vkey gave, another way than the bundle")
    given = parser.parse_args(arguments)
    try:
        found = verify(given.bundle, given.vkey.read_text("utf-8") if given.vkey else None)
    except Doubt as doubt:
        sys.stdout.write(f"DOUBT: {doubt}\n")
        return 1
    except (OSError, UnicodeDecodeError):
        sys.stdout.write("DOUBT: the vkey cannot be read\n")
        return 1
    sys.stdout.write(f"{found['rows']} rows proved, of the {found['log_size']} entries of the log {found['log']}\n")
    if found["ended"] is not None:
        sys.stdout.write(f"{ending_of(found['log'], found['ended'])}\n")
    if found["is_complete"]:
        sys.stdout.write("complete: no entry that the filter asks for is missing\n")
        for first, end in found["displaced"]:
            sys.stdout.write(
                f"out of order: the entries {first} to {end - 1} bear another time than their place says\n"
            )
    else:
        sys.stdout.write(f"completeness is not provable for: {', '.join(found['not_provable'])}\n")
    if found["own_key"]:
        sys.stdout.write(
            "NOT VERIFIED: the key is the bundle's own, as it would be in a forged one: give --vkey, got by another way\n"
        )
        return NOT_VERIFIED
    return 0


if __name__ == "__main__":
    sys.exit(main())
