"""Proposing, approving, returning, recalling: lock → permission → rule → change → record, in the caller's transaction."""

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from blacklist_service.access.principals import Principal
from blacklist_service.clock import legal_date, new_id
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry, canonical
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.listings.operations.jobs import PlanMoved
from blacklist_service.members.second_person.problems import OwnWork
from blacklist_service.members.standing import lock_standing
from blacklist_service.problems import FieldError, InvalidIdentifier, InvalidRequest, NotYours, VersionMismatch
from blacklist_service.proposals import acts
from blacklist_service.proposals.acts import ProposalDesk
from blacklist_service.proposals.backdrops import Backdrop, ProposalTarget, look_behind
from blacklist_service.proposals.problems import (
    MakerGone,
    ProposalClosed,
    ProposalExists,
    ProposalNotFound,
    ProposalStale,
)
from blacklist_service.proposals.queries import Proposal, find_proposal, visible_acts
from blacklist_service.proposals.rules import (
    NEEDED,
    OF_OFFICERS,
    ON_LISTINGS,
    WAITS,
    ProposalAct,
    ProposalState,
    ReturnCode,
)
from blacklist_service.proposals.schemas import ProposalRequest
from blacklist_service.proposals.showing import Typed, number_to_type, read_number
from blacklist_service.subjects.identifiers import IdentifierQuality, read_identifier

SALT_BYTES = 16
NOT_FROZEN = {"operator", "replaces"}
UNKEPT = {"others", "key"}
"""Parts of the outcome that are not stored: already known, or shown only once."""


@dataclass(frozen=True, slots=True)
class Approval:
    """What an approver submits: which content was read, and the number typed from the document."""

    sha256: str
    identifier_number: str | None


async def make_proposal(connection: Connection, asked: ProposalRequest, *, desk: ProposalDesk) -> Proposal:
    """Fix an act until another person decides. It is tried now, so that an impossible act is refused at once."""
    desk.caller.require(NEEDED[asked.act].to_make)
    at = await database_clock(connection)
    await _take_place(connection, asked, desk, at)
    outcome = await acts.try_out(connection, asked, desk)
    about = ProposalTarget(asked.act, asked.target)
    [behind] = await look_behind(connection, [about], desk.secrecy.cipher("listing"))
    proposal_id = new_id(at)
    frozen = _freeze(asked, outcome, await read_number(connection, asked, desk))
    digest = hashlib.sha256(frozen).digest()
    try:
        async with connection.transaction():
            await connection.execute(
                """
                INSERT INTO proposals (id, member, act, target, base_version, content, content_sha256, replaces, made_by,
                                       operator, made_at, ends_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
                """,
                *(proposal_id, desk.caller.member, asked.act.value, asked.target, behind.base),
                desk.secrecy.cipher("proposals").seal(frozen, proposal_id.bytes),
                *(digest, asked.replaces, desk.caller.key_id, desk.actor.operator, at, at + WAITS),
            )
    except asyncpg.UniqueViolationError:
        raise ProposalExists from None
    await _record(connection, Action.PROPOSAL_MADE, about, _facts(proposal_id, about, digest), desk, at)
    return await _reread(connection, proposal_id, desk, at)


async def approve_proposal(
    connection: Connection, proposal_id: UUID, approval: Approval, *, desk: ProposalDesk
) -> tuple[Proposal, acts.ActOutcome | None]:
    """Carry it out in its maker's name. If the typed number differs, the proposal is returned instead, and its content is not
    shown.

    Raise `OwnWork` for its maker; `ProposalClosed`, also if its maker may no longer do the act (`MakerGone`); or
    `ProposalStale` if its base has changed.
    """
    at = await database_clock(connection)
    proposal = await _lock_waiting(connection, proposal_id, desk, at)
    maker = await _get_maker(connection, proposal, desk, at)
    if approval.sha256 != proposal.sha256.hex():
        raise InvalidRequest(errors=[FieldError("/sha256", "other-content", "not the content of this proposal")])
    behind = await _require_base(connection, proposal, desk)
    if not _is_number_right(proposal, behind, approval.identifier_number, at):
        return await _return(connection, proposal, ReturnCode.NUMBER_DIFFERS, None, desk, at), None
    try:
        outcome = await acts.carry_out(connection, proposal.read(), maker, desk)
    except (VersionMismatch, PlanMoved):
        raise ProposalStale from None
    kept = {name: value for name, value in asdict(outcome).items() if value is not None and name not in UNKEPT}
    await _close(connection, proposal, ProposalState.IN_FORCE, kept, desk, at)
    facts = _facts_of(proposal) | {"made_by": proposal.made_by}
    if outcome.notice_id is not None:
        facts["notice"] = str(outcome.notice_id)
    if outcome.key_id is not None:
        facts["key"] = outcome.key_id
    listing_ids = () if outcome.listing_id is None else (outcome.listing_id,)
    entry = Entry(
        Action.PROPOSAL_APPROVED, desk.actor, listing_ids=listing_ids, list_version=outcome.list_version, facts=facts
    )
    await record(connection, [entry], at=await database_clock(connection), secrecy=desk.secrecy)
    return await _reread(connection, proposal_id, desk, at), outcome


async def return_proposal(connection: Connection, proposal_id: UUID, *, reason: str, desk: ProposalDesk) -> Proposal:
    """Return it to its maker, with a reason."""
    at = await database_clock(connection)
    proposal = await _lock_waiting(connection, proposal_id, desk, at)
    return await _return(connection, proposal, ReturnCode.REASON, reason, desk, at)


async def recall_proposal(connection: Connection, proposal_id: UUID, *, desk: ProposalDesk) -> Proposal:
    """Recall one's own proposal before anybody has decided it."""
    at = await database_clock(connection)
    proposal = await get_proposal(connection, proposal_id, desk, at, for_update=True)
    if proposal.made_by != desk.caller.key_id:
        raise NotYours
    if proposal.state is not ProposalState.WAITING:
        raise ProposalClosed
    await _recall(connection, proposal, desk, at)
    return await _reread(connection, proposal_id, desk, at)


async def get_proposal(
    connection: Connection, proposal_id: UUID, desk: ProposalDesk, at: datetime, *, for_update: bool = False
) -> Proposal:
    """A proposal of the caller's own court; raise `NotYours` for another court's, `ProposalNotFound` if there is none."""
    proposal = await find_proposal(connection, proposal_id, secrecy=desk.secrecy, at=at, for_update=for_update)
    if proposal is None:
        raise ProposalNotFound
    is_ours = proposal.act in OF_OFFICERS or proposal.member == desk.caller.member
    if not is_ours or proposal.act not in visible_acts(desk.caller):
        raise NotYours
    return proposal


def is_stale(proposal: Proposal, behind: Backdrop) -> bool:
    """Whether its base has changed since it was made."""
    return behind.base != proposal.base_version


def may_decide(proposal: Proposal, caller: Principal) -> bool:
    is_open = proposal.state is ProposalState.WAITING and proposal.made_by != caller.key_id
    return is_open and caller.may(NEEDED[proposal.act].to_decide)


async def _lock_waiting(connection: Connection, proposal_id: UUID, desk: ProposalDesk, at: datetime) -> Proposal:
    """If several people approve at once, only one finds it waiting."""
    proposal = await get_proposal(connection, proposal_id, desk, at, for_update=True)
    desk.caller.require(NEEDED[proposal.act].to_decide)
    if proposal.made_by == desk.caller.key_id:
        raise OwnWork
    if proposal.state is not ProposalState.WAITING:
        raise ProposalClosed
    return proposal


async def _require_base(connection: Connection, proposal: Proposal, desk: ProposalDesk) -> Backdrop:
    """The act checks a listing's version once more under the list's own lock."""
    if proposal.act is ProposalAct.IMPORT:
        await connection.execute("SELECT FROM imports WHERE id = $1 FOR UPDATE", proposal.target)
    [behind] = await look_behind(connection, [proposal.about], desk.secrecy.cipher("listing"))
    if is_stale(proposal, behind):
        raise ProposalStale
    return behind


def _is_number_right(proposal: Proposal, behind: Backdrop, typed: str | None, at: datetime) -> bool:
    """Raise for input that cannot be meant: an empty number, or one that fails its own check."""
    expected = number_to_type(proposal, behind, today=legal_date(at))
    if expected is None:
        return True
    if typed is None:
        raise InvalidRequest(errors=[FieldError("/identifier_number", "missing", "type the number from the paper")])
    number = read_identifier(expected.kind, expected.identifier.type, typed, today=legal_date(at))
    if number is not None and hmac.compare_digest(number.number.encode(), expected.identifier.number.encode()):
        return True
    if number is None or number.quality is not IdentifierQuality.VALID:
        raise InvalidIdentifier(
            errors=[FieldError("/identifier_number", "invalid-identifier", "not a number of this type")]
        )
    return False


async def _return(
    connection: Connection, proposal: Proposal, code: ReturnCode, reason: str | None, desk: ProposalDesk, at: datetime
) -> Proposal:
    await _close(connection, proposal, ProposalState.RETURNED, {"code": code.value, "reason": reason}, desk, at)
    facts = _facts_of(proposal) | {"code": code.value, "made_by": proposal.made_by}
    private = {"reason": reason} if reason else {}
    await _record(connection, Action.PROPOSAL_RETURNED, proposal.about, facts, desk, at, private)
    return await _reread(connection, proposal.proposal_id, desk, at)


async def _close(
    connection: Connection,
    proposal: Proposal,
    state: ProposalState,
    outcome: Mapping[str, Any],
    desk: ProposalDesk,
    at: datetime,
) -> None:
    content, context = orjson.dumps(outcome, default=str), b"outcome" + proposal.proposal_id.bytes
    sealed = desk.secrecy.cipher("proposals").seal(content, context)
    await connection.execute(
        "UPDATE proposals SET state = $2, decided_by = $3, decider = $4, decided_at = $5, outcome = $6 WHERE id = $1",
        *(proposal.proposal_id, state.value, desk.caller.key_id, desk.actor.operator, at, sealed),
    )


async def _take_place(connection: Connection, asked: ProposalRequest, desk: ProposalDesk, at: datetime) -> None:
    """A proposal does not wait beside the one that replaces it: only one of the two can be approved.

    Raise `NotYours` if it is not the caller's own, `InvalidRequest` if it concerns something else, `ProposalClosed` if it is
    already in force.
    """
    if asked.replaces is None:
        return
    replaced = await get_proposal(connection, asked.replaces, desk, at, for_update=True)
    if replaced.made_by != desk.caller.key_id:
        raise NotYours
    if replaced.about != ProposalTarget(asked.act, asked.target):
        raise InvalidRequest(
            errors=[FieldError("/replaces", "another-act", "not of this act, or about something else")]
        )
    if replaced.state is ProposalState.IN_FORCE:
        raise ProposalClosed("what this would replace has taken effect")
    if replaced.state is ProposalState.WAITING:
        await _recall(connection, replaced, desk, at)


async def _recall(connection: Connection, proposal: Proposal, desk: ProposalDesk, at: datetime) -> None:
    """It must be locked by the caller, and waiting."""
    await connection.execute(
        "UPDATE proposals SET state = 'recalled', decided_at = $2 WHERE id = $1", proposal.proposal_id, at
    )
    await _record(connection, Action.PROPOSAL_RECALLED, proposal.about, _facts_of(proposal), desk, at)


def _freeze(asked: ProposalRequest, outcome: acts.ActOutcome, number: Typed | None) -> bytes:
    """Salted, because the ledger shows its SHA-256 in clear text, and a person's number could be guessed."""
    said = asked.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=NOT_FROZEN)
    return canonical(
        {
            "salt": os.urandom(SALT_BYTES).hex(),
            "asked": said,
            "number": number and [number.kind.value, number.identifier.type.value, number.identifier.number],
            "warnings": outcome.warnings,
            "others": [str(one) for one in outcome.others],
        }
    )


async def _get_maker(connection: Connection, proposal: Proposal, desk: ProposalDesk, at: datetime) -> ProposalDesk:
    """The act belongs to its maker; the request that carries it out belongs to the decider, who has a separate entry.

    Raise `MakerGone` if the maker could not do it now: nothing takes effect in the name of a revoked key or of a person who
    has left.
    """
    caller = await lock_standing(connection, proposal.made_by, at, secrecy=desk.secrecy)
    if caller is None or not caller.may(NEEDED[proposal.act].to_make):
        raise MakerGone
    actor = desk.actor._replace(member=proposal.member, key_id=proposal.made_by, operator=proposal.operator)
    return replace(desk, caller=caller, actor=actor)


def _facts_of(proposal: Proposal) -> dict[str, Any]:
    return _facts(proposal.proposal_id, proposal.about, proposal.sha256)


def _facts(proposal_id: UUID, about: ProposalTarget, sha256: bytes) -> dict[str, Any]:
    facts = {"proposal": str(proposal_id), "act": about.act.value, "sha256": sha256.hex()}
    if about.target is not None and about.act not in ON_LISTINGS:
        facts["import" if about.act is ProposalAct.IMPORT else "notice"] = str(about.target)
    return facts


async def _record(
    connection: Connection,
    action: Action,
    about: ProposalTarget,
    facts: Mapping[str, Any],
    desk: ProposalDesk,
    at: datetime,
    private: Mapping[str, Any] | None = None,
) -> None:
    listing_ids = (about.target,) if about.target is not None and about.act in ON_LISTINGS else ()
    entry = Entry(action, desk.actor, listing_ids=listing_ids, facts=facts, private=private or {})
    await record(connection, [entry], at=at, secrecy=desk.secrecy)


async def _reread(connection: Connection, proposal_id: UUID, desk: ProposalDesk, at: datetime) -> Proposal:
    proposal = await find_proposal(connection, proposal_id, secrecy=desk.secrecy, at=at)
    assert proposal is not None  # noqa: S101 - it was just written
    return proposal
