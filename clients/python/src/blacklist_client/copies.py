"""The file in which a mirror stores the list: public fields and masks, the cursor, and the statement it was verified with.

One writer at a time, by a lock on a file beside it; any number of readers. Everything that belongs to one state of the list
(rows, cursor, statement) is one transaction, so a kill leaves either the old state or the new one. A completely reloaded list
is written to another file, which then replaces the first.
"""

import fcntl
import hashlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple, Self
from uuid import UUID

from blacklist_client.errors import NotUnderstood, Unverified
from blacklist_client.models import Json
from blacklist_client.notes import VerifierKey
from blacklist_client.statements import Statement, read_statement
from blacklist_client.subjects.identifiers import SubjectKind
from blacklist_client.subjects.names import comparison_key, is_suspect_name

FORMAT = 1
SCHEMA = """
CREATE TABLE meta (
    format integer NOT NULL, server text NOT NULL, list_version integer NOT NULL, verified_at text, sha256 text,
    statement text);
CREATE TABLE listings (
    listing_id blob PRIMARY KEY, list_version integer NOT NULL, kind text NOT NULL, name_key text NOT NULL, mask text,
    case_number text NOT NULL, court text NOT NULL, published_on text, expires_on text) WITHOUT ROWID;
"""
INDEXES = """
CREATE INDEX listings_name ON listings (name_key);
CREATE INDEX listings_suspect ON listings (mask) WHERE name_key = '';
"""
SUSPECT = ""
"""The name key of a listing whose name cannot be compared, because a character is missing."""
WAIT_SECONDS = 5.0


class Row(NamedTuple):
    """A listing as stored in the file."""

    listing_id: bytes
    list_version: int
    kind: str
    name_key: str
    mask: str | None
    case_number: str
    court: str
    published_on: str | None
    expires_on: str | None


class Found(NamedTuple):
    """The fields of a listing that tell whether it may concern somebody today."""

    kind: str
    mask: str | None
    expires_on: str | None


class Differs(Unverified):
    """The rows are not the set that the service signed."""


@dataclass(frozen=True, slots=True)
class Meta:
    """`verified_at`: when the rows were last counted and hashed against a statement."""

    server: str
    list_version: int
    verified_at: datetime | None
    statement: str | None


Changes = Mapping[bytes, Row | None]
"""By listing; None removes it."""


def row_of(listing: Json, list_version: Any) -> Row:
    """What is stored of a listing in the feed; raise `NotUnderstood` if it is not one."""
    try:
        debtor, court = listing["debtor"], listing["court"]
        kind, name, number = SubjectKind(debtor["kind"]), debtor["name"], debtor.get("identifier")
        return Row(
            UUID(listing["listing_id"]).bytes,
            _version(list_version),
            kind.value,
            SUSPECT if is_suspect_name(kind, name) else comparison_key(kind, name),
            _telling_mask(number),
            str(listing["case_number"]),
            str(court.get("name") or court["code"]),
            _day(listing.get("published_on")),
            _day(listing.get("expires_on")),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise NotUnderstood("a listing of the feed is not of its form") from None


def _version(given: Any) -> int:
    if type(given) is not int:
        raise TypeError
    return given


def _day(text: str | None) -> str | None:
    return None if text is None else date.fromisoformat(text).isoformat()


def _telling_mask(number: Mapping[str, str] | None) -> str | None:
    """The shown part of a number, if the debtor can be distinguished by it; None for a mask in an unknown form."""
    if not number or number.get("quality", "masked") != "masked" or number["type"] == "other":
        return None
    return number["number_masked"]


class Copy:
    """An open file. Raise `sqlite3.Error` if it is too damaged to be read."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    @classmethod
    def create(cls, path: Path, server: str, list_version: int) -> Self:
        """An empty one, which must not be used before it is finished."""
        discard(path)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA journal_mode = MEMORY")
        connection.executescript(SCHEMA)
        begun = (FORMAT, server, list_version)
        connection.execute("INSERT INTO meta (format, server, list_version) VALUES (?, ?, ?)", begun)
        return cls(path, connection)

    @classmethod
    def open(cls, path: Path, *, is_writer: bool = False) -> Self:
        """Raise `FileNotFoundError` or `sqlite3.Error`."""
        if not path.exists():
            raise FileNotFoundError(path)
        # Readers may write the file too, to roll back what a killed writer left half-written.
        uri = f"{path.absolute().as_uri()}?mode=rw"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=WAIT_SECONDS)
        connection.execute("PRAGMA synchronous = FULL" if is_writer else "PRAGMA query_only = ON")
        return cls(path, connection)

    def close(self) -> None:
        self._connection.close()

    def meta(self) -> Meta:
        """Raise `Unverified` for a file in another format."""
        rows = self._connection.execute(
            "SELECT format, server, list_version, verified_at, statement FROM meta"
        ).fetchall()
        if len(rows) != 1 or rows[0][0] != FORMAT:
            raise Unverified("the copy is not of this program's form")
        _, server, list_version, verified_at, statement = rows[0]
        return Meta(server, list_version, datetime.fromisoformat(verified_at) if verified_at else None, statement)

    def find(self, name_key: str) -> list[Found]:
        """The listings of a name."""
        return [Found(*row) for row in self._connection.execute(BY_NAME, (name_key,))]

    def find_suspect(self, masks: Sequence[str]) -> list[Found]:
        """The listings whose names cannot be compared, by the shown parts of their numbers."""
        return [Found(*row) for mask in masks for row in self._connection.execute(BY_MASK, (mask,))]

    def lay_in(self, rows: Iterable[Row]) -> None:
        self._connection.execute("BEGIN")
        self._connection.executemany(INSERT, rows)
        self._connection.execute("COMMIT")

    def change(self, changes: Changes, statement: Statement, *, verified_at: datetime | None) -> None:
        """Move on to the statement's version; with `verified_at`, only if the rows then match it, otherwise raise `Differs`
        and change nothing.
        """
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            gone = [(listing_id,) for listing_id, row in changes.items() if row is None]
            self._connection.executemany("DELETE FROM listings WHERE listing_id = ?", gone)
            self._connection.executemany(INSERT, [row for row in changes.values() if row is not None])
            self._connection.execute(
                "UPDATE meta SET list_version = ?, sha256 = ?, statement = ?, verified_at = coalesce(?, verified_at)",
                (statement.version, statement.sha256, statement.note, verified_at and verified_at.isoformat()),
            )
            if verified_at is not None:
                self.require_equal(statement)
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise

    def require_equal(self, statement: Statement) -> None:
        """Raise `Differs` unless the rows are the set that the statement digests."""
        digest, count = hashlib.sha256(), 0
        for lines in self._lines():
            digest.update(b"".join(lines))
            count += len(lines)
        if (count, digest.hexdigest()) != (statement.count, statement.sha256):
            raise Differs("the copy is not the list that the service signed")

    def index(self) -> None:
        """After everything was loaded."""
        self._connection.executescript(INDEXES)

    def finish(self) -> None:
        """Make a newly loaded copy durable."""
        self._connection.close()
        with self.path.open("rb") as file:
            os.fsync(file.fileno())

    def _lines(self) -> Iterator[list[bytes]]:
        found = self._connection.execute("SELECT listing_id, list_version FROM listings ORDER BY listing_id")
        with closing(found):
            while rows := found.fetchmany(5000):
                yield [_line(listing_id.hex(), list_version) for listing_id, list_version in rows]


INSERT = "INSERT OR REPLACE INTO listings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
BY_NAME = "SELECT kind, mask, expires_on FROM listings WHERE name_key = ?"
BY_MASK = "SELECT kind, mask, expires_on FROM listings WHERE name_key = '' AND mask = ?"


def _line(hexed: str, list_version: int) -> bytes:
    return f"{hexed[:8]}-{hexed[8:12]}-{hexed[12:16]}-{hexed[16:20]}-{hexed[20:]} {list_version}\n".encode()


def open_verified(path: Path, keys: Sequence[VerifierKey], *, is_writer: bool = False) -> tuple[Copy, Statement]:
    """A copy that matches its statement, and is not older than the newest one seen here; takes a second for each million
    listings.

    Raise `Unverified` for any other, `FileNotFoundError` if there is none.
    """
    try:
        copy = Copy.open(path, is_writer=is_writer)
    except sqlite3.Error:
        raise Unverified("the copy is damaged") from None
    try:
        statement = _statement_of(copy.meta(), keys)
        copy.require_equal(statement)
        require_newest(path, statement)
    except (sqlite3.Error, ValueError, TypeError):
        copy.close()
        raise Unverified("the copy is damaged") from None
    except BaseException:
        copy.close()
        raise
    return copy, statement


def _statement_of(meta: Meta, keys: Sequence[VerifierKey]) -> Statement:
    if meta.statement is None:
        raise Unverified("the copy was never finished")
    statement = read_statement(meta.statement, keys)
    if (statement.version, statement.origin) != (meta.list_version, meta.server):
        raise Unverified("the copy and its statement do not belong together")
    return statement


def note_newest(path: Path, statement: Statement) -> None:
    """Store beside the copy how new it was, so that replacing it by an older one is detected."""
    place = _newest_of(path)
    held = json.dumps({"at": statement.at.isoformat(), "list_version": statement.version})
    temporary = place.with_name(place.name + ".new")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(held)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(place)


def require_newest(path: Path, statement: Statement) -> None:
    """Raise `Unverified` if a copy, or what a service shows, is older than what was seen here."""
    try:
        held = json.loads(_newest_of(path).read_text("utf-8"))
        newest = (datetime.fromisoformat(held["at"]), int(held["list_version"]))
    except (OSError, ValueError, TypeError, KeyError):
        return
    if statement.at < newest[0] or statement.version < newest[1]:
        raise Unverified("this is an older list than one that was here")


def take_place(new: Path, path: Path) -> None:
    """Replace the existing copy by a finished one; readers notice the change and open the new file."""
    # A journal left by a kill belongs to the old file, and would be applied to the new one.
    path.with_name(path.name + "-journal").unlink(missing_ok=True)
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def discard(path: Path) -> None:
    for name in (path.name, path.name + "-journal"):
        path.with_name(name).unlink(missing_ok=True)


@contextmanager
def only_writer(path: Path) -> Iterator[bool]:
    """Whether this process is the only writer of the copy; the lock is released at the end of the block or of the process."""
    descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _newest_of(path: Path) -> Path:
    return path.with_name(path.name + ".newest")
