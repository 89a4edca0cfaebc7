"""`audit witness`: follow the log from the auditor's own machine, and cosign what never contradicts what was seen."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from blacklist_service.cli.asking import NOT_REACHED, ServiceAddress
from blacklist_service.clock import now
from blacklist_service.ledger import tree
from blacklist_service.ledger.notes import (
    COSIGNATURE,
    Checkpoint,
    Note,
    NoteError,
    VerifierKey,
    cosign,
    public_of,
    verified_checkpoint,
)
from blacklist_service.ledger.signing import read_anchor, read_key_file, write_anchor, write_key_file
from blacklist_service.ledger.tree import HashReader, Node

TIMEOUT_SECONDS = 30
MOST_BYTES = 1 << 20

Fetch = Callable[[str], bytes]


class WitnessRefusedError(Exception):
    """The log contradicts what this witness saw: nothing is cosigned. Keep the state file and the message as evidence."""


@dataclass(frozen=True, slots=True)
class Witness:
    """`keys` are the log's, got by another way than the log itself; `state` holds the newest checkpoint cosigned."""

    name: str
    private: Ed25519PrivateKey
    keys: tuple[VerifierKey, ...]
    state: Path

    @property
    def key(self) -> VerifierKey:
        return VerifierKey(self.name, public_of(self.private), COSIGNATURE)

    def follow(self, fetch: Fetch) -> Note | None:
        """Return the newest checkpoint with this witness's cosignature; None where nothing is new.

        Raise `WitnessRefusedError` on a foreign signature, a rollback, or a fork.
        """
        try:
            note = Note.parse(fetch("checkpoint").decode())
            new = verified_checkpoint(note, self.keys)
            seen = read_anchor(self.state)
            old = Checkpoint(new.origin, 0, tree.EMPTY_ROOT) if seen is None else Checkpoint.parse(seen.text)
            if old.origin != new.origin:
                raise WitnessRefusedError("the checkpoint is of another log than the one followed so far")
            if new.size < old.size:
                raise WitnessRefusedError(
                    f"the log was rolled back: {new.size} entries, after {old.size} were cosigned"
                )
            _verify_growth(old, new, fetch)
        except (NoteError, tree.TreeError) as error:
            raise WitnessRefusedError(f"{error} (a fork, or a damaged log)") from None
        if seen is not None and old == new:
            # Cosigned already; said again where it did not arrive.
            return None if any(signature.is_by(self.key) for signature in note.signatures) else seen
        cosigned = Note(note.text, (*note.signatures, cosign(note.text, self.key, self.private, now())))
        # First remember, then tell: a witness that forgets could be made to cosign a fork.
        write_anchor(self.state, cosigned)
        return cosigned


def load_private(path: Path) -> Ed25519PrivateKey:
    """The witness's private key; made where there is none."""
    if not path.exists():
        write_key_file(path, [Ed25519PrivateKey.generate()])
    return read_key_file(path)[0]


def fetch_from(service: ServiceAddress) -> Fetch:
    """Read from the service."""
    return lambda path: service.get(f"/v1/ledger/{path}")


def send(service: ServiceAddress, note: Note) -> None:
    service.post("/v1/ledger/cosignatures", json.dumps({"note": note.content}).encode())


def witness_for_ever(
    witness: Witness, service: ServiceAddress, *, every_seconds: float, say: Callable[[str], None]
) -> None:
    """Follow until a contradiction; what cannot be reached is tried again. `every_seconds` of 0: once."""
    while True:
        try:
            note = witness.follow(fetch_from(service))
            if note is not None:
                send(service, note)
                say(f"cosigned {Checkpoint.parse(note.text).size} entries")
        except NOT_REACHED as error:
            if not every_seconds:
                raise
            say(f"not reached: {error}")
        if not every_seconds:
            return
        time.sleep(every_seconds)


def _verify_growth(old: Checkpoint, new: Checkpoint, fetch: Fetch) -> None:
    """From tiles of the new tree, whose hashes are proven by leading to both roots."""
    if old.size == 0:
        read = _reader(tree.cover(0, new.size), new.size, fetch)
        if tree.root(new.size, read) != new.root:
            raise tree.TreeError("the tiles lead to another root")
        return
    ranges = tree.consistency_ranges(old.size, new.size)
    hashes = tree.proof(ranges, _reader(tree.nodes_of(ranges), new.size, fetch))
    tree.verify_consistency(old=old.size, old_root=old.root, size=new.size, root=new.root, hashes=hashes)


def _reader(nodes: list[Node], size: int, fetch: Fetch) -> HashReader:
    tiles = {tile: tree.split_hashes(fetch(tile.path), tile.width) for tile in tree.tiles_of(nodes, size)}
    return tree.reader_of_tiles(tiles, size)
