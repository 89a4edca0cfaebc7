"""The committee's desk, in a browser: from a bar to its rows to the entry; what is printed and downloaded."""

import re
import subprocess

from blacklist_service.access.duties import Duty
from tests.console.browser.conftest import PICTURES, Hall
from tests.members.staff.people import add_person
from tests.support import Service, resident_id, row, subject


async def test_from_a_bar_to_its_rows_to_the_entry(hall: Hall, service: Service):
    number = resident_id()
    await service.load_rows(row(name="赵六", identifier_number=number))
    stopped = await service.check(subject("赵六", number))
    await service.check(subject("田野", None))
    said = {"action": "approved", "reason": "法院同意办理，见函"}
    path = f"/v1/checks/{stopped['check_id']}/outcome"
    assert (await service.client.put(path, json=said, headers=service.bearer("agency"))).status_code == 200
    person = await add_person(service, "sun.qiang", Duty.SUPERVISOR)
    async with hall.seat() as seat:
        page = seat.page
        await seat.log_in(person)
        await seat.picture("supervisor-home")
        await seat.accessible()
        await page.get_by_role("main").get_by_role("link", name="督查考评").click()
        await seat.says("法院同意办理，见函")
        never = page.locator("section", has=page.get_by_role("heading", name=re.compile("从未核查的单位")))
        assert await never.get_by_text("GD-EDU").count() == 1
        await seat.picture("supervisor-scorecard")
        await seat.accessible()
        await page.pdf(path=PICTURES / "scorecard.pdf", prefer_css_page_size=True)
        printed = subprocess.run(
            ["pdftotext", PICTURES / "scorecard.pdf", "-"], capture_output=True, text=True, check=False
        )
        assert not printed.stdout or "督查考评" in printed.stdout
        async with page.expect_download() as download:
            await page.get_by_role("link", name="下载CSV").click()
        assert (await download.value).suggested_filename.startswith("scorecard-")
        await page.locator(".bars li").first.get_by_role("link").first.click()
        await page.get_by_role("heading", level=1, name="GD-HR").wait_for()
        await seat.picture("supervisor-unit")
        await seat.accessible()
        await page.locator(".bars li").first.get_by_role("link").first.click()
        await page.get_by_role("heading", name=re.compile("核查明细")).wait_for()
        assert await page.locator("tbody tr").count() == 2
        await seat.picture("supervisor-rows")
        await seat.accessible()
        await page.get_by_role("row", name=re.compile("停止办理")).get_by_role("link").click()
        await seat.says("法院同意办理，见函")
        assert "赵六" not in await page.content()
        assert number not in await page.content()
        await seat.picture("supervisor-check")
        await seat.accessible()
        await seat.open("/late-removals")
        await seat.says("都按期删除了")
        await seat.picture("supervisor-late")
        await seat.accessible()
        await seat.open("/scorecard?from=2026-02-01&to=2026-01-01")
        await seat.says("结束日期不得早于开始日期")
        await page.get_by_role("button", name="English").click()
        await seat.open("/scorecard")
        await page.set_viewport_size({"width": 320, "height": 900})
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320
        await seat.picture("supervisor-scorecard-320-english")
        await seat.accessible()
