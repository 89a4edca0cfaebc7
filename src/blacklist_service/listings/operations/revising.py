"""One version of one listing that leaves its keys as they are: an extension, a dispute, a contest."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Act
from blacklist_service.listings.operations.applying import By, ListHead, move_head, who_of


@dataclass(frozen=True, slots=True)
class Revision:
    """What an extension or a dispute changes of a listing; an extension carries the whole content with its new end."""

    listing_id: UUID
    version: int
    act: Act
    dispute_state: str | None
    expires_on: date | None
    decided_on: date | None = None
    filed_on: date | None = None
    natural_key: bytes | None = None
    content_digest: bytes | None = None
    document: dict[str, Any] | None = None
    secret: bytes | None = None


async def apply_revision(
    connection: Connection, revision: Revision, *, is_change: bool, head: ListHead, by: By
) -> int | None:
    """Write one version that leaves the keys unchanged; return the list version it took."""
    head.version += is_change
    list_version = head.version if is_change else None
    await connection.execute(
        """
        UPDATE listings SET version = $2, list_version = coalesce($3, list_version), expires_on = $4, dispute_state = $5,
            performed_elsewhere_on = CASE WHEN $6 = 'extended' THEN NULL ELSE performed_elsewhere_on END
        WHERE id = $1
        """,
        *(revision.listing_id, revision.version, list_version, revision.expires_on, revision.dispute_state),
        revision.act.value,
    )
    await connection.execute(
        """
        INSERT INTO listing_versions (listing_id, version, list_version, at, act, member, key_id, operator, reason,
            decided_on, filed_on, dispute_state, natural_key, content_digest, document, secret)
        VALUES ($1, $2, $3, $5, $4, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
        """,
        *(revision.listing_id, revision.version, list_version, revision.act.value),
        *who_of(head, by),
        *(revision.decided_on, revision.filed_on, revision.dispute_state, revision.natural_key),
        revision.content_digest,
        *(revision.document, revision.secret),
    )
    if is_change:
        await move_head(connection, head)
    return list_version
