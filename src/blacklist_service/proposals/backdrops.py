"""The current state of the objects of proposals, read at once for any number of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import orjson

from blacklist_service.database.connections import Connection
from blacklist_service.proposals.rules import ProposalAct
from blacklist_service.secrecy import Cipher

BACKDROPS = """
SELECT CASE t.act WHEN 'catalogue' THEN (SELECT version FROM heads WHERE name = 'measures')
                  WHEN 'import' THEN i.planned_at_version
                  WHEN 'renew_notice' THEN (SELECT max(version) FROM notice_events
                                            WHERE notice_id = t.target AND act IN ('served', 'renewed', 'released'))
                  ELSE l.version END AS base,
       coalesce(l.case_number, n.number, i.file_name) AS title, coalesce(l.debtor_name, n.subject_name) AS debtor,
       content.secret, content.content_digest
FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY AS t (act, target, place)
LEFT JOIN listings l ON l.id = t.target
LEFT JOIN notices n ON n.id = t.target
LEFT JOIN imports i ON i.id = t.target
LEFT JOIN LATERAL (SELECT secret, content_digest FROM listing_versions v
                   WHERE v.listing_id = t.target AND v.document IS NOT NULL ORDER BY v.version DESC LIMIT 1)
          AS content ON t.act = 'correct'
ORDER BY t.place
"""


class ProposalTarget(NamedTuple):
    """An act, and the listing, import or notice it concerns; None if that does not exist yet."""

    act: ProposalAct
    target: UUID | None


@dataclass(frozen=True, slots=True)
class Backdrop:
    """`base` is the current version, `number` the complete number of the listing to be corrected."""

    base: int | None
    title: str | None
    debtor: str | None
    number: str | None


async def look_behind(connection: Connection, targets: Sequence[ProposalTarget], cipher: Cipher) -> list[Backdrop]:
    """In order; `cipher` opens listings. A unit's acknowledgement or reply does not change the base of a notice: only the
    court's acts do.
    """
    acts, ids = [one.act.value for one in targets], [one.target for one in targets]
    return [
        Backdrop(
            row["base"],
            row["title"],
            row["debtor"],
            None
            if row["secret"] is None
            else orjson.loads(cipher.open(row["secret"], row["content_digest"]))["identifier"],
        )
        for row in await connection.fetch(BACKDROPS, acts, ids)
    ]
