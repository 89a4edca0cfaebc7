"""The pages by plain HTTP: what works without a script, and what is refused."""

import asyncio
import re

import pytest
from starlette.requests import Request

from blacklist_service.access.duties import Duty
from blacklist_service.console import serving
from blacklist_service.console.routing import PAGES
from tests.console.desk import Desk
from tests.members.staff.people import PASSWORD, add_person, forget_code
from tests.support import Service, day, resident_id, row
from tests.watches.following import follow


async def at_desk(service: Service, login: str, *duties: Duty) -> Desk:
    desk = Desk(service)
    await desk.log_in(await add_person(service, login, *duties))
    return desk


async def test_a_window_clerk_asks_and_says_what_was_done(service: Service):
    number = resident_id()
    await service.load_rows(row(name="赵六", identifier_number=number))
    desk = await at_desk(service, "wang.li", Duty.WINDOW)
    await desk.open("/console/checks/new")
    assert "公务员录用" in desk.text
    asked = {"matter": "civil_service_recruitment", "role": "applicant", "kind": "person", "name": "赵六"}
    await desk.submit("/checks/new", **asked, reference="GD-1", type="resident_id", number=number)
    assert "停止办理" in desk.text
    assert "姓名（名称）与证件号码一致" in desk.text
    await desk.submit(outcome_of(desk), action="approved", reason="")
    assert desk.page.status_code == 422
    assert "必须写明理由" in desk.text
    await desk.submit(outcome_of(desk), action="approved", reason="已核实为同名，另有文号")
    assert "办理结果已记录" in desk.text
    await desk.open("/console/checks")
    assert "准予办理" in desk.text
    [entry] = await service.fetch(
        "SELECT operator, key_id, agency FROM ledger_entries WHERE action = 'check' ORDER BY at DESC LIMIT 1"
    )
    assert (entry["operator"], entry["agency"], entry["key_id"][0]) == ("wang.li", "GD-HR", "u")
    assert not await service.fetch("SELECT FROM ledger_entries WHERE action = 'refused'")


async def test_a_wrong_check_digit_keeps_the_typing_and_records_nothing(service: Service):
    desk = await at_desk(service, "wang.li", Duty.WINDOW)
    await desk.open("/console/checks/new")
    asked = {"matter": "civil_service_recruitment", "role": "applicant", "kind": "person", "name": "赵六"}
    await desk.submit("/checks/new", **asked, reference="GD-1", type="resident_id", number="530111198503170016")
    assert desk.page.status_code == 422
    assert "证件号码有误" in desk.text
    assert 'value="530111198503170016"' in desk.page.text
    assert not await service.fetch("SELECT FROM ledger_entries WHERE action = 'check'")


@pytest.mark.parametrize("hung", ["staff_sessions", "ledger_entries"])
async def test_where_the_database_hangs_nothing_is_told_and_nothing_lost(
    service: Service, monkeypatch: pytest.MonkeyPatch, hung: str
):
    number = resident_id()
    await service.load_rows(row(name="赵六", identifier_number=number))
    desk = await at_desk(service, "wang.li", Duty.WINDOW)
    await desk.open("/console/checks/new")
    asked = {"matter": "civil_service_recruitment", "role": "applicant", "kind": "person", "name": "赵六"}
    await asyncio.sleep(serving.REMEMBERED_SECONDS)
    in_time = serving.BESIDE_THE_CHECK_SECONDS
    monkeypatch.setattr(serving, "BESIDE_THE_CHECK_SECONDS", 0.5 - service.app.state.settings.check_deadline_ms / 1000)
    async with service.workplace.connected() as other:
        await other.execute("RESET ROLE")
        async with other.transaction():
            await other.execute(f"LOCK TABLE {hung} IN ACCESS EXCLUSIVE MODE")
            await desk.submit("/checks/new", **asked, reference="GD-1", type="resident_id", number=number)
            assert desk.page.status_code == 503
            assert "无法判定，不得视为通过" in desk.text
            assert "停止办理" not in desk.text
            assert "公务员录用" in desk.text
    monkeypatch.setattr(serving, "BESIDE_THE_CHECK_SECONDS", in_time)
    await desk.submit("/checks/new")
    assert desk.page.status_code == 200
    assert "停止办理" in desk.text
    [entries] = await service.fetch("SELECT count(*) AS n FROM ledger_entries WHERE action = 'check'")
    assert entries["n"] == 1


async def test_a_strangers_question_is_no_question_though_the_page_is_in_time(service: Service):
    desk = await at_desk(service, "wang.li", Duty.WINDOW)
    await desk.open("/console/checks/new")
    asked = {"matter": "civil_service_recruitment", "role": "applicant", "kind": "person", "name": "赵六"}
    await desk.submit("/checks/new", **asked, reference="GD-1", token="0" * 43)
    assert desk.page.status_code == 409
    await desk.open("/console/checks/new")
    await desk.submit("/checks/new", **asked, reference="GD-1", headers={"Sec-Fetch-Site": "cross-site"})
    assert desk.page.status_code == 403
    assert not await service.fetch("SELECT FROM ledger_entries WHERE action = 'check'")


async def test_the_check_that_waits_longest_stands_first(service: Service):
    number = resident_id()
    await service.load_rows(row(name="赵六", identifier_number=number))
    desk = await at_desk(service, "wang.li", Duty.WINDOW)
    for reference in ("GD-1", "GD-2", "GD-3"):
        await desk.open("/console/checks/new")
        asked = {"matter": "civil_service_recruitment", "role": "applicant", "kind": "person", "name": "赵六"}
        await desk.submit("/checks/new", **asked, reference=reference, type="resident_id", number=number)
    for path in ("/console/", "/console/checks/pending"):
        await desk.open(path)
        assert re.findall(r"GD-\d", desk.text) == ["GD-1", "GD-2", "GD-3"]


async def test_an_address_without_a_page_keeps_the_menu(service: Service):
    desk = await at_desk(service, "wang.li", Duty.WINDOW)
    await desk.open("/console/nowhere")
    assert desk.page.status_code == 404
    assert "没有这个页面" in desk.text
    assert "待反馈" in desk.text


async def test_every_page_is_its_duties_alone_and_a_refusal_is_on_record(service: Service):
    desk = await at_desk(service, "wang.li", Duty.WINDOW)
    await desk.open("/console/entries")
    assert desk.page.status_code == 403
    assert "审计" in desk.text
    assert await service.fetch("SELECT FROM ledger_entries WHERE action = 'refused' AND operator = 'wang.li'")


async def test_another_units_check_is_not_there(service: Service):
    theirs = await service.check({"role": "applicant", "kind": "person", "name": "赵六", "identifier": None})
    desk = Desk(service)
    await desk.log_in(await add_person(service, "li.na", Duty.WINDOW, member="GD-EDU"))
    for path in ("", "/explanation", "/receipt"):
        await desk.open(f"/console/checks/{theirs['check_id']}{path}")
        assert desk.page.status_code == 404


async def test_an_auditor_finds_who_asked_and_unmasks_with_a_reason(service: Service):
    number = resident_id()
    asked = {
        "role": "applicant",
        "kind": "person",
        "name": "赵六",
        "identifier": {"type": "resident_id", "number": number},
    }
    check = await service.check(asked)
    desk = await at_desk(service, "zhao.min", Duty.AUDITOR)
    await desk.open("/console/entries")
    await desk.submit("/entries", kind="person", name="赵六", type="resident_id", number=number, action="")
    assert number not in desk.address
    assert "赵" not in desk.address
    assert "GD-HR" in desk.text
    await desk.open(f"/console/entries/{check['check_id']}")
    assert "尚未封存" in desk.text
    await desk.submit(f"/entries/{check['check_id']}/unmasking", reason="")
    assert desk.page.status_code == 422
    await desk.submit(f"/entries/{check['check_id']}/unmasking", reason="信访件")
    assert number in desk.text
    assert await service.fetch("SELECT FROM ledger_entries WHERE action = 'audit_unmasked' AND operator = 'zhao.min'")


async def test_unmasking_needs_a_fresh_second_factor(service: Service):
    check = await service.check({"role": "applicant", "kind": "person", "name": "赵六", "identifier": None})
    person = await add_person(service, "zhao.min", Duty.AUDITOR)
    desk = Desk(service)
    await desk.log_in(person)
    await service.fetch("UPDATE staff_sessions SET proved_at = now() - interval '6 minutes'")
    service.app.state.console.__init__(service.app.state)  # as if half a second had passed
    await desk.open(f"/console/entries/{check['check_id']}")
    await desk.submit(f"/entries/{check['check_id']}/unmasking", reason="信访件", code="000000")
    assert desk.page.status_code == 403
    assert ">信访件</textarea>" in desk.page.text
    await forget_code(service, person)
    before = desk.cookie
    await desk.open(f"/console/entries/{check['check_id']}")
    await desk.submit(f"/entries/{check['check_id']}/unmasking", reason="信访件", code=person.code())
    assert desk.page.status_code == 200
    assert desk.cookie != before
    await desk.submit("/find", number=check["check_id"])  # the forms of that page are of the new session
    assert desk.page.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://elsewhere.example"},
        {"Sec-Fetch-Site": "none", "Origin": "null"},
    ],
)
async def test_another_site_sends_no_form(service: Service, headers: dict[str, str]):
    desk = await at_desk(service, "wang.li", Duty.WINDOW)
    await desk.open("/console/checks/new")
    asked = {"matter": "civil_service_recruitment", "role": "applicant", "kind": "person", "name": "赵六"}
    await desk.submit("/checks/new", headers=headers, **asked, reference="GD-1", type="resident_id", number="")
    assert desk.page.status_code == 403
    assert not await service.fetch("SELECT FROM ledger_entries WHERE action = 'check'")


async def test_a_form_without_its_token_is_refused(service: Service):
    desk = await at_desk(service, "wang.li", Duty.WINDOW)
    await desk.open("/console/checks/new")
    await desk.submit("/checks/new", token="", name="赵六")
    assert desk.page.status_code == 403


async def test_after_a_time_out_the_typing_comes_back_unsent(service: Service):
    person = await add_person(service, "wang.li", Duty.WINDOW)
    desk = Desk(service)
    await desk.log_in(person)
    await desk.open("/console/checks/new")
    await service.fetch("UPDATE staff_sessions SET seen_at = now() - interval '16 minutes'")
    service.app.state.console.__init__(service.app.state)
    asked = {"matter": "civil_service_recruitment", "role": "applicant", "kind": "person", "name": "赵六"}
    await desk.submit("/checks/new", **asked, reference="GD-7", type="resident_id", number="")
    assert desk.page.status_code == 401
    assert "您填写的内容已保留" in desk.text
    assert "赵六" not in desk.page.text
    await forget_code(service, person)
    await desk.submit("/login", login=person.login, password=PASSWORD, code=person.code())
    assert "赵六" in desk.text
    assert not await service.fetch("SELECT FROM ledger_entries WHERE action = 'check'")
    await desk.submit("/checks/new", edit="1")
    assert 'value="赵六"' in desk.page.text


async def test_away_from_loopback_the_console_needs_a_name(service: Service):
    desk = Desk(service)
    for host in ("blacklist.example", "10.0.0.5:8000"):
        await desk.open("/console/login", Host=host)
        assert desk.page.status_code == 404


async def test_out_is_out(service: Service):
    desk = await at_desk(service, "wang.li", Duty.WINDOW)
    cookie = desk.cookie
    await desk.submit("/logout")
    desk.cookie = cookie
    service.app.state.console.__init__(service.app.state)
    await desk.open("/console/checks/new")
    assert "登录名" in desk.text


def outcome_of(desk: Desk) -> str:
    """The address that the open answer's outcome goes to."""
    check_id = desk.address.split("?")[0].removeprefix("/console/checks/").removesuffix("/outcome")
    return f"/checks/{check_id}/outcome"


async def test_a_stranger_uploads_nothing(service: Service):
    files = {"file": ("bundle.zip", b"x" * 100_000)}
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1", "Host": "127.0.0.1"}
    answer = await service.client.post("http://127.0.0.1/console/verify", files=files, headers=headers)
    assert answer.status_code == 401


async def test_a_new_password_is_never_shown_or_kept(service: Service):
    person = await add_person(service, "wang.li", Duty.WINDOW)
    desk = Desk(service)
    await desk.log_in(person)
    await desk.open("/console/me")
    await service.fetch("UPDATE staff_sessions SET seen_at = now() - interval '16 minutes'")
    service.app.state.console.__init__(service.app.state)
    await desk.submit("/me/password", password="Another-1-of-mine", repeated="Another-1-of-mine")
    assert "您填写的内容已保留" not in desk.text
    await forget_code(service, person)
    await desk.submit("/login", login=person.login, password=PASSWORD, code=person.code())
    assert "Another-1-of-mine" not in desk.page.text


async def test_after_a_new_password_the_old_session_is_over_at_once(service: Service):
    person = await add_person(service, "wang.li", Duty.WINDOW)
    desk = Desk(service)
    await desk.log_in(person)
    before = desk.cookie
    await desk.open("/console/me")
    await desk.submit("/me/password", password="Another-1-of-mine", repeated="Another-1-of-mine")
    assert desk.address.startswith("/console/login")
    assert desk.page.status_code == 200
    desk.cookie = before
    await desk.open("/console/me")
    assert desk.address.startswith("/console/login")


async def test_what_the_page_asks_by_itself_hides_no_use(service: Service):
    desk = await at_desk(service, "wang.li", Duty.WINDOW)
    await service.fetch("UPDATE staff_sessions SET seen_at = now() - interval '14 minutes'")
    [before] = await service.fetch("SELECT seen_at FROM staff_sessions")
    console = service.app.state.console
    console.forget(desk.cookie)
    background = next(page for page in PAGES if page.is_background)
    request = Request({"type": "http", "headers": [(b"cookie", f"__Host-console={desk.cookie}".encode())]})
    assert await console._session(request, background) is not None
    await desk.open("/console/alive")
    [after] = await service.fetch("SELECT seen_at FROM staff_sessions")
    assert after["seen_at"] > before["seen_at"]


async def test_a_flood_of_logins_takes_no_connection_from_others(service: Service):
    async def try_once() -> None:
        desk = Desk(service)
        await desk.open("/console/login")
        await desk.submit("/login", login="nobody", password="x", code="1")

    flood = [asyncio.create_task(try_once()) for _ in range(40)]
    try:
        await asyncio.sleep(0.3)
        pool = service.app.state.pool
        assert pool.get_idle_size() + pool.get_max_size() - pool.get_size() > 0
        async with asyncio.timeout(2):
            async with pool.acquire() as connection:
                assert await connection.fetchval("SELECT 1") == 1
    finally:
        await asyncio.gather(*flood, return_exceptions=True)


async def test_a_number_alone_is_not_searched_as_if_it_were_nothing(service: Service):
    desk = await at_desk(service, "zhao.min", Duty.AUDITOR)
    await desk.open("/console/entries")
    await desk.submit("/entries", kind="person", name="", type="resident_id", number=resident_id(), action="")
    assert desk.page.status_code == 422
    assert "<tbody>" not in desk.page.text


@pytest.mark.parametrize(("field", "value"), [("login", "a\0b"), ("login", "x" * 70_000), ("password", "\0")])
async def test_odd_input_at_the_door_is_refused(service: Service, field: str, value: str):
    desk = Desk(service)
    await desk.open("/console/login")
    await desk.submit("/login", **({"login": "wang.li", "password": "x", "code": "1"} | {field: value}))
    assert desk.page.status_code in {401, 422}


async def test_behind_an_unnamed_proxy_there_is_no_console(service: Service):
    desk = Desk(service)
    await desk.open("/console/login", **{"X-Forwarded-For": "203.0.113.9"})
    assert desk.page.status_code == 404
    await desk.open("/console/login", Host="[")
    assert desk.page.status_code in {400, 404}


async def test_a_window_clerk_keeps_a_question_open_is_told_and_takes_note(service: Service):
    number = resident_id()
    desk = await at_desk(service, "wang.li", Duty.WINDOW)
    await desk.open("/console/checks/new")
    asked = {"matter": "civil_service_recruitment", "role": "applicant", "kind": "person", "name": "赵六"}
    await desk.submit("/checks/new", **asked, reference="GD-77", type="resident_id", number=number)
    check = desk.address.rsplit("/", 1)[1].partition("?")[0]
    await desk.submit(f"/checks/{check}/watch", until=day(401))
    assert desk.page.status_code == 422
    assert "400 天以内" in desk.text
    await desk.submit(f"/checks/{check}/watch", until=day(30))
    assert f"关注至 {day(30)}" in desk.text

    await service.load_rows(row(name="赵六", identifier_number=number))
    await follow(service)
    await desk.open("/console/")
    assert "上次确认以来的变动 1" in desk.text
    assert "结论变动" in desk.text
    await desk.open("/console/watches/events")
    recheck = re.search(r"/console/checks/([0-9a-f-]+)", desk.page.text)
    await desk.submit("/watches/events/acknowledgement")
    assert "没有尚未确认的变动" in desk.text
    [entry] = await service.fetch("SELECT operator FROM ledger_entries WHERE action = 'events_told'")
    assert entry["operator"] == "wang.li"
    assert recheck
    await desk.open(f"/console/checks/{recheck[1]}")
    assert "停止办理" in desk.text
    assert "关注至" not in desk.text

    await desk.open("/console/watches")
    assert "GD-77" in desk.text
    await desk.submit(f"/watches/{check}/closure")
    assert "没有持续关注的核查" in desk.text
    await desk.open("/console/watches?state=closed")
    assert "本单位结束" in desk.text
