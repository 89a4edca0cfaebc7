"""Pages that say whom a withdrawal reached, how a unit's own webhooks fare, and which units were not told."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from blacklist_service.access.duties import Duty
from blacklist_service.access.scopes import Role
from blacklist_service.clock import now
from blacklist_service.members.rules import MemberKind
from blacklist_service.watches.rules import EVENTS_KEPT
from blacklist_service.webhooks.forgetting import forget
from tests.console.desk import Desk
from tests.journeys.test_life_of_a_listing import LISTED, act, publish
from tests.members.staff.people import add_person
from tests.support import Service, day, question, subject
from tests.watches.following import follow
from tests.webhooks.receiver import change, failing, happen, open_hook, receiving, sender_to, settle_all

HOST = "gw.guandu.example"
WITHDRAWAL = {"reason": "名单中的人不是被执行人", "decided_on": day()}


async def test_a_court_sees_who_was_told_of_a_withdrawal_and_who_was_not(service: Service):
    listing = await publish(service)
    for key in ("agency", "other agency"):
        asked = await service.post("/v1/checks", question(subject("张三", LISTED)), key=key)
        assert asked.json()["decision"] == "block"
    listing_id = listing["listing_id"]
    path = f"/v1/listings/{listing_id}/withdrawal/told"
    assert (await service.get(path, key="court")).status_code == 404
    await act(service, listing, "withdrawal", WITHDRAWAL)
    assert (await service.get(path, key="court")).json()["complete"] is False
    await follow(service)
    await look_a_last_time(service)
    assert await told(service, path) == {"GD-HR": (1, 0), "GD-EDU": (1, 0)}
    desk = Desk(service)
    await desk.log_in(await add_person(service, "maker", Duty.MAKER, member="GD-COURT"))
    await desk.open(f"/console/listings/{listing_id}/told")
    assert "2 个单位尚未全部告知" in desk.text
    for key in ("agency", "other agency"):
        await service.post("/v1/watch-events/acknowledgement", {"through": 1}, key=key)
        shown = (await service.get(path, key="court")).json()["items"]
        assert [one["told_at"] is not None for one in shown] == ([False, True] if key == "agency" else [True, True])
    await desk.open(f"/console/listings/{listing_id}")
    assert f"/console/listings/{listing_id}/told" in desk.page.text
    await desk.open(f"/console/listings/{listing_id}/told")
    assert "有关单位均已告知" in desk.text


async def test_another_court_is_told_nothing_of_it(service: Service):
    listing = await publish(service)
    await act(service, listing, "withdrawal", WITHDRAWAL)
    path = f"/v1/listings/{listing['listing_id']}/withdrawal/told"
    await service.add_member("GD-COURT-2", MemberKind.COURT, court_code="云0112")
    service.keys["other court"] = await service.add_key("GD-COURT-2", Role.COURT)
    assert (await service.get(path, key="other court")).status_code == 404
    assert (await service.get(path, key="agency")).status_code == 403


async def test_a_units_own_people_see_its_addresses_and_have_what_was_given_up_told_again(service: Service):
    hook, _ = await open_hook(service)
    other, _ = await open_hook(service, "edu.guandu.example", key="other agency")
    async with receiving() as receiver, service.workplace.connected() as connection:
        sender = sender_to(service, {HOST: receiver, "edu.guandu.example": receiver})
        await settle_all(sender, connection)
        receiver.reply = failing(500)
        await happen(connection, change())
        await settle_all(sender, connection)
        await connection.execute("UPDATE webhook_deliveries SET state = 'dead', settled_at = now()")
        desk = Desk(service)
        await desk.log_in(await add_person(service, "wang.li", Duty.WINDOW))
        await desk.open("/console/webhooks")
        assert HOST in desk.text
        assert "edu.guandu.example" not in desk.text
        assert (await desk.open(f"/console/webhooks/{other}")).status_code == 404
        await desk.open(f"/console/webhooks/{hook}")
        assert "1 项变动多日未能送达" in desk.text
        assert "批准后系统即向" not in desk.text
        assert f"/webhooks/{hook}/closure" not in desk.page.text
        await desk.submit(f"/webhooks/{hook}/replay")
        assert "已安排重新推送" in desk.text
    assert (await service.get(f"/v1/webhooks/{hook}")).json()["deliveries"]["pending"] == 1
    [entry] = await service.fetch("SELECT operator FROM ledger_entries WHERE action = 'webhook_replayed'")
    assert entry["operator"]


async def test_a_units_own_people_neither_approve_nor_close_an_address(service: Service):
    hook, _ = await open_hook(service)
    desk = Desk(service)
    await desk.log_in(await add_person(service, "wang.li", Duty.WINDOW))
    for path in ("approval", "closure"):
        await desk.open(f"/console/webhooks/{hook}")
        token = desk.page.text.split('name="token" value="')[1].split('"')[0]
        assert (await desk.send("POST", f"/console/webhooks/{hook}/{path}", {"token": token})).status_code == 403
    assert UUID((await service.get(f"/v1/webhooks/{hook}")).json()["webhook_id"]) == UUID(hook)


async def test_the_committee_sees_which_units_were_not_told(service: Service):
    async with service.workplace.connected() as connection:
        desk = Desk(service)
        await desk.log_in(await add_person(service, "committee", Duty.SUPERVISOR, member="GD-AUDIT"))
        await desk.open("/console/untold")
        assert "有变动的单位都已告知" in desk.text
        await happen(connection, change(), change())
    await desk.open("/console/untold")
    assert "未登记，由单位自行查询" in desk.text


async def test_a_unit_that_never_acknowledged_what_is_forgotten_sees_what_came_since(service: Service):
    await open_hook(service)
    async with receiving() as receiver, service.workplace.connected() as connection:
        sender = sender_to(service, {HOST: receiver})
        await settle_all(sender, connection)
        await happen(connection, change(), change())
        await settle_all(sender, connection)
        await sender.tend(connection)
        assert await forget(connection, at=now() + EVENTS_KEPT + timedelta(days=1)) == 2
        await happen(connection, change())
    desk = Desk(service)
    await desk.log_in(await add_person(service, "wang.li", Duty.WINDOW))
    assert "报名-1" in desk.text
    assert (await desk.open("/console/watches/events")).status_code == 200


async def told(service: Service, path: str) -> dict[str, tuple[Any, ...]]:
    shown = (await service.get(path, key="court")).json()
    assert shown["complete"] is True
    return {one["agency"]: (one["checks"], one["told"]) for one in shown["items"]}


async def look_a_last_time(service: Service) -> None:
    """As if a minute had passed since the withdrawal."""
    async with service.workplace.connected() as connection:
        await connection.execute("UPDATE watch_withdrawals SET withdrawn_at = withdrawn_at - interval '2 minutes'")
    await follow(service)
