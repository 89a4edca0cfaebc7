"""`audit witness`: follow the log from the auditor's own machine, and cosign checkpoints that are consistent with all earlier
ones.

If an officer ended the log after a restore, the witness stops and says so. It continues with the next log only when its own
operator names that log, and keeps what it last cosigned of the old one: the service must not be able to move its witnesses.
"""

import contextlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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
    Signature,
    VerifierKey,
    cosign,
    public_of,
    verified_checkpoint,
)
from blacklist_service.ledger.signing import read_anchor, read_key_file, replace_anchor, write_anchor, write_key_file
from blacklist_service.ledger.successions import Succession, verified_succession
from blacklist_service.ledger.tree import HashReader, Node

TIMEOUT_SECONDS = 30
MOST_BYTES = 1 << 20

Fetch = Callable[[str], bytes]


class WitnessRefusedError(Exception):
    """The log contradicts what this witness saw; nothing is cosigned. Keep the state file and the message as evidence."""


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness. `keys` are the log's keys, obtained by another way than from the log; `state` is the file with the newest
    cosigned checkpoint.
    """

    name: str
    private: Ed25519PrivateKey
    keys: tuple[VerifierKey, ...]
    state: Path

    @property
    def key(self) -> VerifierKey:
        return VerifierKey(self.name, public_of(self.private), COSIGNATURE)

    def follow(self, fetch: Fetch) -> Note | None:
        """Return the newest checkpoint with this witness's cosignature; None if there is nothing new.

        Raise `WitnessRefusedError` on a foreign signature, a rollback, or a fork.
        """
        try:
            note = Note.parse(fetch("checkpoint").decode())
            seen = read_anchor(self.state)
            origin = Checkpoint.parse(note.text).origin
            old = Checkpoint(origin, 0, tree.EMPTY_ROOT) if seen is None else Checkpoint.parse(seen.text)
            if old.origin != origin:
                raise WitnessRefusedError(self._another_log(origin, fetch))
            new = verified_checkpoint(note, self.keys)
            if new.size < old.size:
                raise WitnessRefusedError(
                    f"the log was rolled back: {new.size} entries, after {old.size} were cosigned"
                )
            _verify_growth(old, new, fetch)
        except (NoteError, tree.TreeError) as error:
            raise WitnessRefusedError(f"{error} (a fork, or a damaged log)") from None
        if seen is not None and old == new:
            # Already cosigned; send it again in case it did not arrive.
            return None if any(signature.is_by(self.key) for signature in note.signatures) else seen
        cosigned = Note(note.text, (*note.signatures, self._cosignature(note)))
        # Store first, then publish: a witness that forgets could be made to cosign a fork.
        write_anchor(self.state, cosigned)
        return cosigned

    def onto(self, origin: str, fetch: Fetch) -> "Witness":
        """The witness of the log with this name, which succeeds the followed log by an officer's act that the followed log
        signed. What was last cosigned is kept beside the state file.

        Raise `WitnessRefusedError` if no such act leads to that log, or if the act does not give up what was cosigned.
        """
        try:
            acts = self._acts(fetch)
            if origin not in {act.origin for act in acts}:
                raise WitnessRefusedError(f"no act that the log's key signed leads to the log {origin}")
            witness = replace(self, keys=(*(act.key for act in reversed(acts)), *self.keys))
            seen = read_anchor(self.state)
            if seen is not None and Checkpoint.parse(seen.text).origin != origin:
                note = Note.parse(fetch("checkpoint").decode())
                new = verified_checkpoint(note, witness.keys)
                _verify_succession(Checkpoint.parse(seen.text), new, origin, acts, fetch)
                replace_anchor(self.state, seen, Note(note.text, (*note.signatures, self._cosignature(note))))
        except (NoteError, tree.TreeError) as error:
            raise WitnessRefusedError(f"{error} (a fork, or a damaged log)") from None
        return witness

    def _cosignature(self, note: Note) -> Signature:
        return cosign(note.text, self.key, self.private, now())

    def _acts(self, fetch: Fetch) -> list[Succession]:
        """The acts by which logs succeeded the one whose keys are known, oldest first; each is signed by a key known before
        it.
        """
        acts: list[Succession] = []
        with contextlib.suppress(ValueError, KeyError, TypeError):  # a malformed list of acts leads nowhere
            for ended in reversed(json.loads(fetch("keys"))["ended"]):
                act = verified_succession(Note.parse(ended["act"]), [*self.keys, *(act.key for act in acts)])
                acts += [] if act in acts else [act]
        return acts

    def _another_log(self, origin: str, fetch: Fetch) -> str:
        act = next((act for act in self._acts(fetch) if act.origin == origin), None)
        if act is None:
            return "the checkpoint belongs to another log than the one followed so far"
        return (
            f"the log {act.kept.origin} was ended by an officer ({act.at.isoformat()}): {act.given_up.size} entries were"
            f" signed, the first {act.kept.size} are kept, and {origin} follows it. Read its entry {act.kept.size}, which"
            f" says why; to cosign that log, add --onto {origin}"
        )


def load_private(path: Path) -> Ed25519PrivateKey:
    """The witness's private key; created if there is none."""
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
    """Follow until a contradiction; retry while the log cannot be reached. `every_seconds=0`: once."""
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


def _verify_succession(
    seen: Checkpoint, new: Checkpoint, origin: str, acts: Sequence[Succession], fetch: Fetch
) -> None:
    """Verify that the acts give up, or take over, what was last cosigned, and that `new` belongs to the log they lead to."""
    if new.origin != origin:
        raise WitnessRefusedError(f"the succeeding log is {new.origin}, not {origin}")
    for act in acts:
        is_kept = seen.size <= act.kept.size
        if act.covers(seen, root_here=seen.root if is_kept else None):
            _verify_growth(seen if is_kept else act.kept, new, fetch)
            return
    raise WitnessRefusedError("what this witness cosigned last is not what the officer gave up: a fork")


def _verify_growth(old: Checkpoint, new: Checkpoint, fetch: Fetch) -> None:
    """Verify growth from tiles of the new tree, whose hashes are proved by recomputing both roots."""
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
