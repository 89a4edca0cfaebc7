"""Logs that follow one another: after a restore to an earlier moment an officer ends a log and begins a new one.

What the old log signed about entries that are lost can be continued by nobody, so its name is given up with them. The new
log has another name and goes on over the leaves that are there. The act is a signed note: whoever holds a checkpoint of the
old log goes over by it, and whoever may write in the database, but has no signing key, can make none.
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
    """The log of `kept` was ended and the one of `key` follows it, over the same leaves from the first on."""

    key: VerifierKey
    """The new log's; its name is the new log's."""
    kept: Checkpoint
    """Where the history in the database stood: what the new log takes over of the old one."""
    given_up: Checkpoint
    """The newest that was signed, by any machine's knowledge, and that the database contradicts."""
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
        """Raise `NoteError` where it is none."""
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
        """Whether whoever holds this checkpoint of a log before may go over; `root_here` is the database's at its size, None
        where it has no such size.

        It stands at or before the act, or it is what the act gave up by name, or one that the same log signed in between: of
        entries that no longer are, which nobody can hold against it.
        """
        if held.origin in {self.kept.origin, self.given_up.origin} and root_here == held.root:
            return held.size <= self.kept.size
        if held.origin != self.given_up.origin:
            return False
        if held.size == self.given_up.size:
            return held.root == self.given_up.root
        return self.kept.size < held.size < self.given_up.size


def sign_succession(succession: Succession, privates: Sequence[Ed25519PrivateKey]) -> Note:
    """In the name of the old log, for those who know its key, and of the new one."""
    names = dict.fromkeys((succession.kept.origin, succession.given_up.origin, succession.origin))
    keys = [
        (VerifierKey(name, private.public_key().public_bytes_raw()), private) for name in names for private in privates
    ]
    return Note(succession.text, tuple(sign(succession.text, key, private) for key, private in keys))


def verified_succession(note: Note, keys: Iterable[VerifierKey]) -> Succession:
    """Raise `NoteError` unless a key of the log that was ended, of the one that was given up, or of the new one signed it."""
    succession = Succession.parse(note.text)
    names = {succession.kept.origin, succession.given_up.origin, succession.origin}
    if not note.signed_by(key for key in keys if key.name in names):
        raise NoteError("the act is not signed by a key of the log that it ends")
    return succession


def name_after(*origins: str) -> str:
    """A name that follows them all and was never given: `example.cn/query-log/2-5f3a9c01`. The number is for people; what is
    drawn keeps two acts apart of which the second came after a restore to before the first.
    """
    generation = 1 + max(generation_of(origin) for origin in origins)
    return f"{first_name(origins[0])}/{generation}-{os.urandom(4).hex()}"


def first_name(origin: str) -> str:
    """Of the log that was begun first: the name of the installation, which outlives its logs."""
    return _match(origin)["first"]


def generation_of(origin: str) -> int:
    return int(_match(origin)["generation"] or 1)


def age_of(checkpoint: Checkpoint) -> tuple[int, int]:
    """By which checkpoints of one installation's logs are compared: the larger is the newer."""
    return generation_of(checkpoint.origin), checkpoint.size


async def find_successions(connection: Connection) -> list[Note]:
    """As the database has them, newest first; they prove nothing before they are verified."""
    rows = await connection.fetch("SELECT origin, note FROM ledger_successions")
    return [Note.parse(row["note"]) for row in sorted(rows, key=lambda row: generation_of(row["origin"]), reverse=True)]


@dataclass(frozen=True, slots=True)
class EndedLog:
    """A log before the one that goes on now, and how many of its first entries that one has; None where it cannot be said,
    since that log was begun after the moment restored.
    """

    log: str
    followed_by: str
    at: datetime
    kept_size: int | None
    act: str
    """As it was signed."""


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
