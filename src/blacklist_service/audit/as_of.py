"""What would have been answered at a past instant: with the list, the measures and the notices as they were known then.

The decision uses the code of the hot path; only the snapshot is assembled from versions instead of the current state.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from blacklist_service.access.principals import Actor
from blacklist_service.checks.answers import ListAges, answer_question
from blacklist_service.checks.asks import read_question
from blacklist_service.checks.queries import FETCHED_FOR_EACH_DIGEST, Snapshot
from blacklist_service.checks.rules import STRENGTH, Decision
from blacklist_service.checks.schemas import CheckRequest
from blacklist_service.clock import legal_date
from blacklist_service.database.connections import Connection
from blacklist_service.database.legal_dates import legal_date_of
from blacklist_service.listings.reading import ENDINGS_LISTED, get_list_version_at
from blacklist_service.listings.rules import legal_dates
from blacklist_service.measures.queries import find_catalogue
from blacklist_service.measures.rules import Catalogue
from blacklist_service.subjects.digests import Digester

# For each index ($1): a digest, and the list version and instant known then. Selects the keys in force at that version, and
# each listing at its newest version known then (a listing in grace has no version, so it is found by the instant).
LISTED = f"""
WITH asked AS MATERIALIZED (
    SELECT * FROM unnest($1::integer[], $2::bytea[], $3::bigint[], $4::timestamptz[]) AS sent (place, digest, version, at)
), found AS MATERIALIZED (
    SELECT a.*, k.relation, k.person, k.listing_id
    FROM asked a JOIN subject_keys k ON k.digest = a.digest AND k.until_version IS NULL AND k.from_version <= a.version
    UNION ALL
    SELECT a.*, k.relation, k.person, k.listing_id
    FROM asked a JOIN subject_keys k ON k.digest = a.digest
    WHERE k.until_version IS NOT NULL AND k.from_version <= a.version AND k.until_version > a.version
)
SELECT found.*, l.court_name, content.document, dispute.state AS dispute_state, contest.contested_on,
       coalesce(i.legal_date, {legal_date_of("content.at")}) AS loaded_on
FROM found JOIN listings l ON l.id = found.listing_id
CROSS JOIN LATERAL (
    SELECT version, act FROM listing_versions v
    WHERE v.listing_id = l.id AND v.at <= found.at AND (v.list_version IS NULL OR v.list_version <= found.version)
    ORDER BY v.version DESC LIMIT 1
) AS newest
CROSS JOIN LATERAL (
    SELECT document, at, import_id FROM listing_versions c
    WHERE c.listing_id = l.id AND c.version <= newest.version AND c.document IS NOT NULL
    ORDER BY c.version DESC LIMIT 1
) AS content
LEFT JOIN LATERAL (
    SELECT dispute_state AS state FROM listing_versions d
    WHERE d.listing_id = l.id AND d.version <= newest.version
      AND d.act IN ('disputed', 'extended', 'contested', 'contest_withdrawn')
    ORDER BY d.version DESC LIMIT 1
) AS dispute ON true
LEFT JOIN LATERAL (
    SELECT CASE WHEN act = 'contested' THEN decided_on END AS contested_on FROM listing_versions c
    WHERE c.listing_id = l.id AND c.version <= newest.version AND c.act IN ('contested', 'contest_withdrawn')
    ORDER BY c.version DESC LIMIT 1
) AS contest ON true
LEFT JOIN imports i ON i.id = content.import_id
LEFT JOIN LATERAL (
    SELECT act FROM listing_versions s
    WHERE s.listing_id = l.id AND s.version <= newest.version AND s.act IN ('suspended', 'resumed')
    ORDER BY s.version DESC LIMIT 1
) AS pause ON true
WHERE newest.act NOT IN ({ENDINGS_LISTED}) AND pause.act IS DISTINCT FROM 'suspended'
"""

# For each index ($1): a digest, the notices version and the legal date. Selects stop notices that were served by that
# version, and were neither released nor expired then.
NOTICED = """
WITH asked AS MATERIALIZED (
    SELECT * FROM unnest($1::integer[], $2::bytea[], $3::bigint[], $4::date[]) AS sent (place, digest, version, today)
)
SELECT asked.place, k.digest, k.kind, n.id, n.number, n.court_name, n.action, n.object_key, n.subject_name,
       extract(epoch FROM n.served_at)::bigint AS served_at, validity.valid_until,
       ARRAY(SELECT member FROM member_lineage
             WHERE ancestor = n.agency AND (since IS NULL OR since <= asked.today)) AS addressees
FROM asked JOIN notice_keys k ON k.digest = asked.digest JOIN notices n ON n.id = k.notice_id
CROSS JOIN LATERAL (
    SELECT valid_until FROM notice_events e
    WHERE e.notice_id = n.id AND e.version <= asked.version AND e.act IN ('served', 'renewed')
    ORDER BY e.version DESC LIMIT 1
) AS validity
WHERE validity.valid_until >= asked.today
  AND NOT EXISTS (
      SELECT FROM notice_events e WHERE e.notice_id = n.id AND e.version <= asked.version AND e.act = 'released')
"""


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions known at an instant."""

    list: int
    measures: int
    notices: int


async def versions_at(connection: Connection, at: datetime) -> Versions:
    measures = await connection.fetchval("SELECT max(version) FROM measures_versions WHERE applied_at <= $1", at)
    notices = await connection.fetchval("SELECT max(version) FROM notice_events WHERE at <= $1", at)
    return Versions(await get_list_version_at(connection, at), measures or 0, notices or 0)


async def answer_as_of(
    connection: Connection,
    requests: Sequence[CheckRequest],
    at: datetime,
    *,
    agency: str | None,
    digester: Digester,
    versions: Versions | None = None,
) -> dict[str, Any]:
    """The strongest of the answers that `requests` (one question in several roles) would have had. Raises what a check
    raises, except for a role that no measure covered: before 2026-12 that was answered.

    `agency` is the unit that would have asked, because notices bind their addressee only. How fresh the feed was then is no
    longer known.
    """
    known = versions or await versions_at(connection, at)
    catalogue = await find_catalogue(connection, known.measures) or Catalogue.model_validate({"matters": []})
    answers = []
    for request in requests:
        question = read_question(
            request, b"", actor=Actor(agency), digester=digester, today=legal_date(at), also_former=True
        )
        digests = [key.digest for subject in question.subjects for key in subject.keys]
        snapshot = await snapshot_as_of(connection, digests, at, known)
        answer, _ = answer_question(question, snapshot, catalogue, UUID(int=0), ListAges(), must_cover=False)
        answers.append(orjson.loads(answer.content))
    strongest: dict[str, Any] = max(answers, key=lambda one: STRENGTH[Decision(one["decision"])])
    strongest["at"] = strongest["checked_at"]
    return {name: value for name, value in strongest.items() if name not in {"check_id", "reference", "checked_at"}}


@dataclass(frozen=True, slots=True)
class Moment:
    """One check: what was asked, when, and the versions known then."""

    digests: Sequence[bytes]
    at: datetime
    known: Versions


async def snapshot_as_of(connection: Connection, digests: Sequence[bytes], at: datetime, known: Versions) -> Snapshot:
    """What the look-up of one check would have read."""
    [snapshot] = await snapshots_as_of(connection, [Moment(digests, at, known)])
    return snapshot


async def snapshots_as_of(connection: Connection, moments: Sequence[Moment]) -> list[Snapshot]:
    """What the look-up of each check would have read; two statements for all of them."""
    asked = [(place, digest) for place, moment in enumerate(moments) for digest in dict.fromkeys(moment.digests)]
    places, digests = [place for place, _ in asked], [digest for _, digest in asked]
    whens = [moments[place] for place in places]
    listed = await connection.fetch(
        LISTED, places, digests, [when.known.list for when in whens], [when.at for when in whens]
    )
    noticed = await connection.fetch(
        NOTICED, places, digests, [when.known.notices for when in whens], [legal_date(when.at) for when in whens]
    )
    rows: list[list[asyncpg.Record]] = [[] for _ in moments]
    for row in listed:
        rows[row["place"]].append(row)
    notices: list[dict[bytes, list[Any]]] = [{} for _ in moments]
    for row in noticed:
        notices[row["place"]].setdefault(row["digest"], []).append(
            {**row, "id": str(row["id"]), "valid_until": row["valid_until"].isoformat()}
        )
    return [_snapshot(*one) for one in zip(moments, rows, notices, strict=True)]


def _snapshot(moment: Moment, listed: Sequence[asyncpg.Record], notices: Mapping[bytes, Sequence[Any]]) -> Snapshot:
    today = legal_date(moment.at)
    return Snapshot(
        at=moment.at.astimezone(UTC),
        legal_date=today,
        list_version=moment.known.list,
        measures_version=moment.known.measures,
        notices_version=moment.known.notices,
        list_alive_at=None,
        unsealed_since=None,
        disproof=None,
        valid_keys=frozenset(),
        rows=_in_force(listed, today),
        notices=notices,
    )


def _in_force(listed: Sequence[asyncpg.Record], today: date) -> Mapping[bytes, Sequence[Any]]:
    """The listings in force on that day, by digest, in the look-up's order and up to its limit."""
    rows: dict[bytes, list[dict[str, Any]]] = {}
    for record in listed:
        row = _row(record)
        if row["in_force_from"] <= today and (row["expires_on"] is None or row["expires_on"] >= today):
            rows.setdefault(record["digest"], []).append(row)
    shown = {}
    for digest, found in rows.items():
        found.sort(key=lambda row: row["published_on"], reverse=True)
        found.sort(key=lambda row: row["relation"])
        shown[digest] = [row | {"total": len(found)} for row in found[:FETCHED_FOR_EACH_DIGEST]]
    return shown


def _row(record: asyncpg.Record) -> dict[str, Any]:
    document = record["document"]
    debtor = document["debtor"]
    dates = legal_dates(_day(document["published_on"]), _day(document["grace_until"]), loaded_on=record["loaded_on"])
    return {
        "id": record["listing_id"],
        "relation": record["relation"],
        "person": record["person"],
        "people": debtor["people"],
        "case_number": document["case_number"],
        "court_name": record["court_name"],
        "debtor_name": debtor["name"],
        "identifier_masked": (debtor.get("identifier") or {}).get("number_masked"),
        "circumstances": document["circumstances"],
        "published_on": dates.published_on,
        "in_force_from": dates.in_force_from,
        "expires_on": _day(document["expires_on"]),
        "dispute_state": record["dispute_state"],
        "contested_on": record["contested_on"],
    }


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
