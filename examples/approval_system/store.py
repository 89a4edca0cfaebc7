"""The office's own record: applications, what was answered about them, what was told. SQLite, durable at each commit."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

TABLES = """
CREATE TABLE IF NOT EXISTS applications (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, number TEXT NOT NULL, post TEXT NOT NULL,
    state TEXT NOT NULL, why TEXT NOT NULL DEFAULT '', reasons TEXT NOT NULL DEFAULT '[]',
    check_id TEXT, decision TEXT, ask_at TEXT, officer TEXT, filed_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS outcomes (
    id INTEGER PRIMARY KEY, check_id TEXT NOT NULL, action TEXT NOT NULL, reason TEXT, officer TEXT NOT NULL,
    is_told INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS receipts (check_id TEXT PRIMARY KEY, receipt TEXT);
CREATE TABLE IF NOT EXISTS events (
    sequence INTEGER PRIMARY KEY, type TEXT NOT NULL, reference TEXT NOT NULL, event TEXT NOT NULL);
"""


class State(StrEnum):
    FILED = "filed"
    """Nobody was asked yet, or there was no answer: held."""
    GOES_ON = "goes_on"
    WITH_OFFICER = "with_officer"
    TO_MEND = "to_mend"
    """The service refused the question: a number that cannot be right, say."""
    REFUSED = "refused"
    APPOINTED = "appointed"


@dataclass(frozen=True)
class Application:
    id: int
    name: str
    number: str
    post: str
    state: State
    why: str
    reasons: list[str]
    check_id: str | None
    decision: str | None

    @property
    def reference(self) -> str:
        """The office's own file number, by which the service knows why it was asked."""
        return f"ZP-{self.id:06}"


class Store:
    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._connection = sqlite3.connect(folder / "approval.sqlite", isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(TABLES)

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; within another one, a part of it."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def file(self, name: str, number: str, post: str) -> Application:
        """Before anybody is asked: whatever happens then, the application is there."""
        made = self._connection.execute(
            "INSERT INTO applications (name, number, post, state, ask_at, filed_at) VALUES (?, ?, ?, ?, ?, ?)",
            (name, number, post, State.FILED, _text(datetime.now(UTC)), _text(datetime.now(UTC))),
        )
        return self.get(made.lastrowid or 0)

    def get(self, number: int) -> Application:
        [found] = self._applications("WHERE id = ?", number)
        return found

    def applications(self) -> list[Application]:
        return self._applications("ORDER BY id DESC")

    def with_officers(self) -> list[Application]:
        """First those that nothing moves on but an officer."""
        waiting = (State.WITH_OFFICER, State.TO_MEND)
        return self._applications(
            "WHERE state IN (?, ?, ?) ORDER BY state = ?, id", *waiting, State.GOES_ON, State.GOES_ON
        )

    def to_ask(self, now: datetime) -> list[Application]:
        return self._applications("WHERE state = ? AND ask_at <= ? ORDER BY ask_at", State.FILED, _text(now))

    def by_reference(self, reference: str) -> Application | None:
        digits = reference.removeprefix("ZP-")
        found = self._applications("WHERE id = ?", int(digits)) if digits.isdigit() else []
        return found[0] if found else None

    def correct(self, application: Application, number: str) -> Application:
        self._connection.execute(
            "UPDATE applications SET number = ?, state = ?, why = '', ask_at = ? WHERE id = ? AND state = ?",
            (number, State.FILED, _text(datetime.now(UTC)), application.id, State.TO_MEND),
        )
        return self.get(application.id)

    def hold(self, application: Application, why: str, ask_at: datetime) -> None:
        self._connection.execute(
            "UPDATE applications SET why = ?, ask_at = ? WHERE id = ? AND state = ?",
            (why, _text(ask_at), application.id, State.FILED),
        )

    def settle(
        self,
        application: Application,
        state: State,
        *,
        why: str = "",
        reasons: Sequence[str] = (),
        check_id: str | None = None,
        decision: str | None = None,
        officer: str | None = None,
    ) -> None:
        """`check_id` and `decision` stay where none are given."""
        with self.transaction():
            self._connection.execute(
                "UPDATE applications SET state = ?, why = ?, reasons = ?, check_id = coalesce(?, check_id),"
                " decision = coalesce(?, decision), officer = coalesce(?, officer), ask_at = NULL WHERE id = ?",
                (state, why, json.dumps([*reasons], ensure_ascii=False), check_id, decision, officer, application.id),
            )
            if check_id is not None:
                self._connection.execute("INSERT OR IGNORE INTO receipts (check_id) VALUES (?)", (check_id,))

    # What was done, and is to be told

    def decide(self, application: Application, state: State, action: str, reason: str | None, officer: str) -> None:
        with self.transaction():
            self.settle(application, state, why=reason or "", reasons=application.reasons, officer=officer)
            if application.check_id is not None:
                self._connection.execute(
                    "INSERT INTO outcomes (check_id, action, reason, officer) VALUES (?, ?, ?, ?)",
                    (application.check_id, action, reason, officer),
                )

    def untold_outcomes(self) -> list[sqlite3.Row]:
        return self._connection.execute("SELECT * FROM outcomes WHERE NOT is_told ORDER BY id").fetchall()

    def outcome_told(self, number: int) -> None:
        self._connection.execute("UPDATE outcomes SET is_told = 1 WHERE id = ?", (number,))

    # Receipts

    def without_receipt(self) -> list[str]:
        rows = self._connection.execute("SELECT check_id FROM receipts WHERE receipt IS NULL LIMIT 20")
        return [row["check_id"] for row in rows]

    def keep_receipt(self, check_id: str, receipt: dict[str, Any]) -> None:
        self._connection.execute("UPDATE receipts SET receipt = ? WHERE check_id = ?", (json.dumps(receipt), check_id))

    def receipt(self, check_id: str) -> dict[str, Any] | None:
        row = self._connection.execute("SELECT receipt FROM receipts WHERE check_id = ?", (check_id,)).fetchone()
        return json.loads(row["receipt"]) if row and row["receipt"] else None

    # Events

    def last_event(self) -> int | None:
        found: int | None = self._connection.execute("SELECT max(sequence) FROM events").fetchone()[0]
        return found

    def keep_event(self, sequence: int, type_: str, reference: str, event: dict[str, Any]) -> bool:
        """Whether it is new: the same event may be told twice."""
        done = self._connection.execute(
            "INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?)", (sequence, type_, reference, json.dumps(event))
        )
        return done.rowcount == 1

    def forget_events(self) -> None:
        """The service was restored from a backup, and numbers its events anew."""
        self._connection.execute("DELETE FROM events")

    def _applications(self, where: str, *values: Any) -> list[Application]:
        rows = self._connection.execute(f"SELECT * FROM applications {where}", values)
        return [
            Application(
                row["id"],
                row["name"],
                row["number"],
                row["post"],
                State(row["state"]),
                row["why"],
                json.loads(row["reasons"]),
                row["check_id"],
                row["decision"],
            )
            for row in rows
        ]


def _text(at: datetime) -> str:
    """Of one length, so that texts sort as instants do."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
