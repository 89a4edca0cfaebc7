"""Logs that succeed one another: after a restore to an earlier moment an officer ends a log and begins a new one.

Nobody can continue what the old log signed about lost entries, so its name is given up with them. The new log has another
name and continues over the existing leaves. The act is a signed note: with it, a holder of a checkpoint of the old log moves
to the new one. Somebody who can write to the database but has no signing key cannot make one.
"""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from blacklist_service.database.connections import Connection
from blacklist_service.ledger.notes import Checkpoint, Note, NoteError, VerifierKey, sign

HEADER = "blacklist-service.log-succession/v1"
CHECKPOINT_LINES = 3
_NAME = re.compile(r"(?P<first>.+?)(?:/(?P<generation>[1-9][0-9]{0,5})-[0-9a-f]{8})?")


@dataclass(frozen=True, slots=True)
class Succession:
    """The log of `kept` was ended, and the one of `key` succeeds it over the same leaves, from the first on."""

    key: VerifierKey
    """The new log's key; its name is the new log's name."""
    kept: Checkpoint
    """The state of the history in the database: what the new log takes over from the old one."""
    given_up: Checkpoint
    """The newest signed checkpoint that any machine knows and that the database contradicts."""
    entry_id: UUID
    """The new log's first entry, at the index `kept.size`: who acted, and why."""
    at: datetime

    @property
    def origin(self) -> str:
        return self.key.name

    @property
    def text(self) -> str:
        at = self.at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
        head = f"{HEADER}\nvkey {self.key.text}\nentry {self.entry_id}\nat {at}Z\n"
        return head + self.kept.text + self.given_up.text

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raise `NoteError` if it is not a succession."""
        lines = text.splitlines(keepends=True)
        header, checkpoints = lines[:4], lines[4:]
        said = [line.rstrip("\n").partition(" ")[::2] for line in header[1:]]
        is_whole = len(checkpoints) == 2 * CHECKPOINT_LINES and [name for name, _ in said] == ["vkey", "entry", "at"]
        if header[:1] != [f"{HEADER}\n"] or not is_whole:
            raise NoteError("not an act by which a log follows another")
        kept, given_up = (
            Checkpoint.parse("".join(part)) for part in (checkpoints[:CHECKPOINT_LINES], checkpoints[CHECKPOINT_LINES:])
        )
        vkey, entry_id, at = (value for _, value in said)
        try:
            return cls(VerifierKey.parse(vkey), kept, given_up, UUID(entry_id), datetime.fromisoformat(at))
        except ValueError as error:
            raise NoteError(f"not an act by which a log follows another ({error})") from None

    def covers(self, held: Checkpoint, *, root_here: bytes | None) -> bool:
        """Whether a holder of this checkpoint of an earlier log may move to the new one; `root_here` is the database's root
        at its size, None if it has no such size.

        The checkpoint must be at or before the act, be the one that the act gave up by name, or be one that the same log
        signed in between, whose entries no longer exist.
        """
        if held.origin in {self.kept.origin, self.given_up.origin} and root_here == held.root:
            return held.size <= self.kept.size
        if held.origin != self.given_up.origin:
            return False
        if held.size == self.given_up.size:
            return held.root == self.given_up.root
        return self.kept.size < held.size < self.given_up.size


def sign_succession(succession: Succession, privates: Sequence[Ed25519PrivateKey]) -> Note:
    """Sign in the name of the old log, for those who know its key, and of the new one."""
    names = dict.fromkeys((succession.kept.origin, succession.given_up.origin, succession.origin))
    keys = [
        (VerifierKey(name, private.public_key().public_bytes_raw()), private) for name in names for private in privates
    ]
    return Note(succession.text, tuple(sign(succession.text, key, private) for key, private in keys))


def verified_succession(note: Note, keys: Iterable[VerifierKey]) -> Succession:
    """Raise `NoteError` unless a key of the ended log, of the one given up, or of the new one signed it."""
    succession = Succession.parse(note.text)
    names = {succession.kept.origin, succession.given_up.origin, succession.origin}
    if not note.signed_by(key for key in keys if key.name in names):
        raise NoteError("the act is not signed by a key of the log that it ends")
    return succession


def name_after(*origins: str) -> str:
    """A name for the next log that was never used: `example.cn/query-log/2-5f3a9c01`. The number is for people; the random
    part distinguishes two acts if the second comes after a restore to before the first.
    """
    generation = 1 + max(generation_of(origin) for origin in origins)
    return f"{first_name(origins[0])}/{generation}-{os.urandom(4).hex()}"


def first_name(origin: str) -> str:
    """The name of the first log, which is the name of the installation and outlives its logs."""
    return _match(origin)["first"]


def generation_of(origin: str) -> int:
    return int(_match(origin)["generation"] or 1)


def age_of(checkpoint: Checkpoint) -> tuple[int, int]:
    """Orders checkpoints of one installation's logs: the larger is the newer."""
    return generation_of(checkpoint.origin), checkpoint.size


async def find_successions(connection: Connection) -> list[Note]:
    """As they are in the database, newest first; they prove nothing until they are verified."""
    rows = await connection.fetch("SELECT origin, note FROM ledger_successions")
    return [Note.parse(row["note"]) for row in sorted(rows, key=lambda row: generation_of(row["origin"]), reverse=True)]


@dataclass(frozen=True, slots=True)
class EndedLog:
    """A log before the current one, and how many of its first entries the current one has; None if that is unknown, because
    the log was begun after the restored moment.
    """

    log: str
    followed_by: str
    at: datetime
    kept_size: int | None
    act: str
    """As signed."""


async def ended_logs(connection: Connection) -> list[EndedLog]:
    """Newest first."""
    ended: list[EndedLog] = []
    least: int | None = None
    for note in await find_successions(connection):
        act = Succession.parse(note.text)
        least = act.kept.size if least is None else min(least, act.kept.size)
        if generation_of(act.given_up.origin) > generation_of(act.kept.origin):
            ended.append(EndedLog(act.given_up.origin, act.origin, act.at, None, note.content))
        ended.append(EndedLog(act.kept.origin, act.origin, act.at, least, note.content))
    return ended


def _match(origin: str) -> re.Match[str]:
    match = _NAME.fullmatch(origin)
    if match is None:
        raise NoteError("not a log's name")
    return match
