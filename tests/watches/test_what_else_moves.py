"""What changes an answer beside the list: notices, the calendar, the catalogue, a unit's successor, a list that grows old."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from blacklist_service.access.scopes import Role
from blacklist_service.database.connections import connect
from blacklist_service.database.restarts import STRIDE, restart_versions
from blacklist_service.measures.operations import founding_catalogue
from blacklist_service.members.changes import succeed_member
from blacklist_service.settings import Settings
from tests.journeys.test_life_of_a_listing import LISTED, act, publish
from tests.journeys.test_notices import LAND, SELLER, land, serve  # noqa: F401 - a fixture
from tests.support import TEST, Service, day, resident_id, serving, subject
from tests.watches.following import MATTER, events, follow, put, told, watched

WHO = subject("张三", LISTED)
SELLING = subject("张三", SELLER, role="transferor")


async def shift(service: Service, *statements: str) -> None:
    """As if days had passed: nobody may wait for a calendar in a test."""
    async with service.workplace.connected() as connection:
        for statement in statements:
            await connection.execute(statement)


async def test_a_notice_served_and_released_is_told_to_its_addressee_alone(land: Service):  # noqa: F811
    for key in ("land", "agency"):
        await watched(land, SELLING, matter="real_estate_transfer", key=key)
    await follow(land)
    served = await serve(land)
    await follow(land)
    [event] = await events(land, key="land")
    assert (told(event), event["notices_version"]) == (("watch.decision_changed", "clear", "block", "notices"), 1)
    assert not await events(land)
    path = f"/v1/notices/{served['notice_id']}/release"
    assert (await land.post(path, {"reason": "已履行"}, key="court")).status_code == 200
    await follow(land)
    assert [told(one)[1:] for one in await events(land, key="land", after=1)] == [("block", "clear", "notices")]


async def test_a_notice_for_another_object_is_not_told_and_for_this_one_is(land: Service):  # noqa: F811
    await watched(land, SELLING, matter="real_estate_transfer", key="land", object="530111001001GB00001F00010001")
    await serve(land, object="530111001001GB00001F00010002")
    await follow(land)
    assert not await events(land, key="land")
    await serve(land, object="530111001001GB00001F00010001")
    await follow(land)
    assert [told(one)[1:3] for one in await events(land, key="land")] == [("clear", "block")]


async def test_a_notice_that_ends_by_the_calendar_is_told(land: Service):  # noqa: F811
    await serve(land, valid_until=day(3))
    await watched(land, SELLING, matter="real_estate_transfer", key="land")
    await follow(land)
    [watch] = await land.fetch("SELECT recheck_on FROM watches")
    assert watch["recheck_on"].isoformat() == day(4)
    await shift(
        land, "UPDATE notices SET valid_until = valid_until - 4", "UPDATE watches SET recheck_on = recheck_on - 4"
    )
    await follow(land)
    assert [told(one)[1:] for one in await events(land, key="land")] == [("block", "clear", "calendar")]
    [watch] = await land.fetch("SELECT recheck_on FROM watches")
    assert watch["recheck_on"] is None


async def test_a_term_that_ends_is_told_even_before_the_calendar_has_written_it(service: Service):
    await publish(service, expires_on=day(5))
    await watched(service, WHO)
    await follow(service)
    await shift(
        service, "UPDATE listings SET expires_on = expires_on - 6", "UPDATE watches SET recheck_on = recheck_on - 6"
    )
    await follow(service)
    assert [told(one)[1:] for one in await events(service)] == [("block", "clear", "calendar")]


async def test_who_takes_a_units_place_is_told_of_its_notices(land: Service):  # noqa: F811
    await serve(land)
    await watched(land, SELLING, matter="real_estate_transfer")
    await follow(land)
    async with land.workplace.connected() as connection, connection.transaction():
        await succeed_member(
            connection,
            LAND,
            successor="GD-HR",
            on=date.fromisoformat(day()),
            actor=TEST,
            secrecy=land.workplace.secrecy,
        )
    await follow(land)
    assert [told(one)[1:] for one in await events(land)] == [("clear", "block", "succession")]


async def applied(service: Service, catalogue: Any) -> None:
    tried = await service.client.put(
        "/v1/measures", params={"dry_run": "true"}, json=catalogue, headers=service.bearer("security")
    )
    path = f"/v1/measures?confirm={tried.json()['digest']}"
    assert (await put(service, path, catalogue, key="security")).status_code == 200


async def test_a_new_catalogue_is_told_and_what_it_no_longer_covers_ends(service: Service):
    service.keys["security"] = await service.add_key("GD-HR", Role.SECURITY)
    await publish(service)
    await watched(service, WHO)
    cleared = await watched(service, subject("李四", resident_id()))
    await follow(service)
    catalogue = founding_catalogue().model_dump(mode="json", by_alias=True)
    [matter] = [one for one in catalogue["matters"] if one["code"] == MATTER]
    for measure in matter["measures"]:
        measure["class"] = "restriction"
    await applied(service, catalogue)
    await follow(service)
    assert [told(one) for one in await events(service)] == [("watch.decision_changed", "block", "flag", "measures")]
    for measure in matter["measures"]:
        measure["kinds"] = ["organisation"]
    await applied(service, catalogue)
    await follow(service)
    ended = await events(service, after=1)
    assert sorted(told(one)[1:] for one in ended) == [("clear", None, "not_covered"), ("flag", None, "not_covered")]
    assert cleared["check_id"] in {one["watch_id"] for one in ended}
    assert not (await service.get("/v1/watches", state="open")).json()["items"]


async def test_a_measure_that_ends_on_a_day_ends_what_nothing_covers_any_more(service: Service):
    service.keys["security"] = await service.add_key("GD-HR", Role.SECURITY)
    await watched(service, WHO)
    await follow(service)
    catalogue = founding_catalogue().model_dump(mode="json", by_alias=True)
    [matter] = [one for one in catalogue["matters"] if one["code"] == MATTER]
    for measure in matter["measures"]:
        measure["valid_to"] = day(-1)
    await applied(service, catalogue)
    # As if the catalogue had been followed yesterday, the measures' last day.
    await shift(
        service,
        "UPDATE watch_cursor SET judged_on = judged_on - 1,"
        " measures_version = (SELECT version FROM heads WHERE name = 'measures')",
    )
    await follow(service)
    assert [told(one) for one in await events(service)] == [("watch.ended", "clear", None, "not_covered")]


async def test_after_its_last_day_it_ends_once_the_date_can_be_believed(service: Service):
    await watched(service, WHO, watch={"until": day()})
    await shift(service, "UPDATE watches SET until = until - 1")
    await publish(service)
    await follow(service)
    assert [told(one) for one in await events(service)] == [("watch.ended", "clear", None, "until")]


async def test_a_list_that_grows_old_tells_nobody_and_fed_again_nobody_either(
    service: Service, dsn: str, tmp_path: Path
):
    settings = Settings(data_dir=tmp_path, list_soft_age=3600)
    soft = timedelta(hours=1)
    async with serving(settings, dsn, service.workplace.secrecy, keys=service.keys) as strict:
        await publish(strict)
        await watched(strict, subject("李四", resident_id(4)))
        await watched(strict, WHO)
        await shift(strict, "UPDATE court_feeds SET alive_at = alive_at - interval '2 hours'")
        doubted = await watched(strict, subject("王五", resident_id(5)))
        assert (doubted["decision"], doubted["warnings"]) == ("flag", ["list-stale"])
        await shift(strict, "INSERT INTO watches_due (watch_id, cause, rank) SELECT id, 'list', 0 FROM watches")
        await follow(strict, soft=soft)
        assert not await events(strict)
        assert (await strict.post("/v1/list/heartbeat", {}, key="court")).status_code == 200
        await follow(strict, soft=soft)
        [event] = await events(strict)
        assert (told(event)[1:], event["watch_id"]) == (("flag", "clear", "freshness"), doubted["check_id"])


async def test_a_list_too_old_to_answer_by_leaves_watches_due(service: Service):
    await watched(service, WHO)
    await publish(service)
    await shift(service, "UPDATE court_feeds SET alive_at = alive_at - interval '2 hours'")
    with pytest.raises(Exception, match="fed"):
        await follow(service, hard=timedelta(hours=1))
    assert not await events(service)
    assert await service.fetch("SELECT FROM watches_due")
    await follow(service)
    assert [told(one)[1:] for one in await events(service)] == [("clear", "block", "list")]


async def test_a_watch_that_was_committed_after_its_change_was_followed_is_told(service: Service):
    """As a check that was decided before a publication, whose commit came after the worker had followed it."""
    await watched(service, WHO)
    await follow(service)
    [before] = await service.fetch("SELECT list_version FROM watch_cursor")
    await publish(service)
    await service.fetch("DELETE FROM watches_due RETURNING 1")
    await shift(
        service,
        "UPDATE watch_cursor SET list_version = (SELECT version FROM heads WHERE name = 'list')",
        "INSERT INTO watches_unprimed SELECT id, member_code, 0, 1, 0, (now() AT TIME ZONE 'UTC' + interval '8 hours')::date"
        " FROM watches",
    )
    await follow(service)
    assert [told(one)[1:] for one in await events(service)] == [("clear", "block", "list")]
    assert before["list_version"] == 0


async def test_a_race_that_left_a_listing_suspended_is_seen_by_its_version(service: Service):
    """A suspension closes no key: it is met through the listing's own version."""
    listing = await publish(service)
    await watched(service, WHO)
    done = await act(
        service, listing, "suspension", {"ground": "bankruptcy", "decided_on": day(), "reason": "裁定受理破产"}
    )
    await shift(
        service, f"UPDATE watch_cursor SET list_version = {done.json()['list_version']}"
    )  # followed before the watch was committed
    await follow(service)
    assert [told(one)[1:] for one in await events(service)] == [("block", "clear", "list")]


async def test_one_that_cannot_be_asked_keeps_no_other_waiting_and_is_tried_again(service: Service):
    broken, whole = await watched(service, WHO), await watched(service, WHO)
    await follow(service)
    [(sealed,)] = await service.fetch("SELECT question FROM watches WHERE id = $1", broken["check_id"])
    await service.fetch("UPDATE watches SET question = '\\x00' WHERE id = $1 RETURNING 1", broken["check_id"])
    await publish(service)
    await follow(service)
    assert [one["watch_id"] for one in await events(service)] == [whole["check_id"]]
    await service.fetch("UPDATE watches SET question = $2 WHERE id = $1 RETURNING 1", broken["check_id"], sealed)
    await follow(service)
    assert [one["watch_id"] for one in await events(service)] == [whole["check_id"], broken["check_id"]]


async def test_after_a_restore_no_sequence_comes_a_second_time(service: Service):
    await watched(service, WHO)
    listing = await publish(service)
    await follow(service)
    owner = await connect(service.workplace.dsn, role=None)
    await restart_versions(owner)
    await owner.close()
    assert (await service.get("/v1/watch-events", after=2)).status_code == 410
    await act(service, listing, "suspension", {"ground": "bankruptcy", "decided_on": day(), "reason": "裁定受理破产"})
    await follow(service)
    page = (await service.get("/v1/watch-events", after=1)).json()
    assert [one["sequence"] for one in page["items"]] == [STRIDE + 1]
    assert (await service.get("/v1/watch-events", after=2)).status_code == 410
