"""Rechecks with the code of the hot path: look up, decide, compare; changes are recorded and told in one COMMIT."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, NamedTuple

import orjson
import structlog

from blacklist_service.access.principals import Actor
from blacklist_service.checks.answers import ListAges, answer_question
from blacklist_service.checks.asks import Answer, Question, read_question
from blacklist_service.checks.problems import SubjectNotCovered, UnknownMatter
from blacklist_service.checks.queries import Snapshot, look_up
from blacklist_service.checks.rules import Tell
from blacklist_service.checks.schemas import CheckRequest
from blacklist_service.clock import legal_date, new_ids, now
from blacklist_service.database.connections import LOST, Connection
from blacklist_service.database.installation import are_digests_of_now
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.measures.queries import NewestCatalogue
from blacklist_service.measures.rules import Catalogue
from blacklist_service.problems import Problem, Undetermined
from blacklist_service.secrecy import Secrecy
from blacklist_service.subjects.digests import DIGEST_RULES, Digester
from blacklist_service.watches.operations import end_watches
from blacklist_service.watches.questions import open_question, recheck_on
from blacklist_service.watches.rules import FEW, AnswerState, Cause, EventType, state_of
from blacklist_service.watches.telling import Event, tell
from blacklist_service.web.bodies import validate

AT_ONCE = 128
BY_SINGLE_ACT = 0
"""The rank of what a single act moved."""
ASIDE = 9
"""The rank of a watch that could not be asked; the worker tries it again now and then."""

# Of one rank: what single acts moved is recorded, committed and told by few at once, and not together with a part of a file.
DUE = f"""
SELECT watch_id, cause, rank FROM watches_due
WHERE rank = (SELECT rank FROM watches_due WHERE rank < {ASIDE} ORDER BY rank LIMIT 1)
ORDER BY rank, since, watch_id LIMIT $1
"""
SET_ASIDE = f"""
UPDATE watches_due SET rank = {ASIDE}
WHERE watch_id = (SELECT watch_id FROM watches_due WHERE rank < {ASIDE} ORDER BY rank, since, watch_id LIMIT 1)
"""
TAKE_UP_AGAIN = f"UPDATE watches_due SET rank = 1 WHERE rank = {ASIDE}"
# By id, the order in which everybody locks them.
ROWS = "SELECT * FROM watches WHERE id = ANY($1::uuid[]) AND closed_at IS NULL ORDER BY id FOR UPDATE"
KEEP = """
UPDATE watches SET check_id = sent.check_id, decision = sent.decision, is_doubted = sent.is_doubted,
       matches = sent.matches, revision = sent.revision, recheck_on = sent.recheck_on,
       digest_rules = coalesce($1, watches.digest_rules)
FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::boolean[], $6::bytea[], $7::integer[], $8::date[])
     AS sent (id, check_id, decision, is_doubted, matches, revision, recheck_on)
WHERE watches.id = sent.id
"""
ADD_KEYS = """
INSERT INTO watch_keys (digest, watch_id)
SELECT digest, watch_id
FROM (SELECT encode(digest, 'hex')::uuid AS digest, watch_id
      FROM unnest($1::bytea[], $2::uuid[]) AS s (digest, watch_id)) AS sent
WHERE NOT EXISTS (SELECT FROM watch_keys held WHERE held.watch_id = sent.watch_id AND held.digest = sent.digest)
"""

log = structlog.get_logger()


class _Asked(NamedTuple):
    row: Any
    cause: Cause
    question: Question


class _Recheck(NamedTuple):
    """An answer that differs from the previous one."""

    asked: _Asked
    answer: Answer
    entry: Entry
    state: AnswerState
    recheck_on: date | None

    @property
    def is_told(self) -> bool:
        row, state = self.asked.row, self.state
        return bool(row["decision"] != state.decision) or (
            row["tell"] == Tell.MATCHES.value and bool(row["matches"] != state.matches)
        )


@dataclass(slots=True)
class _Outcome:
    """The result of a slice."""

    changed: list[_Recheck]
    kept: list[tuple[_Asked, AnswerState, date | None]]
    ended: list[tuple[Any, Cause]]


class WatchAsker:
    """Rechecks due watches. `ages` as for checks."""

    def __init__(self, secrecy: Secrecy, ages: ListAges) -> None:
        self._secrecy = secrecy
        self._digester = Digester(secrecy.digest_key)
        self._ages = ages
        self._catalogue = NewestCatalogue()

    async def ask_some(self, connection: Connection) -> int:
        """Recheck the next slice of due watches; return how many there were.

        Raise `Undetermined` if no checks can be answered: they stay due. A watch that fails for another reason is set aside
        for a while, so that the others need not wait.
        """
        try:
            return await self._ask_slice(connection, AT_ONCE)
        except (Undetermined, *LOST):
            raise
        except Exception as error:  # noqa: BLE001 - whatever one of them fails of, the others are asked
            log.warning("watches_split", cause=type(error).__name__)
        for _ in range(AT_ONCE):
            try:
                if not await self._ask_slice(connection, 1):
                    break
            except (Undetermined, *LOST):
                raise
            except Exception:
                log.exception("watch_not_asked")
                await connection.execute(SET_ASIDE)
        return AT_ONCE

    async def _ask_slice(self, connection: Connection, most: int) -> int:
        async with connection.transaction():
            await connection.execute("SELECT FROM watch_cursor FOR UPDATE")  # one worker at a time, whatever happens
            due = await connection.fetch(DUE, most)
            if not due:
                return 0
            if due[0]["rank"] == BY_SINGLE_ACT:
                due = due[:FEW]
            causes = {row["watch_id"]: Cause(row["cause"]) for row in due}
            rows = await connection.fetch(ROWS, list(causes))
            is_of_now = await are_digests_of_now(connection)
            await self._ask(connection, rows, causes, also_former=not is_of_now)
            await connection.execute("DELETE FROM watches_due WHERE watch_id = ANY($1::uuid[])", list(causes))
        return len(due)

    async def take_up_again(self, connection: Connection) -> None:
        """Retry those that were set aside."""
        await connection.execute(TAKE_UP_AGAIN)

    async def _ask(
        self,
        connection: Connection,
        rows: Sequence[Any],
        causes: Mapping[Any, Cause],
        *,
        also_former: bool,
    ) -> _Outcome:
        outcome = _Outcome([], [], [])
        asked = [
            _Asked(row, causes[row["id"]], question)
            for row in rows
            if (question := self._read(row, outcome, also_former=also_former)) is not None
        ]
        digests = list(
            dict.fromkeys(key.digest for one in asked for subject in one.question.subjects for key in subject.keys)
        )
        snapshot = await look_up(connection, digests, [])
        catalogue = await self._catalogue.get(connection, snapshot.measures_version)
        for one, check_id in zip(asked, new_ids(snapshot.at, len(asked)), strict=True):
            if one.row["until"] >= snapshot.legal_date:
                self._decide(one, check_id, snapshot, catalogue, outcome)
        await self._write(connection, outcome, snapshot, also_former=also_former)
        return outcome

    def _read(self, row: Any, outcome: _Outcome, *, also_former: bool) -> Question | None:
        body = open_question(
            row["question"], row["id"], matter=row["matter"], reference=row["reference"], secrecy=self._secrecy
        )
        try:
            return read_question(
                validate(CheckRequest, body),
                body,
                actor=Actor(row["member_code"]),
                digester=self._digester,
                today=legal_date(now()),
                also_former=also_former,
            )
        except Problem as problem:  # digested by the rules of a later version: it could never be answered again
            log.warning("watch_not_readable", code=problem.code)
            outcome.ended.append((row, Cause.NOT_READABLE))
            return None

    def _decide(
        self, asked: _Asked, check_id: Any, snapshot: Snapshot, catalogue: Catalogue, outcome: _Outcome
    ) -> None:
        try:
            answer, entry = answer_question(asked.question, snapshot, catalogue, check_id, self._ages)
        except (UnknownMatter, SubjectNotCovered):
            outcome.ended.append((asked.row, Cause.NOT_COVERED))
            return
        state, day = state_of(orjson.loads(answer.content)), recheck_on(asked.question, snapshot)
        if _is_as_before(asked.row, self._undoubted(asked, state, snapshot, catalogue, check_id)):
            outcome.kept.append((asked, _held(asked.row), day))
            return
        facts = {"watch": str(asked.row["id"]), "cause": asked.cause.value}
        entry = entry._replace(action=Action.RECHECK, facts=facts)
        outcome.changed.append(_Recheck(asked, answer, entry, state, day))

    def _undoubted(
        self, asked: _Asked, state: AnswerState, snapshot: Snapshot, catalogue: Catalogue, check_id: Any
    ) -> AnswerState:
        """The ageing of a list changes no answer by itself: an answer given on a fresh list is compared without it."""
        if not state.is_doubted or asked.row["is_doubted"]:
            return state
        plain, _ = answer_question(asked.question, snapshot, catalogue, check_id, replace(self._ages, soft=None))
        return state_of(orjson.loads(plain.content))

    async def _write(self, connection: Connection, outcome: _Outcome, snapshot: Snapshot, *, also_former: bool) -> None:
        told = [one for one in outcome.changed if one.is_told]
        await record(
            connection,
            [one.entry for one in told],
            at=snapshot.at,
            secrecy=self._secrecy,
            ids=[one.answer.check_id for one in told],
        )
        rows = [
            _row(one.asked, one.state, one.recheck_on, one.answer if one.is_told else None) for one in outcome.changed
        ]
        rows += [
            _row(asked, state, day, None)
            for asked, state, day in outcome.kept
            if asked.row["recheck_on"] != day or asked.row["digest_rules"] != DIGEST_RULES
        ]
        if rows:
            await connection.execute(KEEP, None if also_former else DIGEST_RULES, *zip(*rows, strict=True))
        await self._add_keys(connection, outcome)
        if outcome.ended:
            await end_watches(connection, outcome.ended, at=snapshot.at)
        await tell(connection, [_event(one, snapshot) for one in told], at=snapshot.at)

    async def _add_keys(self, connection: Connection, outcome: _Outcome) -> None:
        """Add keys by the current rules to watches digested by earlier ones."""
        asked = [*(one.asked for one in outcome.changed), *(asked for asked, _, _ in outcome.kept)]
        keys = [
            (digest, one.row["id"])
            for one in asked
            if one.row["digest_rules"] != DIGEST_RULES
            for digest in {key.digest for subject in one.question.subjects for key in subject.keys}
        ]
        if keys:
            await connection.execute(ADD_KEYS, *zip(*keys, strict=True))


def _held(row: Any) -> AnswerState:
    return AnswerState(row["decision"], row["matches"], row["is_doubted"])


def _is_as_before(row: Any, state: AnswerState) -> bool:
    return (row["decision"], row["matches"], row["is_doubted"]) == (state.decision, state.matches, state.is_doubted)


def _row(asked: _Asked, state: AnswerState, day: date | None, answer: Answer | None) -> tuple[object, ...]:
    row = asked.row
    return (
        *(row["id"], answer.check_id if answer else row["check_id"], str(state.decision), state.is_doubted),
        *(state.matches, row["revision"] + (answer is not None), day),
    )


def _event(recheck: _Recheck, snapshot: Snapshot) -> Event:
    row, decision = recheck.asked.row, recheck.state.decision
    is_decision = row["decision"] != decision
    return Event(
        member_code=row["member_code"],
        type=EventType.DECISION_CHANGED if is_decision else EventType.MATCHES_CHANGED,
        watch_id=row["id"],
        revision=row["revision"] + 1,
        check_id=recheck.answer.check_id,
        reference=row["reference"],
        matter=row["matter"],
        before=row["decision"],
        after=decision.value,
        list_version=snapshot.list_version,
        notices_version=snapshot.notices_version,
        cause=recheck.asked.cause,
    )
