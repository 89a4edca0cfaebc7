"""The security officer approves a webhook, and sees what became of each event."""

from datetime import timedelta

from blacklist_service.access.duties import Duty
from tests.console.browser.conftest import Hall
from tests.members.staff.people import add_person
from tests.support import Service
from tests.webhooks.receiver import TARGETS, Clock, change, failing, happen, receiving, sender_to, settle_all, withdrawn

ASKED = {
    "url": "http://gw.guandu.example:8080/blacklist/events",
    "types": ["watch.decision_changed", "check.listing_withdrawn"],
}


async def test_an_address_from_its_approval_to_its_end(hall: Hall, service: Service):
    service.app.state.webhook_targets = TARGETS
    for key in ("agency", "other agency"):
        assert (await service.post("/v1/webhooks", ASKED, key=key)).status_code == 201
    person, clock = await add_person(service, "he.ping", Duty.SECURITY), Clock()
    async with hall.seat() as seat, receiving() as receiver, service.workplace.connected() as connection:
        await seat.log_in(person)
        await seat.page.get_by_role("link", name="推送地址").first.click()
        await seat.page.locator(".tag", has_text="待批准").first.wait_for()
        await seat.picture("security-webhooks")
        await seat.accessible()
        await seat.page.get_by_role("row", name="GD-HR").get_by_role("link").click()
        await seat.page.get_by_role("heading", name="批准").wait_for()
        await seat.picture("security-webhook-new")
        await seat.accessible()
        await seat.press("批准")
        await seat.says("已批准")
        sender = sender_to(service, {"gw.guandu.example": receiver}, clock)
        await settle_all(sender, connection)
        check = await connection.fetchval("SELECT gen_random_uuid()")
        await happen(connection, change(), withdrawn(check))
        await settle_all(sender, connection)
        receiver.reply = failing(503)
        for number in range(8):
            await happen(connection, withdrawn(check, list_version=2 + number))
            await settle_all(sender, connection)
            clock.at += timedelta(hours=1)
        await seat.page.reload()
        await seat.says("推送失败")
        await seat.says("对方返回错误")
        await seat.picture("security-webhook-failing")
        await seat.accessible()
        receiver.reply = None
        await seat.press("测试推送")
        await seat.says("等待发送")
        await settle_all(sender, connection)
        await seat.page.reload()
        await seat.says("正常")
        await seat.press("关闭此推送地址")
        await seat.says("已关闭，不再推送")
        await seat.open("/webhooks?state=closed")
        await seat.page.get_by_role("row", name="GD-HR").wait_for()
        await seat.open("/webhooks?state=awaiting_approval")
        await seat.page.get_by_role("row", name="GD-EDU").wait_for()
