"""Applies acts, many at once: the versions, the look-up keys and the list version, all in one transaction.

The caller holds the `list` head from its first statement (`lock_head`), so writers take turns, and versions are gapless and
in commit order. Checks never wait for it: they read a snapshot.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from blacklist_service.access.principals import Actor
from blacklist_service.clock import legal_date
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Act
from blacklist_service.listings.operations.staging import NO_PERSON
from blacklist_service.listings.operations.waves import Versioned, columns_of, waves_of
from blacklist_service.listings.resolution import ListingAct
from blacklist_service.listings.rules import PERFORMED

LISTING_COLUMNS = (
    "natural_key",
    "loose_key",
    "court_name",
    "case_number",
    "party_sequence",
    "kind",
    "debtor_name",
    "identifier_masked",
    "people",
    "circumstances",
    "decided_on",
    "decision_number",
    "published_on",
    "grace_until",
    "in_force_from",
    "expires_on",
    "performance",
)
"""Columns of a listing taken from its staged content. Its court never changes, and its record id stays if the content has
none.
"""
SETTLING = frozenset({Act.CORRECTED, Act.DELETED, Act.WITHDRAWN})
"""Acts that settle an upheld objection; a suspension does not."""


@dataclass(slots=True)
class ListHead:
    """The newest list version, locked; `at` is the database's clock after the lock."""

    version: int
    at: datetime

    @property
    def today(self) -> date:
        return legal_date(self.at)


@dataclass(frozen=True, slots=True)
class By:
    """Who acts, why, and in which import the contents are staged."""

    actor: Actor
    import_id: UUID | None = None
    reason: str | None = None


async def lock_head(connection: Connection) -> ListHead:
    version = await connection.fetchval("SELECT version FROM heads WHERE name = 'list' FOR UPDATE")
    return ListHead(version, await connection.fetchval("SELECT clock_timestamp()"))


async def apply_acts(connection: Connection, acts: Sequence[ListingAct], *, head: ListHead, by: By) -> list[Versioned]:
    """Apply `acts` in order; their contents are those staged under `by.import_id`. The head moves on."""
    versioned = _take_versions(acts, head)
    for wave in waves_of(versioned):
        await _create(connection, wave.creating, head, by)
        await _correct(connection, wave.correcting, head, by)
        await _pause(connection, wave.pausing, head, by)
        await _end(connection, wave.ending, head, by)
    if versioned:
        await _close_upheld_objections(connection, versioned)
        await move_head(connection, head)
    return versioned


async def apply_dated_acts(
    connection: Connection, acts: Sequence[ListingAct], *, head: ListHead, by: By
) -> list[Versioned]:
    """Apply acts without content: endings, reversals of endings, publications of listings whose grace has ended."""
    versioned = _take_versions(acts, head)
    of_act: defaultdict[Act, list[Versioned]] = defaultdict(list)
    for one in versioned:
        of_act[one.act.act].append(one)
    await _reinstate(connection, of_act.pop(Act.REINSTATED, []), head, by)
    await _publish(connection, of_act.pop(Act.PUBLISHED, []), head, by)
    await _end(connection, [one for ending in of_act.values() for one in ending], head, by)
    await _close_upheld_objections(connection, versioned)
    await move_head(connection, head)
    return versioned


async def move_head(connection: Connection, head: ListHead) -> None:
    await connection.execute(
        "UPDATE heads SET version = $1, changed_at = $2 WHERE name = 'list'", head.version, head.at
    )


async def _close_upheld_objections(connection: Connection, versioned: Sequence[Versioned]) -> None:
    """An upheld objection leads to a correction, deletion or withdrawal (Art. 12): store the reference between the two."""
    acts = [one.act for one in versioned if one.act.act in SETTLING]
    if not acts:
        return
    await connection.execute(
        """
        UPDATE objections o SET led_to = a.act, led_to_version = a.version
        FROM unnest($1::uuid[], $2::text[], $3::integer[]) AS a (listing_id, act, version)
        WHERE o.listing_id = a.listing_id AND o.state = 'upheld' AND o.led_to IS NULL
        """,
        *([one.listing_id for one in acts], [one.act.value for one in acts], [one.version for one in acts]),
    )


def _take_versions(acts: Iterable[ListingAct], head: ListHead) -> list[Versioned]:
    versioned = []
    for act in acts:
        head.version += act.is_change
        versioned.append(Versioned(act, head.version if act.is_change else None))
    return versioned


async def _create(connection: Connection, acts: Sequence[Versioned], head: ListHead, by: By) -> None:
    if not acts:
        return
    await connection.execute(
        f"""
        INSERT INTO listings (id, version, list_version, is_published, court_code, record_id, {", ".join(LISTING_COLUMNS)})
        SELECT a.listing_id, 1, a.list_version, a.list_version IS NOT NULL, r.court_code, r.record_id,
            {", ".join(f"r.{name}" for name in LISTING_COLUMNS)}
        FROM unnest($2::uuid[], $3::integer[], $4::bigint[]) AS a (listing_id, row, list_version)
        JOIN import_rows r ON r.import_id = $1 AND r.row = a.row
        """,
        by.import_id,
        *columns_of(acts, "listing_id", "row", "list_version"),
    )
    await _write_contents(connection, acts, head, by)


async def _correct(connection: Connection, acts: Sequence[Versioned], head: ListHead, by: By) -> None:
    if not acts:
        return
    await _close_keys(connection, acts, head)
    await connection.execute(
        f"""
        UPDATE listings l SET version = a.version, list_version = coalesce(a.list_version, l.list_version),
            {", ".join(f"{name} = r.{name}" for name in LISTING_COLUMNS)},
            record_id = coalesce(r.record_id, l.record_id), performed_elsewhere_on = NULL,
            is_published = a.list_version IS NOT NULL
        FROM unnest($2::uuid[], $3::integer[], $4::bigint[], $5::integer[]) AS a (listing_id, row, list_version, version)
        JOIN import_rows r ON r.import_id = $1 AND r.row = a.row
        WHERE l.id = a.listing_id
        """,
        by.import_id,
        *columns_of(acts, "listing_id", "row", "list_version", "version"),
    )
    await _write_contents(connection, acts, head, by)


async def _write_contents(connection: Connection, acts: Sequence[Versioned], head: ListHead, by: By) -> None:
    """Write the version rows with their documents, and the keys by which the listings are found from now on."""
    await connection.execute(
        """
        INSERT INTO listing_versions (listing_id, version, list_version, at, act, member, key_id, operator, reason,
            decided_on, import_id, natural_key, content_digest, document, secret)
        SELECT a.listing_id, a.version, a.list_version, $7, a.act, $8, $9, $10, $11, r.decided_on, $1, r.natural_key,
            r.content_digest, r.document, r.secret
        FROM unnest($2::uuid[], $3::integer[], $4::bigint[], $5::integer[], $6::text[])
            AS a (listing_id, row, list_version, version, act)
        JOIN import_rows r ON r.import_id = $1 AND r.row = a.row
        """,
        by.import_id,
        *columns_of(acts, "listing_id", "row", "list_version", "version", "act"),
        *who_of(head, by),
    )
    await connection.execute(
        """
        INSERT INTO subject_keys (digest, listing_id, from_version, kind, relation, person)
        SELECT k.digest, a.listing_id, coalesce(a.list_version, $5), k.kind, k.relation, nullif(k.person, $6)
        FROM unnest($2::uuid[], $3::integer[], $4::bigint[]) AS a (listing_id, row, list_version)
        JOIN import_rows r ON r.import_id = $1 AND r.row = a.row
        CROSS JOIN LATERAL unnest(r.key_digests, r.key_kinds, r.key_relations, r.key_people)
            AS k (digest, kind, relation, person)
        """,
        by.import_id,
        *columns_of(acts, "listing_id", "row", "list_version"),
        head.version,
        NO_PERSON,
    )


async def _end(connection: Connection, acts: Sequence[Versioned], head: ListHead, by: By) -> None:
    if not acts:
        return
    await _close_keys(connection, acts, head)
    await connection.execute(
        """
        UPDATE listings l SET version = a.version, list_version = coalesce(a.list_version, l.list_version),
            ended = a.act, ended_on = a.ended_on
        FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::date[], $5::bigint[])
            AS a (listing_id, version, act, ended_on, list_version)
        WHERE l.id = a.listing_id
        """,
        *columns_of(acts, "listing_id", "version", "act", "ended_on", "list_version"),
    )
    await _write_bare_versions(connection, acts, head, by)
    await _note_performance(connection, acts)


async def _note_performance(connection: Connection, acts: Sequence[Versioned]) -> None:
    """Mark other listings, in the case, of a debtor who has performed: for the court to examine (法发〔2019〕35号 item
    19).
    """
    performed = [one for one in acts if one.act.ground in PERFORMED]
    if performed:
        await connection.execute(
            """
            UPDATE listings o SET performed_elsewhere_on = l.ended_on
            FROM listings l WHERE l.id = ANY($1::uuid[]) AND o.natural_key = l.natural_key AND o.ended IS NULL
            """,
            *columns_of(performed, "listing_id"),
        )


async def _pause(connection: Connection, acts: Sequence[Versioned], head: ListHead, by: By) -> None:
    """Suspend or resume. The keys stay unchanged: checks skip a suspended listing."""
    if not acts:
        return
    await connection.execute(
        """
        UPDATE listings l SET version = a.version, list_version = coalesce(a.list_version, l.list_version),
            suspended_on = a.suspended_on, is_published = a.suspended_on IS NULL AND a.list_version IS NOT NULL
        FROM unnest($1::uuid[], $2::integer[], $3::date[], $4::bigint[])
            AS a (listing_id, version, suspended_on, list_version)
        WHERE l.id = a.listing_id
        """,
        *columns_of(acts, "listing_id", "version", "suspended_on", "list_version"),
    )
    await _write_bare_versions(connection, acts, head, by)


async def _reinstate(connection: Connection, acts: Sequence[Versioned], head: ListHead, by: By) -> None:
    """Undo an ending: the keys that it closed, and no older ones, find the listing again."""
    if not acts:
        return
    columns = columns_of(acts, "listing_id", "version", "list_version")
    await connection.execute(
        """
        UPDATE listings l SET version = a.version, list_version = coalesce(a.list_version, l.list_version),
            ended = NULL, ended_on = NULL
        FROM unnest($1::uuid[], $2::integer[], $3::bigint[]) AS a (listing_id, version, list_version)
        WHERE l.id = a.listing_id
        """,
        *columns,
    )
    await connection.execute(
        """
        INSERT INTO subject_keys (digest, listing_id, from_version, kind, relation, person)
        SELECT k.digest, k.listing_id, coalesce(a.list_version, $4), k.kind, k.relation, k.person
        FROM unnest($1::uuid[], $2::integer[], $3::bigint[]) AS a (listing_id, version, list_version)
        JOIN subject_keys k ON k.listing_id = a.listing_id
        WHERE k.until_version = (SELECT max(until_version) FROM subject_keys WHERE listing_id = a.listing_id)
        """,
        *columns,
        head.version,
    )
    await _write_bare_versions(connection, acts, head, by)


async def _publish(connection: Connection, acts: Sequence[Versioned], head: ListHead, by: By) -> None:
    if not acts:
        return
    await connection.execute(
        """
        UPDATE listings l SET version = a.version, list_version = a.list_version, is_published = true
        FROM unnest($1::uuid[], $2::integer[], $3::bigint[]) AS a (listing_id, version, list_version)
        WHERE l.id = a.listing_id
        """,
        *columns_of(acts, "listing_id", "version", "list_version"),
    )
    await _write_bare_versions(connection, acts, head, by)


async def _write_bare_versions(connection: Connection, acts: Sequence[Versioned], head: ListHead, by: By) -> None:
    """The version rows of acts that leave the content unchanged."""
    await connection.execute(
        """
        INSERT INTO listing_versions (listing_id, version, list_version, at, act, member, key_id, operator, reason,
            ground, decided_on, import_id)
        SELECT a.listing_id, a.version, a.list_version, $8, a.act, $9, $10, $11, $12, a.ground, a.decided_on, $7
        FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::date[], $6::bigint[])
            AS a (listing_id, version, act, ground, decided_on, list_version)
        """,
        *columns_of(acts, "listing_id", "version", "act", "ground", "decided_on", "list_version"),
        by.import_id,
        *who_of(head, by),
    )


async def _close_keys(connection: Connection, acts: Sequence[Versioned], head: ListHead) -> None:
    await connection.execute(
        """
        UPDATE subject_keys k SET until_version = coalesce(a.list_version, $3)
        FROM unnest($1::uuid[], $2::bigint[]) AS a (listing_id, list_version)
        WHERE k.listing_id = a.listing_id AND k.until_version IS NULL
        """,
        *columns_of(acts, "listing_id", "list_version"),
        head.version,
    )


def who_of(head: ListHead, by: By) -> tuple[object, ...]:
    """The columns of a version that say when it was written, by whom and why."""
    return (head.at, by.actor.member, by.actor.key_id, by.actor.operator, by.reason)


async def mark_feed_alive(connection: Connection, court_code: str, at: datetime) -> None:
    await connection.execute(
        "INSERT INTO court_feeds (court_code, alive_at) VALUES ($1, $2)"
        " ON CONFLICT (court_code) DO UPDATE SET alive_at = greatest(court_feeds.alive_at, excluded.alive_at)",
        court_code,
        at,
    )
