"""What the calendar records, and when its date is believed: a clock that jumps ends nothing for good."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta

import pytest

from blacklist_service.cli.doctoring import confirm, examine
from blacklist_service.database.connections import connect
from blacklist_service.listings.calendar import Calendar, EvenClock
from blacklist_service.settings import Settings
from tests.support import TEST, Service, day, resident_id, row, subject

HOUR = 3600.0
START = datetime(2026, 11, 2, tzinfo=UTC)
LISTED = resident_id(15)
WHO = subject("张三", LISTED)


class Uptime:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def uptime() -> Uptime:
    return Uptime()


@pytest.fixture
def clock(uptime: Uptime) -> EvenClock:
    return EvenClock(uptime)


def even_calendar() -> Calendar:
    """One whose clock has kept pace for two hours."""
    uptime = Uptime()
    clock = EvenClock(uptime)
    clock.is_even(datetime.now(UTC) - timedelta(hours=2))
    uptime.seconds = 2 * HOUR
    return Calendar(clock)


async def keep(service: Service, calendar: Calendar) -> None:
    async with service.workplace.connected() as connection:
        is_more = True
        while is_more:
            async with connection.transaction():
                is_more = await calendar.keep(connection, service.workplace.secrecy)


def at_a_terminal(service: Service) -> Settings:
    secret = base64.b64encode(bytes(range(32))).decode()
    return Settings(data_dir=service.workplace.settings.data_dir, database_url=service.workplace.dsn, secret_key=secret)


async def doctors_word(service: Service) -> str | None:
    findings = await asyncio.to_thread(examine, at_a_terminal(service))
    return next(one.fault for one in findings if one.what == "calendar")


async def confirm_today(service: Service) -> None:
    await confirm(service.workplace, TEST)


async def ended(service: Service) -> int:
    [found] = await service.fetch("SELECT count(*) AS n FROM listings WHERE ended = 'expired'")
    return int(found["n"])


def past(number: int, **values: str) -> dict[str, str]:
    return row(case_number=f"(2024)云0111执{number}号", published_on=day(-800), expires_on=day(-30), **values)


def test_a_clock_is_even_after_an_hour_at_the_pace_of_the_machine(clock: EvenClock, uptime: Uptime):
    for minutes in range(60):
        uptime.seconds = minutes * 60.0
        assert not clock.is_even(START + timedelta(minutes=minutes, seconds=minutes % 3))
    uptime.seconds = HOUR
    assert clock.is_even(START + timedelta(hours=1))


@pytest.mark.parametrize("jump", [timedelta(days=200), timedelta(days=-200), timedelta(minutes=1)])
def test_each_jump_begins_the_hour_anew(clock: EvenClock, uptime: Uptime, jump: timedelta):
    clock.is_even(START)
    uptime.seconds = 5 * HOUR
    assert clock.is_even(START + timedelta(hours=5))
    for at in (START + timedelta(hours=5) + jump, START + timedelta(hours=5)):
        assert not clock.is_even(at)
    uptime.seconds = 5.9 * HOUR
    assert not clock.is_even(START + timedelta(hours=5.9))
    uptime.seconds = 6.1 * HOUR
    assert clock.is_even(START + timedelta(hours=6.1))


def test_a_clock_that_runs_too_fast_is_not_even(clock: EvenClock, uptime: Uptime):
    for hours in range(1, 10):
        uptime.seconds = hours * HOUR
        assert not clock.is_even(START + timedelta(hours=2 * hours))


async def test_nothing_is_written_in_the_first_hour_and_a_check_goes_by_the_date(service: Service):
    await service.load_rows(past(1, name="张三", identifier_number=LISTED))
    await keep(service, Calendar())
    assert (await ended(service), await service.decide(WHO)) == (0, "clear")
    [task] = (await service.get("/v1/listings/tasks", key="court")).json()["items"]
    assert (task["task"], task["since"]) == ("delete_after_term", day(-30))
    [listing] = (await service.get("/v1/listings", key="court", state="expired")).json()["items"]
    assert listing["state"] == "expired"
    await keep(service, even_calendar())
    assert await ended(service) == 1
    [again] = (await service.get("/v1/listings/tasks", key="court")).json()["items"]
    assert again == task


async def test_more_than_usual_waits_for_an_operators_word(service: Service):
    await service.load_rows(*(past(number) for number in range(1001)))
    calendar = even_calendar()
    await keep(service, calendar)
    assert await ended(service) == 0
    assert "--confirm-date" in (await doctors_word(service) or "")
    await confirm_today(service)
    assert await doctors_word(service) is None
    await keep(service, calendar)
    assert await ended(service) == 1001
    [entry] = await service.fetch("SELECT operator FROM ledger_entries WHERE action = 'date_confirmed'")
    assert entry["operator"] == TEST.operator


async def test_what_was_confirmed_yesterday_is_no_surprise_today(service: Service):
    await service.load_rows(*(past(number) for number in range(1001)), past(2000) | {"expires_on": day(-1)})
    owner = await connect(service.workplace.dsn, role=None)
    await owner.execute("INSERT INTO date_confirmations VALUES (now(), current_date - 5, 'yesterday')")
    await owner.close()
    assert await doctors_word(service) is None
    await keep(service, even_calendar())
    assert await ended(service) == 1002


async def test_an_operators_word_is_for_that_day_and_needs_no_hour(service: Service):
    await service.load_rows(past(1))
    await confirm_today(service)
    await keep(service, Calendar())
    assert await ended(service) == 1


async def expired_by_a_clock_ahead(service: Service, **values: str | None) -> str:
    """As if the clock had been 800 days ahead for an hour and more."""
    await service.load_rows(row(name="张三", identifier_number=LISTED, case_number="(2025)云0111执1号", **values))
    async with service.workplace.connected() as connection:
        await connection.execute("UPDATE listings SET expires_on = expires_on - 800")
        await service.do_calendar_round(connection)
        await connection.execute("UPDATE listings SET expires_on = expires_on + 800, ended_on = expires_on + 800")
    [listing] = (await service.get("/v1/listings", key="court")).json()["items"]
    assert (listing["state"], await service.decide(WHO)) == ("expired", "clear")
    return str(listing["listing_id"])


async def test_an_expiry_that_was_written_too_early_is_undone(service: Service):
    listing = await expired_by_a_clock_ahead(service)
    assert (await service.get("/v1/listings/tasks", key="court")).json()["items"] == []
    await keep(service, Calendar())
    assert await service.decide(WHO) == "clear"
    await keep(service, even_calendar())
    for asked in (WHO, subject("张三")):
        assert len((await service.check(asked))["subjects"][0]["matches"]) == 1
    assert await service.decide(WHO) == "block"
    shown = (await service.get(f"/v1/listings/{listing}", key="court")).json()
    assert (shown["state"], shown["ended_on"], shown["version"]) == ("published", None, 3)
    history = (await service.get(f"/v1/listings/{listing}/history", key="court")).json()["items"]
    assert [(one["act"], one["operator"]) for one in history][1:] == [
        ("expired", "calendar"),
        ("reinstated", "calendar"),
    ]
    page = (await service.get("/v1/changes", digest=True)).json()
    assert [one["type"] for one in page["items"]] == ["published", "expired", "published"]
    assert (page["items"][-1]["listing"]["debtor"]["name"], page["set"]["count"]) == ("张三", 1)
    body = {"expires_on": day(900), "decided_on": day(), "reason": "延长"}
    path = f"/v1/listings/{listing}/extension"
    assert (await service.post(path, body, key="court", **{"If-Match": '"3"'})).status_code == 200
    await keep(service, even_calendar())
    assert len((await service.get(f"/v1/listings/{listing}/history", key="court")).json()["items"]) == 4


async def test_what_ended_while_the_clock_was_ahead_is_known_as_it_was_answered(service: Service):
    before = await service.check(WHO)
    await expired_by_a_clock_ahead(service)
    cleared = await service.check(WHO)
    await keep(service, even_calendar())
    blocked = await service.check(WHO)
    for check in (before, cleared, blocked):
        asked = {"matter": check["matter"], "subject": WHO, "at": check["checked_at"], "agency": "GD-HR"}
        then = (await service.post("/v1/audit/as-of", asked, key="auditor")).json()
        assert then["decision"] == check["decision"]


async def test_it_is_not_undone_where_the_debtor_was_listed_again_meanwhile(service: Service):
    await expired_by_a_clock_ahead(service)
    async with service.workplace.connected() as connection:
        await connection.execute("UPDATE listings SET ended_on = current_date - 5, expires_on = current_date - 5")
    again = row(name="张三", identifier_number=LISTED, case_number="(2025)云0111执1号")
    again |= {"decided_on": day(), "decision_number": "新", "expires_on": day(500)}
    assert (await service.load_rows(again)).counts.created == 1
    async with service.workplace.connected() as connection:
        await connection.execute("UPDATE listings SET expires_on = current_date + 5 WHERE ended = 'expired'")
    await keep(service, even_calendar())
    assert (await ended(service), await service.decide(WHO)) == (1, "block")


async def test_one_that_was_suspended_is_so_again(service: Service):
    await service.load_rows(row(name="张三", identifier_number=LISTED))
    [listing] = (await service.get("/v1/listings", key="court")).json()["items"]
    body = {"ground": "bankruptcy", "decided_on": day(), "reason": "受理破产"}
    path = f"/v1/listings/{listing['listing_id']}/suspension"
    assert (await service.post(path, body, key="court", **{"If-Match": '"1"'})).status_code == 200
    async with service.workplace.connected() as connection:
        await connection.execute("UPDATE listings SET expires_on = expires_on - 800")
        await service.do_calendar_round(connection)
        await connection.execute("UPDATE listings SET expires_on = expires_on + 800")
    await keep(service, even_calendar())
    [state] = await service.fetch("SELECT ended, is_published, suspended_on FROM listings")
    assert (state["ended"], state["is_published"], state["suspended_on"] is not None) == (None, False, True)
    assert await service.decide(WHO) == "clear"
