"""The demo's past: a hundred days of checks and court acts, so that its charts have something to show.

Everything is made by the service's own operations with the clock set back: a schema that is on the search path of this
process alone holds a function that shadows PostgreSQL's own clock. So entries, versions and instants agree, the log is in
order, and replaying a day gives the answers of that day. The schema is dropped before anything serves.
"""

import asyncio
import csv
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any
from uuid import UUID

import orjson

from blacklist_service.access.principals import Actor
from blacklist_service.access.scopes import Role
from blacklist_service.assistance.rules import Urgency
from blacklist_service.checks.asks import Answer, Ask, Asker
from blacklist_service.checks.batcher import Batcher
from blacklist_service.checks.outcomes import record_outcome
from blacklist_service.checks.rules import OutcomeAction
from blacklist_service.cli.demo_court import serve
from blacklist_service.cli.environment import SERVER_DATABASE, Workplace, operator, prepared, run
from blacklist_service.cli.importing import load
from blacklist_service.clock import SHANGHAI, legal_date, now
from blacklist_service.database.addresses import with_database, with_login
from blacklist_service.database.connections import Connection, connect
from blacklist_service.database.duties import owner_of_database, prepare_server
from blacklist_service.database.embedded.attachment import attached_or_started
from blacklist_service.database.embedded.binaries import find_major
from blacklist_service.database.embedded.layout import DATABASE, Layout
from blacklist_service.database.migration import migrate
from blacklist_service.database.sessions import looking_first_into
from blacklist_service.listings.operations.acts import end_listing, suspend_listing
from blacklist_service.listings.operations.carrying_out import Court
from blacklist_service.listings.operations.objections import file_objection
from blacklist_service.listings.operations.performances import record_performance
from blacklist_service.listings.preparing import Tools
from blacklist_service.listings.rules import ImportMode, RowAction, SuspensionGround
from blacklist_service.members.operations import create_key
from blacklist_service.members.queries import find_credential
from blacklist_service.members.rules import LONGEST_KEY_DAYS
from blacklist_service.problems import Problem
from blacklist_service.settings import Settings
from blacklist_service.subjects.digests import Digester

LISTED_DAYS, DAYS = 192, 100
"""How many days ago the court's list and the units' checks began."""
IMPORTED_EVERY = 3
PERFORMED = ((1, 60, 58), (2, 45, 31), (3, 20, None))
"""Older listings: how many days ago each was performed and deleted."""
SUSPENDED_DAYS_AGO = 25
OBJECTED_DAYS_AGO = 12
NOTICED_DAYS_AGO, NOTICE_DAYS = 5, 3
"""How many days ago the notice was served whose reply is now overdue, and its deadline in days."""
PATIENCE_SECONDS = 10.0
SATURDAY = 5
COURT_CODE = "云0111"
PUBLISHED = 10
"""The column of the publication date."""

Furnish = Callable[[Workplace], Coroutine[Any, Any, object]]

SCHEMA = "demo_clock"
CLOCK = f"""
CREATE SCHEMA {SCHEMA};
CREATE TABLE {SCHEMA}.back (span interval NOT NULL);
INSERT INTO {SCHEMA}.back VALUES ('0');
CREATE FUNCTION {SCHEMA}.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
    AS 'SELECT pg_catalog.clock_timestamp() - span FROM {SCHEMA}.back';
GRANT USAGE ON SCHEMA {SCHEMA} TO PUBLIC;
GRANT SELECT ON {SCHEMA}.back TO PUBLIC;
"""


@dataclass(frozen=True, slots=True)
class Habit:
    """How a unit asks: about which matters, how often on a working day, and for what part of its stops it records the
    outcome.
    """

    agency: str
    operator: str
    matters: Sequence[tuple[str, str]]
    most_a_day: int
    says: float
    last_day: int = 1


HABITS = (
    Habit(
        "GD-HR",
        "zhou.yan",
        (("civil_service_recruitment", "applicant"), ("public_institution_recruitment", "applicant")),
        most_a_day=6,
        says=0.95,
    ),
    Habit("GD-EDU", "li.na", (("private_school_enrolment", "guardian"),), most_a_day=2, says=0.6),
    Habit("GD-LAND", "he.jun", (("real_estate_transfer", "transferor"),), most_a_day=4, says=0.8),
    Habit("GD-DRC", "ma.chao", (("tender_bidding", "bidder"),), most_a_day=2, says=1.0, last_day=DAYS - 6),
)
"""GD-DRC asks once and then no more; GD-FIN never does."""
REASONS = (
    "申请人已提交法院出具的履行完毕证明，经电话核实",
    "经核对照片与户籍信息，确认为同名人员",
    "法院同意在执行和解期间办理，见(2026)云0111执恢7号函",
)


def has_none(settings: Settings) -> bool:
    """Whether there is no database yet, so that a past can still be made."""
    return settings.is_embedded and find_major(Layout.of(settings.data_dir).cluster) is None


def make_past(settings: Settings, rows: Sequence[Sequence[str]], furnish: Furnish) -> None:
    """Make a new database with the past in it. `rows` are those of the sample list, header first; `furnish` makes the members
    and their keys.
    """
    with attached_or_started(settings.data_dir, postgres_bin=settings.postgres_bin) as superuser:
        server = with_database(superuser, SERVER_DATABASE)
        run(prepare_server(server))
        owner = with_login(superuser, run(owner_of_database(server, DATABASE)))
        run(migrate(owner))  # by the true clock: column defaults refer to the function by OID, not by name
        first = legal_date(now()) - timedelta(days=LISTED_DAYS + 1)
        run(_execute(owner, _months_before(first)))
        run(_execute(owner, CLOCK))
        try:
            with looking_first_into(SCHEMA):  # objects created in here without a schema name are dropped with the clock
                run(_go(owner, first))
                workplace = prepared(settings, superuser)
                run(furnish(workplace))
                run(_live(workplace, owner, rows))
        finally:
            run(_execute(owner, f"DROP SCHEMA {SCHEMA} CASCADE"))


async def _live(workplace: Workplace, owner: str, rows: Sequence[Sequence[str]]) -> None:
    """Simulate day after day."""
    random, today = Random(20260426), legal_date(now())  # noqa: S311 - synthetic data must be the same each time
    court = await _court(workplace)
    askers = {habit.agency: await _asker(workplace, habit) for habit in HABITS}
    batcher = Batcher(workplace.dsn, secrecy=workplace.secrecy, lanes=1, queue=64)
    batcher.start()
    waiting: list[Stopped] = []
    clock = await connect(owner, role=None)
    try:
        before = ""
        for back in range(LISTED_DAYS, 0, -1):
            day = today - timedelta(days=back)
            await _set(clock, day, time(8, 30))
            new = [row for row in rows[1:] if before < row[PUBLISHED] <= day.isoformat()]
            if new and back % IMPORTED_EVERY == 0:
                await _import(workplace, court.actor, rows[0], new)
                before = day.isoformat()
            await _act(workplace, court, back, day)
            if back == NOTICED_DAYS_AGO:
                due_at = datetime.combine(day + timedelta(days=NOTICE_DAYS), time(17, 30), SHANGHAI)
                await serve(workplace, rows[20], 1, due_at=due_at, urgency=Urgency.URGENT)
            if back > DAYS or day.weekday() >= SATURDAY:
                continue
            await _say(workplace, waiting, random)
            waiting = await _ask_all(_Day(day, back, random), clock, batcher, askers, rows)
    finally:
        await batcher.stop()
        await clock.close()


@dataclass(frozen=True, slots=True)
class Stopped:
    """A block or flag that its unit is going to decide."""

    answer: Mapping[str, Any]
    habit: Habit
    asker: Asker


@dataclass(frozen=True, slots=True)
class _Day:
    on: date
    back: int
    random: Random


async def _ask_all(
    day: _Day, clock: Connection, batcher: Batcher, askers: Mapping[str, Asker], rows: Sequence[Sequence[str]]
) -> list[Stopped]:
    """Ask the day's questions in the order of their hours; return those that were stopped."""
    random = day.random
    habits = [
        habit for habit in HABITS if day.back >= habit.last_day for _ in range(random.randint(0, habit.most_a_day))
    ]
    random.shuffle(habits)
    stopped = []
    for place, habit in enumerate(habits):
        minutes = 30 + place * 450 // len(habits) + random.randrange(450 // len(habits))
        await _set(clock, day.on, time(9 + minutes // 60, minutes % 60, random.randrange(60)))
        answer = await ask(batcher, askers[habit.agency], _question(random, habit, day.on, rows, place))
        if answer is not None and answer["decision"] != "clear":
            stopped.append(Stopped(answer, habit, askers[habit.agency]))
    return stopped


def _question(random: Random, habit: Habit, day: date, rows: Sequence[Sequence[str]], place: int) -> bytes:
    """A question: one in four about a listed person, the others about a person nobody lists."""
    matter, role = random.choice(habit.matters)
    kind = "organisation" if role == "bidder" else "person"
    listed = [
        row for row in rows[1:] if row[PUBLISHED] <= day.isoformat() and (row[4][:1] == "9") is (role == "bidder")
    ]
    name, number = random.choice("程邓傅顾侯黎") + random.choice("安宁舒远航川"), None
    if random.random() < 1 / 4 and listed:
        row = random.choice(listed)
        name, number = row[1], row[4] if random.random() < 3 / 4 else None
    type_ = "uscc" if kind == "organisation" else "resident_id"
    subject = {
        "role": role,
        "kind": kind,
        "name": f"昆明{name}建筑工程有限公司" if kind == "organisation" and number is None else name,
        "identifier": number and {"type": type_, "number": number},
    }
    reference = f"{habit.agency[3:]}-{day:%m%d}-{place + 1:02d}"
    asked = {"matter": matter, "reference": reference, "operator": habit.operator, "subjects": [subject]}
    return orjson.dumps(asked)


async def _say(workplace: Workplace, waiting: Sequence[Stopped], random: Random) -> None:
    """On the next working day the units record the outcome of most stops; sometimes they override one, with a reason."""
    if not waiting:
        return
    async with workplace.connected() as connection:
        for one in waiting:
            if random.random() > one.habit.says:
                continue
            action, reason = OutcomeAction.REFUSED, None
            if one.answer["decision"] == "flag":
                action = random.choice((OutcomeAction.SUSPENDED, OutcomeAction.APPROVED, OutcomeAction.REFERRED))
            elif random.random() < 1 / 12:
                action, reason = OutcomeAction.APPROVED, random.choice(REASONS)
            key = one.asker.principal
            actor = Actor(key.member, key.key_id, one.habit.operator) if key else Actor()
            async with connection.transaction():
                await record_outcome(
                    connection, dict(one.answer), action=action, reason=reason, actor=actor, secrecy=workplace.secrecy
                )


async def _act(workplace: Workplace, court: Court, back: int, day: date) -> None:
    """The court's manual acts: debts performed and deleted in time, late or not at all, a suspension, an objection."""
    if back not in {SUSPENDED_DAYS_AGO, OBJECTED_DAYS_AGO, *(one for _, *days in PERFORMED for one in days)}:
        return
    async with workplace.connected() as connection, connection.transaction():
        for case, performed, deleted in PERFORMED:
            if performed == back:
                listing, version = await _own(connection, case)
                await record_performance(
                    connection,
                    listing,
                    expected_version=version,
                    kind="performed",
                    performed_on=day,
                    note=None,
                    court=court,
                )
            if deleted == back:
                listing, version = await _own(connection, case)
                await end_listing(
                    connection,
                    listing,
                    RowAction.DELETE,
                    expected_version=version,
                    ground="performed",
                    decided_on=day,
                    reason="已全部履行",
                    court=court,
                )
        if back == SUSPENDED_DAYS_AGO:
            listing, version = await _own(connection, 4)
            await suspend_listing(
                connection,
                listing,
                expected_version=version,
                ground=SuspensionGround.BANKRUPTCY,
                decided_on=day,
                reason="已受理破产申请，见(2026)云01破5号裁定",
                court=court,
            )
        if back == OBJECTED_DAYS_AGO:
            listing, _ = await _own(connection, 5)
            text = "已于三月前与申请执行人达成和解并按期履行，请求删除"
            await file_objection(connection, listing, received_on=day, grounds="to_be_deleted", text=text, court=court)


def case_of(number: int) -> str:
    """The case of one of the demo's older listings."""
    return f"(2025)云0111执{9000 + number}号"


async def _own(connection: Connection, case: int) -> tuple[UUID, int]:
    row = await connection.fetchrow("SELECT id, version FROM listings WHERE case_number = $1", case_of(case))
    assert row is not None  # noqa: S101 - the first import published it
    return row["id"], row["version"]


async def _import(workplace: Workplace, actor: Actor, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    path = workplace.settings.data_dir / "list-of-the-month.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    await load(
        workplace, path, court_code=COURT_CODE, mode=ImportMode.UPSERT, is_dry_run=False, is_quiet=True, sent_by=actor
    )
    path.unlink()


async def _court(workplace: Workplace) -> Court:
    async with workplace.connected() as connection:
        member = await connection.fetchval("SELECT code FROM members WHERE court_code = $1", COURT_CODE)
    secrecy = workplace.secrecy
    return Court(
        code=COURT_CODE,
        actor=Actor(member, None, "chen.jie"),
        secrecy=secrecy,
        tools=Tools(Digester(secrecy.digest_key), secrecy.cipher("listing")),
    )


async def _asker(workplace: Workplace, habit: Habit) -> Asker:
    """The unit's own system, with a key whose secret nobody keeps."""
    async with workplace.connected() as connection, connection.transaction():
        key = await create_key(
            connection,
            member_code=habit.agency,
            role=Role.AGENCY,
            matters=[matter for matter, _ in habit.matters],
            days=LONGEST_KEY_DAYS,
            environment="test",
            actor=operator(),
            secrecy=workplace.secrecy,
        )
        credential = await find_credential(connection, key.key_id)
    assert credential is not None  # noqa: S101 - it was just made
    return Asker(credential.principal)


async def ask(batcher: Batcher, asker: Asker, body: bytes) -> dict[str, Any] | None:
    """The answer; None if an edition of the catalogue does not cover the question."""
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[Answer] = loop.create_future()
    batcher.ask(Ask(asker, body, loop.time() + PATIENCE_SECONDS, answered))
    try:
        answer: dict[str, Any] = orjson.loads((await answered).content)
    except Problem:
        return None
    return answer


async def _go(owner: str, day: date) -> None:
    clock = await connect(owner, role=None)
    try:
        await _set(clock, day, time(8))
    finally:
        await clock.close()


async def _set(clock: Connection, day: date, hour: time) -> None:
    await clock.execute(
        f"UPDATE {SCHEMA}.back SET span = pg_catalog.clock_timestamp() - $1", datetime.combine(day, hour, SHANGHAI)
    )


async def _execute(owner: str, script: str) -> None:
    connection = await connect(owner, role=None)
    try:
        await connection.execute(script)
    finally:
        await connection.close()


def _months_before(first: date) -> str:
    """Create the ledger's partitions for past months, which a new database does not have."""
    days = f"generate_series('{first}'::date, current_date, interval '1 day')"
    return f"SELECT attach_ledger_month(day::date) FROM {days} AS day"
