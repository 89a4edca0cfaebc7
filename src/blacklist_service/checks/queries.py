"""The look-up of a batch of checks: everything a decision needs, read by one statement and so in one snapshot.

Few subjects have a stop notice, and reading notices costs a seventh of the statement even if it finds none. So the first
statement only sees whether there are any; if there are, a second one reads everything anew.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

from blacklist_service.assistance.rules import covers_object
from blacklist_service.checks.rules import Hit, ListingShown, NoticeHit, NoticeShown
from blacklist_service.clock import wire_instant
from blacklist_service.database.connections import Connection
from blacklist_service.database.legal_dates import legal_date_of
from blacklist_service.ledger.log import DISPROOF, OLDEST_UNSEALED
from blacklist_service.ledger.operations import array_literal
from blacklist_service.subjects.keys import KeyKind, Subject, identity_of, proves_who
from blacklist_service.subjects.relations import STORED_RELATIONS
from blacklist_service.web.stored_answers import HELD, Place, StoredAnswer, read_held

FETCHED_FOR_EACH_DIGEST = 200

MOST_NOTICES = 500

_BY_NUMBER = frozenset({KeyKind.IDENTIFIER, KeyKind.ORGANISATION_CODE})

HAS_NOTICES = """
    (SELECT true FROM notice_keys WHERE digest = ANY ($1::bytea[]) AND is_live LIMIT 1) AS has_notices
"""

# A live stop notice for a digest, with every member it binds: its addressee and the addressee's successors.
STOP_NOTICES = f"""
    SELECT encode(k.digest, 'hex') AS digest, k.kind, n.id, n.number, n.court_name, n.action, n.valid_until, n.object_key,
           n.subject_name, extract(epoch FROM n.served_at)::bigint AS served_at,
           ARRAY(SELECT member FROM member_lineage WHERE ancestor = n.agency
                 AND (since IS NULL OR since <= (SELECT legal_date FROM today))) AS addressees
    FROM notice_keys k CROSS JOIN LATERAL (SELECT * FROM notices WHERE id = k.notice_id OFFSET 0) AS n
    WHERE k.digest = named.digest AND k.is_live AND n.valid_until >= (SELECT legal_date FROM today)
    LIMIT {MOST_NOTICES}
"""
NOTICES = f"""
    (SELECT jsonb_agg(served)
     FROM (SELECT DISTINCT digest FROM notice_keys WHERE digest = ANY ($1::bytea[]) AND is_live) AS named,
          LATERAL ({STOP_NOTICES}) AS served) AS notices
"""


# OFFSET 0 keeps the look-up of a listing by its id. If this is planned while the list is empty, when any index seems as good
# as another, the plan would scan another index for each key and slow down as the list grows. Nearly all digests find
# nothing, so they are probed first; that saves preparing what most of them will not show. It is LIMIT and not EXISTS because
# EXISTS would be planned as a join, which on an empty list scans a whole index. The legal date is in Asia/Shanghai (UTC+8,
# no daylight saving). count(*) OVER () is computed before LIMIT applies.
def _look_up(*also: str) -> str:
    return f"""
WITH instant AS MATERIALIZED (SELECT clock_timestamp() AS at),
today AS MATERIALIZED (SELECT {legal_date_of("at")} AS legal_date FROM instant),
state AS MATERIALIZED (
    SELECT (SELECT at FROM instant) AS at,
           (SELECT legal_date FROM today) AS legal_date,
           (SELECT version FROM heads WHERE name = 'list') AS list_version,
           (SELECT version FROM heads WHERE name = 'measures') AS measures_version,
           (SELECT version FROM heads WHERE name = 'notices') AS notices_version,
           (SELECT min(alive_at) FROM court_feeds) AS list_alive_at,
           ({OLDEST_UNSEALED}) AS unsealed_since,
           ({DISPROOF}) AS disproof,
           ARRAY(SELECT id FROM api_keys WHERE id = ANY($2::text[]) AND revoked_at IS NULL
                 AND expires_at > (SELECT at FROM instant)) AS valid_keys,
           {", ".join(also)}
)
SELECT state.*, asked.digest, found.*
FROM state
LEFT JOIN (
    SELECT digest FROM unnest($1::bytea[]) AS all_asked (digest)
    CROSS JOIN LATERAL (
        SELECT FROM subject_keys k WHERE k.digest = all_asked.digest AND k.until_version IS NULL LIMIT 1) AS known
) AS asked ON true
LEFT JOIN LATERAL (
    SELECT k.kind, k.relation, k.person, l.id, l.case_number, l.court_name, l.debtor_name, l.identifier_masked,
           l.circumstances, l.published_on, l.expires_on, l.dispute_state, l.contested_on, l.people, count(*) OVER () AS total
    FROM subject_keys k CROSS JOIN LATERAL (SELECT * FROM listings WHERE id = k.listing_id OFFSET 0) AS l
    WHERE k.digest = asked.digest AND k.until_version IS NULL AND l.ended IS NULL AND l.suspended_on IS NULL
      AND l.in_force_from <= state.legal_date AND (l.expires_on IS NULL OR l.expires_on >= state.legal_date)
    ORDER BY k.relation, l.published_on DESC
    LIMIT {FETCHED_FOR_EACH_DIGEST}
) AS found ON true
"""


_HELD = f"({HELD}) AS held"  # the answers stored under Idempotency-Keys
LOOK_UP = _look_up(HAS_NOTICES)
LOOK_UP_WITH_NOTICES = _look_up(NOTICES)
_LOOK_UPS = {
    (False, False): LOOK_UP,
    (False, True): _look_up(HAS_NOTICES, _HELD),
    (True, False): LOOK_UP_WITH_NOTICES,
    (True, True): _look_up(NOTICES, _HELD),
}
"""The statements, by whether they read notices, and whether they read stored answers."""


@dataclass(frozen=True)
class Snapshot:
    """What one statement saw. `rows` are the listings in force, by the digest that found them."""

    at: datetime
    legal_date: date
    list_version: int
    measures_version: int
    notices_version: int
    list_alive_at: datetime | None
    unsealed_since: datetime | None
    disproof: str | None
    valid_keys: frozenset[str]
    rows: Mapping[bytes, Sequence[Any]]
    notices: Mapping[bytes, Sequence[Any]]
    held: Mapping[Place, StoredAnswer] = field(default_factory=dict)

    @cached_property
    def wire_at(self) -> str:
        """`at` as it is written in every answer of the batch."""
        return wire_instant(self.at)


async def look_up(
    connection: Connection, digests: Sequence[bytes], key_ids: Sequence[str], places: Sequence[Place] = ()
) -> Snapshot:
    """Look up a batch. `places` are the Idempotency-Keys under which answers may be stored."""
    sent = [digests, key_ids, *_as_sent(places)]
    records = await connection.fetch(_LOOK_UPS[False, bool(places)], *sent)
    if records[0]["has_notices"]:
        records = await connection.fetch(_LOOK_UPS[True, bool(places)], *sent)
    rows: dict[bytes, list[Any]] = {}
    for record in records:
        if record["id"] is not None:
            rows.setdefault(record["digest"], []).append(record)
    state = records[0]
    return Snapshot(
        at=state["at"],
        legal_date=state["legal_date"],
        list_version=state["list_version"],
        measures_version=state["measures_version"],
        notices_version=state["notices_version"],
        list_alive_at=state["list_alive_at"],
        unsealed_since=state["unsealed_since"],
        disproof=state["disproof"],
        valid_keys=frozenset(state["valid_keys"]),
        rows=rows,
        notices=_by_digest(state.get("notices") or ()),
        held=read_held(state["held"]) if places else {},
    )


async def rehearse(connection: Connection) -> None:
    """Look up nothing, by each of the statements, so that all are planned on this connection."""
    for (_, has_places), statement in _LOOK_UPS.items():
        await connection.fetch(statement, [], [], *_as_sent([("", "")] if has_places else []))


def hits_of(snapshot: Snapshot, subject: Subject, digest: bytes, kind: KeyKind) -> list[Hit]:
    """The listings found by one of a subject's keys, each with the identity that the key proves."""
    hits = []
    # A caller that gives no number, or one that proves nothing, must not learn a number from a name.
    has_identifier = kind in _BY_NUMBER or proves_who(subject.identifier)
    for row in snapshot.rows.get(digest, ()):
        listed_name = row["debtor_name"]
        if row["person"] is not None:
            person = row["people"][row["person"]]
            if not _holds(person, snapshot.legal_date):
                continue
            listed_name = person["name"]
        hits.append(
            Hit(
                listing_id=row["id"],
                relation=STORED_RELATIONS[row["relation"]],
                identity=identity_of(kind, subject.kind, subject.name, listed_name),
                listing=_shown(row, has_identifier=has_identifier),
            )
        )
    return hits


def notices_of(
    snapshot: Snapshot, subject: Subject, digest: bytes, kind: KeyKind, *, asking: str | None, object_asked: str | None
) -> list[NoticeHit]:
    """The stop notices found by one of a subject's keys that bind the asking member for that object."""
    return [
        NoticeHit(
            notice=NoticeShown(
                notice_id=row["id"],
                number=row["number"],
                court=row["court_name"],
                action=row["action"],
                served_at=f"{datetime.fromtimestamp(row['served_at'], UTC):%Y-%m-%dT%H:%M:%SZ}",
                valid_until=date.fromisoformat(row["valid_until"]),
            ),
            identity=identity_of(kind, subject.kind, subject.name, row["subject_name"]),
        )
        for row in snapshot.notices.get(digest, ())
        if row["kind"] == kind and asking in row["addressees"] and covers_object(object_asked, row["object_key"])
    ]


def unfetched(snapshot: Snapshot, digest: bytes) -> int:
    """How many listings a digest found beyond those that were fetched."""
    rows = snapshot.rows.get(digest)
    return rows[0]["total"] - len(rows) if rows else 0


def _as_sent(places: Sequence[Place]) -> list[str]:
    return [array_literal(column) for column in zip(*places, strict=True)]


def _by_digest(rows: Iterable[Mapping[str, Any]]) -> dict[bytes, list[Any]]:
    found: dict[bytes, list[Any]] = {}
    for row in rows:
        found.setdefault(bytes.fromhex(row["digest"]), []).append(row)
    return found


def _holds(person: Mapping[str, Any], on: date) -> bool:
    """Whether a related person held the relation on that day: former representatives stay on record."""
    since, until = person.get("from"), person.get("to")
    return (since is None or since <= on.isoformat()) and (until is None or on.isoformat() <= until)


def _shown(row: Mapping[str, Any], *, has_identifier: bool) -> ListingShown:
    return ListingShown(
        case_number=row["case_number"],
        court=row["court_name"],
        debtor_name=row["debtor_name"],
        debtor_identifier_masked=row["identifier_masked"] if has_identifier else None,
        circumstances=tuple(row["circumstances"]),
        published_on=row["published_on"],
        expires_on=row["expires_on"],
        dispute_state=row["dispute_state"],
        identity_contested_on=row["contested_on"],
    )
