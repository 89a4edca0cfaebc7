"""An installation that follows another's list: it stops the same people, and notices what it missed."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from blacklist_service import clock
from blacklist_service.access.scopes import Role
from blacklist_service.cli import asking, following
from blacklist_service.cli.environment import bring_up
from blacklist_service.cli.following import FeedPage, Upstream, follow_to_now, follower_of
from blacklist_service.database.connections import connect
from blacklist_service.database.restarts import restart_versions
from blacklist_service.ledger.notes import VerifierKey
from blacklist_service.ledger.signing import SealingPlace
from blacklist_service.listings.following import applying
from blacklist_service.listings.following.applying import FollowingRefusedError
from blacklist_service.listings.stating import Stating
from blacklist_service.members.operations import register_follower
from blacklist_service.members.rules import MemberKind
from blacklist_service.secrecy import Secrecy, SecretKeyError
from blacklist_service.settings import Settings
from tests.conftest import Databases
from tests.journeys.test_suspension import RESUMPTION, SUSPENSION, act
from tests.ledger.sealing import begin, sequencer_of
from tests.support import COURT_CODE, TEST, Service, day, listening, resident_id, row, serving, subject

OTHER = Secrecy(bytes(range(32, 64)))
ZHANG, LI = resident_id(11), resident_id(12)
PROVINCE = "PROVINCE"


@dataclass
class World:
    """A nation and a province on databases and secrets of their own."""

    nation: Service
    province: Service
    place: SealingPlace
    upstream: Upstream
    said: list[str] = field(default_factory=list)

    async def state(self) -> None:
        """As the nation's worker and sealer do each minute; statements are to the second, and each later than the last."""
        async with self.nation.workplace.connected() as connection:
            await Stating(connection).say()
        sequencer = await sequencer_of(self.nation.workplace.dsn, self.place)
        try:
            assert await sequencer.state_list()
        finally:
            await sequencer.connection.close()

    async def follow(self, upstream: Upstream | None = None, *, is_anew: bool = False) -> None:
        await self.state()
        await following.follow_for_ever(
            self.province.workplace, upstream or self.upstream, every_seconds=0, is_anew=is_anew, say=self.said.append
        )

    async def decide(self, name: str, number: str | None = None) -> str:
        return await self.province.decide(subject(name, number))


@pytest.fixture(scope="session")
async def provincial(databases: Databases) -> str:
    name = await databases.take("template1")
    await bring_up(databases.at(name), OTHER)
    return name


@pytest.fixture
async def world(
    service: Service, dsn: str, databases: Databases, provincial: str, tmp_path: Path
) -> AsyncIterator[World]:
    place = await begin(dsn, tmp_path)
    private_key = X25519PrivateKey.generate()
    await service.add_member(PROVINCE, MemberKind.AGENCY)
    async with service.workplace.connected() as connection, connection.transaction():
        public_key = private_key.public_key().public_bytes_raw()
        await register_follower(connection, PROVINCE, public_key, actor=TEST, secrecy=service.workplace.secrecy)
    key = await service.add_key(PROVINCE, Role.FOLLOWER)
    vkey = VerifierKey.parse((await service.get("/v1/ledger/vkey")).text)
    name = await databases.take(provincial)
    settings = Settings(data_dir=tmp_path / "province", check_deadline_ms=10_000)
    settings.data_dir.mkdir()
    async with (
        listening(service) as port,
        serving(settings, databases.at(name), OTHER, keys={}) as province,
    ):
        await province.add_member("PROV-HR", MemberKind.AGENCY)
        province.keys["agency"] = await province.add_key("PROV-HR", Role.AGENCY)
        yield World(service, province, place, Upstream(asked_at(f"http://127.0.0.1:{port}", key), (vkey,), private_key))
    databases.drop(name)


def asked_at(url: str, key: str) -> asking.ServiceAddress:
    return asking.ServiceAddress(url, key, timeout_seconds=60, most_bytes=64 << 20)


async def listing_of(world: World, name: str) -> str:
    [found] = await world.nation.fetch("SELECT id FROM listings WHERE debtor_name = $1", name)
    return str(found["id"])


async def forget_the_second(nation: Service) -> None:
    """As if the nation had been restored to its first version."""
    owner = await connect(nation.workplace.dsn, role=None)
    async with owner.transaction():
        await owner.execute("DELETE FROM listing_versions WHERE list_version = 2")
        await owner.execute("DELETE FROM subject_keys WHERE from_version = 2")
        await owner.execute("DELETE FROM listings WHERE list_version = 2")
        await owner.execute("UPDATE heads SET version = 1 WHERE name = 'list'")
        await restart_versions(owner)
    await owner.close()


async def shown(service: Service) -> list[dict[str, Any]]:
    """The public list but for what each list counts itself: versions."""
    lines = (await service.get("/v1/publication")).text.splitlines()
    found = [json.loads(line) for line in lines]
    return [{name: value for name, value in one.items() if name not in {"version", "list_version"}} for one in found]


async def test_who_is_listed_above_is_stopped_below(world: World):
    company = {"kind": "organisation", "identifier_type": "uscc", "identifier_number": "91530111MA6K5LA05X"}
    people = {"legal_representative": "王五", "legal_representative_number": LI}
    await world.nation.load_rows(
        row(name="张三", identifier_number=ZHANG, obligation="还款；电话 13800000000", served_on=day(-32)),
        row(name="无号", identifier_number=None, identifier_type=None),
        row(name="李?", identifier_number=LI),
        row(name="赵六", identifier_number="530111********0017", identifier_type=None),
        row(name="钱七", identifier_number="530111198503170016"),
        row(
            name="外国人",
            identifier_type="passport",
            identifier_number="E12345678",
            expires_on=None,
            circumstances="C1",
        ),
        row(name="某建设有限公司", **company, **people),
    )
    await world.follow()
    assert await shown(world.province) == await shown(world.nation)
    assert [
        await world.decide("张三", ZHANG),
        await world.decide("张三", resident_id(13)),
        await world.decide("无号"),
    ] == [
        "block",
        "clear",
        "flag",
    ]
    answer = await world.province.check(subject("张三", ZHANG))
    [match] = answer["subjects"][0]["matches"]
    assert (match["identity"], match["listing"]["court"]) == ("exact", "昆明市官渡区人民法院")
    entries = await world.province.fetch("SELECT leaf FROM ledger_entries WHERE action = 'listing_published'")
    assert len(entries) == 7
    assert all(json.loads(one["leaf"])["facts"]["origin"] == world.upstream.origin for one in entries)


async def test_what_becomes_of_a_listing_above_becomes_of_it_below(world: World):
    await world.nation.load_rows(row(name="张三", identifier_number=ZHANG), row(name="李四", identifier_number=LI))
    await world.follow()
    listing, seen = await listing_of(world, "张三"), []
    for name, body in (
        ("suspension", SUSPENSION),
        ("resumption", RESUMPTION),
        ("extension", {"expires_on": day(900), "decided_on": day(), "reason": "延长"}),
        ("dispute", {"state": "filed", "filed_on": day()}),
        ("identity-contest", {"reason": "同名"}),
        ("withdrawal", {"reason": "错误纳入", "decided_on": day()}),
    ):
        await act(world.nation, listing, name, body)
        await world.follow()
        seen.append(await world.decide("张三", ZHANG))
        assert await shown(world.province) == await shown(world.nation), name
    assert seen == ["clear", "block", "block", "block", "flag", "clear"]
    assert await world.decide("李四", LI) == "block"


async def test_what_expired_here_while_nobody_followed_is_put_back(world: World):
    await world.nation.load_rows(row(name="张三", identifier_number=ZHANG, expires_on=day(1)))
    await world.follow()
    async with world.province.workplace.connected() as connection:
        await connection.execute("UPDATE listings SET expires_on = expires_on - 3")
        await world.province.do_calendar_round(connection)
    assert await world.decide("张三", ZHANG) == "clear"
    longer = {"expires_on": day(900), "decided_on": day(), "reason": "延长"}
    await act(world.nation, await listing_of(world, "张三"), "extension", longer)
    await world.follow()
    assert await world.decide("张三", ZHANG) == "block"


async def test_a_court_that_is_a_member_below_speaks_for_itself(world: World):
    await world.province.add_member("GD-COURT", MemberKind.COURT, court_code=COURT_CODE)
    await world.nation.load_rows(row(name="张三", identifier_number=ZHANG))
    await world.follow()
    assert await world.province.fetch("SELECT FROM listings") == []
    assert "verified at 1: 1 listings" in world.said


async def test_nobody_else_can_read_a_page(world: World):
    await world.nation.load_rows(row(name="张三", identifier_number=ZHANG))
    for key, status in (("agency", 403), ("court", 403), (world.upstream.service.api_key, 200)):
        answer = await world.nation.get("/v1/changes/sealed", key=key, after=0)
        assert answer.status_code == status
        assert "张三" not in answer.text
        assert ZHANG not in answer.text
    unregistered = await world.nation.add_key("GD-HR", Role.FOLLOWER)
    assert (await world.nation.get("/v1/changes/sealed", key=unregistered)).json()["code"] == "follower-unknown"
    page = await asyncio.to_thread(world.upstream.page, 0)
    assert page.items[0]["listing"]["numbers"]["identifier"] == ZHANG
    stranger = Upstream(world.upstream.service, world.upstream.keys, X25519PrivateKey.generate())
    with pytest.raises(SecretKeyError):
        await asyncio.to_thread(stranger.page, 0)


async def test_of_what_has_ended_nothing_leaves_but_that_it_has(world: World):
    await world.nation.load_rows(row(name="张三", identifier_number=ZHANG))
    ending = {"reason": "错误纳入", "decided_on": day()}
    await act(world.nation, await listing_of(world, "张三"), "withdrawal", ending)
    page = await asyncio.to_thread(world.upstream.page, 0)
    assert [(one["is_listed"], one["ended"], one["listing"]) for one in page.items] == [
        (True, "withdrawn", None),
        (False, "withdrawn", None),
    ]
    await world.follow()
    assert await world.province.fetch("SELECT FROM listings") == []


async def test_a_change_that_is_left_out_is_found_out(world: World, monkeypatch: pytest.MonkeyPatch):
    await world.nation.load_rows(row(name="张三", identifier_number=ZHANG), row(name="李四", identifier_number=LI))
    whole = Upstream.page

    def lacking(self: Upstream, after: int) -> FeedPage:
        page = whole(self, after)
        return FeedPage(page.items[1:], page.next, page.list_version, page.more)

    monkeypatch.setattr(Upstream, "page", lacking)
    with pytest.raises(FollowingRefusedError, match="out of step"):
        await world.follow()
    monkeypatch.undo()
    with pytest.raises(FollowingRefusedError, match="out of step"):
        await world.follow()
    await world.follow(is_anew=True)
    assert await shown(world.province) == await shown(world.nation)


async def test_a_gap_between_pages_is_refused(world: World):
    await world.nation.load_rows(row(name="张三", identifier_number=ZHANG))
    async with world.province.workplace.connected() as connection:
        follower = await follower_of(connection, world.province.workplace, world.upstream.origin)
        await follower.take_up()
        page = await asyncio.to_thread(world.upstream.page, 0)
        for after, cursor in ((1, 2), (0, 0)):
            with pytest.raises(FollowingRefusedError):
                await follower.apply(page.items, after=after, cursor=cursor)
        with pytest.raises(FollowingRefusedError):
            await follower.apply([*page.items, *page.items], after=0, cursor=1)
        assert await connection.fetchval("SELECT count(*) FROM listings") == 0


async def test_an_older_an_old_and_an_unsigned_statement_are_refused(world: World, monkeypatch: pytest.MonkeyPatch):
    await world.nation.load_rows(row(name="张三", identifier_number=ZHANG))
    await world.follow()
    async with world.province.workplace.connected() as connection:
        follower = await follower_of(connection, world.province.workplace, world.upstream.origin)
        await connection.execute("UPDATE followed_lists SET stated_at = stated_at + interval '1 minute'")
        with pytest.raises(FollowingRefusedError, match="older than before"):
            await follow_to_now(follower, world.upstream, say=world.said.append)
        await connection.execute("UPDATE followed_lists SET stated_at = stated_at - interval '1 minute'")
        real = clock.now
        for late, why in ((timedelta(hours=2), "too old"), (-timedelta(hours=1), "future")):
            monkeypatch.setattr(following, "now", lambda late=late: real() + late)
            with pytest.raises(FollowingRefusedError, match=why):
                await follow_to_now(follower, world.upstream, say=world.said.append)
        monkeypatch.undo()
        stranger = VerifierKey(world.upstream.origin, bytes(32))
        foreign = Upstream(world.upstream.service, (stranger,), world.upstream.private_key)
        with pytest.raises(FollowingRefusedError, match="not signed"):
            await follow_to_now(follower, foreign, say=world.said.append)


async def test_a_nation_that_was_restored_is_followed_anew(world: World):
    await world.nation.load_rows(row(name="张三", identifier_number=ZHANG))
    await world.nation.load_rows(row(name="李四", identifier_number=LI))
    await world.follow()
    await forget_the_second(world.nation)
    await world.nation.load_rows(row(name="王五", identifier_number=resident_id(13)))
    with pytest.raises(FollowingRefusedError, match="restored"):
        await world.follow()
    assert await world.decide("李四", LI) == "block", "nothing is taken off before the new list is proved"
    await world.follow(is_anew=True)
    assert [await world.decide("张三", ZHANG), await world.decide("李四", LI)] == ["block", "clear"]
    assert await world.decide("王五", resident_id(13)) == "block"
    await world.follow()


async def test_a_province_that_was_restored_goes_on_where_it_was(world: World, databases: Databases):
    await world.nation.load_rows(row(name="张三", identifier_number=ZHANG))
    await world.follow()
    world.province.app.state.shares.terminate()
    name = urlsplit(world.province.workplace.dsn).path.removeprefix("/")
    owner = await connect(world.nation.workplace.dsn, role=None)
    await owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
    await owner.close()
    backup = await databases.take(name)
    settings = world.province.workplace.settings
    await act(world.nation, await listing_of(world, "张三"), "suspension", SUSPENSION)
    await world.nation.load_rows(row(name="李四", identifier_number=LI))
    await world.follow()
    keys = world.province.keys
    async with serving(settings, databases.at(backup), OTHER, keys=keys) as restored:
        world.province = restored
        assert await world.decide("张三", ZHANG) == "block"
        await world.follow()
        assert [await world.decide("张三", ZHANG), await world.decide("李四", LI)] == ["clear", "block"]
    databases.drop(backup)


async def test_killed_at_any_moment_it_misses_nothing(world: World, tmp_path: Path):
    (tmp_path / "vkey").write_text(world.upstream.keys[0].text + "\n")
    (tmp_path / "api-key").write_text(world.upstream.service.api_key)
    encoded = subprocess.check_output(["base64", "-w0"], input=world.upstream.private_key.private_bytes_raw())
    place = world.province.workplace.settings.data_dir / "follower.key"
    place.touch(0o600)
    place.write_bytes(encoded)
    secret = subprocess.check_output(["base64", "-w0"], input=bytes(range(32, 64))).decode()
    environment = os.environ | {
        "BLACKLIST_DATABASE_URL": world.province.workplace.dsn,
        "BLACKLIST_SECRET_KEY": secret,
        "BLACKLIST_DATA_DIR": str(world.province.workplace.settings.data_dir),
    }
    command = [sys.executable, "-m", "blacklist_service", "follow", world.upstream.service.url, "--every", "0.01"]
    command += ["--vkey", str(tmp_path / "vkey"), "--key", f"@{tmp_path / 'api-key'}"]
    choose = random.Random(5)
    for kill in range(2):
        for number in range(2):
            await world.nation.load_rows(*(row(name=f"赵{kill}{number}{one}") for one in range(20)))
        [first] = await world.nation.fetch("SELECT id FROM listings WHERE ended IS NULL ORDER BY id LIMIT 1")
        await act(world.nation, str(first["id"]), "withdrawal", {"reason": "错误纳入", "decided_on": day()})
        await world.state()
        process = await asyncio.create_subprocess_exec(*command, env=environment, stderr=subprocess.PIPE)
        assert process.stderr is not None
        said = await process.stderr.readline()
        assert said.startswith(b"followed to"), said
        await asyncio.sleep(choose.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        await process.wait()
    await world.follow()
    assert await shown(world.province) == await shown(world.nation)
    made = await world.province.fetch("SELECT listing_id FROM listing_versions WHERE version = 1")
    assert len(made) == len({one["listing_id"] for one in made}) >= 2 * 2 * 20 - 2


async def test_what_was_passed_by_comes_in_when_what_stood_in_its_place_has_ended(world: World):
    """The operator had loaded a file of a court that is no member here: its listing stands in the place of the one above."""
    same = row(name="张三", identifier_number=ZHANG)
    await world.province.load_rows(same)
    await world.nation.load_rows(same)
    await world.follow()
    assert len(await world.province.fetch("SELECT FROM listings")) == 1
    await world.province.load_rows(same | {"action": "withdraw", "decided_on": day()})
    assert await world.decide("张三", ZHANG) == "clear"
    await world.follow()
    assert await world.decide("张三", ZHANG) == "block"
    assert await shown(world.province) == await shown(world.nation)
    await world.follow()
    await act(world.nation, await listing_of(world, "张三"), "withdrawal", {"reason": "错误纳入", "decided_on": day()})
    await world.follow()
    assert await world.decide("张三", ZHANG) == "clear"


async def test_a_place_that_is_taken_is_no_reason_to_stop(world: World):
    """A listing moves, by a correction above, to the place of one that stands here: it follows when that has ended."""
    case, taken = row(name="张三", identifier_number=ZHANG), row(name="张三", identifier_number=LI)
    taken |= {name: case[name] for name in ("case_number", "decision_number")}
    await world.province.load_rows(taken)
    await world.nation.load_rows(case)
    await world.follow()
    await world.nation.load_rows(taken | {"action": "correct"})
    await world.follow()
    assert [await world.decide("张三", ZHANG), await world.decide("张三", LI)] == ["block", "block"]
    await world.province.load_rows(taken | {"action": "withdraw", "decided_on": day()})
    await world.follow()
    assert await world.decide("张三", LI) == "block"
    assert await shown(world.province) == await shown(world.nation)


async def test_what_a_file_here_ends_of_the_list_above_is_put_back_within_the_hour(world: World):
    same = row(name="张三", identifier_number=ZHANG)
    await world.nation.load_rows(same)
    await world.follow()
    await world.province.load_rows(same | {"action": "withdraw", "decided_on": day()})
    assert await world.decide("张三", ZHANG) == "clear"
    await world.province.fetch("UPDATE followed_lists SET verified_at = verified_at - interval '1 hour' RETURNING 1")
    await world.follow()
    assert await world.decide("张三", ZHANG) == "block"
    assert await shown(world.province) == await shown(world.nation)


async def test_a_court_that_joined_later_speaks_for_itself(world: World):
    same = row(name="张三", identifier_number=ZHANG)
    await world.nation.load_rows(same)
    await world.follow()
    await world.province.add_member("GD-COURT", MemberKind.COURT, court_code=COURT_CODE)
    await world.province.load_rows(same | {"action": "withdraw", "decided_on": day()})
    longer = {"expires_on": day(900), "decided_on": day(), "reason": "延长"}
    await act(world.nation, await listing_of(world, "张三"), "extension", longer)
    await world.follow()
    await world.province.fetch("UPDATE followed_lists SET verified_at = verified_at - interval '1 hour' RETURNING 1")
    await world.follow()
    assert await world.decide("张三", ZHANG) == "clear"


async def test_what_a_restore_above_forgot_of_a_court_that_joined_is_the_courts_own(world: World):
    await world.nation.load_rows(row(name="李四", identifier_number=LI))
    await world.nation.load_rows(row(name="张三", identifier_number=ZHANG))
    await world.follow()
    await world.province.add_member("GD-COURT", MemberKind.COURT, court_code=COURT_CODE)
    await forget_the_second(world.nation)
    await world.follow(is_anew=True)
    assert await world.decide("张三", ZHANG) == "block"


async def test_who_was_published_anew_after_a_restore_above_is_not_missed(world: World):
    """The same debtor in the same case, under another id: the one of the lost history makes room."""
    await world.nation.load_rows(row(name="李四", identifier_number=LI))
    same = row(name="张三", identifier_number=ZHANG)
    await world.nation.load_rows(same)
    await world.follow()
    before = await listing_of(world, "张三")
    await forget_the_second(world.nation)
    await world.nation.load_rows(same)
    assert await listing_of(world, "张三") != before
    await world.follow(is_anew=True)
    assert await world.decide("张三", ZHANG) == "block"
    assert await shown(world.province) == await shown(world.nation)


async def test_others_get_the_lists_lock_in_between(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(applying, "SLICE", 2)
    await world.nation.load_rows(*(row(name=f"张{one}", identifier_number=resident_id(one)) for one in range(5)))
    await world.follow()
    made = "SELECT count(DISTINCT at) AS moments FROM listing_versions WHERE act = $1"
    assert [one["moments"] for one in await world.province.fetch(made, "published")] == [3]
    await world.province.fetch("UPDATE followed_listings SET list_version = 0 RETURNING 1")
    async with world.province.workplace.connected() as connection:
        follower = await follower_of(connection, world.province.workplace, world.upstream.origin)
        await follower.take_off_what_is_gone()
    assert [one["moments"] for one in await world.province.fetch(made, "suspended")] == [3]
    assert await world.province.fetch("SELECT FROM listings WHERE suspended_on IS NULL") == []


async def test_many_changes_take_as_many_statements_as_few(world: World):
    """First copies, corrections, suspensions and endings alike. The first of all learns types from the server besides."""
    rows = [row(name=f"张{one}", identifier_number=resident_id(one)) for one in range(24)]
    few, many = rows[:4], rows[4:]
    counted = []
    async with world.province.workplace.connected() as connection:
        follower = await follower_of(connection, world.province.workplace, world.upstream.origin)
        await follower.take_up()
        statements: list[str] = []
        connection.add_query_logger(lambda query: statements.append(query.query))
        after = 0
        for change in (
            {},
            {"action": "correct", "performance": "部分未履行"},
            {"action": "suspend"},
            {"action": "withdraw"},
        ):
            for part in (few, many):
                await world.nation.load_rows(*(one | change for one in part))
                page = await asyncio.to_thread(world.upstream.page, after)
                assert len(page.items) == len(part), change
                statements.clear()
                await follower.apply(page.items, after=after, cursor=page.next)
                after = page.next
                counted.append(len(statements))
    assert all(many <= few for few, many in zip(counted[::2], counted[1::2], strict=True)), counted
