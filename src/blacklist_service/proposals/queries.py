"""Reads of proposals. Sealed content is opened here."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from blacklist_service.access.principals import Principal
from blacklist_service.database.connections import Connection
from blacklist_service.proposals.backdrops import ProposalTarget
from blacklist_service.proposals.rules import NEEDED, ProposalAct, ProposalState, state_at
from blacklist_service.proposals.schemas import ProposalRequest
from blacklist_service.secrecy import Secrecy


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal as stored, opened. `given` is the fixed content, `sha256` is that of its sealed bytes.

    `number` is what an approver must type, as kind, type and number; None if the debtor has none.
    """

    proposal_id: UUID
    member: str
    act: ProposalAct
    given: Mapping[str, Any]
    number: tuple[str, str, str] | None
    warnings: list[str]
    others: list[UUID]
    target: UUID | None
    base_version: int | None
    sha256: bytes
    replaces: UUID | None
    made_by: str
    operator: str | None
    made_at: datetime
    ends_at: datetime
    state: ProposalState
    decided_by: str | None
    decider: str | None
    decided_at: datetime | None
    outcome: dict[str, Any] | None

    @property
    def about(self) -> ProposalTarget:
        return ProposalTarget(self.act, self.target)

    def read(self) -> ProposalRequest:
        """The fixed content as the operations take it, validated by today's rules: for showing or carrying out one proposal.
        A page of many shows the content as it is.
        """
        return ProposalRequest.model_validate_json(orjson.dumps(self.given), strict=True)


def visible_acts(caller: Principal) -> list[ProposalAct]:
    """The acts whose proposals the caller may see."""
    return [act for act, needed in NEEDED.items() if caller.may(needed.to_see, needed.to_make)]


async def find_proposal(
    connection: Connection, proposal_id: UUID, *, secrecy: Secrecy, at: datetime, for_update: bool = False
) -> Proposal | None:
    lock = " FOR UPDATE" if for_update else ""
    row = await connection.fetchrow(f"SELECT * FROM proposals WHERE id = $1{lock}", proposal_id)
    return None if row is None else _opened(row, secrecy, at)


async def list_proposals(
    connection: Connection,
    member: str,
    acts: Collection[ProposalAct],
    *,
    state: ProposalState | None,
    by: str | None,
    not_by: str | None,
    before: UUID,
    limit: int,
    secrecy: Secrecy,
    at: datetime,
) -> list[Proposal]:
    """Newest first."""
    rows = await connection.fetch(
        """
        SELECT * FROM proposals
        WHERE (member = $1 OR act IN ('key', 'catalogue')) AND act = ANY($2::text[]) AND id < $3
          AND ($4::text IS NULL OR CASE WHEN state = 'waiting' AND ends_at <= $5 THEN 'expired' ELSE state END = $4)
          AND ($6::text IS NULL OR made_by = $6) AND ($7::text IS NULL OR made_by <> $7)
        ORDER BY id DESC LIMIT $8
        """,
        *(member, [act.value for act in acts], before, state and state.value, at, by, not_by, limit),
    )
    return [_opened(row, secrecy, at) for row in rows]


async def count_proposals(connection: Connection, caller: Principal, at: datetime) -> asyncpg.Record:
    """Others' proposals that the caller may decide, the caller's own that wait, and those that were returned."""
    decidable = [act.value for act, needed in NEEDED.items() if caller.may(needed.to_decide)]
    row = await connection.fetchrow(
        """
        SELECT count(*) FILTER (WHERE made_by <> $2 AND act = ANY($3::text[])) AS to_decide,
               count(*) FILTER (WHERE made_by = $2) AS waiting,
               (SELECT count(*) FROM proposals p WHERE p.member = $1 AND p.made_by = $2 AND p.state = 'returned'
                AND p.decided_at > $4::timestamptz - interval '30 days'
                AND NOT EXISTS (SELECT FROM proposals n WHERE n.replaces = p.id)) AS returned
        FROM proposals WHERE (member = $1 OR act IN ('key', 'catalogue')) AND state = 'waiting' AND ends_at > $4
        """,
        *(caller.member, caller.key_id, decidable, at),
    )
    assert row is not None  # noqa: S101 - an aggregate
    return row


def _opened(row: asyncpg.Record, secrecy: Secrecy, at: datetime) -> Proposal:
    cipher, proposal_id = secrecy.cipher("proposals"), row["id"]
    frozen = orjson.loads(cipher.open(row["content"], proposal_id.bytes))
    outcome = row["outcome"] and orjson.loads(cipher.open(row["outcome"], b"outcome" + proposal_id.bytes))
    return Proposal(
        proposal_id=proposal_id,
        member=row["member"],
        act=ProposalAct(row["act"]),
        given=frozen["asked"],
        number=_number_of(frozen),
        warnings=frozen["warnings"],
        others=[UUID(one) for one in frozen["others"]],
        target=row["target"],
        base_version=row["base_version"],
        sha256=row["content_sha256"],
        replaces=row["replaces"],
        made_by=row["made_by"],
        operator=row["operator"],
        made_at=row["made_at"],
        ends_at=row["ends_at"],
        state=state_at(row["state"], row["ends_at"], at),
        decided_by=row["decided_by"],
        decider=row["decider"],
        decided_at=row["decided_at"],
        outcome=outcome,
    )


def _number_of(frozen: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """The number as the act parsed it; as it was sent, if that was not stored yet."""
    if "number" in frozen:
        return None if frozen["number"] is None else (*frozen["number"],)
    asked = frozen["asked"]
    debtor = (asked.get("publication") or asked.get("correction", {}).get("listing") or {}).get("debtor", {})
    identifier = debtor.get("identifier")
    return None if identifier is None else (debtor["kind"], identifier["type"], identifier["number"])
