"""A copy of the public list, for advice while there is no answer. Never an answer, never evidence.

It holds public fields and masks: no notices, no measures, no whole numbers. So it can say that somebody is probably
listed, or was not seen; it cannot clear and cannot block. What it says has the list's version and an age, counted from the
newest statement that the service signed: `not_seen` is said for 15 minutes, `probably_listed` for a day; after that, and
whenever the copy does not prove itself, `unknown`.

    mirror = Mirror(Path("/var/lib/approvals/list.mirror"), vkey=vkey, service=Blacklist.from_environment())
    threading.Thread(target=mirror.keep, args=(stopping,), daemon=True).start()
    service = Blacklist.from_environment(adviser=mirror)
"""

import itertools
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

from blacklist_client.answers import Advice
from blacklist_client.client import Blacklist
from blacklist_client.copies import (
    Changes,
    Copy,
    Differs,
    Row,
    discard,
    note_newest,
    only_writer,
    open_verified,
    require_newest,
    row_of,
    take_place,
)
from blacklist_client.errors import BlacklistError, Gone, Unverified
from blacklist_client.models import ChangeResponse, Json, SubjectRequest
from blacklist_client.notes import parse_keys
from blacklist_client.statements import Statement, read_statement, require_current, require_not_ahead
from blacklist_client.subjects.completeness import Likeness, compare
from blacklist_client.subjects.identifiers import (
    Identifier,
    IdentifierQuality,
    IdentifierType,
    SubjectKind,
    mask_identifier,
    read_identifier,
)
from blacklist_client.subjects.names import comparison_key, is_suspect_name

PROBABLY_LISTED, NOT_SEEN, UNKNOWN = "probably_listed", "not_seen", "unknown"
NOT_SEEN_LIVES = timedelta(minutes=15)
LISTED_LIVES = timedelta(hours=24)
VERIFY_EVERY = timedelta(hours=1)
REFRESH_SECONDS = 60.0
CATCH_UP_SECONDS = 180.0
"""How long a newly loaded list waits for a statement of its version: the service renews the statement every minute."""
LOOK_SECONDS = 2.0
PAGE = 200
LAID_IN_AT_ONCE = 5000
LAW = timezone(timedelta(hours=8))

log = logging.getLogger("blacklist_client.mirror")


def _now() -> datetime:
    return datetime.now(UTC)


class Mirror:
    """The copy at `path`. With `service` this process can keep it up to date; without, it is read while another process does.

    `vkey`: the log's public keys, as the auditors gave them. Safe for use by many threads.
    """

    def __init__(
        self,
        path: Path,
        *,
        vkey: str,
        service: Blacklist | None = None,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._path = path
        self._keys = parse_keys(vkey)
        self._service = service
        self._now = now
        self._reading = threading.Lock()
        self._copy: Copy | None = None
        self._statement: Statement | None = None
        self._looked_at: tuple[int, int] | None = None
        self._kept: Copy | None = None
        self._kept_at: tuple[int, int] | None = None

    def close(self) -> None:
        """Close the copy; the next question opens it again. The service's connections are the caller's."""
        with self._reading:
            self._leave()
        self._leave_kept()

    # Advice

    def advise(self, subjects: Sequence[SubjectRequest]) -> list[Advice]:
        """What the copy suggests for each subject. Raises nothing: without a usable copy it is `unknown`."""
        with self._reading:
            try:
                statement = self._current()
                if statement is not None:
                    return [self._advise(subject, statement) for subject in subjects]
            except (sqlite3.Error, OSError, Unverified) as error:
                log.warning("no advice: %s", error)
                self._leave()
        return [Advice(UNKNOWN)] * len(subjects)

    def require_good(self) -> Statement:
        """The statement that the copy was verified with; raise `Unverified` or `FileNotFoundError` if it may not be used."""
        copy, statement = open_verified(self._path, self._keys)
        copy.close()
        return statement

    def _advise(self, subject: SubjectRequest, statement: Statement) -> Advice:
        age = self._now() - statement.at
        if age > LISTED_LIVES:
            seen = UNKNOWN
        elif self._is_seen(subject):
            seen = PROBABLY_LISTED
        else:
            may_say = age <= NOT_SEEN_LIVES and not is_suspect_name(SubjectKind(subject.kind.value), subject.name)
            seen = NOT_SEEN if may_say else UNKNOWN
        return Advice(seen, statement.version, max(0.0, age.total_seconds()))

    def _is_seen(self, subject: SubjectRequest) -> bool:
        assert self._copy is not None  # noqa: S101 - there is a statement, so there is a copy
        kind, today = SubjectKind(subject.kind.value), self._now().astimezone(LAW).date()
        number = _number_of(subject, kind, today)
        found = self._copy.find(comparison_key(kind, subject.name))
        if number is not None:
            found += self._copy.find_suspect(_masks_of(number.number))
        return any(
            one.kind == kind and _is_in_term(one.expires_on, today) and _may_be(kind, number, one.mask) for one in found
        )

    def _current(self) -> Statement | None:
        """The statement of the current copy; None if there is none that may be used."""
        place = self._place()
        if place != self._looked_at or self._copy is None:
            self._leave()
            self._looked_at = place
            if place is None:
                return None
            self._copy, self._statement = open_verified(self._path, self._keys)
        meta = self._copy.meta()
        assert self._statement is not None  # noqa: S101 - set with the copy
        if meta.statement != self._statement.note:
            self._statement = read_statement(meta.statement or "", self._keys)
            require_newest(self._path, self._statement)
        if meta.list_version != self._statement.version:
            raise Unverified("the copy and its statement do not belong together")
        require_not_ahead(self._statement, now=self._now())
        return self._statement

    def _place(self) -> tuple[int, int] | None:
        """Identifies the file: it is replaced as a whole."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _leave(self) -> None:
        if self._copy is not None:
            self._copy.close()
        self._copy = self._statement = None

    # Keeping

    def keep(self, stopping: threading.Event, *, every_seconds: float = REFRESH_SECONDS) -> None:
        """Refresh the copy every minute until told to stop. Failures are logged; the copy becomes older, and says so."""
        while not stopping.is_set():
            try:
                self.refresh()
            except (BlacklistError, sqlite3.Error, OSError) as error:
                log.warning("the copy was not refreshed: %s", error)
            stopping.wait(every_seconds)

    def refresh(self) -> bool:
        """Bring the copy to the newest statement, or load the whole list if there is no verified copy.

        Return False if another process does it. Raise `NoAnswer` or `Refused` if the service does not help, `Unverified` if
        what it shows is too old, older than before, or not what it signed; the copy then stays unchanged.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with only_writer(self._path) as is_mine:
            if is_mine:
                self._refresh(self._stated())
            return is_mine

    def _refresh(self, statement: Statement) -> None:
        try:
            copy = self._kept_copy()
            if copy is not None:
                self._advance(copy, statement)
                return
        except Gone:
            log.info("the list is laid in anew: the service was restored")
        except Differs as error:
            log.warning("the list is laid in anew: %s", error)
        except sqlite3.OperationalError:  # somebody reads for too long, or the disk is full
            raise
        except sqlite3.DatabaseError:
            log.warning("the list is laid in anew: the copy is damaged")
        self._leave_kept()
        self._lay_in(statement.origin)

    def _kept_copy(self) -> Copy | None:
        """The existing copy, opened for writing and verified once; None if there is none."""
        place = self._place()
        if self._kept is None or place != self._kept_at:
            self._leave_kept()
            try:
                self._kept, _ = open_verified(self._path, self._keys, is_writer=True)
            except (FileNotFoundError, Unverified) as error:
                log.info("the list is laid in anew: %s", error)
                return None
            self._kept_at = place
        return self._kept

    def _advance(self, copy: Copy, statement: Statement) -> None:
        meta = copy.meta()
        held = read_statement(meta.statement or "", self._keys)
        if statement.at < held.at or statement.version < held.version:
            raise Unverified("this is an older list than the one that is here")
        is_due = meta.verified_at is None or self._now() - meta.verified_at >= VERIFY_EVERY
        changes = self._changes(held.version, statement)
        copy.change(changes, statement, verified_at=self._now() if is_due else None)
        note_newest(self._path, statement)

    def _lay_in(self, origin: str) -> None:
        """Load the whole list into another file; the existing copy stays in place until the new one is verified."""
        new = self._path.with_name(self._path.name + ".new")
        try:
            copy, version = self._filled(new, origin)
            try:
                copy.index()
                statement = self._stated_at_least(version)
                copy.change(self._changes(version, statement), statement, verified_at=self._now())
            finally:
                copy.finish()
            take_place(new, self._path)
            note_newest(self._path, statement)
        finally:
            discard(new)

    def _filled(self, new: Path, origin: str) -> tuple[Copy, int]:
        with closing(self._asked.feed()) as parts:
            version = next(parts).list_version
            copy = Copy.create(new, origin, version)
            try:
                rows = (row_of(one, one.get("list_version")) for part in parts for one in part.listings)
                while some := list(itertools.islice(rows, LAID_IN_AT_ONCE)):
                    copy.lay_in(some)
            except BaseException:
                copy.close()
                raise
        return copy, version

    def _changes(self, after: int, statement: Statement) -> Changes:
        """The changes up to the statement's version, each listing in its last state."""
        found: dict[bytes, Row | None] = {}
        while after < statement.version:
            page = self._asked.changes(after, limit=PAGE)
            for item in page.items:
                if item.version > statement.version:
                    return found
                listing_id = item.listing_id.bytes
                found[listing_id] = None if item.listing is None else row_of(_named(item), item.version)
            after = page.next
            if not page.more:
                if page.list_version < statement.version:
                    raise Unverified("the changes end before what the service signed")
                break
        return found

    def _stated(self) -> Statement:
        """The newest statement, which must be current and no older than any seen here."""
        statement = read_statement(self._asked.list_statement(), self._keys)
        require_current(statement, now=self._now())
        require_newest(self._path, statement)
        return statement

    def _stated_at_least(self, version: int) -> Statement:
        until = time.monotonic() + CATCH_UP_SECONDS
        while (statement := self._stated()).version < version:
            if time.monotonic() > until:
                raise Unverified("the service does not sign the list that it shows")
            time.sleep(LOOK_SECONDS)
        return statement

    @property
    def _asked(self) -> Blacklist:
        if self._service is None:
            raise ValueError("a mirror that is kept is given a service to ask")
        return self._service

    def _leave_kept(self) -> None:
        if self._kept is not None:
            self._kept.close()
        self._kept = self._kept_at = None


def _named(change: ChangeResponse) -> Json:
    return (change.listing or {}) | {"listing_id": str(change.listing_id)}


def _number_of(subject: SubjectRequest, kind: SubjectKind, today: date) -> Identifier | None:
    """The subject's number if it identifies the subject; None if only the name can be used."""
    if subject.identifier is None:
        return None
    type_ = IdentifierType(subject.identifier.type.value)
    number = read_identifier(kind, type_, subject.identifier.number, today=today)
    is_proof = number is not None and number.quality is IdentifierQuality.VALID and not number.is_unusual
    return number if is_proof else None


def _may_be(kind: SubjectKind, number: Identifier | None, mask: str | None) -> bool:
    """Whether a listing with the same name may concern the holder of this number: companies do not share names, people do."""
    if number is None or mask is None or kind is SubjectKind.ORGANISATION:
        return True
    listed = Identifier(number.type, mask, IdentifierQuality.MASKED)
    return compare(kind, number, listed) is not Likeness.OTHER


def _masks_of(number: str) -> tuple[str, ...]:
    """The masks under which the list may show a number: the service's own, and those of courts that never had the whole
    number.
    """
    of_courts = (f"{number[:10]}****{number[14:]}", f"{number[:11]}****{number[14:]}", f"{number[:6]}************")
    return (mask_identifier(number), *(mask_identifier(mask) for mask in of_courts), *of_courts)


def _is_in_term(expires_on: str | None, today: date) -> bool:
    return expires_on is None or expires_on >= today.isoformat()
