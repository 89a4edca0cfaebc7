"""Two security officers: one proposes a key or a catalogue, another approves; and a court's option for two people."""

import pytest

from blacklist_service.access.duties import Duty
from blacklist_service.console.app import install_console  # noqa: F401 - registers the pages
from tests.console.desk import Desk
from tests.members.staff.people import add_person
from tests.support import Service

pytest.importorskip("blacklist_service.proposals")


@pytest.fixture
def two_officers(service: Service):
    settings = service.app.state.settings
    service.app.state.settings = settings.model_copy(update={"second_officer": True})
    yield
    service.app.state.settings = settings


async def at_desk(service: Service, login: str) -> Desk:
    desk = Desk(service)
    await desk.log_in(await add_person(service, login, Duty.SECURITY))
    return desk


async def test_a_key_waits_for_another_officer(service: Service, two_officers: None):
    first, second = await at_desk(service, "he.ping"), await at_desk(service, "luo.yi")
    await first.open("/console/members/GD-HR")
    await first.submit("/members/GD-HR/keys", role="agency", days="90")
    assert "已提交，等待另一位安全管理员复核" in first.text
    assert "复核通过并生效" not in first.text
    proposal = first.address.partition("?")[0].rpartition("/")[2]
    await second.open("/console/")
    assert "签发密钥" in second.text
    await second.open(f"/console/officer-proposals/{proposal}")
    await second.submit(f"/officer-proposals/{proposal}/approval")
    assert second.page.status_code == 201, second.text
    assert "sxd_" in second.page.text
    await first.open("/console/officer-proposals")
    assert "已生效" in first.text


async def test_a_courts_option_is_set_and_deletions_are_never_two(service: Service):
    desk = await at_desk(service, "he.ping")
    await desk.open("/console/members/GD-COURT")
    assert "双人复核" in desk.text
    await desk.submit("/members/GD-COURT/options", **{"persons-extend": "1", "persons-publish": "2"})
    assert desk.page.status_code == 200, desk.text
    [row] = await service.fetch("SELECT persons FROM court_options WHERE act = 'extend'")
    assert row["persons"] == 1
