"""The court's pages: acts that are proposed, acts that take effect at once and are reviewed, and how errors are corrected."""

from typing import Any

from blacklist_service.access.duties import Duty
from blacklist_service.console.app import install_console  # noqa: F401 - registers the pages
from tests.console.desk import Desk
from tests.members.staff.people import add_person
from tests.proposals.desks import publication
from tests.support import Service, day, resident_id, subject


async def test_a_resumption_is_proposed_returned_mended_and_approved(service: Service):
    listing, number = await listed(service)
    path = f"/listings/{listing}"
    maker, checker = await two(service)
    await maker.open(f"/console{path}/suspension")
    assert "事后复核" in maker.text
    await maker.submit(f"{path}/suspension", ground="other", decided_on=day(), reason="核实身份")
    assert "一个工作日内事后复核" in maker.text
    await checker.open("/console/reviews")
    assert "暂时屏蔽" in checker.text
    assert "核实身份" in checker.text
    await maker.open(f"/console{path}/resumption")
    assert "提交复核" in maker.text
    await maker.submit(f"{path}/resumption", decided_on=day(), reason="核实完毕")
    assert "已提交复核" in maker.text, maker.text
    assert await service.decide(subject("赵六", number)) == "clear"
    first = proposal_of(maker)
    await checker.open(f"/console/proposals/{first}")
    assert "核实完毕" in checker.text
    await checker.submit(f"/proposals/{first}/return", reason="请附裁定")
    await maker.open(f"/console{path}/resumption?from={first}")
    assert "核实完毕" in maker.page.text
    await maker.submit(f"{path}/resumption", decided_on=day(), reason="核实完毕，附裁定")
    second = proposal_of(maker)
    [kept] = await service.fetch("SELECT replaces FROM proposals WHERE id = $1", second)
    assert str(kept["replaces"]) == first
    await checker.open(f"/console/proposals/{second}")
    await checker.submit(f"/proposals/{second}/approval")
    assert "复核通过并已生效" in checker.text, checker.text
    assert await service.decide(subject("赵六", number)) == "block"


async def test_a_contest_is_at_once_and_lifted_by_two(service: Service):
    listing, number = await listed(service)
    path = f"/listings/{listing}"
    maker, checker = await two(service)
    await maker.open(f"/console{path}/identity-contest")
    await maker.submit(f"{path}/identity-contest", reason="号码系同名人员所有")
    assert await service.decide(subject("赵六", number)) == "flag"
    await maker.open(f"/console{path}/identity-contest-withdrawal")
    await maker.submit(f"{path}/identity-contest-withdrawal", reason="确系本人")
    proposal = proposal_of(maker)
    await checker.open("/console/proposals")
    assert "解除身份存疑" in checker.text
    await checker.open(f"/console/proposals/{proposal}")
    await checker.submit(f"/proposals/{proposal}/approval")
    assert await service.decide(subject("赵六", number)) == "block"


async def test_a_stop_notice_is_renewed_by_two(service: Service):
    identifier = {"type": "resident_id", "number": resident_id()}
    notice: dict[str, Any] = {
        "number": "(2026)云0111执91号之二",
        "case_number": "(2026)云0111执91号",
        "ruling_number": "(2026)云0111执91号之一",
        "agency": "GD-HR",
        "action": "stop_procedure",
        "valid_until": day(100),
        "subject": {"kind": "person", "name": "孙七", "identifier": identifier},
    }
    served = (await service.post("/v1/notices", notice, key="court")).json()
    path = f"/court/notices/{served['notice_id']}"
    maker, checker = await two(service)
    await maker.open(f"/console{path}")
    await maker.submit(f"{path}/renewal", valid_until=day(900 * 3), ruling_number="(2026)云0111执91号之五")
    assert maker.page.status_code == 422  # longer than the law lets it bind
    await maker.submit(f"{path}/renewal", valid_until=day(200), ruling_number="(2026)云0111执91号之五")
    assert "已提交复核" in maker.text, maker.text
    proposal = proposal_of(maker)
    await checker.open(f"/console/proposals/{proposal}")
    assert day(100) in checker.text
    assert day(200) in checker.text
    assert identifier["number"] not in checker.page.text
    await checker.submit(f"/proposals/{proposal}/approval")
    assert "复核通过并已生效" in checker.text, checker.text
    assert (await service.get(f"/v1/notices/{served['notice_id']}", key="court")).json()["valid_until"] == day(200)


STOP: dict[str, str] = {
    "notice_number": "(2026)云0111执93号之二",
    "case_number": "(2026)云0111执93号",
    "ruling_number": "(2026)云0111执93号之一",
    "action": "stop_procedure",
    "kind": "person",
    "name": "孙七",
    "type": "resident_id",
    "text": "请停止办理。",
}


async def test_who_serves_a_stop_notice_is_told_what_it_stops(service: Service):
    """A court that stops a recruitment in this way would believe it stopped: no check answers by it (design §7)."""
    maker, checker = await two(service)
    await service.fetch("UPDATE members SET matters = '{civil_service_recruitment}' WHERE code = 'GD-HR'")
    await maker.open("/console/court/notices/new")
    await maker.submit("/court/notices/new", **STOP, number=resident_id(), agency="GD-HR", step="check")
    assert "该单位没有凭此类通知停止的事项" in maker.text
    await service.fetch("UPDATE members SET matters = '{real_estate_transfer,honours_review}' WHERE code = 'GD-HR'")
    await maker.open("/console/court/notices/new")
    await maker.submit("/court/notices/new", **STOP, number=resident_id(), agency="GD-HR", step="check")
    assert "停止的事项 不动产转移登记" in " ".join(maker.text.split())
    await maker.submit("/court/notices/new", **STOP, number=resident_id(), agency="GD-HR", step="submit")
    await checker.open(f"/console/proposals/{proposal_of(maker)}")
    assert "停止的事项 不动产转移登记" in " ".join(checker.text.split())


async def test_a_wrong_number_on_a_notice_stands_beside_its_field(service: Service):
    maker, _ = await two(service)
    await maker.open("/console/court/notices/new")
    number = resident_id()
    wrong = number[:-1] + ("1" if number[-1] != "1" else "2")
    await maker.submit(
        "/court/notices/new",
        notice_number="(2026)云0111执92号之二",
        case_number="(2026)云0111执92号",
        ruling_number="(2026)云0111执92号之一",
        agency="GD-HR",
        action="stop_procedure",
        kind="person",
        name="孙七",
        type="resident_id",
        number=wrong,
        step="check",
    )
    assert maker.page.status_code == 422
    assert 'id="number-fault"' in maker.page.text
    assert 'href="#number"' in maker.page.text


async def test_what_has_ended_is_found_by_the_debtor_and_every_filter_counts(service: Service):
    maker, _ = await two(service)
    listing, number = await listed(service)
    asked = {"kind": "person", "name": "赵六", "type": "resident_id", "number": number}
    body = {"ground": "performed", "decided_on": day()}
    path = f"/v1/listings/{listing}/deletion"
    done = await service.client.post(path, json=body, headers=service.bearer("court") | {"If-Match": '"1"'})
    assert done.status_code == 200, done.text
    await maker.open("/console/listings")
    await maker.submit("/listings", **asked)
    assert f"/console/listings/{listing}" in maker.page.text
    await maker.submit("/listings", **asked, state="published")
    assert f"/console/listings/{listing}" not in maker.page.text
    await maker.submit("/listings", **asked, case_number="(2025)云0111执1号")
    assert f"/console/listings/{listing}" not in maker.page.text


async def listed(service: Service) -> tuple[str, str]:
    number = resident_id()
    response = await service.post("/v1/listings", publication(number), key="court")
    return response.json()["listing_id"], number


async def two(service: Service) -> tuple[Desk, Desk]:
    maker, checker = Desk(service), Desk(service)
    await maker.log_in(await add_person(service, "chen.jie", Duty.MAKER))
    await checker.log_in(await add_person(service, "lin.fang", Duty.CHECKER))
    return maker, checker


def proposal_of(desk: Desk) -> str:
    return desk.address.partition("?")[0].rpartition("/")[2]
