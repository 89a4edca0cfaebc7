"""The officers' desks, in a browser: an account from its opening to its end, a key, a catalogue."""

import re

from playwright.async_api import FilePayload

from blacklist_service.access.duties import Duty
from blacklist_service.audit.simulation_jobs import simulate_next
from blacklist_service.measures.operations import founding_catalogue
from tests.console.browser.conftest import Hall
from tests.members.staff.people import add_person
from tests.support import Service


async def test_one_officer_opens_another_grants_and_neither_does_the_others(hall: Hall, service: Service):
    system = await add_person(service, "xu.hao", Duty.SYSTEM)
    security = await add_person(service, "he.ping", Duty.SECURITY)
    async with hall.seat() as seat:
        page = seat.page
        await seat.log_in(system)
        await seat.picture("system-home")
        await seat.accessible()
        await seat.open("/staff/new")
        await seat.press("开立")
        await page.get_by_label("单位", exact=True).select_option("GD-HR")
        await page.get_by_label("姓名").fill("李娜")
        await page.get_by_label("登录名").fill("Li Na")
        await page.get_by_label("工号").fill("E-77")
        await seat.press("开立")
        await seat.says("登录名为3至32个小写字母")
        await seat.picture("system-new-fault")
        await seat.accessible()
        await page.get_by_label("登录名").fill("li.na")
        await seat.press("开立")
        assert re.fullmatch(r"[0-9A-Z]{4}(-[0-9A-Z]{4}){3}", await page.locator("#enrolment-code").inner_text())
        await seat.picture("system-code")
        await seat.accessible()
        await seat.open("/staff/new")
        await page.get_by_label("单位", exact=True).select_option("GD-EDU")
        await page.get_by_label("姓名").fill("李娜")
        await page.get_by_label("登录名").fill("li.na2")
        await page.get_by_label("工号").fill("e-77")
        await seat.press("开立")
        await seat.says("一人只能有一个账号")
        await seat.open("/staff")
        await seat.picture("system-staff")
        await seat.accessible()
        await page.get_by_role("link", name="li.na", exact=True).click()
        await seat.picture("system-account")
        await seat.accessible()
        await seat.open("/state")
        await seat.says("此页不含名单内容")
        await seat.picture("system-state")
        await seat.accessible()
        await seat.open("/grants")
        await seat.says("您的岗位不能使用此页面")
    async with hall.seat() as seat:
        page = seat.page
        await seat.log_in(security)
        await seat.picture("security-home")
        await seat.accessible()
        await page.get_by_role("link", name=re.compile("li.na")).click()
        await page.get_by_label("窗口").check()
        await page.get_by_label(re.compile("只限以下事项")).check()
        await page.get_by_label("公务员录用、调任").check()
        await seat.picture("security-grant")
        await seat.accessible()
        await seat.press("保存")
        await seat.says("已保存，并记入台账")
        await seat.open("/staff/new")
        await seat.says("您的岗位不能使用此页面")
        await seat.open("/grants?standing=")
        await page.get_by_role("link", name="he.ping", exact=True).click()
        await seat.says("不能给自己授予或收回岗位")
    [held] = await service.fetch(
        "SELECT d.duty, array_agg(m.matter) AS matters FROM staff s JOIN staff_duties d ON d.staff = s.id"
        " JOIN staff_matters m ON m.staff = s.id WHERE s.login = 'li.na' GROUP BY 1"
    )
    assert (held["duty"], held["matters"]) == ("window", ["civil_service_recruitment"])


async def test_a_key_is_made_shown_once_and_revoked(hall: Hall, service: Service):
    async with hall.seat() as seat:
        page = seat.page
        await seat.log_in(await add_person(service, "he.ping", Duty.SECURITY))
        await seat.open("/members/new")
        await page.get_by_label("单位代码").fill("GD-URBAN2")
        await page.get_by_label("名称").fill("官渡区城市管理局")
        await page.get_by_label("人民法院").check()
        await seat.press("新增")
        await seat.says("法院须填写法院代码")
        await page.get_by_label("协助单位").check()
        await seat.press("新增")
        await seat.says("已保存，并记入台账")
        await page.get_by_text("签发密钥").click()
        await seat.press("签发")
        key = await page.locator("#new-key").inner_text()
        await seat.picture("security-key")
        await seat.accessible()
        await page.get_by_role("link", name="返回").click()
        await seat.picture("security-member")
        await seat.accessible()
        bearer = {"Authorization": f"Bearer {key.strip()}"}
        assert (await service.client.get("/v1/matters", headers=bearer)).status_code == 200
        await page.locator("summary", has_text="吊销").click()
        await seat.press("确认吊销")
        await seat.says("已吊销")
        await seat.open("/policy")
        await seat.picture("security-policy")
        await seat.accessible()
        await seat.open("/members")
        await page.set_viewport_size({"width": 320, "height": 900})
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320
        await seat.picture("security-members-320")
    [row] = await service.fetch("SELECT revoked_at FROM api_keys WHERE member = 'GD-URBAN2' AND kind = 'machine'")
    assert row["revoked_at"] is not None


def a_file(content: bytes) -> FilePayload:
    return {"name": "catalogue.json", "mimeType": "application/json", "buffer": content}


async def test_a_catalogue_comes_in_force_with_the_difference_that_was_seen(hall: Hall, service: Service):
    whole = founding_catalogue()
    fewer = whole.model_copy(update={"matters": whole.matters[1:]}).model_dump_json(
        by_alias=True, exclude_defaults=True
    )
    async with hall.seat() as seat:
        page = seat.page
        await seat.log_in(await add_person(service, "he.ping", Duty.SECURITY))
        await seat.open("/measures")
        await seat.picture("security-measures")
        await seat.accessible()
        await page.get_by_label(re.compile("目录文件")).set_input_files(a_file(b'{"matters": 3}'))
        await seat.press("上传并比较")
        await seat.says("文件不是有效的措施目录")
        await seat.picture("security-measures-fault")
        await page.get_by_label(re.compile("目录文件")).set_input_files(a_file(fewer.encode()))
        await seat.press("上传并比较")
        await seat.says("被取消或减弱的措施")
        async with service.workplace.connected() as connection:
            await simulate_next(connection, service.workplace.secrecy)
        await seat.says("的答复会改变")
        await seat.picture("security-candidate")
        await seat.accessible()
        await seat.press("生效")
        await seat.says("请先核对差异并确认")
        await page.get_by_label(re.compile("我已逐条核对")).check()
        await seat.press("生效")
        await seat.says("第 2 版已生效")
    [entry] = await service.fetch(
        "SELECT operator FROM ledger_entries WHERE action = 'measures_applied' AND measures_version = 2"
    )
    assert entry["operator"] == "he.ping"
