"""Clients that follow the list or the notices across a restore: they are told, and miss nothing silently."""

from pathlib import Path

from blacklist_service.database.connections import connect
from blacklist_service.database.restarts import STRIDE, is_version_known, restart_versions
from tests.support import Service, row


async def follow(service: Service, after: int):
    return await service.get("/v1/changes", key="agency", after=after)


async def test_a_version_that_was_never_given_out_is_gone(service: Service):
    await service.load_rows(row(), row())
    newest = (await follow(service, 0)).json()["list_version"]
    assert (await follow(service, newest)).status_code == 200
    for never in (newest + 1, newest + 10_000, 2**62):
        refused = await follow(service, never)
        assert (refused.status_code, refused.json()["code"]) == (410, "gone")
        assert "start anew" in refused.json()["detail"]


async def test_versions_jump_at_a_restore_and_what_the_lost_machine_gave_out_is_gone(service: Service):
    await service.load_rows(row())
    of_the_backup = (await follow(service, 0)).json()["list_version"]
    lost = [of_the_backup + number for number in (1, 2, 3)]
    owner = await connect(service.workplace.dsn, role=None)
    async with owner.transaction():
        await restart_versions(owner)
    await owner.close()
    for number in range(4):
        await service.load_rows(row(name=f"张{number}"))
    whole = (await follow(service, of_the_backup)).json()
    assert len({one["listing_id"] for one in whole["items"]}) == 4
    assert (whole["next"], whole["list_version"]) == (STRIDE + 4, STRIDE + 4)
    for version in lost:
        assert (await follow(service, version)).status_code == 410
    for known in (0, of_the_backup, STRIDE, whole["next"]):
        assert (await follow(service, known)).status_code == 200


async def test_a_second_restore_jumps_past_the_first(dsn: str, tmp_path: Path):
    owner = await connect(dsn, role=None)
    for _ in range(2):
        await restart_versions(owner)
    assert await owner.fetchval("SELECT version FROM heads WHERE name = 'list'") == 2 * STRIDE
    assert [await is_version_known(owner, "list", version) for version in (0, 1, STRIDE, STRIDE + 1, 2 * STRIDE)] == [
        True,
        False,
        True,
        False,
        True,
    ]
    assert not await is_version_known(owner, "notices", 5)
    await owner.close()
