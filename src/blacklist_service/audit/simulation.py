"""What another catalogue would have answered to the units' checks of the last 90 days. It counts, and names nobody.

Each check of the sample is decided again on the list and the notices that it saw: by the edition that answered it, and by
today's articles of the candidate. If the former does not reproduce the recorded decision (the list was stale then, an object
was named, the month's secrets are erased), the check is left out and counted as not reproduced.
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from blacklist_service.access.principals import Actor
from blacklist_service.audit.as_of import Moment, Versions, snapshots_as_of
from blacklist_service.checks.answers import decide_subject
from blacklist_service.checks.asks import Question, read_question
from blacklist_service.checks.queries import Snapshot
from blacklist_service.checks.rules import decision_of_check
from blacklist_service.checks.schemas import CheckRequest
from blacklist_service.clock import begin_of, legal_date
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.operations import ledger_cipher, private_context
from blacklist_service.measures.queries import find_catalogue
from blacklist_service.measures.rules import Catalogue, Matter
from blacklist_service.problems import Problem
from blacklist_service.secrecy import Secrecy
from blacklist_service.subjects.digests import Digester

DAYS = 90
MOST_CHECKS = 1_000_000
CHUNK = 500
SHARES = 65_536
REFUSED = "refused"
"""The result of a question that no measure of the candidate covers: no answer, and never a clear."""

COUNTED_DAYS = "SELECT max(legal_date) FROM check_days_counted WHERE legal_date >= $1"

# The last two bytes of an id are random, so a share of their values selects a share of the checks, the same one each time.
SAMPLE = """
SELECT e.at, e.id, e.agency, e.matter, e.decision, e.list_version, e.measures_version, e.notices_version, s.private
FROM ledger_entries e LEFT JOIN ledger_secrets s ON s.at = e.at AND s.entry_id = e.id AND s.at >= $1
WHERE e.action = 'check' AND e.agency IS NOT NULL AND e.at >= $1 AND (e.at, e.id) > ($1, $2)
  AND get_byte(uuid_send(e.id), 14) * 256 + get_byte(uuid_send(e.id), 15) < $3
  AND e.at < $4
ORDER BY e.at, e.id LIMIT $5
"""


@dataclass(frozen=True, slots=True)
class Window:
    """The period and share of the sample: of `checks` in all, `share` of 65,536 are examined."""

    begins_at: datetime
    ends_at: datetime
    checks: int

    @property
    def share(self) -> int:
        return SHARES if self.checks <= MOST_CHECKS else max(1, SHARES * MOST_CHECKS // self.checks)


@dataclass(slots=True)
class Tally:
    """The findings so far."""

    window: Window
    sampled: int = 0
    compared: int = 0
    changes: Counter[tuple[str, str | None, str, str]] = field(default_factory=Counter)
    uncovered: Counter[tuple[str, str, str, str | None]] = field(default_factory=Counter)

    @property
    def progress(self) -> float:
        expected = self.window.checks * self.window.share / SHARES
        return min(1.0, self.sampled / expected) if expected else 1.0

    def as_wire(self) -> dict[str, Any]:
        """Most frequent first; units by their codes."""
        return {
            "from": self.window.begins_at.isoformat(),
            "to": self.window.ends_at.isoformat(),
            "checks": self.window.checks,
            "sampled": self.sampled,
            "not_reproduced": self.sampled - self.compared,
            "changed": sum(self.changes.values()),
            "changes": [
                {"matter": matter, "agency": agency, "from": before, "to": after, "checks": number}
                for (matter, agency, before, after), number in _ranked(self.changes)
            ],
            "no_longer_covered": [
                {"matter": matter, "role": role, "kind": kind, "agency": agency, "subjects": number}
                for (matter, role, kind, agency), number in _ranked(self.uncovered)
            ],
        }


def _ranked(counted: Counter[Any]) -> list[tuple[Any, int]]:
    return sorted(counted.items(), key=lambda one: (-one[1], str(one[0])))


async def open_window(connection: Connection, at: datetime) -> Window:
    """The last 90 legal days and today so far; finished days were counted already."""
    first = legal_date(at) - timedelta(days=DAYS)
    counted_until: date | None = await connection.fetchval(COUNTED_DAYS, first)
    counted = 0
    if counted_until is not None:
        counted = await connection.fetchval(
            "SELECT coalesce(sum(checks), 0)::bigint FROM check_days WHERE legal_date BETWEEN $1 AND $2",
            first,
            counted_until,
        )
    rest_from = begin_of(first if counted_until is None else counted_until + timedelta(days=1))
    rest = await connection.fetchval(
        "SELECT count(*) FROM ledger_entries WHERE action = 'check' AND agency IS NOT NULL AND at >= $1 AND at < $2",
        *(rest_from, at),
    )
    return Window(begin_of(first), at, counted + rest)


async def simulate(
    connection: Connection, candidate: Catalogue, window: Window, *, secrecy: Secrecy
) -> AsyncIterator[Tally]:
    """Examine the sample chunk by chunk; yield the findings so far after each."""
    tally = Tally(window)
    judge = _Judge(connection, _of_one_day(candidate, legal_date(window.ends_at)), secrecy)
    after, last = window.begins_at, UUID(int=0)
    while True:
        rows = await connection.fetch(SAMPLE, after, last, window.share, window.ends_at, CHUNK)
        if rows:
            await judge.look_at(rows, tally)
            after, last = rows[-1]["at"], rows[-1]["id"]
        yield tally
        if len(rows) < CHUNK:
            return


class _Judge:
    def __init__(self, connection: Connection, candidate: Catalogue, secrecy: Secrecy) -> None:
        self._connection = connection
        self._candidate = candidate
        self._secrecy = secrecy
        self._digester = Digester(secrecy.digest_key)
        self._editions: dict[int, Catalogue | None] = {}

    async def look_at(self, rows: Sequence[asyncpg.Record], tally: Tally) -> None:
        tally.sampled += len(rows)
        read = [(row, question) for row in rows if (question := self._question(row)) is not None]
        moments = [
            Moment(
                [key.digest for subject in question.subjects for key in subject.keys],
                row["at"],
                Versions(row["list_version"], row["measures_version"], row["notices_version"]),
            )
            for row, question in read
        ]
        snapshots = await snapshots_as_of(self._connection, moments)
        for (row, question), snapshot in zip(read, snapshots, strict=True):
            edition = await self._edition(row["measures_version"])
            matter = edition.by_code.get(row["matter"]) if edition else None
            if matter is not None and _decision(question, matter, snapshot) == row["decision"]:
                tally.compared += 1
                self._compare(row, question, matter, snapshot, tally)

    def _compare(
        self, row: asyncpg.Record, question: Question, matter: Matter, snapshot: Snapshot, tally: Tally
    ) -> None:
        code, agency, before = matter.code, row["agency"], row["decision"]
        meant = self._candidate.by_code.get(code)
        lost = [
            (code, asked.role, asked.subject.kind.value, agency)
            for asked in question.subjects
            if _covers(matter, asked, snapshot.legal_date) and not _covers(meant, asked, snapshot.legal_date)
        ]
        tally.uncovered.update(lost)
        after = REFUSED if lost or meant is None else _decision(question, meant, snapshot)
        if after != before:
            tally.changes[code, agency, before, after] += 1

    def _question(self, row: asyncpg.Record) -> Question | None:
        """The question, from the entry's sealed part; None if that is erased, or was never stored (children)."""
        if row["private"] is None:
            return None
        sealed = ledger_cipher(self._secrecy, row["at"].astimezone(UTC))
        private = orjson.loads(sealed.open(row["private"], private_context(row["id"])))
        subjects = [one for one in private.get("subjects", ()) if "kind" in one]
        if not subjects:
            return None
        asked = {"matter": row["matter"], "reference": "simulation", "subjects": subjects}
        try:
            request = CheckRequest.model_validate(asked, strict=False)
            return read_question(
                request, b"", actor=Actor(row["agency"]), digester=self._digester, today=legal_date(row["at"])
            )
        except (ValueError, Problem):
            return None

    async def _edition(self, version: int) -> Catalogue | None:
        if version not in self._editions:
            self._editions[version] = await find_catalogue(self._connection, version)
        return self._editions[version]


def _decision(question: Question, matter: Matter, snapshot: Snapshot) -> str:
    return decision_of_check([decide_subject(question, asked, matter, snapshot) for asked in question.subjects]).value


def _covers(matter: Matter | None, asked: Any, on: date) -> bool:
    """Whether a check would judge such a subject, by the same rule that refuses it otherwise."""
    pair = (asked.subject.kind, asked.role)
    return matter is not None and matter.is_decided_here and pair in matter.coverage(on).pairs


def _of_one_day(catalogue: Catalogue, on: date) -> Catalogue:
    """A catalogue with that day's articles for every day: a candidate would answer questions asked from now on."""
    always: Mapping[str, Any] = {"valid_from": date.min, "valid_to": None}
    matters = []
    for matter in catalogue.matters:
        measures = tuple(one.model_copy(update=always) for one in matter.measures if one.is_in_force(on))
        # A new instance and not a copy: a copy would keep what the original has cached about its own measures.
        matters.append(Matter.model_construct(**{**dict(matter), "measures": measures}))
    return Catalogue.model_construct(**{**dict(catalogue), "matters": tuple(matters)})
