"""Whether an act needs two people; what waits for a review."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import asyncpg

from blacklist_service.access.principals import Principal
from blacklist_service.database.connections import Connection
from blacklist_service.members.second_person.problems import SecondPersonNeeded
from blacklist_service.members.second_person.rules import (
    RULES,
    CourtAct,
    Look,
    ReviewFinding,
    SoloAct,
    persons_needed,
)
from blacklist_service.secrecy import Secrecy


@dataclass(frozen=True, slots=True)
class Review:
    """An act that took effect at once, and the finding of its review."""

    review_id: UUID
    act: CourtAct
    target: UUID
    version: int | None
    made_by: str
    operator: str | None
    made_at: datetime
    due_on: date
    reviewed_by: str | None
    reviewer: str | None
    reviewed_at: datetime | None
    finding: ReviewFinding | None
    note: str | None


async def list_options(connection: Connection, member: str) -> Mapping[CourtAct, int]:
    """How many people each act of the member's accounts needs."""
    return persons_needed(await list_set_options(connection, member))


async def list_set_options(connection: Connection, member: str) -> Mapping[CourtAct, int]:
    """Only the options that the member has set."""
    rows = await connection.fetch("SELECT act, persons FROM court_options WHERE member = $1", member)
    return {CourtAct(row["act"]): row["persons"] for row in rows}


async def needs_two(connection: Connection, caller: Principal, act: CourtAct | SoloAct) -> bool:
    """Whether the caller is a person whose court wants two people for this act. Never so for a system's key."""
    if not caller.is_account or not isinstance(act, CourtAct) or RULES[act].look is not Look.BEFORE:
        return False
    return (await list_options(connection, caller.member))[act] > 1


async def require_alone(connection: Connection, caller: Principal, act: CourtAct | SoloAct) -> None:
    """Raise `SecondPersonNeeded` if the caller may only propose this."""
    if await needs_two(connection, caller, act):
        raise SecondPersonNeeded


async def list_reviews(
    connection: Connection, member: str, *, is_open: bool, before: UUID, limit: int, secrecy: Secrecy
) -> list[Review]:
    """What waits for a review, or what was reviewed, newest first."""
    rows = await connection.fetch(
        "SELECT * FROM reviews WHERE member = $1 AND (reviewed_at IS NULL) = $2 AND id < $3 ORDER BY id DESC LIMIT $4",
        *(member, is_open, before, limit),
    )
    return [read_review(row, secrecy) for row in rows]


async def count_open_reviews(connection: Connection, member: str, *, not_by: str) -> int:
    """How many acts wait for a review that this key or account is not excluded from making."""
    count: int = await connection.fetchval(
        "SELECT count(*) FROM reviews WHERE member = $1 AND reviewed_at IS NULL AND made_by <> $2", member, not_by
    )
    return count


def read_review(row: asyncpg.Record, secrecy: Secrecy) -> Review:
    kept = dict(row)
    sealed, review_id = kept["note"], kept.pop("id")
    assert isinstance(review_id, UUID)  # noqa: S101 - a primary key
    note = secrecy.cipher("reviews").open(sealed, review_id.bytes).decode() if isinstance(sealed, bytes) else None
    values = {name: kept[name] for name in Review.__slots__ if name in kept}
    found = kept["finding"]
    return Review(
        **values
        | {
            "review_id": review_id,
            "act": CourtAct(str(kept["act"])),
            "finding": None if found is None else ReviewFinding(str(found)),
            "note": note,
        }
    )
