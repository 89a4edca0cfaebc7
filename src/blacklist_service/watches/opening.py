"""Opens watches: with the evidence of a check, or afterwards from what the ledger stored of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from blacklist_service.access.principals import Actor, Principal
from blacklist_service.checks.asks import Answer, Question, read_question
from blacklist_service.checks.problems import TooManyWatches
from blacklist_service.checks.queries import Snapshot
from blacklist_service.checks.rules import Tell
from blacklist_service.checks.schemas import CheckRequest
from blacklist_service.clock import instant_of, legal_date
from blacklist_service.database.connections import Connection
from blacklist_service.ledger.operations import answer_context, ledger_cipher, private_context
from blacklist_service.problems import MatterNotAllowed, NotYours, Problem
from blacklist_service.secrecy import Secrecy
from blacklist_service.subjects.digests import DIGEST_RULES, Digester
from blacklist_service.watches.problems import ChecksNotWatched, CheckTooOld
from blacklist_service.watches.questions import body_of, recheck_on, seal_question
from blacklist_service.watches.rules import AnswerState, state_of

COUNT = """
SELECT member, coalesce((SELECT open FROM watch_feeds WHERE member_code = member), 0)
               + (SELECT count(*) FROM watches_unprimed WHERE member_code = member) AS open
FROM unnest($1::text[]) AS member
"""
# One statement. A watch that ended is opened again, and its revisions continue. While the list is being digested again, a
# watch counts as digested by the earlier rules: it is rechecked once when that is done.
OPEN = """
WITH opened AS (
    INSERT INTO watches AS held (id, member_code, matter, reference, decision, is_doubted, matches, tell, until,
                                 after_outcome, opened_at, recheck_on, digest_rules, question)
    SELECT id, member_code, matter, reference, decision, is_doubted, matches, tell, until,
           after_outcome, $1, recheck_on, least($2, (SELECT digest_rules FROM installation)), question
    FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::boolean[], $9::bytea[], $10::text[],
                $11::date[], $12::boolean[], $13::date[], $14::bytea[])
         AS sent (id, member_code, matter, reference, decision, is_doubted, matches, tell, until,
                  after_outcome, recheck_on, question)
    ON CONFLICT (id) DO UPDATE
    SET check_id = NULL, decision = excluded.decision, is_doubted = excluded.is_doubted,
        matches = excluded.matches, tell = excluded.tell, until = excluded.until,
        after_outcome = excluded.after_outcome, opened_at = excluded.opened_at, closed_at = NULL, cause = NULL,
        recheck_on = excluded.recheck_on, digest_rules = excluded.digest_rules, question = excluded.question
    WHERE held.closed_at IS NOT NULL
), found AS (
    INSERT INTO watch_keys (digest, watch_id)
    SELECT encode(digest, 'hex')::uuid, watch_id FROM unnest($15::bytea[], $16::uuid[]) AS sent (digest, watch_id)
)
INSERT INTO watches_unprimed (watch_id, member_code, list_version, measures_version, notices_version, judged_on)
SELECT * FROM unnest($3::uuid[], $4::text[], $17::bigint[], $18::bigint[], $19::bigint[], $20::date[])
"""


class Terms(NamedTuple):
    """The terms of a watch: its last day, what it reports, and whether it continues after a final outcome."""

    until: date
    tell: Tell = Tell.DECISION
    after_outcome: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """A watch to be written. Its answer is compared with changes after these versions and this day; 0 = with everything."""

    watch_id: UUID
    question: Question
    terms: Terms
    state: AnswerState
    recheck_on: date | None
    list_version: int
    measures_version: int
    notices_version: int
    judged_on: date


async def count_room(connection: Connection, members: Collection[str], *, most: int) -> dict[str, int]:
    """How many more each member may open; concurrent transactions may each use the remainder."""
    rows = await connection.fetch(COUNT, list(members))
    return {row["member"]: most - row["open"] for row in rows}


async def open_watches(connection: Connection, opened: Sequence[Opened], *, at: datetime, secrecy: Secrecy) -> None:
    """Write watches, their keys, and that nothing was compared yet."""
    keys = [
        (digest, one.watch_id)
        for one in opened
        for digest in {key.digest for asked in one.question.subjects for key in asked.keys}
    ]
    rows = [
        (
            *(one.watch_id, one.question.actor.member, one.question.request.matter, one.question.request.reference),
            *(one.state.decision.value, one.state.is_doubted, one.state.matches, one.terms.tell.value),
            *(one.terms.until, one.terms.after_outcome, one.recheck_on),
            seal_question(one.question.request, one.watch_id, secrecy),
        )
        for one in opened
    ]
    places = [(one.list_version, one.measures_version, one.notices_version, one.judged_on) for one in opened]
    await connection.execute(
        OPEN, at, DIGEST_RULES, *zip(*rows, strict=True), *zip(*keys, strict=True), *zip(*places, strict=True)
    )


def opened_by_check(question: Question, answer: Answer, snapshot: Snapshot) -> Opened:
    """The watch of a check that requests one."""
    asked = question.request.watch
    assert asked is not None  # noqa: S101 - only such checks come here
    return Opened(
        watch_id=answer.check_id,
        question=question,
        terms=Terms(asked.until, asked.tell, asked.after_outcome),
        state=state_of(orjson.loads(answer.content)),
        recheck_on=recheck_on(question, snapshot),
        list_version=snapshot.list_version,
        measures_version=snapshot.measures_version,
        notices_version=snapshot.notices_version,
        judged_on=snapshot.legal_date,
    )


async def open_afterwards(
    connection: Connection,
    check_ids: Sequence[UUID],
    terms: Terms,
    *,
    caller: Principal,
    at: datetime,
    most: int,
    secrecy: Secrecy,
    digester: Digester,
) -> list[UUID]:
    """Watch the questions of earlier checks, all or none; a watch that is already open stays as it is. Return those opened.

    Raise `NotYours` unless all are the caller's own, `MatterNotAllowed`, `CheckTooOld`, `ChecksNotWatched`, `TooManyWatches`.
    """
    wanted = list(dict.fromkeys(check_ids))
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"watches {caller.member}")
    kept = await _find_checks(connection, wanted)
    if any(check_id not in kept or kept[check_id]["agency"] != caller.member for check_id in wanted):
        raise NotYours
    for row in kept.values():
        if row["matter"] not in caller.matters:
            raise MatterNotAllowed(row["matter"])
    fresh = [check_id for check_id in wanted if not kept[check_id]["is_open"]]
    privates = {check_id: _private_part(kept[check_id], secrecy) for check_id in fresh}
    _refuse_places(check_ids, privates)
    room = await count_room(connection, [caller.member], most=most)
    if len(fresh) > room[caller.member]:
        raise TooManyWatches
    opened = [
        _opened_afterwards(
            kept[check_id], private, terms, caller, today=legal_date(at), digester=digester, secrecy=secrecy
        )
        for check_id, private in privates.items()
        if private is not None
    ]
    if opened:
        await open_watches(connection, opened, at=at, secrecy=secrecy)
    return fresh


async def _find_checks(connection: Connection, check_ids: Sequence[UUID]) -> dict[UUID, Any]:
    instants = [instant_of(check_id) for check_id in check_ids]
    rows = await connection.fetch(
        """
        SELECT e.id, e.at, e.agency, e.matter, e.reference, s.private, s.answer,
               EXISTS (SELECT FROM watches w WHERE w.id = e.id AND w.closed_at IS NULL) AS is_open
        FROM unnest($1::timestamptz[], $2::uuid[]) AS asked (at, id)
        CROSS JOIN LATERAL (SELECT * FROM ledger_entries WHERE at = asked.at AND id = asked.id AND action = 'check'
                            OFFSET 0) AS e
        LEFT JOIN LATERAL (SELECT * FROM ledger_secrets WHERE at = asked.at AND entry_id = asked.id OFFSET 0) AS s ON true
        """,
        instants,
        check_ids,
    )
    return {row["id"]: row for row in rows}


def _private_part(row: Mapping[str, Any], secrecy: Secrecy) -> dict[str, Any] | None:
    """None if it was erased."""
    if row["private"] is None or row["answer"] is None:
        return None
    opened = ledger_cipher(secrecy, row["at"]).open(row["private"], private_context(row["id"]))
    private: dict[str, Any] = orjson.loads(opened)
    return private


def _refuse_places(check_ids: Sequence[UUID], privates: Mapping[UUID, Mapping[str, Any] | None]) -> None:
    """Since objects are stored, an entry names its object, or that there was none."""
    if too_old := [n for n, one in enumerate(check_ids) if one in privates and "object" not in (privates[one] or {})]:
        raise CheckTooOld(too_old)
    if children := [n for n, one in enumerate(check_ids) if one in privates and _names_child(privates[one] or {})]:
        raise ChecksNotWatched(children)


def _names_child(private: Mapping[str, Any]) -> bool:
    return any("name" not in subject for subject in private["subjects"])


def _opened_afterwards(
    row: Mapping[str, Any],
    private: Mapping[str, Any],
    terms: Terms,
    caller: Principal,
    *,
    today: date,
    digester: Digester,
    secrecy: Secrecy,
) -> Opened:
    """Compared with everything its keys ever matched, and with everything in force since its own day."""
    check_id, cipher = row["id"], ledger_cipher(secrecy, row["at"])
    answer = orjson.loads(cipher.open(row["answer"], answer_context(check_id)))
    body = body_of(row["matter"], row["reference"], private["object"], private["subjects"])
    try:
        question = read_question(
            CheckRequest.model_validate_json(body),
            body,
            actor=Actor(caller.member),
            digester=digester,
            today=today,
            also_former=True,
        )
    except Problem:
        raise CheckTooOld([]) from None
    return Opened(
        watch_id=check_id,
        question=question,
        terms=terms,
        state=state_of(answer),
        recheck_on=None,
        list_version=0,
        measures_version=answer["measures_version"],
        notices_version=0,
        judged_on=legal_date(row["at"]),
    )
