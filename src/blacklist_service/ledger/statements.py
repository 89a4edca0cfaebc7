"""Statements of the list's state: notes signed by the log's keys, renewed each minute and valid for a short time.

A copy of the list is complete if its digest equals the statement's, and as old as the newest statement it was compared with.
The sealer signs what a copy is measured against: a process that reads and answers cannot. The first line distinguishes a
statement from a checkpoint, which the same keys sign: neither can be taken for the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from blacklist_service.database.connections import Connection
from blacklist_service.ledger.notes import Note, NoteError, VerifierKey, sign

HEADER = "blacklist-service.list-statement/v1"
LIFE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ListState:
    """At `at` the list had `version`, and a complete copy of its feed held `count` listings with this digest."""

    version: int
    count: int
    sha256: bytes
    at: datetime


def statement_of(state: ListState, origin: str) -> str:
    """The signed text: lines `name value`, timestamps in UTC to the second, rounded down."""
    at = state.at.astimezone(UTC).replace(microsecond=0, tzinfo=None)
    lines = (
        HEADER,
        f"origin {origin}",
        f"version {state.version}",
        f"count {state.count}",
        f"sha256 {state.sha256.hex()}",
        f"at {at.isoformat()}Z",
        f"valid_until {(at + LIFE).isoformat()}Z",
    )
    return "".join(f"{line}\n" for line in lines)


def read_statement(note: Note, keys: Sequence[VerifierKey]) -> ListState:
    """The state in a statement of another installation's log; raise `NoteError` unless one of its `keys` signed it."""
    header, *lines = note.text.splitlines()
    said = dict(line.split(" ", 1) for line in lines if " " in line)
    if header != HEADER or not note.signed_by(key for key in keys if key.name == said.get("origin")):
        raise NoteError("not a statement of the list's state, or not signed by a key of its log")
    try:
        at = datetime.fromisoformat(said["at"])
        return ListState(int(said["version"]), int(said["count"]), bytes.fromhex(said["sha256"]), at)
    except (KeyError, ValueError):
        raise NoteError("not a statement of the list's state") from None


async def keep_state(connection: Connection, state: ListState) -> None:
    """Store it for the sealer."""
    await connection.execute(
        """
        INSERT INTO list_states (version, count, sha256, at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (is_only) DO UPDATE SET (version, count, sha256, at) = ROW (EXCLUDED.version, EXCLUDED.count,
            EXCLUDED.sha256, EXCLUDED.at)
        """,
        *(state.version, state.count, state.sha256, state.at),
    )


async def sign_state(
    connection: Connection, origin: str, keys: Sequence[tuple[VerifierKey, Ed25519PrivateKey]]
) -> bool:
    """Sign the state that was stored last; return False if it is not newer than the last statement.

    The caller is the sequencer, which does not sign for a database that is behind what it signed before, or is another one.
    """
    row = await connection.fetchrow(
        """
        SELECT version, count, sha256, at FROM list_states s
        WHERE NOT EXISTS (SELECT FROM list_statements n WHERE n.at >= s.at)
        """
    )
    if row is None:
        return False
    state = ListState(**row)
    text = statement_of(state, origin)
    note = Note(text, tuple(sign(text, key, private) for key, private in keys))
    await connection.execute(
        """
        INSERT INTO list_statements (at, note) VALUES ($1, $2)
        ON CONFLICT (is_only) DO UPDATE SET (at, note) = ROW (EXCLUDED.at, EXCLUDED.note)
        """,
        *(state.at, note.content),
    )
    return True


async def find_statement(connection: Connection) -> str | None:
    """The newest statement, however old; None before the first."""
    note: str | None = await connection.fetchval("SELECT note FROM list_statements")
    return note
