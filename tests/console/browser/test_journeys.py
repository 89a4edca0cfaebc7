"""The desks as people use them, in a browser."""

import re
import subprocess

import pytest

from blacklist_service.access.duties import Duty
from blacklist_service.clock import now
from blacklist_service.members.staff import totp
from blacklist_service.members.staff.operations import accounts, grants
from tests.console.browser.conftest import PICTURES, Hall, Seat
from tests.journeys.test_notices import serve
from tests.members.staff.people import PASSWORD, add_person
from tests.support import TEST, Service, resident_id, row
from tests.watches.following import follow

LONG_NAME = "昆明市官渡区滇池度假旅游开发投资建设集团第十三工程局有限责任公司矿业物流餐饮管理商贸运输分公司筹备处"


async def listed(service: Service, name: str = "赵六") -> str:
    number = resident_id()
    await service.load_rows(row(name=name, identifier_number=number))
    return number


async def ask(seat: Seat, name: str, number: str, *, matter: str = "civil_service_recruitment") -> None:
    page = seat.page
    await seat.open("/checks/new")
    await page.get_by_label("办理事项").select_option(matter)
    await page.get_by_label("业务编号").fill("GD-2026-1")
    await page.get_by_label("姓名/名称").fill(name)
    await page.locator("#number").fill(number)
    await seat.press("核查")


async def test_the_window_from_the_question_to_the_printed_explanation(hall: Hall, service: Service):
    number, person = await listed(service), await add_person(service, "wang.li", Duty.WINDOW)
    async with hall.seat() as seat:
        await seat.log_in(person)
        await seat.picture("window-home-empty")
        await seat.accessible()
        await seat.open("/checks/new")
        await seat.picture("window-ask")
        await seat.accessible()
        await ask(seat, "赵六", number)
        await seat.says("停止办理")
        await seat.picture("window-answer-block")
        await seat.accessible()
        check = seat.page.url.rpartition("/")[2]
        await seat.page.get_by_label("准予办理").check()
        await seat.press("提交")
        await seat.says("必须写明理由")
        await seat.picture("window-outcome-fault")
        await seat.accessible()
        await seat.page.get_by_label("准予办理").check()
        await seat.page.get_by_label("理由").fill("法院已出具履行完毕证明")
        await seat.press("提交")
        await seat.says("办理结果已记录")
        await seat.open(f"/checks/{check}/explanation")
        await seat.picture("window-explanation")
        await seat.page.pdf(path=PICTURES / "explanation.pdf", prefer_css_page_size=True)
        pages = subprocess.run(["pdfinfo", PICTURES / "explanation.pdf"], capture_output=True, text=True, check=False)
        assert not pages.stdout or re.search(r"Pages:\s+1\b", pages.stdout)
        await hall.seal()
        await seat.open(f"/checks/{check}/receipt")
        await seat.says("回执全文")
        await seat.picture("window-receipt")
        await seat.accessible()
        await seat.open("/find")
        await seat.page.locator("#number").fill(f"BLS1:{check}")
        await seat.press("查找")
        assert seat.page.url.endswith(check)


async def test_the_keyboard_alone_is_enough_and_a_wrong_digit_loses_no_typing(hall: Hall, service: Service):
    number, person = await listed(service), await add_person(service, "wang.li", Duty.WINDOW)
    wrong = number[:-1] + ("1" if number[-1] != "1" else "2")
    async with hall.seat() as seat:
        await seat.log_in(person)
        keys = seat.page.keyboard
        await keys.press("Alt+KeyN")
        await seat.page.get_by_label("办理事项").wait_for()
        await seat.page.get_by_label("办理事项").focus()
        await seat.page.get_by_label("办理事项").select_option("civil_service_recruitment")
        for typed in ("GD-9", "", None, "赵六", "", wrong):
            await keys.press("Tab")
            if typed:
                await keys.type(typed)
        await keys.press("Enter")
        await seat.says("请更正以下内容")
        focused = await seat.page.evaluate("document.activeElement.id")
        assert focused == "faults"
        assert await seat.page.locator("#number").input_value() == wrong
        await seat.picture("window-ask-fault")
        await seat.accessible()
        assert not await service.fetch("SELECT FROM ledger_entries WHERE action = 'check'")
        await seat.page.locator("#number").fill(number)
        await keys.press("Enter")
        await seat.says("停止办理")


async def test_without_scripts_a_check_and_its_outcome_work(hall: Hall, service: Service):
    number, person = await listed(service), await add_person(service, "wang.li", Duty.WINDOW)
    async with hall.seat(scripts=False) as seat:
        await seat.log_in(person)
        await ask(seat, "赵六", number)
        await seat.says("停止办理")
        await seat.page.get_by_label("不予办理").check()
        await seat.press("提交")
        await seat.says("办理结果已记录")


async def test_a_name_alone_and_nothing_found_look_different(hall: Hall, service: Service):
    await listed(service)
    person = await add_person(service, "wang.li", Duty.WINDOW)
    async with hall.seat() as seat:
        await seat.log_in(person)
        await ask(seat, "赵六", "")
        await seat.says("不能排除同名")
        await seat.picture("window-answer-flag")
        await seat.accessible()
        await ask(seat, "田野", "")
        await seat.says("未发现限制")
        await seat.picture("window-answer-clear")
        await seat.accessible()
        for path, name in (("/checks", "window-checks"), ("/checks/pending", "window-pending"), ("/me", "me")):
            await seat.open(path)
            await seat.picture(name)
            await seat.accessible()


async def test_twenty_matches_and_a_long_name_break_nothing(hall: Hall, service: Service):
    rows = [row(name=LONG_NAME, kind="organisation", identifier_type="", identifier_number="") for _ in range(21)]
    await service.load_rows(*rows)
    person = await add_person(service, "wang.li", Duty.WINDOW)
    async with hall.seat() as seat:
        await seat.log_in(person)
        await seat.open("/checks/new")
        await seat.page.get_by_label("办理事项").select_option("government_procurement")
        await seat.page.get_by_label("业务编号").fill("CG-1")
        await seat.page.get_by_label("法人或其他组织").check()
        await seat.page.get_by_label("姓名/名称").fill(LONG_NAME)
        await seat.press("核查")
        await seat.says("人工审核")
        await seat.picture("window-answer-many")
        for width in (320, 720):
            await seat.page.set_viewport_size({"width": width, "height": 800})
            wide = await seat.page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"wider than {width}: {wide}"
            await seat.picture(f"window-answer-many-{width}", whole=False)


async def test_the_auditor_finds_verifies_and_unmasks(hall: Hall, service: Service):
    number = await listed(service)
    asked = {
        "role": "applicant",
        "kind": "person",
        "name": "赵六",
        "identifier": {"type": "resident_id", "number": number},
    }
    check = await service.check(asked)
    await hall.seal()
    person = await add_person(service, "zhao.min", Duty.AUDITOR)
    async with hall.seat() as seat:
        await seat.log_in(person)
        await seat.picture("auditor-home")
        await seat.open("/entries")
        await seat.page.get_by_text("按人查询").click()
        await seat.page.get_by_label("姓名/名称").fill("赵六")
        await seat.page.locator("#number").fill(number)
        await seat.press("查询")
        await seat.picture("auditor-entries")
        await seat.accessible()
        assert await seat.page.locator("tbody tr").count() >= 1
        await seat.open(f"/entries/{check['check_id']}")
        await seat.says("已验证：条目在日志中，签名相符")
        await seat.picture("auditor-entry")
        await seat.accessible()
        await seat.page.get_by_label("理由").fill("信访件 2026-7")
        await seat.press("揭示身份")
        await seat.says("已揭示的身份")
        await seat.says(number)
        await seat.picture("auditor-unmasked")
        for path, name in (("/as-of", "auditor-as-of"), ("/exports", "auditor-exports"), ("/verify", "auditor-verify")):
            await seat.open(path)
            await seat.picture(name)
            await seat.accessible()


async def test_a_flipped_byte_is_told_by_the_browser_and_by_the_server(hall: Hall, service: Service):
    check = await service.check({"role": "applicant", "kind": "person", "name": "赵六", "identifier": None})
    await hall.seal()
    async with service.workplace.connected() as connection:
        await connection.execute("RESET ROLE")
        await connection.execute(
            "UPDATE ledger_entries SET leaf = set_byte(leaf, 40, get_byte(leaf, 40) # 1) WHERE id = $1",
            check["check_id"],
        )
    person = await add_person(service, "zhao.min", Duty.AUDITOR)
    async with hall.seat() as seat:
        await seat.log_in(person)
        await seat.open(f"/entries/{check['check_id']}")
        await seat.says("未通过验证：内容、位置或签名不符")
        await seat.says("回执不成立")
        await seat.picture("auditor-entry-forged")


async def test_both_languages_large_text_and_forced_colours(hall: Hall, service: Service):
    number, person = await listed(service), await add_person(service, "wang.li", Duty.WINDOW)
    async with hall.seat(forced_colors="active") as seat:
        await seat.log_in(person)
        await ask(seat, "赵六", number)
        await seat.picture("window-answer-forced-colours")
    async with hall.seat() as seat:
        await seat.log_in(person)
        await seat.open("/me")
        await seat.page.get_by_label("大字").check()
        await seat.press("保存")
        await seat.picture("me-large")
        await seat.page.get_by_role("button", name="English").click()
        await seat.page.get_by_role("heading", name="My account").wait_for()
        await seat.open("/checks/new")
        await seat.picture("window-ask-english")
        await seat.accessible()
    async with hall.seat(width=320) as seat:
        await seat.open("/login")
        await seat.picture("login-320")
        await seat.accessible()


async def test_enrolment_from_the_code_to_the_first_login(hall: Hall, service: Service):
    async with service.workplace.connected() as connection, connection.transaction():
        account, code = await accounts.open_account(
            connection,
            member="GD-HR",
            login="li.na",
            name="李娜",
            employee_number="E-77",
            actor=TEST,
            secrecy=service.workplace.secrecy,
        )
        await grants.grant_duty(connection, account, Duty.WINDOW, actor=TEST, secrecy=service.workplace.secrecy)
    async with hall.seat() as seat:
        await seat.open("/enrol")
        await seat.page.get_by_label("登录名").fill("li.na")
        await seat.page.get_by_label("启用码").fill(code)
        await seat.press("下一步")
        await seat.picture("enrol-factors")
        await seat.accessible()
        secret = totp.read_written((await seat.page.locator("#secret").inner_text()).replace(" ", ""))
        await seat.page.locator("#password").fill(PASSWORD)
        await seat.page.locator("#repeated").fill(PASSWORD)
        await seat.page.get_by_label("动态码", exact=True).fill(totp.code_at(secret, totp.step_of(now())))
        await seat.press("启用")
        await seat.says("备用码")
        await seat.picture("enrol-backup-codes")
        spare = await seat.page.locator(".codes li").first.inner_text()
        await seat.page.get_by_role("link", name="我已保存").click()
        await seat.page.get_by_label("登录名").fill("li.na")
        await seat.page.get_by_label("口令").fill(PASSWORD)
        await seat.page.get_by_label("动态码").fill(spare)
        await seat.press("登录")
        await seat.says("待反馈的核查")


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "=cmd|' /C calc'!A0"]
)
async def test_hostile_names_are_inert(hall: Hall, service: Service, hostile: str):
    person = await add_person(service, "wang.li", Duty.WINDOW)
    async with hall.seat() as seat:
        dialogs: list[str] = []
        seat.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
        await seat.log_in(person)
        await ask(seat, hostile, "")
        await seat.says("未发现限制")
        assert dialogs == []


async def test_a_question_kept_open_is_told_on_the_work_bench(hall: Hall, service: Service):
    number, person = resident_id(), await add_person(service, "wang.li", Duty.WINDOW)
    async with hall.seat() as seat:
        await seat.log_in(person)
        await ask(seat, "赵六", number)
        await seat.says("关注至")
        await seat.press("持续关注")
        await seat.says("结论有变动时告知本单位")
        await seat.picture("window-answer-watched")
        await seat.accessible()
        await service.load_rows(row(name="赵六", identifier_number=number))
        await follow(service)
        await seat.open("/")
        await seat.says("结论变动")
        await seat.picture("window-home-changes")
        await seat.accessible()
        await seat.open("/watches")
        await seat.says("有尚未确认的变动")
        await seat.picture("window-watches")
        await seat.accessible()
        await seat.open("/watches/events")
        await seat.picture("window-watch-events")
        await seat.accessible()
        await seat.press("确认知悉")
        await seat.says("没有尚未确认的变动")


async def test_a_notice_served_as_the_page_opens_is_on_it(hall: Hall, service: Service):
    person = await add_person(service, "wang.li", Duty.WINDOW)
    async with hall.seat() as seat:
        await seat.log_in(person)
        for name in ("一", "二"):
            served = await serve(service, agency="GD-HR", action="stop_procedure", number=f"(2026)云0111执协{name}号")
            await seat.says(served["number"])
            await seat.open("/")
