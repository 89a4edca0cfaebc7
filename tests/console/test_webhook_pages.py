"""A webhook is approved by a security officer who has just proved the second factor."""

from blacklist_service.access.duties import Duty
from tests.console.desk import Desk
from tests.members.staff.people import add_person, forget_code
from tests.support import Service
from tests.webhooks.receiver import TARGETS

ASKED = {"url": "http://gw.guandu.example:8080/events", "types": ["watch.decision_changed"]}


async def test_an_approval_needs_a_fresh_second_factor(service: Service):
    service.app.state.webhook_targets = TARGETS
    hook = (await service.post("/v1/webhooks", ASKED)).json()["webhook_id"]
    person, desk = await add_person(service, "he.ping", Duty.SECURITY), Desk(service)
    await desk.log_in(person)
    await service.fetch("UPDATE staff_sessions SET proved_at = now() - interval '6 minutes'")
    service.app.state.console.__init__(service.app.state)  # as if half a second had passed
    await desk.open(f"/console/webhooks/{hook}")
    await desk.submit(f"/webhooks/{hook}/approval", code="000000")
    assert desk.page.status_code == 403
    assert (await service.get(f"/v1/webhooks/{hook}")).json()["state"] == "awaiting_approval"
    await forget_code(service, person)
    await desk.open(f"/console/webhooks/{hook}")
    await desk.submit(f"/webhooks/{hook}/approval", code=person.code())
    assert "已批准" in desk.text
    assert (await service.get(f"/v1/webhooks/{hook}")).json()["state"] == "verifying"
