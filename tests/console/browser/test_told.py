"""Pages that say who was told, on wide and narrow screens, in both languages."""

from datetime import timedelta

from blacklist_service.access.duties import Duty
from tests.console.browser.conftest import Hall, Seat
from tests.journeys.test_life_of_a_listing import LISTED, act, publish
from tests.members.staff.people import Person, add_person
from tests.support import Service, day, question, subject
from tests.watches.following import follow
from tests.webhooks.receiver import (
    LONGEST,
    Clock,
    change,
    failing,
    happen,
    open_hook,
    receiving,
    sender_to,
    settle_all,
)


async def test_a_court_a_unit_and_the_committee_see_who_was_told(hall: Hall, service: Service):
    listing_id, hook = await withdraw_what_two_units_were_answered_by(service)
    places = (
        (await add_person(service, "jing.ban", Duty.MAKER), f"/listings/{listing_id}/told", "court-told", "告知情况"),
        (await add_person(service, "chuang.kou", Duty.WINDOW), f"/webhooks/{hook}", "window-webhook", "送达记录"),
        (await add_person(service, "du.cha", Duty.SUPERVISOR), "/untold", "supervisor-untold", "未告知的变动"),
    )
    for person, path, name, heading in places:
        await look(hall, person, path, name, heading)


async def look(hall: Hall, person: Person, path: str, name: str, heading: str) -> None:
    async with hall.seat() as seat:
        await seat.log_in(person)
        for language in ("zh", "en"):
            for width in (1440, 320):
                await seat.page.set_viewport_size({"width": width, "height": 900})
                await seat.open(path)
                if language == "zh":
                    await seat.page.get_by_role("heading", name=heading).first.wait_for()
                await seat.picture(f"{name}-{language}-{width}")
                await seat.accessible()
                assert not await overflows(seat), (path, language, width)
            await seat.page.get_by_role("button", name="English" if language == "zh" else "中文").click()


async def overflows(seat: Seat) -> bool:
    wide: bool = await seat.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return wide


async def withdraw_what_two_units_were_answered_by(service: Service) -> tuple[str, str]:
    """One of them knows; the other's endpoint was silent for all the days. Return the listing and that webhook."""
    hook, _ = await open_hook(service)
    clock = Clock()
    listing = await publish(service)
    for key in ("agency", "agency", "other agency"):
        await service.post("/v1/checks", question(subject("张三", LISTED)), key=key)
    async with receiving() as receiver, service.workplace.connected() as connection:
        sender = sender_to(service, {"gw.guandu.example": receiver}, clock)
        await settle_all(sender, connection)
        await happen(connection, change())
        await settle_all(sender, connection)
        receiver.reply = failing(503)
        await act(service, listing, "withdrawal", {"reason": "不是被执行人", "decided_on": day()})
        await follow(service)
        await connection.execute("UPDATE watch_withdrawals SET withdrawn_at = withdrawn_at - interval '2 minutes'")
        await follow(service)
        await settle_all(sender, connection)
        clock.at += LONGEST + timedelta(hours=1)
        await sender.tend(connection)
        await happen(connection, change())
        receiver.reply = failing(204)
        await settle_all(sender, connection)
    await service.post("/v1/watch-events/acknowledgement", {"through": 1}, key="other agency")
    return listing["listing_id"], hook
