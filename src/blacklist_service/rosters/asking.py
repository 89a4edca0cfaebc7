"""Checks a slice of a roster with the code of the hot path: checks, evidence and results in one COMMIT."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import asyncpg
import orjson
import structlog

from blacklist_service.access.principals import Principal
from blacklist_service.access.scopes import Scope
from blacklist_service.checks.answering import Answerer
from blacklist_service.checks.answers import LIST_EMPTY, ListAges
from blacklist_service.checks.asks import Answer, Ask, Asker, Outcome
from blacklist_service.checks.fishing import Fishing
from blacklist_service.clock import legal_date, now
from blacklist_service.database.connections import PASSING, Connection
from blacklist_service.ledger.actions import Action
from blacklist_service.ledger.entries import Entry
from blacklist_service.ledger.operations import record
from blacklist_service.ledger.queries import database_clock
from blacklist_service.members.staff.queries import find_account
from blacklist_service.problems import Problem, TooManyRequests, Unauthenticated, Undetermined
from blacklist_service.rosters.keeping import Private, open_value, seal_value
from blacklist_service.rosters.rules import RosterLine, item_key
from blacklist_service.secrecy import Secrecy
from blacklist_service.subjects.roster_results import (
    NO_ANSWER,
    REFUSALS,
    REFUSED,
    UNANSWERED,
    Result,
    RosterMatch,
    worded,
)

ROUTE = "/console/rosters"
"""The route under which the ledger records a refused row."""
ACCOUNT_ENDED = "上传名册的账号已注销、锁定或不再有窗口岗位，不再核查；不能视为未命中"
NOTHING_LOADED = "名单尚未载入，不能视为未命中；请稍后重新核查"
TOO_MANY_NUMBERS = "本单位一日内对同一姓名核查的号码过多"
OTHER_REFUSALS = {"matter-not-allowed": "上传人无权核查该事项", TooManyRequests.code: TOO_MANY_NUMBERS}

NEXT = "SELECT slice, content FROM roster_slices WHERE roster_id = $1 AND results IS NULL ORDER BY slice LIMIT 1"
SETTLE = "UPDATE roster_slices SET results = $3 WHERE roster_id = $1 AND slice = $2"
COUNT = """
UPDATE rosters SET settled = settled + $2, counts = $3, first_version = least(first_version, $4),
       last_version = greatest(last_version, $5), turn_at = clock_timestamp()
WHERE id = $1
"""

log = structlog.get_logger()


class _Nowhere:
    """Receives the answers of a slice and drops them: they are returned instead."""

    def done(self) -> bool:
        return False

    def set_result(self, answer: Answer, /) -> None: ...

    def set_exception(self, problem: BaseException, /) -> None: ...


class SliceAsker:
    """Checks the rows of rosters. `ages` and `fishing` as for checks."""

    def __init__(self, secrecy: Secrecy, ages: ListAges, fishing: Fishing) -> None:
        self._secrecy = secrecy
        self._answerer = Answerer(secrecy=secrecy, ages=ages, fishing=fishing, watching=None)

    async def rehearse(self, connection: Connection) -> None:
        await self._answerer.rehearse(connection)

    async def ask_some(self, connection: Connection, roster_id: Any) -> int | None:
        """Check its next slice; return how many rows were settled, None if none is left.

        Raise `Undetermined`, or a temporary fault, if no checks can be answered: nothing of the slice is then recorded, and
        it is asked again.
        """
        async with connection.transaction():
            roster = await connection.fetchrow("SELECT * FROM rosters WHERE id = $1 FOR UPDATE", roster_id)
            found = await connection.fetchrow(NEXT, roster_id)
            if roster is None or found is None:
                return None
            number: int = found["slice"]
            lines = [
                RosterLine(*one) for one in open_value(found["content"], roster_id, "slice", number, self._secrecy)
            ]
            results = await self._settle(connection, roster, lines)
            sealed = seal_value([one.cells() for one in results], roster_id, "results", number, self._secrecy)
            await connection.execute(SETTLE, roster_id, number, sealed)
            await connection.execute(COUNT, roster_id, len(lines), *_sums(roster["counts"], results))
        return len(lines)

    async def _settle(
        self, connection: Connection, roster: asyncpg.Record, lines: Sequence[RosterLine]
    ) -> list[Result]:
        """The result of each row, in order."""
        results = {line.number: Result(REFUSED, hint=line.refusal) for line in lines if line.refusal}
        asked = [line for line in lines if not line.refusal]
        principal = await self._principal(connection, roster["key_id"])
        if principal is None:
            results |= {line.number: Result(UNANSWERED, hint=ACCOUNT_ENDED) for line in asked}
        else:
            private = Private.open(roster["private"], roster["id"], self._secrecy)
            slice_ = _Slice(roster, private, Asker(principal, roster["request_id"]))
            results |= await self._ask_all(connection, slice_, asked)
        return [results[line.number] for line in lines]

    async def _principal(self, connection: Connection, key_id: str) -> Principal | None:
        """The account's current rights: what an officer may no longer ask is not asked in her name."""
        account = await find_account(connection, key_id, secrecy=self._secrecy)
        if account is None or account.ended_at is not None or not account.principal.may(Scope.CHECKS_WRITE):
            return None
        return account.principal

    async def _ask_all(
        self, connection: Connection, slice_: "_Slice", lines: Sequence[RosterLine]
    ) -> dict[int, Result]:
        """One bad row must not fail the others: if a slice fails, each row is asked alone, once."""
        try:
            async with connection.transaction():
                return await self._ask(connection, slice_, lines)
        except (Undetermined, *PASSING):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it fails of
            log.warning("roster_slice_split", cause=type(error).__name__)
        results: dict[int, Result] = {}
        for line in lines:
            try:
                async with connection.transaction():
                    results |= await self._ask(connection, slice_, [line])
            except (Undetermined, *PASSING):
                raise
            except Exception as error:  # noqa: BLE001 - it has no answer, and its row says so
                log.error("roster_row_not_asked", cause=type(error).__name__)  # noqa: TRY400 - a trace may hold the row
                results[line.number] = Result(UNANSWERED, hint=NO_ANSWER)
        return results

    async def _ask(self, connection: Connection, slice_: "_Slice", lines: Sequence[RosterLine]) -> dict[int, Result]:
        today = legal_date(now())
        outcomes: dict[int, Outcome] = {}
        asks: dict[Ask, int] = {}
        for line in lines:
            ask = slice_.ask_of(line)
            try:
                self._read(ask, today)
            except Problem as problem:
                outcomes[line.number] = problem
            else:
                asks[ask] = line.number
        if asks:
            outcomes |= {asks[ask]: found for ask, found in await self._answerer.answer(connection, list(asks))}
        await self._record_refusals(connection, slice_, outcomes)
        return {line.number: _result(outcomes[line.number], slice_, line) for line in lines}

    def _read(self, ask: Ask, today: date) -> None:
        self._answerer.read(ask, today)

    async def _record_refusals(self, connection: Connection, slice_: "_Slice", outcomes: dict[int, Outcome]) -> None:
        """Recorded as for a row's own request: refusals for lack of right, and for a subject that no measure covers."""
        refused = [one for one in outcomes.values() if isinstance(one, Problem) and one.is_recorded]
        if not refused:
            return
        actor = slice_.asker.acting(None)
        entries = [
            Entry(
                Action.REFUSED,
                actor,
                facts={"code": one.code, "method": "POST", "route": ROUTE} | getattr(one, "facts", {}),
                matter=getattr(one, "matter", None),
            )
            for one in refused
        ]
        await record(connection, entries, at=await database_clock(connection), secrecy=self._secrecy)


class _Slice:
    """What the questions of a roster have in common."""

    def __init__(self, roster: asyncpg.Record, private: Private, asker: Asker) -> None:
        self.asker = asker
        self._roster = roster
        self._reference, self._name, self._number = private.places

    def number_of(self, line: RosterLine) -> str:
        return "" if self._number is None else _cell(line.cells, self._number)

    def ask_of(self, line: RosterLine) -> Ask:
        roster, number = self._roster, self.number_of(line)
        subject: dict[str, Any] = {
            "role": roster["role"],
            "kind": roster["kind"],
            "name": _cell(line.cells, self._name),
            "identifier": {"type": roster["identifier_type"], "number": number} if number else None,
        }
        body = {
            "matter": roster["matter"],
            "reference": _cell(line.cells, self._reference),
            "subjects": [subject],
        }
        return Ask(
            self.asker,
            orjson.dumps(body),
            float("inf"),
            _Nowhere(),
            key=item_key(roster["id"], line.number),
            is_of_a_batch=True,
            screening=str(roster["id"]),
        )


def _result(outcome: Outcome, slice_: _Slice, line: RosterLine) -> Result:
    if isinstance(outcome, Answer):
        return _answered(orjson.loads(outcome.content), is_by_name=not slice_.number_of(line))
    if isinstance(outcome, Undetermined):
        raise outcome
    if isinstance(outcome, Unauthenticated):
        return Result(UNANSWERED, hint=ACCOUNT_ENDED)
    code = outcome.code
    return Result(REFUSED, hint=OTHER_REFUSALS.get(code) or REFUSALS.get(code) or REFUSALS["invalid-request"])


def _answered(wire: dict[str, Any], *, is_by_name: bool) -> Result:
    subjects = wire["subjects"]
    result = worded(
        decision=wire["decision"],
        matches=[_match(match) for subject in subjects for match in subject["matches"]],
        total=sum(subject.get("matches_total") or len(subject["matches"]) for subject in subjects),
        warnings=wire["warnings"],
        is_by_name=is_by_name,
        check_id=wire["check_id"],
        checked_at=datetime.fromisoformat(wire["checked_at"]),
        list_version=wire["list_version"],
    )
    if LIST_EMPTY in wire["warnings"]:  # as in the client: nobody was looked up
        return replace(result, conclusion=UNANSWERED, hint=NOTHING_LOADED)
    return result


def _match(match: dict[str, Any]) -> RosterMatch:
    listing, notice = match["listing"] or {}, match["notice"] or {}
    case = listing.get("case_number") or notice.get("number") or ""
    court = listing.get("court") or notice.get("court") or ""
    return RosterMatch(match["effect"], match["identity"], match["measure"]["basis"], case, court)


def _sums(counts: dict[str, int], results: Sequence[Result]) -> tuple[dict[str, int], int | None, int | None]:
    """Rows by decision, and the list versions, including these results."""
    versions = [one.list_version for one in results if one.list_version is not None]
    total = Counter(counts)
    total.update(one.conclusion for one in results)
    return dict(total), min(versions, default=None), max(versions, default=None)


def _cell(cells: Sequence[str], place: int) -> str:
    return cells[place] if place < len(cells) else ""
